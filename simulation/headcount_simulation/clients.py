"""The ports of ``headcount.ports`` onto the simulated AWS, at the granularity of AWS's calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from headcount.errors import Refused
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
from headcount.model.task import ContainerHealth, Task
from headcount.planning.launching import started_by
from headcount.ports import LaunchAnswer, Measured, Resolved, ServiceMark, ServiceRecords, Sighting
from headcount_simulation.calls import Calls
from headcount_simulation.ecs import Ecs
from headcount_simulation.messaging import FifoQueue, Kick, TimerQueue
from headcount_simulation.table import Table
from headcount_simulation.watch import Watch

DESCRIBED_AT_ONCE: Final = 100
DELETED_AT_ONCE: Final = 25
TABLE, ECS, QUEUES = "table", "ecs", "queues"


class StoreClient:
    """The stores of all five functions on the simulated table."""

    def __init__(self, table: Table, calls: Calls, watch: Watch) -> None:
        self.table = table
        self.calls = calls
        self.watch = watch
        self.stale_marks: dict[str, ServiceMark] = {}
        self.index_is_stale = False

    # -- observing and waking -----------------------------------------------------------------------------------------

    def record_sighting(self, service: str, sighting: Sighting) -> bool:
        def effect() -> bool:
            before = self.table.version(service, sighting.task_id)
            news = self.table.record_sighting(service, sighting)
            self.watch.recorded(service, sighting, before, self.table.version(service, sighting.task_id))
            return news

        return self.calls.make(TABLE, "UpdateItem task", effect)

    def pass_number(self, service: str) -> int | None:
        return self.next_wake(service)[1]

    def next_wake(self, service: str) -> tuple[float | None, int | None]:
        def effect() -> tuple[float | None, int | None]:
            mark = self.table.mark(service)
            return mark.next_wake, mark.pass_number

        return self.calls.make(TABLE, "GetItem status", effect)

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        return self.calls.make(TABLE, "Query index", lambda: self._marks(cluster))

    def _marks(self, cluster: str) -> tuple[ServiceMark, ...]:
        """The index is eventually consistent: at times it tells what it told last time."""
        fresh = {
            service: self.table.mark(service)
            for service, partition in sorted(self.table.partitions.items())
            if service.startswith(f"{cluster}/") and (partition.manifest or partition.status)
        }
        told = {**fresh, **self.stale_marks} if self.index_is_stale else fresh
        self.stale_marks = fresh
        return tuple(told.values())

    # -- reconciling --------------------------------------------------------------------------------------------------

    def begin_pass(self, service: str) -> int:
        return self.calls.make(TABLE, "UpdateItem status: begin pass", lambda: self.table.begin_pass(service))

    def gather(self, service: str, pass_number: int) -> ServiceState:
        def effect() -> ServiceState:
            state = self.table.gather(service, pass_number)
            self.watch.gathered(state)
            return state

        return self.calls.make(TABLE, "Query partition", effect)

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Decision], now: float) -> None:
        def effect() -> None:
            self.table.commit(state, plan)
            self.watch.committed(state, plan, history, now)

        self.calls.make(TABLE, "TransactWriteItems plan", effect)

    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
        def effect() -> None:
            self.table.record_launch(service, launch, sightings)

        self.calls.make(TABLE, "TransactWriteItems launch", effect)

    def forget(self, service: str, task_ids: Sequence[str]) -> None:
        for first in range(0, len(task_ids), DELETED_AT_ONCE):
            some = task_ids[first : first + DELETED_AT_ONCE]
            self.calls.make(TABLE, "BatchWriteItem tasks", lambda some=some: self._forget(service, some))  # type: ignore[misc]  # the default binds the batch

    def _forget(self, service: str, task_ids: Sequence[str]) -> None:
        self.table.forget(service, task_ids)
        self.watch.forgot(service, task_ids)

    def finish(self, state: ServiceState, status: ServiceStatus, history: Sequence[Decision], now: float) -> None:
        def effect() -> None:
            self.table.finish(state, status)
            self.watch.finished(state, status, history, now)

        self.calls.make(TABLE, "TransactWriteItems status", effect)

    def remove_service(self, state: ServiceState, history: Sequence[Decision], now: float) -> None:
        del history, now
        self.calls.make(TABLE, "TransactWriteItems removal", lambda: self._remove_service(state))

    def _remove_service(self, state: ServiceState) -> None:
        self.table.remove_service(state)
        if state.declared is None:
            return
        self.watch.removed(state)

    # -- auditing -----------------------------------------------------------------------------------------------------

    def roster(self, service: str) -> tuple[Task, ...]:
        return self.calls.make(TABLE, "Query roster", lambda: self.table.roster(service))

    def record_health(self, service: str, task_id: str, health: ContainerHealth) -> None:
        self.calls.make(TABLE, "UpdateItem health", lambda: self.table.record_health(service, task_id, health))

    def confirm(self, service: str, sighting: Sighting, now: float) -> None:
        self.record_sighting(service, sighting)
        task_id = sighting.task_id
        self.calls.make(TABLE, "UpdateItem confirmed", lambda: self.table.record_confirmed(service, task_id, now))

    def record_vanished(self, service: str, task: Task, reason: str, now: float) -> bool:
        def effect() -> bool:
            return self.table.record_vanished(service, task, reason, now)

        return self.calls.make(TABLE, "UpdateItem vanished", effect)

    # -- controlling --------------------------------------------------------------------------------------------------

    def read(self, service: str) -> ServiceRecords | None:
        return self.calls.make(TABLE, "Query service", lambda: self.table.read(service))

    def overview(
        self, services: Sequence[str]
    ) -> Mapping[str, tuple[ServiceStatus, Capacity | None, DeclaredService | None]]:
        states = [self.table.state(service) for service in services]
        found = {state.service: (state.status, state.capacity, state.declared) for state in states}
        return self.calls.make(TABLE, "BatchGetItem", lambda: found)

    def put_service(
        self, records: ServiceRecords | None, declared: DeclaredService, capacity: Capacity, entry: Decision, now: float
    ) -> None:
        del entry, now

        def effect() -> None:
            self.table.put_service(records, declared, capacity)
            self.watch.wanted(declared.manifest.service)

        self.calls.make(TABLE, "TransactWriteItems manifest", effect)

    def put_capacity(self, records: ServiceRecords, capacity: Capacity, entry: Decision, now: float) -> None:
        del entry, now

        def effect() -> None:
            self.table.put_capacity(records, capacity)
            self.watch.wanted(records.state.service)

        self.calls.make(TABLE, "TransactWriteItems capacity", effect)

    def put_operator(self, records: ServiceRecords, wishes: OperatorWishes, entry: Decision, now: float) -> None:
        del entry, now
        self.calls.make(TABLE, "TransactWriteItems operator", lambda: self.table.put_operator(records, wishes))

    def history(self, service: str, limit: int, before: str | None) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
        """The simulation keeps its own story, so there is no history to ask for."""
        del service, limit, before
        return (), None

    def whereabouts(self, task_id: str) -> tuple[str, str] | None:
        return self.calls.make(TABLE, "GetItem where", lambda: self.table.where.get(task_id))


class RuntimeClient:
    """``TaskRuntime`` on the simulated ECS."""

    def __init__(self, ecs: Ecs, calls: Calls) -> None:
        self.ecs = ecs
        self.calls = calls

    def launch(self, request: Mapping[str, Any]) -> LaunchAnswer:
        return self.calls.make(ECS, "RunTask", lambda: self.ecs.run_task(request))

    def stop(self, cluster: str, task_id: str, reason: str) -> Sighting | None:
        return self.calls.make(ECS, "StopTask", lambda: self.ecs.stop_task(cluster, task_id, reason))

    def describe(self, cluster: str, task_ids: Sequence[str]) -> tuple[Sighting, ...]:
        seen: list[Sighting] = []
        for first in range(0, len(task_ids), DESCRIBED_AT_ONCE):
            some = task_ids[first : first + DESCRIBED_AT_ONCE]
            seen += self._describe(cluster, some)
        return tuple(seen)

    def _describe(self, cluster: str, task_ids: Sequence[str]) -> tuple[Sighting, ...]:
        return self.calls.make(ECS, "DescribeTasks", lambda: self.ecs.describe(cluster, task_ids))

    def started_by(self, cluster: str, launch_id: str) -> tuple[Sighting, ...]:
        mark = started_by(self.ecs.install, launch_id)
        found = self.calls.make(ECS, "ListTasks startedBy", lambda: self.ecs.list_tasks(cluster, mark))
        return self.describe(cluster, found)

    def sweep(self, cluster: str) -> Iterator[str]:
        return iter(self.calls.make(ECS, "ListTasks", lambda: self.ecs.list_tasks(cluster)))


class KicksClient:
    """``Kicks`` on the simulated queue."""

    def __init__(self, queue: FifoQueue, calls: Calls) -> None:
        self.queue = queue
        self.calls = calls

    def kick(self, service: str, pass_number: int | None, cause: str, event_at: float | None = None) -> None:
        once = None if pass_number is None else f"{service}#{pass_number}"

        def effect() -> None:
            message = Kick(service=service, cause=cause, event_at=event_at, sent_at=self.queue.scheduler.now)
            self.queue.send(message, once)

        self.calls.make(QUEUES, "SendMessage kick", effect)


class TimersClient:
    """``Timers`` on the simulated queue."""

    def __init__(self, queue: TimerQueue, calls: Calls) -> None:
        self.queue = queue
        self.calls = calls

    def wake(self, service: str, at: float, now: float) -> None:
        self.calls.make(QUEUES, "SendMessage timer", lambda: self.queue.send(service, at, now))


class TellingClient:
    """``Telling``: what is told goes to the watch and into the story."""

    def __init__(self, calls: Calls, watch: Watch) -> None:
        self.calls = calls
        self.watch = watch

    def decided(self, state: ServiceState, decisions: Sequence[Decision]) -> None:
        self.watch.decided(state, decisions)

    def publish(self, service: str, decisions: Sequence[Decision], now: float) -> None:
        del service, now
        if any(decision.event_name for decision in decisions):
            self.calls.make("events", "PutEvents", lambda: None)

    def measured(self, measured: Measured) -> None:
        self.watch.passed(measured)


class SimulatedRegistry:
    """``Registry``: every task definition exists; subnets stand in the zones that the world says."""

    def __init__(self, zone_of_subnet: Mapping[str, str], checks_health: Callable[[str], bool]) -> None:
        self.zone_of_subnet = zone_of_subnet
        self.checks_health = checks_health

    def resolve(self, manifest: Manifest) -> Resolved:
        unknown = [subnet for subnet in manifest.subnets if subnet not in self.zone_of_subnet]
        if unknown:
            raise Refused("InvalidManifest", f"no such subnets: {', '.join(unknown)}")
        zones: dict[str, list[str]] = {}
        for subnet in manifest.subnets:
            zones.setdefault(self.zone_of_subnet[subnet], []).append(subnet)
        return Resolved(
            task_definition_arn=f"arn:aws:ecs:eu-west-1:123456789012:task-definition/{manifest.task_definition}",
            zones=tuple((zone, tuple(subnets)) for zone, subnets in sorted(zones.items())),
            container_health_check=self.checks_health(manifest.service),
        )
