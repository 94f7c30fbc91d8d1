"""SQS keeps the rules that moto does not keep: FIFO deduplication above all."""

import threading
import time
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import World
from integration.sandbox_world.sites import wait_for


class Queue:
    """A queue with a shorter way to send and receive."""

    def __init__(self, world: World, *, fifo: bool, **attributes: str) -> None:
        self.sqs = world.client("sqs")
        self.name = f"q{uuid4().hex[:8]}" + (".fifo" if fifo else "")
        settings = {"FifoQueue": "true", **attributes} if fifo else attributes
        self.url = self.sqs.create_queue(QueueName=self.name, Attributes=settings)["QueueUrl"]

    def send(self, body: str = "kick", **options: Any) -> dict[str, Any]:
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **options)

    def kick(self, dedup: str = "1", group: str = "g", body: str = "kick") -> dict[str, Any]:
        return self.send(body, MessageGroupId=group, MessageDeduplicationId=dedup)

    def receive(self, **options: Any) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], **options
        )
        return list(answer.get("Messages", []))

    def delete(self, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def refused(self, **options: Any) -> str:
        with pytest.raises(ClientError) as caught:
            self.send(**options)
        return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def fifo(world: World) -> Queue:
    return Queue(world, fifo=True)


@pytest.fixture
def standard(world: World) -> Queue:
    return Queue(world, fifo=False)


@pytest.fixture
def told(world: World) -> list[str]:
    names: list[str] = []
    world.on_message(names.append)
    return names


def test_a_repeated_id_is_dropped_even_after_its_message_was_deleted(fifo: Queue) -> None:
    first = fifo.kick()
    fifo.delete(fifo.receive()[0])
    again = fifo.kick(body="another body")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert fifo.receive() == []


def test_another_id_passes(fifo: Queue) -> None:
    fifo.kick("1")
    fifo.kick("2")
    assert len(fifo.receive()) == 2


def test_a_batch_drops_duplicates_entry_by_entry(fifo: Queue) -> None:
    first = fifo.kick("1")
    entries = [
        {"Id": f"e{number}", "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": dedup}
        for number, dedup in enumerate(["1", "2", "2"])
    ]
    sent = fifo.sqs.send_message_batch(QueueUrl=fifo.url, Entries=entries)["Successful"]
    assert sent[0]["MessageId"] == first["MessageId"]
    assert sent[1]["MessageId"] == sent[2]["MessageId"]
    assert len(fifo.receive()) == 2


def test_content_based_deduplication_looks_at_the_body(world: World) -> None:
    queue = Queue(world, fifo=True, ContentBasedDeduplication="true")
    queue.send("same", MessageGroupId="g")
    queue.delete(queue.receive()[0])
    queue.send("same", MessageGroupId="g")
    queue.send("other", MessageGroupId="g")
    assert [message["Body"] for message in queue.receive()] == ["other"]


def test_deduplication_by_message_group(world: World) -> None:
    queue = Queue(world, fifo=True, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    queue.kick("1", "a")
    queue.kick("1", "b")
    queue.kick("1", "b")
    assert sorted(message["Attributes"]["MessageGroupId"] for message in queue.receive()) == ["a", "b"]


def test_many_senders_of_one_id_make_one_message(fifo: Queue) -> None:
    threads = [threading.Thread(target=fifo.kick) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fifo.receive()) == 1


@pytest.mark.parametrize("group", ["g" * 129, "with space", "ü"])
def test_refuses_illegal_group_ids(fifo: Queue, group: str) -> None:
    assert fifo.refused(MessageGroupId=group, MessageDeduplicationId="1") == "InvalidParameterValue"


def test_a_group_id_may_have_128_characters_and_punctuation(fifo: Queue) -> None:
    group = "prod/web:!$%&@~" + "g" * 113
    fifo.kick(group=group)
    assert fifo.receive()[0]["Attributes"]["MessageGroupId"] == group


def test_fifo_needs_a_group_and_a_deduplication_id(fifo: Queue) -> None:
    assert fifo.refused(MessageDeduplicationId="1") == "MissingParameter"
    assert fifo.refused(MessageGroupId="g") == "InvalidParameterValue"


def test_fifo_has_no_delay_per_message(fifo: Queue) -> None:
    refused = fifo.refused(MessageGroupId="g", MessageDeduplicationId="1", DelaySeconds=1)
    assert refused == "InvalidParameterValue"


def test_delays_end_at_900_seconds(standard: Queue) -> None:
    assert standard.refused(DelaySeconds=901) == "InvalidParameterValue"
    standard.send(DelaySeconds=900)


def test_messages_end_at_one_mebibyte(standard: Queue) -> None:
    standard.send("x" * 1_048_576)
    assert standard.refused(body="ü" * 524_289) == "InvalidParameterValue"


def test_an_illegal_entry_fails_alone(fifo: Queue) -> None:
    entries = [
        {"Id": group, "MessageBody": "b", "MessageGroupId": group * 65, "MessageDeduplicationId": group}
        for group in ("a", "bb")
    ]
    answer = fifo.sqs.send_message_batch(QueueUrl=fifo.url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["a"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("bb", "InvalidParameterValue")]


def test_a_group_waits_until_its_message_is_deleted(fifo: Queue, told: list[str]) -> None:
    fifo.kick("1", "a")
    message = fifo.receive()[0]
    fifo.kick("2", "a")
    fifo.kick("3", "b")
    assert [found["Attributes"]["MessageGroupId"] for found in fifo.receive()] == ["b"]
    wait_for(lambda: told.count(fifo.name) == 3)
    fifo.delete(message)
    wait_for(lambda: told.count(fifo.name) == 4)
    assert len(fifo.receive()) == 1


def test_listeners_hear_of_messages_when_they_can_be_received(standard: Queue, told: list[str]) -> None:
    standard.send(DelaySeconds=1)
    assert standard.name not in told
    wait_for(lambda: told.count(standard.name) == 1)
    standard.receive(VisibilityTimeout=1)
    wait_for(lambda: told.count(standard.name) == 2)
    found = standard.receive()
    assert found[0]["Attributes"]["ApproximateReceiveCount"] == "2"


def test_long_polling_wakes_for_a_message_and_holds_nobody_up(standard: Queue) -> None:
    received: list[Any] = []
    poller = threading.Thread(target=lambda: received.extend(standard.receive(WaitTimeSeconds=20)))
    poller.start()
    started = time.monotonic()
    standard.sqs.list_queues()
    standard.send("late")
    poller.join()
    assert received[0]["Body"] == "late"
    assert time.monotonic() - started < 10, "long before the poll would have ended"


def test_competing_receivers_never_get_the_same_message(standard: Queue) -> None:
    for number in range(40):
        standard.send(str(number))
    bodies: list[str] = []

    def drain() -> None:
        while found := standard.receive():
            bodies.extend(message["Body"] for message in found)

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bodies, key=int) == [str(number) for number in range(40)]


def test_an_unknown_queue(standard: Queue) -> None:
    with pytest.raises(standard.sqs.exceptions.QueueDoesNotExist):
        standard.sqs.send_message(QueueUrl=standard.url + "x", MessageBody="b")


def test_message_attributes_travel(standard: Queue) -> None:
    standard.send(MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    message = standard.receive(MessageAttributeNames=["All"])[0]
    assert message["MessageAttributes"]["a"]["StringValue"] == "b"


def test_poison_goes_to_the_dead_letter_queue(world: World) -> None:
    dead = Queue(world, fifo=True)
    arn = dead.sqs.get_queue_attributes(QueueUrl=dead.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queue = Queue(world, fifo=True, RedrivePolicy=f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 2}}')
    queue.kick()
    for _ in range(2):
        assert len(wait_for(lambda: queue.receive(VisibilityTimeout=0))) == 1
    assert wait_for(lambda: queue.receive() or dead.receive())[0]["Body"] == "kick"
    assert queue.receive() == []
