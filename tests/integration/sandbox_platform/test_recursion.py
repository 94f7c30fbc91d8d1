"""Lambda stops recursive loops through queues and invocations after sixteen rounds, unless a function allows them."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from headcount_sandbox import Sandbox
from headcount_sandbox.platform.lineage import MOST_INVOCATIONS, lineage_of

Until = Callable[..., Any]
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:"
AGAIN = """
import json
import boto3

def lambda_handler(event, context):
    print(json.dumps({"message": "round", "round": event["round"]}))
    if event["round"] < event["last"]:
        payload = json.dumps({**event, "round": event["round"] + 1}).encode()
        boto3.client("lambda").invoke(
            FunctionName=context.function_name, InvocationType=event.get("kind", "Event"), Payload=payload
        )
"""


@pytest.fixture
def again(sandbox: Sandbox) -> Iterator[str]:
    """A function that invokes itself, and tells a queue of its own name what failed."""
    name = f"again-{uuid4().hex[:8]}"
    sandbox.create_function(name, AGAIN, timeout=20)
    sandbox.client("sqs").create_queue(QueueName=name)
    sandbox.client("lambda").put_function_event_invoke_config(
        FunctionName=name,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:sqs:eu-west-1:123456789012:{name}"}},
    )
    yield name
    sandbox.client("lambda").delete_function(FunctionName=name)


def rounds(sandbox: Sandbox, name: str) -> list[int]:
    """In order: several processes of the function wrote them."""
    return sorted(line["round"] for line in sandbox.logs(name) if line.get("message") == "round")


def begin(sandbox: Sandbox, name: str, **event: Any) -> None:
    payload = json.dumps({"round": 1, **event}).encode()
    sandbox.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload)


def test_a_function_that_invokes_itself_runs_sixteen_times_and_the_next_event_goes_to_the_destination(
    sandbox: Sandbox, again: str, until: Until
) -> None:
    begin(sandbox, again, last=40)
    sqs = sandbox.client("sqs")
    url = sqs.get_queue_url(QueueName=again)["QueueUrl"]
    record = json.loads(until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))[0]["Body"])
    assert rounds(sandbox, again) == list(range(1, MOST_INVOCATIONS + 1))
    assert record["requestPayload"]["round"] == MOST_INVOCATIONS + 1
    assert record["responsePayload"]["errorType"] == "RecursiveInvocationException"


def test_a_function_that_allows_loops_goes_on(sandbox: Sandbox, again: str, until: Until) -> None:
    sandbox.client("lambda").put_function_recursion_config(FunctionName=again, RecursiveLoop="Allow")
    begin(sandbox, again, last=MOST_INVOCATIONS + 4)
    until(lambda: len(rounds(sandbox, again)) == MOST_INVOCATIONS + 4)


def test_a_synchronous_invocation_that_goes_on_with_a_loop_is_refused(sandbox: Sandbox, again: str) -> None:
    awslambda = sandbox.client("lambda")
    lineage = lineage_of([])
    for _ in range(MOST_INVOCATIONS):
        lineage = lineage.through(ARN + again)

    def add_trace(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = lineage.trace_header()

    awslambda.meta.events.register("before-call.lambda.Invoke", add_trace, unique_id="trace")
    try:
        with pytest.raises(awslambda.exceptions.RecursiveInvocationException):
            awslambda.invoke(FunctionName=again, Payload=b'{"round": 1, "last": 1}')
    finally:
        awslambda.meta.events.unregister("before-call.lambda.Invoke", add_trace, unique_id="trace")


@pytest.fixture
def impatient(sandbox: Sandbox) -> Iterator[str]:
    """The queue of Consumer, which gives a message back after a second."""
    sqs = sandbox.client("sqs")
    url = sqs.get_queue_url(QueueName="headcount-Fifo.fifo")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    yield url
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})


def test_a_message_that_goes_on_with_a_loop_invokes_nobody_and_ends_in_the_dead_letter_queue(
    sandbox: Sandbox, impatient: str, until: Until
) -> None:
    lineage = lineage_of([])
    for _ in range(MOST_INVOCATIONS):
        lineage = lineage.through(ARN + "headcount-Consumer")
    sqs, body = sandbox.client("sqs"), uuid4().hex
    sqs.send_message(
        QueueUrl=impatient,
        MessageBody=body,
        MessageGroupId="loop",
        MessageDeduplicationId=body,
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": lineage.trace_header()}},
    )
    url = sqs.get_queue_url(QueueName="headcount-FifoDeadLetters.fifo")["QueueUrl"]

    def dead() -> list[str]:
        return [message["Body"] for message in sqs.receive_message(QueueUrl=url).get("Messages", [])]

    until(lambda: body in dead(), 30)
    assert not any(line.get("record", {}).get("body") == body for line in sandbox.logs("Consumer"))


def test_the_trace_of_a_sender_stays_with_its_message(sandbox: Sandbox, again: str) -> None:
    sqs = sandbox.client("sqs")
    url = sqs.get_queue_url(QueueName=again)["QueueUrl"]
    header = lineage_of([]).through(ARN + again).trace_header()

    def add_trace(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = header

    sqs.meta.events.register("before-call.sqs", add_trace, unique_id="trace")
    try:
        sqs.send_message(QueueUrl=url, MessageBody="one")
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "two"}])
    finally:
        sqs.meta.events.unregister("before-call.sqs", add_trace, unique_id="trace")
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    assert [message["Attributes"]["AWSTraceHeader"] for message in received["Messages"]] == [header, header]


def test_a_batch_counts_as_the_longest_chain_among_its_messages() -> None:
    one, two = lineage_of([]).through("a").through("b"), lineage_of([]).through("b").through("b")
    encoded = one.trace_header().replace("|", "%7C")  # as SDKs send it
    assert lineage_of([encoded, two.trace_header(), None, "Root=1-1-1"]) == lineage_of([]).through("a").through(
        "b"
    ).through("b")
