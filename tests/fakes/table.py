"""The table in memory: partitions of records, and what every function reads and writes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from headcount.errors import NewerSchema
from headcount.model.service import (
    Capacity,
    Decision,
    DeclaredService,
    Launch,
    OperatorWishes,
    ServiceState,
    ServiceStatus,
)
from headcount.model.task import ContainerHealth, ManagedTask, ObservedTask, Task
from headcount.ports import ServiceMark, Sighting

STRANGER_SECONDS = 24 * 3600


@dataclass(slots=True)
class TaskRecord:
    """One record ``task#<id>``, each attribute with its own writer."""

    observed: ObservedTask | None = None
    version: int | None = None
    managed: ManagedTask | None = None
    health: ContainerHealth | None = None
    confirmed_at: float | None = None
    expires: int | None = None


@dataclass(slots=True)
class StatusRecord:
    """The record ``status``: ``doc`` is None until a pass has finished."""

    pass_number: int
    doc: ServiceStatus | None = None

    @property
    def next_wake(self) -> float | None:
        return self.doc.next_wake if self.doc else None


@dataclass(slots=True)
class Partition:
    """Every record of one service."""

    manifest: DeclaredService | None = None
    capacity: tuple[Capacity, int] | None = None
    operator: tuple[OperatorWishes, int] | None = None
    status: StatusRecord | None = None
    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    launches: dict[str, Launch] = field(default_factory=dict)
    newer: set[str] = field(default_factory=set)

    def is_empty(self) -> bool:
        return not (self.manifest or self.capacity or self.operator or self.status or self.tasks or self.launches)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRecord:
    """What one part of one pass decided."""

    key: str
    decisions: tuple[Decision, ...]
    pass_number: int
    at: float


class InMemoryTable:
    """What ``ObserveStore`` and ``WakeStore`` need, over partitions that the other stores share."""

    def __init__(self, clock: Callable[[], float], install: str) -> None:
        self.clock = clock
        self.install = install
        self.partitions: dict[str, Partition] = {}
        self.histories: dict[str, list[HistoryRecord]] = {}
        self.where: dict[str, tuple[str, str]] = {}

    def partition(self, service: str) -> Partition:
        return self.partitions.setdefault(service, Partition())

    def make_newer(self, service: str, sort_key: str) -> None:
        """A record was written by a newer version of Headcount."""
        self.partition(service).newer.add(sort_key)

    # -- the ports ----------------------------------------------------------------------------------------------------

    def record_sighting(self, service: str, sighting: Sighting) -> bool:
        partition = self.partition(service)
        if f"task#{sighting.task_id}" in partition.newer:
            raise NewerSchema(f"record {service} task#{sighting.task_id} is newer")
        record = partition.tasks.setdefault(sighting.task_id, TaskRecord())
        if record.version is not None and record.version >= sighting.observed.version:
            return record.version == sighting.observed.version
        record.observed, record.version = sighting.observed, sighting.observed.version
        if record.managed is None:
            record.expires = int(self.clock()) + STRANGER_SECONDS
        return True

    def pass_number(self, service: str) -> int | None:
        status = self.partition(service).status
        return status.pass_number if status else None

    def next_wake(self, service: str) -> tuple[float | None, int | None]:
        status = self.partition(service).status
        return (status.next_wake, status.pass_number) if status else (None, None)

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        return tuple(
            _mark(service, partition)
            for service, partition in sorted(self.partitions.items())
            if service.startswith(f"{cluster}/") and (partition.manifest or partition.status)
        )

    # -- for the other stores -----------------------------------------------------------------------------------------

    def state(self, service: str) -> ServiceState:
        """Everything on record, as values."""
        partition = self.partition(service)
        for sort_key in partition.newer:
            raise NewerSchema(f"record {service} {sort_key} is newer")
        status = partition.status
        return ServiceState(
            service=service,
            install=self.install,
            pass_number=status.pass_number if status else 0,
            declared=partition.manifest,
            capacity=partition.capacity[0] if partition.capacity else None,
            operator=partition.operator[0] if partition.operator else OperatorWishes(),
            status=(status.doc if status else None) or ServiceStatus(),
            tasks=tuple(
                Task(
                    task_id=task_id,
                    observed=record.observed,
                    managed=record.managed,
                    health=record.health,
                    confirmed_at=record.confirmed_at,
                )
                for task_id, record in sorted(partition.tasks.items())
                if record.observed is not None
            ),
            launches=tuple(launch for _, launch in sorted(partition.launches.items())),
        )

    def write_history(
        self, service: str, pass_number: int, part: str, decisions: tuple[Decision, ...], now: float
    ) -> None:
        if not decisions:
            return
        key = f"event#{now:017.6f}#{pass_number:020d}#{part}"
        record = HistoryRecord(key=key, decisions=decisions, pass_number=pass_number, at=now)
        self.histories.setdefault(service, []).append(record)


def _mark(service: str, partition: Partition) -> ServiceMark:
    manifest, status = partition.manifest, partition.status
    return ServiceMark(
        service=service,
        generation=manifest.generation if manifest else None,
        deleting=manifest is not None and manifest.deleting_at is not None,
        seen_generation=status.doc.generation if status and status.doc else None,
        pass_number=status.pass_number if status else None,
        next_wake=status.next_wake if status else None,
    )
