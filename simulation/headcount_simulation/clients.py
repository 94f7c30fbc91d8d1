"""The ports of ``headcount.ports`` onto the simulated AWS, at the granularity of AWS's calls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from headcount.model.names import started_by
from headcount.model.plan import Plan
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
from headcount.model.target import Endpoint, GroupTargets, TargetHealth, TargetsSeen
from headcount.model.task import ContainerHealth, Notice, Task
from headcount.model.values import replace
from headcount.ports import ServiceMark
from headcount.ports.auditing import Roster
from headcount.ports.controlling import ServiceRecords
from headcount.ports.reconciling import Measured
from headcount.ports.targets import TargetsAnswer
from headcount.ports.tasks import InstanceSighting, LaunchAnswer, Recorded, Sighting, TaskPage
from headcount_simulation.accounting import CPU_A_TASK_READ, MEMORY_MB, MEMORY_OF_A_CPU_MB
from headcount_simulation.calls import Calls
from headcount_simulation.ecs import Ecs
from headcount_simulation.elb import Elb
from headcount_simulation.machines import describe_instances, list_instances
from headcount_simulation.messaging import AsynchronousQueue, FifoQueue, Kick, TimerQueue
from headcount_simulation.table import Table
from headcount_simulation.watch import Watch

DESCRIBED_AT_ONCE: Final = 100
DELETED_AT_ONCE: Final = 25
SECONDS_A_TASK_READ: Final = CPU_A_TASK_READ * MEMORY_OF_A_CPU_MB / MEMORY_MB["reconcile"]  # by a pass
SECONDS_A_TASK_DESCRIBED: Final = 0.0002  # to read the answer, with the share of a CPU that 512 MB get
TARGETS_AT_ONCE: Final = 100
TABLE, ECS, ELB, QUEUES = "table", "ecs", "elb", "queues"


class StoreClient:
    """The stores of all five functions on the simulated table."""

    def __init__(self, table: Table, calls: Calls, watch: Watch) -> None:
        self.table = table
        self.calls = calls
        self.watch = watch
        self.stale_marks: dict[str, ServiceMark] = {}
        self.index_is_stale = False

    # -- observing and waking -----------------------------------------------------------------------------------------

    def record_sighting(self, service: str, sighting: Sighting) -> Recorded | None:
        def effect() -> Recorded | None:
            before = self.table.version(service, sighting.task_id)
            news = self.table.record_sighting(service, sighting)
            self.watch.recorded(service, sighting, before, self.table.version(service, sighting.task_id))
            return news

        return self.calls.make(TABLE, "UpdateItem task", effect)

    def record_suspects(self, service: str, group: str, at: float) -> bool:
        def effect() -> bool:
            return self.table.record_suspects(service, group, at)

        return self.calls.make(TABLE, "UpdateItem suspects", effect)

    def pass_number(self, service: str) -> int | None:
        return self.next_wake(service)[1]

    def next_wake(self, service: str) -> tuple[float | None, int | None]:
        def effect() -> tuple[float | None, int | None]:
            mark = self.table.mark(service)
            return mark.next_wake, mark.pass_number

        return self.calls.make(TABLE, "GetItem status", effect)

    def next_scaling_look(self, service: str) -> float | None:
        return self.calls.make(TABLE, "GetItem scaling", lambda: self.table.next_scaling_look(service))

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        return self.calls.make(TABLE, "Query index", lambda: self._marks(cluster))

    def _marks(self, cluster: str) -> tuple[ServiceMark, ...]:
        """The index is eventually consistent: at times it tells what it told last time."""
        fresh = {mark.service: mark for mark in self.table.services(cluster)}
        told = {**fresh, **self.stale_marks} if self.index_is_stale else fresh
        self.stale_marks = fresh
        return tuple(told.values())

    # -- reconciling --------------------------------------------------------------------------------------------------

    def begin_pass(self, service: str) -> int:
        return self.calls.make(TABLE, "UpdateItem status: begin pass", lambda: self.table.begin_pass(service))

    def gather(self, service: str, pass_number: int) -> ServiceState:
        wishes, _ = self.cluster_wishes(service.partition("/")[0])

        def effect() -> ServiceState:
            state = replace(self.table.gather(service, pass_number), cordons=wishes.cordons)
            self.watch.gathered(state)
            self.calls.current.pass_number = pass_number
            return state

        state = self.calls.make(TABLE, "Query partition", effect)
        self.calls.compute(len(state.tasks) * SECONDS_A_TASK_READ)
        return state

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Decision], now: float) -> None:
        def effect() -> None:
            self.table.commit(state, plan, history, now)
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

    def record_targets_seen(self, service: str, group: str, seen: TargetsSeen) -> None:
        def effect() -> None:
            self.table.record_targets_seen(service, group, seen)

        self.calls.make(TABLE, "UpdateItem targets seen", effect)

    def finish(
        self,
        state: ServiceState,
        status: ServiceStatus,
        history: Sequence[Decision],
        now: float,
        ledgers: Sequence[GroupTargets] = (),
    ) -> None:
        def effect() -> None:
            self.table.finish(state, status, history, now, ledgers)
            self.watch.finished(state, status, history, now, ledgers)

        alone = not history and not ledgers
        self.calls.make(TABLE, "UpdateItem status" if alone else "TransactWriteItems status", effect)

    def remove_service(self, state: ServiceState, history: Sequence[Decision], now: float) -> None:
        def effect() -> None:
            self.table.remove_service(state, history, now)
            if state.declared is not None:
                self.watch.removed(state)

        self.calls.make(TABLE, "TransactWriteItems removal", effect)

    # -- auditing -----------------------------------------------------------------------------------------------------

    def roster(self, service: str) -> Roster:
        return self.calls.make(TABLE, "Query roster", lambda: self.table.roster(service))

    def record_notice(self, service: str, task_id: str, notice: Notice | None) -> bool:
        def effect() -> bool:
            return self.table.record_notice(service, task_id, notice)

        return self.calls.make(TABLE, "UpdateItem notice", effect)

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
        return self.calls.make(TABLE, "BatchGetItem", lambda: self.table.overview(services))

    def scaling(self, services: Sequence[str]) -> Mapping[str, ScalingRecord]:
        return self.calls.make(TABLE, "BatchGetItem", lambda: self.table.scaling(services))

    def put_service(
        self,
        records: ServiceRecords | None,
        declared: DeclaredService,
        capacity: Capacity,
        entry: Decision,
        now: float,
        wishes: OperatorWishes | None = None,
    ) -> None:
        def effect() -> None:
            self.table.put_service(records, declared, capacity, entry, now, wishes)
            self.watch.wanted(declared.manifest.service)

        self.calls.make(TABLE, "TransactWriteItems manifest", effect)

    def cluster_wishes(self, cluster: str) -> tuple[ClusterWishes, int | None]:
        return self.calls.make(TABLE, "GetItem cluster", lambda: self.table.cluster_wishes(cluster))

    def put_cluster_wishes(
        self, cluster: str, revision: int | None, wishes: ClusterWishes, entry: Decision, now: float
    ) -> None:
        self.calls.make(
            TABLE,
            "TransactWriteItems cluster",
            lambda: self.table.put_cluster_wishes(cluster, revision, wishes, entry, now),
        )

    def history(self, service: str, limit: int, before: str | None) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
        """The simulation keeps its own story, so there is no history to ask for."""
        del service, limit, before
        return (), None

    def whereabouts(self, task_id: str) -> tuple[str, str] | None:
        return self.calls.make(TABLE, "GetItem where", lambda: self.table.whereabouts(task_id))


class RuntimeClient:
    """``TaskRuntime`` on the simulated ECS."""

    def __init__(self, ecs: Ecs, calls: Calls, watch: Watch) -> None:
        self.ecs = ecs
        self.calls = calls
        self.watch = watch

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
        found = self.calls.make(ECS, "DescribeTasks", lambda: self.ecs.describe(cluster, task_ids))
        self.calls.compute(len(found) * SECONDS_A_TASK_DESCRIBED)
        return found

    def started_by(self, cluster: str, launch_id: str) -> tuple[Sighting, ...]:
        mark = started_by(self.ecs.install, launch_id)
        found = self.calls.make(ECS, "ListTasks startedBy", lambda: self.ecs.list_tasks(cluster, mark))
        return self.describe(cluster, found)

    def sweep(self, cluster: str, after: str | None = None) -> TaskPage:
        return self.calls.make(ECS, "ListTasks", lambda: self.ecs.list_page(cluster, after))

    def instances(self, cluster: str, instances: Sequence[str]) -> tuple[InstanceSighting, ...]:
        seen: list[InstanceSighting] = []
        for first in range(0, len(instances), DESCRIBED_AT_ONCE):
            seen += self._instances(cluster, instances[first : first + DESCRIBED_AT_ONCE])
        return tuple(seen)

    def _instances(self, cluster: str, arns: Sequence[str]) -> tuple[InstanceSighting, ...]:
        return self.calls.make(ECS, "DescribeContainerInstances", lambda: describe_instances(self.ecs, cluster, arns))

    def on_instance(self, cluster: str, instance: str) -> tuple[Sighting, ...]:
        found = self.calls.make(ECS, "ListTasks instance", lambda: self.ecs.list_tasks(cluster, instance=instance))
        return self.describe(cluster, found)

    def instances_of(self, cluster: str, ec2_instance: str) -> tuple[str, ...]:
        return self.calls.make(ECS, "ListContainerInstances", lambda: list_instances(self.ecs, cluster, ec2_instance))

    def deregister(self, task_definition_arn: str) -> None:
        def effect() -> None:
            self.watch.deregistering(task_definition_arn)
            self.ecs.inactive.add(task_definition_arn)

        self.calls.make(ECS, "DeregisterTaskDefinition", effect)


class TargetGroupsClient:
    """``TargetGroups`` on the simulated ELB."""

    def __init__(self, elb: Elb, calls: Calls) -> None:
        self.elb = elb
        self.calls = calls

    def register(self, group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
        return self._in_calls("RegisterTargets", self.elb.register, group, targets)

    def deregister(self, group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
        return self._in_calls("DeregisterTargets", self.elb.deregister, group, targets)

    def health(self, group: str) -> tuple[TargetHealth, ...] | None:
        return self.calls.make(ELB, "DescribeTargetHealth", lambda: self.elb.health(group))

    def _in_calls(
        self,
        operation: str,
        call: Callable[[str, Sequence[Endpoint]], TargetsAnswer],
        group: str,
        targets: Sequence[Endpoint],
    ) -> TargetsAnswer:
        """As the adapter does it: what a call is refused for is left out of the next."""
        refused: list[Endpoint] = []
        words: str | None = None
        for first in range(0, len(targets), TARGETS_AT_ONCE):
            some = targets[first : first + TARGETS_AT_ONCE]
            while some:
                answer = self.calls.make(ELB, operation, lambda some=some: call(group, some))  # type: ignore[misc]  # bound early
                if answer.gone:
                    return answer
                if answer.refused is None:
                    break
                words = words or answer.refused
                refused += answer.refused_targets
                some = [one for one in some if one not in answer.refused_targets]
        return TargetsAnswer(refused=words, refused_targets=tuple(refused) if len(refused) < len(targets) else ())


class LoadBalancerRequestsClient:
    """``LoadBalancerRequests`` on the simulated queue."""

    def __init__(self, queue: AsynchronousQueue[None], calls: Calls) -> None:
        self.queue = queue
        self.calls = calls

    def ask(self, service: str) -> None:
        self.calls.make(QUEUES, "Invoke keep_load_balancers", lambda: self.queue.send(service, None))


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
        self.calls.ledger.decisions += len(decisions)
        self.watch.decided(state, decisions)

    def publish(self, service: str, decisions: Sequence[Decision], now: float) -> None:
        del service, now
        events = sum(decision.event_name is not None for decision in decisions)
        if events:
            self.calls.ledger.events += events
            self.calls.make("events", "PutEvents", lambda: None)

    def measured(self, measured: Measured) -> None:
        counts = {
            "Launches": measured.launches,
            "TasksStarted": measured.tasks_started,
            "TasksStopped": measured.tasks_stopped,
            "Failures": measured.failures,
        }
        for name, count in counts.items():
            if count:
                self.calls.ledger.measured(name, measured.began_at)
        self.watch.passed(measured)
