"""Valid values of the model with one thing changed. Every time is counted from ``NOW``."""

from collections.abc import Iterable
from typing import Any, Final

from headcount.model.manifest import Manifest
from headcount.model.service import (
    Backoff,
    Capacity,
    DeclaredService,
    Deployment,
    Launch,
    OperatorWishes,
    Protection,
    ServiceState,
    ServiceStatus,
    Throttle,
    ZoneRefusal,
)
from headcount.model.task import ContainerHealth, Health, ManagedTask, ObservedTask, StopIntent, Task

NOW: Final = 1_790_000_000.0
LONG_AGO: Final = NOW - 3600.0
ZONES: Final = ("zone-a", "zone-b", "zone-c")
TASK_DEFINITION: Final = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:12"
SERVICE: Final = "prod/web"
INSTALL: Final = "main"
DEPLOYMENT: Final = "dep-1"


def a_manifest(**changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "cluster": "prod",
        "service_name": "web",
        "task_definition": "web:12",
        "desired_count": 3,
        "subnets": ("subnet-a",),
    }
    return Manifest(**fields | changes)


def zones_named(*names: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """``zone-a`` has ``subnet-a``, and so on."""
    return tuple((name, (f"subnet-{name.removeprefix('zone-')}",)) for name in names)


def a_declared_service(manifest: Manifest | None = None, **changes: Any) -> DeclaredService:
    fields: dict[str, Any] = {
        "manifest": manifest or a_manifest(),
        "generation": 1,
        "incarnation": "8c1f",
        "deployment": DEPLOYMENT,
        "revision": "web:12",
        "deployed_at": LONG_AGO,
        "task_definition_arn": TASK_DEFINITION,
        "zones": zones_named("zone-a"),
    }
    return DeclaredService(**fields | changes)


def a_capacity(desired_count: int, **changes: Any) -> Capacity:
    fields: dict[str, Any] = {"desired_count": desired_count, "declared_count": desired_count}
    return Capacity(**fields | changes)


def a_service(
    *tasks: Task,
    desired: int = 3,
    declared: DeclaredService | None = None,
    protected: Iterable[str] = (),
    **changes: Any,
) -> ServiceState:
    """A service that wants ``desired`` tasks in one zone and has ``tasks``."""
    declared = declared or a_declared_service(a_manifest(desired_count=desired))
    fields: dict[str, Any] = {
        "service": SERVICE,
        "install": INSTALL,
        "pass_number": 1_790_000_000_001,
        "declared": declared,
        "capacity": a_capacity(desired),
        "operator": OperatorWishes(protections=tuple(Protection(task=task, until=NOW + 600.0) for task in protected)),
        "status": a_status(),
        "tasks": tasks,
        "launches": (),
    }
    return ServiceState(**fields | changes)


def a_deployment(**changes: Any) -> Deployment:
    fields: dict[str, Any] = {
        "deployment_id": DEPLOYMENT,
        "task_definition_arn": TASK_DEFINITION,
        "created_at": LONG_AGO,
        "rollout_state": "COMPLETED",
        "completed_at": LONG_AGO + 60.0,
    }
    return Deployment(**fields | changes)


def a_status(**changes: Any) -> ServiceStatus:
    """What the last pass left: a completed deployment, announced as steady an hour ago."""
    fields: dict[str, Any] = {
        "generation": 1,
        "deployments": (a_deployment(),),
        "steady_since": LONG_AGO,
        "announced_at": LONG_AGO,
    }
    return ServiceStatus(**fields | changes)


def a_backoff(**changes: Any) -> Backoff:
    fields: dict[str, Any] = {
        "deployment": DEPLOYMENT,
        "round": 2,
        "began_at": NOW - 1.0,
        "until": NOW + 4.0,
        "reason": "1 task failed: exit code 1; round 2",
    }
    return Backoff(**fields | changes)


def a_zone_refusal(zone: str, **changes: Any) -> ZoneRefusal:
    fields: dict[str, Any] = {
        "zone": zone,
        "refusals": 1,
        "since": NOW - 5.0,
        "until": NOW + 10.0,
        "reason": "Capacity is unavailable at this time",
    }
    return ZoneRefusal(**fields | changes)


def a_throttle(**changes: Any) -> Throttle:
    fields: dict[str, Any] = {
        "times": 1,
        "until": NOW + 1.0,
        "reason": "ECS: ThrottlingException; calling again soon",
    }
    return Throttle(**fields | changes)


def a_launch(launch_id: str = "launchaaaaaaaaaaaaaa", **changes: Any) -> Launch:
    fields: dict[str, Any] = {
        "launch_id": launch_id,
        "count": 1,
        "zone": "zone-a",
        "deployment": DEPLOYMENT,
        "at": NOW - 2.0,
        "reason": "0 of 1 there",
        "request": {"cluster": "prod", "clientToken": launch_id, "count": changes.get("count", 1)},
    }
    return Launch(**fields | changes)


def a_task(
    task_id: str = "task-1",
    *,
    status: str = "RUNNING",
    deployment: str | None = DEPLOYMENT,
    launched_at: float = LONG_AGO,
    zone: str = "zone-a",
    health: Health | None = None,
    stop: StopIntent | None = None,
    confirmed_at: float | None = None,
    **observed: Any,
) -> Task:
    """A task that has run for an hour. ``deployment=None``: nobody wrote it down."""
    managed = None
    if deployment is not None:
        managed = ManagedTask(deployment=deployment, launched_at=launched_at, zone=zone, stop=stop)
    has_run = status in ("RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")
    fields: dict[str, Any] = {
        "version": 3,
        "last_status": status,
        "desired_status": "STOPPED" if status == "STOPPED" else "RUNNING",
        "launch": "launch-closed",
        "task_definition_arn": TASK_DEFINITION,
        "availability_zone": zone,
        "created_at": launched_at,
        "started_at": launched_at + 10.0 if has_run else None,
    }
    return Task(
        task_id=task_id,
        observed=ObservedTask(**fields | observed),
        managed=managed,
        health=None if health is None else ContainerHealth(status=health, seen_at=NOW - 5.0),
        confirmed_at=confirmed_at,
    )


def a_starting_task(task_id: str = "task-1", **changes: Any) -> Task:
    """A task that was launched ten seconds ago and is PENDING."""
    fields: dict[str, Any] = {"status": "PENDING", "launched_at": NOW - 10.0}
    return a_task(task_id, **fields | changes)


def a_dying_task(task_id: str = "task-1", **changes: Any) -> Task:
    """A task that Spot has given two minutes' notice: it still runs, but ECS wants it stopped."""
    fields: dict[str, Any] = {"desired_status": "STOPPED", "stop_code": "SpotInterruption", "stopping_at": NOW - 1.0}
    return a_task(task_id, **fields | {"stopped_reason": "Your Spot Task was interrupted."} | changes)


def a_lost_task(task_id: str = "task-1", **changes: Any) -> Task:
    """A task that is STOPPED by nobody's fault: somebody stopped it from outside."""
    fields: dict[str, Any] = {
        "status": "STOPPED",
        "stop_code": "UserInitiated",
        "stopping_at": NOW - 5.0,
        "stopped_at": NOW - 1.0,
    }
    return a_task(task_id, **fields | {"stopped_reason": "Task stopped by user"} | changes)


def a_failed_task(task_id: str = "task-1", **changes: Any) -> Task:
    """A task that was launched a minute ago and exited at once."""
    fields: dict[str, Any] = {
        "status": "STOPPED",
        "launched_at": NOW - 60.0,
        "stop_code": "EssentialContainerExited",
        "stopped_reason": "Essential container in task exited",
        "stopping_at": NOW - 5.0,
        "stopped_at": NOW - 1.0,
    }
    return a_task(task_id, **fields | changes)


def tasks(count: int, prefix: str = "task", **changes: Any) -> tuple[Task, ...]:
    """``count`` tasks alike but for their ids, ``task-1`` first."""
    return tuple(a_task(f"{prefix}-{number}", **changes) for number in range(1, count + 1))
