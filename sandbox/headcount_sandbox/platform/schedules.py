"""Schedules: scheduled EventBridge rules and EventBridge Scheduler, with a clock that can run faster."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from headcount_sandbox.platform.deployment import Place, Schedule, Target
from headcount_sandbox.platform.schedule_expressions import next_time
from headcount_sandbox.world.clock import real_seconds, world_time
from headcount_sandbox.world.timers import Timers

Deliver = Callable[[Target, str, dict[str, Any]], None]


class Schedules:
    """Fires every schedule in its time; `scale` 60 turns minutes into seconds."""

    def __init__(
        self, schedules: tuple[Schedule, ...], *, place: Place, deliver: Deliver, timers: Timers, scale: float = 1.0
    ) -> None:
        self._schedules = schedules
        self._place = place
        self._deliver = deliver
        self._timers = timers
        self._scale = scale

    def start(self) -> None:
        """The first time comes one period from now, as when a stack has just been deployed."""
        now = _now()
        for schedule in self._schedules:
            self._await_next(schedule, now)

    def fire_for(self, function_arn: str) -> int:
        """Fires the schedules of one function now, out of turn; how many it has."""
        fired = 0
        for schedule in self._schedules:
            targets = [target for target in schedule.targets if target.arn == function_arn]
            self._deliver_to(schedule, targets, _now())
            fired += len(targets)
        return fired

    def _await_next(self, schedule: Schedule, after: datetime) -> None:
        time = next_time(schedule.expression, after)
        if time is not None:
            seconds = real_seconds((time - after).total_seconds() / self._scale)
            self._timers.after(seconds, lambda: self._fire(schedule, time))

    def _fire(self, schedule: Schedule, time: datetime) -> None:
        self._await_next(schedule, time if self._scale == 1 else _now())
        self._deliver_to(schedule, schedule.targets, _now())

    def _deliver_to(self, schedule: Schedule, targets: list[Target] | tuple[Target, ...], time: datetime) -> None:
        event = scheduled_event(schedule, self._place, time)
        for target in targets:
            self._deliver(target, json.dumps(event) if target.input is None else target.input, event)


def _now() -> datetime:
    return datetime.fromtimestamp(world_time(), UTC)


def scheduled_event(schedule: Schedule, place: Place, time: datetime) -> dict[str, Any]:
    """The event that a schedule sends; EventBridge Scheduler sends its empty detail as text."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": schedule.source,
        "account": place.account,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": place.region,
        "resources": [schedule.arn],
        "detail": "{}" if schedule.source == "aws.scheduler" else {},
    }
