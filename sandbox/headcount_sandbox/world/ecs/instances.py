"""Container instances as the sandbox keeps them, and their two faces: the API's and the event's."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

AGENT_VERSION = "1.89.2"
RESERVED_PORTS = frozenset({22, 2375, 2376, 51678, 51679})  # what the agent registers as taken on every instance
_VERSION_INFO = {"agentHash": "aebcbca0", "agentVersion": AGENT_VERSION, "dockerVersion": "DockerVersion: 25.0.6"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a task takes of an instance: CPU units, MiB, host ports that are named in its definition, interfaces."""

    cpu: int
    memory: int
    tcp: frozenset[int] = frozenset()
    udp: frozenset[int] = frozenset()
    interfaces: int = 0
    attributes: tuple[tuple[str, str | None], ...] = ()


@dataclass(slots=True, kw_only=True)
class Occupant:
    """A task on an instance; `is_live` until it is asked to stop, `is_running` while its containers are."""

    group: str
    demand: Demand
    is_live: bool = True
    is_running: bool = False
    dynamic_ports: frozenset[int] = frozenset()


@dataclass(slots=True, kw_only=True)
class ContainerInstance:
    """One container instance; changed only under the lock of the task store."""

    instance_id: str
    arn: str
    cluster: str
    cluster_arn: str
    number: int
    ec2_instance_id: str
    zone: str
    address: str
    cpu: int
    memory: int
    interfaces: int
    attributes: dict[str, str | None]
    capacity_provider: str | None
    registered_at: float
    updated_at: float
    tags: list[dict[str, str]]
    status: str = "ACTIVE"
    agent_connected: bool = True
    agent_version: str = AGENT_VERSION
    version: int = 1
    inactive_since: float | None = None
    is_silenced: bool = False  # lost without a word: what becomes of it is not announced
    occupants: dict[str, Occupant] = field(default_factory=dict)

    @property
    def free_cpu(self) -> int:
        return self.cpu - sum(occupant.demand.cpu for occupant in self.occupants.values())

    @property
    def free_memory(self) -> int:
        return self.memory - sum(occupant.demand.memory for occupant in self.occupants.values())

    @property
    def free_interfaces(self) -> int:
        return self.interfaces - sum(occupant.demand.interfaces for occupant in self.occupants.values())

    @property
    def taken_tcp(self) -> frozenset[int]:
        return RESERVED_PORTS.union(
            *(occupant.demand.tcp | occupant.dynamic_ports for occupant in self.occupants.values())
        )

    @property
    def taken_udp(self) -> frozenset[int]:
        return frozenset().union(*(occupant.demand.udp for occupant in self.occupants.values()))

    @property
    def groups(self) -> AbstractSet[str]:
        return {occupant.group for occupant in self.occupants.values() if occupant.is_live}

    @property
    def running_tasks_count(self) -> int:
        return sum(1 for occupant in self.occupants.values() if occupant.is_running)

    @property
    def pending_tasks_count(self) -> int:
        return sum(1 for occupant in self.occupants.values() if not occupant.is_running)

    def live_tasks_of(self, group: str) -> int:
        """How many tasks of a group it has that nobody asked to stop."""
        return sum(1 for occupant in self.occupants.values() if occupant.is_live and occupant.group == group)


def instance_api_shape(instance: ContainerInstance, *, with_tags: bool = True) -> dict[str, Any]:
    """The instance as DescribeContainerInstances answers it."""
    optional = {"capacityProviderName": instance.capacity_provider} if instance.capacity_provider else {}
    return {
        **_common(instance),
        **optional,
        "registeredAt": round(instance.registered_at, 3),
        "attachments": [],
        "tags": instance.tags if with_tags else [],
    }


def instance_event_detail(instance: ContainerInstance, iso: Callable[[float], str]) -> dict[str, Any]:
    """The `detail` of a container instance state change event; `iso` writes epoch seconds as events do."""
    return {
        **_common(instance),
        "clusterArn": instance.cluster_arn,
        "registeredAt": iso(instance.registered_at),
        "updatedAt": iso(instance.updated_at),
    }


def _common(instance: ContainerInstance) -> dict[str, Any]:
    return {
        "containerInstanceArn": instance.arn,
        "ec2InstanceId": instance.ec2_instance_id,
        "version": instance.version,
        "versionInfo": {**_VERSION_INFO, "agentVersion": instance.agent_version},
        "remainingResources": _resources(
            instance.free_cpu, instance.free_memory, instance.taken_tcp, instance.taken_udp
        ),
        "registeredResources": _resources(instance.cpu, instance.memory, RESERVED_PORTS, frozenset()),
        "status": instance.status,
        "agentConnected": instance.agent_connected,
        "runningTasksCount": instance.running_tasks_count,
        "pendingTasksCount": instance.pending_tasks_count,
        "attributes": [
            {"name": name} if value is None else {"name": name, "value": value}
            for name, value in instance.attributes.items()
        ],
    }


def _resources(cpu: int, memory: int, tcp: frozenset[int], udp: frozenset[int]) -> list[dict[str, Any]]:
    return [
        {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": [str(port) for port in sorted(tcp)]},
        {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": [str(port) for port in sorted(udp)]},
    ]
