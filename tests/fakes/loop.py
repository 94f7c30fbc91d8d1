"""All of Headcount over the fakes, on a clock that is moved by hand."""

from typing import Any

from builders import INSTALL, LONG_AGO, SERVICE, TASK_DEFINITION, a_declared_service, a_manifest, zones_named
from headcount.auditing import Auditor
from headcount.control_loop import Reconciler
from headcount.errors import TransientError
from headcount.messages import DueTimer, Request
from headcount.model.fingerprints import balancing_fingerprint
from headcount.model.manifest import LoadBalancer
from headcount.model.service import Capacity, DeclaredService, ServiceState
from headcount.model.target import Balancing, KnownGroup
from headcount.model.values import replace
from headcount.observing import Observer
from headcount.waking import Waker

from .clock import SettableClock
from .crashing import Killed, Tripwire
from .messages import InMemoryKicks, InMemoryTimers, RecordingTelling
from .runtime import InMemoryTaskRuntime
from .scaling import RecordingScalingRequests
from .store import InMemoryStore
from .targets import InMemoryTargetGroups

PLENTY_SECONDS = 20.0
MINUTE = 60.0
ZONE_OF_SUBNET = {"subnet-a": "zone-a", "subnet-b": "zone-b", "subnet-c": "zone-c"}


class RecordingRequests:
    """The ``LoadBalancerRequests`` of an install: who asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[str] = []

    def ask(self, service: str) -> None:
        self.asked.append(service)
        self.waiting.append(service)


class FakeLoop:
    """The functions of an install, its queues, its table, and ECS. ``jitter`` is what chance always says."""

    def __init__(self, jitter: float = 0.5) -> None:
        self.clock = SettableClock()
        self.runtime = InMemoryTaskRuntime(self.clock, INSTALL, ZONE_OF_SUBNET)
        self.groups = InMemoryTargetGroups(self.clock)
        self.load_balancers = RecordingRequests()
        self.scaling = RecordingScalingRequests()
        self.store = InMemoryStore(self.clock, INSTALL)
        self.kicks = InMemoryKicks(self.clock)
        self.timers = InMemoryTimers()
        self.telling = RecordingTelling()
        self.observer = Observer(store=self.store, kicks=self.kicks)
        self.waker = Waker(store=self.store, kicks=self.kicks, scaling=self.scaling)
        self.auditor = self.new_auditor()
        self.jitter = jitter
        self.cut: list[str] = []
        self.runtime.on_stop = self._look_whether_it_cuts
        self.poisoned: list[Exception] = []

    # -- what people do -----------------------------------------------------------------------------------------------

    def declare(self, desired: int, *, zones: tuple[str, ...] = ("zone-a", "zone-b"), **changes: object) -> None:
        """A service of ``desired`` tasks, declared and kicked as ``control`` does."""
        manifest = a_manifest(desired_count=desired, subnets=tuple(ZONE_OF_SUBNET))
        partition = self.store.partition(SERVICE)
        partition.manifest = a_declared_service(manifest, zones=zones_named(*zones), **changes)
        self.scale(desired)

    def balance(self, desired: int, *groups: str, delay: float = 5.0, **manifest: object) -> None:
        """A service of ``desired`` tasks behind target groups (ARNs), which ``keep_load_balancers`` has looked at."""
        for group in groups:
            self.groups.add_group(group, delay=delay)
        entries = tuple(
            LoadBalancer(container_name="web", container_port=8080 + place, target_group=group)
            for place, group in enumerate(groups)
        )
        declared = a_manifest(desired_count=desired, subnets=tuple(ZONE_OF_SUBNET), load_balancers=entries, **manifest)
        partition = self.store.partition(SERVICE)
        partition.manifest = a_declared_service(declared, zones=zones_named("zone-a", "zone-b"))
        partition.balancing = Balancing(
            generation=partition.manifest.generation,
            fingerprint=balancing_fingerprint(partition.manifest),
            checked_at=self.clock(),
            groups=tuple(KnownGroup(key=one, arn=one, delay_seconds=delay, load_balancers=("alb",)) for one in groups),
        )
        self.scale(desired)

    def name_only(self, *groups: str) -> None:
        """The manifest names fewer target groups than before."""
        before = self.declared()
        kept = tuple(one for one in before.manifest.load_balancers if one.target_group in groups)
        self._redeclare(replace(before, manifest=replace(before.manifest, load_balancers=kept)))
        partition = self.store.partition(SERVICE)
        assert partition.balancing is not None
        known = tuple(one for one in partition.balancing.groups if one.key in groups)
        fingerprint = balancing_fingerprint(self.declared())
        partition.balancing = replace(partition.balancing, groups=known, fingerprint=fingerprint)

    def scale(self, desired: int) -> None:
        partition = self.store.partition(SERVICE)
        revision = partition.capacity[1] if partition.capacity else 0
        partition.capacity = (Capacity(desired_count=desired, declared_count=desired), revision + 1)
        self.kick("control")

    def deploy(self, deployment: str = "dep-2") -> None:
        """A new revision of the service."""
        before = self.declared()
        self._redeclare(
            replace(
                before,
                deployment=deployment,
                revision=deployment,
                deployed_at=self.clock(),
                task_definition_arn=TASK_DEFINITION.replace(":12", ":13"),
            )
        )

    def delete(self) -> None:
        self._redeclare(replace(self.declared(), deleting_at=self.clock()))

    def _redeclare(self, declared: DeclaredService) -> None:
        after = replace(declared, generation=declared.generation + 1)
        self.store.partition(SERVICE).manifest = after
        self.kick("control")

    def kick(self, cause: str) -> None:
        self.kicks.kick(SERVICE, self.store.pass_number(SERVICE), cause)

    # -- the functions ------------------------------------------------------------------------------------------------

    def reconciler(self, wire: Tripwire | None = None) -> Reconciler:
        """``reconcile_service``, its ports watched by ``wire``."""
        wire = wire or Tripwire()
        return Reconciler(
            runtime=wire.guard(self.runtime, "runtime"),
            target_groups=wire.guard(self.groups, "groups"),
            load_balancers=wire.guard(self.load_balancers, "load_balancers"),
            scaling=wire.guard(self.scaling, "scaling"),
            store=wire.guard(self.store, "store"),
            kicks=wire.guard(self.kicks, "kicks"),
            timers=wire.guard(self.timers, "timers"),
            telling=wire.guard(self.telling, "telling"),
            clock=self.clock,
            jitter=lambda: self.jitter,
            spread=map,
        )

    def reconcile(self, wire: Tripwire | None = None, remaining: float = PLENTY_SECONDS) -> None:
        """One pass, as if a kick had been delivered."""
        self.reconciler(wire).reconcile(Request(service=SERVICE), lambda: remaining)

    def deliver_kick(self, wire: Tripwire | None = None) -> bool:
        """Receive one kick and work on it, as Lambda does; whether there was one."""
        message = self.kicks.receive()
        if message is None:
            return False
        request = Request(service=message.service, event_at=message.event_at, sent_at=message.sent_at)
        try:
            self.reconciler(wire).reconcile(request, lambda: PLENTY_SECONDS)
        except (Killed, TransientError):
            return True  # it comes back when its visibility ends
        self.kicks.delete(message)
        return True

    def begin_a_pass(self) -> None:
        """One pass for all kicks that wait, which does nothing."""
        if self.kicks.waiting:
            self.kicks.waiting.clear()
            self.store.begin_pass(SERVICE)

    def deliver_events(self) -> bool:
        """Every event that ECS has sent so far; whether there was one."""
        some = bool(self.runtime.events)
        while self.runtime.events:
            self.observer.observe(self.runtime.events.popleft())
        return some

    def wake(self) -> None:
        for message in self.timers.take_due(self.clock()):
            self.waker.wake(DueTimer(service=message.service, at=message.at))

    def new_auditor(self, **ports: Any) -> Auditor:
        """``audit_clusters`` in a process of its own."""
        given: dict[str, Any] = {
            "runtime": self.runtime,
            "target_groups": self.groups,
            "store": self.store,
            "kicks": self.kicks,
            "clock": self.clock,
        }
        return Auditor(**given | ports)

    def audit(self) -> None:
        self.auditor.audit(["prod"], lambda: PLENTY_SECONDS)

    # -- time ---------------------------------------------------------------------------------------------------------

    def keep_load_balancers(self) -> bool:
        """``keep_load_balancers``, as far as passes see it: it has looked, and at the end it has taken away."""
        if not self.load_balancers.waiting:
            return False
        self.load_balancers.waiting.clear()
        partition = self.store.partition(SERVICE)
        if partition.manifest is None or partition.balancing is None:
            return False
        empty = not partition.launches and not any(record.managed for record in partition.targets.values())
        deleted = partition.manifest.deleting_at is not None and empty
        partition.balancing = replace(
            partition.balancing,
            checked_at=self.clock(),
            generation=partition.manifest.generation,
            fingerprint=balancing_fingerprint(partition.manifest),
            removed=deleted,
        )
        self.kick("load balancers")
        return True

    def drain(self) -> None:
        """Deliver everything there is, moving tasks along, until nothing more happens at this moment."""
        for _ in range(500):
            busy = self.deliver_events()
            busy = self.deliver_kick() or busy
            busy = self.keep_load_balancers() or busy
            if not busy and not self.runtime.step_all() and not self.groups.step_all():
                return
        raise AssertionError("the loop never comes to rest: " + "; ".join(m.cause for m in self.kicks.sent[-5:]))

    def run(self, minutes: int) -> None:
        """Let time pass: timers and redeliveries at their time, an audit every minute."""
        for _ in range(minutes):
            end = self.clock() + MINUTE
            self.drain()
            while (at := self._next()) is not None and at <= end:
                self.clock.now = max(self.clock.now, at)
                self.wake()
                self.drain()
            self.clock.now = end
            self.audit()
        self.drain()

    def settle(self, minutes: int = 12) -> None:
        """Let time pass until a whole audit found nothing to do, at most ``minutes``."""
        for _ in range(minutes):
            before = len(self.kicks.sent)
            self.run(1)
            if len(self.kicks.sent) == before and not self.kicks.waiting and not self.timers.waiting:
                return

    def _next(self) -> float | None:
        times = [at for at in (self.timers.next_due(), self.kicks.next_visible()) if at is not None]
        return min(times, default=None)

    # -- looking ------------------------------------------------------------------------------------------------------

    def declared(self) -> DeclaredService:
        declared = self.store.partition(SERVICE).manifest
        assert declared is not None
        return declared

    def state(self) -> ServiceState:
        return self.store.state(SERVICE)

    def ids(self) -> set[str]:
        """The tasks that should run, as ECS sees it."""
        return {task.task_id for task in self.runtime.alive(SERVICE)}

    def in_service(self, desired: int, *groups: str, **manifest: object) -> "FakeLoop":
        """A steady service behind target groups to begin a story with."""
        self.balance(desired, *groups, **manifest)
        self.run(2)
        assert self.state().status.state == "STEADY", self.state().status.state_reason
        assert all(len(self.groups.in_rotation(group)) == desired for group in groups), "the story begins in rotation"
        self.telling.decisions.clear()
        return self

    def _look_whether_it_cuts(self, task_id: str) -> None:
        """A stop of ours, of a task that takes traffic or still drains."""
        address = self.runtime.tasks[task_id].observed.address
        targets = (one for group in self.groups.groups for one in self.groups.health(group) or ())
        if any(one.target == address for one in targets):
            self.cut.append(task_id)

    def endpoint(self, task_id: str, port: int = 8080) -> tuple[str, int]:
        """Where a task takes traffic."""
        address = self.runtime.tasks[task_id].observed.address
        assert address is not None
        return address, port

    def running(self, desired: int) -> "FakeLoop":
        """A steady service of ``desired`` tasks to begin a story with."""
        self.declare(desired)
        self.run(2)
        assert len(self.ids()) == desired, "the story begins steady"
        self.telling.decisions.clear()
        return self

    def assert_exactly(self, desired: int) -> None:
        """Exactly ``desired`` tasks run, all of them on record and no others, and nothing is left open."""
        assert not self.kicks.dead, "no message became a dead letter"
        assert len(self.ids()) == desired
        state = self.state()
        assert state.launches == (), "launches are closed"
        assert {task.task_id for task in state.tasks} == self.ids(), "the records are the tasks"
        assert all(task.managed is not None for task in state.tasks)
        if desired:
            assert state.status.state == "STEADY"


__all__ = ["LONG_AGO", "FakeLoop"]
