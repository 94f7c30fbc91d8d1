"""From what a document says of load balancing to values in AWS's own spelling, and back."""

from collections.abc import Mapping
from typing import Any

from headcount.model.manifest import ElasticLoadBalancer, FunctionTarget, LoadBalancer, Manifest, UnhealthyTasks
from headcount.model.manifest_balancing_health import APPLICATION, GroupKind, kind_of, with_defaults
from headcount.model.manifest_balancing_rules import CONFIGS, SHORT
from headcount.model.manifest_shapes import uncapitalized

_GROUP_ATTRIBUTES, _BALANCER_ATTRIBUTES = "targetGroupAttributes", "loadBalancerAttributes"
_OTHERS_KEYS = ("AuthenticationRequestExtraParams",)  # maps whose keys are not AWS's
_BALANCER_DEFAULTS = {"type": "application", "scheme": "internet-facing", "ipAddressType": "ipv4"}
_UNHEALTHY_TASKS = {
    "action": "action",
    "targetAction": "target_action",
    "afterSeconds": "after_seconds",
    "atOncePercent": "at_once_percent",
    "freezeAbovePercent": "freeze_above_percent",
}


def balancing_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments for a ``Manifest``: what the fields of a document say of traffic and health."""
    unhealthy = fields.get("unhealthyTasks", {})
    return {
        "load_balancers": tuple(map(_load_balancer, fields.get("loadBalancers", ()))),
        "function_targets": tuple(map(_function_target, fields.get("functionTargets", ()))),
        "elastic_load_balancers": tuple(map(_elastic_load_balancer, fields.get("elasticLoadBalancers", ()))),
        "health_check_grace_seconds": fields.get("healthCheckGracePeriodSeconds", 0),
        "unhealthy_tasks": UnhealthyTasks(
            **{name: unhealthy[key] for key, name in _UNHEALTHY_TASKS.items() if key in unhealthy}
        ),
    }


def written_balancing(manifest: Manifest) -> dict[str, Any]:
    """The same as a document, defaults written out."""
    unhealthy = {key: getattr(manifest.unhealthy_tasks, name) for key, name in _UNHEALTHY_TASKS.items()}
    return {
        "loadBalancers": [_written_load_balancer(one) for one in manifest.load_balancers],
        "functionTargets": [_written_function_target(one) for one in manifest.function_targets],
        "elasticLoadBalancers": [_written_elastic_load_balancer(one) for one in manifest.elastic_load_balancers],
        "healthCheckGracePeriodSeconds": manifest.health_check_grace_seconds,
        "unhealthyTasks": {key: value for key, value in unhealthy.items() if value is not None},
    }


# -- from a document --------------------------------------------------------------------------------------------------


def _load_balancer(one: Mapping[str, Any]) -> LoadBalancer:
    place = {"container_name": one["containerName"], "container_port": one["containerPort"]}
    group = one.get("targetGroup")
    if group is None:
        return LoadBalancer(**place, target_group=one["targetGroupArn"])
    kind = kind_of(group)
    assert kind is not None, "protocols that are none have been refused"
    return LoadBalancer(**place, **_declared(group, kind), rules=_rules(one))


def _function_target(one: Mapping[str, Any]) -> FunctionTarget:
    return FunctionTarget(function_arn=one["functionArn"], **_declared(one["targetGroup"], "lambda"), rules=_rules(one))


def _elastic_load_balancer(one: Mapping[str, Any]) -> ElasticLoadBalancer:
    apart = (_BALANCER_ATTRIBUTES, "listeners")
    declared = {key: value for key, value in one.items() if key not in apart}
    return ElasticLoadBalancer(
        name=one["name"],
        declared=capitalized({**_BALANCER_DEFAULTS, **declared}),
        attributes=_attributes(one, _BALANCER_ATTRIBUTES),
        listeners=tuple(map(capitalized, one.get("listeners", ()))),
    )


def _declared(group: Mapping[str, Any], kind: GroupKind) -> dict[str, Any]:
    """A target group, completed as AWS would do it, so that a line that is taken out goes back to AWS's default."""
    declared = {key: value for key, value in group.items() if key != _GROUP_ATTRIBUTES}
    defaults: dict[str, Any] = {"targetType": "lambda"}
    if kind != "lambda":
        defaults = {"targetType": "instance", "ipAddressType": "ipv4"}
        if group["protocol"] in APPLICATION:
            defaults["protocolVersion"] = "HTTP1"
    return {
        "target_group": group["name"],
        "declared": capitalized({**defaults, **declared, **with_defaults(group, kind)}),
        "attributes": _attributes(group, _GROUP_ATTRIBUTES),
    }


def _attributes(block: Mapping[str, Any], name: str) -> dict[str, str]:
    return {one["key"]: one["value"] for one in block.get(name, ())}


def _rules(one: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        capitalized({**rule, "conditions": list(map(_condition, rule["conditions"]))}) for rule in one.get("rules", ())
    )


def _condition(condition: Mapping[str, Any]) -> Mapping[str, Any]:
    """In AWS's newer form, which says everything: values in the config of the field."""
    short = {key: condition[key] for key in SHORT if key in condition}
    return {"field": condition["field"], CONFIGS[condition["field"]]: short} if short else condition


def capitalized(value: Any) -> Any:
    """AWS's spelling of keys: ``VpcId`` for ``vpcId``."""
    if isinstance(value, Mapping):
        named = {key[:1].upper() + key[1:]: item for key, item in value.items()}
        return {key: dict(item) if key in _OTHERS_KEYS else capitalized(item) for key, item in named.items()}
    return [capitalized(item) for item in value] if isinstance(value, list) else value


# -- to a document ----------------------------------------------------------------------------------------------------


def _written_load_balancer(one: LoadBalancer) -> dict[str, Any]:
    place = {"containerName": one.container_name, "containerPort": one.container_port}
    if one.declared is None:
        return {"targetGroupArn": one.target_group, **place}
    return {**place, **_written_group(one.declared, one.attributes), "rules": _as_written(one.rules)}


def _written_function_target(one: FunctionTarget) -> dict[str, Any]:
    group = _written_group(one.declared, one.attributes)
    return {"functionArn": one.function_arn, **group, "rules": _as_written(one.rules)}


def _written_elastic_load_balancer(one: ElasticLoadBalancer) -> dict[str, Any]:
    return {
        **_as_written(one.declared),
        _BALANCER_ATTRIBUTES: _written_attributes(one.attributes),
        "listeners": _as_written(one.listeners),
    }


def _written_group(declared: Mapping[str, Any], attributes: Mapping[str, str]) -> dict[str, Any]:
    return {"targetGroup": {**_as_written(declared), _GROUP_ATTRIBUTES: _written_attributes(attributes)}}


def _written_attributes(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in attributes.items()]


def _as_written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            uncapitalized(key): dict(item) if key in _OTHERS_KEYS else _as_written(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_as_written(item) for item in value]
    return value
