"""Kicks and timers over the fakes and over SQS: what is dropped, what arrives, and when."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from fakes.clock import SettableClock
from fakes.messages import InMemoryKicks, InMemoryTimers
from headcount import triggers
from headcount.aws.sqs import SqsKicks, SqsScalingTimers, SqsTimers
from headcount.errors import Throttled, TransientError

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class KicksUnderTest:
    """``take`` receives and deletes everything that has arrived: services, oldest first."""

    kicks: Any
    take: Callable[[], list[str]]
    throttle: Callable[[], None]


@pytest.fixture(params=["fake", "adapter"])
def queue(request):
    if request.param == "fake":
        return _fake_queue()
    return _sqs(request.getfixturevalue("world"))


def _fake_queue():
    kicks = InMemoryKicks(SettableClock())

    def take():
        taken = []
        while (message := kicks.receive()) is not None:
            taken.append(message.service)
            kicks.delete(message)
        return taken

    def throttle():
        kicks.refuse_next = 1

    return KicksUnderTest(kicks, take, throttle)


def _sqs(world):
    client = world.client("sqs")
    attributes = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    url = client.create_queue(QueueName=f"kicks-{next(_numbers)}.fifo", Attributes=attributes)["QueueUrl"]

    def take():
        taken = []
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                taken.append(triggers.kick({"body": message["Body"]}).service)
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    kicks = SqsKicks(client, url, SettableClock())
    return KicksUnderTest(kicks, take, lambda: world.faults.throttle("sqs", "SendMessage", times=1))


def test_one_kick_a_pass_number_also_after_it_was_handled(queue):
    for _ in range(3):
        queue.kicks.kick("prod/web", 7, "task event")
    assert queue.take() == ["prod/web"]
    queue.kicks.kick("prod/web", 7, "task event")
    assert queue.take() == []
    queue.kicks.kick("prod/web", 8, "task event")
    assert queue.take() == ["prod/web"]


def test_a_kick_without_a_number_is_never_dropped(queue):
    for _ in range(3):
        queue.kicks.kick("prod/web", None, "audit")
    assert queue.take() == ["prod/web"] * 3


def test_two_services_with_the_same_number_do_not_drop_each_other(queue):
    for service in ("prod/web", "prod/api"):
        queue.kicks.kick(service, 7, "task event")
    assert sorted(queue.take()) == ["prod/api", "prod/web"]


def test_the_longest_name_fits_into_a_message_group(queue):
    longest = f"{'c' * 255}/{'s' * 245}"
    queue.kicks.kick(longest, 1, "task event", event_at=1790000000.123)
    assert queue.take() == [longest]


def test_a_throttled_kick_is_transient(queue):
    queue.throttle()
    with pytest.raises(TransientError):
        queue.kicks.kick("prod/web", 7, "task event")
    queue.kicks.kick("prod/web", 7, "task event")
    assert queue.take() == ["prod/web"]


# -- timers -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TimersUnderTest:
    """``delays``: what was sent, as (service, at, seconds until it appears)."""

    timers: Any
    delays: Callable[[], list[tuple[str, float, int]]]


class _RecordingSqs:
    """The real client, and the delays that it was given: nobody waits fifteen minutes."""

    def __init__(self, client):
        self._client = client
        self.sent = []

    def send_message(self, **request):
        self.sent.append(request)
        return self._client.send_message(**request)


@pytest.fixture(params=["fake", "adapter", "adapter of scaling"])
def timers(request):
    if request.param == "fake":
        fake = InMemoryTimers()
        return TimersUnderTest(fake, lambda: [(one.service, one.at, int(one.due - 100.0)) for one in fake.sent])
    client = request.getfixturevalue("world").client("sqs")
    recording = _RecordingSqs(client)
    url = client.create_queue(QueueName=f"timers-{next(_numbers)}")["QueueUrl"]

    def delays():
        read = [(triggers.timer({"body": one["MessageBody"]}), one["DelaySeconds"]) for one in recording.sent]
        assert all(timer.of_scaling is (kind is SqsScalingTimers) for timer, _ in read)
        return [(timer.service, timer.at, delay) for timer, delay in read]

    kind = SqsScalingTimers if request.param == "adapter of scaling" else SqsTimers
    return TimersUnderTest(kind(recording, url), delays)


@pytest.mark.parametrize(
    ("at", "delay"), [(100.0, 0), (99.0, 0), (100.001, 1), (101.0, 1), (160.25, 61), (1000.0, 900)]
)
def test_a_timer_appears_at_its_time_or_up_to_a_second_later(timers, at, delay):
    timers.timers.wake("prod/web", at, 100.0)
    assert timers.delays() == [("prod/web", at, delay)]


def test_what_is_more_than_fifteen_minutes_away_is_left_to_the_audit(timers):
    timers.timers.wake("prod/web", 1000.5, 100.0)
    assert timers.delays() == []


def test_a_kicks_body_is_that_of_the_contract(world):
    recording = _RecordingSqs(world.client("sqs"))
    url = recording._client.create_queue(QueueName="body.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    SqsKicks(recording, url, lambda: 1790000000.2).kick("prod/web", 7, "task event", 1790000000.123)
    (sent,) = recording.sent
    assert json.loads(sent["MessageBody"]) == {
        "schema": 1,
        "service": "prod/web",
        "cause": "task event",
        "eventAt": 1790000000.123,
        "sentAt": 1790000000.2,
    }
    assert (len(sent["MessageGroupId"]), len(sent["MessageDeduplicationId"])) == (64, 64)


def test_a_throttled_timer_is_transient(world):
    client = world.client("sqs")
    url = client.create_queue(QueueName="throttled")["QueueUrl"]
    world.faults.throttle("sqs", "SendMessage", times=1)
    with pytest.raises(Throttled):
        SqsTimers(client, url).wake("prod/web", 101.0, 100.0)
