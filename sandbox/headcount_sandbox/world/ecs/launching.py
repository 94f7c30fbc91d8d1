"""From a request to tasks: names, numbers and addresses, drawn from one seed."""

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs.capacity import Place
from headcount_sandbox.world.ecs.task import Container, Eni, Task
from headcount_sandbox.world.moto_apis import Cluster, Subnet, TaskDefinition
from headcount_sandbox.world.runtimes.runtime import Runtime

_PLATFORM_VERSION = "1.4.0"  # what LATEST means on Linux


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A RunTask or StartTask request that passed every check."""

    parameters: Mapping[str, Any]
    cluster: Cluster
    definition: TaskDefinition
    subnets: Sequence[Subnet]


def group_of(order: Order) -> str:
    """The task group of a request: its family's where it names none."""
    return order.parameters.get("group") or f"family:{order.definition.family}"


class TaskBuilder:
    """Makes tasks with names and numbers drawn from one seed."""

    def __init__(self, *, region: str, account: str, runtime: Runtime, rng: random.Random) -> None:
        self._prefix = f"arn:aws:ecs:{region}:{account}"
        self._region = region
        self._runtime = runtime
        self._rng = rng
        self._number = 0

    def choose_subnet(self, subnets: Sequence[Subnet]) -> Subnet | None:
        """With several subnets the zone is ECS's choice."""
        return self._rng.choice(subnets) if subnets else None

    def connect(self, task: Task, subnet: Subnet) -> None:
        """Gives a task an interface in a subnet."""
        task.subnet = subnet
        task.eni = self._eni(subnet)

    def build(self, order: Order, place: Place) -> Task:
        """A task without a network and an instance."""
        parameters, definition, now = order.parameters, order.definition, world_time()
        task_id = f"{self._rng.getrandbits(128):032x}"
        self._number += 1
        return Task(
            task_id=task_id,
            arn=self.arn_of(order.cluster.name, task_id),
            cluster=order.cluster.name,
            cluster_arn=order.cluster.arn,
            number=self._number,
            definition=definition,
            subnet=None,
            eni=None,
            containers=[self._container(order.cluster.name, task_id, item) for item in definition.containers],
            essential=next(i for i, item in enumerate(definition.containers) if item.get("essential", True)),
            launch_type=place.launch_type,
            capacity_provider=place.provider,
            platform_version=_platform_version(parameters) if place.launch_type == "FARGATE" else None,
            group=group_of(order),
            started_by=parameters.get("startedBy"),
            overrides=_overrides(parameters.get("overrides", {}), definition),
            tags=_tags(order),
            enable_execute_command=bool(parameters.get("enableExecuteCommand", False)),
            times={"createdAt": now, "updatedAt": now},
            volumes=tuple(
                {"name": volume["name"], "attachmentId": self._uuid()}
                for volume in parameters.get("volumeConfigurations") or ()
            ),
        )

    def arn_of(self, cluster: str, task_id: str) -> str:
        return f"{self._prefix}:task/{cluster}/{task_id}"

    def _eni(self, subnet: Subnet) -> Eni:
        address = self._runtime.address(subnet.cidr)
        host = address.replace(".", "-")
        return Eni(
            attachment_id=self._uuid(),
            interface_id=f"eni-{self._rng.getrandbits(68):017x}",
            mac="0a:" + ":".join(f"{self._rng.getrandbits(8):02x}" for _ in range(5)),
            address=address,
            dns_name=f"ip-{host}.{self._region}.compute.internal",
        )

    def _container(self, cluster: str, task_id: str, definition: Mapping[str, Any]) -> Container:
        memory = definition.get("memory")
        return Container(
            arn=f"{self._prefix}:container/{cluster}/{task_id}/{self._uuid()}",
            name=definition["name"],
            image=definition.get("image", ""),
            cpu=str(definition.get("cpu", 0)),
            memory=None if memory is None else str(memory),
            image_digest=f"sha256:{uuid.uuid5(uuid.NAMESPACE_URL, definition.get('image', '')).hex * 2}",
            runtime_id=f"{task_id}-{self._rng.randrange(10**10):010d}",
        )

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))


def _platform_version(parameters: Mapping[str, Any]) -> str:
    asked = str(parameters.get("platformVersion", "LATEST"))
    return _PLATFORM_VERSION if asked == "LATEST" else asked


def _overrides(asked: Mapping[str, Any], definition: TaskDefinition) -> dict[str, Any]:
    by_name = {override["name"]: override for override in asked.get("containerOverrides", ())}
    containers = [dict(by_name.get(item["name"], {"name": item["name"]})) for item in definition.containers]
    return {**asked, "containerOverrides": containers}


def _tags(order: Order) -> list[dict[str, str]]:
    tags = {tag["key"]: tag.get("value", "") for tag in order.parameters.get("tags", ())}
    if order.parameters.get("propagateTags") == "TASK_DEFINITION":
        tags = {**order.definition.tags, **tags}
    if order.parameters.get("enableECSManagedTags"):
        tags["aws:ecs:clusterName"] = order.cluster.name
    return [{"key": key, "value": value} for key, value in tags.items()]
