"""SQS and the telling of people, in memory."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headcount.errors import TransientError
from headcount.model.service import Decision, ServiceState
from headcount.ports.reconciling import Measured

DEDUPLICATION_SECONDS = 300.0
VISIBILITY_SECONDS = 25.0
LONGEST_DELAY_SECONDS = 900
MOST_RECEIVES = 5


@dataclass(slots=True)
class KickMessage:
    """A message of the reconcile queue. ``visible_at``: when it may be received (again)."""

    service: str
    pass_number: int | None
    cause: str
    event_at: float | None
    sent_at: float
    visible_at: float
    receives: int = 0


class InMemoryKicks:
    """The ``Kicks`` on a FIFO queue: one message group a service, ids remembered for five minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.waiting: list[KickMessage] = []
        self.sent: list[KickMessage] = []
        self.dropped: list[tuple[str, int]] = []
        self.dead: list[KickMessage] = []
        self.refuse_next = 0
        self._ids: dict[tuple[str, int], float] = {}

    def kick(self, service: str, pass_number: int | None, cause: str, event_at: float | None = None) -> None:
        if self.refuse_next > 0:
            self.refuse_next -= 1
            raise TransientError("SendMessage: RequestThrottled")
        now = self.clock()
        if pass_number is not None:
            before = self._ids.get((service, pass_number))
            if before is not None and now - before < DEDUPLICATION_SECONDS:
                self.dropped.append((service, pass_number))
                return
            self._ids[service, pass_number] = now
        message = KickMessage(service, pass_number, cause, event_at, sent_at=now, visible_at=now)
        self.waiting.append(message)
        self.sent.append(message)

    def receive(self) -> KickMessage | None:
        """The oldest message whose group is free. It is hidden for a while, and its group waits for it."""
        now = self.clock()
        blocked: set[str] = set()
        for message in list(self.waiting):
            if message.service in blocked:
                continue
            if message.visible_at > now:
                blocked.add(message.service)
                continue
            if message.receives >= MOST_RECEIVES:
                self.waiting.remove(message)
                self.dead.append(message)
                continue
            message.receives += 1
            message.visible_at = now + VISIBILITY_SECONDS
            return message
        return None

    def delete(self, message: KickMessage) -> None:
        self.waiting.remove(message)

    def next_visible(self) -> float | None:
        """When the next message can be received: the first of each group, for the others wait for it."""
        heads: dict[str, float] = {}
        for message in self.waiting:
            heads.setdefault(message.service, message.visible_at)
        return min(heads.values(), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerMessage:
    """A message of the timer queue; it appears at ``due``."""

    service: str
    at: float
    due: float


class InMemoryTimers:
    """The ``Timers`` on a standard queue: whole seconds, at most 15 minutes."""

    def __init__(self) -> None:
        self.waiting: list[TimerMessage] = []
        self.sent: list[TimerMessage] = []

    def wake(self, service: str, at: float, now: float) -> None:
        delay = max(0, math.ceil(at - now))
        if delay > LONGEST_DELAY_SECONDS:
            return
        message = TimerMessage(service=service, at=at, due=now + delay)
        self.waiting.append(message)
        self.sent.append(message)

    def take_due(self, now: float) -> list[TimerMessage]:
        """Messages that have appeared; they are gone from the queue."""
        due = [message for message in self.waiting if message.due <= now]
        self.waiting = [message for message in self.waiting if message.due > now]
        return due

    def next_due(self) -> float | None:
        return min((message.due for message in self.waiting), default=None)


@dataclass(slots=True)
class RecordingTelling:
    """The ``Telling`` that keeps everything."""

    decisions: list[Decision] = field(default_factory=list)
    published: list[Decision] = field(default_factory=list)
    passes: list[Measured] = field(default_factory=list)

    def decided(self, state: ServiceState, decisions: Sequence[Decision]) -> None:
        self.decisions.extend(decisions)

    def publish(self, service: str, decisions: Sequence[Decision], now: float) -> None:
        self.published.extend(decision for decision in decisions if decision.event_name)

    def measured(self, measured: Measured) -> None:
        self.passes.append(measured)
