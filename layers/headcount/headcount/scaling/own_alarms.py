"""The alarms that Headcount keeps for a service's target tracking: they tell when there is something to decide.

The decision itself looks at the metric, never at these alarms. Other policies have none: step scaling follows the
user's, and what says a count outright is asked every minute.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from headcount.balancing.naming import tags_of
from headcount.model.metrics import AlarmTerms, MetricQuery, MetricStat
from headcount.model.scaling import PredefinedMetric, Scaling, TargetTracking
from headcount.model.scaling_resources import FoundAlarm, ScalingAlarm
from headcount.model.values import replace
from headcount.scaling.queries import Measured, tracked_queries
from headcount.scaling.tracking import panic_alarm, tracking_alarms

Kind = Literal["high", "low", "panic", "demand"]

SHOWN = 64  # characters of a name within an alarm's name, which has at most 255
HASH = 12


def wanted_alarms(scaling: Scaling, service: str, install: str, measured: Measured) -> tuple[ScalingAlarm, ...]:
    """Each policy's alarms: above the target, below nine tenths of it, a panic, and any demand where none may run."""
    from_zero = 0 in (scaling.target.minimum, *(one.minimum for one in scaling.scheduled_actions))
    return tuple(
        ScalingAlarm(
            name=alarm_name(install, service, policy.name, kind),
            description=alarm_description(service, policy.name, kind),
            queries=tracked_queries(policy, measured),
            terms=terms,
            tags=tuple(tags_of(service, install).items()),
        )
        for policy in scaling.policies
        if isinstance(policy, TargetTracking)
        for kind, terms in _terms_of(policy, from_zero=from_zero)
    )


def alarm_prefix(install: str) -> str:
    """How the names of all these alarms of an install begin."""
    return f"headcount/{install}/scaling/"


def alarm_name(install: str, service: str, policy: str, kind: Kind) -> str:
    """``headcount/main/scaling/web/cpu/high/0123456789ab``: names for people, a hash for what is cut off."""
    unique = hashlib.sha256(f"{service}\n{policy}".encode()).hexdigest()[:HASH]
    name = service.partition("/")[2][:SHOWN]
    return f"{alarm_prefix(install)}{name}/{policy[:SHOWN]}/{kind}/{unique}"


def alarm_description(service: str, policy: str, kind: Kind) -> str:
    """By which ``decide_scaling`` knows whom an alarm is about."""
    return json.dumps({"headcount": {"service": service, "policy": policy, "alarm": kind}}, ensure_ascii=False)


def is_as_wanted(wanted: ScalingAlarm, found: FoundAlarm) -> bool:
    """Whether CloudWatch has an alarm as it is wanted. The order of dimensions and queries is AWS's business."""
    same = found.description == wanted.description and found.terms == wanted.terms
    return same and _compared(found.queries) == _compared(wanted.queries)


def _compared(queries: Sequence[MetricQuery]) -> frozenset[MetricQuery]:
    """A single metric has no id in CloudWatch."""
    alone = len(queries) == 1
    return frozenset(
        replace(one, query_id="" if alone else one.query_id, stat=None if one.stat is None else _sorted(one.stat))
        for one in queries
    )


def _sorted(stat: MetricStat) -> MetricStat:
    return replace(stat, dimensions=tuple(sorted(stat.dimensions)))


def is_ours(found: FoundAlarm, service: str) -> bool:
    """Whether an alarm was made by Headcount for this service: its description says so, and nobody else writes it."""
    try:
        told = json.loads(found.description)["headcount"]
        return isinstance(told, Mapping) and told.get("service") == service
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _terms_of(policy: TargetTracking, *, from_zero: bool) -> Iterator[tuple[Kind, AlarmTerms]]:
    high, low = tracking_alarms(policy)
    yield "high", high
    if not policy.disable_scale_in:
        yield "low", low
    if (panic := panic_alarm(policy)) is not None:
        yield "panic", panic
    if from_zero and _exists_without_tasks(policy):
        yield "demand", replace(high, threshold=0.0, periods=1, to_alarm=1)


def _exists_without_tasks(policy: TargetTracking) -> bool:
    """Whether a metric may say something while no task runs. What tasks use does not."""
    return not isinstance(policy.metric, PredefinedMetric) or bool(policy.metric.resource_label)
