"""On which container instance ECS places a task: filter by need, then by constraints, then choose by strategies.

Spread is counted over the live tasks of the task's group (ECS Developer Guide, "Use strategies to define Amazon ECS
task placement"). What no strategy decides is drawn.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headcount_sandbox.world.ecs.expressions import compile_expression
from headcount_sandbox.world.ecs.instances import ContainerInstance, Demand

MEMBER_OF_REASON = "MemberOf placement constraint unsatisfied."
DISTINCT_REASON = "DistinctInstance placement constraint unsatisfied."
_ATTRIBUTE = "attribute:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a task needs and how it wants to be placed; `zones` are those of its subnets, None without awsvpc."""

    demand: Demand
    group: str
    zones: frozenset[str] | None
    constraints: Sequence[Mapping[str, Any]] = ()
    strategies: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Why one instance cannot take a task, in ECS's word for it."""

    instance: ContainerInstance
    reason: str


def choose_instance(
    wish: Wish,
    candidates: Sequence[ContainerInstance],
    cluster: Sequence[ContainerInstance],
    rng: random.Random,
) -> ContainerInstance | list[Misfit]:
    """The instance for one task; where none will do, every candidate's reason.

    Spread counts the group's tasks in the whole cluster: those on draining instances and of other providers too.
    """
    reasons = [(instance, misfit(wish, instance)) for instance in candidates]
    fitting = [instance for instance, reason in reasons if reason is None]
    if not fitting:
        return [Misfit(instance=instance, reason=reason) for instance, reason in reasons if reason is not None]
    for strategy in wish.strategies:
        fitting = _best(fitting, strategy, cluster, wish.group)
    return rng.choice(fitting)


def misfit(wish: Wish, instance: ContainerInstance) -> str | None:
    """Why an instance cannot take the task; None where it can. The first reason counts."""
    return (
        (None if instance.agent_connected else "AGENT")
        or demand_misfit(wish.demand, wish.zones, instance)
        or _constraint_misfit(wish, instance)
    )


def demand_misfit(demand: Demand, zones: frozenset[str] | None, instance: ContainerInstance) -> str | None:
    """What the instance lacks of what the task needs, constraints apart."""
    for reason, fits in (
        ("ATTRIBUTE", all(_has(instance, name, value) for name, value in demand.attributes)),
        ("LOCATION", zones is None or instance.zone in zones),
        ("RESOURCE:CPU", demand.cpu <= instance.free_cpu),
        ("RESOURCE:MEMORY", demand.memory <= instance.free_memory),
        ("RESOURCE:PORTS", not (demand.tcp & instance.taken_tcp or demand.udp & instance.taken_udp)),
        ("RESOURCE:ENI", demand.interfaces <= instance.free_interfaces),
    ):
        if not fits:
            return reason
    return None


def _constraint_misfit(wish: Wish, instance: ContainerInstance) -> str | None:
    for constraint in wish.constraints:
        if constraint["type"] == "distinctInstance":
            if instance.live_tasks_of(wish.group):
                return DISTINCT_REASON
        elif not compile_expression(constraint["expression"])(instance):
            return MEMBER_OF_REASON
    return None


def _has(instance: ContainerInstance, name: str, value: str | None) -> bool:
    return name in instance.attributes and value in (None, instance.attributes[name])


def _best(
    fitting: Sequence[ContainerInstance],
    strategy: Mapping[str, Any],
    cluster: Sequence[ContainerInstance],
    group: str,
) -> list[ContainerInstance]:
    """Those that one strategy likes best, all alike to it."""
    field = str(strategy.get("field", ""))
    match strategy["type"]:
        case "spread":
            counts: Counter[str | None] = Counter()
            for instance in cluster:
                counts[_value(instance, field)] += instance.live_tasks_of(group)
            cost = {instance.instance_id: counts[_value(instance, field)] for instance in fitting}
        case "binpack":
            cost = {
                instance.instance_id: instance.free_cpu if field.lower() == "cpu" else instance.free_memory
                for instance in fitting
            }
        case _:  # random: the draw at the end decides
            return list(fitting)
    least = min(cost.values())
    return [instance for instance in fitting if cost[instance.instance_id] == least]


def _value(instance: ContainerInstance, field: str) -> str | None:
    if field.startswith(_ATTRIBUTE):
        return instance.attributes.get(field.removeprefix(_ATTRIBUTE))
    return instance.instance_id
