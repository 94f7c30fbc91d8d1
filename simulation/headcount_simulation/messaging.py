"""EventBridge and SQS: at least once, unordered, late, lost; groups, visibility, deduplication, dead letters."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from headcount.noticing import InstanceChange, Retirement, SpotInterruption
from headcount.observing import TargetAlarm
from headcount.ports.tasks import Sighting
from headcount_simulation.scheduling import Scheduler
from headcount_simulation.streams import Streams

DEDUPLICATION_SECONDS: Final = 300.0
VISIBILITY_SECONDS: Final = 25.0
TIMER_VISIBILITY_SECONDS: Final = 90.0
RETRIES: Final = (60.0, 120.0)  # seconds after which Lambda repeats an asynchronous invocation that failed
MOST_RECEIVES: Final = 5
LONGEST_DELAY_SECONDS: Final = 900

Asked = TypeVar("Asked")
Done = Callable[[bool], None]
"""Called with whether the function did its work."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """An event that nobody can read, delivered for some service."""

    service: str


Told = Sighting | InstanceChange | SpotInterruption | Retirement | TargetAlarm | Garbage
"""What EventBridge brings."""


@dataclass(slots=True, eq=False)
class Kick:
    """A message of the reconcile queue. ``garbled``: nobody can read it."""

    service: str
    cause: str
    event_at: float | None
    sent_at: float
    visible_at: float = 0.0
    receives: int = 0
    garbled: bool = False


class FifoQueue:
    """The reconcile queue and its event source mapping: one message at a time in each group, batch size 1."""

    def __init__(self, scheduler: Scheduler, streams: Streams, invoke: Callable[[Kick, Done], None]) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.invoke = invoke
        self.groups: dict[str, deque[Kick]] = {}
        self.dead: list[Kick] = []
        self.dropped = 0
        self.doubled: dict[str, int] = {}
        self._ids: dict[str, float] = {}

    def send(self, kick: Kick, deduplication_id: str | None) -> None:
        """``SendMessage``: an id seen in the last five minutes is dropped, even if its message was handled."""
        now = self.scheduler.now
        if deduplication_id is not None:
            if now - self._ids.get(deduplication_id, -math.inf) < DEDUPLICATION_SECONDS:
                self.dropped += 1
                return
            self._ids[deduplication_id] = now
        self.groups.setdefault(kick.service, deque()).append(kick)
        self._deliver_soon(kick.service)

    def waiting(self) -> int:
        """Messages that are not done."""
        return sum(len(group) for group in self.groups.values())

    def _deliver_soon(self, service: str) -> None:
        delay = self.streams.of(service).uniform(0.005, 0.06)
        if self.groups[service]:
            self.scheduler.after(delay, lambda: self._deliver(service))

    def _deliver(self, service: str) -> None:
        group = self.groups[service]
        now = self.scheduler.now
        if not group or group[0].visible_at > now:
            return
        kick = group[0]
        if kick.receives >= MOST_RECEIVES:
            self.dead.append(group.popleft())
            self._deliver_soon(service)
            return
        kick.receives += 1
        kick.visible_at = now + VISIBILITY_SECONDS
        self.scheduler.at(kick.visible_at, lambda: self._deliver(service))
        receive = kick.receives
        if self.doubled.get(service, 0) > 0:  # received a second time while a function works on it
            self.doubled[service] -= 1
            self.scheduler.after(self.streams.of(service).random() * 0.1, lambda: self._deliver_again(kick))
        self.invoke(kick, lambda ok: self._done(kick, receive, ok))

    def _deliver_again(self, kick: Kick) -> None:
        group = self.groups[kick.service]
        if group and group[0] is kick:
            kick.visible_at = self.scheduler.now
            self._deliver(kick.service)

    def _done(self, kick: Kick, receive: int, ok: bool) -> None:
        """Lambda deletes what was done. A message that was received again since is no longer this one's to delete."""
        group = self.groups[kick.service]
        if ok and kick.receives == receive and group and group[0] is kick:
            group.popleft()
            self._deliver_soon(kick.service)


class TimerQueue:
    """The timer queue: standard, so at least once, in whole seconds, at most 15 minutes."""

    def __init__(
        self,
        scheduler: Scheduler,
        streams: Streams,
        invoke: Callable[[str, float | None, Done], None],
        tell: Callable[[str], None],
    ) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.invoke = invoke
        self.tell = tell
        self.lose_next = 0
        self.repeat_next = 0
        self.dead: list[tuple[str, float | None]] = []

    def send_garbage(self, service: str) -> None:
        """A message that nobody can read."""
        self._deliver(service, None, 1)

    def send(self, service: str, at: float, now: float) -> None:
        """A message that comes back at ``at``; ``now`` is the sender's clock."""
        delay = max(0, math.ceil(at - now))
        if delay > LONGEST_DELAY_SECONDS:
            return
        if self.lose_next > 0:
            self.lose_next -= 1
            self.tell(f"fault: a timer of {service} is lost")
            return
        due = self.scheduler.now + delay
        random = self.streams.of(service)
        self.scheduler.at(due + random.random() * 0.5, lambda: self._deliver(service, at, 1))
        if self.repeat_next > 0:
            self.repeat_next -= 1
            self.scheduler.at(due + random.random() * 60.0, lambda: self._deliver(service, at, 1))

    def _deliver(self, service: str, at: float | None, receive: int) -> None:
        received_at = self.scheduler.now

        def done(ok: bool) -> None:
            if not ok and receive == MOST_RECEIVES:
                self.dead.append((service, at))
            elif not ok:
                again = received_at + TIMER_VISIBILITY_SECONDS
                self.scheduler.at(again, lambda: self._deliver(service, at, receive + 1))

        self.invoke(service, at, done)


class AsynchronousQueue(Generic[Asked]):
    """Lambda's own queue of asynchronous invocations of one function: at least once, with two retries.

    Those of ``keep_load_balancers`` say only which service; those of ``decide_scaling`` also what happened.
    """

    def __init__(self, scheduler: Scheduler, streams: Streams, invoke: Callable[[str, Asked, Done], None]) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.invoke = invoke
        self.lose_next = 0
        self.repeat_next = 0
        self.dead: list[str] = []

    def send(self, service: str, asked: Asked) -> None:
        """``Invoke`` with ``Event``."""
        if self.lose_next > 0:
            self.lose_next -= 1
            return
        times = 2 if self.repeat_next > 0 else 1
        self.repeat_next = max(0, self.repeat_next - 1)
        for _ in range(times):
            delay = self.streams.of(service).uniform(0.005, 0.2)
            self.scheduler.after(delay, lambda: self._deliver(service, asked, RETRIES))

    def _deliver(self, service: str, asked: Asked, retries: Sequence[float]) -> None:
        def done(ok: bool) -> None:
            if not ok and not retries:
                self.dead.append(service)
            elif not ok:
                self.scheduler.after(retries[0], lambda: self._deliver(service, asked, retries[1:]))

        self.invoke(service, asked, done)


class EventBus:
    """EventBridge to ``observe_tasks``: asynchronous, so a failed invocation is tried twice more."""

    def __init__(self, scheduler: Scheduler, streams: Streams, invoke: Callable[[Told, Done], None]) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.invoke = invoke
        self.lost = 0.0
        self.doubled = 0.0
        self.late = 0.0
        self.mishaps = 0
        self.dead: list[Told] = []

    def emit(self, told: Told) -> None:
        """One event. ``lost``, ``doubled`` and ``late`` say how likely each is at present."""
        service = told.service if isinstance(told, Sighting | TargetAlarm | Garbage) else ""
        if service is None:
            return  # the rule's pattern lets only this install's tasks through
        for delay in self.delays(service):
            self.scheduler.after(delay, lambda: self._deliver(told, 0))

    def delays(self, service: str) -> Iterator[float]:
        """How many seconds each delivery of an event takes: at present it may be lost, doubled, late."""
        random = self.streams.of(service)
        if self.lost and random.random() < self.lost:
            self.mishaps += 1
            return
        copies = 1
        if self.doubled and random.random() < self.doubled:
            self.mishaps += 1
            copies = 2
        for _ in range(copies):
            delay = random.uniform(0.05, 0.5)
            if self.late and random.random() < self.late:
                self.mishaps += 1
                delay = random.uniform(1.0, 180.0)
            yield delay

    def deliver(self, told: Told) -> None:
        """One event that nothing befalls on its way."""
        self._deliver(told, 0)

    def _deliver(self, told: Told, tries: int) -> None:
        def done(ok: bool) -> None:
            if not ok and tries == len(RETRIES):
                self.dead.append(told)
            elif not ok:
                self.scheduler.after(RETRIES[tries], lambda: self._deliver(told, tries + 1))

        self.invoke(told, done)
