"""What the loop needs from the world. Adapters stand in ``headcount.aws``; fakes pass the same contract tests.

Every method may raise ``TransientError`` (``Throttled`` among them): the call may or may not have taken effect.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from headcount.model.manifest import Manifest
from headcount.model.plan import Plan
from headcount.model.service import (
    Capacity,
    Decision,
    DeclaredService,
    Launch,
    OperatorWishes,
    ServiceState,
    ServiceStatus,
)
from headcount.model.task import ContainerHealth, Health, ObservedTask, Task

Clock = Callable[[], float]
"""Epoch seconds now."""

Spread = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""``map``, or one that runs several calls at once: answers come in the order of the arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A task that ECS spoke of, and the service its group and cluster name. ``service`` is None for a foreign task."""

    task_id: str
    observed: ObservedTask
    service: str | None
    health: Health | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchAnswer:
    """What ``RunTask`` said. ``refused``: ECS will not start these tasks as asked; no retry of this request helps."""

    tasks: tuple[Sighting, ...] = ()
    shortfall: str = ""
    refused: str | None = None


class TaskRuntime(Protocol):
    """ECS, as far as tasks go."""

    def launch(self, request: Mapping[str, Any]) -> LaunchAnswer:
        """``RunTask``, verbatim. The same token gives the same tasks."""
        ...

    def stop(self, cluster: str, task_id: str, reason: str) -> Sighting | None:
        """``StopTask``; None when ECS does not know the task (any more)."""
        ...

    def describe(self, cluster: str, task_ids: Sequence[str]) -> tuple[Sighting, ...]:
        """Those of the tasks that ECS knows, in pages of ECS's own size. The others are missing from the answer."""
        ...

    def started_by(self, cluster: str, launch_id: str) -> tuple[Sighting, ...]:
        """The tasks of one launch that should run: ECS lists no others by their launch."""
        ...

    def sweep(self, cluster: str) -> Iterator[str]:
        """The ids of all tasks of a cluster that should run, whoever started them."""
        ...


class ReconcileStore(Protocol):
    """The records of one service, as a pass reads and writes them. Writes of a plan are fenced by the pass number."""

    def begin_pass(self, service: str) -> int:
        """Raise the pass number and take it."""
        ...

    def gather(self, service: str, pass_number: int) -> ServiceState:
        """The whole world of the service, read consistently. ``Superseded`` if a newer pass has begun."""
        ...

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Decision], now: float) -> None:
        """Record the plan before its first side effect, all or nothing, as the newest pass (else ``Superseded``)."""
        ...

    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
        """Write down the tasks of an answered launch and close it, at once. Doing it twice changes nothing."""
        ...

    def record_sighting(self, service: str, sighting: Sighting) -> bool:
        """Write down what ECS said unless something newer is on record; whether it was news."""
        ...

    def forget(self, service: str, task_ids: Sequence[str]) -> None:
        """Delete the records of stopped tasks."""
        ...

    def finish(self, state: ServiceState, status: ServiceStatus, history: Sequence[Decision], now: float) -> None:
        """Write the status that the next pass starts from (``Superseded`` if that has begun)."""
        ...

    def remove_service(self, state: ServiceState, history: Sequence[Decision], now: float) -> None:
        """Delete what is left of a service, the manifest last. Its history stays."""
        ...


class Kicks(Protocol):
    """Messages that say: service X, look again."""

    def kick(self, service: str, pass_number: int | None, cause: str, event_at: float | None = None) -> None:
        """Send a kick; one that was sent for the same pass number is dropped. None: never dropped."""
        ...


class Timers(Protocol):
    """Messages that come back later."""

    def wake(self, service: str, at: float, now: float) -> None:
        """Ask to be woken at ``at`` (epoch seconds). Beyond the queue's longest delay the audit does it instead."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One pass in numbers. Times are epoch seconds, in order; None where a pass did not come so far."""

    service: str
    pass_number: int
    event_at: float | None
    received_at: float
    began_at: float
    gathered_at: float | None = None
    planned_at: float | None = None
    committed_at: float | None = None
    launched_at: float | None = None
    ended_at: float | None = None
    tasks: int = 0
    launches: int = 0
    tasks_started: int = 0
    tasks_stopped: int = 0
    failures: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


class Telling(Protocol):
    """Where decisions and numbers are told: logs, metrics, EventBridge."""

    def decided(self, state: ServiceState, decisions: Sequence[Decision]) -> None:
        """One structured log line a decision."""
        ...

    def publish(self, service: str, decisions: Sequence[Decision], now: float) -> None:
        """The decisions that have an event name, as events. Never fails a pass."""
        ...

    def measured(self, measured: Measured) -> None:
        """The numbers of one pass, as metrics and one log line."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMark:
    """What the index tells of a service without reading it. None where the record does not exist (yet)."""

    service: str
    generation: int | None = None
    seen_generation: int | None = None
    pass_number: int | None = None
    next_wake: float | None = None
    deleting: bool = False


class ObserveStore(Protocol):
    """What ``observe_tasks`` writes and reads."""

    def record_sighting(self, service: str, sighting: Sighting) -> bool:
        """As in ``ReconcileStore``."""
        ...

    def pass_number(self, service: str) -> int | None:
        """The pass number, read consistently; None before the first pass."""
        ...


class AuditStore(Protocol):
    """What ``audit_clusters`` reads and writes."""

    def record_sighting(self, service: str, sighting: Sighting) -> bool:
        """As in ``ReconcileStore``."""
        ...

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        """Every service of a cluster, from the index."""
        ...

    def roster(self, service: str) -> tuple[Task, ...]:
        """The tasks on record of a service."""
        ...

    def record_health(self, service: str, task_id: str, health: ContainerHealth) -> None:
        """Write the health of a task's containers."""
        ...

    def confirm(self, service: str, sighting: Sighting, now: float) -> None:
        """Write that the audit saw a task alive that nobody had written down."""
        ...

    def record_vanished(self, service: str, task: Task, reason: str, now: float) -> bool:
        """Write that ECS no longer knows a task, unless something newer is on record."""
        ...


class WakeStore(Protocol):
    """What ``wake_services`` reads."""

    def next_wake(self, service: str) -> tuple[float | None, int | None]:
        """The recorded wake time and the pass number."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecords:
    """A service as ``control`` reads it, with the revisions its compare-and-set writes need."""

    state: ServiceState
    capacity_revision: int | None
    operator_revision: int | None


class ControlStore(Protocol):
    """What ``control`` reads and writes. Writes raise ``Conflict`` when somebody else was first."""

    def read(self, service: str) -> ServiceRecords | None:
        """The whole service; None if nobody declares it and nothing is left of it."""
        ...

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        """As in ``AuditStore``."""
        ...

    def overview(
        self, services: Sequence[str]
    ) -> Mapping[str, tuple[ServiceStatus, Capacity | None, DeclaredService | None]]:
        """Status, capacity and manifest of many services, without their tasks."""
        ...

    def put_service(
        self, records: ServiceRecords | None, declared: DeclaredService, capacity: Capacity, entry: Decision, now: float
    ) -> None:
        """Write manifest and capacity together, and the entry in the history."""
        ...

    def put_operator(self, records: ServiceRecords, wishes: OperatorWishes, entry: Decision, now: float) -> None:
        """Write what operators wish."""
        ...

    def history(self, service: str, limit: int, before: str | None) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
        """Entries, newest first, and the cursor for the ones before (None: no more)."""
        ...

    def whereabouts(self, task_id: str) -> tuple[str, str] | None:
        """The service that a task belongs or belonged to, and the launch that started it."""
        ...

    def pass_number(self, service: str) -> int | None:
        """As in ``ObserveStore``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What AWS knows of the names in a manifest, or the problems with them."""

    task_definition_arn: str
    zones: tuple[tuple[str, tuple[str, ...]], ...]
    container_health_check: bool


class Registry(Protocol):
    """Task definitions and subnets, as ``control`` checks them when a manifest is applied."""

    def resolve(self, manifest: Manifest) -> Resolved:
        """Look up the names of a manifest. ``Refused`` with every problem: not found, not for Fargate, not awsvpc."""
        ...
