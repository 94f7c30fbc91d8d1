"""A task as the sandbox keeps it, and its two faces: the API's (epoch seconds) and the event's (ISO 8601)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headcount_sandbox.world.ecs.announcing import iso
from headcount_sandbox.world.ecs.instances import ContainerInstance
from headcount_sandbox.world.moto_apis import Subnet, TaskDefinition
from headcount_sandbox.world.timers import Timer

DEFAULT_STOP_TIMEOUT = 30.0


@dataclass(slots=True, kw_only=True)
class Eni:
    """The network interface of an awsvpc task; `details` are known once it is attached."""

    attachment_id: str
    interface_id: str
    mac: str
    address: str
    dns_name: str
    status: str = "PRECREATED"


@dataclass(slots=True, kw_only=True)
class Container:
    """What ECS reports of one container."""

    arn: str
    name: str
    image: str
    cpu: str
    memory: str | None
    image_digest: str
    runtime_id: str
    last_status: str = "PENDING"
    exit_code: int | None = None
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Task:
    """One task; changed only under the lock of the task store."""

    task_id: str
    arn: str
    cluster: str
    cluster_arn: str
    number: int
    definition: TaskDefinition
    subnet: Subnet | None
    eni: Eni | None
    containers: list[Container]
    essential: int
    launch_type: str
    capacity_provider: str | None
    platform_version: str | None
    group: str
    started_by: str | None
    overrides: Mapping[str, Any]
    tags: list[dict[str, str]]
    enable_execute_command: bool
    times: dict[str, float]
    last_status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    version: int = 1
    stop_code: str | None = None
    stopped_reason: str | None = None
    exited: bool = False
    timer: Timer | None = field(default=None, repr=False)
    instance: ContainerInstance | None = None
    bindings: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    dynamic_ports: frozenset[int] = frozenset()
    volumes: tuple[Mapping[str, Any], ...] = ()
    doom: str | None = None  # why it will fail to start: capacity that turns out not to be there
    held: list[Callable[[], None]] = field(default_factory=list, repr=False)  # what its agent has yet to report
    is_silenced: bool = False  # lost without a word: what becomes of it is not announced

    @property
    def zone(self) -> str | None:
        if self.subnet:
            return self.subnet.availability_zone
        return self.instance.zone if self.instance else None

    @property
    def address(self) -> str | None:
        """Where it listens: its interface's address, or its instance's."""
        if self.eni:
            return self.eni.address
        return self.instance.address if self.instance else None

    @property
    def is_reachable(self) -> bool:
        """Whether ECS hears of it: on an instance, only while the agent is connected."""
        return self.instance is None or self.instance.agent_connected

    @property
    def essential_definition(self) -> Mapping[str, Any]:
        """The definition of the first essential container: the one that really runs."""
        return self.definition.containers[self.essential]

    @property
    def stop_timeout(self) -> float:
        return float(self.essential_definition.get("stopTimeout") or DEFAULT_STOP_TIMEOUT)


def api_shape(task: Task, *, with_tags: bool = True) -> dict[str, Any]:
    """The task as DescribeTasks answers it."""
    tags = {"tags": task.tags if with_tags else []}
    return {**_common(task), **_api_times(task), **tags}


def event_detail(task: Task) -> dict[str, Any]:
    """The `detail` of a task state change event: no tags, no health."""
    times = {name: iso(at) for name, at in task.times.items()}
    return {**_common(task), **times}


def _api_times(task: Task) -> dict[str, float]:
    return {name: round(at, 3) for name, at in task.times.items() if name != "updatedAt"}


def _common(task: Task) -> dict[str, Any]:
    optional = {
        "availabilityZone": task.zone,
        "capacityProviderName": task.capacity_provider,
        "connectivity": _connectivity(task),
        "containerInstanceArn": task.instance.arn if task.instance else None,
        "cpu": task.overrides.get("cpu") or task.definition.cpu,
        "memory": task.overrides.get("memory") or task.definition.memory,
        "platformVersion": task.platform_version,
        "startedBy": task.started_by,
        "stopCode": task.stop_code,
        "stoppedReason": task.stopped_reason,
        "ephemeralStorage": {"sizeInGiB": task.definition.ephemeral_storage_gib} if task.platform_version else None,
    }
    return {
        "attachments": [*([_attachment(task)] if task.eni else []), *_volumes(task)],
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "clusterArn": task.cluster_arn,
        "containers": [_container(task, container) for container in task.containers],
        "desiredStatus": task.desired_status,
        "enableExecuteCommand": task.enable_execute_command,
        "group": task.group,
        "lastStatus": task.last_status,
        "launchType": task.launch_type,
        "overrides": _overrides(task),
        "taskArn": task.arn,
        "taskDefinitionArn": task.definition.arn,
        "version": task.version,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _overrides(task: Task) -> dict[str, Any]:
    containers = [dict(container) for container in task.overrides["containerOverrides"]]
    return {**task.overrides, "containerOverrides": containers}


def _connectivity(task: Task) -> str | None:
    if "connectivityAt" not in task.times:
        return None
    return "CONNECTED" if task.is_reachable else "DISCONNECTED"


def _volumes(task: Task) -> list[dict[str, Any]]:
    """The EBS volumes that were configured at launch."""
    status = "DELETED" if task.last_status == "STOPPED" else "ATTACHED" if "startedAt" in task.times else "PRECREATED"
    return [
        {
            "id": volume["attachmentId"],
            "type": "AmazonElasticBlockStorage",
            "status": status,
            "details": [{"name": "volumeName", "value": volume["name"]}],
        }
        for volume in task.volumes
    ]


def _attachment(task: Task) -> dict[str, Any]:
    assert task.eni is not None
    assert task.subnet is not None
    eni = task.eni
    details = {"subnetId": task.subnet.subnet_id}
    if eni.status != "PRECREATED":
        details |= {
            "networkInterfaceId": eni.interface_id,
            "macAddress": eni.mac,
            "privateDnsName": eni.dns_name,
            "privateIPv4Address": eni.address,
        }
    pairs = [{"name": name, "value": value} for name, value in details.items()]
    return {"id": eni.attachment_id, "type": "eni", "status": eni.status, "details": pairs}


def _container(task: Task, container: Container) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "containerArn": container.arn,
        "lastStatus": container.last_status,
        "name": container.name,
        "image": container.image,
        "taskArn": task.arn,
        "networkInterfaces": [],
        "cpu": container.cpu,
    }
    if container.memory is not None:
        shape["memory"] = container.memory
    if task.eni and task.eni.status != "PRECREATED":
        interface = {"attachmentId": task.eni.attachment_id, "privateIpv4Address": task.eni.address}
        shape["networkInterfaces"] = [interface]
    if container.name in task.bindings:
        shape["networkBindings"] = [dict(binding) for binding in task.bindings[container.name]]
    if "pullStoppedAt" in task.times:
        shape["imageDigest"] = container.image_digest
    if "startedAt" in task.times:
        shape["runtimeId"] = container.runtime_id
    if container.exit_code is not None:
        shape["exitCode"] = container.exit_code
    if container.reason is not None:
        shape["reason"] = container.reason
    return shape
