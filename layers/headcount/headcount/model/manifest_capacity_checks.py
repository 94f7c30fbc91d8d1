"""What must hold between the ways to start tasks that a manifest names: ECS's rules, and those of fallbacks.

Every check looks only at what was understood; what is wrong with a field by itself has been said already.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headcount.model.manifest import is_fargate
from headcount.model.manifest_kinds import INVALID, has_invalid, problem
from headcount.model.problem import Problem
from headcount.model.showing import shown
from headcount.model.values import dataclass

AWSVPC = "networkConfiguration.awsvpcConfiguration"


def check_capacity(fields: Mapping[str, Any]) -> tuple[Problem, ...]:
    """All problems with capacity in the fields of a document."""
    return tuple(found for check in _CHECKS for found in check(fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCapacity:
    """A launch type or capacity provider, where the document names it, and the zones it is for (all if empty)."""

    path: str
    name: str
    zones: frozenset[str] = frozenset()

    @property
    def covers(self) -> str:
        return f"{self.name} in {', '.join(sorted(self.zones)) or 'every zone'}"


def strategy_of(fields: Mapping[str, Any]) -> list[NamedCapacity]:
    """The service's own capacity, as far as it was understood."""
    if isinstance(fields.get("launchType"), str):
        return [NamedCapacity(path="launchType", name=fields["launchType"])]
    return [
        NamedCapacity(path=f"capacityProviderStrategy[{index}].capacityProvider", name=item["capacityProvider"])
        for index, item in _items(fields, "capacityProviderStrategy")
        if isinstance(item.get("capacityProvider"), str)
    ]


def fallbacks_of(fields: Mapping[str, Any]) -> list[NamedCapacity]:
    """The fallbacks, as far as they were understood."""
    return [
        NamedCapacity(
            path=f"capacityFallback[{index}]",
            name=item.get("capacityProvider") or item["launchType"],
            zones=frozenset(item.get("availabilityZones", ())),
        )
        for index, item in _items(fields, "capacityFallback")
        if not has_invalid(item) and ("capacityProvider" in item) != ("launchType" in item)
    ]


def capacities_of(fields: Mapping[str, Any]) -> list[NamedCapacity]:
    """Everything that tasks may be started on."""
    return [*strategy_of(fields), *fallbacks_of(fields)]


def _check_one_way(fields: Mapping[str, Any]) -> Iterator[Problem]:
    given = [name for name in ("launchType", "capacityProviderStrategy") if name in fields]
    if len(given) == 2:
        message = "contradicts launchType: give one of the two"
        yield problem("capacityProviderStrategy", fields["capacityProviderStrategy"], message)
    if not given:
        message = (
            "is required: FARGATE or EC2, or give capacityProviderStrategy instead; the cluster's default strategy is "
            "not used, because a change of it would move the service"
        )
        yield problem("launchType", None, message)


def _check_strategy(fields: Mapping[str, Any]) -> Iterator[Problem]:
    strategy = fields.get("capacityProviderStrategy", [])
    if strategy is INVALID or not strategy or has_invalid(strategy):
        return
    path = "capacityProviderStrategy"
    based = [index for index, item in enumerate(strategy) if item.get("base", 0) > 0]
    for index in based[1:]:
        message = f"only one provider of a strategy may have a base: {path}[{based[0]}] has one already"
        yield problem(f"{path}[{index}].base", strategy[index]["base"], message)
    if not any(item.get("weight", 1 if len(strategy) == 1 else 0) for item in strategy):
        message = "at least one provider must have a weight above 0 (a provider without a weight has 0, as in ECS)"
        yield problem(path, strategy, message)
    kinds = {is_fargate(item["capacityProvider"]) for item in strategy if "capacityProvider" in item}
    if len(kinds) > 1:
        message = (
            "ECS does not mix FARGATE and FARGATE_SPOT with other capacity providers in one strategy; "
            "capacityFallback may name the others"
        )
        yield problem(path, strategy, message)


def _check_fallback_items(fields: Mapping[str, Any]) -> Iterator[Problem]:
    for index, item in _items(fields, "capacityFallback"):
        given = [name for name in ("capacityProvider", "launchType") if name in item]
        if len(given) != 1:
            message = f"must name one of capacityProvider and launchType, not {'both' if given else 'none'}"
            yield problem(f"capacityFallback[{index}]", item, message)


def _check_fallbacks_add_something(fields: Mapping[str, Any]) -> Iterator[Problem]:
    """One of several providers of a strategy may stand in for the others."""
    strategy = strategy_of(fields)
    before = strategy if len(strategy) == 1 else []
    for one in fallbacks_of(fields):
        for earlier in before:
            if earlier.name == one.name and (not earlier.zones or (one.zones and one.zones <= earlier.zones)):
                message = f"is never reached: {earlier.path} already means {earlier.covers}"
                yield problem(one.path, one.covers, message)
                break
        before.append(one)


def _check_network(fields: Mapping[str, Any]) -> Iterator[Problem]:
    capacities = capacities_of(fields)
    if "networkConfiguration" not in fields:
        if any(is_fargate(one.name) for one in capacities):
            message = "is required: tasks on Fargate have network mode awsvpc, which needs subnets"
            yield problem("networkConfiguration", None, message)
        return
    network = fields["networkConfiguration"]
    awsvpc = network.get("awsvpcConfiguration") if isinstance(network, dict) else None
    if not isinstance(awsvpc, dict) or awsvpc.get("assignPublicIp") != "ENABLED":
        return
    on_instances = [one.name for one in capacities if not is_fargate(one.name)]
    if on_instances:
        message = f"ECS gives public addresses only to tasks on Fargate, and {on_instances[0]} is none"
        yield problem(f"{AWSVPC}.assignPublicIp", "ENABLED", message)


def _check_platform(fields: Mapping[str, Any]) -> Iterator[Problem]:
    version, capacities = fields.get("platformVersion", "LATEST"), capacities_of(fields)
    if version in ("LATEST", INVALID) or not capacities or any(is_fargate(one.name) for one in capacities):
        return
    message = f"{shown(version)} is a version of Fargate, and {capacities[0].name} is not on Fargate: leave it out"
    yield problem("platformVersion", version, message)


_CHECKS = (
    _check_one_way,
    _check_strategy,
    _check_fallback_items,
    _check_fallbacks_add_something,
    _check_network,
    _check_platform,
)


def _items(fields: Mapping[str, Any], name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    items = fields.get(name, [])
    if isinstance(items, list):
        yield from ((index, item) for index, item in enumerate(items) if isinstance(item, dict))
