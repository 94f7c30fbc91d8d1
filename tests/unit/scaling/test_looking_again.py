"""When the next look is due: each minute while something may come of it, at the end of what holds it back, else when an
alarm tells.
"""

from typing import Any

import pytest

from headcount.model.scaling import Cooldowns, Evaluation, Limits, Panic, Policy, Step, Suspended
from headcount.model.scaling_state import MEASURED, Reading
from unit.scaling.policies import (
    NOW,
    Scaled,
    a_backlog,
    a_queue,
    a_scaling,
    a_series,
    a_step_policy,
    a_tracking,
    alarmed,
    decided,
    measured,
)

HIGH, CALM, LOW = measured(80.0), measured(50.0), measured(25.0)
NOT_QUITE_LOW = measured(44.0)  # below nine tenths of the target, and one task fewer would lift it above
STEP_OUT = a_step_policy(steps=(Step(lower=0, adjustment=2),))


def next_look(policy: Policy | tuple[Policy, ...], reading: Any, desired: int, **changed: Any) -> float | None:
    """How long after the decision the next one is due."""
    policies = policy if isinstance(policy, tuple) else (policy,)
    bounds = {name: changed.pop(name) for name in ("minimum", "maximum", "suspended") if name in changed}
    at = decided(a_scaling(*policies, **bounds), reading, desired, **changed).next_look_at
    return None if at is None else at - NOW


# -- nothing can come of it -------------------------------------------------------------------------------------------


def test_a_service_that_idles_at_its_minimum_is_left_alone_all_night() -> None:
    assert next_look(a_tracking(), LOW, 2, minimum=2) is None
    assert next_look(a_tracking(), NOT_QUITE_LOW, 2, minimum=2) is None
    assert next_look(a_tracking(), LOW, 3, minimum=2) == 60, "the count has just changed"


def test_a_service_at_its_maximum_is_left_alone_while_the_load_lasts() -> None:
    assert next_look(a_tracking(), HIGH, 9, maximum=9) is None
    assert next_look(a_tracking(), HIGH, 10, maximum=9) is None, "somebody set more"
    assert next_look(a_tracking(), HIGH, 9, maximum=9, running=3) is None, "its tasks are still starting"


@pytest.mark.parametrize(
    ("reading", "suspended", "seconds"),
    [
        (LOW, Suspended(scale_in=True), None),
        (NOT_QUITE_LOW, Suspended(scale_in=True), None),
        (LOW, Suspended(scale_out=True), 60),
        (HIGH, Suspended(scale_out=True), None),
        (HIGH, Suspended(scale_in=True), 60),
    ],
)
def test_what_is_suspended_is_not_waited_for(reading: Reading, suspended: Suspended, seconds: float | None) -> None:
    assert next_look(a_tracking(), reading, 10, suspended=suspended) == seconds


def test_who_is_outvoted_waits_for_the_alarms_of_the_others() -> None:
    both = (a_tracking("cpu"), a_tracking("memory"))
    assert next_look(both, {"cpu": LOW, "memory": CALM}, 10) is None
    assert next_look(both, {"cpu": LOW, "memory": measured(None)}, 10) is None
    assert next_look(both, {"cpu": LOW, "memory": Reading(failed="Throttling")}, 10) == 60
    custom = (a_tracking("cpu"), a_backlog())
    assert next_look(custom, {"cpu": LOW, "backlog": a_queue(100)}, 10) == 60


def test_policies_without_an_alarm_are_asked_each_minute_whatever_the_bounds_are() -> None:
    assert next_look(a_backlog(), a_queue(0), 2, minimum=2) == 60
    assert next_look(a_backlog(), a_queue(1000), 9, maximum=9) == 60


def test_steps_at_a_bound_are_asked_seldom_for_another_step_may_point_the_other_way() -> None:
    assert next_look(STEP_OUT, alarmed(80.0), 9, maximum=9) == 300
    assert next_look(STEP_OUT, alarmed(80.0), 8, maximum=9) == 60


# -- something may come of it -----------------------------------------------------------------------------------------


def test_a_metric_that_one_task_fewer_would_lift_too_high_is_asked_seldom() -> None:
    assert next_look(a_tracking(), NOT_QUITE_LOW, 5) == 300


@pytest.mark.parametrize(
    ("reading", "changed"),
    [
        (HIGH, {}),
        (LOW, {}),
        (LOW, {"deploying": True}),
        (LOW, {"running": 5}),  # tasks are missing: the metric says nothing of all of them
        (HIGH, {"running": 1}),  # what is set already is still starting
        (measured(20.0), {"running": 0}),  # no task runs yet
        (Reading(failed="Throttling"), {}),
    ],
)
def test_while_something_may_come_of_it_it_is_asked_each_minute(reading: Reading, changed: dict[str, Any]) -> None:
    assert next_look(a_tracking(), reading, 10, **changed) == 60


def test_with_a_metric_of_high_resolution_each_period() -> None:
    policy = a_tracking(evaluation=Evaluation(period=10))
    reading = Reading(series={MEASURED: a_series(*[80.0] * 6, period=10)})
    assert next_look(policy, reading, 4) == 10


# -- what holds it back has an end ------------------------------------------------------------------------------------


def a_cooling(scale_out: int, scale_in: int, **changed: Any) -> Scaled:
    policy = a_tracking(cooldowns=Cooldowns(scale_out=scale_out, scale_in=scale_in), **changed)
    return Scaled(a_scaling(policy), 10)


def test_a_scale_in_that_a_cooldown_holds_back_is_looked_at_when_it_ends() -> None:
    scaled = a_cooling(60, 450)
    assert scaled.decide(LOW).count == 5
    decision = scaled.after(90).decide(measured(20.0, now=scaled.now))
    assert (decision.count, decision.next_look_at) == (5, NOW + 450)
    assert scaled.after(360).decide(measured(20.0, now=scaled.now)).count == 2


def test_the_last_of_several_cooldowns_counts() -> None:
    scaled = a_cooling(450, 700)
    scaled.decide(LOW)  # 5, until 700
    scaled.after(10).decide(measured(80.0, now=scaled.now))  # out: cancels it, and cools down until 460
    decision = scaled.after(900).decide(measured(20.0, now=scaled.now))
    assert decision.count < decision.before
    again = scaled.after(60).decide(measured(10.0, now=scaled.now))
    assert again.next_look_at == NOW + 910 + 700


def test_a_scale_out_that_cools_down_is_asked_each_minute_and_at_the_end() -> None:
    scaled = a_cooling(90, 300)
    assert scaled.decide(HIGH).count == 16
    decision = scaled.after(60).decide(measured(80.0, now=scaled.now))
    assert (decision.count, decision.next_look_at) == (16, NOW + 90)


def test_the_end_of_a_panic_is_looked_at() -> None:
    limits = Limits(panic=Panic(percent=150, hold_seconds=1000))
    scaled = a_cooling(60, 60, limits=limits)
    assert scaled.decide(HIGH).count == 16
    decision = scaled.after(300).decide(measured(10.0, now=scaled.now))
    assert (decision.count, decision.next_look_at) == (16, NOW + 1000)
