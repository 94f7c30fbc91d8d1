"""From the block ``scaling`` of a document to values, and back."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

from headcount.model.manifest import Manifest
from headcount.model.manifest_scaling import CONFIGURATIONS, OF_NATIVE_SERVICES, SCALING, name_of
from headcount.model.metrics import MINUTE, MetricQuery, MetricStat
from headcount.model.scaling import (
    OF_TWENTY_SECONDS,
    Backlog,
    Cooldowns,
    Evaluation,
    Expression,
    Function,
    Limits,
    Panic,
    Policy,
    PredefinedMetric,
    ScalableTarget,
    Scaling,
    ScheduledAction,
    Step,
    StepScaling,
    Suspended,
    TargetTracking,
)
from headcount.model.values import replace

Fields = Mapping[str, Any]
_ONE_METRIC = "m1"  # the id of the one query that a metric without metric math becomes

_SUSPENDED = {
    "dynamicScalingInSuspended": "scale_in",
    "dynamicScalingOutSuspended": "scale_out",
    "scheduledScalingSuspended": "scheduled",
}
_COOLDOWNS = {"scaleOutCooldown": "scale_out", "scaleInCooldown": "scale_in"}
_EVALUATION = {"period": "period", "outPeriods": "out_periods", "inPeriods": "in_periods"}
_STEP = {
    "metricIntervalLowerBound": "lower",
    "metricIntervalUpperBound": "upper",
    "scalingAdjustment": "adjustment",
}
_OF_PERCENT = "minAdjustmentMagnitude"  # other kinds of adjustment have none
_STEP_SCALING = {
    "adjustmentType": "adjustment_type",
    _OF_PERCENT: "minimum_magnitude",
    "cooldown": "cooldown",
    "metricAggregationType": "aggregation",
}
_LIMITS = {
    "minCapacity": "minimum",
    "maxCapacity": "maximum",
    "maxStepOut": "maximum_step_out",
    "maxStepIn": "maximum_step_in",
    "stabilizationWindowSeconds": "stabilization_seconds",
}
_PANIC = {"percent": "percent", "periods": "periods", "holdSeconds": "hold_seconds"}
_BACKLOG = {"perTask": "per_task", "activation": "activation", "atOnce": "at_once"}
_BOUNDS = {"minCapacity": "minimum", "maxCapacity": "maximum"}
_ACTION = {"scheduledActionName": "name", "schedule": "schedule", "timezone": "timezone"}


def declared_scaling(manifest: Manifest) -> Scaling | None:
    """What a manifest declares of scaling; None if nothing. Reads the whole block: once a look is enough."""
    return None if manifest.scaling is None else scaling_of(SCALING.read("scaling", manifest.scaling).value)


def scaling_of(fields: Fields) -> Scaling:
    """What a block that was read and checked declares."""
    target = ScalableTarget(
        minimum=fields["minCapacity"],
        maximum=fields["maxCapacity"],
        suspended=Suspended(**_named(fields.get("suspendedState", {}), _SUSPENDED)),
    )
    return Scaling(
        target=target,
        policies=tuple(map(_policy, fields.get("policies", ()))),
        scheduled_actions=tuple(map(_action, fields.get("scheduledActions", ()))),
    )


def written_scaling(scaling: Scaling) -> dict[str, Any]:
    """The same as a document, defaults written out."""
    return {
        **_written(scaling.target, _BOUNDS),
        "suspendedState": _written(scaling.target.suspended, _SUSPENDED),
        "policies": [_written_policy(one) for one in scaling.policies],
        "scheduledActions": [_written_action(one) for one in scaling.scheduled_actions],
    }


# -- from a document --------------------------------------------------------------------------------------------------


def _policy(fields: Fields) -> Policy:
    kind = next(kind for kind, key in CONFIGURATIONS.items() if key in fields)
    configuration: Fields = fields[CONFIGURATIONS[kind]]
    shared: dict[str, Any] = {"name": name_of(dict(fields)), "limits": _limits(fields.get("limits", {}))}
    if kind == "StepScaling":
        steps = tuple(Step(**_named(step, _STEP)) for step in configuration["stepAdjustments"])
        alarms = tuple(fields["alarms"])
        return StepScaling(**shared, **_named(configuration, _STEP_SCALING), steps=steps, alarms=alarms)
    shared["disable_scale_in"] = configuration.get("disableScaleIn", False)
    if kind == "TargetTrackingScaling":
        return _tracking(configuration, shared)
    shared["cooldowns"] = Cooldowns(**{"scale_out": 0, **_named(configuration, _COOLDOWNS)})
    queries = _queries(configuration.get("metrics", ()))
    if kind == "Expression":
        return Expression(**shared, formula=configuration["expression"], metrics=queries)
    if kind == "Backlog":
        return Backlog(**shared, queue=configuration.get("queueName", queries), **_named(configuration, _BACKLOG))
    timeout = {"timeoutSeconds": "timeout_seconds"}
    return Function(**shared, function=configuration["functionName"], metrics=queries, **_named(configuration, timeout))


def _tracking(fields: Fields, shared: dict[str, Any]) -> TargetTracking:
    predefined = fields.get("predefinedMetricSpecification", {}).get("predefinedMetricType")
    usual = OF_TWENTY_SECONDS if predefined in OF_NATIVE_SERVICES else Evaluation()
    evaluation = replace(usual, **_named(fields.get("evaluation", {}), _EVALUATION))
    return TargetTracking(
        **shared,
        target_value=fields["targetValue"],
        metric=_tracked(fields, evaluation.period),
        cooldowns=Cooldowns(**_named(fields, _COOLDOWNS)),
        evaluation=evaluation,
    )


def _tracked(fields: Fields, period: int) -> PredefinedMetric | tuple[MetricQuery, ...]:
    predefined = fields.get("predefinedMetricSpecification")
    if predefined is not None:
        label = predefined.get("resourceLabel", "")
        return PredefinedMetric(metric_type=predefined["predefinedMetricType"], resource_label=label)
    customized = fields["customizedMetricSpecification"]
    if "metrics" in customized:
        return _queries(customized["metrics"], period)
    stat = MetricStat(
        namespace=customized["namespace"],
        name=customized["metricName"],
        dimensions=_dimensions(customized),
        statistic=customized["statistic"],
        period=period,
        unit=customized.get("unit"),
    )
    return (MetricQuery(query_id=_ONE_METRIC, stat=stat),)


def _queries(items: Sequence[Fields], period: int = MINUTE) -> tuple[MetricQuery, ...]:
    return tuple(
        MetricQuery(
            query_id=item["id"],
            stat=_stat(item["metricStat"], period) if "metricStat" in item else None,
            expression=item.get("expression", ""),
            returned=item.get("returnData", True),
        )
        for item in items
    )


def _stat(fields: Fields, period: int) -> MetricStat:
    metric = fields["metric"]
    return MetricStat(
        namespace=metric["namespace"],
        name=metric["metricName"],
        dimensions=_dimensions(metric),
        statistic=fields["stat"],
        period=fields.get("period", period),
        unit=fields.get("unit"),
    )


def _dimensions(fields: Fields) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one["name"], one["value"]) for one in fields.get("dimensions", ())))


def _limits(fields: Fields) -> Limits:
    panic = Panic(**_named(fields["panic"], _PANIC)) if "panic" in fields else None
    return Limits(**_named(fields, _LIMITS), panic=panic)


def _action(fields: Fields) -> ScheduledAction:
    return ScheduledAction(
        **_named(fields, _ACTION),
        **_named(fields["scalableTargetAction"], _BOUNDS),
        start_at=fields.get("startTime"),
        end_at=fields.get("endTime"),
    )


# -- and back ---------------------------------------------------------------------------------------------------------


def _written_policy(policy: Policy) -> dict[str, Any]:
    kind, configuration = _written_configuration(policy)
    alarms = {"alarms": list(policy.alarms)} if isinstance(policy, StepScaling) else {}
    panic = policy.limits.panic
    limits = _written(policy.limits, _LIMITS) | ({} if panic is None else {"panic": _written(panic, _PANIC)})
    named = {"policyName": policy.name, "policyType": kind, CONFIGURATIONS[kind]: configuration}
    return {**named, **alarms, "limits": limits}


def _written_configuration(policy: Policy) -> tuple[str, dict[str, Any]]:
    if isinstance(policy, StepScaling):
        written = {
            **_written(policy, _STEP_SCALING),
            "stepAdjustments": [_written(step, _STEP) for step in policy.steps],
        }
        return "StepScaling", {key: value for key, value in written.items() if value or key != _OF_PERCENT}
    shared = {**_written(policy.cooldowns, _COOLDOWNS), "disableScaleIn": policy.disable_scale_in}
    match policy:
        case TargetTracking():
            evaluation = _written(policy.evaluation, _EVALUATION)
            tracked = {"targetValue": policy.target_value, **_written_tracked(policy), "evaluation": evaluation}
            return "TargetTrackingScaling", {**tracked, **shared}
        case Expression():
            return "Expression", {"expression": policy.formula, **_written_queries(policy.metrics), **shared}
        case Backlog(queue=queue):
            source = {"queueName": queue} if isinstance(queue, str) else _written_queries(queue)
            return "Backlog", {**source, **_written(policy, _BACKLOG), **shared}
        case Function():
            called = {"functionName": policy.function, "timeoutSeconds": policy.timeout_seconds}
            return "Function", {**called, **_written_queries(policy.metrics), **shared}
        case _:
            assert_never(policy)


def _written_tracked(policy: TargetTracking) -> dict[str, Any]:
    metric = policy.metric
    if isinstance(metric, PredefinedMetric):
        label = {"resourceLabel": metric.resource_label} if metric.resource_label else {}
        return {"predefinedMetricSpecification": {"predefinedMetricType": metric.metric_type, **label}}
    return {"customizedMetricSpecification": _written_queries(metric)}


def _written_queries(queries: Sequence[MetricQuery]) -> dict[str, Any]:
    return {"metrics": [_written_query(query) for query in queries]} if queries else {}


def _written_query(query: MetricQuery) -> dict[str, Any]:
    stat = query.stat
    what = {"expression": query.expression} if stat is None else {"metricStat": _written_stat(stat)}
    return {"id": query.query_id, **what, "returnData": query.returned}


def _written_stat(stat: MetricStat) -> dict[str, Any]:
    dimensions = [{"name": name, "value": value} for name, value in stat.dimensions]
    metric = {"namespace": stat.namespace, "metricName": stat.name, "dimensions": dimensions}
    unit = {} if stat.unit is None else {"unit": stat.unit}
    return {"metric": metric, "stat": stat.statistic, "period": stat.period, **unit}


def _written_action(action: ScheduledAction) -> dict[str, Any]:
    times = {"startTime": action.start_at, "endTime": action.end_at}
    shown = {key: datetime.fromtimestamp(at, UTC).isoformat() for key, at in times.items() if at is not None}
    return {**_written(action, _ACTION), **shown, "scalableTargetAction": _written(action, _BOUNDS)}


def _named(fields: Fields, names: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments: the keys that are there, by the names of attributes."""
    return {name: fields[key] for key, name in names.items() if key in fields}


def _written(value: object, names: Mapping[str, str]) -> dict[str, Any]:
    """Attributes by the names of keys, those without a value left out."""
    written = {key: getattr(value, name) for key, name in names.items()}
    return {key: one for key, one in written.items() if one is not None}
