"""What a block of scaling says without saying it: the defaults, which are no news when it is declared."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from headcount.model.manifest_scaling import CONFIGURATIONS, SCALING
from headcount.model.manifest_scaling_values import scaling_of, written_scaling

_OF_POLICIES = ("limits", "policyType")
_OF_CONFIGURATIONS = (
    "activation",
    "atOnce",
    "cooldown",
    "disableScaleIn",
    "evaluation",
    "metricAggregationType",
    "minAdjustmentMagnitude",
    "scaleInCooldown",
    "scaleOutCooldown",
    "timeoutSeconds",
)


def without_defaults(block: Mapping[str, Any]) -> dict[str, Any]:
    """A canonical block without all that may be left out."""
    return {
        "minCapacity": block["minCapacity"],
        "maxCapacity": block["maxCapacity"],
        **_listed("policies", map(_bare, block.get("policies", ()))),
        **_listed("scheduledActions", map(_timeless, block.get("scheduledActions", ()))),
    }


def with_defaults(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block in its canonical form."""
    return written_scaling(scaling_of(SCALING.read("scaling", dict(block)).value))


def shortened(block: Mapping[str, Any]) -> dict[str, Any]:
    """A canonical block without what holds anyway; it means the same."""
    short, meant = copy.deepcopy(dict(block)), with_defaults(block)
    for place, key in list(_optional(short)):
        whole = dict(place)
        del place[key]
        if with_defaults(short) != meant:  # put back in its order
            place.clear()
            place.update(whole)
    return short


def _optional(block: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Each key that may be left out, with the mapping that it stands in."""
    for policy in block.get("policies", ()):
        configuration = next(policy[key] for key in CONFIGURATIONS.values() if key in policy)
        yield from _of_queries(configuration.get("customizedMetricSpecification", configuration).get("metrics", ()))
        for within in (
            policy.get("limits", {}).get("panic", {}),
            policy.get("limits", {}),
            configuration.get("evaluation", {}),
        ):
            yield from ((within, key) for key in list(within) if key != "panic")
        yield from ((configuration, key) for key in _OF_CONFIGURATIONS if key in configuration)
        yield from ((policy, key) for key in ("limits",) if key in policy)
    yield from ((action, "timezone") for action in block.get("scheduledActions", ()) if "timezone" in action)
    yield from ((block, key) for key in ("suspendedState", "policies", "scheduledActions") if key in block)


def _of_queries(queries: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    for query in queries:
        stat = query.get("metricStat", {})
        for place, key in ((query, "returnData"), (stat, "period"), (stat.get("metric", {}), "dimensions")):
            if key in place:
                yield place, key


def _listed(key: str, items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {key: found} if (found := list(items)) else {}


def _timeless(action: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in action.items() if key != "timezone"}


def _bare(policy: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in policy.items() if key not in _OF_POLICIES}
    for key in CONFIGURATIONS.values():
        if key in kept:
            kept[key] = {name: value for name, value in kept[key].items() if name not in _OF_CONFIGURATIONS}
    return kept
