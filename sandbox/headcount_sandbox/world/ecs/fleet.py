"""The container instances of every cluster: who joins, who sits where, and the event of every change."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs.announcing import Announcer, iso
from headcount_sandbox.world.ecs.instances import ContainerInstance, Demand, Occupant, instance_event_detail
from headcount_sandbox.world.ecs.task import Task
from headcount_sandbox.world.moto_apis import Cluster
from headcount_sandbox.world.runtimes.runtime import Runtime

INACTIVE_KEPT_SECONDS = 3600.0
_NETWORK = "10.64.0.0/16"  # the instances' own addresses where tasks are simulated
_CAPABILITIES = (
    "com.amazonaws.ecs.capability.docker-remote-api.1.44",
    "com.amazonaws.ecs.capability.task-iam-role",
    "com.amazonaws.ecs.capability.logging-driver.awslogs",
    "ecs.capability.task-eni",
    "ecs.capability.execute-command",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What an instance brings: CPU units, MiB, how many tasks may have an interface of their own, its attributes.

    An attribute without value is None.
    """

    availability_zone: str
    cpu: int = 2048
    memory: int = 7680
    interfaces: int = 120
    instance_type: str = "m6i.large"
    capacity_provider: str | None = None
    ec2_instance_id: str | None = None
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Fleet:
    """Container instances; to be used under the lock of the task store.

    `on_room` is called, under that lock, with the name of a cluster in which something may fit that did not before.
    """

    def __init__(
        self, *, region: str, account: str, runtime: Runtime, announcer: Announcer, rng: random.Random
    ) -> None:
        self._prefix = f"arn:aws:ecs:{region}:{account}:container-instance"
        self._runtime = runtime
        self._announcer = announcer
        self._rng = rng
        self._instances: dict[str, ContainerInstance] = {}
        self._number = 0
        self.on_room: Callable[[str], None] = lambda _: None

    def register(self, cluster: Cluster, brought: Registration) -> ContainerInstance:
        """What the agent of a new instance does."""
        now, instance_id = world_time(), f"{self._rng.getrandbits(128):032x}"
        self._number += 1
        instance = ContainerInstance(
            instance_id=instance_id,
            arn=self.arn_of(cluster.name, instance_id),
            cluster=cluster.name,
            cluster_arn=cluster.arn,
            number=self._number,
            ec2_instance_id=brought.ec2_instance_id or f"i-{self._rng.getrandbits(68):017x}",
            zone=brought.availability_zone,
            address=self._runtime.address(_NETWORK),
            cpu=brought.cpu,
            memory=brought.memory,
            interfaces=brought.interfaces,
            attributes=_attributes(brought),
            capacity_provider=brought.capacity_provider,
            registered_at=now,
            updated_at=now,
            tags=[{"key": key, "value": value} for key, value in brought.tags.items()],
        )
        self._instances[instance_id] = instance
        self._announce(instance)
        self.on_room(cluster.name)
        return instance

    def arn_of(self, cluster: str, instance_id: str) -> str:
        return f"{self._prefix}/{cluster}/{instance_id}"

    def get(self, cluster: str, id_or_arn: str) -> ContainerInstance | None:
        """An instance of a cluster; None where ECS would say MISSING."""
        found = self._instances.get(id_or_arn.rpartition("/")[2])
        known = found is not None and found.cluster == cluster and id_or_arn in (found.instance_id, found.arn)
        return found if known and not _is_forgotten(found) else None  # type: ignore[arg-type] # known: not None

    def named(self, name: str) -> ContainerInstance:
        """An instance of any cluster by its id, its ARN or its EC2 instance id; raises KeyError."""
        by_id = self._instances.get(name.rpartition("/")[2])
        if by_id is not None:
            return by_id
        for instance in reversed(self._instances.values()):
            if instance.ec2_instance_id == name:
                return instance
        raise KeyError(name)

    def all(self, cluster: str | None = None) -> Iterator[ContainerInstance]:
        """Instances in the order of their registration; forgets those that are long gone."""
        for instance in tuple(self._instances.values()):
            if _is_forgotten(instance):
                del self._instances[instance.instance_id]
            elif cluster in (None, instance.cluster):
                yield instance

    def active(self, cluster: str, capacity_provider: str | None = None) -> list[ContainerInstance]:
        """Where ECS may place tasks: of a capacity provider, or on any instance of the cluster."""
        return [
            instance
            for instance in self.all(cluster)
            if instance.status == "ACTIVE" and capacity_provider in (None, instance.capacity_provider)
        ]

    def seat(self, task: Task, instance: ContainerInstance, demand: Demand) -> None:
        """Gives a task its part of an instance."""
        task.instance = instance
        instance.occupants[task.task_id] = Occupant(group=task.group, demand=demand)
        self.change(instance)

    def follow(self, task: Task) -> None:
        """Takes in what became of a task: a stopped one gives its part back."""
        instance = task.instance
        occupant = None if instance is None else instance.occupants.get(task.task_id)
        if instance is None or occupant is None:
            return
        if task.last_status == "STOPPED":
            del instance.occupants[task.task_id]
            self.change(instance)
            self.on_room(instance.cluster)
            return
        occupant.is_live = task.desired_status == "RUNNING"
        is_running = task.last_status == "RUNNING"
        if is_running and not occupant.is_running:
            occupant.is_running = is_running
            occupant.dynamic_ports = task.dynamic_ports
            self.change(instance)

    def change(self, instance: ContainerInstance, **changes: Any) -> None:
        """Sets fields, raises the version and announces it, unless the instance was lost without a word."""
        for name, value in changes.items():
            setattr(instance, name, value)
        instance.version += 1
        instance.updated_at = world_time()
        self._announce(instance)

    def set_status(self, instance: ContainerInstance, status: str) -> None:
        """ACTIVE, DRAINING or INACTIVE."""
        gone = {"inactive_since": world_time(), "agent_connected": False} if status == "INACTIVE" else {}
        self.change(instance, status=status, **gone)
        if status == "ACTIVE":
            self.on_room(instance.cluster)

    def forget(self, instance: ContainerInstance) -> None:
        """From now on ECS says MISSING."""
        self._instances.pop(instance.instance_id, None)

    def _announce(self, instance: ContainerInstance) -> None:
        if not instance.is_silenced:
            self._announcer.tell(
                "aws.ecs",
                "ECS Container Instance State Change",
                resources=[instance.arn],
                detail=instance_event_detail(instance, iso),
                at=instance.updated_at,
            )


def _attributes(brought: Registration) -> dict[str, str | None]:
    return {
        "ecs.availability-zone": brought.availability_zone,
        "ecs.instance-type": brought.instance_type,
        "ecs.os-type": "linux",
        "ecs.os-family": "LINUX",
        "ecs.cpu-architecture": "x86_64",
        "ecs.ami-id": "ami-0123456789abcdef0",
        **dict.fromkeys(_CAPABILITIES),
        **brought.attributes,
    }


def _is_forgotten(instance: ContainerInstance) -> bool:
    gone = instance.inactive_since
    return gone is not None and world_time() - gone > INACTIVE_KEPT_SECONDS
