"""One world: an install of Headcount, its table, queues and ECS on one clock, under one seed."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from headcount.messages import AlarmChanged, ScalingRequest
from headcount.model.service import DeclaredService, ServiceState
from headcount.model.target import Endpoint
from headcount.noticing import InstanceChange
from headcount.observing import TargetAlarm
from headcount.operating import LEAST_OVERRIDE_SECONDS
from headcount.ports.tasks import Sighting
from headcount_simulation.balancers import Balancers
from headcount_simulation.calls import Calls
from headcount_simulation.characters import CLUSTER, ZONES
from headcount_simulation.clients import (
    LoadBalancerRequestsClient,
    StoreClient,
    TellingClient,
    TimersClient,
)
from headcount_simulation.cloudwatch import CloudWatch
from headcount_simulation.days import Day
from headcount_simulation.ecs import Ecs
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.elb import Elb, TargetGroup
from headcount_simulation.functions import Clients, Functions, ScalingClients
from headcount_simulation.instances import MACHINES, SPOT_MACHINES
from headcount_simulation.instants import STARTS_AT
from headcount_simulation.invariants import Violation
from headcount_simulation.keeping import BalancingStoreClient, LookLogClient
from headcount_simulation.messaging import AsynchronousQueue, EventBus, FifoQueue, Garbage, Kick, TimerQueue, Told
from headcount_simulation.parts import REAL, Parts
from headcount_simulation.registry import SimulatedRegistry
from headcount_simulation.resources import SimulatedResources
from headcount_simulation.scaling_clients import (
    ScalingLogClient,
    ScalingRequestsClient,
    ScalingTimersClient,
    SchedulesClient,
)
from headcount_simulation.scaling_watch import ScalingWatch
from headcount_simulation.schedules import Scheduled
from headcount_simulation.scheduling import Scheduler
from headcount_simulation.streams import Streams
from headcount_simulation.table import Table
from headcount_simulation.traffic import FIRST_PORT, MOST_GROUPS
from headcount_simulation.watch import Watch

INSTALL: Final = "main"
MINUTE: Final = 60.0
OVERDUE_SECONDS: Final = 5.0
QUIET_AUDIT_CALLS: Final = 4  # index, DescribeTasks, and the sweep's two; one more where there are instances
SWEEP_SECONDS: Final = 15 * MINUTE
RETRY_SECONDS: Final = 20.0
ASK_AGAIN: Final = ("Unavailable", "Conflict", "ServiceDeleting")
MOST_RETRIES: Final = 30
LASTING: Final = (
    # fields that say how long something lasts, in what, and the least that is allowed
    ("untilSeconds", 1.0, 1),
    ("forSeconds", 1.0, LEAST_OVERRIDE_SECONDS),
    ("expiresInMinutes", MINUTE, 1),
)


class World:
    """Everything of one day. ``story``: None to keep none, for speed."""

    def __init__(self, day: Day, parts: Parts = REAL, *, keep_story: bool = False) -> None:
        self.day = day
        self.parts = parts
        self.story: list[tuple[float, str]] | None = [] if keep_story else None
        self.scheduler = Scheduler(STARTS_AT)
        self.characters = {one.service: one for one in day.characters}
        seed = day.seed
        tell = self.tell
        self.watch = Watch(lambda: self.scheduler.now, INSTALL, self, tell)
        self.table: Table = parts.table(lambda: self.scheduler.now, INSTALL)
        self.calls = Calls(self.scheduler, Streams(seed, "calls"), tell)
        self.bus = EventBus(self.scheduler, Streams(seed, "bus"), self._observe)
        self.queue = FifoQueue(self.scheduler, Streams(seed, "queue"), self._reconcile)
        self.timers = TimerQueue(self.scheduler, Streams(seed, "timers"), self._wake, tell)
        self.requests = AsynchronousQueue[None](self.scheduler, Streams(seed, "requests"), self._balance)
        self.ecs = Ecs(self.scheduler, Streams(seed, "ecs"), INSTALL, ZONES, self.watch, self._emit)
        self.balancers = Balancers(self.scheduler, Streams(seed, "balancers"), self.characters, self._emit, self._stir)
        self.elb = Elb(
            self.scheduler,
            Streams(seed, "elb"),
            self.ecs.limits,
            self.ecs.addresses.holders,
            self.watch,
            tell,
            self.balancers.changed,
            self.ecs.fleet.runs,
        )
        self.balancers.begin(self.elb)
        scaled = {one.service: one.scaled for one in day.characters if one.scaled is not None}
        self.scaling_asks = AsynchronousQueue[ScalingRequest | AlarmChanged](
            self.scheduler, Streams(seed, "scaling asks"), self._scale
        )
        self.scaling_timers = TimerQueue(self.scheduler, Streams(seed, "scaling timers"), self._wake_scaling, tell)
        self.cloudwatch = CloudWatch(
            self.scheduler, Streams(seed, "cloudwatch"), scaled, self._running, self._alarm_changed
        )
        self.scheduled = Scheduled(
            self.scheduler, Streams(seed, "schedules"), lambda due: self.scaling_asks.send(due.service, due)
        )
        self.scaling_watch = ScalingWatch(
            lambda: self.scheduler.now, scaled, self.cloudwatch, self.scheduled, self._rescaled
        )
        self._let_tasks_be_reached()
        self.store: StoreClient = parts.store(self.table, self.calls, self.watch)
        kicks = parts.kicks(self.queue, self.calls)
        self.registry = SimulatedRegistry(self.ecs, lambda service: self.characters[service])
        clients = Clients(
            store=self.store,
            runtime=parts.runtime(self.ecs, self.calls, self.watch),
            kicks=kicks,
            target_groups=parts.target_groups(self.elb, self.calls),
            load_balancers=LoadBalancerRequestsClient(self.requests, self.calls),
            resources=SimulatedResources(self.balancers, self.calls),
            balancing_store=BalancingStoreClient(self.table, self.calls),
            look_log=LookLogClient(self.calls, tell),
            timers=TimersClient(self.timers, self.calls),
            telling=TellingClient(self.calls, self.watch),
            registry=self.registry,
            scaling=ScalingClients(
                store=parts.scaling_store(parts.scaling_table(self.table), self.calls, self.scaling_watch),
                metrics=parts.metrics(self.cloudwatch, self.calls),
                alarms=parts.alarms(self.cloudwatch, self.calls),
                schedules=SchedulesClient(self.scheduled, self.calls),
                timers=ScalingTimersClient(self.scaling_timers, self.calls),
                requests=ScalingRequestsClient(self.scaling_asks, self.calls),
                log=ScalingLogClient(tell),
            ),
        )
        chance = Streams(seed, "functions")
        self.functions: Functions = parts.functions(self.scheduler, chance, self.calls, clients, (CLUSTER,), INSTALL)
        if any(one.uses_machines for one in day.characters):
            for zone in ZONES.values():
                for provider in (MACHINES, SPOT_MACHINES):
                    self.ecs.fleet.add(CLUSTER, zone, provider)
        self.ecs.with_health_check = {one.service for one in day.characters if one.checks_health}
        self.people = Streams(seed, "people")
        self.revisions: dict[str, int] = {}
        self.bad_until: dict[str, float] = {}  # services with a revision that never starts, and a while longer
        self.percentages: dict[str, tuple[int, int]] = {}
        self.garbled = 0
        self.is_quiet = False
        self._audit_at = 0.0  # when the next is, 0 while it is under way
        self._stirred = True
        self.every_audit = False  # also those that would find nothing: where they are priced
        self.audits = 0
        self._swept_at = 0.0
        if parts.audits:
            self._await_audit(STARTS_AT + MINUTE)

    def _let_tasks_be_reached(self) -> None:
        """Tasks of services with target groups have ports there; ELB notices how they do."""
        addresses = self.ecs.addresses
        for character in self.characters.values():
            if character.traffic is not None:
                addresses.ports[character.service] = tuple(FIRST_PORT + number for number in range(MOST_GROUPS))
                if character.traffic.few_addresses:
                    addresses.few.add(character.service)
        if addresses.ports:
            self.ecs.answering = self.elb.changed
        self.ecs.felt = lambda _: self._stir()

    # -- the truth, for the watch -------------------------------------------------------------------------------------

    def groups(self, service: str) -> list[TargetGroup]:
        """The service's target groups, also those that its manifest no longer names."""
        return self.elb.of(service)

    def holder(self, group: TargetGroup, endpoint: Endpoint) -> EcsTask | None:
        """The task that has an endpoint now."""
        return self.elb.holder(group, endpoint)

    def endpoint(self, group: TargetGroup, task: EcsTask) -> Endpoint | None:
        """Where a group reaches a task."""
        return self.elb.endpoint(group, task)

    def was_unrecorded(self, task: EcsTask) -> bool:
        """Whether the record of a task was lost: nobody could know then what it was registered for."""
        return task.task_id in self.watch.unrecorded

    def is_newest_pass(self, service: str) -> bool:
        """Whether the invocation that runs is the newest pass of the service."""
        return self.calls.current.pass_number == self.table.pass_number(service)

    def is_overdue(self) -> bool:
        """Whether the invocation that runs has outlived its time, at which Lambda ends one."""
        return self.scheduler.now > self.calls.current.deadline

    def state(self, service: str) -> ServiceState:
        """Everything on record."""
        return self.table.state(service)

    def declared(self, service: str) -> DeclaredService | None:
        """What is declared."""
        return self.table.partition(service).manifest

    def records(self, service: str) -> int:
        """How many tasks and launches are on record."""
        partition = self.table.partition(service)
        return len(partition.tasks) + len(partition.launches)

    def tasks(self, service: str) -> list[EcsTask]:
        """The service's tasks in ECS that are not STOPPED."""
        return self.ecs.of(service)

    def ended(self, service: str, since: float) -> int:
        """How many of the service's tasks have come to be STOPPED since then."""
        return self.ecs.ended(service, since)

    def users(self, task_definition: str) -> list[EcsTask]:
        """The tasks in ECS that are not STOPPED and run a task definition, those apart that nobody can know of."""
        return [
            task
            for task in self.ecs.tasks.values()
            if task.observed.task_definition_arn == task_definition
            and task.observed.last_status != "STOPPED"
            and task.task_id not in self.watch.unrecorded
        ]

    def is_registered(self, task_definition: str) -> bool:
        """Whether Headcount registered a task definition."""
        return task_definition in self.registry.arns

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def second(self) -> float:
        """The second of the day."""
        return self.scheduler.now - STARTS_AT

    def at(self, second: float, action: Callable[[], None]) -> None:
        """Let something happen at a second of the day."""
        self.scheduler.at(STARTS_AT + second, action)

    def run(self, seconds: float) -> None:
        """Let time pass until that second of the day."""
        self.scheduler.run_until(STARTS_AT + seconds)

    def _next_minute(self) -> float:
        """When the next audit is. While the world is at rest, those that would find nothing are left out."""
        now = self.scheduler.now
        soonest = _minute_after(now)
        awaited = any(fault.function in ("", "audit") for fault in self.calls.faults)
        if self.every_audit or self.stirred or awaited or self.calls.outages or self.store.index_is_stale:
            return soonest
        recorded = (self.table.next_wake(service)[0] for service in self.table.partitions)
        wakes = [at + OVERDUE_SECONDS for at in recorded if at is not None]
        return max(soonest, _minute_after(min([*wakes, self._swept_at + SWEEP_SECONDS])))

    @property
    def stirred(self) -> bool:
        """Whether something has happened since the last audit that the next may find."""
        return self._stirred

    @stirred.setter
    def stirred(self, stirred: bool) -> None:
        self._stirred = stirred
        if stirred and self._audit_at > (soonest := _minute_after(self.scheduler.now)):
            self._await_audit(soonest)

    def _await_audit(self, at: float) -> None:
        self._audit_at = at
        self.scheduler.at(at, lambda: self._audit(at))

    def _audit(self, at: float) -> None:
        if at != self._audit_at:
            return  # it came sooner
        self._audit_at = 0.0
        self.audits += 1
        before = self.calls.made
        if self.scheduler.now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = self.scheduler.now
        self.stirred = False

        def done(ok: bool) -> None:
            quiet = QUIET_AUDIT_CALLS + bool(self.ecs.fleet.instances) + len(self._audited_groups())
            busy = self.calls.made - before > quiet
            self.stirred |= not ok or busy or not self._is_plain()
            self._await_audit(self._next_minute())

        self.functions.audit(done)

    def _is_plain(self) -> bool:
        """Whether every task on record runs, and every service was looked at since it changed."""
        for service, partition in self.table.partitions.items():
            mark = self.table.mark(service)
            if mark.generation != mark.seen_generation:
                return False
            for task_id, record in partition.tasks.items():
                if record.observed is None or record.observed.last_status != "RUNNING" or task_id not in self.ecs.tasks:
                    return False
                health = record.health.status if record.health else None
                if self.ecs.tasks[task_id].health not in (None, "UNKNOWN", health):
                    return False
        return self.queue.waiting() == 0 and all(self._is_known(*one) for one in self._audited_groups())

    def _audited_groups(self) -> list[tuple[str, str]]:
        """The target groups (with their services) that the audit looks at: those with a ledger."""
        return [
            (service, arn)
            for service, partition in self.table.partitions.items()
            for arn, record in partition.targets.items()
            if record.managed
        ]

    def _is_known(self, service: str, arn: str) -> bool:
        """Whether what is on record of a target group is what ELB would say."""
        group, seen = self.elb.groups.get(arn), self.table.partition(service).targets[arn].observed
        if group is None or seen is None:
            return seen is not None and seen.gone
        told = {one.endpoint: one.state for one in seen.targets}
        return all(
            told.get(endpoint) == target.state for endpoint, target in group.targets.items() if not target.foreign
        )

    # -- what functions and people do ---------------------------------------------------------------------------------

    def tell(self, line: str) -> None:
        """A line of the story."""
        if self.story is not None:
            self.story.append((self.scheduler.now - STARTS_AT, line))

    def ask(self, request: Mapping[str, Any], service: str, tries: int = 0) -> None:
        """A person asks ``control``, and asks again when it was unavailable or somebody was first."""
        asked_at = self.scheduler.now

        def ask_again() -> None:
            self.ask(_what_is_left(request, self.scheduler.now - asked_at), service, tries + 1)

        def answered(answer: dict[str, Any] | None) -> None:
            error = None if answer is None or answer["ok"] else answer["error"]
            said = (
                "no answer" if answer is None else ("done" if error is None else f"{error['type']}: {error['message']}")
            )
            self.tell(f"person: {request['operation']} {service}: {said}")
            gives_up = answer is None and self.people.of(service).random() < self.day.gives_up
            if error is not None and error["type"] == "InvalidManifest":
                _expect_refusal(error)
                self.percentages[service] = self.characters[service].percentages  # back to what was taken
            again = not gives_up if error is None else error["type"] in ASK_AGAIN
            if answer is not None and error is None:
                return
            if again and tries < MOST_RETRIES and self.scheduler.now < STARTS_AT + self.day.quiet_at:
                self.scheduler.after(RETRY_SECONDS * (tries + 1), ask_again)

        self.stirred = True
        if not tries and self.people.of(service).random() < self.day.asks_twice:
            self.scheduler.after(self.people.of(service).uniform(0.1, 5.0), ask_again)
        self.functions.control({"version": 1, **request}, service, answered)

    def dead_garbage(self) -> int:
        """How many messages that nobody can read have become dead letters."""
        timers = sum(at is None for _, at in self.timers.dead)
        events = sum(isinstance(told, Garbage) for told in self.bus.dead)
        return timers + events + sum(kick.garbled for kick in self.queue.dead)

    def _stir(self) -> None:
        """Something changed that no event tells, or not at once."""
        self.stirred = True

    def _rescaled(self, service: str) -> None:
        self.stirred = True
        self.watch.wanted(service)

    def _running(self, service: str) -> int:
        return sum(task.observed.last_status == "RUNNING" for task in self.ecs.of(service))

    def _alarm_changed(self, changed: AlarmChanged) -> None:
        """EventBridge invokes ``decide_scaling``, asynchronously as well."""
        service = changed.service or ""
        self.tell(f"{service}: {changed.alarm} is {changed.state}")
        for delay in self.bus.delays(service):
            self.scheduler.after(delay, lambda: self.scaling_asks.send(service, changed))

    def _scale(self, service: str, woken: ScalingRequest | AlarmChanged, done: Callable[[bool], None]) -> None:
        self.functions.scale(service, woken, done)

    def _wake_scaling(self, service: str, at: float | None, done: Callable[[bool], None]) -> None:
        self.functions.wake_scaling(service, at, done)

    def _balance(self, service: str, _: None, done: Callable[[bool], None]) -> None:
        self.stirred = True
        self.functions.balance(service, done)

    def _emit(self, told: Sighting | InstanceChange | TargetAlarm) -> None:
        self.stirred = True
        if isinstance(told, Sighting) and told.service is not None:
            self.cloudwatch.changed(told.service)
        self.bus.emit(told)

    def _observe(self, told: Told, done: Callable[[bool], None]) -> None:
        self.functions.observe(told, done)

    def _reconcile(self, kick: Kick, done: Callable[[bool], None]) -> None:
        self.stirred = True
        self.tell(
            f"{kick.service}: pass begins: {kick.cause}" + (f", try {kick.receives}" if kick.receives > 1 else "")
        )
        self.functions.reconcile(kick, done)

    def _wake(self, service: str, at: float | None, done: Callable[[bool], None]) -> None:
        self.stirred = True
        self.functions.wake(service, at, done)

    def close(self) -> None:
        """End what still runs."""
        self.scheduler.close()


def _what_is_left(request: Mapping[str, Any], waited: float) -> Mapping[str, Any]:
    """The same request later: what is to last until some time does not last longer."""
    lasts = {key: max(least, request[key] - math.ceil(waited / unit)) for key, unit, least in LASTING if key in request}
    return {**request, **lasts}


def _expect_refusal(error: Mapping[str, Any]) -> None:
    """Of what is drawn only percentages are refused, where a count leaves them nothing to do."""
    if any(problem["path"] != "deploymentConfiguration" for problem in error["problems"]):
        raise Violation("no unexpected errors", f"a manifest is refused: {error['problems']}")


def _minute_after(at: float) -> float:
    return STARTS_AT + ((at - STARTS_AT) // MINUTE + 1.0) * MINUTE
