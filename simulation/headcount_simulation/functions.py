"""The functions of an install, as Lambda runs them: with time-outs, on machines of their own, over the ports."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headcount.auditing import Auditor
from headcount.control_loop import Reconciler, Request
from headcount.controlling import Controller
from headcount.errors import HeadcountError
from headcount.observing import Observer
from headcount.ports import Sighting
from headcount.waking import Waker
from headcount_simulation.calls import Calls, Invocation
from headcount_simulation.clients import (
    KicksClient,
    RuntimeClient,
    SimulatedRegistry,
    StoreClient,
    TellingClient,
    TimersClient,
)
from headcount_simulation.crew import Crew
from headcount_simulation.messaging import Done, Kick
from headcount_simulation.scheduling import Killed, Scheduler
from headcount_simulation.streams import Streams
from headcount_simulation.watch import Violation

# seconds; template.yaml
CALLS_AT_ONCE: Final = 8  # bootstrap.py
TIMEOUTS: Final = {"reconcile": 20.0, "observe": 15.0, "wake": 15.0, "control": 25.0, "audit": 55.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The ports, simulated."""

    store: StoreClient
    runtime: RuntimeClient
    kicks: KicksClient
    timers: TimersClient
    telling: TellingClient
    registry: SimulatedRegistry


class Functions:
    """Invokes the real code. ``skews``: how far each function's clock is off, in seconds."""

    def __init__(
        self, scheduler: Scheduler, streams: Streams, calls: Calls, clients: Clients, clusters: tuple[str, ...]
    ) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.calls = calls
        self.clients = clients
        self.clusters = clusters
        self.skews: dict[str, float] = {}
        self.running: set[Invocation] = set()
        self.identities = 0
        self.observer = Observer(store=clients.store, kicks=clients.kicks)
        self.waker = Waker(store=clients.store, kicks=clients.kicks)
        self.reconciler = Reconciler(
            runtime=clients.runtime,
            store=clients.store,
            kicks=clients.kicks,
            timers=clients.timers,
            telling=clients.telling,
            clock=self.clock("reconcile"),
            jitter=self._jitter,
            spread=self._spread,
        )
        self.controller = Controller(
            store=clients.store,
            kicks=clients.kicks,
            registry=clients.registry,
            clock=self.clock("control"),
            new_id=self._new_id,
            clusters=clusters,
        )
        self.auditor = self._new_auditor()

    def clock(self, function: str) -> Callable[[], float]:
        """The clock of the machine that a function runs on."""
        return lambda: self.scheduler.now + self.skews.get(function, 0.0)

    def reconcile(self, kick: Kick, done: Done) -> None:
        """One pass."""
        request = Request(service=kick.service, event_at=kick.event_at, sent_at=kick.sent_at)

        def body(remaining: Callable[[], float]) -> None:
            self.reconciler.reconcile(request, remaining)

        self._invoke("reconcile", kick.service, body, done)

    def observe(self, sighting: Sighting, done: Done) -> None:
        """One event."""
        self._invoke("observe", sighting.service or "", lambda _: self.observer.observe(sighting), done)

    def wake(self, service: str, at: float, done: Done) -> None:
        """One timer."""
        self._invoke("wake", service, lambda _: self.waker.wake(service, at), done)

    def audit(self, done: Done) -> None:
        """One audit, by an auditor that remembers what it read."""
        self._invoke("audit", "", lambda remaining: self.auditor.audit(self.clusters, remaining), done)

    def control(
        self, request: Mapping[str, Any], service: str, answered: Callable[[dict[str, Any] | None], None]
    ) -> None:
        """One request; its answer, or None if there was none."""
        answers: list[dict[str, Any]] = []
        self._invoke(
            "control",
            service,
            lambda _: answers.append(self.controller.answer(request)),
            lambda _: answered(answers[0] if answers else None),
        )

    def end_all(self) -> None:
        """A deploy of Headcount itself, or a bad day of Lambda: whatever runs ends, and processes start anew."""
        for invocation in self.running:
            invocation.killed = True
        self.auditor = self._new_auditor()

    def _new_auditor(self) -> Auditor:
        return Auditor(
            runtime=self.clients.runtime, store=self.clients.store, kicks=self.clients.kicks, clock=self.clock("audit")
        )

    def _spread(self, function: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[Any]:
        """As ``bootstrap`` does it: several calls of one invocation at once."""
        several = list(arguments)
        if len(several) < 2:
            return map(function, several)
        assert self.calls.invocation is not None, "only an invocation spreads its calls"
        crew = Crew(self.scheduler, self.calls, self.calls.invocation, function, several)
        return crew.work(CALLS_AT_ONCE)

    def _jitter(self) -> float:
        assert self.calls.invocation is not None, "only a pass draws"
        return self.streams.of(self.calls.invocation.service).random()

    def _new_id(self) -> str:
        self.identities += 1
        return f"identity{self.identities}"

    def _invoke(self, function: str, service: str, body: Callable[[Callable[[], float]], object], done: Done) -> None:
        def run() -> None:
            now = self.scheduler.now
            invocation = Invocation(function=function, service=service, deadline=now + TIMEOUTS[function])
            self.calls.invocation = invocation
            self.running.add(invocation)
            ok = False
            try:
                body(lambda: invocation.deadline - self.scheduler.now)
                ok = True
            except Killed:
                if self.scheduler.closed:
                    raise
                self.calls.tell(f"{function} of {service or 'all services'} ended in the middle")
                if function == "audit":
                    self.auditor = self._new_auditor()  # what it remembered went with its process
            except HeadcountError as error:
                self.calls.tell(f"{function} of {service or 'all services'} failed: {error}")
            except Exception as error:
                raise Violation("no unexpected errors", f"{function}: {type(error).__name__}: {error}") from error
            finally:
                self.running.discard(invocation)
            done(ok)

        self.scheduler.after(0.0, run)
