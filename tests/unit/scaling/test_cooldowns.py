"""Cooldowns: only the difference is added, a scale-out cancels a scale-in's, and the same data never acts twice."""

import pytest

from headcount.model.scaling import Cooldowns, Step
from headcount.model.scaling_state import Reading
from headcount.model.values import replace
from unit.scaling.policies import Scaled, a_backlog, a_queue, a_scaling, a_step_policy, a_tracking, alarmed, measured

TWO_OR_THREE = (
    Step(lower=0, upper=20, adjustment=2),
    Step(lower=20, adjustment=3),
    Step(lower=-20, upper=0, adjustment=0),
    Step(upper=-20, adjustment=-1),
)
HIGH, HIGHER = 60.0, 80.0


def a_stepped(desired: int = 10, cooldown: int = 300) -> Scaled:
    return Scaled(a_scaling(a_step_policy(steps=TWO_OR_THREE, cooldown=cooldown)), desired)


def high(scaled: Scaled, value: float, seconds: float = 60) -> int:
    reading = alarmed(value, now=scaled.now + seconds)
    return scaled.after(seconds).decide(reading).count


def low(scaled: Scaled, seconds: float = 60) -> int:
    reading = alarmed(10.0, comparison="LessThanThreshold", now=scaled.now + seconds)
    return scaled.after(seconds).decide(reading).count


def test_two_then_three_within_the_cooldown_is_one_more() -> None:
    scaled = a_stepped()
    assert [high(scaled, HIGH), high(scaled, HIGHER)] == [12, 13]


def test_the_same_or_less_within_the_cooldown_is_nothing() -> None:
    scaled = a_stepped()
    assert [high(scaled, HIGHER), high(scaled, HIGHER), high(scaled, HIGH)] == [13, 13, 13]


def test_an_alarm_that_lasts_for_twenty_minutes_scales_out_after_each_cooldown() -> None:
    """Nobody tells again that an alarm still is one: the decision asks to be taken again each minute."""
    scaled = a_stepped(cooldown=300)
    counts = []
    for _ in range(21):
        counts.append(high(scaled, HIGH))
        assert scaled.decide(alarmed(HIGH, now=scaled.now)).next_look_at == scaled.now + 60
    assert counts == [12] * 5 + [14] * 5 + [16] * 5 + [18] * 5 + [20]


def test_the_cooldown_begins_again_with_what_was_added_within_it() -> None:
    scaled = a_stepped()
    assert [high(scaled, HIGH), high(scaled, HIGHER, 240), high(scaled, HIGH, 240)] == [12, 13, 13]
    assert high(scaled, HIGH, 60) == 15


def test_a_scale_in_blocks_the_next_for_its_cooldown() -> None:
    scaled = a_stepped()
    assert [low(scaled), low(scaled), low(scaled, 239), low(scaled, 1)] == [9, 9, 9, 8]


def test_a_scale_out_acts_at_once_and_cancels_the_cooldown_of_a_scale_in() -> None:
    scaled = a_stepped(cooldown=300)
    scaled.scaling = a_scaling(
        a_step_policy("out", steps=TWO_OR_THREE[:2], cooldown=60),
        a_step_policy("in", steps=TWO_OR_THREE[2:], cooldown=3600),
    )
    assert low(scaled) == 9
    assert high(scaled, HIGH) == 11
    assert low(scaled, 59) == 11  # the scale-out's own cooldown
    assert low(scaled, 1) == 10  # the scale-in's hour is over


def test_a_cooldown_of_a_scale_out_holds_back_a_scale_in_of_another_policy() -> None:
    policies = (a_step_policy("steps", cooldown=300), a_backlog(cooldowns=Cooldowns(scale_out=0, scale_in=0)))
    scaled = Scaled(a_scaling(*policies), 10)
    readings = {"steps": alarmed(HIGH), "backlog": a_queue(100)}
    assert scaled.decide(readings).count == 12
    calm = {"steps": alarmed(HIGH, state="OK"), "backlog": a_queue(50, now=scaled.now + 299)}
    decision = scaled.after(299).decide(calm)
    assert (decision.count, decision.limited) == (
        12,
        ("no scale-in: the scale-out of steps cools down until 14:19:00Z",),
    )
    assert scaled.after(1).decide({**calm, "backlog": a_queue(50, now=scaled.now)}).count == 5


def test_the_longest_cooldown_holds_for_steps_of_every_policy() -> None:
    long, short = a_step_policy("long", cooldown=900), a_step_policy("short", cooldown=60)
    scaled = Scaled(a_scaling(long, short), 10)
    calm = alarmed(HIGH, state="OK")
    assert scaled.decide({"long": alarmed(HIGH), "short": calm}).count == 12
    assert scaled.after(60).decide({"long": calm, "short": alarmed(HIGH, now=scaled.now)}).count == 12
    assert scaled.after(839).decide({"long": calm, "short": alarmed(HIGH, now=scaled.now)}).count == 12
    assert scaled.after(60).decide({"long": calm, "short": alarmed(HIGH, now=scaled.now)}).count == 14


@pytest.mark.parametrize("cooldown", [0, 300])
@pytest.mark.parametrize(
    ("reading", "count"),
    [(alarmed(HIGH, None, None), 12), (alarmed(10.0, None, None, comparison="LessThanThreshold"), 9)],
)
def test_the_same_data_never_acts_twice(cooldown: int, reading: Reading, count: int) -> None:
    """Not even when nothing newer comes for a while: the alarm lasts on what there was."""
    scaled = a_stepped(cooldown=cooldown)
    counts = [scaled.after(seconds).decide(reading).count for seconds in (0, 1, 58, 2, 30)]
    assert counts == [count] * 5


def test_a_count_that_somebody_changed_is_where_steps_start_from() -> None:
    scaled = a_stepped()
    assert high(scaled, HIGH) == 12
    scaled.desired = 5
    assert high(scaled, HIGH) == 7


def test_tracking_adds_what_is_needed_within_its_cooldown_and_takes_nothing_away() -> None:
    scaled = Scaled(a_scaling(a_tracking()), 4)
    counts = []
    for load in [320.0] * 3 + [440.0] * 3 + [180.0] * 12:
        metric = measured(load / scaled.desired, now=scaled.now + 60)
        counts.append(scaled.after(60).decide(metric).count)
    assert counts == [7, 7, 7, 9, 9, 9, 9, 9, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]


def test_the_reason_names_the_cooldown_that_holds_back() -> None:
    scaled = Scaled(a_scaling(a_tracking()), 10)
    assert scaled.decide(measured(20.0)).count == 4
    decisions = [scaled.after(60).decide(measured(20.0, now=scaled.now)) for _ in range(4)]
    assert [decision.count for decision in decisions] == [4, 4, 4, 4]
    assert decisions[-1].limited == ("no scale-in: the scale-in of cpu cools down until 14:19:00Z",)


def test_each_policy_has_its_last_activities() -> None:
    scaled = a_stepped(cooldown=0)
    for value in (HIGH, HIGHER):
        high(scaled, value)
    low(scaled)
    assert [(one.policy, one.before, one.after, one.is_scale_out) for one in scaled.state.activities] == [
        ("steps", 12, 15, True),
        ("steps", 15, 14, False),
    ]
    assert replace(scaled.state.activities[0], at=0.0).until == 0.0
