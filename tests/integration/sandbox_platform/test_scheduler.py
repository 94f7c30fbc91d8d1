"""EventBridge Scheduler: schedules fire at their times, in their time zones, and say which time it was."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox import Clock, Sandbox

Until = Callable[..., Any]
START = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)  # the night before clocks go back in Berlin, at 01:00 UTC
SCALE = 600.0  # what is half an hour away comes in 3 s: time enough to ask for it on a busy machine
INPUT = {"schema": 1, "at": "<aws.scheduler.scheduled-time>", "arn": "<aws.scheduler.schedule-arn>"}


@pytest.fixture
def fast(shelf: Any) -> Sandbox:
    sandbox: Sandbox = shelf.get(clock=Clock(scale=SCALE, start=START), schedule_scale=0.0001)
    if "group" not in [one["Name"] for one in sandbox.client("scheduler").list_schedule_groups()["ScheduleGroups"]]:
        sandbox.client("scheduler").create_schedule_group(Name="group")
    return sandbox


class Bench:
    """Schedules of one test, which invoke Echo; what they invoked it with."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.scheduler = sandbox.client("scheduler")
        self.name = f"s-{uuid4().hex[:8]}"

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.sandbox.world.clock.now(), UTC)

    def request(self, expression: str, **fields: Any) -> dict[str, Any]:
        arn = self.sandbox.platform.function("Echo").arn
        target = {
            "Arn": arn,
            "RoleArn": "arn:aws:iam::123456789012:role/r",
            "Input": json.dumps({**INPUT, "name": self.name}),
        }
        return {
            "GroupName": "group",
            "Name": self.name,
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
            **fields,
        }

    def create(self, expression: str, **fields: Any) -> None:
        self.scheduler.create_schedule(**self.request(expression, **fields))

    def delete(self) -> None:
        self.scheduler.delete_schedule(GroupName="group", Name=self.name)

    def exists(self) -> bool:
        listed = self.scheduler.list_schedules(GroupName="group", NamePrefix=self.name)["Schedules"]
        return bool(listed)

    def fired(self) -> list[str]:
        """The times that Echo was told, in order of arrival."""
        events = [line.get("event", {}) for line in self.sandbox.logs("Echo")]
        return [event["at"] for event in events if event.get("name") == self.name]


@pytest.fixture
def bench(fast: Sandbox) -> Iterator[Bench]:
    bench = Bench(fast)
    yield bench
    if bench.exists():
        bench.delete()


def test_a_local_time_that_comes_twice_when_clocks_go_back_fires_the_first_time(bench: Bench, until: Until) -> None:
    """02:30 in Berlin is at 00:30 UTC and again at 01:30; 03:30 is at 02:30 UTC."""
    bench.create("cron(30 2,3 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin")
    until(lambda: len(bench.fired()) >= 2, 60)
    assert bench.fired()[:2] == ["2026-10-25T00:30:00Z", "2026-10-25T02:30:00Z"]


def test_a_rate_fires_again_and_again_between_its_start_and_its_end(bench: Bench, until: Until) -> None:
    start = bench.now().replace(second=0, microsecond=0) + timedelta(minutes=30)
    bench.create(
        "rate(10 minutes)",
        StartDate=start,
        EndDate=start + timedelta(minutes=25),
        ActionAfterCompletion="DELETE",
    )
    until(lambda: not bench.exists(), 30)
    expected = [start + timedelta(minutes=minutes) for minutes in (0, 10, 20)]
    assert until(lambda: len(bench.fired()) == 3 and bench.fired()) == [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in expected]


def test_a_one_time_schedule_fires_once_and_stays_unless_it_is_to_be_deleted(bench: Bench, until: Until) -> None:
    at = bench.now().replace(microsecond=0) + timedelta(minutes=30)
    bench.create(f"at({at:%Y-%m-%dT%H:%M:%S})")
    assert until(bench.fired, 30) == [f"{at:%Y-%m-%dT%H:%M:%SZ}"]
    assert bench.exists()


def test_a_changed_schedule_fires_at_its_new_times_only(bench: Bench, until: Until) -> None:
    bench.create("rate(1 hour)")
    at = bench.now().replace(microsecond=0) + timedelta(minutes=30)
    bench.scheduler.update_schedule(**bench.request(f"at({at:%Y-%m-%dT%H:%M:%S})"))
    assert until(bench.fired, 30) == [f"{at:%Y-%m-%dT%H:%M:%SZ}"]


def test_disabled_and_deleted_schedules_are_silent(bench: Bench, until: Until) -> None:
    other = Bench(bench.sandbox)
    bench.create("rate(1 minute)", State="DISABLED")
    other.create("rate(20 minutes)")
    other.delete()
    third = Bench(bench.sandbox)
    third.create("rate(30 minutes)")
    until(third.fired, 30)
    third.delete()
    assert bench.fired() == other.fired() == []


def test_what_cannot_be_delivered_goes_to_the_schedules_own_queue(bench: Bench, until: Until) -> None:
    sqs = bench.sandbox.client("sqs")
    url = sqs.create_queue(QueueName=bench.name)["QueueUrl"]
    target = {
        "Arn": "arn:aws:lambda:eu-west-1:123456789012:function:nobody",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "Input": "{}",
        "DeadLetterConfig": {"Arn": f"arn:aws:sqs:eu-west-1:123456789012:{bench.name}"},
    }
    bench.create("rate(1 minute)", Target=target)
    message = until(
        lambda: sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=1).get("Messages"), 30
    )[0]
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["TARGET_ARN"].endswith(":nobody")
    assert attributes["SCHEDULE_ARN"].endswith(f":schedule/group/{bench.name}")


@pytest.mark.parametrize(
    ("expression", "fields", "code"),
    [
        ("every day", {}, "ValidationException"),
        ("at(2020-01-01T00:00:00)", {}, "ValidationException"),
        ("rate(1 minute)", {"ScheduleExpressionTimezone": "Mars/Olympus"}, "ValidationException"),
        ("rate(1 minute)", {"EndDate": datetime(2020, 1, 1, tzinfo=UTC)}, "ValidationException"),
        ("rate(1 minute)", {"StartDate": datetime(2020, 1, 1, tzinfo=UTC)}, "ValidationException"),
        ("rate(1 minute)", {"GroupName": "nobodys"}, "ResourceNotFoundException"),
    ],
)
def test_refuses_what_aws_refuses(bench: Bench, expression: str, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        bench.create(expression, **fields)
    assert refused.value.response["Error"]["Code"] == code
