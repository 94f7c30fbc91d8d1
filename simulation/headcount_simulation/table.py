"""The table: partitions of records with the conditions that the DynamoDB adapters put on their writes.

The tests' fake is this table with a history (``tests/fakes/store.py``); one contract holds it and the adapters.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from headcount.errors import Conflict, NewerSchema, Superseded, TransientError
from headcount.model import notices
from headcount.model.plan import AdoptTask, DrainTask, Plan, StartTasks, StopTask
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import (
    Capacity,
    ClusterWishes,
    Decision,
    DeclaredService,
    Launch,
    OperatorWishes,
    ServiceState,
    ServiceStatus,
)
from headcount.model.target import Balancing, GroupTargets, TargetsSeen
from headcount.model.task import ContainerHealth, Notice, Task, vanished
from headcount.planning.launching import managed_by
from headcount.ports import ServiceMark
from headcount.ports.auditing import Roster
from headcount.ports.controlling import ServiceRecords
from headcount.ports.keeping import BalancingRecords
from headcount.ports.tasks import Recorded, Sighting
from headcount_simulation.partitions import Partition, StatusRecord, TargetsRecord, TaskRecord, targets_key

STRANGER_SECONDS = 24 * 3600


class Table:
    """All records, and every write as one atomic step. A crash strikes between steps, never inside one.

    It is the store of all five functions. What they tell the history is dropped here (``write_history``).
    """

    def __init__(self, clock: Callable[[], float], install: str) -> None:
        self.clock = clock
        self.install = install
        self.partitions: dict[str, Partition] = {}
        self.where: dict[str, tuple[str, str]] = {}
        self.clusters: dict[str, tuple[ClusterWishes, int]] = {}

    def partition(self, service: str) -> Partition:
        """The records of a service, none at first."""
        partition = self.partitions.get(service)
        if partition is None:
            partition = self.partitions[service] = Partition()
        return partition

    def readable(self, service: str, *, unread: tuple[str, ...] = ()) -> Partition:
        """The records of a service, if this version can read them; ``unread``: how keys begin that nobody asks for."""
        partition = self.partition(service)
        if newer := [key for key in partition.newer if not key.startswith(unread)]:
            raise NewerSchema(f"record {service} {min(newer)} has a schema that this version does not know")
        return partition

    def make_newer(self, service: str, sort_key: str) -> None:
        """A record was written by a newer version of Headcount."""
        self.partition(service).newer.add(sort_key)

    def write_history(
        self, service: str, pass_number: int, part: str, decisions: Sequence[Decision], now: float
    ) -> None:
        """What one part of a pass, or a person, decided. Nothing is kept here."""

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
                    notice=record.notice,
                    confirmed_at=record.confirmed_at,
                )
                for task_id, record in sorted(partition.tasks.items())
                if record.observed is not None
            ),
            launches=tuple(launch for _, launch in sorted(partition.launches.items())),
            balancing=partition.balancing,
            scaling=partition.scaling,
            targets=tuple(record.targets(group) for group, record in sorted(partition.targets.items())),
            cordons=self.cluster_wishes(service.partition("/")[0])[0].cordons,
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

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        """Every service of a cluster."""
        return tuple(
            self.mark(service)
            for service, partition in sorted(self.partitions.items())
            if service.startswith(f"{cluster}/") and (partition.manifest or partition.status)
        )

    def version(self, service: str, task_id: str) -> int | None:
        """The version on record of a task."""
        record = self.partition(service).tasks.get(task_id)
        return record.version if record else None

    # -- observing and waking -----------------------------------------------------------------------------------------

    def record_sighting(self, service: str, sighting: Sighting) -> Recorded | None:
        """Newest version wins."""
        self._check_task(service, sighting.task_id)
        record = self.partition(service).tasks.setdefault(sighting.task_id, TaskRecord())
        if record.version is not None and record.version >= sighting.observed.version:
            return Recorded() if record.version == sighting.observed.version else None
        recorded = Recorded(before=record.observed)
        record.observed, record.version = sighting.observed, sighting.observed.version
        if record.managed is None:
            record.expires = int(self.clock()) + STRANGER_SECONDS
        return recorded

    def record_notice(self, service: str, task_id: str, notice: Notice | None) -> bool:
        """What AWS announced about the place of a task; False if the task is on no record."""
        self._check_task(service, task_id)
        record = self.partition(service).tasks.get(task_id)
        if record is None or record.observed is None:
            return False
        record.notice = notices.after(notice, record.notice)
        return True

    def record_targets_seen(self, service: str, group: str, seen: TargetsSeen) -> None:
        """What ELB said of a target group: the newest look wins."""
        self._check(service, targets_key(group))
        record = self.partition(service).targets.setdefault(group, TargetsRecord())
        if record.observed is None or record.observed.seen_at < seen.seen_at:
            record.observed = seen

    def record_suspects(self, service: str, group: str, at: float) -> bool:
        """An alarm said that a group has unhealthy targets; False if the group is on no record."""
        record = self.partition(service).targets.get(group)
        if record is None or record.managed is None:
            return False
        record.suspect_at = max(at, record.suspect_at or at)
        return True

    def _check_task(self, service: str, task_id: str) -> None:
        self._check(service, f"task#{task_id}")

    def _check(self, service: str, sort_key: str) -> None:
        if sort_key in self.partition(service).newer:
            raise NewerSchema(f"record {service} {sort_key} has a schema that this version does not know")

    def pass_number(self, service: str) -> int | None:
        """The pass number, None before the first pass."""
        return self.next_wake(service)[1]

    def next_wake(self, service: str) -> tuple[float | None, int | None]:
        """The recorded wake time and the pass number."""
        status = self.partition(service).status
        if status is None:
            return None, None
        return (status.document.next_wake if status.document else None), status.pass_number

    def next_scaling_look(self, service: str) -> float | None:
        """When ``decide_scaling`` wants to look again, as it is recorded."""
        record = self.partition(service).scaling
        return record.next_look_at if record is not None else None

    # -- auditing -----------------------------------------------------------------------------------------------------

    def roster(self, service: str) -> Roster:
        """The tasks and target groups on record."""
        self.readable(service)
        state = self.state(service)
        return Roster(tasks=state.tasks, targets=state.targets)

    def record_health(self, service: str, task_id: str, health: ContainerHealth) -> None:
        """The health of a task that is still on record."""
        record = self.partition(service).tasks.get(task_id)
        if record is not None and record.observed is not None:
            record.health = health

    def confirm(self, service: str, sighting: Sighting, now: float) -> None:
        """That the audit saw a task alive that nobody had written down."""
        self.record_sighting(service, sighting)
        self.record_confirmed(service, sighting.task_id, now)

    def record_confirmed(self, service: str, task_id: str, now: float) -> None:
        """The second half of ``confirm``."""
        record = self.partition(service).tasks.get(task_id)
        if record is not None and record.observed is not None and record.managed is None:
            record.confirmed_at = now

    def record_vanished(self, service: str, task: Task, reason: str, now: float) -> bool:
        """That ECS no longer knows a task, unless something newer is on record."""
        record = self.partition(service).tasks.get(task.task_id)
        if record is None or record.version != task.observed.version:
            return False
        record.observed = vanished(task.observed, reason, now)
        return True

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

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Decision], now: float) -> None:
        """The plan in one transaction, under the fence."""
        partition = self.fenced(state)
        for action in plan.actions:
            if isinstance(action, AdoptTask | StopTask | DrainTask) and not getattr(action, "recorded", False):
                self._expect(action.task_id in partition.tasks, state)
            if isinstance(action, StartTasks):
                self._expect(action.launch.launch_id not in partition.launches, state)
        for action in plan.actions:
            if isinstance(action, StartTasks):
                partition.launches[action.launch.launch_id] = action.launch
            elif isinstance(action, AdoptTask | DrainTask) or (isinstance(action, StopTask) and not action.recorded):
                record = partition.tasks[action.task_id]
                record.managed, record.expires = action.managed, None
        self.write_ledgers(partition, plan.ledgers)
        self.write_status(partition, plan.status)
        self.write_history(state.service, state.pass_number, "plan", history, now)

    def finish(
        self,
        state: ServiceState,
        status: ServiceStatus,
        history: Sequence[Decision],
        now: float,
        ledgers: Sequence[GroupTargets] = (),
    ) -> None:
        """The status for the next pass and changed ledgers, under the fence."""
        partition = self.fenced(state)
        self.write_ledgers(partition, ledgers)
        self.write_status(partition, status)
        self.write_history(state.service, state.pass_number, "outcome", history, now)

    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
        """Close a launch that is open and write its tasks, in one transaction."""
        partition = self.partition(service)
        if partition.launches.pop(launch.launch_id, None) is None:
            return
        managed = managed_by(launch)
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

    def remove_service(self, state: ServiceState, history: Sequence[Decision], now: float) -> None:
        """Status, capacity, wishes and manifest at once, as the newest pass and as they were read."""
        del history, now  # the decision stands in the history since the plan was committed
        partition = self.fenced(state)
        if state.declared is not None:
            manifest = partition.manifest
            same = manifest is not None and manifest.generation == state.declared.generation
            self._expect(same and manifest is not None and manifest.deleting_at is not None, state)
            partition.manifest = partition.capacity = partition.operator = None
            partition.balancing = partition.scaling = None
        partition.status = None
        partition.targets.clear()

    def fenced(self, state: ServiceState) -> Partition:
        """The partition, if the pass that read ``state`` is still the newest."""
        partition = self.partition(state.service)
        if partition.status is None or partition.status.pass_number != state.pass_number:
            raise Superseded(f"pass {state.pass_number} of {state.service} is not the newest")
        return partition

    @staticmethod
    def write_ledgers(partition: Partition, ledgers: Iterable[GroupTargets]) -> None:
        """Replace the ledgers of target groups."""
        for ledger in ledgers:
            partition.targets.setdefault(ledger.group, TargetsRecord()).managed = ledger.registrations

    @staticmethod
    def write_status(partition: Partition, status: ServiceStatus) -> None:
        """Replace the status's document."""
        assert partition.status is not None, "a pass that writes has begun"
        partition.status.document = status

    @staticmethod
    def _expect(holds: bool, state: ServiceState) -> None:
        if not holds:
            raise TransientError(f"the records of {state.service} changed under the plan")

    # -- keeping load balancers ---------------------------------------------------------------------------------------

    def read_balancing(self, service: str) -> BalancingRecords | None:
        """The records that decide about a service's load balancing; None if nobody declares it."""
        partition = self.readable(service)
        if partition.manifest is None:
            return None
        observed = (record.observed for record in partition.tasks.values())
        has_tasks = any(one is not None and one.last_status != "STOPPED" for one in observed)
        document = partition.status.document if partition.status else None
        return BalancingRecords(
            declared=partition.manifest,
            balancing=partition.balancing or Balancing(),
            revision=partition.balancing_revision if partition.balancing is not None else None,
            registered=frozenset(group for group, record in partition.targets.items() if record.managed),
            busy=partition.manifest.deleting_at is not None and (has_tasks or bool(partition.launches)),
            seen_generation=document.generation if document is not None else None,
        )

    def write_balancing(
        self, records: BalancingRecords, balancing: Balancing, history: Sequence[Decision], now: float
    ) -> int:
        """The record ``balancing``, if neither it nor the manifest changed since they were read."""
        service = records.declared.manifest.service
        partition = self.partition(service)
        standing = partition.balancing_revision if partition.balancing is not None else None
        same = partition.manifest is not None and partition.manifest.generation == records.declared.generation
        if standing != records.revision or not same:
            raise Conflict("the record or the manifest changed at this moment")
        partition.balancing, partition.balancing_revision = balancing, (records.revision or 0) + 1
        self.write_history(service, 0, "balancing", history, now)
        return partition.balancing_revision

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

    def overview(
        self, services: Sequence[str]
    ) -> Mapping[str, tuple[ServiceStatus, Capacity | None, DeclaredService | None]]:
        """Status, capacity and manifest of many services."""
        states = [self.state(service) for service in services]
        return {state.service: (state.status, state.capacity, state.declared) for state in states}

    def scaling(self, services: Sequence[str]) -> Mapping[str, ScalingRecord]:
        """What ``decide_scaling`` keeps of services that it has looked at."""
        found = {service: self.readable(service).scaling for service in services}
        return {service: record for service, record in found.items() if record is not None}

    def put_service(
        self,
        records: ServiceRecords | None,
        declared: DeclaredService,
        capacity: Capacity,
        entry: Decision,
        now: float,
        wishes: OperatorWishes | None = None,
    ) -> None:
        """Manifest, capacity and wishes together, if none changed since they were read."""
        service = declared.manifest.service
        partition = self.partition(service)
        before = records.state.declared.generation if records and records.state.declared else None
        if before != (partition.manifest.generation if partition.manifest else None):
            raise Conflict("somebody else changed the manifest")
        revision = records.operator_revision if records else None
        if wishes is not None and revision != (partition.operator[1] if partition.operator else None):
            raise Conflict("somebody else changed the wishes")
        self._put_capacity(partition, records, capacity)
        partition.manifest = declared
        if wishes is not None:
            partition.operator = (wishes, (revision or 0) + 1)
        self.write_history(service, 0, "control", (entry,), now)

    def cluster_wishes(self, cluster: str) -> tuple[ClusterWishes, int | None]:
        """What operators wish of a cluster, and the revision."""
        return self.clusters.get(cluster, (ClusterWishes(), None))

    def put_cluster_wishes(
        self, cluster: str, revision: int | None, wishes: ClusterWishes, entry: Decision, now: float
    ) -> None:
        """What operators wish of a cluster, if it did not change since it was read."""
        if revision != self.cluster_wishes(cluster)[1]:
            raise Conflict("somebody else changed the wishes")
        self.clusters[cluster] = (wishes, (revision or 0) + 1)
        self.write_history(f"cluster#{cluster}", 0, "control", (entry,), now)

    def whereabouts(self, task_id: str) -> tuple[str, str] | None:
        """The service and the launch of a task."""
        return self.where.get(task_id)

    @staticmethod
    def _put_capacity(partition: Partition, records: ServiceRecords | None, capacity: Capacity) -> None:
        revision = records.capacity_revision if records else None
        if revision != (partition.capacity[1] if partition.capacity else None):
            raise Conflict("somebody else changed the capacity")
        partition.capacity = (capacity, (revision or 0) + 1)
