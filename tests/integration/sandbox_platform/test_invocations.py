import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox import Sandbox

Until = Callable[..., Any]


def test_an_event_invocation_is_accepted_and_runs_later(sandbox: Sandbox, until: Until) -> None:
    answer = sandbox.client("lambda").invoke(
        FunctionName="headcount-Echo", InvocationType="Event", Payload=b'{"kind": "asynchronous"}'
    )
    assert answer["StatusCode"] == 202
    until(lambda: any(entry.get("event") == {"kind": "asynchronous"} for entry in sandbox.logs("Echo")))


def test_a_dry_run_runs_nothing(sandbox: Sandbox) -> None:
    answer = sandbox.client("lambda").invoke(
        FunctionName="headcount-Echo", InvocationType="DryRun", Payload=b'{"kind": "dry"}'
    )
    assert answer["StatusCode"] == 204
    assert not any(entry.get("event") == {"kind": "dry"} for entry in sandbox.logs("Echo"))


def test_functions_are_found_by_their_arn(sandbox: Sandbox) -> None:
    answer = sandbox.client("lambda").invoke(FunctionName=sandbox.platform.function("Echo").arn, Payload=b"{}")
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"


@pytest.mark.parametrize(
    ("function", "payload", "code"),
    [
        ("headcount-Nobody", b"{}", "ResourceNotFoundException"),
        ("headcount-Echo", b"{not json", "InvalidRequestContentException"),
        ("headcount-Echo", b'"' + b"x" * 6_300_000 + b'"', "RequestTooLargeException"),
    ],
)
def test_refuses_wrong_requests_with_lambdas_errors(sandbox: Sandbox, function: str, payload: bytes, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        sandbox.client("lambda").invoke(FunctionName=function, Payload=payload)
    assert refused.value.response["Error"]["Code"] == code


def test_retries_a_failed_event_twice_and_then_tells_the_failure_destination(sandbox: Sandbox, until: Until) -> None:
    event = {"do": "raise", "why": "to see the retries"}
    sandbox.client("lambda").invoke(
        FunctionName="headcount-Echo", InvocationType="Event", Payload=json.dumps(event).encode()
    )
    sqs = sandbox.client("sqs")
    url = sqs.get_queue_url(QueueName="headcount-Failures")["QueueUrl"]
    record = json.loads(until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))[0]["Body"])
    attempts = [entry for entry in sandbox.logs("Echo") if entry.get("event") == event]
    assert len(attempts) == 3
    assert len({attempt["requestId"] for attempt in attempts}) == 1
    assert record["requestContext"] == {
        "requestId": attempts[0]["requestId"],
        "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:headcount-Echo:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert record["requestPayload"] == event
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorMessage"] == "as asked"
