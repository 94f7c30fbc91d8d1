"""Who gets the next request: healthy targets in turn, or the sick ones too where too few are healthy (fail open)."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from headcount_sandbox.world.elb.configuration import TargetGroup
from headcount_sandbox.world.elb.targets import Registry, Target

_ROUTING = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"


@dataclass(slots=True, kw_only=True, eq=False)
class Flight:
    """What a target is doing for somebody, and whether the load balancer ended it before its time."""

    work: asyncio.Task[Any]
    is_cut: bool = False

    def cut(self) -> None:
        self.is_cut = True
        self.work.cancel()


@dataclass(slots=True, kw_only=True)
class _Turn:
    version: int = -1
    targets: list[Target] = field(default_factory=list)
    next: int = 0


class Rotation:
    """The targets that may be asked, and what is under way at each; lives on the loop."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._turns: dict[str, _Turn] = {}
        self._flights: dict[Target, set[Flight]] = {}

    def choose(self, group: TargetGroup) -> Target | None:
        """The target whose turn it is; None where there is none that could answer."""
        turn = self._turns.setdefault(group.arn, _Turn())
        if turn.version != self._registry.version:
            turn.version = self._registry.version
            turn.targets = routable(self._registry.of(group.arn), group)
        if not turn.targets:
            return None
        turn.next = (turn.next + 1) % len(turn.targets)
        if group.attributes.get("load_balancing.algorithm.type") == "least_outstanding_requests":
            in_turn = turn.targets[turn.next :] + turn.targets[: turn.next]
            return min(in_turn, key=self.in_flight)
        return turn.targets[turn.next]

    @contextmanager
    def flight(self, target: Target, work: asyncio.Task[Any]) -> Iterator[Flight]:
        """Notes that a target works for somebody."""
        flight = Flight(work=work)
        self._flights.setdefault(target, set()).add(flight)
        try:
            yield flight
        finally:
            remaining = self._flights[target]
            remaining.discard(flight)
            if not remaining:
                del self._flights[target]

    def in_flight(self, target: Target) -> int:
        return len(self._flights.get(target, ()))

    def cut(self, target: Target) -> None:
        """Ends what a target still does."""
        for flight in tuple(self._flights.get(target, ())):
            flight.cut()


def routable(targets: list[Target], group: TargetGroup) -> list[Target]:
    """Healthy targets, if there are as many as the group wants at least; else the unhealthy ones as well.

    A target that has not passed its first check, or that drains, gets nothing.
    """
    well = [target for target in targets if target.state in ("healthy", "unavailable")]
    sick = [target for target in targets if target.state == "unhealthy"]
    return well if len(well) >= _least(group, len(well) + len(sick)) else [*well, *sick]


def _least(group: TargetGroup, present: int) -> int:
    count = group.attributes.get(f"{_ROUTING}.count", "1")
    percentage = group.attributes.get(f"{_ROUTING}.percentage", "off")
    by_count = int(count) if count.isdigit() else 1
    by_percentage = math.ceil(present * int(percentage) / 100) if percentage.isdigit() else 0
    return max(by_count, by_percentage)
