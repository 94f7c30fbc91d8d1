"""EventBridge Scheduler: schedules that invoke ``decide_scaling``."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.failures import error_code, refusal, translated
from headcount.errors import TransientError
from headcount.model.scaling_resources import WantedSchedule
from headcount.model.schedule_expression import Rate, parse_schedule
from headcount.model.values import dataclass
from headcount.ports import Clock

SCHEMA = 1
# A look that comes late does what the one in time would have done; an hour later nobody waits for it any more.
MAXIMUM_AGE_SECONDS = 3600
MAXIMUM_RETRIES = 60
_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"  # Scheduler puts the time in its place


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTarget:
    """What the schedules of an install have in common. ``function``: ARN of ``decide_scaling``; ``role``: ARN of the
    role in which Scheduler invokes it; ``dead_letters``: ARN of the queue for what it could not deliver.
    """

    group: str
    function: str
    role: str
    dead_letters: str


class EventBridgeSchedules:
    """The ``Schedules`` on EventBridge Scheduler. ``client`` is boto3's."""

    def __init__(self, client: Any, target: ScheduleTarget, clock: Clock) -> None:
        self.client = client
        self.target = target
        self.clock = clock

    def put(self, schedule: WantedSchedule) -> str | None:
        """``CreateSchedule``, or ``UpdateSchedule`` if it is there: that replaces everything of it."""
        request = self._request(schedule)
        try:
            with translated():
                self._create_or_update(request)
        except ClientError as error:
            if error_code(error) == "ConflictException":
                raise TransientError(f"schedule {schedule.name} is being changed: {refusal(error)}") from error
            return refusal(error)
        return None

    def _create_or_update(self, request: dict[str, Any]) -> None:
        try:
            self.client.create_schedule(**request)
        except ClientError as error:
            if error_code(error) != "ConflictException":
                raise
            self.client.update_schedule(**request)

    def delete(self, name: str) -> str | None:
        """``DeleteSchedule``."""
        try:
            with translated():
                self.client.delete_schedule(GroupName=self.target.group, Name=name)
        except ClientError as error:
            return None if error_code(error) == "ResourceNotFoundException" else refusal(error)
        return None

    def _request(self, schedule: WantedSchedule) -> dict[str, Any]:
        message = {"schema": SCHEMA, "service": schedule.service, "action": schedule.action, "at": _SCHEDULED_TIME}
        start = _start(schedule, self.clock())
        return {
            "GroupName": self.target.group,
            "Name": schedule.name,
            "Description": f"{schedule.service}: {schedule.action}"[:512],
            "ScheduleExpression": schedule.expression,
            "ScheduleExpressionTimezone": schedule.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": {
                "Arn": self.target.function,
                "RoleArn": self.target.role,
                "Input": json.dumps(message),
                "DeadLetterConfig": {"Arn": self.target.dead_letters},
                "RetryPolicy": {
                    "MaximumEventAgeInSeconds": MAXIMUM_AGE_SECONDS,
                    "MaximumRetryAttempts": MAXIMUM_RETRIES,
                },
            },
            **({} if start is None else {"StartDate": _date(start)}),
            **({} if schedule.end_at is None else {"EndDate": _date(schedule.end_at)}),
        }


def _start(schedule: WantedSchedule, now: float) -> float | None:
    """Scheduler refuses a start of more than five minutes ago, which says no more than what a rate is counted from."""
    if schedule.start_at is None or schedule.start_at > now:
        return schedule.start_at
    parsed = parse_schedule(schedule.expression)
    if not isinstance(parsed, Rate):
        return None
    return schedule.start_at + math.ceil((now - schedule.start_at) / parsed.seconds) * parsed.seconds


def _date(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
