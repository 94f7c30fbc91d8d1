"""CloudWatch's metrics as values: what is asked for, what was answered, and what makes an alarm of it."""

from typing import Literal

from headcount.model.values import dataclass

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Comparison = Literal[
    "GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"
]
MissingData = Literal["missing", "notBreaching", "breaching", "ignore"]

MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricStat:
    """One metric and how its samples become one value a period. ``period`` in seconds."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = "Average"
    period: int = MINUTE
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricQuery:
    """One item of ``GetMetricData``: a metric (``stat``), or metric math over others by their ids (``expression``).

    ``returned``: whether its values are wanted; others only feed expressions.
    """

    query_id: str
    stat: MetricStat | None = None
    expression: str = ""
    returned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSeries:
    """Values of one metric, one a period, oldest first: (beginning of the period in epoch seconds, value).

    A period without data is simply not there. ``period`` in seconds.
    """

    points: tuple[tuple[float, float], ...] = ()
    period: int = MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTerms:
    """What makes an alarm: ``to_alarm`` (M) of the last ``periods`` (N) points beyond the threshold."""

    comparison: Comparison
    threshold: float
    periods: int = 1
    to_alarm: int = 1
    missing: MissingData = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmReading:
    """An alarm as CloudWatch has it, and the values of its metric. ``composite``: it has none; see ``FoundAlarm``."""

    name: str
    state: AlarmState
    terms: AlarmTerms
    series: MetricSeries = MetricSeries()
    composite: bool = False
