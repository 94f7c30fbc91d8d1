"""All of Headcount with a service that scales under a load, on a clock that is moved by hand."""

from typing import Final

from builders import INSTALL, SERVICE
from fakes.loop import MINUTE, FakeLoop
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
from headcount.deciding_scaling import ScalingDecider
from headcount.messages import AlarmChanged, DueTimer, ScalingRequest
from headcount.model.manifest_scaling_values import written_scaling
from headcount.model.metrics import MetricSeries
from headcount.model.scaling import Scaling
from headcount.model.scaling_record import ScalingRecord
from headcount.model.values import replace
from headcount.scaling.alarms import LOOKED_BACK, evaluate_alarm
from headcount.scaling.series import window

USED: Final = "utilisation"
LOOK_SECONDS: Final = 60.0


class ScalingLoop(FakeLoop):
    """``load``: what the tasks share. ``lost``: kinds of messages that never arrive (``timer``, ``ask``, ``alarm``)."""

    def __init__(self) -> None:
        super().__init__()
        self.load = 0.0
        self.lost: set[str] = set()
        self.metrics = InMemoryMetrics()
        self.alarms = InMemoryAlarms()
        self.scaling_store = InMemoryScalingStore(self.store)
        self.scaling_timers = RecordingScalingTimers()
        self.scaling_log = RecordingScalingLog()
        self.decider = ScalingDecider(
            store=self.scaling_store,
            metrics=self.metrics,
            alarms=self.alarms,
            schedules=InMemorySchedules(),
            functions=FakeUserFunctions(),
            queues=InMemoryQueues(),
            native=InMemoryNativeServices(),
            kicks=self.kicks,
            timers=self.scaling_timers,
            log=self.scaling_log,
            clock=self.clock,
            spread=one_by_one,
            install=INSTALL,
        )

    def declare_scaled(self, scaling: Scaling | None, desired: int) -> None:
        """A service that scales."""
        partition = self.store.partition(SERVICE)
        if partition.manifest is None:
            self.declare(desired)
            partition.manifest = replace(self.declared(), generation=0)
        written = None if scaling is None else written_scaling(scaling)
        self._redeclare(replace(self.declared(), manifest=replace(self.declared().manifest, scaling=written)))

    # -- what is delivered --------------------------------------------------------------------------------------------

    def drain(self) -> None:
        super().drain()
        while self.scaling.asked:
            service, cause = self.scaling.asked.pop(0)
            if "ask" not in self.lost:
                self.decider.decide(ScalingRequest(service=service, cause=cause), lambda: LOOK_SECONDS)
            super().drain()

    def wake(self) -> None:
        super().wake()
        due = [one for one in self.scaling_timers.set_for if one[1] <= self.clock()]
        self.scaling_timers.set_for = [one for one in self.scaling_timers.set_for if one[1] > self.clock()]
        for service, at in due:
            if "timer" not in self.lost:
                self.waker.wake(DueTimer(service=service, at=at, of_scaling=True))

    def _next(self) -> float | None:
        times = [at for at in (super()._next(), *(at for _, at in self.scaling_timers.set_for)) if at is not None]
        return min(times, default=None)

    def run(self, minutes: int) -> None:
        for _ in range(minutes):
            super().run(1)
            self._measure()
            self._tell_alarms()
            self.drain()

    def _measure(self) -> None:
        """The minute that ends now: the load is spread over what runs."""
        running = len(self.runtime.alive(SERVICE))
        ended = (self.clock() // MINUTE - 1) * MINUTE
        points = self.metrics.series.get(USED, MetricSeries()).points
        value = ((ended, self.load / running),) if running else ()
        self.metrics.series[USED] = MetricSeries(points=(*points, *value)[-60:])

    def _tell_alarms(self) -> None:
        """CloudWatch: alarms that change their state, and the events that tell it."""
        for name, alarm in list(self.alarms.alarms.items()):
            points = window(self.metrics.series[USED], alarm.terms.periods + LOOKED_BACK, self.clock())
            state = evaluate_alarm(points, alarm.terms) or alarm.state
            if state == alarm.state:
                continue
            self.alarms.set_state(name, state)
            if "alarm" not in self.lost:
                woken = AlarmChanged(alarm=name, state=state, service=SERVICE)
                self.decider.decide(woken, lambda: LOOK_SECONDS)

    # -- looking ------------------------------------------------------------------------------------------------------

    @property
    def record(self) -> ScalingRecord:
        found = self.store.partition(SERVICE).scaling
        assert found is not None
        return found

    @property
    def desired(self) -> int:
        found = self.store.partition(SERVICE).capacity
        assert found is not None
        return found[0].desired_count

    def looks(self, since: int = 0) -> int:
        """How many looks there were."""
        return len(self.scaling_log.looks) - since
