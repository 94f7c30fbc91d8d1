"""The ports of ``decide_scaling``, simulated: one call for each call that the adapters make."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from headcount.messages import AlarmChanged, ScalingRequest
from headcount.model.metrics import MetricSeries
from headcount.model.scaling_resources import FoundAlarm, MetricsWanted, ScalingAlarm, WantedSchedule
from headcount.ports.scaling import FunctionAnswer, ScalingLooked, ScalingRecords, ScalingWrite
from headcount_simulation.calls import Calls
from headcount_simulation.clients import QUEUES, TABLE
from headcount_simulation.cloudwatch import CloudWatch
from headcount_simulation.messaging import AsynchronousQueue, TimerQueue
from headcount_simulation.scaling_table import ScalingTable
from headcount_simulation.scaling_watch import ScalingWatch
from headcount_simulation.schedules import Scheduled

CLOUDWATCH: Final = "cloudwatch"
SCHEDULER: Final = "scheduler"
LAMBDA: Final = "lambda"


class ScalingStoreClient:
    """``ScalingStore`` on the simulated table."""

    def __init__(self, table: ScalingTable, calls: Calls, watch: ScalingWatch) -> None:
        self.table = table
        self.calls = calls
        self.scaling_watch = watch

    def read(self, service: str) -> ScalingRecords | None:
        return self.calls.make(TABLE, "Query scaling", lambda: self.table.read(service))

    def write(self, before: ScalingRecords, write: ScalingWrite, now: float) -> ScalingRecords:
        def effect() -> ScalingRecords:
            found = self.table.read(before.declared.manifest.service)
            after = self.table.write(before, write, now)
            self.scaling_watch.wrote(found, before, write)
            return after

        return self.calls.make(TABLE, "TransactWriteItems scaling", effect)

    def watchers(self, alarm: str) -> tuple[str, ...]:
        return self.calls.make(TABLE, "Query watchers", lambda: self.table.watchers(alarm))

    def watch(self, service: str, alarms: Sequence[str], before: Sequence[str]) -> None:
        self.calls.make(TABLE, "PutItem watcher", lambda: self.table.watch(service, alarms, before))


class MetricsClient:
    """``Metrics`` on the simulated CloudWatch."""

    def __init__(self, cloudwatch: CloudWatch, calls: Calls) -> None:
        self.cloudwatch = cloudwatch
        self.calls = calls

    def read(self, wanted: Sequence[MetricsWanted], now: float) -> Mapping[str, Mapping[str, MetricSeries] | str]:
        del now
        service = self.calls.current.service
        return self.calls.make(
            CLOUDWATCH,
            "GetMetricData",
            lambda: {
                one.policy: {query.query_id: self.series(service, one) for query in one.queries if query.returned}
                for one in wanted
            },
        )

    def series(self, service: str, wanted: MetricsWanted) -> MetricSeries:
        """What there is of the service's one metric."""
        return self.cloudwatch.read(service, wanted.periods)


class AlarmsClient:
    """``Alarms`` on the simulated CloudWatch."""

    def __init__(self, cloudwatch: CloudWatch, calls: Calls) -> None:
        self.cloudwatch = cloudwatch
        self.calls = calls

    def describe(self, names: Sequence[str]) -> Mapping[str, FoundAlarm]:
        def effect() -> Mapping[str, FoundAlarm]:
            found = [self.cloudwatch.found(name) for name in names]
            return {one.name: one for one in found if one is not None}

        return self.calls.make(CLOUDWATCH, "DescribeAlarms", effect)

    def put(self, alarm: ScalingAlarm) -> str | None:
        service = str(json.loads(alarm.description)["headcount"]["service"])
        self.calls.make(CLOUDWATCH, "PutMetricAlarm", lambda: self.cloudwatch.put(alarm, service))
        return None

    def delete(self, names: Sequence[str]) -> str | None:
        self.calls.make(CLOUDWATCH, "DeleteAlarms", lambda: self.cloudwatch.delete(names))
        return None


class SchedulesClient:
    """``Schedules`` on the simulated EventBridge Scheduler."""

    def __init__(self, scheduled: Scheduled, calls: Calls) -> None:
        self.scheduled = scheduled
        self.calls = calls

    def put(self, schedule: WantedSchedule) -> str | None:
        self.calls.make(SCHEDULER, "CreateSchedule", lambda: self.scheduled.put(schedule))
        return None

    def delete(self, name: str) -> str | None:
        self.calls.make(SCHEDULER, "DeleteSchedule", lambda: self.scheduled.delete(name))
        return None


class ScalingTimersClient:
    """``ScalingTimers`` on the simulated queue of timers."""

    def __init__(self, queue: TimerQueue, calls: Calls) -> None:
        self.queue = queue
        self.calls = calls

    def wake(self, service: str, at: float, now: float) -> None:
        self.calls.make(QUEUES, "SendMessage timer", lambda: self.queue.send(service, at, now))


class ScalingRequestsClient:
    """``ScalingRequests``: asynchronous invocations of ``decide_scaling``."""

    def __init__(self, queue: "AsynchronousQueue[ScalingRequest | AlarmChanged]", calls: Calls) -> None:
        self.queue = queue
        self.calls = calls

    def ask(self, service: str, cause: str) -> None:
        request = ScalingRequest(service=service, cause=cause)
        self.calls.make(LAMBDA, "Invoke decide_scaling", lambda: self.queue.send(service, request))


class ScalingLogClient:
    """``ScalingLog``: into the story."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def looked(self, looked: ScalingLooked) -> None:
        for decision in looked.decisions:
            if decision.count != decision.before:
                self.tell(f"{looked.service}: scaling ({looked.cause}): {decision.reason}")
        for problem in looked.problems:
            self.tell(f"{looked.service}: scaling: {problem}")


class NobodysFunctions:
    """The ``UserFunctions`` of an account that has none."""

    def ask(self, function: str, question: Mapping[str, Any], timeout_seconds: float) -> FunctionAnswer:
        """It is not there."""
        del question, timeout_seconds
        return FunctionAnswer(failed=f"ResourceNotFoundException: {function}")


class NoQueues:
    """The ``Queues`` of an account that has none."""

    def backlog(self, queue: str) -> tuple[int, int] | str:
        """It is not there."""
        return f"QueueDoesNotExist: {queue}"
