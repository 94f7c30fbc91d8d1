"""The table: partitions of records with the conditions that the DynamoDB adapters put on their writes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from headcount.errors import Conflict, NewerSchema, Superseded, TransientError
from headcount.model.plan import AdoptTask, Plan, StartTasks, StopTask
from headcount.model.service import (
    Capacity,
    DeclaredService,
    Launch,
    OperatorWishes,
    ServiceState,
    ServiceStatus,
)
from headcount.model.task import ContainerHealth, ManagedTask, ObservedTask, Task
from headcount.ports import ServiceMark, ServiceRecords, Sighting

STRANGER_SECONDS = 24 * 3600.0


@dataclass(slots=True)
class TaskRecord:
    """One record ``task#<id>``, each attribute with its own writer. ``expires``: only while ``managed`` is missing."""

    observed: ObservedTask | None = None
    version: int | None = None
    managed: ManagedTask | None = None
    health: ContainerHealth | None = None
    confirmed_at: float | None = None
    expires: float | None = None


@dataclass(slots=True)
class StatusRecord:
    """The record ``status``; ``document`` is None until a pass has finished."""

    pass_number: int
    document: ServiceStatus | None = None


@dataclass(slots=True)
class Partition:
    """Every record of one service."""

    manifest: DeclaredService | None = None
    capacity: tuple[Capacity, int] | None = None
    operator: tuple[OperatorWishes, int] | None = None
    status: StatusRecord | None = None
    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    launches: dict[str, Launch] = field(default_factory=dict)
    newer: bool = False  # a newer version of Headcount has written here

    def is_empty(self) -> bool:
        """Whether there is no record at all."""
        return not (self.manifest or self.capacity or self.operator or self.status or self.tasks or self.launches)


class Table:
    """All records, and every write as one atomic step. A crash strikes between steps, never inside one."""

    def __init__(self, clock: Callable[[], float], install: str) -> None:
        self.clock = clock
        self.install = install
        self.partitions: dict[str, Partition] = {}
        self.where: dict[str, tuple[str, str]] = {}

    def partition(self, service: str) -> Partition:
        """The records of a service, none at first."""
        return self.partitions.setdefault(service, Partition())

    def readable(self, service: str) -> Partition:
        """The records of a service, if this version can read them."""
        partition = self.partition(service)
        if partition.newer:
            raise NewerSchema(f"a record of {service} has a schema that this version does not know")
        return partition

    def state(self, service: str) -> ServiceState:
        """Everything on record, as values."""
        partition = self.partition(service)
        status = partition.status
        return ServiceState(
            service=service,
            install=self.install,
            pass_number=status.pass_number if status else 0,
            declared=partition.manifest,
            capacity=partition.capacity[0] if partition.capacity else None,
            operator=partition.operator[0] if partition.operator else OperatorWishes(),
            status=(status.document if status else None) or ServiceStatus(),
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

    def mark(self, service: str) -> ServiceMark:
        """What the index tells of a service."""
        partition = self.partition(service)
        manifest, status = partition.manifest, partition.status
        document = status.document if status else None
        return ServiceMark(
            service=service,
            generation=manifest.generation if manifest else None,
            deleting=manifest is not None and manifest.deleting_at is not None,
            seen_generation=document.generation if document else None,
            pass_number=status.pass_number if status else None,
            next_wake=document.next_wake if document else None,
        )

    def version(self, service: str, task_id: str) -> int | None:
        """The version on record of a task."""
        record = self.partition(service).tasks.get(task_id)
        return record.version if record else None

    # -- observing ----------------------------------------------------------------------------------------------------

    def record_sighting(self, service: str, sighting: Sighting) -> bool:
        """Newest version wins; whether what ECS said is now on record."""
        record = self.readable(service).tasks.setdefault(sighting.task_id, TaskRecord())
        if record.version is not None and record.version >= sighting.observed.version:
            return record.version == sighting.observed.version
        record.observed, record.version = sighting.observed, sighting.observed.version
        if record.managed is None:
            record.expires = self.clock() + STRANGER_SECONDS
        return True

    def record_health(self, service: str, task_id: str, health: ContainerHealth) -> None:
        """The health of a task that is still on record."""
        record = self.partition(service).tasks.get(task_id)
        if record is not None and record.observed is not None:
            record.health = health

    def record_confirmed(self, service: str, task_id: str, now: float) -> None:
        """That the audit saw a task alive that nobody had written down."""
        record = self.partition(service).tasks.get(task_id)
        if record is not None and record.observed is not None and record.managed is None:
            record.confirmed_at = now

    def record_vanished(self, service: str, task: Task, reason: str, now: float) -> bool:
        """That ECS no longer knows a task, unless something newer is on record."""
        record = self.partition(service).tasks.get(task.task_id)
        if record is None or record.version != task.observed.version:
            return False
        record.observed = replace(
            task.observed,
            last_status="STOPPED",
            desired_status="STOPPED",
            stopping_at=task.observed.stopping_at or now,
            stopped_at=now,
            stop_code=task.observed.stop_code or "Vanished",
            stopped_reason=task.observed.stopped_reason or reason,
        )
        return True

    def roster(self, service: str) -> tuple[Task, ...]:
        """The tasks on record."""
        self.readable(service)
        return self.state(service).tasks

    # -- reconciling --------------------------------------------------------------------------------------------------

    def begin_pass(self, service: str) -> int:
        """Raise the pass number; numbers begin at the clock."""
        partition = self.partition(service)
        if partition.status is None:
            partition.status = StatusRecord(pass_number=int(self.clock() * 1000))
        partition.status.pass_number += 1
        return partition.status.pass_number

    def gather(self, service: str, pass_number: int) -> ServiceState:
        """Everything, if this is still the newest pass."""
        self.readable(service)
        state = self.state(service)
        if state.pass_number != pass_number:
            raise Superseded(f"pass {pass_number} of {service} gave way to {state.pass_number}")
        return state

    def commit(self, state: ServiceState, plan: Plan) -> None:
        """The plan in one transaction, under the fence."""
        partition = self.fenced(state)
        for action in plan.actions:
            if isinstance(action, AdoptTask | StopTask) and not getattr(action, "recorded", False):
                self._expect(action.task_id in partition.tasks, state)
            if isinstance(action, StartTasks):
                self._expect(action.launch.launch_id not in partition.launches, state)
        for action in plan.actions:
            if isinstance(action, StartTasks):
                partition.launches[action.launch.launch_id] = action.launch
            elif isinstance(action, AdoptTask) or (isinstance(action, StopTask) and not action.recorded):
                record = partition.tasks[action.task_id]
                record.managed, record.expires = action.managed, None
        self.write_status(partition, plan.status)

    def finish(self, state: ServiceState, status: ServiceStatus) -> None:
        """The status for the next pass, under the fence."""
        self.write_status(self.fenced(state), status)

    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
        """Close a launch that is open and write its tasks, in one transaction."""
        partition = self.partition(service)
        if partition.launches.pop(launch.launch_id, None) is None:
            return
        managed = ManagedTask(deployment=launch.deployment, launched_at=launch.at, zone=launch.zone)
        for sighting in sightings:
            record = partition.tasks.setdefault(sighting.task_id, TaskRecord())
            record.managed = record.managed or managed
            if record.observed is None:
                record.observed, record.version = sighting.observed, sighting.observed.version
            record.expires = None
            self.where[sighting.task_id] = (service, sighting.observed.launch)

    def forget(self, service: str, task_ids: Sequence[str]) -> None:
        """Delete task records."""
        for task_id in task_ids:
            self.partition(service).tasks.pop(task_id, None)

    def remove_service(self, state: ServiceState) -> None:
        """Status, capacity, wishes and manifest at once, as the newest pass and as they were read."""
        partition = self.fenced(state)
        if state.declared is not None:
            manifest = partition.manifest
            same = manifest is not None and manifest.generation == state.declared.generation
            self._expect(same and manifest is not None and manifest.deleting_at is not None, state)
            partition.manifest = partition.capacity = partition.operator = None
        partition.status = None

    def fenced(self, state: ServiceState) -> Partition:
        """The partition, if the pass that read ``state`` is still the newest."""
        partition = self.partition(state.service)
        if partition.status is None or partition.status.pass_number != state.pass_number:
            raise Superseded(f"pass {state.pass_number} of {state.service} is not the newest")
        return partition

    @staticmethod
    def write_status(partition: Partition, status: ServiceStatus) -> None:
        """Replace the status's document."""
        assert partition.status is not None, "a pass that writes has begun"
        partition.status.document = status

    @staticmethod
    def _expect(holds: bool, state: ServiceState) -> None:
        if not holds:
            raise TransientError(f"the records of {state.service} changed under the plan")

    # -- controlling --------------------------------------------------------------------------------------------------

    def read(self, service: str) -> ServiceRecords | None:
        """Everything with the revisions, None if there is nothing."""
        partition = self.readable(service)
        if partition.is_empty():
            return None
        return ServiceRecords(
            state=self.state(service),
            capacity_revision=partition.capacity[1] if partition.capacity else None,
            operator_revision=partition.operator[1] if partition.operator else None,
        )

    def put_service(self, records: ServiceRecords | None, declared: DeclaredService, capacity: Capacity) -> None:
        """Manifest and capacity together, if neither changed since they were read."""
        partition = self.partition(declared.manifest.service)
        before = records.state.declared.generation if records and records.state.declared else None
        if before != (partition.manifest.generation if partition.manifest else None):
            raise Conflict("somebody else changed the manifest")
        self._put_capacity(partition, records, capacity)
        partition.manifest = declared

    def put_capacity(self, records: ServiceRecords, capacity: Capacity) -> None:
        """The capacity, if neither it nor the manifest changed."""
        self._put_capacity(self._still_declared(records), records, capacity)

    def put_operator(self, records: ServiceRecords, wishes: OperatorWishes) -> None:
        """What operators wish, if neither it nor the manifest changed."""
        partition = self._still_declared(records)
        if records.operator_revision != (partition.operator[1] if partition.operator else None):
            raise Conflict("somebody else changed the wishes")
        partition.operator = (wishes, (records.operator_revision or 0) + 1)

    @staticmethod
    def _put_capacity(partition: Partition, records: ServiceRecords | None, capacity: Capacity) -> None:
        revision = records.capacity_revision if records else None
        if revision != (partition.capacity[1] if partition.capacity else None):
            raise Conflict("somebody else changed the capacity")
        partition.capacity = (capacity, (revision or 0) + 1)

    def _still_declared(self, records: ServiceRecords) -> Partition:
        partition = self.partition(records.state.service)
        generation = records.state.declared.generation if records.state.declared else None
        manifest = partition.manifest
        if manifest is None or manifest.generation != generation or manifest.deleting_at is not None:
            raise Conflict("somebody else changed the manifest")
        return partition
