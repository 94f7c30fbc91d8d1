"""moto's SQS queues in this process: their settings, and a short way in and out for messages.

moto counts every message of a queue several times a SendMessage; with a thousand messages that costs 50 ms a call.
"""

import itertools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.utils import unix_time_millis
from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, Queue
from moto.sqs.utils import validate_message_attributes

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.clock import real_seconds

_sequence = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """The attributes of a queue that sending and receiving depend on; times in seconds."""

    name: str
    is_fifo: bool
    content_based_deduplication: bool
    deduplicates_by_group: bool
    delay: float
    visibility_timeout: float
    receive_wait: int
    maximum_message_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """Messages that can be received now, that somebody has, and that come later."""

    visible: int
    in_flight: int
    delayed: int


def depth_of(queue: Any) -> QueueDepth:
    """The messages of one of moto's queues, under its lock."""
    delayed = in_flight = 0
    messages = queue._messages  # noqa: SLF001 - moto's own counting goes through the queue three times
    for message in messages:
        delayed += bool(message.delayed)
        in_flight += bool(not message.delayed and not message.visible)
    return QueueDepth(visible=len(messages) - delayed - in_flight, in_flight=in_flight, delayed=delayed)


def settings_of(queue: Any) -> QueueSettings:
    """The settings of one of moto's queues."""
    return QueueSettings(
        name=queue.name,
        is_fifo=bool(queue.fifo_queue),
        content_based_deduplication=bool(queue.content_based_deduplication),
        deduplicates_by_group=queue.deduplication_scope == "messageGroup",
        delay=float(queue.delay_seconds),
        visibility_timeout=float(queue.visibility_timeout),
        receive_wait=int(queue.receive_message_wait_time_seconds),
        maximum_message_bytes=int(queue.maximum_message_size),
    )


def take_messages(
    backend: Any, queue_name: str, request: Mapping[str, Any], *, visibility: float
) -> list[dict[str, Any]]:
    """Receives what is there now, as ReceiveMessage answers it; under moto's lock."""
    names = list(request.get("MessageAttributeNames", ()))
    count = int(request.get("MaxNumberOfMessages", 1))
    messages = backend.receive_message(queue_name, count, 0, int(visibility), names)
    system = {*request.get("AttributeNames", ()), *request.get("MessageSystemAttributeNames", ())}
    return [_received(message, system) for message in messages]


def _received(message: Any, system: set[str]) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": message.body_md5,
        "Body": message.body,
    }
    if message.message_attributes:
        shape |= {"MessageAttributes": message.message_attributes, "MD5OfMessageAttributes": message.attribute_md5}
    known = {
        "SenderId": message.sender_id,
        "SentTimestamp": str(message.sent_timestamp),
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        "MessageDeduplicationId": message.deduplication_id,
        "MessageGroupId": message.group_id,
        "SequenceNumber": message.sequence_number,
        "AWSTraceHeader": message.system_attributes.get("AWSTraceHeader", {}).get("StringValue"),
    }
    asked = {name: value for name, value in known.items() if value is not None and ({name, "All"} & system)}
    return {**shape, "Attributes": asked} if asked else shape


def add_message(queue: Queue, entry: Mapping[str, Any], *, delay: float) -> dict[str, Any]:
    """Puts a message into a queue, under moto's lock; returns what SendMessage answers."""
    attributes = entry.get("MessageAttributes") or {}
    try:
        validate_message_attributes(attributes)
    except SQSException as error:
        raise ApiError("InvalidParameterValue", str(error.message)) from error
    message = Message(str(uuid.uuid4()), entry["MessageBody"], entry.get("MessageSystemAttributes"))
    message.message_attributes = attributes
    message.group_id = entry.get("MessageGroupId")
    message.deduplication_id = entry.get("MessageDeduplicationId")
    answer: dict[str, Any] = {"MessageId": message.id, "MD5OfMessageBody": message.body_md5}
    if queue.fifo_queue:
        message.sequence_number = answer["SequenceNumber"] = f"{next(_sequence):020d}"
    if attributes:
        answer["MD5OfMessageAttributes"] = message.attribute_md5
    message.mark_sent()
    if delay:
        message.delayed_until = unix_time_millis() + real_seconds(delay) * 1000
    with queue._messages_lock:  # noqa: SLF001 - moto offers no way in without its counting
        queue._messages.append(message)  # noqa: SLF001 - ditto
        queue._messages_lock.notify_all()  # noqa: SLF001 - ditto
    return answer
