"""How much waits in a user's queue, over SQS."""

import itertools

import pytest

from headcount.aws.backlog import SqsQueues
from headcount.errors import Throttled

_numbers = itertools.count(1)


@pytest.fixture
def sqs(world):
    yield world.client("sqs")
    world.faults.clear()


def a_queue(sqs, name=None, **attributes):
    name = name or f"work-{next(_numbers)}"
    return name, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def test_what_waits_and_what_is_in_flight_are_told_apart_and_what_is_delayed_does_not_count(sqs):
    name, url = a_queue(sqs)
    for delay in (0, 0, 0, 900):
        sqs.send_message(QueueUrl=url, MessageBody="work", DelaySeconds=delay)
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"]) == 1
    assert SqsQueues(sqs).backlog(name) == (2, 1)


def test_a_fifo_queue_has_a_backlog_too(sqs):
    name, url = a_queue(sqs, f"work-{next(_numbers)}.fifo", FifoQueue="true")
    sqs.send_message(QueueUrl=url, MessageBody="work", MessageGroupId="g", MessageDeduplicationId="1")
    assert SqsQueues(sqs).backlog(name) == (1, 0)


def test_a_queue_that_does_not_exist_is_told_in_sqs_s_words(sqs):
    assert "NonExistentQueue" in SqsQueues(sqs).backlog("nobody-made-this")


def test_what_is_forbidden_is_told_in_sqs_s_words(sqs, world):
    name, _ = a_queue(sqs)
    world.faults.fail("sqs", "GetQueueAttributes", error_code="AccessDenied", message="not you")
    assert SqsQueues(sqs).backlog(name) == "AccessDenied: not you"


def test_being_throttled_is_not_an_answer(sqs, world):
    name, _ = a_queue(sqs)
    world.faults.throttle("sqs", "GetQueueUrl", times=5)
    with pytest.raises(Throttled):
        SqsQueues(sqs).backlog(name)
