"""Step scaling: intervals on both sides of the threshold, rounding of percentages, AWS's worked examples."""

import pytest

from headcount.model.metrics import AlarmReading, AlarmTerms, Comparison
from headcount.model.scaling import AdjustmentType, Aggregation, Cooldowns, Step
from headcount.model.scaling_state import Reading
from headcount.scaling.stepping import adjusted, step_for
from unit.scaling.policies import (
    STEPS,
    Scaled,
    a_scaling,
    a_series,
    a_step_policy,
    alarmed,
    an_expression,
    decided,
    named,
)


@pytest.mark.parametrize(
    ("count", "percent", "minimum", "change"),
    [
        (127, 10, 0, 12),  # 12.7
        (67, 1, 0, 1),  # .67
        (58, -1, 0, -1),  # -.58
        (667, -1, 0, -6),  # -6.67
        (10, 10, 0, 1),
        (4, 25, 2, 2),  # AWS's example: 1, at least 2
        (4, -25, 2, -2),
        (100, 25, 2, 25),
        (4, 0, 2, 0),
        (0, 50, 0, 0),
        (0, 50, 2, 2),
        (3, -100, 0, -3),
        (3, -200, 0, -3),  # never below zero
    ],
)
def test_percentages_are_cut_to_whole_tasks_but_to_one_at_least(
    count: int, percent: int, minimum: int, change: int
) -> None:
    policy = a_step_policy(kind="PercentChangeInCapacity", minimum_magnitude=minimum)
    assert adjusted(policy, percent, count) - count == change


@pytest.mark.parametrize(
    ("kind", "adjustment", "count"),
    [
        ("ChangeInCapacity", 3, 13),
        ("ChangeInCapacity", -3, 7),
        ("ChangeInCapacity", -30, 0),
        ("ExactCapacity", 4, 4),
        ("ExactCapacity", 0, 0),
        ("PercentChangeInCapacity", 200, 30),
    ],
)
def test_kinds_of_adjustment(kind: AdjustmentType, adjustment: int, count: int) -> None:
    assert adjusted(a_step_policy(kind=kind), adjustment, 10) == count


@pytest.mark.parametrize(
    ("delta", "adjustment"),
    [
        (0.1, 0),
        (9.9, 0),
        (10, 10),
        (19.9, 10),
        (20, 30),
        (1000, 30),
        (-0.1, 0),
        (-9.9, 0),
        (-10, -10),
        (-20, -30),
        (-999, -30),
    ],
)
def test_bounds_belong_to_the_step_that_is_farther_from_the_threshold(delta: float, adjustment: int) -> None:
    step = step_for(STEPS, delta, AlarmTerms(comparison="GreaterThanThreshold", threshold=50.0))
    assert step is not None
    assert step.adjustment == adjustment


@pytest.mark.parametrize(
    ("comparison", "adjustment"),
    [
        ("GreaterThanOrEqualToThreshold", 1),
        ("GreaterThanThreshold", 1),
        ("LessThanOrEqualToThreshold", -1),
        ("LessThanThreshold", -1),
    ],
)
def test_on_the_threshold_the_comparison_says_the_side(comparison: Comparison, adjustment: int) -> None:
    steps = (Step(lower=0, adjustment=1), Step(upper=0, adjustment=-1))
    step = step_for(steps, 0.0, AlarmTerms(comparison=comparison, threshold=50.0))
    assert step is not None
    assert step.adjustment == adjustment


def test_a_metric_that_no_step_is_for_changes_nothing() -> None:
    policy = a_step_policy(steps=(Step(lower=0, upper=10, adjustment=2),))
    decision = decided(a_scaling(policy), alarmed(65.0), 10)
    assert (decision.count, decision.asked[0].reason) == (10, "high is ALARM: 65, threshold 50; no step is for that")


def test_the_worked_example_of_percentages() -> None:
    scaled = Scaled(a_scaling(a_step_policy(steps=STEPS, kind="PercentChangeInCapacity", cooldown=60)), 10)
    counts = []
    for metric, comparison in ((60.0, "GreaterThanThreshold"), (70.0, "GreaterThanThreshold")):
        counts.append(scaled.after(300).decide(alarmed(metric, comparison=comparison, now=scaled.now)).count)
    for metric in (40.0, 30.0):
        reading = alarmed(metric, comparison="LessThanThreshold", now=scaled.now + 300)
        counts.append(scaled.after(300).decide(reading).count)
    assert counts == [11, 14, 13, 10]


@pytest.mark.parametrize(("metric", "count"), [(70.0, 11), (84.9, 11), (85.0, 12), (94.9, 12), (95.0, 13), (100.0, 13)])
def test_the_worked_example_of_absolute_changes(metric: float, count: int) -> None:
    steps = (
        Step(lower=0, upper=15, adjustment=1),
        Step(lower=15, upper=25, adjustment=2),
        Step(lower=25, adjustment=3),
    )
    reading = alarmed(metric, threshold=70.0, comparison="GreaterThanOrEqualToThreshold")
    assert decided(a_scaling(a_step_policy(steps=steps)), reading, 10).count == count


@pytest.mark.parametrize(("aggregation", "count"), [("Average", 12), ("Minimum", 11), ("Maximum", 13)])
def test_the_alarms_data_points_are_aggregated(aggregation: Aggregation, count: int) -> None:
    steps = (
        Step(lower=0, upper=10, adjustment=1),
        Step(lower=10, upper=20, adjustment=2),
        Step(lower=20, adjustment=3),
    )
    reading = alarmed(55.0, 65.0, 75.0)
    assert decided(a_scaling(a_step_policy(steps=steps, aggregation=aggregation)), reading, 10).count == count


@pytest.mark.parametrize(
    ("reading", "outcome"),
    [
        (alarmed(80.0, state="OK"), "keep"),
        (alarmed(80.0, state="INSUFFICIENT_DATA"), "keep"),
        (alarmed(None, None), "hold"),  # it treats missing data as breaching
        (Reading(), "hold"),  # somebody has deleted it
        (Reading(failed="DescribeAlarms: Throttling"), "hold"),
    ],
    ids=["ok", "insufficient", "breaching-without-data", "deleted", "throttled"],
)
def test_without_an_alarm_and_its_data_nothing_changes(reading: Reading, outcome: str) -> None:
    inwards = a_step_policy(steps=(Step(lower=0, adjustment=2), Step(upper=0, adjustment=-2)))
    decision = decided(a_scaling(inwards), reading, 10)
    assert (decision.count, decision.asked[0].outcome) == (10, outcome)


def test_of_several_alarms_the_one_that_asks_for_most_counts() -> None:
    steps = (Step(lower=0, adjustment=2), Step(upper=0, adjustment=-2))
    high, low = alarmed(80.0).alarms[0], alarmed(10.0, comparison="LessThanThreshold", name="low").alarms[0]
    policy = a_step_policy(steps=steps, alarms=("high", "low"))
    assert decided(a_scaling(policy), Reading(alarms=(low, high)), 10).count == 12
    assert decided(a_scaling(policy), Reading(alarms=(low,)), 10).count == 8


@pytest.mark.parametrize(
    ("desired", "running", "count"),
    [
        (10, 10, 12),
        (12, 10, 12),  # two of them are still starting: they are the two
        (10, 20, 12),  # a deployment's tasks are not counted twice
        (10, 3, 10),
    ],
)
def test_steps_outwards_start_from_what_runs_and_is_set(desired: int, running: int, count: int) -> None:
    assert decided(a_scaling(a_step_policy()), alarmed(80.0), desired, running=running).count == count


@pytest.mark.parametrize(
    ("metric", "comparison", "count"), [(80.0, "GreaterThanThreshold", 12), (10.0, "LessThanThreshold", 8)]
)
def test_what_another_policy_did_on_the_same_data_is_not_done_twice(
    metric: float, comparison: Comparison, count: int
) -> None:
    """Without cooldowns: the formula's wish was done, and its tasks run; the steps' was the same."""
    policy = a_step_policy(steps=(Step(lower=0, adjustment=2), Step(upper=0, adjustment=-2)), cooldown=0)
    formula = an_expression("metric > 50.0 ? 12 : 8", cooldowns=Cooldowns(scale_out=0, scale_in=0))
    scaled = Scaled(a_scaling(formula, policy), 10)
    readings = {"formula": named(metric=metric), "steps": alarmed(metric, comparison=comparison)}
    assert [scaled.decide(readings).count, scaled.after(59).decide(readings).count] == [count, count]


def test_tasks_that_start_in_the_moment_after_a_change_are_not_added_to() -> None:
    policies = (an_expression("9", cooldowns=Cooldowns(scale_out=0)), a_step_policy(cooldown=0))
    scaled = Scaled(a_scaling(*policies), 8)
    scaled.running = 0
    assert scaled.decide(alarmed(80.0)).count == 9
    scaled.running = 9
    assert scaled.after(59).decide(alarmed(80.0)).count == 9
    assert scaled.after(61).decide(alarmed(80.0, now=scaled.now)).count == 11


def test_steps_inwards_start_from_the_desired_count() -> None:
    policy = a_step_policy(steps=(Step(upper=0, adjustment=-2),))
    low = alarmed(10.0, comparison="LessThanThreshold")
    assert decided(a_scaling(policy), low, 10, running=10).count == 8
    assert decided(a_scaling(policy), low, 20, running=19).count == 18


@pytest.mark.parametrize(("adjustment", "count"), [(15, 15), (10, 10), (4, 4)])
def test_an_exact_capacity_goes_either_way(adjustment: int, count: int) -> None:
    policy = a_step_policy(steps=(Step(lower=0, adjustment=adjustment),), kind="ExactCapacity")
    assert decided(a_scaling(policy), alarmed(80.0), 10).count == count


def test_the_reason_has_the_whole_sum() -> None:
    policy = a_step_policy(steps=STEPS, kind="PercentChangeInCapacity")
    decision = decided(a_scaling(policy), alarmed(70.0), 11)
    assert decision.reason == "high is ALARM: 70, threshold 50: 11 +30 % = 14"


def test_a_high_resolution_alarm_is_read_by_its_own_period() -> None:
    terms = AlarmTerms(comparison="GreaterThanThreshold", threshold=50.0, periods=3, to_alarm=3)
    alarm = AlarmReading(name="high", state="ALARM", terms=terms, series=a_series(60.0, 70.0, 80.0, period=10))
    assert decided(a_scaling(a_step_policy()), Reading(alarms=(alarm,)), 10).asked[0].value == 70.0
