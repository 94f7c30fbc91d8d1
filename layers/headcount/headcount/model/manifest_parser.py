"""From a document to a ``Manifest``, and back.

``parse_manifest`` never raises and reports everything that is wrong at once. What each key may be stands as data in
``manifest_fields``; what must hold between keys stands in ``manifest_checks``.
"""

from collections.abc import Mapping
from typing import Any

from headcount.model.manifest import (
    CapacityReturn,
    CapacitySource,
    Deadlines,
    Manifest,
    MaximumAge,
    Restarts,
)
from headcount.model.manifest_balancing_values import balancing_of, written_balancing
from headcount.model.manifest_checks import check_between_fields
from headcount.model.manifest_fields import SERVICE
from headcount.model.manifest_fit import misfits
from headcount.model.manifest_kinds import INVALID
from headcount.model.manifest_native import NATIVE, is_native, native_of, written_native
from headcount.model.manifest_placement_checks import against_rebalancing
from headcount.model.manifest_scaling_checks import check_scaling
from headcount.model.manifest_scaling_values import scaling_of, written_scaling
from headcount.model.problem import Problem

MOST_VALUES = 10_000  # of a document; what AWS lets a manifest say is far less
MAXIMUM_PROBLEMS = 500  # an answer of `control` must fit into what Lambda returns
LONGEST_FAMILY = 255

# What RunTask takes as it stands, and what it does when the field is absent. Defaults are not sent, so that writing one
# down changes neither the requests nor the deployment.
_PASSED_THROUGH: Mapping[str, Any] = {
    "platformVersion": "LATEST",
    "enableExecuteCommand": False,
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
    "overrides": {},
    "placementStrategy": [],
    "placementConstraints": [],
    "volumeConfigurations": [],
}
_SERVICE = {"cluster": "cluster", "serviceName": "service_name"}
_AWSVPC = {"subnets": "subnets", "securityGroups": "security_groups", "assignPublicIp": "assign_public_ip"}
_DEPLOYMENT = {"minimumHealthyPercent": "minimum_healthy_percent", "maximumPercent": "maximum_percent"}
_SCALE_IN = {"prefer": "scale_in_prefer"}
_RESTARTS = {
    "initialSeconds": "initial_seconds",
    "maximumSeconds": "maximum_seconds",
    "resetAfterSeconds": "reset_after_seconds",
}
_DEADLINES = {
    "provisioningSeconds": "provisioning_seconds",
    "pendingSeconds": "pending_seconds",
    "activatingSeconds": "activating_seconds",
    "stoppingSeconds": "stopping_seconds",
    "disconnectedSeconds": "disconnected_seconds",
}
_MAXIMUM_AGE = {"seconds": "seconds", "jitterPercent": "jitter_percent"}
_CAPACITY_RETURN = {"afterSeconds": "after_seconds", "atOncePercent": "at_once_percent"}


def parse_manifest(document: object) -> Manifest | tuple[Problem, ...]:
    """The manifest that a JSON-like document declares, or every problem in it (at least one)."""
    if _is_too_large(document):
        return (Problem(path="manifest", message=f"holds more than {MOST_VALUES} values: no manifest needs that"),)
    native = is_native(document)
    reading = (NATIVE if native else SERVICE).read("", document)
    problems = reading.problems
    if reading.value is not INVALID:
        problems += check_scaling(reading.value) if native else check_between_fields(reading.value)
    if problems:
        return _at_most(problems)
    manifest = native_of(reading.value) if native else _manifest(reading.value)
    if manifest.inline_task_definition is None:
        return manifest
    return misfits(manifest, manifest.inline_task_definition) or manifest


def canonical_document(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON in AWS's lower camel case, defaults written out; parsing it gives the same manifest."""
    if manifest.native:
        return written_native(manifest)
    inline = manifest.inline_task_definition
    awsvpc = {"networkConfiguration": {"awsvpcConfiguration": _written(manifest, _AWSVPC)}}
    maximum_age = manifest.maximum_age
    return {
        "kind": "Service",
        **_written(manifest, _SERVICE),
        **({} if manifest.desired_count is None else {"desiredCount": manifest.desired_count}),
        "taskDefinition": manifest.task_definition if inline is None else dict(inline),
        **_written_capacity(manifest),
        **(awsvpc if manifest.subnets else {}),
        **written_balancing(manifest),
        "deploymentConfiguration": _written(manifest, _DEPLOYMENT),
        "availabilityZoneRebalancing": "ENABLED" if manifest.zone_rebalancing else "DISABLED",
        "availabilityZoneSpread": "STRICT" if manifest.strict_zone_spread else "BEST_EFFORT",
        "restarts": _written(manifest.restarts, _RESTARTS),
        "deadlines": _written(manifest.deadlines, _DEADLINES),
        **({} if maximum_age is None else {"maximumAge": _written(maximum_age, _MAXIMUM_AGE)}),
        "scaleIn": _written(manifest, _SCALE_IN),
        **({} if manifest.scaling is None else {"scaling": manifest.scaling}),
        **{key: manifest.run_task.get(key, default) for key, default in _PASSED_THROUGH.items()},
        "tags": [{"key": key, "value": value} for key, value in manifest.tags],
    }


def _manifest(fields: Mapping[str, Any]) -> Manifest:
    network = fields.get("networkConfiguration", {})
    maximum_age = fields.get("maximumAge")
    return Manifest(
        **_named(fields, _SERVICE),
        **_task_definition(fields),
        desired_count=fields.get("desiredCount"),
        scaling=written_scaling(scaling_of(fields["scaling"])) if "scaling" in fields else None,
        sources=_sources(fields),
        fallback=tuple(_source(item) for item in fields.get("capacityFallback", ())),
        capacity_return=CapacityReturn(**_named(fields.get("capacityReturn", {}), _CAPACITY_RETURN)),
        **_named(network.get("awsvpcConfiguration", {}), _AWSVPC),
        **balancing_of(fields),
        **_named(fields.get("deploymentConfiguration", {}), _DEPLOYMENT),
        **_named(fields.get("scaleIn", {}), _SCALE_IN),
        zone_rebalancing=_rebalancing(fields),
        strict_zone_spread=fields.get("availabilityZoneSpread") == "STRICT",
        restarts=Restarts(**_named(fields.get("restarts", {}), _RESTARTS)),
        deadlines=Deadlines(**_named(fields.get("deadlines", {}), _DEADLINES)),
        maximum_age=None if maximum_age is None else MaximumAge(**_named(maximum_age, _MAXIMUM_AGE)),
        run_task={key: fields[key] for key, default in _PASSED_THROUGH.items() if fields.get(key, default) != default},
        tags=tuple((tag["key"], tag.get("value", "")) for tag in fields.get("tags", ())),
    )


def _task_definition(fields: Mapping[str, Any]) -> dict[str, Any]:
    """An inline one without a family is called after cluster and service."""
    named = fields["taskDefinition"]
    if isinstance(named, str):
        return {"task_definition": named}
    family = f"{fields['cluster']}-{fields['serviceName']}"[:LONGEST_FAMILY]
    inline = {"family": family, **named}
    return {"task_definition": inline["family"], "inline_task_definition": inline}


def _rebalancing(fields: Mapping[str, Any]) -> bool:
    """As in ECS, on where nothing stands against it."""
    wanted = fields.get("availabilityZoneRebalancing")
    return against_rebalancing(fields) is None if wanted is None else bool(wanted == "ENABLED")


def _sources(fields: Mapping[str, Any]) -> tuple[CapacitySource, ...]:
    """Weights are 0 where none is given, as in ECS; a single provider has all the weight there is."""
    if "launchType" in fields:
        return (CapacitySource(launch_type=fields["launchType"]),)
    strategy = fields["capacityProviderStrategy"]
    default = 1 if len(strategy) == 1 else 0
    return tuple(
        CapacitySource(
            capacity_provider=one["capacityProvider"], base=one.get("base", 0), weight=one.get("weight", default)
        )
        for one in strategy
    )


def _source(item: Mapping[str, Any]) -> CapacitySource:
    return CapacitySource(
        launch_type=item.get("launchType"),
        capacity_provider=item.get("capacityProvider"),
        zones=tuple(item.get("availabilityZones", ())),
    )


def _written_capacity(manifest: Manifest) -> dict[str, Any]:
    first, *_ = manifest.sources
    own: dict[str, Any] = {"launchType": first.launch_type}
    if first.capacity_provider is not None:
        strategy = [
            {"capacityProvider": one.capacity_provider, "weight": one.weight, "base": one.base}
            for one in manifest.sources
        ]
        own = {"capacityProviderStrategy": strategy}
    return {
        **own,
        "capacityFallback": [_written_fallback(one) for one in manifest.fallback],
        "capacityReturn": _written(manifest.capacity_return, _CAPACITY_RETURN),
    }


def _written_fallback(source: CapacitySource) -> dict[str, Any]:
    key = "launchType" if source.capacity_provider is None else "capacityProvider"
    return {key: source.name, **({"availabilityZones": list(source.zones)} if source.zones else {})}


def _named(block: Mapping[str, Any], attributes: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments for the keys that were given; lists become tuples."""
    given = {attribute: block[key] for key, attribute in attributes.items() if key in block}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _written(value: object, attributes: Mapping[str, str]) -> dict[str, Any]:
    written = {key: getattr(value, attribute) for key, attribute in attributes.items()}
    return {key: list(item) if isinstance(item, tuple) else item for key, item in written.items()}


def _is_too_large(document: object) -> bool:
    """Without recursion: how deep a document goes is not known yet."""
    waiting, total = [document], 0
    while waiting:
        value = waiting.pop()
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        total += len(inner)
        if total > MOST_VALUES:
            return True
        waiting += inner
    return False


def _at_most(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    if len(problems) <= MAXIMUM_PROBLEMS:
        return problems
    left_out = f"{len(problems) - MAXIMUM_PROBLEMS} more problems are not listed"
    return (*problems[:MAXIMUM_PROBLEMS], Problem(path="manifest", message=left_out))
