"""The stores, with a meter for the units that DynamoDB bills. Only priced worlds have one: encoding costs time.

A write costs a unit for each KB that the record had or gets, whichever is more, twice as much in a transaction, and
one for its entry in the index where what that projects changes. A write that its condition refuses costs the same. A
consistent read costs one for each 4 KB of all records together, any other half (DynamoDB developer guide, "DynamoDB
read and write operations").
"""

from collections.abc import Sequence
from typing import Any

from headcount.model.plan import AdoptTask, DrainTask, Plan, StartTasks, StopTask
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
from headcount.model.target import GroupTargets, TargetsSeen
from headcount.model.task import Task
from headcount.ports import ServiceMark
from headcount.ports.auditing import Roster
from headcount.ports.controlling import ServiceRecords
from headcount.ports.tasks import Recorded, Sighting
from headcount_simulation.accounting import PAGE_BYTES, Ledger
from headcount_simulation.clients import StoreClient
from headcount_simulation.sizes import (
    capacity_bytes,
    history_bytes,
    launch_bytes,
    manifest_bytes,
    mark_bytes,
    partition_sizes,
    status_bytes,
    targets_bytes,
    task_bytes,
    where_bytes,
)

INDEX_ENTRY_BYTES = 200  # at most


class MeteredStoreClient(StoreClient):
    """The stores of all functions, metered."""

    @property
    def ledger(self) -> Ledger:
        """Where units are counted."""
        return self.calls.ledger

    # -- observing and waking -----------------------------------------------------------------------------------------

    def record_sighting(self, service: str, sighting: Sighting) -> Recorded | None:
        before = self._task(service, sighting.task_id)
        managed = self._is_managed(service, sighting.task_id)
        news = super().record_sighting(service, sighting)
        size = max(before, self._task(service, sighting.task_id))
        self.ledger.wrote(size)
        if not managed:  # the first try is refused because nobody has written the task down yet
            self.ledger.wrote(before)
            self._extra_call("UpdateItem task")
        return news

    def record_targets_seen(self, service: str, group: str, seen: TargetsSeen) -> None:
        before = self._group(service, group)
        super().record_targets_seen(service, group, seen)
        self.ledger.wrote(max(before, self._group(service, group)))

    def record_suspects(self, service: str, group: str, at: float) -> bool:
        known = super().record_suspects(service, group, at)
        self.ledger.wrote(self._group(service, group))
        return known

    def next_wake(self, service: str) -> tuple[float | None, int | None]:
        answer = super().next_wake(service)
        self.ledger.read(self._status(service), consistent=True)
        return answer

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        marks = super().services(cluster)
        size = sum(mark_bytes(mark.service, self.table.partition(mark.service)) for mark in marks)
        self.ledger.read(size, consistent=False)
        self._more_pages("Query index", size)
        return marks

    # -- reconciling --------------------------------------------------------------------------------------------------

    def begin_pass(self, service: str) -> int:
        number = super().begin_pass(service)
        self.ledger.wrote(self._status(service))
        self.ledger.wrote(INDEX_ENTRY_BYTES)
        return number

    def gather(self, service: str, pass_number: int) -> ServiceState:
        self._read(service, "Query partition")  # the time that it takes to read the tasks passes there
        return super().gather(service, pass_number)

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Decision], now: float) -> None:
        before = self._status(state.service), self._mark(state.service)
        ledgers = self._targets(state.service, plan.ledgers)
        super().commit(state, plan, history, now)
        self._wrote_targets(state.service, plan.ledgers, ledgers)
        tasks = [
            action.task_id
            for action in plan.actions
            if isinstance(action, AdoptTask | DrainTask) or (isinstance(action, StopTask) and not action.recorded)
        ]
        launches = [action.launch for action in plan.actions if isinstance(action, StartTasks)]
        sizes = [self._task(state.service, task_id) for task_id in tasks]
        sizes += [launch_bytes(state.service, launch) for launch in launches]
        self.ledger.wrote(*sizes, transaction=True)
        self._wrote_status(state.service, before, "plan", history, alone=not (sizes or plan.ledgers))

    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
        super().record_launch(service, launch, sightings)
        tasks = [self._task(service, one.task_id) for one in sightings]
        where = [where_bytes(service, one.task_id, launch.launch_id) for one in sightings]
        self.ledger.wrote(launch_bytes(service, launch), *tasks, *where, transaction=True)
        self.ledger.where_bytes += sum(where)

    def forget(self, service: str, task_ids: Sequence[str]) -> None:
        sizes = [self._task(service, task_id) for task_id in task_ids]
        super().forget(service, task_ids)
        self.ledger.wrote(*sizes)

    def finish(
        self,
        state: ServiceState,
        status: ServiceStatus,
        history: Sequence[Decision],
        now: float,
        ledgers: Sequence[GroupTargets] = (),
    ) -> None:
        before = self._status(state.service), self._mark(state.service)
        sizes = self._targets(state.service, ledgers)
        super().finish(state, status, history, now, ledgers)
        self._wrote_targets(state.service, ledgers, sizes)
        self._wrote_status(state.service, before, "outcome", history, alone=not ledgers)

    def remove_service(self, state: ServiceState, history: Sequence[Decision], now: float) -> None:
        sizes = partition_sizes(state.service, self.table.partition(state.service))
        super().remove_service(state, history, now)
        self.ledger.wrote(*sizes, transaction=True)
        self.ledger.wrote(INDEX_ENTRY_BYTES, INDEX_ENTRY_BYTES)

    # -- auditing -----------------------------------------------------------------------------------------------------

    def roster(self, service: str) -> Roster:
        self._read_partition(service, "Query roster")
        return super().roster(service)

    def record_health(self, service: str, task_id: str, health: Any) -> None:
        super().record_health(service, task_id, health)
        self.ledger.wrote(self._task(service, task_id))

    def confirm(self, service: str, sighting: Sighting, now: float) -> None:
        super().confirm(service, sighting, now)
        self.ledger.wrote(self._task(service, sighting.task_id))

    def record_vanished(self, service: str, task: Task, reason: str, now: float) -> bool:
        vanished = super().record_vanished(service, task, reason, now)
        self.ledger.wrote(self._task(service, task.task_id))
        return vanished

    # -- controlling --------------------------------------------------------------------------------------------------

    def read(self, service: str) -> ServiceRecords | None:
        self._read_partition(service, "Query service")
        return super().read(service)

    def put_service(
        self,
        records: ServiceRecords | None,
        declared: DeclaredService,
        capacity: Capacity,
        entry: Decision,
        now: float,
        wishes: OperatorWishes | None = None,
    ) -> None:
        super().put_service(records, declared, capacity, entry, now, wishes)
        service = declared.manifest.service
        sizes = [manifest_bytes(service, declared), capacity_bytes(service, capacity, 1)]
        self.ledger.wrote(*sizes, history_bytes(service, "control-00000000", [entry]), transaction=True)
        self.ledger.wrote(INDEX_ENTRY_BYTES)

    def cluster_wishes(self, cluster: str) -> tuple[ClusterWishes, int | None]:
        self.ledger.read(INDEX_ENTRY_BYTES, consistent=True)
        return super().cluster_wishes(cluster)

    # -- sizes --------------------------------------------------------------------------------------------------------

    def _wrote_status(
        self, service: str, before: tuple[int, ServiceMark], part: str, history: Sequence[Decision], *, alone: bool
    ) -> None:
        """``alone``: beside its history nothing is written with it."""
        size = max(before[0], self._status(service))
        pages = [history_bytes(service, f"{part}000", history)] if history else []
        self.ledger.history_bytes += sum(pages)
        self.ledger.wrote(size, *pages, transaction=not alone or bool(pages))
        if self._mark(service) != before[1]:
            self.ledger.wrote(INDEX_ENTRY_BYTES)

    def _targets(self, service: str, ledgers: Sequence[GroupTargets]) -> list[int]:
        return [self._group(service, one.group) for one in ledgers]

    def _wrote_targets(self, service: str, ledgers: Sequence[GroupTargets], before: Sequence[int]) -> None:
        sizes = map(max, before, self._targets(service, ledgers))
        self.ledger.wrote(*sizes, transaction=True)

    def _read_partition(self, service: str, operation: str) -> None:
        self._read(service, operation)
        self.ledger.tasks_read[self._function()] += len(self.table.partition(service).tasks)

    def _read(self, service: str, operation: str) -> None:
        partition = self.table.partition(service)
        size = sum(partition_sizes(service, partition))
        self.ledger.read(size, consistent=True)
        self._more_pages(operation, size)

    def _more_pages(self, operation: str, size: int) -> None:
        for _ in range(size // PAGE_BYTES):
            self._extra_call(operation)

    def _extra_call(self, operation: str) -> None:
        """A call that the adapter makes and this simulation does not."""
        self.ledger.calls[self._function(), operation] += 1

    def _function(self) -> str:
        assert self.calls.invocation is not None, "a call is made by an invocation"
        return self.calls.invocation.function

    def _task(self, service: str, task_id: str) -> int:
        return task_bytes(service, task_id, self.table.partition(service).tasks.get(task_id))

    def _is_managed(self, service: str, task_id: str) -> bool:
        record = self.table.partition(service).tasks.get(task_id)
        return record is not None and record.managed is not None

    def _group(self, service: str, group: str) -> int:
        return targets_bytes(service, group, self.table.partition(service).targets.get(group))

    def _status(self, service: str) -> int:
        status = self.table.partition(service).status
        return status_bytes(service, status) if status else 0

    def _manifest(self, service: str) -> int:
        declared = self.table.partition(service).manifest
        return manifest_bytes(service, declared) if declared else 0

    def _mark(self, service: str) -> ServiceMark:
        return self.table.mark(service)
