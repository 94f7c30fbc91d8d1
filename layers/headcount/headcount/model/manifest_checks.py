"""What must hold between the fields of one manifest: contradictions, deadlocks, sizes.

Every check looks only at fields that were understood; what is wrong with a field by itself has been said already.
"""

import json
from collections.abc import Mapping
from typing import Any

from headcount.model.manifest import Manifest, Restarts
from headcount.model.manifest_balancing_checks import check_balancing
from headcount.model.manifest_bounds import MAXIMUM_DEFINITION, MAXIMUM_OVERRIDES
from headcount.model.manifest_capacity_checks import check_capacity
from headcount.model.manifest_fields import COUNT
from headcount.model.manifest_kinds import INVALID, has_invalid, problem
from headcount.model.manifest_placement_checks import check_placement
from headcount.model.manifest_scaling_checks import check_scaling
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.problem import Problem
from headcount.model.values import fields as fields_of

_DEFAULTS = {field.name: field.default for field in fields_of(Manifest)}
_DEFAULT_RESTARTS = Restarts()


def check_between_fields(fields: Mapping[str, Any]) -> tuple[Problem, ...]:
    """All problems between the fields of a document that ``manifest_fields.SERVICE`` has read."""
    small = tuple(found for check in _CHECKS if (found := check(fields)) is not None)
    larger = (check_capacity, check_placement, check_balancing, check_scaling)
    return (*(found for check in larger for found in check(fields)), *small)


def _check_count(fields: Mapping[str, Any]) -> Problem | None:
    if "desiredCount" in fields or "scaling" in fields:
        return None
    message = f"is required: {COUNT.allowed}; only with scaling may it be left out, which starts at its minCapacity"
    return problem("desiredCount", None, message)


def _check_deployments_can_move(fields: Mapping[str, Any]) -> Problem | None:
    """A deployment that may neither stop a task first nor start one first never ends."""
    deployment = _block(fields, "deploymentConfiguration")
    desired = fields.get("desiredCount", _block(fields, "scaling").get("minCapacity", INVALID))
    minimum = deployment.get("minimumHealthyPercent", _DEFAULTS["minimum_healthy_percent"])
    maximum = deployment.get("maximumPercent", _DEFAULTS["maximum_percent"])
    if INVALID in (desired, minimum, maximum) or desired == 0:
        return None
    healthy, total = minimum_healthy(desired, minimum), maximum_total(desired, maximum)
    if healthy < desired or total > desired:
        return None
    way_out = (
        "give minimumHealthyPercent: 0 and maximumPercent: 100 for a task that never runs twice (the old one stops "
        "first), or raise maximumPercent to 200 (the new one starts first)"
        if desired == 1
        else f"lower minimumHealthyPercent to {100 * (desired - 1) // desired} or raise maximumPercent "
        f"to {-(-100 * (desired + 1) // desired)}"
    )
    message = (
        f"no deployment could ever finish: with a desired count of {desired}, minimumHealthyPercent {minimum} keeps "
        f"ceil({desired} x {minimum} / 100) = {healthy} tasks and maximumPercent {maximum} allows "
        f"floor({desired} x {maximum} / 100) = {total}, so none may be stopped first and none started first; "
        f"{way_out}"
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
    return _check_size("overrides", fields.get("overrides", {}), MAXIMUM_OVERRIDES)


def _check_size_of_definition(fields: Mapping[str, Any]) -> Problem | None:
    return _check_size("taskDefinition", fields.get("taskDefinition", {}), MAXIMUM_DEFINITION)


def _check_size(path: str, value: object, maximum: int) -> Problem | None:
    if has_invalid(value):
        return None
    size = len(json.dumps(value))
    if size <= maximum:
        return None
    return problem(path, value, f"must be at most {maximum} characters of JSON (AWS's limit), not {size}")


_CHECKS = (
    _check_count,
    _check_deployments_can_move,
    _check_restarts,
    _check_scale_in,
    _check_size_of_overrides,
    _check_size_of_definition,
)


def _block(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    block = fields.get(name, {})
    return block if isinstance(block, dict) else {}
