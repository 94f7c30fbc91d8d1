"""What a manifest declares of scaling, in the words of Application Auto Scaling. ``+`` marks what AWS has no field for.

A policy turns measurements into the count that it would have; ``headcount.scaling`` says how. Seconds throughout.
"""

from typing import Literal

from headcount.model.metrics import MINUTE, MetricQuery
from headcount.model.values import dataclass

AdjustmentType = Literal["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"]
Aggregation = Literal["Average", "Minimum", "Maximum"]

DEFAULT_COOLDOWN = 300  # AWS's, for ECS


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """AWS's ``SuspendedState``: what is switched off for a while. Policies and schedules are kept."""

    scale_in: bool = False
    scale_out: bool = False
    scheduled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalableTarget:
    """Between which counts policies and schedules may move the desired count."""

    minimum: int
    maximum: int
    suspended: Suspended = Suspended()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panic:
    """+ When to stop being gentle: so many percent of the target (or of the desired count) are asked for at once.

    Then the alarm is not waited for (``periods`` points are enough), no maximum step holds the policy back, and nothing
    is scaled in for ``hold_seconds``.
    """

    percent: int = 200
    periods: int = 1
    hold_seconds: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """+ How far one policy may go: bounds of its own, tasks a step, and how long a lower count must last before it is
    believed.
    """

    minimum: int | None = None
    maximum: int | None = None
    maximum_step_out: int | None = None
    maximum_step_in: int | None = None
    stabilization_seconds: int = 0
    panic: Panic | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooldowns:
    """After a scale-out only more than it is added; after a scale-in nothing is taken away."""

    scale_out: int = DEFAULT_COOLDOWN
    scale_in: int = DEFAULT_COOLDOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class PredefinedMetric:
    """A metric by AWS's name of it. ``resource_label`` names load balancer and target group."""

    metric_type: str
    resource_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """+ How long a metric must be off target. The defaults are those of the alarms that AWS makes (observed)."""

    period: int = MINUTE
    out_periods: int = 3
    in_periods: int = 15


OF_TWENTY_SECONDS = Evaluation(period=20, out_periods=3, in_periods=45)
"""The default for the high-resolution metrics of native services: out within a minute, in as slowly as ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTracking:
    """``TargetTrackingScaling``: keep a metric that falls as tasks are added near a value.

    ``metric``: predefined, or queries of which one is returned.
    """

    name: str
    target_value: float
    metric: PredefinedMetric | tuple[MetricQuery, ...]
    cooldowns: Cooldowns = Cooldowns()
    disable_scale_in: bool = False
    evaluation: Evaluation = Evaluation()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of ``StepAdjustments``: bounds relative to the alarm's threshold, None is unbounded."""

    lower: float | None = None
    upper: float | None = None
    adjustment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScaling:
    """``StepScaling``: how much to add or take away by how far an alarm's metric is beyond its threshold.

    ``alarms`` (+): names of the user's alarms; in AWS they name the policy instead.
    """

    name: str
    adjustment_type: AdjustmentType
    steps: tuple[Step, ...]
    minimum_magnitude: int = 0
    cooldown: int = DEFAULT_COOLDOWN
    aggregation: Aggregation = "Average"
    alarms: tuple[str, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """+ ``Expression``: a CEL formula over metrics (by query id) and counts that gives the count."""

    name: str
    formula: str
    metrics: tuple[MetricQuery, ...] = ()
    cooldowns: Cooldowns = Cooldowns(scale_out=0)
    disable_scale_in: bool = False
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """+ ``Backlog``: work that waits, divided by what one task takes.

    ``queue``: name of an SQS queue, or queries with the ids ``visible`` and, if there is one, ``inFlight``.
    ``activation``: so much must wait before a service leaves zero. ``at_once``: how much work one task has in hand at a
    time; scaling in leaves a task for all of it that is in flight.
    """

    name: str
    queue: str | tuple[MetricQuery, ...]
    per_task: float
    activation: float = 1
    at_once: int = 1
    cooldowns: Cooldowns = Cooldowns(scale_out=0)
    disable_scale_in: bool = False
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """+ ``Function``: the user's Lambda function is asked; a slow or wrong answer changes nothing."""

    name: str
    function: str
    timeout_seconds: float = 5.0
    metrics: tuple[MetricQuery, ...] = ()
    cooldowns: Cooldowns = Cooldowns(scale_out=0)
    disable_scale_in: bool = False
    limits: Limits = Limits()


Policy = TargetTracking | StepScaling | Expression | Backlog | Function


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledAction:
    """New bounds at given times. ``schedule``: ``at``, ``rate`` or ``cron``; start and end in epoch seconds."""

    name: str
    schedule: str
    timezone: str = "UTC"
    start_at: float | None = None
    end_at: float | None = None
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """The block ``scaling`` of a manifest."""

    target: ScalableTarget
    policies: tuple[Policy, ...] = ()
    scheduled_actions: tuple[ScheduledAction, ...] = ()
