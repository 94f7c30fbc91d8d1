"""What must hold between the fields of one manifest: contradictions, deadlocks, sizes.

Every check looks only at fields that were understood; what is wrong with a field by itself has been said already.
"""

import json
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from typing import Any

from headcount.model.manifest import Manifest, Restarts
from headcount.model.manifest_kinds import INVALID, problem
from headcount.model.manifest_overrides import MAXIMUM_OVERRIDES
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.problem import Problem

_DEFAULTS = {field.name: field.default for field in dataclass_fields(Manifest)}
_DEFAULT_RESTARTS = Restarts()


def check_between_fields(fields: Mapping[str, Any]) -> tuple[Problem, ...]:
    """All problems between the fields of a document that ``manifest_fields.SERVICE`` has read."""
    return tuple(found for check in _CHECKS if (found := check(fields)) is not None)


def _check_capacity(fields: Mapping[str, Any]) -> Problem | None:
    given = [name for name in ("launchType", "capacityProviderStrategy") if name in fields]
    if len(given) == 1:
        return None
    if given:
        message = "contradicts launchType: give one of the two"
        return problem("capacityProviderStrategy", fields["capacityProviderStrategy"], message)
    message = "is required: FARGATE, or give capacityProviderStrategy with FARGATE or FARGATE_SPOT instead"
    return problem("launchType", None, message)


def _check_deployments_can_move(fields: Mapping[str, Any]) -> Problem | None:
    """A deployment that may neither stop a task first nor start one first never ends."""
    deployment = _block(fields, "deploymentConfiguration")
    desired = fields.get("desiredCount", INVALID)
    minimum = deployment.get("minimumHealthyPercent", _DEFAULTS["minimum_healthy_percent"])
    maximum = deployment.get("maximumPercent", _DEFAULTS["maximum_percent"])
    if INVALID in (desired, minimum, maximum) or desired == 0:
        return None
    healthy, total = minimum_healthy(desired, minimum), maximum_total(desired, maximum)
    if healthy < desired or total > desired:
        return None
    message = (
        f"no deployment could ever finish: with desiredCount {desired}, minimumHealthyPercent {minimum} keeps "
        f"ceil({desired} x {minimum} / 100) = {healthy} tasks and maximumPercent {maximum} allows "
        f"floor({desired} x {maximum} / 100) = {total}, so none may be stopped first and none started first; "
        f"lower minimumHealthyPercent to {100 * (desired - 1) // desired} or raise maximumPercent "
        f"to {-(-100 * (desired + 1) // desired)}"
    )
    return problem("deploymentConfiguration", f"{minimum}/{maximum}", message)


def _check_restarts(fields: Mapping[str, Any]) -> Problem | None:
    restarts = _block(fields, "restarts")
    initial = restarts.get("initialSeconds", _DEFAULT_RESTARTS.initial_seconds)
    maximum = restarts.get("maximumSeconds", _DEFAULT_RESTARTS.maximum_seconds)
    if INVALID in (initial, maximum) or maximum >= initial:
        return None
    message = f"must be at least restarts.initialSeconds: {maximum} is less than {initial}"
    return problem("restarts.maximumSeconds", maximum, message)


def _check_scale_in(fields: Mapping[str, Any]) -> Problem | None:
    prefer = _block(fields, "scaleIn").get("prefer", [])
    if prefer is INVALID or not {"newest", "oldest"} <= {rule for rule in prefer if rule is not INVALID}:
        return None
    return problem("scaleIn.prefer", prefer, "newest and oldest contradict each other: give one of the two")


def _check_size_of_overrides(fields: Mapping[str, Any]) -> Problem | None:
    overrides = fields.get("overrides", {})
    if _has_invalid(overrides):
        return None
    size = len(json.dumps(overrides))
    if size <= MAXIMUM_OVERRIDES:
        return None
    message = f"must be at most {MAXIMUM_OVERRIDES} characters of JSON (AWS's limit), not {size}"
    return problem("overrides", overrides, message)


_CHECKS = (
    _check_capacity,
    _check_deployments_can_move,
    _check_restarts,
    _check_scale_in,
    _check_size_of_overrides,
)


def _block(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    block = fields.get(name, {})
    return block if isinstance(block, dict) else {}


def _has_invalid(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_invalid(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_invalid(item) for item in value)
    return value is INVALID
