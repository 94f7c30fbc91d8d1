"""What ``decide_scaling`` asks, in memory: CloudWatch, Scheduler, users' functions, queues, services; its record."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headcount.errors import Throttled
from headcount.model.metrics import AlarmState, AlarmTerms, MetricQuery, MetricSeries
from headcount.model.scaling_resources import FoundAlarm, MetricsWanted, ScalingAlarm, WantedSchedule
from headcount.model.values import replace
from headcount.ports.scaling import FunctionAnswer, NativeCounts, ScalingLooked, ScalingRecords, ScalingWrite
from headcount_simulation.scaling_table import ScalingTable

from .store import InMemoryStore


class Patience:
    """Calls that AWS throttles, by name of the operation, and those that it refuses in its own words."""

    def __init__(self) -> None:
        self.refusals: dict[str, str] = {}
        self.calls: list[str] = []
        self._throttled: Counter[str] = Counter()

    def throttle(self, operation: str, times: int = 1) -> None:
        self._throttled[operation] += times

    def called(self, operation: str) -> str | None:
        """AWS's words, if it refuses."""
        self.calls.append(operation)
        if self._throttled[operation]:
            self._throttled[operation] -= 1
            raise Throttled(f"{operation}: Throttling: Rate exceeded")
        return self.refusals.get(operation)


class InMemoryMetrics(Patience):
    """The ``Metrics``: for each query id, a series. ``broken``: policies whose queries are refused, and why."""

    def __init__(self) -> None:
        super().__init__()
        self.series: dict[str, MetricSeries] = {}
        self.broken: dict[str, str] = {}
        self.asked: list[MetricsWanted] = []

    def read(self, wanted: Sequence[MetricsWanted], now: float) -> Mapping[str, Mapping[str, MetricSeries] | str]:
        self.called("GetMetricData")
        self.asked = list(wanted)
        return {one.policy: self.broken.get(one.policy) or self._of(one.queries) for one in wanted}

    def _of(self, queries: Sequence[MetricQuery]) -> dict[str, MetricSeries]:
        return {one.query_id: self.series.get(one.query_id, MetricSeries()) for one in queries if one.returned}


class InMemoryAlarms(Patience):
    """The ``Alarms`` of one account. ``puts``: names of those that were created or corrected."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: dict[str, FoundAlarm] = {}
        self.puts: list[str] = []

    def describe(self, names: Sequence[str]) -> Mapping[str, FoundAlarm]:
        self.called("DescribeAlarms")
        return {name: self.alarms[name] for name in names if name in self.alarms}

    def put(self, alarm: ScalingAlarm) -> str | None:
        refusal = self.called("PutMetricAlarm")
        if refusal is None:
            before = self.alarms.get(alarm.name)
            self.puts.append(alarm.name)
            self.alarms[alarm.name] = FoundAlarm(
                name=alarm.name,
                state=before.state if before else "INSUFFICIENT_DATA",
                terms=alarm.terms,
                queries=alarm.queries,
                description=alarm.description,
            )
        return refusal

    def delete(self, names: Sequence[str]) -> str | None:
        refusal = self.called("DeleteAlarms")
        if refusal is None:
            for name in names:
                self.alarms.pop(name, None)
        return refusal

    def add(self, name: str, state: AlarmState = "OK", **changes: Any) -> None:
        """One of the user's own."""
        terms = AlarmTerms(comparison="GreaterThanThreshold", threshold=50.0, periods=1, to_alarm=1)
        alarm = FoundAlarm(name=name, state=state, terms=terms, queries=(MetricQuery(query_id=name),))
        self.alarms[name] = replace(alarm, **changes)

    def set_state(self, name: str, state: AlarmState) -> None:
        self.alarms[name] = replace(self.alarms[name], state=state)


class InMemorySchedules(Patience):
    """The ``Schedules`` of one group."""

    def __init__(self) -> None:
        super().__init__()
        self.schedules: dict[str, WantedSchedule] = {}

    def put(self, schedule: WantedSchedule) -> str | None:
        refusal = self.called("CreateSchedule")
        if refusal is None:
            self.schedules[schedule.name] = schedule
        return refusal

    def delete(self, name: str) -> str | None:
        refusal = self.called("DeleteSchedule")
        if refusal is None:
            self.schedules.pop(name, None)
        return refusal


class FakeUserFunctions(Patience):
    """The ``UserFunctions``: what each answers, or why it does not."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, FunctionAnswer] = {}
        self.questions: list[tuple[str, Mapping[str, Any], float]] = []

    def ask(self, function: str, question: Mapping[str, Any], timeout_seconds: float) -> FunctionAnswer:
        self.called("Invoke")
        self.questions.append((function, question, timeout_seconds))
        return self.answers.get(function, FunctionAnswer(failed="ResourceNotFoundException: Function not found"))


class InMemoryQueues(Patience):
    """The ``Queues``: (waiting, in flight) of each."""

    def __init__(self) -> None:
        super().__init__()
        self.backlogs: dict[str, tuple[int, int]] = {}

    def backlog(self, queue: str) -> tuple[int, int] | str:
        self.called("GetQueueAttributes")
        return self.backlogs.get(queue, "QueueDoesNotExist: The specified queue does not exist.")


class InMemoryNativeServices(Patience):
    """The ``NativeServices`` of one account, by ``<cluster>/<name>``."""

    def __init__(self) -> None:
        super().__init__()
        self.services: dict[str, NativeCounts] = {}

    def counts(self, cluster: str, service: str) -> NativeCounts | None:
        self.called("DescribeServices")
        return self.services.get(f"{cluster}/{service}")

    def seen(self, cluster: str, services: Sequence[str]) -> Mapping[str, NativeCounts]:
        self.called("DescribeServices")
        found = {name: self.services.get(f"{cluster}/{name}") for name in services}
        return {name: replace(counts, rival="") for name, counts in found.items() if counts is not None}

    def set_count(self, cluster: str, service: str, count: int) -> str | None:
        refusal = self.called("UpdateService")
        if refusal is None:
            name = f"{cluster}/{service}"
            self.services[name] = replace(self.services[name], desired=count)
        return refusal


class InMemoryScalingStore(ScalingTable):
    """The simulation's, with every write on record and users' alarms that wake services."""

    def __init__(self, table: InMemoryStore) -> None:
        super().__init__(table)
        self.watching: dict[str, set[str]] = {}
        self.writes: list[ScalingWrite] = []

    def write(self, before: ScalingRecords, write: ScalingWrite, now: float) -> ScalingRecords:
        after = super().write(before, write, now)
        self.writes.append(write)
        return after

    def watchers(self, alarm: str) -> tuple[str, ...]:
        return tuple(sorted(self.watching.get(alarm, ())))

    def watch(self, service: str, alarms: Sequence[str], before: Sequence[str]) -> None:
        for alarm in before:
            self.watching.get(alarm, set()).discard(service)
        for alarm in alarms:
            self.watching.setdefault(alarm, set()).add(service)


@dataclass(slots=True)
class RecordingScalingTimers:
    """The ``ScalingTimers``: (service, when) of each that was set."""

    set_for: list[tuple[str, float]] = field(default_factory=list)

    def wake(self, service: str, at: float, now: float) -> None:
        self.set_for.append((service, at))


@dataclass(slots=True)
class RecordingScalingRequests:
    """The ``ScalingRequests``: (service, cause) of each. ``refusing``: nothing can be asked for."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    refusing: bool = False

    def ask(self, service: str, cause: str) -> None:
        if self.refusing:
            raise Throttled("Invoke: TooManyRequestsException: Rate exceeded")
        self.asked.append((service, cause))


@dataclass(slots=True)
class RecordingScalingLog:
    """The ``ScalingLog`` that keeps everything."""

    looks: list[ScalingLooked] = field(default_factory=list)

    def looked(self, looked: ScalingLooked) -> None:
        self.looks.append(looked)


def one_by_one(function: Callable[[Any], Any], arguments: Any) -> Any:
    """The ``Spread`` of tests."""
    return map(function, arguments)
