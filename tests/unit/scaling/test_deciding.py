"""Several policies, bounds, suspension, deployments, limits: what counts of what is asked for, and what is said."""

from typing import Any

import pytest

from headcount.model.scaling import Cooldowns, Evaluation, Limits, Panic, Policy, Step, StepScaling, Suspended
from headcount.model.scaling_state import MEASURED, Reading
from headcount.model.values import replace
from unit.scaling.policies import (
    NOW,
    Scaled,
    a_backlog,
    a_function,
    a_queue,
    a_scaling,
    a_series,
    a_step_policy,
    a_tracking,
    alarmed,
    an_expression,
    decided,
    measured,
)

HIGH, CALM, LOW, NOTHING = measured(80.0), measured(50.0), measured(25.0), measured(None)
STEP_IN = a_step_policy("in", steps=(Step(upper=0, adjustment=-1),))
LOW_ALARM = alarmed(10.0, comparison="LessThanThreshold")


# -- several policies -------------------------------------------------------------------------------------------------


def test_the_larger_of_two_wishes_for_more_wins() -> None:
    """AWS's example: 10 tasks, +3 and +200 %."""
    policies = (
        a_step_policy("three", steps=(Step(lower=0, adjustment=3),)),
        a_step_policy("twice", steps=(Step(lower=0, adjustment=200),), kind="PercentChangeInCapacity"),
    )
    decision = decided(a_scaling(*policies), alarmed(80.0), 10)
    assert (decision.count, decision.policy) == (30, "twice")
    assert [(one.policy, one.count) for one in decision.asked] == [("three", 13), ("twice", 30)]


@pytest.mark.parametrize(
    ("cpu", "memory", "count"),
    [
        (HIGH, LOW, 16),
        (HIGH, NOTHING, 16),
        (LOW, LOW, 5),
        (LOW, measured(30.0), 6),
        (LOW, CALM, 10),
        (LOW, NOTHING, 10),
        (LOW, Reading(failed="GetMetricData: Throttling"), 10),
        (CALM, CALM, 10),
    ],
)
def test_tracking_scales_in_when_all_of_it_agrees(cpu: Reading, memory: Reading, count: int) -> None:
    policies = (a_tracking("cpu"), a_tracking("memory"))
    assert decided(a_scaling(*policies), {"cpu": cpu, "memory": memory}, 10).count == count


def test_who_may_not_scale_in_does_not_hold_others_back() -> None:
    policies = (a_tracking("cpu"), a_tracking("memory", disable_scale_in=True))
    assert decided(a_scaling(*policies), {"cpu": LOW, "memory": CALM}, 10).count == 5
    assert decided(a_scaling(*policies), {"cpu": LOW, "memory": HIGH}, 10).count == 16


@pytest.mark.parametrize(("waiting", "count", "said"), [(100, 10, 10), (70, 7, 7), (20, 5, None), (None, 5, None)])
def test_nobody_goes_below_what_a_policy_says_outright_that_may_not_scale_in(
    waiting: float | None, count: int, said: int | None
) -> None:
    """It would scale out again at once."""
    policies = (a_tracking("cpu"), a_backlog(disable_scale_in=True))
    decision = decided(a_scaling(*policies), {"cpu": LOW, "backlog": a_queue(waiting)}, 10)
    assert (decision.count, decision.limited) == (count, () if said is None else (f"backlog needs {said}",))


@pytest.mark.parametrize("alarmed_one", [a_step_policy("other"), a_tracking("other", disable_scale_in=True)])
def test_nobody_goes_below_what_a_high_alarm_would_scale_out_to_again(alarmed_one: Policy) -> None:
    """Fewer run than are set, by hand: the alarm needs fewer than that, and more than the formula."""
    policies = (an_expression("4"), alarmed_one)
    readings = {"formula": Reading(), "other": replace(measured(60.0), alarms=alarmed(60.0).alarms)}
    decision = decided(a_scaling(*policies), readings, 9, running=5)
    needed = 7 if isinstance(alarmed_one, StepScaling) else 6
    assert (decision.count, decision.limited) == (needed, (f"other needs {needed}",))
    policies = (an_expression("4"), replace(alarmed_one, limits=Limits(maximum=5)))
    assert decided(a_scaling(*policies), readings, 9, running=5).count == 5


@pytest.mark.parametrize(("cpu", "count"), [(CALM, 9), (NOTHING, 9), (LOW, 9), (measured(44.9), 9), (HIGH, 16)])
def test_steps_inwards_ask_nobody(cpu: Reading, count: int) -> None:
    """Of two wishes for less the one for more tasks wins: 9, not 5."""
    assert decided(a_scaling(a_tracking("cpu"), STEP_IN), {"cpu": cpu, "in": LOW_ALARM}, 10).count == count


def test_what_a_scale_in_waits_for_is_said() -> None:
    policies = (a_tracking("cpu"), a_tracking("memory"))
    decision = decided(a_scaling(*policies), {"cpu": LOW, "memory": NOTHING}, 10)
    assert decision.reason == "scale-in waits for memory: no recent data of its metric (INSUFFICIENT_DATA)"
    assert decision.policy is None


@pytest.mark.parametrize(
    "other", [an_expression("running / 0"), a_backlog(), a_function()], ids=["expression", "backlog", "function"]
)
def test_custom_policies_that_cannot_tell_hold_back_a_scale_in(other: Policy) -> None:
    decision = decided(a_scaling(a_tracking("cpu"), other), {"cpu": LOW, other.name: Reading()}, 10)
    assert (decision.count, decision.asked[1].outcome) == (10, "hold")
    assert decided(a_scaling(a_tracking("cpu"), other), {"cpu": HIGH, other.name: Reading()}, 10).count == 16


def test_what_could_be_read_in_part_is_not_acted_on() -> None:
    in_part = replace(LOW, failed="GetMetricData: InternalError for m2")
    assert decided(a_scaling(a_tracking()), in_part, 10).count == 10
    assert decided(a_scaling(a_tracking()), replace(HIGH, failed="InternalError"), 10).count == 10


def test_a_policy_that_nothing_was_read_for_holds() -> None:
    decision = decided(a_scaling(a_tracking("cpu"), a_tracking("memory")), {"cpu": LOW}, 10)
    assert (decision.count, decision.asked[1].reason) == (10, "nothing was read for it")


def test_without_policies_nothing_happens() -> None:
    decision = decided(a_scaling(), {}, 10)
    assert (decision.count, decision.next_look_at, decision.policy) == (10, None, None)
    assert decision.reason == "it has no policies"


# -- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "reading", "count", "code"),
    [
        (4, HIGH, 7, None),
        (9, HIGH, 10, None),
        (10, HIGH, 10, "AlreadyAtMaxCapacity"),
        (4, LOW, 3, None),
        (3, LOW, 3, "AlreadyAtMinCapacity"),
        # set from outside: nothing corrects it by itself
        (1, CALM, 1, None),
        (20, CALM, 20, None),
        # below the minimum: a scale-out lifts it at least there, a scale-in does nothing
        (1, HIGH, 3, None),
        (2, HIGH, 4, None),
        (2, measured(5.0), 2, "AlreadyAtMinCapacity"),
        # above the maximum: a scale-in takes it at least there, a scale-out does nothing
        (20, measured(44.0), 10, None),
        (20, LOW, 10, None),
        (20, measured(10.0), 4, None),
        (20, HIGH, 20, "AlreadyAtMaxCapacity"),
    ],
)
def test_minimum_and_maximum(desired: int, reading: Reading, count: int, code: str | None) -> None:
    decision = decided(a_scaling(a_tracking(), minimum=3, maximum=10), reading, desired)
    assert (decision.count, decision.not_scaled) == (count, code)


@pytest.mark.parametrize(("desired", "count"), [(1, 5), (3, 5), (5, 7), (20, 20)])
def test_steps_go_on_from_the_minimum(desired: int, count: int) -> None:
    assert decided(a_scaling(a_step_policy(), minimum=3, maximum=10), alarmed(80.0), desired).count == count


@pytest.mark.parametrize(("desired", "count"), [(20, 9), (10, 9), (3, 3), (1, 1)])
def test_steps_go_back_from_the_maximum(desired: int, count: int) -> None:
    assert decided(a_scaling(STEP_IN, minimum=3, maximum=10), LOW_ALARM, desired).count == count


def test_the_reason_says_why_not_more() -> None:
    decision = decided(a_scaling(a_tracking(), maximum=10), HIGH, 9)
    assert (decision.reason, decision.limited) == (
        "80 with 9 tasks, target 50: needs 15",
        ("the maximum is 10",),
    )


# -- what stands against it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suspended", "reading", "count"),
    [
        (Suspended(scale_in=True), LOW, 10),
        (Suspended(scale_in=True), HIGH, 16),
        (Suspended(scale_out=True), HIGH, 10),
        (Suspended(scale_out=True), LOW, 5),
        (Suspended(scheduled=True), HIGH, 16),
    ],
)
def test_suspension(suspended: Suspended, reading: Reading, count: int) -> None:
    assert decided(a_scaling(a_tracking(), suspended=suspended), reading, 10).count == count


@pytest.mark.parametrize(("policy", "low"), [(a_tracking(), LOW), (STEP_IN, LOW_ALARM), (a_backlog(), a_queue(10))])
def test_no_scale_in_during_a_deployment(policy: Policy, low: Reading) -> None:
    decision = decided(a_scaling(policy), low, 10, deploying=True)
    assert (decision.count, decision.limited) == (10, ("no scale-in: a deployment is in progress",))
    assert decided(a_scaling(policy), low, 10).count < 10


def test_scale_out_goes_on_during_a_deployment() -> None:
    assert decided(a_scaling(a_tracking()), HIGH, 10, deploying=True).count == 16


@pytest.mark.parametrize(("running", "count"), [(10, 5), (9, 5), (8, 10), (1, 10)])
def test_no_scale_in_on_the_word_of_a_few(running: int, count: int) -> None:
    """Tasks that crash use nothing."""
    assert decided(a_scaling(a_tracking()), LOW, 10, running=running).count == count


def test_a_queue_that_is_empty_needs_no_tasks_whether_they_run_or_not() -> None:
    assert decided(a_scaling(a_backlog()), a_queue(0), 10, running=0).count == 0


# -- a policy's own limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "reading", "count", "said"),
    [
        (Limits(maximum=12), HIGH, 12, "its own maximum is 12"),
        (Limits(minimum=8), LOW, 8, "its own minimum is 8"),
        (Limits(minimum=9), measured(44.0), 9, None),
        (Limits(maximum_step_out=2), HIGH, 12, "at most 2 are added at once"),
        (Limits(maximum_step_in=2), LOW, 8, "at most 2 are taken away at once"),
        (Limits(maximum_step_out=20, maximum_step_in=20), HIGH, 16, None),
        (Limits(maximum_step_out=2, panic=Panic(percent=200)), measured(90.0), 12, "at most 2 are added at once"),
        (Limits(maximum_step_out=2, panic=Panic(percent=200)), measured(100.0), 20, None),
    ],
)
def test_limits_of_a_policy(limits: Limits, reading: Reading, count: int, said: str | None) -> None:
    decision = decided(a_scaling(a_tracking(limits=limits)), reading, 10)
    assert decision.count == count
    assert decision.limited == (() if said is None else (said,))


@pytest.mark.parametrize(
    ("limits", "reading", "count"),
    [
        (Limits(maximum=8), HIGH, 10),
        (Limits(maximum=8), CALM, 10),
        (Limits(minimum=12), LOW, 10),
        (Limits(minimum=12), CALM, 10),
    ],
)
def test_a_count_that_others_have_set_beyond_a_policys_limits_is_theirs(
    limits: Limits, reading: Reading, count: int
) -> None:
    assert decided(a_scaling(a_tracking(limits=limits)), reading, 10).count == count


@pytest.mark.parametrize("waiting", [100, 90, 160])
def test_a_policy_that_says_a_count_outright_keeps_it_within_its_limits(waiting: float) -> None:
    policy = a_backlog(limits=Limits(maximum=8))
    assert decided(a_scaling(policy), a_queue(waiting), 10).count == 8


def test_the_greatest_step_holds_for_a_whole_cooldown() -> None:
    scaled = Scaled(a_scaling(a_tracking(limits=Limits(maximum_step_out=2))), 10)
    assert scaled.decide(measured(80.0)).count == 12
    assert scaled.after(240).decide(measured(80.0, now=scaled.now)).count == 12
    assert scaled.after(60).decide(measured(80.0, now=scaled.now)).count == 14


@pytest.mark.parametrize(("waiting", "counts"), [(50, [12, 12, 14]), (0, [8, 8, 6])])
def test_the_greatest_step_holds_for_a_minute_without_a_cooldown(waiting: float, counts: list[int]) -> None:
    limits = Limits(maximum_step_out=2, maximum_step_in=2)
    policy = a_backlog(limits=limits, per_task=1, cooldowns=Cooldowns(scale_out=0, scale_in=0))
    scaled = Scaled(a_scaling(policy), 10)
    found = [scaled.after(seconds).decide(a_queue(waiting, now=scaled.now)).count for seconds in (0, 59, 1)]
    assert found == counts


def test_the_greatest_step_is_not_measured_from_before_somebody_changed_the_count() -> None:
    limits = Limits(maximum_step_out=2)
    policy = a_backlog(limits=limits, per_task=1, cooldowns=Cooldowns(scale_out=0, scale_in=0))
    scaled = Scaled(a_scaling(policy), 10)
    assert scaled.decide(a_queue(50)).count == 12
    scaled.desired = 20
    assert scaled.after(10).decide(a_queue(50, now=scaled.now)).count == 22


def test_limits_are_of_one_policy_only() -> None:
    policies = (a_tracking("cpu", limits=Limits(maximum=11)), a_tracking("memory"))
    assert decided(a_scaling(*policies), HIGH, 10).count == 16


def test_a_lower_count_must_last_for_the_stabilization_window() -> None:
    policy = a_backlog(limits=Limits(stabilization_seconds=300), per_task=1, cooldowns=a_tracking().cooldowns)
    scaled = Scaled(a_scaling(policy), 10)
    waiting = {0: 10, 60: 4, 120: 6, 180: 4, 240: 3, 300: 3, 360: 3, 420: 3, 480: 3, 540: 3}
    counts = []
    for second, visible in waiting.items():
        scaled.now = NOW + second
        counts.append(scaled.decide(a_queue(visible, now=scaled.now)).count)
    # for five minutes 6 were the most that was asked for; then the cooldown of five minutes
    assert counts == [10, 10, 10, 10, 10, 10, 6, 6, 6, 6]
    scaled.now = NOW + 660
    assert scaled.decide(a_queue(3, now=scaled.now)).count == 3


def test_what_was_never_looked_at_has_not_lasted() -> None:
    policy = a_backlog(limits=Limits(stabilization_seconds=300))
    decision = decided(a_scaling(policy), a_queue(0), 10)
    assert decision.count == 10
    assert "stabilisation" in decision.asked[0].limited[0]


def test_a_lower_count_is_not_believed_before_the_whole_window_was_seen() -> None:
    scaled = Scaled(a_scaling(a_backlog(limits=Limits(stabilization_seconds=300))), 10)
    counts = [scaled.after(60).decide(a_queue(30, now=scaled.now)).count for _ in range(6)]
    assert counts == [10, 10, 10, 10, 10, 3]


def test_of_two_looks_in_quick_succession_the_greater_counts() -> None:
    scaled = Scaled(a_scaling(a_backlog(limits=Limits(stabilization_seconds=300), per_task=1)), 10)
    for second, waiting in ((0, 10), (60, 6), (65, 3), (200, 3)):
        scaled.now = NOW + second
        scaled.decide(a_queue(waiting, now=scaled.now))
    scaled.now = NOW + 366
    assert scaled.decide(a_queue(3, now=scaled.now)).count == 6


def test_recommendations_stay_few() -> None:
    policy = a_backlog(limits=Limits(stabilization_seconds=3600))
    scaled = Scaled(a_scaling(policy), 10)
    for _ in range(500):
        scaled.after(10).decide(a_queue(100, now=scaled.now))
    assert 30 <= len(scaled.state.recommendations) <= 32


def test_a_panic_waits_for_no_alarm_and_holds_what_it_added() -> None:
    policy = a_tracking(limits=Limits(panic=Panic(percent=200, hold_seconds=900)))
    scaled = Scaled(a_scaling(policy), 10)
    decision = scaled.decide(measured(*[50.0] * 19, 110.0))
    assert (decision.count, decision.asked[0].panicking) == (22, True)
    decision = scaled.after(899).decide(measured(20.0, now=scaled.now))
    assert (decision.count, decision.limited) == (22, ("no scale-in: a panic holds until 14:29:00Z",))
    assert scaled.after(1).decide(measured(20.0, now=scaled.now)).count == 9
    assert decided(a_scaling(a_tracking()), measured(*[50.0] * 19, 110.0), 10).count == 10


def test_any_policy_can_panic() -> None:
    policy = a_backlog(limits=Limits(maximum_step_out=1, panic=Panic(percent=300)), per_task=1)
    assert decided(a_scaling(policy), a_queue(29), 10).count == 11
    assert decided(a_scaling(policy), a_queue(30), 10).count == 30
    assert decided(a_scaling(policy), a_queue(29), 10, running=2).count == 11  # eight are on their way
    assert decided(a_scaling(policy), a_queue(3), 0).count == 3
    assert decided(a_scaling(policy), a_queue(2), 0).count == 1


# -- when to look again -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "reading", "again"),
    [
        (a_tracking(), CALM, False),
        (a_tracking(), NOTHING, False),  # the alarm will tell when there is data
        (a_tracking(), HIGH, True),
        (a_tracking(), LOW, True),
        (a_tracking(), measured(44.9), True),
        (a_tracking(), Reading(failed="Throttling"), True),
        (a_step_policy(), alarmed(80.0), True),
        (a_step_policy(), alarmed(80.0, state="OK"), False),
        (a_backlog(), a_queue(100), True),
        (an_expression("10"), Reading(), True),
        (a_function(), Reading(answer={"desiredCount": 10}), True),
    ],
)
def test_it_asks_to_look_again_where_no_alarm_will_tell(policy: Policy, reading: Reading, again: bool) -> None:
    assert decided(a_scaling(policy), reading, 10).next_look_at == (NOW + 60 if again else None)


def test_a_metric_of_high_resolution_is_looked_at_each_period() -> None:
    policy = a_tracking(evaluation=Evaluation(period=20))
    reading = Reading(series={MEASURED: a_series(80.0, 80.0, 80.0, period=20)})
    decision = decided(a_scaling(policy, a_backlog()), {"cpu": reading, "backlog": a_queue(10)}, 10)
    assert (decision.count, decision.next_look_at) == (16, NOW + 20)


def test_what_is_kept_of_a_policy_goes_with_it() -> None:
    limits = Limits(stabilization_seconds=300, panic=Panic())
    scaled = Scaled(a_scaling(a_tracking(limits=limits)), 10)
    scaled.decide(measured(200.0))
    assert (len(scaled.state.recommendations), len(scaled.state.panicked)) == (1, 1)
    scaled.scaling = a_scaling(a_tracking("other"))
    scaled.decide(measured(50.0))
    assert (scaled.state.recommendations, scaled.state.panicked) == ((), ())


def test_a_decision_says_everything_of_itself() -> None:
    decision = decided(a_scaling(a_tracking(), a_backlog(), maximum=12), {"cpu": HIGH, "backlog": a_queue(95, 10)}, 10)
    told: dict[str, Any] = {one.policy: (one.outcome, one.count, one.reason) for one in decision.asked}
    assert told == {
        "cpu": ("out", 16, "80 with 10 tasks, target 50: needs 16"),
        "backlog": ("out", 11, "(95 visible + 10 in flight) / 10 a task: 11"),
    }
    assert (decision.before, decision.count, decision.policy, decision.limited) == (
        10,
        12,
        "cpu",
        ("the maximum is 12",),
    )
