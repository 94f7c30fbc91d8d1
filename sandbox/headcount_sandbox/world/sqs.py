"""The rules of SQS that moto does not keep, and who is told when a message can be received.

moto compares deduplication ids with the messages that are still in the queue; SQS remembers an id for five minutes,
also after its message was deleted, and answers a duplicate with the id of the original message.
"""

import hashlib
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse, json_answer
from headcount_sandbox.world.clock import real_seconds
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.moto_queues import QueueSettings
from headcount_sandbox.world.timers import Timers

MAX_MESSAGE_BYTES = 1_048_576
MAX_DELAY_SECONDS = 900
MAX_BATCH = 10
MAX_WAIT_SECONDS = 20
MAX_VISIBILITY_SECONDS = 43_200
DEDUPLICATION_SECONDS = 300.0
_LEGAL_ID = re.compile(r"^[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}$")
_SQS_JSON = "application/x-amz-json-1.0"
_CLOCK_STEP = 0.001  # moto's clock of visibility counts milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    at: float
    answer: Mapping[str, Any]


class SqsApi:
    """SQS's send and receive operations, in front of moto's."""

    def __init__(self, moto_apis: MotoApis, timers: Timers, tell: Callable[[str], None]) -> None:
        self._moto = moto_apis
        self._timers = timers
        self._tell = tell
        self._lock = threading.Lock()
        self._sent: OrderedDict[tuple[str, str], _Sent] = OrderedDict()
        self._arrived = threading.Condition()
        self._arrivals = 0

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "ReceiveMessage": self._receive,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibility": self._change_visibility,
            "ChangeMessageVisibilityBatch": self._change_visibility,
        }

    def _send(self, request: ApiRequest) -> ApiResponse:
        queue = self._queue(request.parameters)
        return json_answer(self._send_entry(queue, _traced(request.parameters, request)), content_type=_SQS_JSON)

    def _send_batch(self, request: ApiRequest) -> ApiResponse:
        queue = self._queue(request.parameters)
        entries: list[dict[str, Any]] = request.parameters.get("Entries", [])
        ids = [entry.get("Id") for entry in entries]
        if len(set(ids)) != len(ids) or not 1 <= len(ids) <= MAX_BATCH:
            return self._moto.answer(request)  # moto knows these errors
        if sum(len(entry.get("MessageBody", "").encode()) for entry in entries) > MAX_MESSAGE_BYTES:
            raise ApiError(
                "AWS.SimpleQueueService.BatchRequestTooLong",
                f"Batch requests cannot be longer than {MAX_MESSAGE_BYTES} bytes.",
            )
        sent: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:  # one by one: each may be a duplicate of the one before
            try:
                sent.append({"Id": entry["Id"], **self._send_entry(queue, _traced(entry, request))})
            except ApiError as error:
                failed.append({"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message})
        return json_answer({"Successful": sent, "Failed": failed}, content_type=_SQS_JSON)

    def _send_entry(self, queue: QueueSettings, parameters: Mapping[str, Any]) -> dict[str, Any]:
        entry = _checked(parameters, queue)
        key = _deduplication_key(queue, entry)
        delay = float(entry.get("DelaySeconds", queue.delay))
        with self._moto.lock_of("sqs"):  # looking and sending are one step
            original = self._original(key)
            if original is not None:
                return {**original, **_digest(entry)}
            answer = self._moto.send_message(queue.name, entry, delay=delay)
            self._remember(key, answer)
        self._tell_after(queue.name, real_seconds(delay))
        return answer

    def _receive(self, request: ApiRequest) -> ApiResponse:
        """Long polling here, so that no lock is held while a client waits."""
        parameters = request.parameters
        queue = self._queue(parameters)
        wait = _within(parameters, "WaitTimeSeconds", queue.receive_wait, 0, MAX_WAIT_SECONDS)
        visibility = _within(parameters, "VisibilityTimeout", queue.visibility_timeout, 0, MAX_VISIBILITY_SECONDS)
        _within(parameters, "MaxNumberOfMessages", 1, 1, MAX_BATCH)
        deadline = time.monotonic() + wait
        while True:
            with self._arrived:
                seen = self._arrivals
            messages = self._moto.take_messages(queue.name, parameters, visibility=visibility)
            left = deadline - time.monotonic()
            if messages or left <= 0:
                break
            self._wait_for_arrival(seen, min(left, 1.0))
        if messages:
            self._tell_after(queue.name, visibility + _CLOCK_STEP)
        return json_answer({"Messages": messages} if messages else {}, content_type=_SQS_JSON)

    def _wait_for_arrival(self, seen: int, seconds: float) -> None:
        with self._arrived:
            self._arrived.wait_for(lambda: self._arrivals != seen, seconds)

    def _delete(self, request: ApiRequest) -> ApiResponse:
        """A deletion frees the message group of a FIFO queue: its next message can be received."""
        queue = self._queue(request.parameters)
        self._moto.delete_message(queue.name, request.parameters["ReceiptHandle"])
        self._tell_of_freed_groups(queue.name)
        return json_answer({}, content_type=_SQS_JSON)

    def _delete_batch(self, request: ApiRequest) -> ApiResponse:
        answer = self._moto.answer(request)
        self._tell_of_freed_groups(_queue_name(request.parameters))
        return answer

    def _tell_of_freed_groups(self, queue: str) -> None:
        if queue.endswith(".fifo"):
            self._tell_after(queue, 0)

    def _change_visibility(self, request: ApiRequest) -> ApiResponse:
        queue = _queue_name(request.parameters)
        answer = self._moto.answer(request)
        for entry in request.parameters.get("Entries", [request.parameters]):
            self._tell_after(queue, float(entry.get("VisibilityTimeout", 0)) + _CLOCK_STEP)
        return answer

    def _tell_after(self, queue: str, seconds: float) -> None:
        if seconds > _CLOCK_STEP:
            self._timers.after(seconds, lambda: self._notify(queue))
        else:
            self._notify(queue)

    def _notify(self, queue: str) -> None:
        with self._arrived:
            self._arrivals += 1
            self._arrived.notify_all()
        self._tell(queue)

    def _queue(self, parameters: Mapping[str, Any]) -> QueueSettings:
        queue = self._moto.queue(_queue_name(parameters))
        if queue is None:
            raise ApiError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        return queue

    def _original(self, key: tuple[str, str] | None) -> Mapping[str, Any] | None:
        with self._lock:
            while self._sent and time.monotonic() - next(iter(self._sent.values())).at > real_seconds(
                DEDUPLICATION_SECONDS
            ):
                self._sent.popitem(last=False)
            found = self._sent.get(key) if key else None
            return None if found is None else found.answer

    def _remember(self, key: tuple[str, str] | None, answer: Mapping[str, Any]) -> None:
        if key is not None:
            with self._lock:
                self._sent[key] = _Sent(at=time.monotonic(), answer=answer)


def _queue_name(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("QueueUrl", "")).rstrip("/").rpartition("/")[2]


def _traced(entry: Mapping[str, Any], request: ApiRequest) -> dict[str, Any]:
    """The trace of whoever sends stays with the message, unless the entry names another one."""
    header = request.headers.get("x-amzn-trace-id")
    if header is None:
        return dict(entry)
    own = {"AWSTraceHeader": {"StringValue": header, "DataType": "String"}}
    return {**entry, "MessageSystemAttributes": own | (entry.get("MessageSystemAttributes") or {})}


def _with_body(request: ApiRequest, parameters: Mapping[str, Any]) -> ApiRequest:
    return replace(request, body=json.dumps(parameters).encode())


def _within(parameters: Mapping[str, Any], name: str, default: float, lowest: int, highest: int) -> float:
    value = float(parameters.get(name, default))
    if not lowest <= value <= highest:
        raise _invalid(f"Value {value} for parameter {name} is invalid. Reason: must be {lowest} to {highest}.")
    return value


def _checked(parameters: Mapping[str, Any], queue: QueueSettings) -> dict[str, Any]:
    """The entry with the deduplication id that content based deduplication gives it; raises what SQS refuses."""
    entry = dict(parameters)
    body = str(entry.get("MessageBody", "")).encode()
    if not body:
        raise ApiError("MissingParameter", "The request must contain the parameter MessageBody.")
    if len(body) > queue.maximum_message_bytes:
        limit = queue.maximum_message_bytes
        raise _invalid(f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.")
    _check_delay(entry.get("DelaySeconds"), queue)
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if name in entry and not _LEGAL_ID.match(str(entry[name])):
            raise _invalid(
                f"Value {entry[name]} for parameter {name} is invalid. Reason: {name} can only include alphanumeric "
                "and punctuation characters. 1 to 128 in length."
            )
    if queue.is_fifo:
        _check_fifo(entry, queue, body)
    return entry


def _check_fifo(entry: dict[str, Any], queue: QueueSettings, body: bytes) -> None:
    if "MessageGroupId" not in entry:
        raise ApiError("MissingParameter", "The request must contain the parameter MessageGroupId.")
    if queue.content_based_deduplication:
        entry.setdefault("MessageDeduplicationId", hashlib.sha256(body).hexdigest())
    if "MessageDeduplicationId" not in entry:
        raise _invalid(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"
        )


def _check_delay(delay: int | None, queue: QueueSettings) -> None:
    if delay is None:
        return
    value = f"Value {delay} for parameter DelaySeconds is invalid. Reason:"
    if not 0 <= delay <= MAX_DELAY_SECONDS:
        raise _invalid(f"{value} DelaySeconds must be >= 0 and <= {MAX_DELAY_SECONDS}.")
    if queue.is_fifo and delay:
        raise _invalid(f"{value} The request include parameter that is not valid for this queue type.")


def _deduplication_key(queue: QueueSettings, entry: Mapping[str, Any]) -> tuple[str, str] | None:
    if not queue.is_fifo:
        return None
    identity = str(entry["MessageDeduplicationId"])
    return (queue.name, f"{entry['MessageGroupId']}\n{identity}" if queue.deduplicates_by_group else identity)


def _digest(entry: Mapping[str, Any]) -> dict[str, str]:
    body = str(entry["MessageBody"]).encode()
    return {"MD5OfMessageBody": hashlib.md5(body, usedforsecurity=False).hexdigest()}


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)
