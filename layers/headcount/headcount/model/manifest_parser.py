"""From a document to a ``Manifest``, and back.

``parse_manifest`` never raises and reports everything that is wrong at once. What each key may be stands as data in
``manifest_fields``; what must hold between keys stands in ``manifest_checks``.
"""

from collections.abc import Mapping
from typing import Any

from headcount.model.manifest import Deadlines, Manifest, Restarts
from headcount.model.manifest_checks import check_between_fields
from headcount.model.manifest_fields import SERVICE
from headcount.model.manifest_kinds import INVALID
from headcount.model.problem import Problem

MAXIMUM_PROBLEMS = 500  # an answer of `control` must fit into what Lambda returns

# What RunTask takes as it stands, and what it does when the field is absent. Defaults are not sent, so that writing one
# down changes neither the requests nor the deployment.
_PASSED_THROUGH: Mapping[str, Any] = {
    "platformVersion": "LATEST",
    "enableExecuteCommand": False,
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
    "overrides": {},
}
_SERVICE = {
    "cluster": "cluster",
    "serviceName": "service_name",
    "taskDefinition": "task_definition",
    "desiredCount": "desired_count",
}
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
}


def parse_manifest(document: object) -> Manifest | tuple[Problem, ...]:
    """The manifest that a JSON-like document declares, or every problem in it (at least one)."""
    reading = SERVICE.read("", document)
    problems = reading.problems
    if reading.value is not INVALID:
        problems += check_between_fields(reading.value)
    if problems:
        return _at_most(problems)
    return _manifest(reading.value)


def canonical_document(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON in AWS's lower camel case, defaults written out; parsing it gives the same manifest."""
    return {
        "kind": "Service",
        **_written(manifest, _SERVICE),
        **_written_capacity(manifest),
        "networkConfiguration": {"awsvpcConfiguration": _written(manifest, _AWSVPC)},
        "deploymentConfiguration": _written(manifest, _DEPLOYMENT),
        "restarts": _written(manifest.restarts, _RESTARTS),
        "deadlines": _written(manifest.deadlines, _DEADLINES),
        "scaleIn": _written(manifest, _SCALE_IN),
        **{key: manifest.run_task.get(key, default) for key, default in _PASSED_THROUGH.items()},
        "tags": [{"key": key, "value": value} for key, value in manifest.tags],
    }


def _manifest(fields: Mapping[str, Any]) -> Manifest:
    return Manifest(
        **_named(fields, _SERVICE),
        **_capacity(fields),
        **_named(fields["networkConfiguration"]["awsvpcConfiguration"], _AWSVPC),
        **_named(fields.get("deploymentConfiguration", {}), _DEPLOYMENT),
        **_named(fields.get("scaleIn", {}), _SCALE_IN),
        restarts=Restarts(**_named(fields.get("restarts", {}), _RESTARTS)),
        deadlines=Deadlines(**_named(fields.get("deadlines", {}), _DEADLINES)),
        run_task={key: fields[key] for key, default in _PASSED_THROUGH.items() if fields.get(key, default) != default},
        tags=tuple((tag["key"], tag.get("value", "")) for tag in fields.get("tags", ())),
    )


def _capacity(fields: Mapping[str, Any]) -> dict[str, Any]:
    if "launchType" in fields:
        return {"launch_type": fields["launchType"], "capacity_provider": None}
    return {"launch_type": None, "capacity_provider": fields["capacityProviderStrategy"][0]["capacityProvider"]}


def _written_capacity(manifest: Manifest) -> dict[str, Any]:
    if manifest.capacity_provider is None:
        return {"launchType": manifest.launch_type}
    return {"capacityProviderStrategy": [{"capacityProvider": manifest.capacity_provider, "weight": 1, "base": 0}]}


def _named(block: Mapping[str, Any], attributes: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments for the keys that were given; lists become tuples."""
    given = {attribute: block[key] for key, attribute in attributes.items() if key in block}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _written(value: object, attributes: Mapping[str, str]) -> dict[str, Any]:
    written = {key: getattr(value, attribute) for key, attribute in attributes.items()}
    return {key: list(item) if isinstance(item, tuple) else item for key, item in written.items()}


def _at_most(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    if len(problems) <= MAXIMUM_PROBLEMS:
        return problems
    left_out = f"{len(problems) - MAXIMUM_PROBLEMS} more problems are not listed"
    return (*problems[:MAXIMUM_PROBLEMS], Problem(path="manifest", message=left_out))
