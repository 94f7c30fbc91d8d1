"""EventBridge Scheduler: moto keeps the schedules, here they are checked as AWS checks them, and fire.

AWS: "Schedule types in EventBridge Scheduler", "Adding context attributes". What a schedule invokes is the platform's
affair (`fire`). Flexible time windows are kept and not heeded: everything fires at its time.
"""

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from headcount.model.scaling import ScheduledAction
from headcount.model.schedule_expression import At, parse_schedule, zone_of
from headcount.scaling.occurrences import next_occurrence
from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse
from headcount_sandbox.world.clock import real_seconds, world_time
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.timers import Timer, Timers

_OLDEST_START_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One invocation by a schedule: its target (as AWS's Target), what it gets, and where failures go (or None)."""

    schedule_arn: str
    target_arn: str
    text: str
    dead_letter_queue: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    group: str
    name: str


class SchedulerApi:
    """Operations on schedules and their groups."""

    def __init__(self, moto: MotoApis, timers: Timers, fire: Callable[[Firing], None]) -> None:
        self._moto = moto
        self._timers = timers
        self._fire = fire
        self._lock = threading.RLock()
        self._waiting: dict[_Name, Timer] = {}

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "CreateSchedule": self._put,
            "UpdateSchedule": self._put,
            "DeleteSchedule": self._delete,
            "DeleteScheduleGroup": self._delete_group,
        }

    # --- operations -------------------------------------------------------------------------------------------------

    def _put(self, request: ApiRequest) -> ApiResponse:
        asked = request.parameters
        name = _Name(group=asked.get("GroupName") or "default", name=request.path_parameters["Name"])
        created_at = world_time()
        with self._lock, self._moto.lock_of("scheduler"):
            if name.group not in self._moto.schedule_groups():
                raise _not_found(f"Schedule group {name.group} does not exist.")
            _check(asked, created_at)
            # moto compares StartDate with a clock of its own
            body = {key: value for key, value in asked.items() if key != "StartDate"}
            answer = self._moto.answer(replace(request, body=json.dumps(body).encode()))
            if answer.status == 200:
                record = self._moto.schedule_groups()[name.group].schedules[name.name]
                record.start_date = asked.get("StartDate")
                record.action_after_completion = asked.get("ActionAfterCompletion")
                record.sandbox_created_at = created_at
                self._await_next(name, created_at)
        return answer

    def _delete(self, request: ApiRequest) -> ApiResponse:
        group = dict(parse_qsl(request.query)).get("groupName") or "default"
        with self._lock:
            self._forget(_Name(group=group, name=request.path_parameters["Name"]))
            return self._moto.answer(request)

    def _delete_group(self, request: ApiRequest) -> ApiResponse:
        group = request.path_parameters["Name"]
        with self._lock, self._moto.lock_of("scheduler"):
            if group not in self._moto.schedule_groups():
                raise _not_found(f"Schedule group {group} does not exist.")
            for name in [name for name in self._waiting if name.group == group]:
                self._forget(name)
            return self._moto.answer(request)

    # --- time -------------------------------------------------------------------------------------------------------

    def _await_next(self, name: _Name, after: float) -> None:
        self._forget(name)
        record = self._record(name)
        if record is None:
            return
        at = None if record.state == "DISABLED" else next_occurrence(_times(record), after, record.sandbox_created_at)
        if at is not None:
            wait = real_seconds(at - world_time())
            self._waiting[name] = self._timers.after(wait, partial(self._come_due, name, at))
        elif after > record.sandbox_created_at and record.action_after_completion == "DELETE":
            del self._moto.schedule_groups()[name.group].schedules[name.name]

    def _come_due(self, name: _Name, at: float) -> None:
        with self._lock, self._moto.lock_of("scheduler"):
            record = self._record(name)
            if record is None:
                return
            firing = Firing(
                schedule_arn=record.arn,
                target_arn=record.target["Arn"],
                text=_text(record, at),
                dead_letter_queue=record.target.get("DeadLetterConfig", {}).get("Arn"),
            )
            self._await_next(name, at)
        self._fire(firing)

    def _forget(self, name: _Name) -> None:
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            waiting.cancel()

    def _record(self, name: _Name) -> Any:
        group = self._moto.schedule_groups().get(name.group)
        return None if group is None else group.schedules.get(name.name)


def _check(asked: Mapping[str, Any], now: float) -> None:
    schedule = parse_schedule(str(asked.get("ScheduleExpression", "")))
    zone = zone_of(asked.get("ScheduleExpressionTimezone") or "UTC")
    if isinstance(schedule, str):
        raise _invalid(f"Invalid Schedule Expression {asked.get('ScheduleExpression')}.")
    if zone is None:
        raise _invalid(f"Invalid Schedule Expression Timezone {asked['ScheduleExpressionTimezone']}.")
    start, end = asked.get("StartDate"), asked.get("EndDate")
    if isinstance(schedule, At):
        if schedule.local.replace(tzinfo=zone).timestamp() <= now:
            raise _invalid(f"Invalid Schedule Expression {asked['ScheduleExpression']}: it is in the past.")
    elif start is not None and start < now - _OLDEST_START_SECONDS:
        raise _invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
    elif end is not None and end <= now:
        raise _invalid("The EndDate you specify must come in the future.")
    elif start is not None and end is not None and end <= start:
        raise _invalid("The EndDate you specify must come after the StartDate.")


def _times(record: Any) -> ScheduledAction:
    return ScheduledAction(
        name=record.name,
        schedule=record.schedule_expression,
        timezone=record.schedule_expression_timezone,
        start_at=record.start_date,
        end_at=record.end_date,
    )


def _text(record: Any, at: float) -> str:
    """The target's Input with its keywords replaced; without one, an event that says the time."""
    time = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = record.target.get("Input")
    if given is None:
        return json.dumps({"source": "aws.scheduler", "detail-type": "Scheduled Event", "time": time, "detail": "{}"})
    keywords = {
        "schedule-arn": record.arn,
        "scheduled-time": time,
        "execution-id": uuid.uuid4().hex[:16],
        "attempt-number": "1",
    }
    text = str(given)
    for keyword, value in keywords.items():
        text = text.replace(f"<aws.scheduler.{keyword}>", value)
    return text


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def _not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, status=404)
