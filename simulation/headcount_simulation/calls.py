"""Every call of a function to AWS: it takes time, it may fail before or after its effect, or never come back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from headcount.errors import Throttled, TransientError
from headcount_simulation.accounting import Ledger
from headcount_simulation.scheduling import Killed, Scheduler
from headcount_simulation.streams import Streams

Answer = TypeVar("Answer")
Effect = Literal[
    "throttle",
    "error",
    "lost_answer",
    "crash_before",
    "crash_after",
    "delay_before",
    "delay_after",
    "freeze_before",
    "freeze_after",
]
EFFECTS: Final[tuple[Effect, ...]] = (
    "throttle",
    "error",
    "lost_answer",
    "crash_before",
    "crash_after",
    "delay_before",
    "delay_after",
    "freeze_before",
    "freeze_after",
)
CLIENT_TIMEOUT_SECONDS: Final = 5.0


@dataclass(slots=True, eq=False)
class Invocation:
    """One run of a function. A ``frozen`` one has outlived its time-out: Lambda paused it, and it goes on later.

    ``pass_number``: of the pass that it is, once that has read its world.
    """

    function: str
    service: str
    deadline: float
    killed: bool = False
    frozen: bool = False
    pass_number: int | None = None


@dataclass(slots=True)
class CallFault:
    """Strikes one call of ``function`` (any if empty) about ``service`` (any if empty), after sparing ``spared``."""

    function: str
    service: str
    effect: Effect
    spared: int = 0
    seconds: float = 0.0


class Calls:
    """The way to AWS. ``tell`` gets one line for each fault that strikes."""

    def __init__(self, scheduler: Scheduler, streams: Streams, tell: Callable[[str], None]) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.tell = tell
        self.faults: list[CallFault] = []
        self.outages: dict[str, float] = {}
        self.invocation: Invocation | None = None
        self.made = 0
        self.ledger = Ledger()
        self.struck = 0
        self.names: list[str] = []
        self._naming = True

    @property
    def current(self) -> Invocation:
        """The invocation that runs."""
        assert self.invocation is not None, "a call is made by an invocation"
        return self.invocation

    def stop_naming(self) -> None:
        """The calls from now on are not remembered by name."""
        self._naming = False

    def compute(self, seconds: float) -> None:
        """The running invocation is busy by itself."""
        if seconds:
            assert self.invocation is not None, "an invocation computes"
            self.wait(self.invocation, seconds)

    def make(self, api: str, operation: str, effect: Callable[[], Answer]) -> Answer:
        """One call: the way there, its effect, the way back."""
        invocation = self.invocation
        assert invocation is not None, "a call is made by an invocation"
        self.made += 1
        self.ledger.calls[invocation.function, operation] += 1
        if self._naming:
            self.names.append(f"{invocation.function}: {operation}")
        fault = self._next_fault(invocation) if self.faults else None
        latency = 0.002 + self.streams.of(invocation.service).random() * 0.01
        if fault is None and not self.outages:
            scheduler, deadline = self.scheduler, invocation.deadline
            # as ``wait``, in less time where nothing happens meanwhile: that is most calls
            arrives_at = scheduler.now + latency
            if arrives_at >= deadline or invocation.killed or not scheduler.passes(arrives_at):
                self.wait(invocation, latency)
            answer = effect()
            arrives_at = scheduler.now + latency
            if arrives_at >= deadline or invocation.killed or not scheduler.passes(arrives_at):
                self.wait(invocation, latency)
            return answer
        return self._make_under(fault, invocation, api, operation, effect, latency)

    def _make_under(
        self,
        fault: CallFault | None,
        invocation: Invocation,
        api: str,
        operation: str,
        effect: Callable[[], Answer],
        latency: float,
    ) -> Answer:
        kind = fault.effect if fault else self._outage(api, invocation.service)
        seconds = fault.seconds if fault else CLIENT_TIMEOUT_SECONDS
        if fault is not None:
            self.struck += 1
            self.tell(f"fault: {kind} at {invocation.function}'s {operation} ({invocation.service})")
        before = seconds if kind in ("delay_before", "freeze_before") else latency
        invocation.frozen |= kind in ("freeze_before", "freeze_after")
        self.wait(invocation, before)
        if kind == "crash_before":
            raise Killed
        if kind == "throttle":
            raise Throttled(f"{operation}: ThrottlingException: Rate exceeded")
        if kind == "error":
            raise TransientError(f"{operation}: InternalServerError")
        answer = effect()
        if kind == "crash_after":
            raise Killed
        if kind == "lost_answer":
            self.wait(invocation, min(seconds, CLIENT_TIMEOUT_SECONDS))
            raise TransientError(f"{operation}: no answer from AWS")
        self.wait(invocation, seconds if kind in ("delay_after", "freeze_after") else latency)
        return answer

    def wait(self, invocation: Invocation, seconds: float) -> None:
        """Time passes inside an invocation; Lambda ends it at its deadline, or when its environment goes away."""
        scheduler = self.scheduler
        until = scheduler.now + seconds
        in_time = until < invocation.deadline or invocation.frozen
        scheduler.pause(until if in_time else invocation.deadline)
        self.invocation = invocation
        if invocation.killed or not in_time:
            raise Killed

    def _outage(self, api: str, service: str) -> Effect | None:
        until = max(self.outages.get(api, 0.0), self.outages.get("all", 0.0))
        if self.scheduler.now >= until:
            return None
        return self.streams.of(service).choice(("throttle", "error", "lost_answer"))

    def _next_fault(self, invocation: Invocation) -> CallFault | None:
        function, service = invocation.function, invocation.service
        for fault in self.faults:
            if (fault.service == service or not fault.service) and (fault.function == function or not fault.function):
                if fault.spared > 0:
                    fault.spared -= 1
                    continue
                self.faults.remove(fault)
                return fault
        return None
