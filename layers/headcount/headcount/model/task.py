"""A task as Headcount sees it: what ECS said, how its containers feel, and what Headcount itself decided about it."""

from typing import Literal

from headcount.model.values import dataclass, replace

Health = Literal["HEALTHY", "UNHEALTHY", "UNKNOWN"]
NoticeKind = Literal["DRAINING", "DISCONNECTED", "GONE", "SPOT", "RETIREMENT"]

STARTING_STATES = ("PROVISIONING", "PENDING", "ACTIVATING")
CAPACITY_WORDS = (  # ECS's, when AWS has no room for a task
    "Capacity is unavailable",
    "RESOURCE:",
    "EMPTY CAPACITY PROVIDER",
    "NO ACTIVE INSTANCES",
    "No Container Instances were found",  # an InvalidParameterException, though nothing is wrong with the request
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEnd:
    """How one container ended. ``exit_code`` is None when it never ran or ECS does not say."""

    name: str
    exit_code: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPort:
    """Where a container's port is reached on its container instance (bridge and host networking)."""

    container: str
    container_port: int
    host_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedTask:
    """The newest version of what ECS said of a task. Times are epoch seconds on ECS's clock."""

    version: int
    last_status: str
    desired_status: str
    launch: str
    task_definition_arn: str = ""
    availability_zone: str | None = None
    capacity_provider: str | None = None
    address: str | None = None
    created_at: float | None = None
    started_at: float | None = None
    stopping_at: float | None = None
    stopped_at: float | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None
    containers: tuple[ContainerEnd, ...] = ()
    container_instance: str | None = None
    ports: tuple[HostPort, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerHealth:
    """The health of a task's containers as ``DescribeTasks`` told it: task state change events do not carry it."""

    status: Health
    seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What AWS announced about the place a task runs on: the task lives, but should be replaced.

    ``DRAINING``, ``DISCONNECTED`` (``at``: since when) and ``GONE`` tell of its container instance, ``SPOT`` of the EC2
    instance under it, ``RETIREMENT`` of the task itself (AWS Health). ``deadline``: when AWS ends it, where it said so.
    """

    kind: NoticeKind
    at: float
    reason: str
    deadline: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopIntent:
    """Headcount's decision to stop a task, recorded before ``StopTask``. ``failed``: it counts as a failed start."""

    at: float
    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedTask:
    """What ``reconcile_service`` knows of a task. ``launched_at`` is on Headcount's own clock.

    ``zone`` and ``capacity`` (a capacity provider or a launch type) are what was asked for.
    """

    deployment: str
    launched_at: float
    zone: str | None = None
    capacity: str | None = None
    stop: StopIntent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One record ``task#<id>``. A part is None when nobody wrote it yet.

    ``confirmed_at``: when the audit found a task that nobody had written down alive in ECS.
    """

    task_id: str
    observed: ObservedTask
    managed: ManagedTask | None = None
    health: ContainerHealth | None = None
    notice: Notice | None = None
    confirmed_at: float | None = None


def capacity_of(task: Task) -> str:
    """The capacity provider or launch type that carries the task: ECS's word, or what we asked for."""
    return task.observed.capacity_provider or (task.managed.capacity if task.managed else None) or "unknown"


def zone_of(task: Task) -> str:
    """The task's Availability Zone: ECS's word, or the one we asked for while ECS has not said."""
    return task.observed.availability_zone or (task.managed.zone if task.managed else None) or "unknown"


def vanished(observed: ObservedTask, reason: str, now: float) -> ObservedTask:
    """A task that ECS no longer knows. The version stays: should ECS speak of it again, that is news."""
    return replace(
        observed,
        last_status="STOPPED",
        desired_status="STOPPED",
        stopping_at=observed.stopping_at or now,
        stopped_at=now,
        stop_code=observed.stop_code or "Vanished",
        stopped_reason=observed.stopped_reason or reason,
    )


def task_id_of(task_arn: str) -> str:
    """``3f1c...`` of ``arn:aws:ecs:...:task/<cluster>/3f1c...``."""
    return task_arn.rpartition("/")[2]


def how_it_ended(task: Task) -> str:
    """One phrase for people: why this task is gone or going."""
    observed = task.observed
    if task.managed and task.managed.stop:
        return task.managed.stop.reason
    said = observed.stopped_reason or observed.stop_code or "ECS gave no reason"
    ends = [
        f"{end.name}: " + ", ".join(parts)
        for end in observed.containers
        if (parts := [part for part in (_exit(end.exit_code), end.reason) if part and part not in said])
    ]
    return said + (f" ({'; '.join(ends)})" if ends else "")


def _exit(code: int | None) -> str | None:
    return None if code is None else f"exit code {code}"
