"""CloudWatch: how busy the tasks of a service are, a value a minute, late or never; and alarms on it.

Nothing is done for a service whose load and tasks have not changed for a while: its values are the same, and so is what
its alarms say. They are filled in when somebody reads them.
"""

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from headcount.messages import AlarmChanged
from headcount.model.metrics import AlarmState, AlarmTerms, MetricSeries
from headcount.model.scaling_resources import FoundAlarm, ScalingAlarm
from headcount_simulation.scaled import FULL, POLICY, Scaled
from headcount_simulation.scheduling import Scheduler
from headcount_simulation.streams import Streams

MINUTE: Final = 60.0
TICKING_MINUTES: Final = 25  # after a change, until every alarm has seen nothing but what is now
DELAY_SECONDS: Final = (15.0, 70.0)  # from the end of a minute until its value can be read
LATE_SECONDS: Final = (120.0, 300.0)
KEPT_MINUTES: Final = 120
LOOKS_BACK_MINUTES: Final = 4  # an alarm waits so long for values that may still come

Point = tuple[float, float]


class CloudWatch:
    """``running`` tells how many tasks of a service run; ``emit`` gets the changes of alarms, as EventBridge does."""

    def __init__(
        self,
        scheduler: Scheduler,
        streams: Streams,
        scaled: Mapping[str, Scaled],
        running: Callable[[str], int],
        emit: Callable[[AlarmChanged], None],
    ) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.running = running
        self.emit = emit
        self.demands = {service: one.demand for service, one in scaled.items()}
        self.points: dict[str, list[Point]] = {service: [] for service in scaled}
        self.silent: set[str] = set()
        self.late: set[str] = set()
        self.alarms: dict[str, ScalingAlarm] = {}
        self.states: dict[str, AlarmState] = {}
        self.owners: dict[str, str] = {}
        self._ticks_until: dict[str, float] = {}
        self._ticking: set[str] = set()

    # -- what happens -------------------------------------------------------------------------------------------------

    def changed(self, service: str) -> None:
        """The load or the tasks of a service are others now, or its values stop or come again."""
        if service not in self.demands:
            return
        self._fill(service)
        self._ticks_until[service] = self.scheduler.now + TICKING_MINUTES * MINUTE
        if service not in self._ticking:
            self._ticking.add(service)
            self.scheduler.at(_next_minute(self.scheduler.now), lambda: self._tick(service))

    def _tick(self, service: str) -> None:
        """A minute is over."""
        now = self.scheduler.now
        if now > self._ticks_until[service]:
            self._ticking.discard(service)
            return
        value = None if service in self.silent else self.value(service)
        delay = self.streams.of(service).uniform(*(LATE_SECONDS if service in self.late else DELAY_SECONDS))
        self.scheduler.after(delay, lambda: self._publish(service, now - MINUTE, value))
        self.scheduler.at(now + MINUTE, lambda: self._tick(service))

    def value(self, service: str) -> float | None:
        """How busy its tasks are now, in percent; None while none runs."""
        running = self.running(service)
        return min(FULL, FULL * self.demands[service] / running) if running else None

    def _publish(self, service: str, begins: float, value: float | None) -> None:
        if value is not None:
            points = self.points[service]
            insort(points, (begins, value))
            del points[:-KEPT_MINUTES]
        for name, owner in list(self.owners.items()):
            if owner == service:
                self._evaluate(name)

    def _fill(self, service: str) -> None:
        """The values of the minutes in which nothing was done because nothing changed."""
        if service in self._ticking or service in self.silent:
            return
        points, value = self.points[service], self.value(service)
        last = (self.scheduler.now - DELAY_SECONDS[1]) // MINUTE * MINUTE - MINUTE
        if value is None or not points:
            return
        begins = max(points[-1][0] + MINUTE, last - KEPT_MINUTES * MINUTE)
        while begins <= last:
            points.append((begins, points[-1][1]))
            begins += MINUTE
        del points[:-KEPT_MINUTES]

    # -- what is asked ------------------------------------------------------------------------------------------------

    def read(self, service: str, periods: int) -> MetricSeries:
        """The values of so many minutes, as far as they are there."""
        if service not in self.points:
            return MetricSeries()
        self._fill(service)
        since = self.scheduler.now // MINUTE * MINUTE - periods * MINUTE
        return MetricSeries(points=tuple(point for point in self.points[service] if point[0] >= since))

    def newest(self, service: str) -> float | None:
        """When the newest minute of which there is a value was over; None if there never was one."""
        self._fill(service)
        points = self.points[service]
        return points[-1][0] + MINUTE if points else None

    def put(self, alarm: ScalingAlarm, service: str) -> None:
        """``PutMetricAlarm``. A new one knows nothing yet."""
        self.alarms[alarm.name] = alarm
        self.owners[alarm.name] = service
        self.states.setdefault(alarm.name, "INSUFFICIENT_DATA")
        self.changed(service)

    def delete(self, names: Sequence[str]) -> None:
        """``DeleteAlarms``."""
        for name in names:
            self.alarms.pop(name, None)
            self.states.pop(name, None)
            self.owners.pop(name, None)

    def found(self, name: str) -> FoundAlarm | None:
        """An alarm as it is."""
        alarm = self.alarms.get(name)
        if alarm is None:
            return None
        return FoundAlarm(
            name=name,
            state=self.states[name],
            terms=alarm.terms,
            queries=alarm.queries,
            description=alarm.description,
        )

    def of(self, service: str) -> list[str]:
        """The names of a service's alarms."""
        return [name for name, owner in self.owners.items() if owner == service]

    def _evaluate(self, name: str) -> None:
        service, terms = self.owners[name], self.alarms[name].terms
        state = _state(terms, self.points[service], self.scheduler.now)
        if state != self.states[name]:
            self.states[name] = state
            self.emit(AlarmChanged(alarm=name, state=state, service=service, policy=POLICY, at=self.scheduler.now))


def _state(terms: AlarmTerms, points: Sequence[Point], now: float) -> AlarmState:
    since = now // MINUTE * MINUTE - (terms.periods + LOOKS_BACK_MINUTES) * MINUTE
    recent = [value for begins, value in points if begins >= since][-terms.periods :]
    if not recent:
        return "INSUFFICIENT_DATA"
    return "ALARM" if sum(_is_beyond(terms, value) for value in recent) >= terms.to_alarm else "OK"


def _is_beyond(terms: AlarmTerms, value: float) -> bool:
    above, equal = terms.comparison.startswith("Greater"), "OrEqual" in terms.comparison
    if equal and value == terms.threshold:
        return True
    return value > terms.threshold if above else value < terms.threshold


def _next_minute(now: float) -> float:
    return (now // MINUTE + 1.0) * MINUTE
