"""A sandbox whose clock begins on another day and runs fast: AWS's times, and those of the functions, are its own."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headcount_sandbox import Clock, Sandbox

Until = Callable[..., Any]
SCALE = 60.0
START = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
TELLS_THE_TIME = "import time\n\ndef lambda_handler(event, context):\n    return [time.time(), time.time_ns()]\n"


@pytest.fixture
def fast(shelf: Any) -> Sandbox:
    sandbox: Sandbox = shelf.get(clock=Clock(scale=SCALE, start=START), schedule_scale=0.001)
    return sandbox


def test_functions_tell_the_time_of_the_sandbox(fast: Sandbox) -> None:
    fast.create_function("tells-the-time", TELLS_THE_TIME)
    before = fast.world.clock.now()
    seconds, nanoseconds = json.loads(fast.client("lambda").invoke(FunctionName="tells-the-time")["Payload"].read())
    after = fast.world.clock.now()
    assert before < seconds < after
    assert before < nanoseconds / 1e9 < after
    assert START.timestamp() < seconds < START.timestamp() + 3600 * 24


def test_an_hour_passes_in_a_minute(fast: Sandbox) -> None:
    before, began, after = time.time(), fast.world.clock.now(), time.time()
    while time.time() < after + 0.2:
        pass
    least = time.time() - after
    passed = fast.world.clock.now() - began
    assert least * SCALE <= passed <= (time.time() - before) * SCALE


def test_tasks_and_metrics_have_the_sandboxs_times(fast: Sandbox) -> None:
    fast.register_task_definition("timed", ["sleep", "1"])
    subnet = next(iter(fast.subnets.values()))
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    began = fast.client("ecs").run_task(
        cluster="prod", taskDefinition="timed", launchType="FARGATE", networkConfiguration=network
    )
    assert began["tasks"][0]["createdAt"] - START < timedelta(days=1)
    cloudwatch = fast.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="Timed", MetricData=[{"MetricName": "one", "Value": 1.0}])
    points = cloudwatch.get_metric_statistics(
        Namespace="Timed",
        MetricName="one",
        StartTime=START,
        EndTime=START + timedelta(days=1),
        Period=60,
        Statistics=["Sum"],
    )
    assert [point["Sum"] for point in points["Datapoints"]] == [1.0]


def test_a_delayed_message_comes_when_the_sandboxs_time_has_come(fast: Sandbox) -> None:
    sqs = fast.client("sqs")
    url = sqs.create_queue(QueueName="delayed")["QueueUrl"]
    sent = fast.world.clock.now()
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=90)
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert received[0]["Body"] == "later"
    assert fast.world.clock.now() - sent >= 90


def test_an_event_that_is_too_old_by_the_sandboxs_time_is_not_tried_again(fast: Sandbox, until: Until) -> None:
    """Lambda would wait a minute (here: a second) before the second attempt, when the event is a minute old."""
    fast.create_function("raises", "def lambda_handler(event, context):\n    raise ValueError\n")
    sqs, awslambda = fast.client("sqs"), fast.client("lambda")
    url = sqs.create_queue(QueueName="too-old")["QueueUrl"]
    awslambda.put_function_event_invoke_config(
        FunctionName="raises",
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:too-old"}},
    )
    awslambda.invoke(FunctionName="raises", InvocationType="Event")
    record = json.loads(until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), 30)[0]["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1


def test_a_start_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Clock(start=datetime(2026, 10, 25))  # noqa: DTZ001 - that is the mistake


def test_a_clock_does_not_stand_still() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Clock(scale=0)
