"""Target tracking: AWS's worked examples and statements, from zero, load balancers, and late metrics."""

import pytest

from headcount.model.scaling import Evaluation, PredefinedMetric
from headcount.model.scaling_state import Present, Reading
from headcount.model.values import replace
from headcount.scaling.counts import Counts, remember_running
from headcount.scaling.tracking import needed_count, tracking_alarms
from unit.scaling.policies import Scaled, a_scaling, a_tracking, decided, measured

ALB = PredefinedMetric(
    metric_type="ALBRequestCountPerTarget", resource_label="app/web/0123456789abcdef/targetgroup/web/0123456789abcdef"
)


@pytest.mark.parametrize(
    ("running", "metric", "count"),
    [
        # the reference's examples, target 50
        (4, 80, 7),
        (10, 51, 11),
        (10, 44, 9),
        (2, 40, 2),
        (10, 46, 10),
        (4, 0, 0),
        # AWS's words: +1.5 tasks are 2, half a task less is none
        (3, 75, 5),
        (5, 45.1, 5),
        (5, 44.9, 5),
        (10, 44.9, 9),
        # on target, at the low alarm's threshold, and just beyond
        (10, 50, 10),
        (10, 45, 10),
        (10, 50.0001, 11),
        (1, 50.0001, 2),
        (1, 1, 1),
        (1, 500, 10),
        (7, 10, 2),
        (100, 5, 10),
    ],
)
def test_worked_examples(running: int, metric: float, count: int) -> None:
    assert decided(a_scaling(a_tracking()), measured(metric), running).count == count


def test_no_scale_in_that_would_lift_the_metric_above_its_target() -> None:
    decision = decided(a_scaling(a_tracking()), measured(40.0), 2)
    assert (decision.count, decision.not_scaled) == (2, "AutoScalingAnticipatedFlapping")
    assert decision.reason == "cpu: 40 with 2 tasks, target 50: needs 2; one task fewer would lift it above the target"


@pytest.mark.parametrize(
    ("value", "target", "count"),
    [(0.1, 0.1, 3), (0.3, 0.1, 9), (1e300, 1e-3, 1_000_000), (1e-30, 50, 1), (0, 50, 0), (-5, 50, 0)],
)
def test_floats_neither_add_a_task_nor_break_anything(value: float, target: float, count: int) -> None:
    assert needed_count(3, value, target) == count


def test_the_alarms_are_those_of_real_accounts() -> None:
    high, low = tracking_alarms(a_tracking(target=70.0))
    assert (high.comparison, high.threshold, high.periods, high.to_alarm) == ("GreaterThanThreshold", 70.0, 3, 3)
    assert (low.comparison, low.threshold, low.periods, low.to_alarm) == ("LessThanThreshold", 63.0, 15, 15)
    assert {high.missing, low.missing} == {"missing"}


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ((10.0, 80.0, 80.0), 4),  # two of three
        ((80.0, 80.0, 80.0), 7),
        ((80.0, 90.0, 100.0), 8),  # the newest one is what is acted on
        ((80.0, None, 80.0), 7),  # the first is three periods old and nothing denies it
        ((None, 80.0, 80.0), 4),
        ((20.0, None, None, 80.0, 80.0), 4),
        ((80.0, 80.0, None, 80.0), 7),  # three real ones of the last five
        ((80.0, 80.0, 80.0, None, None), 7),
        ((80.0, 80.0, 80.0, None, None, None, None, None), 4),
    ],
)
def test_scale_out_waits_for_three_periods(values: tuple[float | None, ...], count: int) -> None:
    assert decided(a_scaling(a_tracking()), measured(*values), 4).count == count


@pytest.mark.parametrize(("low_for", "count"), [(14, 10), (15, 5), (20, 5)])
def test_scale_in_waits_for_fifteen_periods(low_for: int, count: int) -> None:
    values = (50.0,) * 5 + (25.0,) * low_for
    assert decided(a_scaling(a_tracking()), measured(*values), 10).count == count


def test_how_long_it_waits_can_be_said() -> None:
    quick = a_tracking(evaluation=Evaluation(out_periods=1, in_periods=2))
    assert decided(a_scaling(quick), measured(50.0, 80.0), 4).count == 7
    assert decided(a_scaling(quick), measured(50.0, 20.0, 20.0), 4).count == 2


def test_scale_in_can_be_disabled() -> None:
    decision = decided(a_scaling(a_tracking(disable_scale_in=True)), measured(5.0), 10)
    assert (decision.count, decision.next_look_at) == (10, None)
    assert "never in" in decision.reason


@pytest.mark.parametrize(
    "reading",
    [
        measured(None),
        Reading(),
        measured(5.0, None, None, None, None, None),
        Reading(failed="GetMetricData: Throttling"),
    ],
    ids=["gaps", "nothing", "stopped", "throttled"],
)
def test_no_data_scales_nowhere(reading: Reading) -> None:
    decision = decided(a_scaling(a_tracking()), reading, 10)
    assert (decision.count, decision.asked[0].outcome, decision.asked[0].count) == (10, "hold", None)


# -- from zero --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("metric", "count"), [(0.0, 0), (0.01, 1), (1000.0, 1), (None, 0)])
def test_from_zero_one_data_point_of_demand_is_one_task(metric: float | None, count: int) -> None:
    assert decided(a_scaling(a_tracking(metric=ALB)), measured(None, metric), 0).count == count


def test_after_the_first_task_it_goes_on_from_what_runs() -> None:
    scaled = Scaled(a_scaling(a_tracking(metric=ALB)), 0)
    assert scaled.decide(measured(1000.0)).count == 1
    scaled.running = 0
    assert scaled.after(60).decide(measured(1000.0, now=scaled.now)).count == 1  # it does not run yet
    scaled.running = 1
    assert scaled.after(60).decide(measured(1000.0, now=scaled.now)).count == 1  # measured while none ran
    assert scaled.after(120).decide(measured(150.0, now=scaled.now)).count == 3


def test_requests_per_target_scale_to_zero_when_there_are_none() -> None:
    assert decided(a_scaling(a_tracking(metric=ALB)), measured(0.0), 3).count == 0
    assert decided(a_scaling(a_tracking(metric=ALB), minimum=1), measured(0.0), 3).count == 1


# -- what runs is what the metric is of -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "running", "metric", "count"),
    [
        (10, 4, 80.0, 10),  # six are coming already: 7 are needed
        (10, 8, 80.0, 13),
        (10, 20, 25.0, 10),  # a deployment doubled them
        (10, 20, 30.0, 10),
        (10, 20, 60.0, 24),
    ],
)
def test_the_running_count_is_the_start(desired: int, running: int, metric: float, count: int) -> None:
    assert decided(a_scaling(a_tracking()), measured(metric), desired, running=running).count == count


@pytest.mark.parametrize("metric", [0.0, 25.0, 80.0])
def test_while_none_of_its_tasks_runs_a_metric_says_nothing(metric: float) -> None:
    decision = decided(a_scaling(a_tracking()), measured(metric), 10, running=0)
    assert (decision.count, decision.asked[0].outcome) == (10, "hold")


def test_a_late_metric_is_held_against_the_tasks_that_it_was_measured_with() -> None:
    """Cooldown 60 and a metric that lags by two minutes: what is still told of 4 tasks is no load of 7."""
    policy = a_tracking(cooldowns=replace(a_tracking().cooldowns, scale_out=60))
    scaled = Scaled(a_scaling(policy), 4)
    assert scaled.decide(measured(80.0)).count == 7
    for _ in range(2):
        old = measured(*[80.0] * 10, None, None, now=scaled.now + 60)
        assert scaled.after(60).decide(old).count == 7
    new = measured(*[80.0] * 10, 60.0, 60.0, 60.0, now=scaled.now + 180)  # the load has grown: 7 tasks at 60
    assert scaled.after(180).decide(new).count == 9


def test_a_metric_of_many_is_no_load_of_the_few_that_are_left() -> None:
    scaled = Scaled(a_scaling(a_tracking()), 20)
    scaled.decide(measured(50.0))
    scaled.after(60).running = 18  # two of them died a moment ago
    assert scaled.decide(measured(25.0, now=scaled.now)).count == 10


def test_a_task_that_drains_has_its_part_in_a_low_metric() -> None:
    """Three tasks and one that drains, at 30, are the load of 2.4 at 50; three alone would be that of 1.8."""
    scaled = Scaled(a_scaling(a_tracking()), 3)
    scaled.leaving = 1
    assert scaled.decide(measured(30.0)).count == 3
    scaled.after(60).leaving = 0
    assert scaled.decide(measured(30.0, now=scaled.now)).count == 3, "it was still measured with it"
    scaled.after(300)
    assert scaled.decide(measured(30.0, now=scaled.now)).count == 2


def test_what_was_measured_while_tasks_were_replaced_scales_nothing_in() -> None:
    """A sixth task, that took the place of one of five, ran for less than a minute: no look has counted it."""
    scaled = Scaled(a_scaling(a_tracking(target=40.0)), 5)
    scaled.settled_at = scaled.now - 30.0
    decision = scaled.decide(measured(29.0))
    assert decision.count == 5
    assert "measured before the service was steady" in decision.asked[0].reason
    assert decision.next_look_at == scaled.now + 60.0
    scaled.after(120)
    assert scaled.decide(measured(29.0, now=scaled.now)).count == 4, "of the five alone, it is their load"


def test_what_was_measured_while_tasks_were_replaced_scales_out() -> None:
    scaled = Scaled(a_scaling(a_tracking(target=40.0)), 5)
    scaled.settled_at = scaled.now
    assert scaled.decide(measured(80.0)).count == 10


def test_a_task_that_drains_has_no_part_in_a_high_metric() -> None:
    scaled = Scaled(a_scaling(a_tracking()), 3)
    scaled.leaving = 3
    assert scaled.decide(measured(80.0)).count == 5


def test_the_least_and_the_most_that_ran_since() -> None:
    scaled = Scaled(a_scaling(a_tracking()), 4)
    for running in (4, 6, 5):
        scaled.running = running
        scaled.after(60).decide(measured(50.0, now=scaled.now))
    assert [one.count for one in scaled.state.running] == [4, 6, 5]
    known = Counts(desired=4, running=5, target=scaled.scaling.target, ran=scaled.state.running)
    assert [known.least_since(scaled.now - ago) for ago in (0, 60, 119, 120)] == [5, 5, 4, 4]
    assert [known.most_since(scaled.now - ago) for ago in (0, 59, 60, 120)] == [5, 6, 6, 6]
    later = remember_running(scaled.state, Present(desired=4, running=5), scaled.now + 3600)
    assert [one.count for one in later] == [5]
