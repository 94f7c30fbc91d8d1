"""ECS: tasks in AWS's shapes, and the calls that Headcount makes on them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeGuard, cast

from botocore.exceptions import ClientError

from headcount.aws.failures import error_code, error_message, translated
from headcount.errors import Throttled, TransientError
from headcount.model.names import GROUP_PREFIX, SERVICE_KEY, launch_of, started_by
from headcount.model.task import CAPACITY_WORDS, ContainerEnd, HostPort, ObservedTask, task_id_of
from headcount.ports.tasks import InstanceSighting, LaunchAnswer, Sighting, TaskPage

DESCRIBED_AT_ONCE = 100
REASON_LENGTH = 255
TOLD_LENGTH = 1024  # characters of a reason that are kept: they stand in many records and answers

# RunTask's errors that say "not this request, ever": the launch is closed with ECS's words as its reason.
_REFUSALS = frozenset(
    {
        "AccessDeniedException",
        "BlockedException",
        "ClientException",
        "ClusterNotFoundException",
        "InvalidParameterException",
        "PlatformTaskDefinitionIncompatibilityException",
        "PlatformUnknownException",
        "UnsupportedFeatureException",
        "ValidationException",
    }
)


def sighting_of(task: Mapping[str, Any], install: str) -> Sighting:
    """A task of ``DescribeTasks``, ``RunTask`` or an event as a sighting. Unknown fields are ignored."""
    launch = launch_of(str(task.get("startedBy", "")), install)
    group = str(task.get("group", ""))
    cluster = task_id_of(str(task["clusterArn"]))
    service = f"{cluster}/{group.removeprefix(GROUP_PREFIX)}"
    ours = launch is not None and group.startswith(GROUP_PREFIX) and SERVICE_KEY.fullmatch(service) is not None
    return Sighting(
        task_id=task_id_of(str(task["taskArn"])),
        service=service if ours else None,
        health=task.get("healthStatus"),
        at=_epoch(task.get("updatedAt")),
        observed=ObservedTask(
            version=int(task.get("version", 1)),
            last_status=str(task["lastStatus"]),
            desired_status=str(task["desiredStatus"]),
            launch=launch or "",
            task_definition_arn=str(task.get("taskDefinitionArn", "")),
            availability_zone=task.get("availabilityZone"),
            capacity_provider=task.get("capacityProviderName"),
            address=_address(task),
            created_at=_epoch(task.get("createdAt")),
            started_at=_epoch(task.get("startedAt")),
            stopping_at=_epoch(task.get("stoppingAt")),
            stopped_at=_epoch(task.get("stoppedAt")),
            stop_code=_told(task.get("stopCode")),
            stopped_reason=_told(task.get("stoppedReason")),
            containers=tuple(
                ContainerEnd(
                    name=str(one.get("name", "")), exit_code=one.get("exitCode"), reason=_told(one.get("reason"))
                )
                for one in task.get("containers", ())
                if "exitCode" in one or "reason" in one
            ),
            container_instance=task.get("containerInstanceArn"),
            ports=_ports(task),
        ),
    )


def instance_of(instance: Mapping[str, Any]) -> InstanceSighting:
    """A container instance of ``DescribeContainerInstances`` or of an event."""
    return InstanceSighting(
        instance=str(instance["containerInstanceArn"]),
        status=str(instance["status"]),
        agent_connected=bool(instance.get("agentConnected", True)),
        ec2_instance=instance.get("ec2InstanceId"),
    )


def _told(reason: Any) -> Any:
    """ECS's words, as many as are kept; None for blanks, which give no reason."""
    return reason.strip()[:TOLD_LENGTH] or None if isinstance(reason, str) else reason


def _epoch(value: Any) -> float | None:
    """Epoch seconds from what the API gives (datetimes, or numbers: ``bootstrap``) or an event gives (ISO 8601)."""
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, datetime):
        return value.timestamp()
    return datetime.fromisoformat(str(value)).timestamp()


def _address(task: Mapping[str, Any]) -> str | None:
    """The private IPv4 address of the task's network interface."""
    for attachment in task.get("attachments", ()):
        for detail in attachment.get("details", ()):
            if detail.get("name") == "privateIPv4Address":
                return str(detail["value"])
    return None


def _ports(task: Mapping[str, Any]) -> tuple[HostPort, ...]:
    """Where containers are reached on their instance, in bridge and host networking. Ranges of ports are left out.

    Docker may bind a port twice, to different host ports for IPv4 and IPv6; load balancers speak IPv4 to instances.
    """
    ports: dict[tuple[str, int, str], HostPort] = {}
    for container in task.get("containers", ()):
        bindings = container.get("networkBindings", ())
        for one in sorted(bindings, key=lambda binding: ":" in str(binding.get("bindIP", ""))):
            inside, outside = one.get("containerPort"), one.get("hostPort")
            if _is_port(inside) and _is_port(outside):
                name, protocol = str(container.get("name", "")), str(one.get("protocol", "tcp"))
                port = HostPort(container=name, container_port=inside, host_port=outside)
                ports.setdefault((name, inside, protocol), port)
    return tuple(ports.values())


def _is_port(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536


class EcsTaskRuntime:
    """The ``TaskRuntime`` on ECS. ``client`` is boto3's."""

    def __init__(self, client: Any, install: str) -> None:
        self.client = client
        self.install = install

    def launch(self, request: Mapping[str, Any]) -> LaunchAnswer:
        """``RunTask``. A conflict of tokens means that the launch happened: its tasks are looked up and taken."""
        try:
            with translated():
                answer = self.client.run_task(**request)
        except ClientError as error:
            if error_code(error) == "ConflictException":
                return self._adopt(str(request["cluster"]), error)
            said = f"{error_code(error)}: {error_message(error)}"
            if any(words in said for words in CAPACITY_WORDS):
                return LaunchAnswer(shortfall=said)
            if error_code(error) in _REFUSALS:
                return LaunchAnswer(refused=said)
            raise Throttled(f"RunTask: {said}") from error
        tasks = tuple(sighting_of(task, self.install) for task in answer.get("tasks", ()))
        return LaunchAnswer(tasks=tasks, shortfall=_shortfall(answer.get("failures", ())))

    def _adopt(self, cluster: str, conflict: ClientError) -> LaunchAnswer:
        """The tasks that a conflict names. Until ECS shows all of them the launch stays open: none may be lost."""
        ids = [task_id_of(arn) for arn in cast("Sequence[str]", conflict.response.get("resourceIds", ()))]
        found = self.describe(cluster, ids)
        if len(found) < len(ids) or not ids:
            raise Throttled(f"RunTask: ConflictException names {len(ids)} tasks, ECS shows {len(found)} of them yet")
        return LaunchAnswer(tasks=found, shortfall="an earlier request with this token started fewer tasks")

    def stop(self, cluster: str, task_id: str, reason: str) -> Sighting | None:
        """``StopTask``. None when ECS does not know the task any more, or says that it may not be stopped."""
        try:
            with translated():
                answer = self.client.stop_task(cluster=cluster, task=task_id, reason=reason[:REASON_LENGTH])
        except ClientError as error:
            if error_code(error) in ("InvalidParameterException", "ClusterNotFoundException"):
                return None
            raise Throttled(f"StopTask: {error_code(error)}: {error_message(error)}") from error
        return sighting_of(answer["task"], self.install)

    def describe(self, cluster: str, task_ids: Sequence[str]) -> tuple[Sighting, ...]:
        """The tasks that ECS knows, 100 a call. A cluster that is gone has none."""
        seen: list[Sighting] = []
        for first in range(0, len(task_ids), DESCRIBED_AT_ONCE):
            with _reading():
                answer = self.client.describe_tasks(cluster=cluster, tasks=task_ids[first : first + DESCRIBED_AT_ONCE])
                seen.extend(sighting_of(task, self.install) for task in answer.get("tasks", ()))
        return tuple(seen)

    def started_by(self, cluster: str, launch_id: str) -> tuple[Sighting, ...]:
        """The tasks of one launch that run. ``startedBy`` must be the only filter, and lists what should run."""
        ids = list(self._list(cluster=cluster, startedBy=started_by(self.install, launch_id)))
        return self.describe(cluster, ids)

    def sweep(self, cluster: str, after: str | None = None) -> TaskPage:
        """A page of the ids of all tasks of a cluster that should run."""
        mark = {} if after is None else {"nextToken": after}
        answer: Mapping[str, Any] = {}
        with _reading():
            answer = self.client.list_tasks(cluster=cluster, desiredStatus="RUNNING", **mark)
        ids = tuple(task_id_of(arn) for arn in answer.get("taskArns", ()))
        return TaskPage(task_ids=ids, goes_on=answer.get("nextToken"))

    def instances(self, cluster: str, instances: Sequence[str]) -> tuple[InstanceSighting, ...]:
        """The container instances that ECS knows, 100 a call."""
        seen: list[InstanceSighting] = []
        for first in range(0, len(instances), DESCRIBED_AT_ONCE):
            some = instances[first : first + DESCRIBED_AT_ONCE]
            with _reading():
                answer = self.client.describe_container_instances(cluster=cluster, containerInstances=some)
                seen.extend(instance_of(one) for one in answer.get("containerInstances", ()))
        return tuple(seen)

    def on_instance(self, cluster: str, instance: str) -> tuple[Sighting, ...]:
        """The tasks that should run on a container instance; none if ECS does not know it any more."""
        try:
            ids = list(self._list(cluster=cluster, containerInstance=instance))
        except TransientError as error:
            if "InvalidParameterException" in str(error):
                return ()
            raise
        return self.describe(cluster, ids)

    def instances_of(self, cluster: str, ec2_instance: str) -> tuple[str, ...]:
        """The container instances of a cluster that an EC2 instance is: one, or none."""
        request = {"cluster": cluster, "filter": f"ec2InstanceId == {ec2_instance}"}
        found: list[str] = []
        with _reading():
            for page in self.client.get_paginator("list_container_instances").paginate(**request):
                found.extend(str(arn) for arn in page["containerInstanceArns"])
        return tuple(found)

    def deregister(self, task_definition_arn: str) -> None:
        """``DeregisterTaskDefinition``. What ECS does not know, or has deregistered, needs nothing more."""
        try:
            with translated():
                self.client.deregister_task_definition(taskDefinition=task_definition_arn)
        except ClientError as error:
            if error_code(error) not in ("ClientException", "InvalidParameterException"):
                raise TransientError(
                    f"DeregisterTaskDefinition: {error_code(error)}: {error_message(error)}"
                ) from error

    def _list(self, **request: str) -> Iterator[str]:
        with _reading():
            for page in self.client.get_paginator("list_tasks").paginate(**request):
                yield from (task_id_of(arn) for arn in page["taskArns"])


@contextmanager
def _reading() -> Iterator[None]:
    """A cluster that is gone has no tasks; whatever else stands against reading may be gone by the next time."""
    try:
        with translated():
            yield
    except ClientError as error:
        if error_code(error) != "ClusterNotFoundException":
            raise TransientError(f"{error.operation_name}: {error_code(error)}: {error_message(error)}") from error


def _shortfall(failures: Sequence[Mapping[str, Any]]) -> str:
    """ECS's reasons for the tasks that it did not start, each once."""
    reasons = dict.fromkeys(
        ": ".join(str(part) for part in (failure.get("reason"), failure.get("detail")) if part) for failure in failures
    )
    return "; ".join(reasons) or "ECS started fewer tasks and gave no reason"
