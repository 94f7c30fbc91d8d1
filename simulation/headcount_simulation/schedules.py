"""EventBridge Scheduler: schedules of every day, that are at times late, lost or there twice."""

from collections.abc import Callable
from typing import Final

from headcount.messages import ScalingRequest
from headcount.model.scaling_resources import WantedSchedule
from headcount_simulation.scheduling import Scheduler
from headcount_simulation.streams import Streams

DAY: Final = 24 * 3600.0
LATEST_SECONDS: Final = 59.0  # Scheduler's precision is a minute


class Scheduled:
    """The schedules of an install. ``invoke`` gets what they invoke."""

    def __init__(self, scheduler: Scheduler, streams: Streams, invoke: Callable[[ScalingRequest], None]) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.invoke = invoke
        self.schedules: dict[str, WantedSchedule] = {}
        self.lose_next = 0
        self.repeat_next = 0

    def put(self, schedule: WantedSchedule) -> None:
        """``CreateSchedule`` or ``UpdateSchedule``."""
        if self.schedules.get(schedule.name) != schedule:
            self.schedules[schedule.name] = schedule
            self._await(schedule)

    def delete(self, name: str) -> None:
        """``DeleteSchedule``."""
        self.schedules.pop(name, None)

    def of(self, service: str) -> list[str]:
        """The names of a service's schedules."""
        return [name for name, one in self.schedules.items() if one.service == service]

    def _await(self, schedule: WantedSchedule) -> None:
        at = _next_time(schedule.expression, self.scheduler.now)
        self.scheduler.at(at, lambda: self._fall_due(schedule, at))

    def _fall_due(self, schedule: WantedSchedule, at: float) -> None:
        if self.schedules.get(schedule.name) is not schedule:
            return
        self._await(schedule)
        times = 2 if self.repeat_next > 0 else 1
        self.repeat_next = max(0, self.repeat_next - 1)
        if self.lose_next > 0:
            self.lose_next -= 1
            return
        request = ScalingRequest(service=schedule.service, action=schedule.action, at=at)
        for _ in range(times):
            late = self.streams.of(schedule.service).random() * LATEST_SECONDS
            self.scheduler.after(late, lambda: self.invoke(request))


def _next_time(expression: str, now: float) -> float:
    """Of ``cron(minute hour * * ? *)`` in UTC, the only kind that is declared here."""
    minute, hour = (int(word) for word in expression.removeprefix("cron(").split()[:2])
    at = now // DAY * DAY + hour * 3600.0 + minute * 60.0
    return at if at > now else at + DAY
