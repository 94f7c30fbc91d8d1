"""The records of one service as the table holds them, made by the functions' own encoders."""

from collections.abc import Callable
from typing import Any

from headcount.aws import records
from headcount.aws.records import Item, document, key, number
from headcount.model.manifest import Manifest, Restarts
from headcount.model.service import Capacity, Counts, DeclaredService, Deployment, ServiceStatus
from headcount.model.task import ContainerEnd, ManagedTask, ObservedTask

SERVICE = "prod/web"
_ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
_ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:12"
_DEPLOYMENT = "dep-1"
_HOUR = 3600.0

Story = Callable[[int, int, float], tuple[int, dict[str, Any]]]
"""(task number, tasks, now) -> (desired count, what differs in that task's observation)."""


def stays_as_it_is(number_of_task: int, tasks: int, now: float) -> tuple[int, dict[str, Any]]:
    """Nothing to do."""
    del number_of_task, now
    return tasks, {}


def loses_everything(number_of_task: int, tasks: int, now: float) -> tuple[int, dict[str, Any]]:
    """Every task was killed and is STOPPED."""
    del number_of_task
    end = ContainerEnd(name="app", exit_code=137, reason="OutOfMemoryError: container killed due to memory usage")
    return tasks, {
        "version": 9,
        "last_status": "STOPPED",
        "desired_status": "STOPPED",
        "stop_code": "EssentialContainerExited",
        "stopped_reason": "Essential container in task exited",
        "stopping_at": now - 5.0,
        "stopped_at": now - 1.0,
        "containers": (end,),
    }


def scales_in_by_half(number_of_task: int, tasks: int, now: float) -> tuple[int, dict[str, Any]]:
    """All run, and half of them are wanted."""
    del number_of_task, now
    return tasks // 2, {}


def a_partition(tasks: int, story: Story, now: float) -> list[Item]:
    """Every record of a service of ``tasks`` tasks, in the wire's own typed JSON."""
    desired, _ = story(0, tasks, now)
    items = [_manifest(tasks, now), _capacity(desired), _status(tasks, now)]
    return [*items, *(_task(index, story(index, tasks, now)[1], now) for index in range(tasks))]


def _manifest(tasks: int, now: float) -> Item:
    subnets = tuple(f"subnet-{zone}" for zone in _ZONES)
    manifest = Manifest(
        cluster="prod",
        service_name="web",
        task_definition="web:12",
        desired_count=tasks,
        subnets=subnets,
        security_groups=("sg-0123456789abcdef0",),
        restarts=Restarts(initial_seconds=0),
        tags=(("team", "web"),),
    )
    declared = DeclaredService(
        manifest=manifest,
        generation=1,
        incarnation="8c1f",
        deployment=_DEPLOYMENT,
        revision="web:12",
        deployed_at=now - _HOUR,
        task_definition_arn=_ARN,
        zones=tuple((zone, (subnet,)) for zone, subnet in zip(_ZONES, subnets, strict=True)),
    )
    return _record(records.MANIFEST, doc=document(declared), generation=number(1))


def _capacity(desired: int) -> Item:
    return _record(records.CAPACITY, doc=document(Capacity(desired_count=desired, declared_count=desired)))


def _status(tasks: int, now: float) -> Item:
    deployment = Deployment(
        deployment_id=_DEPLOYMENT,
        task_definition_arn=_ARN,
        created_at=now - _HOUR,
        rollout_state="COMPLETED",
        completed_at=now - _HOUR + 60.0,
    )
    status = ServiceStatus(
        generation=1,
        state="STEADY",
        counts=Counts(desired=tasks, running=tasks),
        deployments=(deployment,),
        steady_since=now - _HOUR,
        announced_at=now - _HOUR,
    )
    return _record(records.STATUS, doc=document(status), **{"pass": number(1_790_000_000_001)})


def _task(index: int, changes: dict[str, Any], now: float) -> Item:
    zone = _ZONES[index % len(_ZONES)]
    launched_at = now - _HOUR + index * 0.01
    fields: dict[str, Any] = {
        "version": 5,
        "last_status": "RUNNING",
        "desired_status": "RUNNING",
        "launch": f"{index // 10:020d}",
        "task_definition_arn": _ARN,
        "availability_zone": zone,
        "address": f"10.0.{index // 250}.{index % 250}",
        "created_at": launched_at,
        "started_at": launched_at + 20.0,
    }
    observed = ObservedTask(**fields | changes)
    managed = ManagedTask(deployment=_DEPLOYMENT, launched_at=launched_at, zone=zone)
    return _record(
        f"{records.TASK}{index:032x}",
        observed=document(observed),
        version=number(observed.version),
        managed=document(managed),
    )


def _record(sort: str, **attributes: dict[str, str]) -> Item:
    return {**key(SERVICE, sort), "schema": number(records.SCHEMA), **attributes}
