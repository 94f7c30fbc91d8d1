"""Container instances of a cluster: where ECS puts tasks, and how machines drain, disconnect, return and go."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headcount.model.manifest import is_fargate
from headcount.noticing import InstanceChange
from headcount.ports.tasks import InstanceSighting

MACHINES: Final = "machines"  # a capacity provider on demand
SPOT_MACHINES: Final = "spot-machines"
ROOM: Final = 60  # tasks that an instance carries
_AWAY: Final = re.compile(r"attribute:ecs\.availability-zone not_in \[([^\]]*)\]")


@dataclass(slots=True, eq=False)
class Instance:
    """A container instance. ``tasks``: the groups of those on it that are not STOPPED, by task."""

    arn: str
    ec2_instance: str
    cluster: str
    zone: str
    provider: str
    status: str = "ACTIVE"
    connected: bool = True
    tasks: dict[str, str] = field(default_factory=dict)

    @property
    def takes_tasks(self) -> bool:
        """Whether ECS places tasks here."""
        return self.status == "ACTIVE" and self.connected and len(self.tasks) < ROOM

    def sighting(self) -> InstanceSighting:
        """The instance as ECS tells it."""
        return InstanceSighting(
            instance=self.arn, status=self.status, agent_connected=self.connected, ec2_instance=self.ec2_instance
        )


class Fleet:
    """The instances of an account. ``emit`` gets every change, as EventBridge does."""

    def __init__(self, clock: Callable[[], float], emit: Callable[[InstanceChange], None]) -> None:
        self.clock = clock
        self.emit = emit
        self.instances: dict[str, Instance] = {}
        self.created = 0

    def add(self, cluster: str, zone: str, provider: str) -> Instance:
        """A machine joins a cluster."""
        self.created += 1
        number = self.created
        instance = Instance(
            arn=f"arn:aws:ecs:eu-west-1:123456789012:container-instance/{cluster}/{number:032x}",
            ec2_instance=f"i-{number:017x}",
            cluster=cluster,
            zone=zone,
            provider=provider,
        )
        self.instances[instance.arn] = instance
        return instance

    def runs(self, ec2_instance: str) -> bool:
        """Whether an EC2 instance does: one that ECS deregistered may."""
        return any(one.ec2_instance == ec2_instance for one in self.instances.values())

    def change(self, instance: Instance, *, status: str | None = None, connected: bool | None = None) -> None:
        """ECS sees it so from now on, and says so."""
        instance.status = status or instance.status
        instance.connected = instance.connected if connected is None else connected
        self.emit(InstanceChange(cluster=instance.cluster, instance=instance.sighting(), at=self.clock()))

    def place(
        self, request: Mapping[str, Any], zones: Collection[str] | None, closed: Callable[[str], bool]
    ) -> Instance | None:
        """Where the next task of a request goes: the zone, then the instance with the fewest of its group.

        ``zones``: those that it may go to; ``closed`` says which take none now.
        """
        capacity, group = capacity_named(request), str(request["group"])
        away = cordoned_zones(request)
        fit = [
            one
            for one in self.instances.values()
            if one.takes_tasks
            and one.cluster == request["cluster"]
            and capacity in ("EC2", one.provider)
            and (zones is None or one.zone in zones)
            and one.zone not in away
            and not closed(one.zone)
        ]
        there = Counter(one.zone for one in self.instances.values() for other in one.tasks.values() if other == group)
        on_it = {one.arn: sum(other == group for other in one.tasks.values()) for one in fit}
        return min(fit, key=lambda one: (there[one.zone], on_it[one.arn], one.arn), default=None)


def capacity_named(request: Mapping[str, Any]) -> str:
    """The capacity provider or launch type of a request."""
    strategy = request.get("capacityProviderStrategy") or ()
    return str(strategy[0]["capacityProvider"] if strategy else request["launchType"])


def on_fargate(request: Mapping[str, Any]) -> bool:
    """Whether a request is for Fargate."""
    return is_fargate(capacity_named(request))


def cordoned_zones(request: Mapping[str, Any]) -> set[str]:
    """The zones that a request's constraints keep its tasks out of."""
    constraints = request.get("placementConstraints", ())
    found = (_AWAY.search(str(one.get("expression", ""))) for one in constraints)
    return {zone.strip() for match in found if match is not None for zone in match[1].split(",")}
