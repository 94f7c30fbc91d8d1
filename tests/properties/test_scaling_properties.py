"""Scaling, whatever the policies, metrics and history: bounds, monotony, cooldowns, replay, missing data, calm."""

import math
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headcount.model.metrics import AlarmReading, AlarmTerms, MetricSeries
from headcount.model.scaling import (
    Backlog,
    Cooldowns,
    Evaluation,
    Expression,
    Limits,
    Panic,
    Policy,
    Scaling,
    ScheduledAction,
    Step,
    StepScaling,
    Suspended,
    TargetTracking,
)
from headcount.model.scaling_state import IN_FLIGHT, MEASURED, VISIBLE, Reading, ScalingDecision, ScalingState
from headcount.model.values import replace
from headcount.scaling.decide import decide_scaling
from headcount.scaling.scheduled import decide_scheduled
from unit.scaling.policies import Scaled, a_scaling, a_series, a_tracking, an_expression

MANY: Final = settings(max_examples=200)
RUNS: Final = settings(max_examples=60)
OUT_STEPS: Final = (Step(lower=0, upper=20, adjustment=1), Step(lower=20, adjustment=3))
IN_STEPS: Final = (Step(lower=-20, upper=0, adjustment=-1), Step(upper=-20, adjustment=-3))

COOLDOWNS = st.sampled_from([0, 30, 60, 300, 900])
LIMITS = st.builds(
    Limits,
    minimum=st.none() | st.integers(0, 5),
    maximum=st.none() | st.integers(6, 60),
    maximum_step_out=st.none() | st.integers(1, 5),
    maximum_step_in=st.none() | st.integers(1, 5),
    stabilization_seconds=st.sampled_from([0, 0, 120, 600]),
    panic=st.none()
    | st.builds(Panic, percent=st.sampled_from([150, 200, 400]), hold_seconds=st.sampled_from([60, 600])),
)
BOTH = st.builds(Cooldowns, scale_out=COOLDOWNS, scale_in=COOLDOWNS)
TRACKING = st.builds(
    a_tracking,
    st.sampled_from(["cpu", "memory"]),
    st.sampled_from([0.1, 50.0, 1000.0]),
    cooldowns=BOTH,
    disable_scale_in=st.booleans(),
    evaluation=st.sampled_from([Evaluation(), Evaluation(out_periods=1, in_periods=2)]),
    limits=LIMITS,
)
STEPS = st.builds(
    StepScaling,
    name=st.just("steps"),
    adjustment_type=st.sampled_from(["ChangeInCapacity", "PercentChangeInCapacity"]),
    steps=st.sampled_from([OUT_STEPS, IN_STEPS, (*OUT_STEPS, *IN_STEPS)]),
    minimum_magnitude=st.integers(0, 3),
    cooldown=COOLDOWNS,
    aggregation=st.sampled_from(["Average", "Minimum", "Maximum"]),
    alarms=st.just(("high",)),
    limits=LIMITS,
)
BACKLOG = st.builds(
    Backlog,
    name=st.just("backlog"),
    queue=st.just("jobs"),
    per_task=st.sampled_from([0.5, 1.0, 10.0]),
    activation=st.sampled_from([1.0, 20.0]),
    at_once=st.integers(1, 3),
    cooldowns=BOTH,
    disable_scale_in=st.booleans(),
    limits=LIMITS,
)
EXPRESSION = st.builds(
    Expression,
    name=st.just("formula"),
    formula=st.sampled_from(
        ["metric / 10.0", "running + 1", "metric > 50.0 ? running * 2 : running - 1", "desired / (running - 3)"]
    ),
    cooldowns=BOTH,
    limits=LIMITS,
)
FORMULAS = st.builds(an_expression, st.just("metric / 10.0"), cooldowns=BOTH, limits=LIMITS)
POLICIES = st.lists(TRACKING | STEPS | BACKLOG | EXPRESSION, min_size=1, max_size=4, unique_by=lambda one: one.name)
SUSPENDED = st.builds(
    Suspended, scale_in=st.sampled_from([False, False, True]), scale_out=st.sampled_from([False, False, True])
)
METRICS = st.floats(0, 500) | st.sampled_from(
    [0.0, 0.09, 0.1, 0.11, 10.0, 30.0, 44.9, 45.0, 50.0, 51.0, 69.9, 70.0, 400.0]
)
VALUES = st.none() | st.floats(0, 2000) | st.sampled_from([0.0, 10.0, 44.9, 45.0, 50.0, 51.0, 100.0, math.nan])


@st.composite
def scalings(draw: st.DrawFn) -> Scaling:
    minimum = draw(st.integers(0, 8))
    policies = draw(POLICIES)
    return a_scaling(*policies, minimum=minimum, maximum=minimum + draw(st.integers(0, 40)), suspended=draw(SUSPENDED))


def a_reading(value: float | None, now: float, lasting: int = 20) -> Reading:
    """The same value for whatever a policy reads; None: nothing is known."""
    series = a_series(*[value] * lasting, now=now)
    terms = AlarmTerms(
        comparison="GreaterThanOrEqualToThreshold" if (value or 0) >= 50 else "LessThanThreshold",
        threshold=50.0,
        periods=2,
        to_alarm=2,
    )
    names = (MEASURED, VISIBLE, IN_FLIGHT, "metric")
    alarm = AlarmReading(
        name="high", state="ALARM" if value is not None else "INSUFFICIENT_DATA", terms=terms, series=series
    )
    in_flight = replace(series, points=tuple((at, one / 3) for at, one in series.points))
    return Reading(series=dict.fromkeys(names, series) | {IN_FLIGHT: in_flight}, alarms=(alarm,))


MINUTES = st.lists(
    st.fixed_dictionaries(
        {
            "seconds": st.sampled_from([0, 1, 20, 60, 60, 61, 300, 1000]),
            "values": st.tuples(VALUES, VALUES),
            "started": st.sampled_from([0.0, 0.5, 1.0, 1.0, 2.0]),
            "by_hand": st.sampled_from([None, None, None, 0, 3, 30]),
            "deploying": st.sampled_from([False, False, False, True]),
        }
    ),
    min_size=1,
    max_size=12,
)


def readings_of(scaling: Scaling, values: tuple[float | None, ...], now: float) -> dict[str, Reading]:
    return {policy.name: a_reading(values[number % len(values)], now) for number, policy in enumerate(scaling.policies)}


def lived(scaling: Scaling, start: int, minutes: list[dict[str, Any]]) -> list[tuple[Scaled, ScalingDecision]]:
    """Every decision of a life, with the service as it was after it."""
    scaled, decisions = Scaled(scaling, start), []
    for minute in minutes:
        scaled.after(minute["seconds"])
        if minute["by_hand"] is not None:
            scaled.desired = minute["by_hand"]
        scaled.running = math.ceil(scaled.desired * minute["started"])
        scaled.deploying = minute["deploying"]
        decision = scaled.decide(readings_of(scaling, minute["values"], scaled.now))
        decisions.append((replace_of(scaled), decision))
    return decisions


def replace_of(scaled: Scaled) -> Scaled:
    copy = Scaled(scaled.scaling, scaled.desired, now=scaled.now)
    copy.state, copy.running, copy.deploying = scaled.state, scaled.running, scaled.deploying
    return copy


# -- bounds -----------------------------------------------------------------------------------------------------------


@MANY
@given(scalings(), st.integers(0, 60), MINUTES)
def test_a_count_is_never_moved_outside_its_bounds(scaling: Scaling, start: int, minutes: list[dict[str, Any]]) -> None:
    for _, decision in lived(scaling, start, minutes):
        if decision.count != decision.before:
            assert scaling.target.minimum <= decision.count <= scaling.target.maximum, decision


@MANY
@given(scalings(), st.integers(0, 60), MINUTES)
def test_every_decision_has_its_reason(scaling: Scaling, start: int, minutes: list[dict[str, Any]]) -> None:
    for _, decision in lived(scaling, start, minutes):
        assert decision.reason
        assert len(decision.asked) == len(scaling.policies)
        assert all(one.reason for one in decision.asked)
        wishes = {one.policy: one for one in decision.asked}
        if decision.policy is not None and decision.count != wishes[decision.policy].count:
            assert decision.limited


@MANY
@given(scalings(), st.integers(0, 60), MINUTES)
def test_no_scale_in_during_deployments_or_while_suspended(
    scaling: Scaling, start: int, minutes: list[dict[str, Any]]
) -> None:
    for scaled, decision in lived(scaling, start, minutes):
        if scaled.deploying or scaling.target.suspended.scale_in:
            assert decision.count >= decision.before, decision
        if scaling.target.suspended.scale_out:
            assert decision.count <= decision.before, decision


# -- monotone ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policies", [TRACKING, STEPS, BACKLOG, FORMULAS], ids=["tracking", "steps", "backlog", "formulas"]
)
@settings(max_examples=250)
@given(data=st.data(), start=st.integers(0, 60), minutes=MINUTES, values=st.tuples(METRICS, METRICS))
def test_more_of_a_metric_never_means_fewer_tasks(
    policies: st.SearchStrategy[Policy],
    data: st.DataObject,
    start: int,
    minutes: list[dict[str, Any]],
    values: tuple[float, float],
) -> None:
    """One policy, whatever happened before: steps and tracking together are AWS's exception."""
    scaling = a_scaling(data.draw(policies), maximum=200)
    scaled = lived(scaling, start, minutes)[-1][0].after(60)
    low, high = (decided_once(scaled, value) for value in sorted(values))
    assert low.count <= high.count, (low, high)


def decided_once(scaled: Scaled, value: float | None) -> ScalingDecision:
    readings = readings_of(scaled.scaling, (value,), scaled.now)
    return decide_scaling(scaled.scaling, scaled.state, readings, scaled.present(), scaled.now)


# -- cooldowns --------------------------------------------------------------------------------------------------------


@settings(max_examples=500)
@given(scalings(), st.integers(0, 60), MINUTES)
def test_cooldowns_are_respected(scaling: Scaling, start: int, minutes: list[dict[str, Any]]) -> None:
    changes: list[tuple[float, int, float]] = []  # when, by how many, how long it cools down
    for scaled, decision in lived(scaling, start, minutes):
        if decision.count < decision.before:
            newest_out = max((at for at, by, _ in changes if by > 0), default=-math.inf)
            for at, by, cooldown in changes:
                cancelled = by < 0 and newest_out >= at
                assert cancelled or scaled.now >= at + max(cooldown, 60), (changes, decision)
        if decision.count != decision.before:
            cooldown = cooldown_of(scaling, decision)
            changes.append((scaled.now, decision.count - decision.before, cooldown))


def cooldown_of(scaling: Scaling, decision: ScalingDecision) -> float:
    policy = next(policy for policy in scaling.policies if policy.name == decision.policy)
    if isinstance(policy, StepScaling):
        return policy.cooldown
    return policy.cooldowns.scale_out if decision.count > decision.before else policy.cooldowns.scale_in


@MANY
@given(st.integers(1, 30), st.lists(st.tuples(st.integers(1, 120), st.floats(50.1, 120)), min_size=1, max_size=10))
def test_within_a_cooldown_steps_add_no_more_than_the_largest_of_them(
    start: int, breaches: list[tuple[int, float]]
) -> None:
    policy = StepScaling(
        name="steps", adjustment_type="ChangeInCapacity", steps=OUT_STEPS, cooldown=10_000, alarms=("high",)
    )
    scaled = Scaled(a_scaling(policy), start)
    for seconds, value in breaches:
        scaled.after(seconds)
        scaled.decide(readings_of(scaled.scaling, (value,), scaled.now))
    assert start <= scaled.desired <= start + 3


# -- replaying and reordering -----------------------------------------------------------------------------------------


@settings(max_examples=400)
@given(scalings(), st.integers(0, 60), MINUTES, METRICS, st.booleans())
def test_looking_again_at_the_same_changes_nothing(
    scaling: Scaling, start: int, minutes: list[dict[str, Any]], value: float, at_once: bool
) -> None:
    """As many alarm events as there may be, before tasks run or after: what the same measurements ask for is done."""
    scaling = replace(scaling, policies=tuple(without_running(policy) for policy in scaling.policies))
    scaled = lived(scaling, start, minutes)[-1][0].after(60)
    scaled.deploying = False
    readings = readings_of(scaling, (value,), scaled.now)
    decision = scaled.decide(readings)
    if at_once and decision.count != decision.before:
        scaled.running = None
    for _ in range(2):
        assert scaled.decide(readings).count == decision.count


def without_running(policy: Policy) -> Policy:
    """What asks for more because there is more says something else each time: formulas of counts, a backlog that wakes
    a service that another policy has woken. And AWS lets others scale in what tracking without scale-in scales out.
    """
    match policy:
        case Backlog():
            return replace(policy, activation=0)
        case Expression():
            return replace(policy, formula="metric / 10.0")
        case TargetTracking():
            return replace(policy, disable_scale_in=False)
    return policy


@MANY
@given(scalings(), st.integers(0, 60), MINUTES, st.tuples(METRICS, METRICS, METRICS), st.randoms(use_true_random=False))
def test_the_order_of_points_alarms_and_policies_changes_nothing(
    scaling: Scaling, start: int, minutes: list[dict[str, Any]], values: tuple[float, ...], random: Any
) -> None:
    scaled = lived(scaling, start, minutes)[-1][0].after(60)
    readings = readings_of(scaling, values, scaled.now)
    shuffled = {name: shuffled_reading(reading, random) for name, reading in sorted(readings.items(), reverse=True)}
    policies = list(scaling.policies)
    random.shuffle(policies)
    other = replace(scaling, policies=tuple(policies))
    first = decide_scaling(scaling, scaled.state, readings, scaled.present(), scaled.now)
    second = decide_scaling(other, scaled.state, shuffled, scaled.present(), scaled.now)
    assert first.count == second.count


def shuffled_reading(reading: Reading, random: Any) -> Reading:
    def shuffled(series: MetricSeries) -> MetricSeries:
        points = [*series.points, *series.points[:3]]
        random.shuffle(points)
        return replace(series, points=tuple(points))

    alarms = tuple(replace(alarm, series=shuffled(alarm.series)) for alarm in reading.alarms)
    return Reading(series={name: shuffled(one) for name, one in reading.series.items()}, alarms=alarms)


@MANY
@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(0, 50))
def test_occurrences_that_come_twice_or_late_leave_what_the_newest_has_set(order: list[int], desired: int) -> None:
    declared, state = a_scaling().target, ScalingState()
    for number in order:
        action = ScheduledAction(name="one", schedule="rate(1 hour)", minimum=number, maximum=50 + number)
        state = decide_scheduled(action, number * 3600.0, declared, state, desired).state
    assert (state.minimum, state.maximum) == (max(order), 50 + max(order))


# -- missing data -----------------------------------------------------------------------------------------------------


@MANY
@given(scalings(), st.integers(0, 60), MINUTES, METRICS, st.sampled_from(["nothing", "gaps", "nan", "old", "in part"]))
def test_no_data_changes_nothing(
    scaling: Scaling, start: int, minutes: list[dict[str, Any]], value: float, kind: str
) -> None:
    scaling = replace(scaling, policies=tuple(without_running(policy) for policy in scaling.policies))
    scaled = lived(scaling, start, minutes)[-1][0].after(60)
    readings = {
        "nothing": Reading(),
        "gaps": a_reading(None, scaled.now),
        "nan": a_reading(math.nan, scaled.now),
        "old": a_reading(value, scaled.now - 3600),
        "in part": replace(a_reading(value, scaled.now), failed="Throttling"),
    }
    decision = scaled.decide(readings[kind])
    assert decision.count == decision.before, decision


@MANY
@given(TRACKING | BACKLOG | FORMULAS, st.integers(2, 60), MINUTES)
def test_a_policy_that_cannot_tell_holds_back_the_scale_in_of_others(
    blind: Policy, start: int, minutes: list[dict[str, Any]]
) -> None:
    assert not isinstance(blind, StepScaling)
    sighted = a_tracking("sighted", cooldowns=Cooldowns(scale_out=0, scale_in=0))
    scaled = lived(a_scaling(sighted, replace(blind, disable_scale_in=False)), start, minutes)[-1][0].after(1000)
    scaled.running, scaled.deploying = None, False
    readings = {"sighted": a_reading(5.0, scaled.now), blind.name: Reading(failed="Throttling")}
    decision = scaled.decide(readings)
    assert decision.count >= decision.before, decision


# -- calm -------------------------------------------------------------------------------------------------------------


@RUNS
@given(
    load=st.integers(0, 3000),
    start=st.integers(1, 60),
    lag=st.integers(0, 3),
    boot=st.integers(0, 4),
    cooldown=st.sampled_from([0, 60, 300]),
    periods=st.sampled_from([Evaluation(), Evaluation(out_periods=1, in_periods=2)]),
)
def test_under_a_steady_load_it_neither_runs_away_nor_oscillates(
    load: int, start: int, lag: int, boot: int, cooldown: int, periods: Evaluation
) -> None:
    """Metrics come ``lag`` minutes late, tasks need ``boot`` minutes to start; the load is spread over what runs."""
    policy = a_tracking(cooldowns=Cooldowns(scale_out=cooldown, scale_in=cooldown), evaluation=periods)
    scaled = Scaled(a_scaling(policy, minimum=1, maximum=100), start)
    needed = max(1, math.ceil(load / 50))
    counts, ran, values = [start], [start], list[tuple[float, float]]()
    for _ in range(240):
        ran.append(min(counts[-boot - 1 :]) if len(counts) > boot else start)  # stops at once, starts late
        scaled.running = ran[-1]
        values.append((scaled.now, load / ran[-1]))
        scaled.after(60)
        series = MetricSeries(points=tuple(values[: len(values) - lag]))
        counts.append(scaled.decide(Reading(series={MEASURED: series})).count)
    assert max(counts) <= max(start, needed), counts
    assert needed <= counts[-1] <= max(math.ceil(needed / 0.9), min(start, needed)), counts
    changes = [second - first for first, second in pairwise(counts) if first != second]
    assert all(one > 0 for one in changes) or all(one < 0 for one in changes), counts
