"""Where tasks are to run: launch type or capacity provider strategy, checked and dealt out for one call.

`RunTask` applies base and weight to the tasks of that call alone (ECS API Reference, CapacityProviderStrategyItem).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse, json_answer
from headcount_sandbox.world.ecs.validation import refuse
from headcount_sandbox.world.moto_apis import Cluster, MotoApis, TaskDefinition

FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
MAX_STRATEGY_ITEMS, MAX_BASE, MAX_WEIGHT = 20, 100_000, 1_000
_LAUNCH_TYPES = ("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")
_RESERVED_PREFIXES = ("aws", "ecs", "fargate")
Strategy = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one task is to run; `provider` is None for EC2 instances named by launch type."""

    launch_type: str
    provider: str | None


def places(parameters: Mapping[str, Any], cluster: Cluster) -> list[Place]:
    """One place a task that was asked for, by launch type or strategy: base first, then weights."""
    count: int = parameters.get("count", 1)
    launch_type = parameters.get("launchType")
    strategy = _strategy(parameters, cluster)
    if not strategy:
        provider = "FARGATE" if launch_type == "FARGATE" else None
        return [Place(launch_type=launch_type or "EC2", provider=provider)] * count
    return [_place(provider) for provider in _deal(strategy, count)]


def check_launch(parameters: Mapping[str, Any], cluster: Cluster, definition: TaskDefinition, moto: MotoApis) -> None:
    """Refuses a launch type or capacity provider strategy that cannot be."""
    launch_type = parameters.get("launchType")
    if launch_type and parameters.get("capacityProviderStrategy"):
        raise refuse(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    if launch_type not in (None, *_LAUNCH_TYPES):
        raise refuse(f"launchType must be one of {', '.join(_LAUNCH_TYPES)}.")
    if launch_type in ("EXTERNAL", "MANAGED_INSTANCES"):
        raise refuse(f"The sandbox has no {launch_type} instances.")
    strategy = _strategy(parameters, cluster)
    if strategy:
        _check_strategy(strategy, cluster, moto)
    if is_fargate(parameters, cluster) and "FARGATE" not in definition.compatibilities:
        raise refuse("Task definition does not support launch_type FARGATE.")


def is_fargate(parameters: Mapping[str, Any], cluster: Cluster) -> bool:
    """Whether the tasks of a request run on Fargate; a strategy is never mixed."""
    strategy = _strategy(parameters, cluster)
    if strategy:
        return strategy[0]["capacityProvider"] in FARGATE_PROVIDERS
    return parameters.get("launchType") == "FARGATE"


def _strategy(parameters: Mapping[str, Any], cluster: Cluster) -> Strategy:
    if parameters.get("launchType"):
        return ()
    return parameters.get("capacityProviderStrategy") or cluster.default_strategy


def _check_strategy(strategy: Strategy, cluster: Cluster, moto: MotoApis) -> None:
    created = moto.capacity_providers()
    names = [item["capacityProvider"] for item in strategy]
    if len(strategy) > MAX_STRATEGY_ITEMS:
        raise refuse(f"A capacity provider strategy can contain a maximum of {MAX_STRATEGY_ITEMS} capacity providers.")
    if len(set(names)) != len(names):
        raise refuse("A capacity provider strategy cannot contain the same capacity provider twice.")
    for name in names:
        if name not in FARGATE_PROVIDERS and name not in created:
            raise refuse(f"The specified capacity provider '{name}' was not found.")
        if name not in cluster.capacity_providers:
            raise refuse(
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated "
                "with the cluster. Associate the capacity provider with the cluster and try again."
            )
    if len({name in FARGATE_PROVIDERS for name in names}) > 1:
        raise refuse(
            "A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups and "
            "Fargate providers. Specify one or the other and try again."
        )
    _check_numbers(strategy)


def _check_numbers(strategy: Strategy) -> None:
    if not all(0 <= item.get("base", 0) <= MAX_BASE and 0 <= item.get("weight", 0) <= MAX_WEIGHT for item in strategy):
        raise refuse(f"base has to be between 0 and {MAX_BASE}, weight between 0 and {MAX_WEIGHT}.")
    if sum(1 for item in strategy if item.get("base")) > 1:
        raise refuse("A capacity provider strategy cannot contain more than one capacity provider with a base value.")
    if not any(item.get("weight") for item in strategy):
        raise refuse("A capacity provider strategy must contain at least one capacity provider with a weight above 0.")


def _place(provider: str) -> Place:
    return Place(launch_type="FARGATE" if provider in FARGATE_PROVIDERS else "EC2", provider=provider)


def _deal(strategy: Strategy, count: int) -> list[str]:
    chosen: list[str] = []
    for item in strategy:
        chosen += [item["capacityProvider"]] * min(int(item.get("base", 0)), count)
    weighted = {item["capacityProvider"]: int(item["weight"]) for item in strategy if item.get("weight")}
    given = dict.fromkeys(weighted, 0)
    while len(chosen) < count:
        neediest = min(weighted, key=lambda provider: (given[provider] + 1) / weighted[provider])
        given[neediest] += 1
        chosen.append(neediest)
    return chosen[:count]


class CapacityProvidersApi:
    """moto's capacity providers, with Fargate's among them and bad names and associations refused."""

    def __init__(self, moto: MotoApis) -> None:
        self._moto = moto

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "CreateCapacityProvider": self._create,
            "DescribeCapacityProviders": self._describe,
            "PutClusterCapacityProviders": self._associate,
        }

    def _create(self, request: ApiRequest) -> ApiResponse:
        name = str(request.parameters.get("name", ""))
        if name.lower().startswith(_RESERVED_PREFIXES):
            raise ApiError(
                "ClientException",
                "The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters "
                "(upper and lowercase), numbers, underscores, and hyphens. The name cannot be prefixed with "
                '"aws", "ecs", or "fargate".',
            )
        if name in self._moto.capacity_providers():
            raise refuse(f"A capacity provider with the name {name} already exists.")
        if "autoScalingGroupProvider" not in request.parameters:
            raise refuse("The sandbox has capacity providers of Auto Scaling groups only: autoScalingGroupProvider.")
        return self._moto.answer(request)

    def _describe(self, request: ApiRequest) -> ApiResponse:
        asked = request.parameters.get("capacityProviders") or [*FARGATE_PROVIDERS, *self._moto.capacity_providers()]
        own = [name for name in asked if name.rpartition("/")[2] not in FARGATE_PROVIDERS]
        answered = self._moto.answer(_asking(request, {**request.parameters, "capacityProviders": own}))
        document: dict[str, Any] = json.loads(answered.body)
        fargate = [
            {"name": name.rpartition("/")[2], "status": "ACTIVE", "tags": []} for name in asked if name not in own
        ]
        document["capacityProviders"] = [*fargate, *document.get("capacityProviders", ())]
        return json_answer(document)

    def _associate(self, request: ApiRequest) -> ApiResponse:
        created = self._moto.capacity_providers()
        for name in request.parameters.get("capacityProviders", ()):
            if name not in FARGATE_PROVIDERS and name not in created:
                raise refuse(f"The specified capacity provider '{name}' was not found.")
        return self._moto.answer(request)


def _asking(request: ApiRequest, parameters: Mapping[str, Any]) -> ApiRequest:
    return ApiRequest(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        body=json.dumps(parameters).encode(),
        service=request.service,
        operation=request.operation,
        access_key=request.access_key,
    )
