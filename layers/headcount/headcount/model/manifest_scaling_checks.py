"""What must hold between the keys of the block ``scaling``.

Every check looks only at what was understood; what is wrong with a field by itself has been said already.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headcount.model.cel_types import COUNTS, RESERVED, check_formula
from headcount.model.manifest_fields import NATIVE_SERVICE
from headcount.model.manifest_kinds import INVALID, has_invalid, joined, problem
from headcount.model.manifest_scaling import CONFIGURATIONS, OF_NATIVE_SERVICES
from headcount.model.manifest_scaling_steps import check_steps
from headcount.model.metrics import MINUTE
from headcount.model.problem import Problem
from headcount.model.scaling_state import IN_FLIGHT, VISIBLE

_ALB = "ALBRequestCountPerTarget"
_OF_ONE_METRIC = ("metricName", "namespace", "statistic")
_HOUR, _DAY = 3600, 86400
Block = Mapping[str, Any]


def check_scaling(fields: Block) -> tuple[Problem, ...]:
    """All problems with scaling in the fields of a document."""
    block = fields.get("scaling")
    if not isinstance(block, Mapping):
        return ()
    found = [*_bounds("scaling", block), *_pasted("scaling", block, fields)]
    for path, policy in _items("scaling", block, "policies"):
        found += [*_policy(path, policy), *_pasted(path, policy, fields), *_resolution(path, policy, fields)]
    for path, action in _items("scaling", block, "scheduledActions"):
        found += [*_action(path, action), *_pasted(path, action, fields)]
    return tuple(found)


def _bounds(path: str, block: Block) -> Iterator[Problem]:
    minimum, maximum = block.get("minCapacity", INVALID), block.get("maxCapacity", INVALID)
    if INVALID not in (minimum, maximum) and minimum > maximum:
        yield problem(joined(path, "minCapacity"), minimum, f"must be at most maxCapacity, {maximum}")


def _pasted(path: str, block: Block, fields: Block) -> Iterator[Problem]:
    """A request that was made for another service."""
    named, cluster, service = block.get("resourceId"), fields.get("cluster"), fields.get("serviceName")
    meant = f"service/{cluster}/{service}"
    if isinstance(named, str) and isinstance(cluster, str) and isinstance(service, str) and named != meant:
        yield problem(joined(path, "resourceId"), named, f"is another service; this is {meant} (or leave the key out)")


def _resolution(path: str, policy: Block, fields: Block) -> Iterator[Problem]:
    value: object = policy
    for key in (CONFIGURATIONS["TargetTrackingScaling"], "predefinedMetricSpecification", "predefinedMetricType"):
        path, value = joined(path, key), value.get(key) if isinstance(value, Mapping) else None
    if value in OF_NATIVE_SERVICES and fields.get("kind") != NATIVE_SERVICE:
        message = f"metrics of 20 seconds exist of native ECS services only: {value} is for kind {NATIVE_SERVICE}"
        yield problem(path, value, message)


# -- policies ---------------------------------------------------------------------------------------------------------


def _policy(path: str, policy: Block) -> Iterator[Problem]:
    given = [kind for kind, key in CONFIGURATIONS.items() if key in policy]
    if len(given) != 1:
        yield problem(path, None, f"needs exactly one of {', '.join(CONFIGURATIONS.values())}; this has {len(given)}")
        return
    kind = given[0]
    if policy.get("policyType", kind) not in (kind, INVALID):
        message = f"must be {kind}: it has {CONFIGURATIONS[kind]}"
        yield problem(joined(path, "policyType"), policy["policyType"], message)
    inner, configuration = joined(path, CONFIGURATIONS[kind]), policy[CONFIGURATIONS[kind]]
    if isinstance(configuration, Mapping):
        yield from _CHECKS[kind](inner, configuration)
    yield from _alarms(path, policy, kind)
    if kind == "TargetTrackingScaling" and not has_invalid(policy):
        yield from _windows(path, policy)
    if isinstance(limits := policy.get("limits"), Mapping):
        yield from _bounds(joined(path, "limits"), limits)


def _windows(path: str, policy: Block) -> Iterator[Problem]:
    """How long alarms may look back (CloudWatch: PutMetricAlarm)."""
    evaluation = policy[CONFIGURATIONS["TargetTrackingScaling"]].get("evaluation", {})
    period = evaluation.get("period", MINUTE)
    most, words = (7 * _DAY, "a week, for periods of an hour") if period >= _HOUR else (_DAY, "a day")
    inner = joined(joined(path, CONFIGURATIONS["TargetTrackingScaling"]), "evaluation")
    panic = policy.get("limits", {}).get("panic", {})
    counts = {joined(inner, key): evaluation.get(key, 0) for key in ("outPeriods", "inPeriods")}
    counts[joined(joined(joined(path, "limits"), "panic"), "periods")] = panic.get("periods", 0)
    for place, count in counts.items():
        if count * period > most:
            message = (
                f"{count} periods of {period} s are {count * period} s: CloudWatch's alarms look back {words} at most"
            )
            yield problem(place, count, message)


def _alarms(path: str, policy: Block, kind: str) -> Iterator[Problem]:
    alarms = policy.get("alarms", [])
    if kind == "StepScaling" and alarms == []:
        yield problem(joined(path, "alarms"), None, "is required: the names of the alarms that step scaling answers to")
    if kind != "StepScaling" and isinstance(alarms, list) and any(map(_is_users, alarms)):
        yield problem(joined(path, "alarms"), None, "must be left out: only step scaling answers to alarms of yours")


def _is_users(alarm: object) -> bool:
    """Those that AWS has made for target tracking come with its answers."""
    return not (isinstance(alarm, str) and alarm.startswith("TargetTracking-"))


def _target_tracking(path: str, block: Block) -> Iterator[Problem]:
    predefined, customized = block.get("predefinedMetricSpecification"), block.get("customizedMetricSpecification")
    if (predefined is None) == (customized is None):
        message = "needs exactly one of predefinedMetricSpecification and customizedMetricSpecification"
        yield problem(path, None, message)
    if isinstance(predefined, Mapping):
        yield from _predefined(joined(path, "predefinedMetricSpecification"), predefined)
    if isinstance(customized, Mapping):
        yield from _customized(joined(path, "customizedMetricSpecification"), customized)


def _predefined(path: str, block: Block) -> Iterator[Problem]:
    kind, label = block.get("predefinedMetricType", INVALID), block.get("resourceLabel")
    if kind == _ALB and label is None:
        message = f"is required with {_ALB}: app/<load balancer>/<id>/targetgroup/<target group>/<id>"
        yield problem(joined(path, "resourceLabel"), None, message)
    if kind not in (_ALB, INVALID) and label is not None:
        yield problem(joined(path, "resourceLabel"), label, f"must be left out: only {_ALB} has one")


def _customized(path: str, block: Block) -> Iterator[Problem]:
    of_one = [key for key in (*_OF_ONE_METRIC, "dimensions", "unit") if key in block]
    if "metrics" not in block:
        missing = [key for key in _OF_ONE_METRIC if key not in block]
        if missing:
            yield problem(path, None, f"needs metrics, or {', '.join(_OF_ONE_METRIC)}; missing: {', '.join(missing)}")
        return
    if of_one:
        yield problem(joined(path, of_one[0]), None, "must be left out: the metric stands under metrics")
    yield from _queries(path, block, returned=1)


def _queries(path: str, block: Block, returned: int | None = None) -> Iterator[Problem]:
    """``returned``: how many of the queries must be returned; None: any."""
    count = 0
    for item, query in _items(path, block, "metrics"):
        if ("expression" in query) == ("metricStat" in query):
            yield problem(item, None, "needs exactly one of expression and metricStat")
        count += query.get("returnData", True) is True
    if returned is not None and count != returned and not has_invalid(block["metrics"]):
        message = f"must have exactly {returned} with returnData true (its default), not {count}"
        yield problem(joined(path, "metrics"), None, message)


def _returned_ids(block: Block) -> list[str]:
    queries = [query for _, query in _items("", block, "metrics") if query.get("returnData", True) is True]
    return [query["id"] for query in queries if isinstance(query.get("id"), str)]


# -- policies of our own ----------------------------------------------------------------------------------------------


def _expression(path: str, block: Block) -> Iterator[Problem]:
    yield from _queries(path, block)
    ids = _returned_ids(block)
    for item, query in _items(path, block, "metrics"):
        if query.get("id") in {*RESERVED, *COUNTS}:
            message = "is a word of CEL or a count: a metric must be called something else"
            yield problem(joined(item, "id"), query["id"], message)
    if isinstance(formula := block.get("expression"), str):
        for flaw in check_formula(formula, {**dict.fromkeys(ids, "double"), **COUNTS}):
            yield problem(joined(path, "expression"), formula, str(flaw))


def _backlog(path: str, block: Block) -> Iterator[Problem]:
    if ("queueName" in block) == ("metrics" in block):
        yield problem(path, None, "needs exactly one of queueName and metrics")
    yield from _queries(path, block)
    ids = _returned_ids(block)
    if (
        "metrics" in block
        and not has_invalid(block["metrics"])
        and (VISIBLE not in ids or {*ids} - {VISIBLE, IN_FLIGHT})
    ):
        message = f"must return {VISIBLE} and may return {IN_FLIGHT}, not {', '.join(ids) or 'nothing'}"
        yield problem(joined(path, "metrics"), None, message)


# -- scheduled actions ------------------------------------------------------------------------------------------------


def _action(path: str, action: Block) -> Iterator[Problem]:
    bounds = action.get("scalableTargetAction")
    if isinstance(bounds, Mapping):
        if not bounds:
            yield problem(joined(path, "scalableTargetAction"), None, "needs minCapacity, maxCapacity or both")
        yield from _bounds(joined(path, "scalableTargetAction"), bounds)
    start, end = action.get("startTime", INVALID), action.get("endTime", INVALID)
    if INVALID not in (start, end) and start >= end:
        yield problem(joined(path, "endTime"), None, "must be after startTime")


_CHECKS = {
    "TargetTrackingScaling": _target_tracking,
    "StepScaling": lambda path, block: check_steps(path, block, list(_items(path, block, "stepAdjustments"))),
    "Expression": _expression,
    "Backlog": _backlog,
    "Function": _queries,
}


def _items(path: str, block: Block, key: str) -> Iterator[tuple[str, Block]]:
    """Items of a list that were understood as mappings, each with its path."""
    items = block.get(key, ())
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, Mapping):
            yield f"{joined(path, key)}[{number}]", item
