"""Services that scale, over fakes: their declaration, their metrics, and looks of ``decide_scaling`` at them."""

from collections.abc import Mapping
from typing import Any, Final

from builders import INSTALL, SERVICE, a_capacity, a_declared_service, a_manifest, zones_named
from fakes.clock import SettableClock
from fakes.crashing import Tripwire
from fakes.messages import InMemoryKicks
from fakes.scaling import (
    FakeUserFunctions,
    InMemoryAlarms,
    InMemoryMetrics,
    InMemoryNativeServices,
    InMemoryQueues,
    InMemoryScalingStore,
    InMemorySchedules,
    RecordingScalingLog,
    RecordingScalingTimers,
    one_by_one,
)
from fakes.store import InMemoryStore
from headcount.deciding_scaling import ScalingDecider
from headcount.messages import AlarmChanged, ScalingRequest
from headcount.model.manifest_scaling_values import written_scaling
from headcount.model.metrics import MINUTE, MetricSeries
from headcount.model.scaling import Policy, Scaling, ScheduledAction
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import Capacity, Counts, Deployment, OperatorWishes, ServiceStatus
from headcount.model.values import replace
from headcount.ports.scaling import NativeCounts, ScalingLooked
from unit.scaling.policies import a_scaling

PLENTY: Final = 60.0
BEGIN: Final = 1_790_000_040.0  # a whole minute
DOCUMENT: Final = {"cluster": "prod", "service_name": "web"}


class ScaledWorld:
    """One service, everything that its looks need, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.clock = SettableClock(BEGIN)
        self.table = InMemoryStore(self.clock, INSTALL)
        self.store = InMemoryScalingStore(self.table)
        self.metrics = InMemoryMetrics()
        self.alarms = InMemoryAlarms()
        self.schedules = InMemorySchedules()
        self.functions = FakeUserFunctions()
        self.queues = InMemoryQueues()
        self.native = InMemoryNativeServices()
        self.kicks = InMemoryKicks(self.clock)
        self.timers = RecordingScalingTimers()
        self.log = RecordingScalingLog()
        self.remaining = PLENTY
        self.generation = 0

    # -- what people do -----------------------------------------------------------------------------------------------

    def declare(self, scaling: Scaling | None, desired: int | None = None, **manifest: Any) -> None:
        """As ``control`` does: a new generation, and a count if one is said or there was none."""
        self.generation += 1
        written = None if scaling is None else written_scaling(scaling)
        declared = a_manifest(**DOCUMENT, scaling=written, **manifest)
        partition = self.table.partition(SERVICE)
        partition.manifest = a_declared_service(declared, generation=self.generation, zones=zones_named("zone-a"))
        if desired is not None or partition.capacity is None:
            self.scale(desired or 0)
        self.passed()

    def declare_policies(self, *policies: Policy, desired: int = 4, minimum: int = 1, maximum: int = 20) -> None:
        self.declare(a_scaling(*policies, minimum=minimum, maximum=maximum), desired)

    def declare_actions(self, *actions: ScheduledAction, desired: int = 4, minimum: int = 1, maximum: int = 20) -> None:
        scaling = replace(a_scaling(minimum=minimum, maximum=maximum), scheduled_actions=actions)
        self.declare(scaling, desired)

    def declare_native(self, *policies: Policy, desired: int = 4, minimum: int = 1, maximum: int = 20) -> None:
        self.native.services["prod/web"] = NativeCounts(desired=desired, running=desired, deploying=False)
        scaling = a_scaling(*policies, minimum=minimum, maximum=maximum)
        self.declare(scaling, 0, native=True, task_definition="")

    def scale(self, desired: int) -> None:
        partition = self.table.partition(SERVICE)
        revision = partition.capacity[1] + 1 if partition.capacity else 1
        partition.capacity = (a_capacity(desired, reason="by hand"), revision)

    def wish(self, **wishes: Any) -> None:
        self.table.partition(SERVICE).operator = (OperatorWishes(**wishes), 1)

    def delete(self) -> None:
        self.generation += 1
        partition = self.table.partition(SERVICE)
        assert partition.manifest is not None
        partition.manifest = replace(partition.manifest, deleting_at=self.clock(), generation=self.generation)

    # -- what happens -------------------------------------------------------------------------------------------------

    def passed(self, running: int | None = None, *, deploying: bool = False, next_wake: float | None = None) -> None:
        """A pass saw the count as it is, and ``running`` tasks (all of them)."""
        partition = self.table.partition(SERVICE)
        manifest = partition.manifest
        assert manifest is not None
        if partition.status is None:
            self.table.begin_pass(SERVICE)
        assert partition.status is not None
        state = "IN_PROGRESS" if deploying else "COMPLETED"
        newest = Deployment(
            deployment_id=manifest.deployment, task_definition_arn="web:12", created_at=0.0, rollout_state=state
        )
        desired = self.desired
        partition.status.document = ServiceStatus(
            generation=manifest.generation,
            counts=Counts(desired=desired, running=desired if running is None else running),
            deployments=(newest,),
            next_wake=self.clock() if next_wake is None else next_wake,
        )

    def measure(self, value: float | None, *, periods: int = 20, name: str = "utilisation", lag: int = 0) -> None:
        """A metric has had a value for so many minutes that have ended; None: there is no data."""
        last = int(self.clock() // MINUTE) - lag
        points = tuple((float(number * MINUTE), value or 0.0) for number in range(last - periods, last))
        self.metrics.series[name] = MetricSeries(points=() if value is None else points)

    # -- looks --------------------------------------------------------------------------------------------------------

    def look(self, cause: str = "test") -> ScalingLooked | None:
        """A request to look, from whomever."""
        return self.wake(ScalingRequest(service=SERVICE, cause=cause))

    def alarm(self, name: str, state: str = "ALARM") -> ScalingLooked | None:
        """An alarm of the user's changed its state."""
        return self.wake(AlarmChanged(alarm=name, state=state))

    def wake(self, woken: ScalingRequest | AlarmChanged, wire: Tripwire | None = None) -> ScalingLooked | None:
        before = len(self.log.looks)
        self.decider(wire).decide(woken, lambda: self.remaining)
        return self.log.looks[-1] if len(self.log.looks) > before else None

    def after(self, seconds: float, *, running: int | None = None) -> "ScaledWorld":
        """Later: passes have started and stopped tasks."""
        self.clock.advance(seconds)
        if self.table.partition(SERVICE).manifest is not None:
            self.passed(running)
        return self

    def decider(self, wire: Tripwire | None = None) -> ScalingDecider:
        ports: Mapping[str, Any] = {
            "store": self.store,
            "metrics": self.metrics,
            "alarms": self.alarms,
            "schedules": self.schedules,
            "functions": self.functions,
            "queues": self.queues,
            "native": self.native,
            "kicks": self.kicks,
            "timers": self.timers,
        }
        guarded = {name: wire.guard(port, name) if wire else port for name, port in ports.items()}
        return ScalingDecider(**guarded, log=self.log, clock=self.clock, spread=one_by_one, install=INSTALL)

    # -- what came of it ----------------------------------------------------------------------------------------------

    @property
    def capacity(self) -> Capacity:
        found = self.table.partition(SERVICE).capacity
        assert found is not None
        return found[0]

    @property
    def desired(self) -> int:
        return self.capacity.desired_count

    @property
    def native_desired(self) -> int:
        return self.native.services["prod/web"].desired

    @property
    def record(self) -> ScalingRecord:
        found = self.table.partition(SERVICE).scaling
        assert found is not None
        return found

    def told(self) -> list[str]:
        """The history, oldest first."""
        entries, _ = self.table.history(SERVICE, 1000, None)
        return [one["reason"] for one in reversed(entries)]
