"""moto inside this process: the APIs that it answers, and its records where the sandbox answers itself."""

import io
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headcount_sandbox.world.api import ApiError, ApiRequest, ApiResponse

os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")  # read by moto when it is imported; costs time a call

from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs.exceptions import ReceiptHandleIsInvalid

from headcount_sandbox.world.elb.configuration import Configuration
from headcount_sandbox.world.moto_dynamodb import (
    answer_items_quickly,
    copy_tables_quickly,
    query_partitions_quickly,
)
from headcount_sandbox.world.moto_elb import picture
from headcount_sandbox.world.moto_queues import (
    QueueDepth,
    QueueSettings,
    add_message,
    depth_of,
    settings_of,
    take_messages,
)

WARMED_SERVICES = ("ecs", "dynamodb", "sqs", "events", "ec2", "sts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """Where a task gets its zone and its address."""

    subnet_id: str
    vpc_id: str
    availability_zone: str
    cidr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster as moto keeps it."""

    name: str
    arn: str
    status: str
    capacity_providers: tuple[str, ...]
    default_strategy: tuple[Mapping[str, Any], ...]
    container_insights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """One revision of a family; containers are AWS's container definitions."""

    arn: str
    family: str
    status: str
    network_mode: str | None
    compatibilities: tuple[str, ...]
    cpu: str | None
    memory: str | None
    ephemeral_storage_gib: int
    containers: tuple[Mapping[str, Any], ...]
    tags: Mapping[str, str]
    task_role_arn: str | None
    runtime_platform: Mapping[str, str]
    placement_constraints: tuple[Mapping[str, Any], ...]
    volumes: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityProvider:
    """A capacity provider of an Auto Scaling group; with managed scaling ECS keeps tasks waiting for instances."""

    name: str
    arn: str
    has_managed_scaling: bool


class MotoApis:
    """moto's WSGI application and backends for one account and Region.

    moto checks a condition and writes in two steps and knows no threads: calls of one service take turns here.
    """

    def __init__(self, *, region: str, account: str) -> None:
        self._region = region
        self._account = account
        answer_items_quickly()
        copy_tables_quickly()
        query_partitions_quickly()
        self._app = DomainDispatcherApplication(create_backend_app)
        self._applications: dict[tuple[str, str], Any] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._locks_guard = threading.Lock()

    def reset(self) -> None:
        """Forgets every resource; moto keeps them once a process, so an earlier world's would show through."""
        BackendDict.reset()
        reset_model_data()

    def warm(self, services: Iterable[str] = WARMED_SERVICES) -> None:
        """Imports and builds what the first call of each service would otherwise pay for."""
        for service in services:
            self._application(self._ping(service))

    def lock_of(self, service: str) -> threading.RLock:
        with self._locks_guard:
            return self._locks.setdefault(service, threading.RLock())

    def answer(self, request: ApiRequest) -> ApiResponse:
        """Moto's answer to a request."""
        started: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            started.update(status=int(status.split(maxsplit=1)[0]), headers=dict(headers))

        with self.lock_of(request.service):
            parts = self._application(request)(self._environ(request), start_response)
            body = b"".join(parts)
            if hasattr(parts, "close"):
                parts.close()
        return ApiResponse(status=started["status"], headers=started["headers"], body=body)

    def cluster(self, name_or_arn: str) -> Cluster | None:
        found = self._backend("ecs").clusters.get(name_or_arn.rpartition("/")[2])
        if found is None:
            return None
        return Cluster(
            name=found.name,
            arn=found.arn,
            status=found.status,
            capacity_providers=tuple(found.capacity_providers or ()),
            default_strategy=tuple(found.default_capacity_provider_strategy or ()),
            container_insights=next(
                (each["value"] for each in found.settings or () if each["name"] == "containerInsights"), "disabled"
            ),
        )

    def task_definition(self, reference: str) -> TaskDefinition | None:
        """The revision that `family`, `family:revision` or an ARN means; without revision the latest active one."""
        family, _, revision = reference.rpartition("/")[2].partition(":")
        revisions = self._backend("ecs").task_definitions.get(family, {})
        if revision:
            found = revisions.get(int(revision)) if revision.isdigit() else None
        else:
            active = [number for number, definition in revisions.items() if definition.status == "ACTIVE"]
            found = revisions[max(active)] if active else None
        return None if found is None else _task_definition(found)

    def task_definitions(self) -> list[TaskDefinition]:
        """Every revision of every family, the inactive ones too."""
        families = tuple(self._backend("ecs").task_definitions.values())
        return [_task_definition(revision) for revisions in families for revision in tuple(revisions.values())]

    def capacity_providers(self) -> dict[str, CapacityProvider]:
        """The capacity providers that were created, by name; Fargate's are none of them."""
        found = self._backend("ecs").capacity_providers
        return {
            provider.name: CapacityProvider(
                name=provider.name,
                arn=provider.capacity_provider_arn,
                has_managed_scaling=provider.auto_scaling_group_provider["managedScaling"]["status"] == "ENABLED",
            )
            for provider in tuple(found.values())
        }

    def note_service(self, cluster: str, name: str) -> None:
        """Lets moto know that ECS has a service of its own: Application Auto Scaling asks there."""
        with self.lock_of("ecs"):
            self._backend("ecs").create_service(cluster, name, desired_count=0)

    def forget_service(self, cluster: str, name: str) -> None:
        """There is no such service any more."""
        with self.lock_of("ecs"):
            self._backend("ecs").delete_service(cluster, name, force=True)

    def subnet(self, subnet_id: str) -> Subnet | None:
        by_zone: dict[str, dict[str, Any]] = self._backend("ec2").subnets
        for subnets in tuple(by_zone.values()):
            found = subnets.get(subnet_id)
            if found is not None:
                return Subnet(
                    subnet_id=subnet_id,
                    vpc_id=found.vpc_id,
                    availability_zone=found.availability_zone,
                    cidr=found.cidr_block,
                )
        return None

    def vpc_cidrs(self, vpc_id: str) -> list[str] | None:
        """The address ranges of a VPC, or None where there is no such VPC."""
        found = self._backend("ec2").vpcs.get(vpc_id)
        if found is None:
            return None
        return [str(block["cidr_block"]) for block in found.get_cidr_block_association_set()]

    def has_running_instance(self, instance_id: str) -> bool:
        """Whether EC2 has such an instance, and it runs."""
        found = self._backend("ec2").get_instance_by_id(instance_id)
        return found is not None and found.state == "running"

    def load_balancing(self) -> Configuration:
        """What is configured of load balancers at this moment."""
        with self.lock_of("elasticloadbalancing"):
            return picture(self._backend("elbv2"))

    def alarm_records(self) -> dict[str, Any]:
        """Moto's own records of alarms by name; to be used under the lock of `monitoring`."""
        found: dict[str, Any] = self._backend("cloudwatch").alarms
        return found

    def put_composite_alarm(self, asked: Mapping[str, Any]) -> None:
        """Moto's own record of a composite alarm, which it knows and has no operation for."""
        self._backend("cloudwatch").put_metric_alarm(
            name=asked["AlarmName"],
            namespace=None,
            metric_name=None,
            comparison_operator=None,
            evaluation_periods=None,
            period=None,
            threshold=None,
            statistic=None,
            description=asked.get("AlarmDescription"),
            dimensions=[],
            alarm_actions=asked.get("AlarmActions", []),
            ok_actions=asked.get("OKActions", []),
            insufficient_data_actions=asked.get("InsufficientDataActions", []),
            actions_enabled=asked.get("ActionsEnabled", True),
            rule=asked["AlarmRule"],
            tags=asked.get("Tags", []),
        )

    def schedule_groups(self) -> dict[str, Any]:
        """Moto's own records of groups of schedules by name; to be used under the lock of `scheduler`."""
        found: dict[str, Any] = self._backend("scheduler").schedule_groups
        return found

    def elb_records(self) -> Any:
        """Moto's own records of load balancers, for where it keeps less than AWS; to be used under their lock."""
        return self._backend("elbv2")

    def queue(self, queue_name: str) -> QueueSettings | None:
        """The settings of a queue, or None where there is no such queue."""
        queue = self._backend("sqs").queues.get(queue_name)
        return None if queue is None else settings_of(queue)

    def queue_depths(self) -> dict[str, QueueDepth]:
        """How many messages are in each queue."""
        with self.lock_of("sqs"):
            return {name: depth_of(queue) for name, queue in self._backend("sqs").queues.items()}

    def send_message(self, queue_name: str, entry: Mapping[str, Any], *, delay: float) -> dict[str, Any]:
        """Puts a checked message into a queue; returns what SendMessage answers."""
        with self.lock_of("sqs"):
            return add_message(self._backend("sqs").queues[queue_name], entry, delay=delay)

    def take_messages(self, queue_name: str, request: Mapping[str, Any], *, visibility: float) -> list[dict[str, Any]]:
        """Receives what is in a queue now, as ReceiveMessage answers it."""
        with self.lock_of("sqs"):
            return take_messages(self._backend("sqs"), queue_name, request, visibility=visibility)

    def delete_message(self, queue_name: str, receipt_handle: str) -> None:
        """Deletes a message; raises `ApiError` for a receipt handle that never was."""
        with self.lock_of("sqs"):
            try:
                self._backend("sqs").delete_message(queue_name, receipt_handle)
            except ReceiptHandleIsInvalid as error:
                raise ApiError("ReceiptHandleIsInvalid", str(error.message)) from error

    def _backend(self, service: str) -> Any:
        return get_backend(service)[self._account][self._region]  # type: ignore[call-overload] # a name is a str here

    def _ping(self, service: str) -> ApiRequest:
        scope = (
            f"AWS4-HMAC-SHA256 Credential=sandbox/20260101/{self._region}/{service}/aws4_request, SignedHeaders=host"
        )
        headers = {"host": "127.0.0.1", "authorization": scope, "x-amz-target": "DynamoDB_20120810.ListTables"}
        return ApiRequest(
            method="POST",
            path="/",
            query="",
            headers=headers,
            body=b"",
            service=service,
            operation="",
            access_key=None,
        )

    def _application(self, request: ApiRequest) -> Any:
        """Moto's application for a request; finding it costs moto 0.5 ms, so it is found once a service."""
        if request.service not in WARMED_SERVICES:
            return self._app
        key = (request.service, request.headers.get("x-amz-target", "").partition(".")[0])
        known = self._applications.get(key)
        if known is None:
            known = self._applications[key] = self._app.get_application(self._environ(request))
        return known

    def _environ(self, request: ApiRequest) -> dict[str, Any]:
        host, _, port = request.headers.get("host", "127.0.0.1").partition(":")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": request.path,
            "RAW_URI": f"{request.path}?{request.query}" if request.query else request.path,
            "REQUEST_URI": f"{request.path}?{request.query}" if request.query else request.path,
            "QUERY_STRING": request.query,
            "SERVER_NAME": host,
            "SERVER_PORT": port or "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_X_MOTO_ACCOUNT_ID": self._account,
        }
        for name, value in request.headers.items():
            if name not in ("content-type", "content-length", "transfer-encoding"):
                environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ


def _task_definition(found: Any) -> TaskDefinition:
    storage = found.ephemeral_storage or {}
    return TaskDefinition(
        arn=found.arn,
        family=found.family,
        status=found.status,
        network_mode=found.network_mode,
        compatibilities=tuple(found.compatibilities),
        cpu=None if found.cpu is None else str(found.cpu),
        memory=None if found.memory is None else str(found.memory),
        ephemeral_storage_gib=int(storage.get("sizeInGiB", 20)),
        containers=tuple(found.container_definitions),
        tags={tag["key"]: tag.get("value", "") for tag in found.tags},
        task_role_arn=getattr(found, "task_role_arn", None),
        runtime_platform=found.runtime_platform or {},
        placement_constraints=tuple(found.placement_constraints),
        volumes=tuple(found.volumes),
    )
