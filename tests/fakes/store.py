"""The whole table in memory, for every function at once."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from headcount.errors import Conflict, Superseded, TransientError
from headcount.model.plan import AdoptTask, Plan, StartTasks, StopTask
from headcount.model.service import (
    Capacity,
    Decision,
    DeclaredService,
    Launch,
    OperatorWishes,
    ServiceState,
    ServiceStatus,
)
from headcount.model.task import ContainerHealth, ManagedTask, Task
from headcount.ports import ServiceRecords, Sighting

from .table import InMemoryTable, Partition, StatusRecord, TaskRecord


class InMemoryStore(InMemoryTable):
    """One table, five views: the stores of reconciling, observing, auditing, waking and control."""

    def __init__(self, clock: Callable[[], float], install: str = "main") -> None:
        super().__init__(clock, install)
        self._parts = itertools.count()

    # -- reconcile_service --------------------------------------------------------------------------------------------

    def begin_pass(self, service: str) -> int:
        partition = self.partition(service)
        if partition.status is None:
            partition.status = StatusRecord(pass_number=int(self.clock() * 1000))
        partition.status.pass_number += 1
        return partition.status.pass_number

    def gather(self, service: str, pass_number: int) -> ServiceState:
        state = self.state(service)
        if state.pass_number != pass_number:
            raise Superseded(f"pass {pass_number} of {service} gave way to {state.pass_number}")
        return state

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Decision], now: float) -> None:
        partition = self._fenced(state)
        managed = {
            action.task_id: action.managed
            for action in plan.actions
            if isinstance(action, AdoptTask) or (isinstance(action, StopTask) and not action.recorded)
        }
        if not managed.keys() <= partition.tasks.keys():
            raise TransientError(f"the records of {state.service} changed under the plan")
        for task_id, part in managed.items():
            partition.tasks[task_id].managed, partition.tasks[task_id].expires = part, None
        for action in plan.actions:
            if isinstance(action, StartTasks):
                partition.launches[action.launch.launch_id] = action.launch
        self._write_status(partition, plan.status)
        self.write_history(state.service, state.pass_number, "plan", tuple(history), now)

    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
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
        for task_id in task_ids:
            self.partition(service).tasks.pop(task_id, None)

    def finish(self, state: ServiceState, status: ServiceStatus, history: Sequence[Decision], now: float) -> None:
        self._write_status(self._fenced(state), status)
        self.write_history(state.service, state.pass_number, "outcome", tuple(history), now)

    def remove_service(self, state: ServiceState, history: Sequence[Decision], now: float) -> None:
        partition = self._fenced(state)
        partition.status = None
        if state.declared is None:
            return
        for task in state.tasks:
            partition.tasks.pop(task.task_id, None)
        partition.capacity = partition.operator = partition.manifest = None

    def _fenced(self, state: ServiceState) -> Partition:
        partition = self.partition(state.service)
        if partition.status is None or partition.status.pass_number != state.pass_number:
            raise Superseded(f"pass {state.pass_number} of {state.service} is not the newest")
        return partition

    @staticmethod
    def _write_status(partition: Partition, status: ServiceStatus) -> None:
        assert partition.status is not None
        partition.status.doc = status

    # -- audit_clusters -----------------------------------------------------------------------------------------------

    def roster(self, service: str) -> tuple[Task, ...]:
        return self.state(service).tasks

    def record_health(self, service: str, task_id: str, health: ContainerHealth) -> None:
        record = self.partition(service).tasks.get(task_id)
        if record is not None and record.observed is not None:
            record.health = health

    def confirm(self, service: str, sighting: Sighting, now: float) -> None:
        self.record_sighting(service, sighting)
        record = self.partition(service).tasks[sighting.task_id]
        if record.managed is None:
            record.confirmed_at = now

    def record_vanished(self, service: str, task: Task, reason: str, now: float) -> bool:
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

    # -- control ------------------------------------------------------------------------------------------------------

    def read(self, service: str) -> ServiceRecords | None:
        partition = self.partition(service)
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
        states = [self.state(service) for service in services]
        return {state.service: (state.status, state.capacity, state.declared) for state in states}

    def put_service(
        self, records: ServiceRecords | None, declared: DeclaredService, capacity: Capacity, entry: Decision, now: float
    ) -> None:
        partition = self.partition(declared.manifest.service)
        before = records.state.declared.generation if records and records.state.declared else None
        if before != (partition.manifest.generation if partition.manifest else None):
            raise Conflict("somebody else changed the manifest")
        self._check_capacity(partition, records)
        partition.manifest = declared
        self._put_capacity(partition, capacity)
        self._asked(declared.manifest.service, entry, now)

    def put_operator(self, records: ServiceRecords, wishes: OperatorWishes, entry: Decision, now: float) -> None:
        partition = self._still_declared(records)
        if records.operator_revision != (partition.operator[1] if partition.operator else None):
            raise Conflict("somebody else changed the wishes")
        partition.operator = (wishes, (records.operator_revision or 0) + 1)
        self._asked(records.state.service, entry, now)

    def history(self, service: str, limit: int, before: str | None) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
        entries: list[Mapping[str, Any]] = []
        last: str | None = None
        for record in sorted(self.histories.get(service, ()), key=lambda one: one.key, reverse=True):
            if before is not None and record.key >= before:
                continue
            if len(entries) >= limit:
                return tuple(entries), last
            entries.extend(_entry(decision, record.pass_number, record.at) for decision in reversed(record.decisions))
            last = record.key
        return tuple(entries), None

    def whereabouts(self, task_id: str) -> tuple[str, str] | None:
        return self.where.get(task_id)

    def _check_capacity(self, partition: Partition, records: ServiceRecords | None) -> None:
        if (records.capacity_revision if records else None) != (partition.capacity[1] if partition.capacity else None):
            raise Conflict("somebody else changed the capacity")

    @staticmethod
    def _put_capacity(partition: Partition, capacity: Capacity) -> None:
        partition.capacity = (capacity, (partition.capacity[1] if partition.capacity else 0) + 1)

    def _still_declared(self, records: ServiceRecords) -> Partition:
        partition = self.partition(records.state.service)
        generation = records.state.declared.generation if records.state.declared else None
        manifest = partition.manifest
        if manifest is None or manifest.generation != generation or manifest.deleting_at is not None:
            raise Conflict("somebody else changed the manifest")
        return partition

    def _asked(self, service: str, entry: Decision, now: float) -> None:
        self.write_history(service, 0, f"control-{next(self._parts):08d}", (entry,), now)


def _entry(decision: Decision, pass_number: int, at: float) -> Mapping[str, Any]:
    """As in ``docs/contracts.md``."""
    parts = {
        "task": decision.task,
        "launch": decision.launch,
        "deployment": decision.deployment,
        "eventName": decision.event_name,
        "by": decision.by,
    }
    return {
        "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "pass": pass_number,
        "kind": decision.kind,
        "level": decision.level,
        "reason": decision.reason,
        **{name: value for name, value in parts.items() if value is not None},
    }
