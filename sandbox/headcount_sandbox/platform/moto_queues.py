"""The queues of moto in this process: an event source mapping polls without the cost of HTTP.

What Lambda's pollers see of SQS: batches, receipts, and records in the shape that functions get.
"""

import base64
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, sqs_backends
from moto.sqs.models import Queue as MotoQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message in flight. `record` is what a function gets of it, `trace_header` who sent it (empty: not known)."""

    message_id: str
    receipt_handle: str
    record: dict[str, Any]
    trace_header: str = ""


class Queues(Protocol):
    """What event source mappings need of SQS."""

    def receive(self, queue_arn: str, count: int) -> list[Received]:
        """At most `count` visible messages, none of a group that has one in flight."""

    def delete(self, queue_arn: str, receipt_handles: Iterable[str]) -> None: ...


class MotoQueues:
    """`lock` is the one under which this process's moto answers SQS calls; moto itself knows no threads."""

    def __init__(self, *, account: str, region: str, lock: AbstractContextManager[Any]) -> None:
        self._backend = sqs_backends[account][region]
        self._region = region
        self._lock = lock

    def receive(self, queue_arn: str, count: int) -> list[Received]:
        name = queue_arn.rpartition(":")[2]
        with self._lock:
            queue = self._backend.get_queue(name)
            if not queue._messages:  # noqa: SLF001  an idle queue is polled often; moto's own way copies and sorts
                return []
            _release_overdue_groups(queue)
            visibility = int(queue.visibility_timeout)  # type: ignore[attr-defined]  # moto sets it by name
            messages = self._backend.receive_message(name, count, 0, visibility, ["All"])
        return [self._received(message, queue_arn) for message in messages]

    def delete(self, queue_arn: str, receipt_handles: Iterable[str]) -> None:
        name = queue_arn.rpartition(":")[2]
        with self._lock:
            for receipt_handle in receipt_handles:
                try:
                    self._backend.delete_message(name, receipt_handle)
                except ReceiptHandleIsInvalid:
                    continue  # purged, or moved to the dead-letter queue, meanwhile

    def _received(self, message: Message, queue_arn: str) -> Received:
        receipt_handle = str(message.receipt_handle)
        record: dict[str, Any] = {
            "messageId": message.id,
            "receiptHandle": receipt_handle,
            "body": message.body,
            "attributes": _attributes(message),
            "messageAttributes": {
                name: _message_attribute(value) for name, value in message.message_attributes.items()
            },
            "md5OfBody": message.body_md5,
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": self._region,
        }
        trace = record["attributes"].get("AWSTraceHeader", "")
        return Received(message_id=message.id, receipt_handle=receipt_handle, record=record, trace_header=trace)


def _release_overdue_groups(queue: MotoQueue) -> None:
    """Moto releases overdue messages one by one while it delivers: the second of a batch would overtake the first."""
    for message in [message for message in queue.pending_messages if message.visible]:
        queue.pending_messages.discard(message)


def _attributes(message: Message) -> dict[str, str]:
    attributes = {
        "ApproximateReceiveCount": message.approximate_receive_count,
        "SentTimestamp": message.sent_timestamp,
        "SequenceNumber": message.sequence_number,
        "MessageGroupId": message.group_id,
        "SenderId": message.sender_id,
        "MessageDeduplicationId": message.deduplication_id,
        "ApproximateFirstReceiveTimestamp": message.approximate_first_receive_timestamp,
        **{name: value["StringValue"] for name, value in message.system_attributes.items()},
    }
    return {name: str(value) for name, value in attributes.items() if value is not None}


def _message_attribute(value: dict[str, Any]) -> dict[str, Any]:
    binary = value.get("BinaryValue")
    encoded = base64.b64encode(binary).decode() if isinstance(binary, bytes) else binary
    shown = {"stringValue": value.get("StringValue"), "binaryValue": encoded}
    return {
        **{name: item for name, item in shown.items() if item is not None},
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
