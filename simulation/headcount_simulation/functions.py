"""The functions of an install, as Lambda runs them: with time-outs, on machines of their own, over the ports."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from headcount.auditing import Auditor
from headcount.control_loop import Reconciler
from headcount.controlling import Controller
from headcount.deciding_scaling import ScalingDecider
from headcount.errors import HeadcountError, Poisoned
from headcount.keeping_load_balancers import LoadBalancerKeeper
from headcount.messages import AlarmChanged, DueTimer, LookRequest, Request, ScalingRequest
from headcount.model.values import dataclass
from headcount.noticing import Announcements
from headcount.observing import Intake, Observer
from headcount.ports.tasks import Sighting
from headcount.waking import Waker
from headcount_simulation.calls import Calls, Invocation
from headcount_simulation.clients import (
    KicksClient,
    LoadBalancerRequestsClient,
    RuntimeClient,
    StoreClient,
    TargetGroupsClient,
    TellingClient,
    TimersClient,
)
from headcount_simulation.crew import Crew
from headcount_simulation.elsewhere import NoNativeServices, NothingAround
from headcount_simulation.invariants import Violation
from headcount_simulation.keeping import BalancingStoreClient, LookLogClient
from headcount_simulation.messaging import Done, Garbage, Kick, Told
from headcount_simulation.registry import SimulatedRegistry
from headcount_simulation.resources import SimulatedResources
from headcount_simulation.scaling_clients import (
    AlarmsClient,
    MetricsClient,
    NobodysFunctions,
    NoQueues,
    ScalingLogClient,
    ScalingRequestsClient,
    ScalingStoreClient,
    ScalingTimersClient,
    SchedulesClient,
)
from headcount_simulation.scheduling import Killed, Scheduler
from headcount_simulation.streams import Streams

# seconds; template.yaml
CALLS_AT_ONCE: Final = 8  # bootstrap.py
TIMEOUTS: Final = {
    "reconcile": 20.0,
    "observe": 15.0,
    "wake": 15.0,
    "control": 25.0,
    "audit": 55.0,
    "balance": 60.0,
    "scale": 60.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingClients:
    """The ports of ``decide_scaling``, and how others ask for it."""

    store: ScalingStoreClient
    metrics: MetricsClient
    alarms: AlarmsClient
    schedules: SchedulesClient
    timers: ScalingTimersClient
    requests: ScalingRequestsClient
    log: ScalingLogClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The ports, simulated."""

    store: StoreClient
    runtime: RuntimeClient
    kicks: KicksClient
    timers: TimersClient
    telling: TellingClient
    registry: SimulatedRegistry
    target_groups: TargetGroupsClient
    load_balancers: LoadBalancerRequestsClient
    resources: SimulatedResources
    balancing_store: BalancingStoreClient
    look_log: LookLogClient
    scaling: ScalingClients


class Functions:
    """Invokes the real code. ``skews``: how far each function's clock is off, in seconds."""

    reconciler_class: type[Reconciler] = Reconciler

    def __init__(
        self,
        scheduler: Scheduler,
        streams: Streams,
        calls: Calls,
        clients: Clients,
        clusters: tuple[str, ...],
        install: str,
    ) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.calls = calls
        self.clients = clients
        self.clusters = clusters
        self.skews: dict[str, float] = {}
        self.running: set[Invocation] = set()
        self.identities = 0
        self.announcements = self._new_announcements()
        self.intake = Intake(
            observer=Observer(store=clients.store, kicks=clients.kicks), announcements=lambda: self.announcements
        )
        self.waker = Waker(store=clients.store, kicks=clients.kicks, scaling=clients.scaling.requests)
        self.reconciler = self.reconciler_class(
            runtime=clients.runtime,
            store=clients.store,
            kicks=clients.kicks,
            timers=clients.timers,
            telling=clients.telling,
            target_groups=clients.target_groups,
            load_balancers=clients.load_balancers,
            scaling=clients.scaling.requests,
            clock=self.clock("reconcile"),
            jitter=self._jitter,
            spread=self._spread,
        )
        self.keeper = LoadBalancerKeeper(
            resources=clients.resources,
            store=clients.balancing_store,
            kicks=clients.kicks,
            log=clients.look_log,
            clock=self.clock("balance"),
            install=install,
            may_manage=False,
        )
        self.decider = ScalingDecider(
            store=clients.scaling.store,
            metrics=clients.scaling.metrics,
            alarms=clients.scaling.alarms,
            schedules=clients.scaling.schedules,
            functions=NobodysFunctions(),
            queues=NoQueues(),
            native=NoNativeServices(),
            kicks=clients.kicks,
            timers=clients.scaling.timers,
            log=clients.scaling.log,
            clock=self.clock("scale"),
            spread=self._spread,
            install=install,
        )
        self.controller = Controller(
            store=clients.store,
            kicks=clients.kicks,
            registry=clients.registry,
            native=NoNativeServices(),
            surroundings=NothingAround(),
            clock=self.clock("control"),
            new_id=self._new_id,
            clusters=clusters,
        )
        self.auditor = self._new_auditor()

    def clock(self, function: str) -> Callable[[], float]:
        """The clock of the machine that a function runs on."""
        scheduler, skews = self.scheduler, self.skews
        return lambda: scheduler.now + skews.get(function, 0.0)

    def reconcile(self, kick: Kick, done: Done) -> None:
        """One pass."""
        request = Request(service=kick.service, event_at=kick.event_at, sent_at=kick.sent_at)

        if kick.garbled:
            self._invoke("reconcile", kick.service, lambda _: self.refuse_garbage(), done)
            return
        self._invoke("reconcile", kick.service, lambda remaining: self.reconciler.reconcile(request, remaining), done)

    def observe(self, told: Told, done: Done) -> None:
        """One event."""
        if isinstance(told, Garbage):
            self._invoke("observe", told.service, lambda _: self.refuse_garbage(), done)
            return
        service = (told.service or "") if isinstance(told, Sighting) else ""
        self._invoke("observe", service, lambda _: self.intake.take_in(told), done)

    def scale(self, service: str, woken: ScalingRequest | AlarmChanged, done: Done) -> None:
        """One look at the count of a service."""
        self._invoke("scale", service, lambda remaining: self.decider.decide(woken, remaining), done)

    def wake_scaling(self, service: str, at: float | None, done: Done) -> None:
        """One timer of ``decide_scaling``."""
        timer = DueTimer(service=service, at=at or 0.0, of_scaling=True)
        self._invoke("wake", service, lambda _: self.waker.wake(timer), done)

    def wake(self, service: str, at: float | None, done: Done) -> None:
        """One timer; one that cannot be read has no time."""
        if at is None:
            self._invoke("wake", service, lambda _: self.refuse_garbage(), done)
            return
        self._invoke("wake", service, lambda _: self.waker.wake(DueTimer(service=service, at=at)), done)

    def refuse_garbage(self) -> None:
        """What reading a message does that nobody can read (``triggers.py``)."""
        raise Poisoned("body is not JSON")

    def audit(self, done: Done) -> None:
        """One audit, by an auditor that remembers what it read."""
        self._invoke("audit", "", lambda remaining: self.auditor.audit(self.clusters, remaining), done)

    def balance(self, service: str, done: Done) -> None:
        """One look at the load balancers of a service."""
        request = LookRequest(service=service)
        self._invoke("balance", service, lambda remaining: self.keeper.keep(request, remaining), done)

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
        self.announcements = self._new_announcements()

    def _new_announcements(self) -> Announcements:
        return Announcements(
            store=self.clients.store,
            runtime=self.clients.runtime,
            kicks=self.clients.kicks,
            clock=self.clock("observe"),
            clusters=self.clusters,
        )

    def _new_auditor(self) -> Auditor:
        return Auditor(
            runtime=self.clients.runtime,
            store=self.clients.store,
            kicks=self.clients.kicks,
            target_groups=self.clients.target_groups,
            clock=self.clock("audit"),
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
                self.calls.ledger.invoked(function, now, self.scheduler.now)
            done(ok)

        self.scheduler.begin(run)
