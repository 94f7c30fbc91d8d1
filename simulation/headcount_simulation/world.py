"""One world: an install of Headcount, its table, queues and ECS on one clock, under one seed."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from headcount.model.service import ServiceState
from headcount.ports import Sighting
from headcount_simulation.calls import Calls
from headcount_simulation.clients import (
    SimulatedRegistry,
    StoreClient,
    TellingClient,
    TimersClient,
)
from headcount_simulation.days import CLUSTER, ZONES, Day
from headcount_simulation.ecs import Ecs, EcsTask
from headcount_simulation.functions import Clients, Functions
from headcount_simulation.messaging import EventBus, FifoQueue, Kick, TimerQueue
from headcount_simulation.parts import REAL, Parts
from headcount_simulation.scheduling import Scheduler
from headcount_simulation.streams import Streams
from headcount_simulation.table import Table
from headcount_simulation.watch import Watch

STARTS_AT: Final = 1_790_000_000.0
INSTALL: Final = "main"
MINUTE: Final = 60.0
OVERDUE_SECONDS: Final = 5.0
QUIET_AUDIT_CALLS: Final = 4  # index, DescribeTasks, and the sweep's two
SWEEP_SECONDS: Final = 15 * MINUTE
RETRY_SECONDS: Final = 20.0
ASK_AGAIN: Final = ("Unavailable", "Conflict", "ServiceDeleting")
MOST_RETRIES: Final = 30


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
        self.ecs = Ecs(self.scheduler, Streams(seed, "ecs"), INSTALL, ZONES, self.watch, self._emit)
        self.store: StoreClient = parts.store(self.table, self.calls, self.watch)
        clients = Clients(
            store=self.store,
            runtime=parts.runtime(self.ecs, self.calls),
            kicks=parts.kicks(self.queue, self.calls),
            timers=TimersClient(self.timers, self.calls),
            telling=TellingClient(self.calls, self.watch),
            registry=SimulatedRegistry(ZONES, lambda service: self.characters[service].checks_health),
        )
        self.functions = Functions(self.scheduler, Streams(seed, "functions"), self.calls, clients, (CLUSTER,))
        self.ecs.with_health_check = {one.service for one in day.characters if one.checks_health}
        self.people = Streams(seed, "people")
        self.revisions: dict[str, int] = {}
        self.percentages: dict[str, tuple[int, int]] = {}
        self.stirred = True
        self.audits = 0
        self._swept_at = 0.0
        if parts.audits:
            self.scheduler.at(STARTS_AT + MINUTE, self._audit)

    # -- the truth, for the watch -------------------------------------------------------------------------------------

    def state(self, service: str) -> ServiceState:
        """Everything on record."""
        return self.table.state(service)

    def records(self, service: str) -> int:
        """How many tasks and launches are on record."""
        partition = self.table.partition(service)
        return len(partition.tasks) + len(partition.launches)

    def tasks(self, service: str) -> list[EcsTask]:
        """The service's tasks in ECS that are not STOPPED."""
        return self.ecs.of(service)

    # -- time ---------------------------------------------------------------------------------------------------------

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
        if self.stirred or awaited or self.calls.outages or self.store.index_is_stale:
            return soonest
        marks = map(self.table.mark, self.table.partitions)
        wakes = [mark.next_wake + OVERDUE_SECONDS for mark in marks if mark.next_wake is not None]
        happens = self.scheduler.next_at()
        until = min([*wakes, self._swept_at + SWEEP_SECONDS, *([happens] if happens is not None else [])])
        return max(soonest, _minute_after(until))

    def _audit(self) -> None:
        self.audits += 1
        before = self.calls.made
        if self.scheduler.now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = self.scheduler.now
        self.stirred = False

        def done(ok: bool) -> None:
            busy = self.calls.made - before > QUIET_AUDIT_CALLS
            self.stirred |= not ok or busy or not self._is_plain()
            self.scheduler.at(self._next_minute(), self._audit)

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
        return self.queue.waiting() == 0

    # -- what functions and people do ---------------------------------------------------------------------------------

    def tell(self, line: str) -> None:
        """A line of the story."""
        if self.story is not None:
            self.story.append((self.scheduler.now - STARTS_AT, line))

    def ask(self, request: Mapping[str, Any], service: str, tries: int = 0) -> None:
        """A person asks ``control``, and asks again when it was unavailable or somebody was first."""

        def answered(answer: dict[str, Any] | None) -> None:
            error = None if answer is None or answer["ok"] else answer["error"]
            said = (
                "no answer" if answer is None else ("done" if error is None else f"{error['type']}: {error['message']}")
            )
            self.tell(f"person: {request['operation']} {service}: {said}")
            gives_up = answer is None and self.people.of(service).random() < self.day.gives_up
            again = not gives_up if error is None else error["type"] in ASK_AGAIN
            if answer is not None and error is None:
                return
            if again and tries < MOST_RETRIES and self.scheduler.now < STARTS_AT + self.day.quiet_at:
                self.scheduler.after(RETRY_SECONDS * (tries + 1), lambda: self.ask(request, service, tries + 1))

        self.stirred = True
        self.functions.control({"version": 1, **request}, service, answered)

    def _emit(self, sighting: Sighting) -> None:
        self.stirred = True
        self.bus.emit(sighting)

    def _observe(self, sighting: Sighting, done: Callable[[bool], None]) -> None:
        self.functions.observe(sighting, done)

    def _reconcile(self, kick: Kick, done: Callable[[bool], None]) -> None:
        self.stirred = True
        self.tell(
            f"{kick.service}: pass begins: {kick.cause}" + (f", try {kick.receives}" if kick.receives > 1 else "")
        )
        self.functions.reconcile(kick, done)

    def _wake(self, service: str, at: float, done: Callable[[bool], None]) -> None:
        self.stirred = True
        self.functions.wake(service, at, done)

    def close(self) -> None:
        """End what still runs."""
        self.scheduler.close()


def _minute_after(at: float) -> float:
    return STARTS_AT + ((at - STARTS_AT) // MINUTE + 1.0) * MINUTE
