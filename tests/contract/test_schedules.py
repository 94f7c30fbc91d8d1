"""Schedules that wake scaling, over EventBridge Scheduler."""

import itertools
import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from fakes.scaling import InMemorySchedules
from headcount.aws.scheduler import EventBridgeSchedules, ScheduleTarget
from headcount.errors import Throttled, TransientError
from headcount.model.scaling_resources import WantedSchedule

_numbers = itertools.count(1)
GROUP = "headcount"
TARGET = ScheduleTarget(
    group=GROUP,
    function="arn:aws:lambda:eu-west-1:123456789012:function:headcount-DecideScaling",
    role="arn:aws:iam::123456789012:role/headcount-ScheduleRole",
    dead_letters="arn:aws:sqs:eu-west-1:123456789012:headcount-EventDeadLetters",
)
HOUR = 3600.0


@pytest.fixture(scope="module")
def scheduler(world):
    client = world.client("scheduler")
    if GROUP not in [group["Name"] for group in client.list_schedule_groups()["ScheduleGroups"]]:
        client.create_schedule_group(Name=GROUP)
    return client


@pytest.fixture
def schedules(world, scheduler):
    yield EventBridgeSchedules(scheduler, TARGET, lambda: datetime.now(UTC).timestamp())
    world.faults.clear()


def wanted(expression="cron(0 8 ? * MON-FRI *)", **more):
    name = f"web-morning-{next(_numbers)}"
    return WantedSchedule(name=name, service="prod/web", action="morning", expression=expression, **more)


def get(scheduler, schedule):
    return scheduler.get_schedule(GroupName=GROUP, Name=schedule.name)


def test_a_schedule_invokes_the_function_for_its_service_at_its_time(schedules, scheduler):
    schedule = wanted(timezone="Europe/Berlin")
    assert schedules.put(schedule) is None
    made = get(scheduler, schedule)
    assert (made["ScheduleExpression"], made["ScheduleExpressionTimezone"], made["State"]) == (
        "cron(0 8 ? * MON-FRI *)", "Europe/Berlin", "ENABLED",
    )  # fmt: skip
    assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
    target = made["Target"]
    assert (target["Arn"], target["RoleArn"]) == (TARGET.function, TARGET.role)
    assert json.loads(target["Input"]) == {
        "schema": 1, "service": "prod/web", "action": "morning", "at": "<aws.scheduler.scheduled-time>",
    }  # fmt: skip
    assert target["DeadLetterConfig"] == {"Arn": TARGET.dead_letters}


def test_putting_it_again_replaces_everything_of_it(schedules, scheduler):
    schedule = wanted(start_at=datetime.now(UTC).timestamp() + HOUR)
    schedules.put(schedule)
    changed = WantedSchedule(name=schedule.name, service="prod/web", action="morning", expression="rate(2 hours)")
    assert schedules.put(changed) is None
    made = get(scheduler, schedule)
    assert made["ScheduleExpression"] == "rate(2 hours)"
    assert made.get("StartDate") is None


def test_a_deleted_schedule_is_gone(schedules, scheduler):
    schedule = wanted()
    schedules.put(schedule)
    schedules.delete(schedule.name)
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        get(scheduler, schedule)


@pytest.mark.parametrize("kind", ["fake", "adapter"])
def test_a_schedule_may_be_put_and_deleted_again_and_again(request, kind):
    schedules = InMemorySchedules() if kind == "fake" else request.getfixturevalue("schedules")
    schedule = wanted()
    for change in (schedules.put, schedules.delete):
        for _ in range(2):
            assert change(schedule if change == schedules.put else schedule.name) is None


def test_beginning_and_end_are_passed_on(schedules, scheduler):
    now = datetime.now(UTC).replace(microsecond=0)
    schedule = wanted(start_at=(now + timedelta(hours=1)).timestamp(), end_at=(now + timedelta(hours=9)).timestamp())
    assert schedules.put(schedule) is None
    made = get(scheduler, schedule)
    assert (made["StartDate"].timestamp(), made["EndDate"].timestamp()) == (schedule.start_at, schedule.end_at)


def test_a_beginning_that_is_past_is_not_told_to_scheduler_which_would_refuse_it(schedules, scheduler):
    schedule = wanted(start_at=datetime.now(UTC).timestamp() - 24 * HOUR)
    assert schedules.put(schedule) is None
    assert get(scheduler, schedule).get("StartDate") is None


def test_a_rate_goes_on_in_the_beat_of_a_beginning_that_is_past(schedules, scheduler):
    now = datetime.now(UTC).timestamp()
    start = now // 1 - 24.25 * HOUR
    schedule = wanted("rate(1 hour)", start_at=start)
    assert schedules.put(schedule) is None
    next_beat = get(scheduler, schedule)["StartDate"].timestamp()
    assert now - 1 <= next_beat <= now + HOUR
    assert (next_beat - start) % HOUR == 0


def test_what_scheduler_refuses_is_told_in_its_words(schedules, world):
    world.faults.fail("scheduler", "CreateSchedule", error_code="ValidationException", message="Invalid timezone")
    assert schedules.put(wanted()) == "ValidationException: Invalid timezone"
    world.faults.fail("scheduler", "DeleteSchedule", error_code="AccessDeniedException", message="not you")
    assert schedules.delete("one") == "AccessDeniedException: not you"


@pytest.mark.parametrize("operation", ["CreateSchedule", "DeleteSchedule"])
def test_being_throttled_is_no_refusal(schedules, world, operation):
    world.faults.throttle("scheduler", operation, times=5)
    with pytest.raises(Throttled):
        schedules.put(wanted()) if operation == "CreateSchedule" else schedules.delete("one")


def test_a_schedule_that_somebody_is_just_changing_is_put_later():
    client = boto3.client("scheduler", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none")
    with Stubber(client) as stub:
        stub.add_client_error("create_schedule", "ConflictException", "it exists")
        stub.add_client_error("update_schedule", "ConflictException", "it is being changed")
        with pytest.raises(TransientError, match="is being changed"):
            EventBridgeSchedules(client, TARGET, lambda: 0.0).put(wanted())
