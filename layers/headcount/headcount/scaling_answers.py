"""What ``control`` tells of a service's scaling: bounds and why, policies, cooldowns, schedules, the last decisions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never

from headcount import answers
from headcount.model.instants import iso
from headcount.model.manifest import Manifest
from headcount.model.manifest_scaling import CONFIGURATIONS
from headcount.model.manifest_scaling_values import declared_scaling
from headcount.model.metrics import MetricQuery
from headcount.model.scaling import (
    Backlog,
    Expression,
    Function,
    Policy,
    PredefinedMetric,
    Scaling,
    ScheduledAction,
    StepScaling,
    TargetTracking,
)
from headcount.model.scaling_record import LastDecision, ScalingRecord
from headcount.model.scaling_state import Activity, Ask
from headcount.model.schedule_expression import zone_of
from headcount.model.service import ServiceState
from headcount.scaling.occurrences import next_occurrence
from headcount.scaling.own_alarms import SHOWN
from headcount.scaling_bounds import bounds_now, declared_bounds
from headcount.wishing import override_in_force, pause_in_force

_KINDS: Mapping[type, str] = dict(
    zip((TargetTracking, StepScaling, Expression, Backlog, Function), CONFIGURATIONS, strict=True)
)


def in_short(manifest: Manifest | None, record: ScalingRecord | None) -> dict[str, Any] | None:
    """The bounds in force, for a line of ``list``; None without scaling."""
    if manifest is None or manifest.scaling is None:
        return None
    bounds = bounds_now(manifest, record)
    assert bounds is not None, "there is scaling"
    problems = len(record.problems) if record else 0
    return {"minCapacity": bounds.minimum, "maxCapacity": bounds.maximum, "problems": problems}


def in_full(state: ServiceState, now: float) -> dict[str, Any] | None:
    """Everything but the history; None without scaling."""
    manifest = state.declared.manifest if state.declared else None
    scaling = None if manifest is None else declared_scaling(manifest)
    if manifest is None or scaling is None:
        return None
    record = state.scaling or ScalingRecord()
    return {
        **_bounds(manifest, record),
        "suspendedState": {
            "dynamicScalingInSuspended": scaling.target.suspended.scale_in,
            "dynamicScalingOutSuspended": scaling.target.suspended.scale_out,
            "scheduledScalingSuspended": scaling.target.suspended.scheduled,
        },
        "held": record.held or None,
        "paused": answers.paused(pause_in_force(state.operator, now)),
        "override": answers.overridden(override_in_force(state.operator, now)),
        "policies": [_policy(policy, record, now) for policy in scaling.policies],
        "cooldowns": list(_cooldowns(record.state.activities, now)),
        "scheduledActions": _actions(scaling, record, now),
        "lastChange": _decision(record.changed),
        "lastDecision": _decision(record.latest),
        "problems": list(record.problems),
        "lookedAt": iso(record.looked_at) if record.looked_at else None,
        "nextLookAt": None if record.next_look_at is None else iso(record.next_look_at),
    }


# -- bounds -----------------------------------------------------------------------------------------------------------


def _bounds(manifest: Manifest, record: ScalingRecord) -> dict[str, Any]:
    declared, bounds = declared_bounds(manifest), bounds_now(manifest, record)
    assert declared is not None, "there is scaling"
    assert bounds is not None, "there is scaling"
    because = "as declared"
    if bounds != declared and record.state.fired:
        name, at = max(record.state.fired, key=lambda one: one[1])
        because = f"set by the scheduled action {name} at {iso(at)}"
    return {
        "minCapacity": bounds.minimum,
        "maxCapacity": bounds.maximum,
        "because": because,
        "declared": {"minCapacity": declared.minimum, "maxCapacity": declared.maximum},
    }


# -- policies ---------------------------------------------------------------------------------------------------------


def _policy(policy: Policy, record: ScalingRecord, now: float) -> dict[str, Any]:
    asked = next((one for one in (record.latest.asked if record.latest else ()) if one.policy == policy.name), None)
    panicked = dict(record.state.panicked).get(policy.name)
    hold = policy.limits.panic.hold_seconds if policy.limits.panic else 0.0
    panics = panicked is not None and panicked + hold > now
    return {
        "policyName": policy.name,
        "policyType": _KINDS[type(policy)],
        "metric": _metric(policy),
        "target": policy.target_value if isinstance(policy, TargetTracking) else None,
        "disableScaleIn": not isinstance(policy, StepScaling) and policy.disable_scale_in,
        "alarms": _alarms(policy, record),
        **_asked(asked),
        "panicUntil": iso(panicked + hold) if panicked is not None and panics else None,
    }


def _asked(ask: Ask | None) -> dict[str, Any]:
    if ask is None:
        return dict.fromkeys(("outcome", "count", "value", "measuredAt", "reason", "notScaledReason", "limited"))
    return {
        "outcome": ask.outcome,
        "count": ask.count,
        "value": ask.value,
        "measuredAt": None if ask.measured_at is None else iso(ask.measured_at),
        "reason": ask.reason,
        "notScaledReason": ask.not_scaled,
        "limited": list(ask.limited),
    }


def _alarms(policy: Policy, record: ScalingRecord) -> list[str]:
    """The user's own of step scaling, else those that Headcount keeps: the policy is the part before the last two."""
    if isinstance(policy, StepScaling):
        return list(policy.alarms)
    return [name for name in record.alarms if name.split("/")[-3:-2] == [policy.name[:SHOWN]]]


def _metric(policy: Policy) -> str:
    """What a policy looks at, in a few words."""
    match policy:
        case TargetTracking():
            return _tracked(policy.metric)
        case StepScaling():
            return f"{'alarm' if len(policy.alarms) == 1 else 'alarms'} {', '.join(policy.alarms)}"
        case Expression():
            return policy.formula
        case Backlog():
            backlog = f"queue {policy.queue}" if isinstance(policy.queue, str) else _queries(policy.queue)
            return f"{backlog}, {policy.per_task:g} a task"
        case Function():
            return f"function {policy.function}"
        case _:
            assert_never(policy)


def _tracked(metric: PredefinedMetric | tuple[MetricQuery, ...]) -> str:
    if not isinstance(metric, PredefinedMetric):
        return _queries(metric)
    return f"{metric.metric_type} of {metric.resource_label}" if metric.resource_label else metric.metric_type


def _queries(queries: Iterable[MetricQuery]) -> str:
    return "; ".join(_query(one) for one in queries if one.returned)


def _query(query: MetricQuery) -> str:
    return (
        query.expression if query.stat is None else f"{query.stat.namespace} {query.stat.name} ({query.stat.statistic})"
    )


def _cooldowns(activities: Sequence[Activity], now: float) -> Iterator[dict[str, Any]]:
    """Those that run. A scale-out cancels the cooldown of a scale-in before it."""
    last_out = max((one.at for one in activities if one.is_scale_out), default=float("-inf"))
    for one in activities:
        if one.at <= now < one.until and (one.is_scale_out or one.at > last_out):
            yield {
                "policyName": one.policy,
                "direction": "out" if one.is_scale_out else "in",
                "before": one.before,
                "after": one.after,
                "at": iso(one.at),
                "until": iso(one.until),
                "remainingSeconds": round(one.until - now),
            }


# -- scheduled actions ------------------------------------------------------------------------------------------------


def _actions(scaling: Scaling, record: ScalingRecord, now: float) -> list[dict[str, Any]]:
    """The one that is due next first; those that never come again last."""
    since, fired = {one.name: one.since for one in record.actions}, dict(record.state.fired)
    due = [(next_occurrence(one, now, since.get(one.name, now)), one) for one in scaling.scheduled_actions]
    due.sort(key=lambda one: (one[0] is None, one[0] or 0.0, one[1].name))
    return [_action(action, at, fired.get(action.name)) for at, action in due]


def _action(action: ScheduledAction, next_at: float | None, last_at: float | None) -> dict[str, Any]:
    return {
        "scheduledActionName": action.name,
        "schedule": action.schedule,
        "timezone": action.timezone,
        "minCapacity": action.minimum,
        "maxCapacity": action.maximum,
        "nextAt": None if next_at is None else iso(next_at),
        "nextLocalTime": None if next_at is None else _local(next_at, action.timezone),
        "lastAt": None if last_at is None else iso(last_at),
    }


def _local(at: float, timezone: str) -> str:
    """``2026-09-21T08:00:00+09:00``: what the clock on the wall says."""
    return datetime.fromtimestamp(at, zone_of(timezone)).isoformat(timespec="seconds")


# -- decisions --------------------------------------------------------------------------------------------------------


def _decision(decision: LastDecision | None) -> dict[str, Any] | None:
    if decision is None:
        return None
    return {
        "at": iso(decision.at),
        "before": decision.before,
        "after": decision.count,
        "reason": decision.reason,
        "policyName": decision.policy,
        "limited": list(decision.limited),
        "notScaledReason": decision.not_scaled,
        "asked": [{"policyName": one.policy, **_asked(one)} for one in decision.asked],
    }


def of_scaling(entries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The entries of a history that tell of scaling."""
    return [entry for entry in entries if entry["kind"] == "scaling"]
