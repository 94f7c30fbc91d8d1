"""The whole world of one service, as one pass reads it, and the status it leaves for the next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headcount.model.manifest import Manifest
from headcount.model.task import Task

Level = Literal["INFO", "WARN", "ERROR"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Something decided, or decided against, with the reason that people read at three in the morning.

    ``kind`` is one of ``docs/contracts.md``'s history kinds; ``event_name`` is ECS's name of the event to publish.
    """

    kind: str
    reason: str
    level: Level = "INFO"
    event_name: str | None = None
    task: str | None = None
    launch: str | None = None
    deployment: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredService:
    """The record ``manifest``: what was declared, and what ``control`` resolved when it was (task definition, zones).

    ``incarnation`` tells a service from an earlier one of the same name. ``zones`` are (zone, subnets) pairs, by name.
    A change of what tasks are made of makes a new ``deployment``; ``generation`` counts every change.
    """

    manifest: Manifest
    generation: int
    incarnation: str
    deployment: str
    revision: str
    deployed_at: float
    task_definition_arn: str
    zones: tuple[tuple[str, tuple[str, ...]], ...]
    container_health_check: bool = False
    deleting_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The record ``capacity``. ``declared_count`` is the manifest's own number at the last apply."""

    desired_count: int
    declared_count: int
    reason: str = ""
    changed_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A task that scale-in and deployments leave alone until ``until``."""

    task: str
    until: float
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorWishes:
    """The record ``operator``: what people asked for, apart from the count."""

    protections: tuple[Protection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """An intent to start tasks: one ``RunTask`` call, recorded verbatim before it is sent."""

    launch_id: str
    count: int
    zone: str
    deployment: str
    at: float
    reason: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How failing tasks of one deployment are slowed down.

    A round is one generation of failing tasks: it began when one launched after the last round's beginning failed.
    Until ``until`` the slots of failed tasks stay empty; ``refused``: ``RunTask`` itself was refused, so all slots do.
    """

    deployment: str
    round: int
    began_at: float
    until: float
    reason: str
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRefusal:
    """A zone that takes no tasks, skipped until ``until``. ``since``: when it refused last; ``refusals`` in a row.

    ``deployment``: set where ECS refused the request itself, which another deployment may mend; None for capacity.
    """

    zone: str
    refusals: int
    since: float
    until: float
    reason: str
    deployment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """ECS asked for patience: no calls before ``until``. ``times`` in a row."""

    times: int
    until: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One revision of a service, as far as it got. Newest first in ``ServiceStatus.deployments``."""

    deployment_id: str
    task_definition_arn: str
    created_at: float
    rollout_state: Literal["IN_PROGRESS", "COMPLETED"] = "IN_PROGRESS"
    completed_at: float | None = None
    failed_tasks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """ECS's counts of a service. ``stopping``: told to stop and not yet gone."""

    desired: int = 0
    running: int = 0
    pending: int = 0
    stopping: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """The record ``status``: what one pass leaves for the next, and for people."""

    generation: int = 0
    state: str = "NEW"
    state_reason: str = "not looked at yet"
    counts: Counts = Counts()
    deployments: tuple[Deployment, ...] = ()
    backoff: Backoff | None = None
    zones: tuple[ZoneRefusal, ...] = ()
    throttle: Throttle | None = None
    steady_since: float | None = None
    announced_at: float | None = None
    next_wake: float | None = None
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """Everything one pass decides on. ``declared`` is None for a service that nobody declares (any more)."""

    service: str
    install: str
    pass_number: int
    declared: DeclaredService | None
    capacity: Capacity | None
    operator: OperatorWishes
    status: ServiceStatus
    tasks: tuple[Task, ...]
    launches: tuple[Launch, ...]
