"""What scaling asks of CloudWatch and EventBridge Scheduler, as values: queries, alarms, schedules."""

from headcount.model.metrics import AlarmState, AlarmTerms, MetricQuery
from headcount.model.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsWanted:
    """Queries of one policy, of which the returned ones are wanted, over the last ``periods`` periods.

    ``policy`` is its name; of one of the alarms of step scaling, ``<policy>|<alarm>``.
    """

    policy: str
    queries: tuple[MetricQuery, ...]
    periods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingAlarm:
    """An alarm as Headcount wants it. ``queries``: one is returned, and its values are compared."""

    name: str
    description: str
    queries: tuple[MetricQuery, ...]
    terms: AlarmTerms
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAlarm:
    """An alarm as CloudWatch has it.

    ``composite``: it compares no metric with a fixed threshold (a composite alarm, one that looks for anomalies): its
    ``terms`` mean nothing, and ``queries`` are empty.
    """

    name: str
    state: AlarmState
    terms: AlarmTerms
    queries: tuple[MetricQuery, ...] = ()
    description: str = ""
    composite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSchedule:
    """A schedule that invokes ``decide_scaling`` for a service. ``start_at``, ``end_at``: epoch seconds."""

    name: str
    service: str
    action: str
    expression: str
    timezone: str = "UTC"
    start_at: float | None = None
    end_at: float | None = None
