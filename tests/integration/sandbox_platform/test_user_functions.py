"""Functions that users bring: created over Lambda's API, invoked and removed as on AWS."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox import Sandbox
from headcount_sandbox.platform.user_functions import zipped

Until = Callable[..., Any]

DOUBLES = "def lambda_handler(event, context):\n    return {'count': 2 * event['count']}\n"
SLEEPS = "import time\n\ndef lambda_handler(event, context):\n    time.sleep(30)\n"


@pytest.fixture
def name(sandbox: Sandbox) -> Iterator[str]:
    name = f"scaling-{uuid4().hex[:8]}"
    yield name
    if name in sandbox.world.functions:
        sandbox.client("lambda").delete_function(FunctionName=name)


def invoked(sandbox: Sandbox, name: str, event: object) -> tuple[Any, str | None]:
    answer = sandbox.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def test_answers_what_the_users_code_answers(sandbox: Sandbox, name: str) -> None:
    arn = sandbox.create_function(name, DOUBLES)
    assert invoked(sandbox, name, {"count": 21}) == ({"count": 42}, None)
    assert invoked(sandbox, arn, {"count": 4}) == ({"count": 8}, None)


def test_says_that_it_raised_and_what(sandbox: Sandbox, name: str) -> None:
    sandbox.create_function(name, DOUBLES)
    error, kind = invoked(sandbox, name, {})
    assert (kind, error["errorType"]) == ("Unhandled", "KeyError")


def test_is_ended_at_its_timeout(sandbox: Sandbox, name: str) -> None:
    sandbox.create_function(name, SLEEPS, timeout=1)
    error, kind = invoked(sandbox, name, {})
    assert (kind, error["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "timed out after 1.00 seconds" in error["errorMessage"]


def test_runs_new_code_and_configuration_once_they_are_there(sandbox: Sandbox, name: str) -> None:
    sandbox.create_function(name, DOUBLES)
    invoked(sandbox, name, {"count": 1})
    awslambda = sandbox.client("lambda")
    text = "import os\n\ndef lambda_handler(event, context):\n    return os.environ.get('WORD')\n"
    awslambda.update_function_code(FunctionName=name, ZipFile=zipped(text))
    awslambda.update_function_configuration(FunctionName=name, Environment={"Variables": {"WORD": "new"}})
    assert invoked(sandbox, name, {}) == ("new", None)


def test_is_gone_after_its_deletion(sandbox: Sandbox, name: str) -> None:
    sandbox.create_function(name, DOUBLES)
    sandbox.client("lambda").delete_function(FunctionName=name)
    with pytest.raises(ClientError) as refused:
        invoked(sandbox, name, {})
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_failed_event_goes_to_the_queue_that_its_configuration_names(
    sandbox: Sandbox, name: str, until: Until
) -> None:
    sandbox.create_function(name, DOUBLES)
    sqs, awslambda = sandbox.client("sqs"), sandbox.client("lambda")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    awslambda.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:sqs:eu-west-1:123456789012:{name}"}},
    )
    awslambda.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"no": "count"}')
    record = json.loads(until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))[0]["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["requestPayload"] == {"no": "count"}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"FunctionName": "no good"}, "InvalidParameterValueException", "functionName"),
        ({"FunctionName": "headcount-Echo"}, "ResourceConflictException", "headcount-Echo"),
        ({"Runtime": "nodejs22.x"}, "InvalidParameterValueException", "nodejs22.x"),
        ({"Handler": "other.lambda_handler"}, "InvalidParameterValueException", "other.py"),
        ({"Code": {"ZipFile": b"no archive"}}, "InvalidParameterValueException", "unzip"),
        ({"Timeout": 901}, "InvalidParameterValueException", "901"),
    ],
)
def test_refuses_what_cannot_run(sandbox: Sandbox, changes: dict[str, Any], code: str, words: str) -> None:
    request = {
        "FunctionName": "never",
        "Runtime": "python3.13",
        "Handler": "app.lambda_handler",
        "Role": "arn:aws:iam::123456789012:role/user",
        "Code": {"ZipFile": zipped(DOUBLES)},
    }
    with pytest.raises(ClientError) as refused:
        sandbox.client("lambda").create_function(**request | changes)
    assert refused.value.response["Error"]["Code"] == code
    assert words in refused.value.response["Error"]["Message"]


def test_the_templates_functions_stay_as_they_are(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError) as refused:
        sandbox.client("lambda").delete_function(FunctionName="headcount-Echo")
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_an_event_may_arrive_twice(sandbox: Sandbox, until: Until) -> None:
    event = {"kind": "doubled"}
    sandbox.faults.duplicate_invocations("headcount-Echo", times=1)
    sandbox.client("lambda").invoke(
        FunctionName="headcount-Echo", InvocationType="Event", Payload=json.dumps(event).encode()
    )
    got = until(lambda: [line for line in sandbox.logs("Echo") if line.get("event") == event][1:] and True)
    assert got
    attempts = [line for line in sandbox.logs("Echo") if line.get("event") == event]
    assert len({line["requestId"] for line in attempts}) == 1
