"""Mappings against the world's real queues, with a function that the test finishes by hand."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headcount_sandbox import Sandbox
from headcount_sandbox.platform.deployment import EventSourceMapping
from headcount_sandbox.platform.event_sources import EventSource
from headcount_sandbox.platform.function_pool import Invocation, Outcome
from headcount_sandbox.platform.moto_queues import MotoQueues
from headcount_sandbox.world import World

ARN = "arn:aws:sqs:eu-west-1:123456789012:"
Until = Callable[..., Any]


class FunctionByHand:
    """Holds every invocation until the test finishes it."""

    def __init__(self, capacity: int = 3) -> None:
        self.capacity = capacity
        self.started: list[Invocation] = []

    def submit(self, invocation: Invocation) -> None:
        self.started.append(invocation)

    def bodies(self, number: int) -> list[str]:
        return [record["body"] for record in self.records(number)]

    def records(self, number: int) -> list[dict[str, Any]]:
        return list(json.loads(self.started[number].payload)["Records"])

    def finish(self, number: int, *, payload: object = None, failed: bool = False) -> None:
        invocation = self.started[number]
        answer = json.dumps(payload).encode()
        invocation.done(Outcome(request_id=invocation.request_id, payload=answer, failed=failed))


class Bench:
    """A queue with a mapping on it."""

    def __init__(self, world: World, name: str, *, batch_size: int, capacity: int = 3, visibility: int = 30) -> None:
        self.sqs = world.client("sqs")
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        self.dead = self.sqs.create_queue(QueueName=f"dead-{name}", Attributes=fifo)["QueueUrl"]
        redrive = json.dumps({"deadLetterTargetArn": f"{ARN}dead-{name}", "maxReceiveCount": 2})
        self.url = self.sqs.create_queue(
            QueueName=name, Attributes={**fifo, "VisibilityTimeout": str(visibility), "RedrivePolicy": redrive}
        )["QueueUrl"]
        self.function = FunctionByHand(capacity)
        lock = world._moto.lock_of("sqs")
        self.source = EventSource(
            EventSourceMapping(
                queue_arn=ARN + name, function_name="f", batch_size=batch_size, reports_item_failures=True
            ),
            queues=MotoQueues(account=world.account, region=world.region, lock=lock),
            pool=self.function,
        )
        world.on_message(lambda queue: self.source.look() if queue == name else None)

    def send(self, body: str, group: str | None = None) -> None:
        ordered = {} if group is None else {"MessageGroupId": group, "MessageDeduplicationId": body}
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **ordered)

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)


@pytest.fixture
def bench(sandbox: Sandbox) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(name: str, **options: Any) -> Bench:
        made.append(Bench(sandbox.world, name, **options))
        return made[-1]

    yield make
    for each in made:
        each.source.stop()


def test_one_message_of_a_group_at_a_time_in_order_and_other_groups_meanwhile(
    bench: Callable[..., Bench], until: Until
) -> None:
    queue = bench("order.fifo", batch_size=1)
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        queue.send(body, group)
    queue.source.start()
    function = queue.function
    until(lambda: len(function.started) == 2)
    assert [function.bodies(0), function.bodies(1)] == [["a1"], ["b1"]]
    function.finish(0)
    until(lambda: len(function.started) == 3)
    assert function.bodies(2) == ["a2"]
    function.finish(1)
    function.finish(2)
    until(lambda: queue.left() == 0)


def test_a_failed_message_blocks_its_group_until_it_comes_again_and_then_goes_to_the_dead_letters(
    bench: Callable[..., Bench], until: Until
) -> None:
    queue = bench("poison.fifo", batch_size=1, visibility=1)
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        queue.send(body, group)
    queue.source.start()
    function = queue.function
    until(lambda: len(function.started) == 2)
    function.finish(0, failed=True)
    function.finish(1)
    until(lambda: len(function.started) == 3)
    assert function.bodies(2) == ["a1"], "the group waits for its first message"
    assert function.records(2)[0]["attributes"]["ApproximateReceiveCount"] == "2"
    function.finish(2, failed=True)
    until(lambda: len(function.started) == 4)
    assert function.bodies(3) == ["a2"]
    dead = queue.sqs.receive_message(QueueUrl=queue.dead)["Messages"]
    assert [message["Body"] for message in dead] == ["a1"]


def test_a_batch_that_is_redelivered_keeps_its_order(bench: Callable[..., Bench], until: Until) -> None:
    queue = bench("redelivery.fifo", batch_size=10, visibility=1)
    for body in ("1", "2", "3"):
        queue.send(body, "g")
    queue.source.start()
    function = queue.function
    until(lambda: len(function.started) == 1)
    function.finish(0, failed=True)
    until(lambda: len(function.started) == 2)
    assert function.bodies(1) == ["1", "2", "3"]
    function.finish(1)


def test_deletes_what_succeeded_and_brings_back_what_was_reported(bench: Callable[..., Bench], until: Until) -> None:
    queue = bench("partial", batch_size=10, visibility=1)
    for body in ("1", "2", "3"):
        queue.send(body)
    queue.source.start()
    function = queue.function
    until(lambda: len(function.started) == 1)
    failed = function.records(0)[1]["messageId"]
    function.finish(0, payload={"batchItemFailures": [{"itemIdentifier": failed}]})
    assert queue.left() == 1
    until(lambda: len(function.started) == 2)
    assert function.bodies(1) == ["2"]
    function.finish(1, payload={"batchItemFailures": []})
    assert queue.left() == 0


@pytest.mark.parametrize(
    "report",
    [{"batchItemFailures": [{"itemIdentifier": "nobody"}]}, {"batchItemFailures": [{"wrong": "key"}]}, "text", 5],
)
def test_a_malformed_report_fails_the_whole_batch(bench: Callable[..., Bench], until: Until, report: object) -> None:
    queue = bench(f"malformed-{abs(hash(str(report)))}", batch_size=10)
    queue.send("1")
    queue.source.start()
    until(lambda: len(queue.function.started) == 1)
    queue.function.finish(0, payload=report)
    assert queue.left() == 1


def test_takes_no_more_batches_than_the_function_can_run(bench: Callable[..., Bench], until: Until) -> None:
    queue = bench("capacity", batch_size=1, capacity=2)
    for number in range(4):
        queue.send(str(number))
    queue.source.start()
    function = queue.function
    until(lambda: len(function.started) == 2)
    messages = queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]
    assert len(messages) == 2, "the others are still in the queue"
    function.finish(0)
    until(lambda: len(function.started) == 3)


def test_batches_hold_at_most_ten_messages(bench: Callable[..., Bench], until: Until) -> None:
    queue = bench("ten", batch_size=10)
    for number in range(12):
        queue.send(str(number))
    queue.source.start()
    until(lambda: len(queue.function.started) == 2)
    assert [len(queue.function.bodies(0)), len(queue.function.bodies(1))] == [10, 2]


def test_records_have_the_shape_that_lambda_gives_them(bench: Callable[..., Bench], until: Until) -> None:
    queue = bench("shape.fifo", batch_size=1)
    queue.sqs.send_message(
        QueueUrl=queue.url,
        MessageBody="hello",
        MessageGroupId="g",
        MessageDeduplicationId="d",
        MessageAttributes={"who": {"DataType": "String", "StringValue": "me"}},
    )
    queue.source.start()
    until(lambda: queue.function.started)
    (record,) = queue.function.records(0)
    attributes = record.pop("attributes")
    assert set(attributes) == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SequenceNumber",
        "MessageGroupId",
        "SenderId",
        "MessageDeduplicationId",
        "ApproximateFirstReceiveTimestamp",
    }
    assert all(isinstance(value, str) for value in attributes.values())
    assert len(record.pop("messageId")) == 36
    assert record.pop("receiptHandle")
    assert record == {
        "body": "hello",
        "messageAttributes": {
            "who": {"stringValue": "me", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN + "shape.fifo",
        "awsRegion": "eu-west-1",
    }


def test_messages_sent_from_many_threads_are_all_delivered_once(bench: Callable[..., Bench], until: Until) -> None:
    queue = bench("many.fifo", batch_size=1, capacity=50)
    queue.source.start()
    senders = [
        threading.Thread(target=lambda group=group: [queue.send(f"{group}-{n}", group) for n in range(10)])
        for group in ("a", "b", "c", "d")
    ]
    for sender in senders:
        sender.start()
    finished = 0
    while finished < 40:
        until(lambda expected=finished: len(queue.function.started) > expected)
        queue.function.finish(finished)
        finished += 1
    for sender in senders:
        sender.join()
    bodies = [body for number in range(40) for body in queue.function.bodies(number)]
    for group in ("a", "b", "c", "d"):
        assert [body for body in bodies if body.startswith(group)] == [f"{group}-{n}" for n in range(10)]
    until(lambda: queue.left() == 0)
