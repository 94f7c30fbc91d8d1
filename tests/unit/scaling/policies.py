"""Policies, metrics and services with policies: valid values with one thing changed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from headcount.model.metrics import AlarmReading, AlarmState, AlarmTerms, MetricSeries
from headcount.model.scaling import (
    AdjustmentType,
    Backlog,
    Expression,
    Function,
    Policy,
    PredefinedMetric,
    ScalableTarget,
    Scaling,
    Step,
    StepScaling,
    TargetTracking,
)
from headcount.model.scaling_state import IN_FLIGHT, MEASURED, VISIBLE, Present, Reading, ScalingDecision, ScalingState
from headcount.model.values import replace
from headcount.scaling.decide import decide_scaling

NOW: Final = 1_790_000_040.0  # a whole minute
CPU: Final = PredefinedMetric(metric_type="ECSServiceAverageCPUUtilization")
STEPS: Final = (
    Step(lower=0, upper=10, adjustment=0),
    Step(lower=10, upper=20, adjustment=10),
    Step(lower=20, adjustment=30),
    Step(lower=-10, upper=0, adjustment=0),
    Step(lower=-20, upper=-10, adjustment=-10),
    Step(upper=-20, adjustment=-30),
)
"""AWS's example: percent, by distance from the threshold 50."""


def a_tracking(name: str = "cpu", target: float = 50.0, **changed: Any) -> TargetTracking:
    return replace(TargetTracking(name=name, target_value=target, metric=CPU), **changed)


def a_step_policy(
    name: str = "steps",
    steps: Sequence[Step] = (Step(lower=0, adjustment=2),),
    kind: AdjustmentType = "ChangeInCapacity",
    **changed: Any,
) -> StepScaling:
    policy = StepScaling(name=name, adjustment_type=kind, steps=tuple(steps), alarms=("high",))
    return replace(policy, **changed)


def an_expression(formula: str, name: str = "formula", **changed: Any) -> Expression:
    return replace(Expression(name=name, formula=formula), **changed)


def a_backlog(per_task: float = 10, **changed: Any) -> Backlog:
    return replace(Backlog(name="backlog", queue="jobs", per_task=per_task), **changed)


def a_function(name: str = "mine") -> Function:
    return Function(name=name, function="decide")


def a_series(*values: float | None, now: float = NOW, period: int = 60) -> MetricSeries:
    """One value a period, the last of the period that ended at ``now``; None is a gap."""
    ended = now // period * period
    starts = [ended - period * number for number in range(len(values), 0, -1)]
    points = tuple((at, value) for at, value in zip(starts, values, strict=True) if value is not None)
    return MetricSeries(points=points, period=period)


def measured(*values: float | None, now: float = NOW) -> Reading:
    """A metric; one value alone has lasted for 20 periods."""
    lasting = values * 20 if len(values) == 1 else values
    return Reading(series={MEASURED: a_series(*lasting, now=now)})


def named(now: float = NOW, **values: float | None) -> Reading:
    return Reading(series={name: a_series(value, now=now) for name, value in values.items()})


def a_queue(visible: float | None, in_flight: float | None = 0.0, now: float = NOW) -> Reading:
    return named(now, **{VISIBLE: visible, IN_FLIGHT: in_flight})


def alarmed(
    *values: float | None,
    threshold: float = 50.0,
    comparison: Any = "GreaterThanThreshold",
    state: AlarmState = "ALARM",
    now: float = NOW,
    name: str = "high",
) -> Reading:
    terms = AlarmTerms(comparison=comparison, threshold=threshold, periods=max(1, len(values)), to_alarm=1)
    return Reading(alarms=(AlarmReading(name=name, state=state, terms=terms, series=a_series(*values, now=now)),))


def a_scaling(*policies: Policy, minimum: int = 0, maximum: int = 100, **changed: Any) -> Scaling:
    target = replace(ScalableTarget(minimum=minimum, maximum=maximum), **changed)
    return Scaling(target=target, policies=policies)


class Scaled:
    """A service that does at once what is decided, and what is kept in between."""

    def __init__(self, scaling: Scaling, desired: int, *, now: float = NOW) -> None:
        self.scaling = scaling
        self.state = ScalingState()
        self.desired = desired
        self.now = now
        self.running: int | None = None  # None: as many as are desired
        self.leaving = 0
        self.deploying = False
        self.settled_at: float | None = None

    def present(self) -> Present:
        running = self.desired if self.running is None else self.running
        return Present(
            desired=self.desired,
            running=running,
            leaving=self.leaving,
            deploying=self.deploying,
            settled_at=self.settled_at,
        )

    def decide(self, readings: Mapping[str, Reading] | Reading) -> ScalingDecision:
        """Decides and takes it over. One reading is for every policy."""
        if isinstance(readings, Reading):
            readings = {policy.name: readings for policy in self.scaling.policies}
        decision = decide_scaling(self.scaling, self.state, readings, self.present(), self.now)
        self.state, self.desired = decision.state, decision.count
        return decision

    def after(self, seconds: float) -> "Scaled":
        self.now += seconds
        return self


def decided(
    scaling: Scaling, readings: Mapping[str, Reading] | Reading, desired: int, **changed: Any
) -> ScalingDecision:
    """One decision on a service of which nothing is remembered."""
    scaled = Scaled(scaling, desired)
    for name, value in changed.items():
        setattr(scaled, name, value)
    return scaled.decide(readings)
