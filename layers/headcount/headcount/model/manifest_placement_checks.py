"""What must hold between placement, zones, volumes and the rest of a manifest.

Every check looks only at what was understood; what is wrong with a field by itself has been said already.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from headcount.model.manifest import is_fargate
from headcount.model.manifest_capacity_checks import capacities_of
from headcount.model.manifest_kinds import INVALID, has_invalid, problem
from headcount.model.problem import Problem
from headcount.model.showing import shown

ZONE_ATTRIBUTE = "attribute:ecs.availability-zone"
_SPREAD_FIELD = re.compile(r"(?i:instanceid|host)|attribute:[\w.:/-]{1,128}", re.ASCII)


def check_placement(fields: Mapping[str, Any]) -> tuple[Problem, ...]:
    """All problems with placement in the fields of a document."""
    return tuple(found for check in _CHECKS for found in check(fields))


def against_rebalancing(fields: Mapping[str, Any]) -> tuple[str, str] | None:
    """The path and reason why running tasks are not moved between zones (ECS: Availability Zone rebalancing)."""
    percent = _understood(fields, "deploymentConfiguration", {}).get("maximumPercent")
    if percent == 100:
        return "deploymentConfiguration.maximumPercent", "with 100 no task may be started before one is stopped"
    strategy = _understood(fields, "placementStrategy", [])
    if strategy and (strategy[0].get("type"), strategy[0].get("field")) != ("spread", ZONE_ATTRIBUTE):
        return "placementStrategy[0]", f"it is not the first strategy to spread over {ZONE_ATTRIBUTE}"
    for index, constraint in enumerate(_understood(fields, "placementConstraints", [])):
        if ZONE_ATTRIBUTE in constraint.get("expression", ""):
            return f"placementConstraints[{index}]", "it decides the zones itself"
    return None


def _check_fargate(fields: Mapping[str, Any]) -> Iterator[Problem]:
    capacities = capacities_of(fields)
    if not capacities or not all(is_fargate(one.name) for one in capacities):
        return
    for name in ("placementStrategy", "placementConstraints"):
        if fields.get(name):
            message = "Fargate takes none: it is for container instances; tasks are spread over the subnets' zones"
            yield problem(name, fields[name], message)


def _check_accelerators(fields: Mapping[str, Any]) -> Iterator[Problem]:
    if not any(is_fargate(one.name) for one in capacities_of(fields)):
        return
    inline = _understood(fields, "taskDefinition", {})
    overrides = _understood(fields, "overrides", {}).get("containerOverrides", [])
    containers = inline.get("containerDefinitions", []) if isinstance(inline, dict) else []
    for path, items in (
        ("overrides.containerOverrides", overrides),
        ("taskDefinition.containerDefinitions", containers),
    ):
        for index, one in enumerate(items):
            if one.get("resourceRequirements"):
                message = "Fargate has no GPUs or other accelerators: leave it out, or use container instances"
                yield problem(f"{path}[{index}].resourceRequirements", one["resourceRequirements"], message)


def _check_strategies(fields: Mapping[str, Any]) -> Iterator[Problem]:
    for index, one in enumerate(_understood(fields, "placementStrategy", [])):
        kind, value, path = one.get("type"), one.get("field"), f"placementStrategy[{index}].field"
        if kind == "random" and value:
            yield problem(path, value, "random takes no field: leave it out")
        if kind == "binpack" and (value or "").lower() not in ("cpu", "memory"):
            yield problem(path, value, f"must be cpu or memory for binpack, not {shown(value)}")
        if kind == "spread" and not _SPREAD_FIELD.fullmatch(value or ""):
            message = f"must be instanceId, host or an attribute such as {ZONE_ATTRIBUTE}, not {shown(value)}"
            yield problem(path, value, message)


def _check_constraints(fields: Mapping[str, Any]) -> Iterator[Problem]:
    for index, one in enumerate(_understood(fields, "placementConstraints", [])):
        kind, expression, path = one.get("type"), one.get("expression"), f"placementConstraints[{index}].expression"
        if kind == "distinctInstance" and expression:
            yield problem(path, expression, "distinctInstance takes no expression: leave it out")
        if kind == "memberOf" and not expression:
            yield problem(path, expression, "is required: memberOf needs an expression")


def _check_rebalancing(fields: Mapping[str, Any]) -> Iterator[Problem]:
    reason = against_rebalancing(fields)
    if fields.get("availabilityZoneRebalancing") == "ENABLED" and reason:
        message = f"cannot be ENABLED because of {reason[0]}: {reason[1]} (ECS refuses it too); leave it out"
        yield problem("availabilityZoneRebalancing", "ENABLED", message)


def _check_volumes(fields: Mapping[str, Any]) -> Iterator[Problem]:
    for index, one in enumerate(_understood(fields, "volumeConfigurations", [])):
        volume = one.get("managedEBSVolume")
        if volume is not None and "sizeInGiB" not in volume and "snapshotId" not in volume:
            path = f"volumeConfigurations[{index}].managedEBSVolume"
            yield problem(path, volume, "needs sizeInGiB or snapshotId: EBS has to know how large the volume is")


_CHECKS = (
    _check_fargate,
    _check_accelerators,
    _check_strategies,
    _check_constraints,
    _check_rebalancing,
    _check_volumes,
)


def _understood(fields: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    value = fields.get(name, otherwise)
    return otherwise if value is INVALID or has_invalid(value) else value
