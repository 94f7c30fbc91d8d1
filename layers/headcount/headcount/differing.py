"""How a declaration differs from the one on record: each field by its path, as ``apply`` and ``rollback`` answer."""

from collections.abc import Mapping
from typing import Any

from headcount.model.manifest import Manifest
from headcount.model.manifest_parser import canonical_document
from headcount.model.service import Capacity, DeclaredService, ServiceState
from headcount.scaling_defaults import with_defaults, without_defaults

_BY_ITEM = (  # differences in long lists are told item by item
    "loadBalancers",
    "functionTargets",
    "elasticLoadBalancers",
    "scaling.policies",
    "scaling.scheduledActions",
)


def differences(before: ServiceState | None, after: DeclaredService, capacity: Capacity) -> list[dict[str, Any]]:
    """Each field that differs, with its path, from what is on record to what would be."""
    declared = before.declared if before else None
    recorded = _flat(_document(declared, before.capacity)) if before and declared else {}
    old = recorded if declared else _unsaid(after.manifest)
    if declared and declared.manifest.scaling is None:
        old = old | _unsaid_scaling(after.manifest)
    new = _flat(_document(after, capacity))
    paths = sorted(old.keys() | new.keys())
    return [
        {"path": path, "before": recorded.get(path), "after": new.get(path)}
        for path in paths
        if old.get(path) != new.get(path)
    ]


def _unsaid(manifest: Manifest) -> dict[str, Any]:
    """What a manifest says without saying it: the defaults, which are no news in a new service."""
    if manifest.native:
        return _unsaid_scaling(manifest)
    bare = Manifest(
        cluster=manifest.cluster,
        service_name=manifest.service_name,
        task_definition=manifest.task_definition,
        desired_count=manifest.desired_count,
        subnets=manifest.subnets,
    )
    said = {"cluster", "serviceName", "taskDefinition", "desiredCount", "launchType"}
    defaults = _flat(canonical_document(bare))
    unsaid = {path: value for path, value in defaults.items() if path not in said and not path.endswith(".subnets")}
    return unsaid | _unsaid_scaling(manifest)


def _unsaid_scaling(manifest: Manifest) -> dict[str, Any]:
    if manifest.scaling is None:
        return {}
    said = without_defaults(manifest.scaling)
    meant = _flat({"scaling": with_defaults(said)})
    return {path: value for path, value in meant.items() if path not in _flat({"scaling": said})}


def _document(declared: DeclaredService, capacity: Capacity | None) -> dict[str, Any]:
    """The manifest as it takes effect: the task definition resolved, the count as it is, not as it was declared."""
    document = canonical_document(declared.manifest)
    if declared.manifest.native:
        return document
    if declared.manifest.inline_task_definition is None:
        document["taskDefinition"] = declared.task_definition_arn.rpartition("/")[2]
    document["desiredCount"] = capacity.desired_count if capacity else declared.manifest.starting_count
    return document


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every value by its path. Lists are values; those of load balancing, which are long and deep, item by item."""
    if isinstance(value, Mapping) and value:
        return _flat_parts({f"{path}.{name}" if path else str(name): part for name, part in value.items()})
    if isinstance(value, list) and path.startswith(_BY_ITEM):
        return _flat_parts({f"{path}[{index}]": part for index, part in enumerate(value)})
    return {path: value}


def _flat_parts(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {path: value for place, part in parts.items() for path, value in _flat(part, place).items()}
