"""Lambda's Invoke API: synchronous invocations, and asynchronous ones with their retries and failure destinations.

AWS: "Invoking a Lambda function synchronously", "How Lambda handles errors and retries with asynchronous invocation",
"Capturing records of Lambda asynchronous invocations".
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from headcount_sandbox.platform.deployment import Function
from headcount_sandbox.platform.function_pool import (
    RECURSION,
    FunctionPool,
    Invocation,
    Outcome,
    is_stopped,
    stopped,
)
from headcount_sandbox.platform.lineage import Lineage, lineage_of
from headcount_sandbox.world.clock import real_seconds, world_time
from headcount_sandbox.world.timers import Timers

# Lambda waits one and two minutes; nobody waits that long for a laptop.
RETRY_DELAYS = (1.0, 2.0)
_MAXIMUM_PAYLOADS = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024, "DryRun": 6 * 1024 * 1024}

InvokeAnswer = tuple[int, Mapping[str, str], bytes]
# Puts a message (body, string attributes, message group or None) into the queue with this ARN.
SendToQueue = Callable[[str, str, Mapping[str, str], str | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """An asynchronous invocation on its way; `attempt` counts from 1, `accepted_at` is monotonic."""

    function: Function
    payload: bytes
    request_id: str
    accepted_at: float
    lineage: Lineage = field(default_factory=Lineage)
    attempt: int = 1


class Invocations:
    """Runs functions by name. `copies` says how often an asynchronous invocation of a function is to arrive."""

    def __init__(
        self,
        pools: Mapping[str, FunctionPool],
        *,
        send: SendToQueue,
        timers: Timers,
        copies: Callable[[str], int],
        retry_delays: tuple[float, ...] = RETRY_DELAYS,
    ) -> None:
        self._pools = pools
        self._copies = copies
        self._send = send
        self._timers = timers
        self._retry_delays = retry_delays

    def invoke(self, function_name: str, payload: bytes, invocation_type: str, trace: str = "", /) -> InvokeAnswer:
        """Answers an Invoke request for a function of this name: status, headers and body."""
        pool = self._pools.get(function_name)
        if pool is None:
            message = f"Function not found: {function_name}"
            return _refusal(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", message)
        payload = payload or b"{}"
        maximum = _MAXIMUM_PAYLOADS.get(invocation_type or "RequestResponse")
        if maximum is None:
            return _refusal(
                HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", f"Unknown invocation type {invocation_type}"
            )
        if len(payload) > maximum:
            message = f"Request must be smaller than {maximum} bytes for the InvokeFunction operation"
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", message)
        try:
            json.loads(payload)
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            return _refusal(HTTPStatus.BAD_REQUEST, "InvalidRequestContentException", message)
        lineage = lineage_of([trace])
        match invocation_type:
            case "DryRun":
                return HTTPStatus.NO_CONTENT, {}, b""
            case "Event":
                request_id = self.invoke_asynchronously(pool.function, payload, lineage)
                return HTTPStatus.ACCEPTED, {"x-amzn-RequestId": request_id}, b""
            case _ if is_stopped(pool.function, lineage):
                return _refusal(HTTPStatus.BAD_REQUEST, "RecursiveInvocationException", RECURSION)
            case _:
                return _synchronous(pool, payload, lineage)

    def invoke_asynchronously(self, function: Function, payload: bytes, lineage: Lineage | None = None) -> str:
        """Takes an event for a function and returns at once; the request id."""
        event = _Event(
            function=function,
            payload=payload,
            request_id=str(uuid.uuid4()),
            accepted_at=time.monotonic(),
            lineage=lineage or Lineage(),
        )
        for _ in range(self._copies(function.name)):
            self._attempt(event)
        return event.request_id

    def _attempt(self, event: _Event) -> None:
        invocation = Invocation(
            payload=event.payload,
            request_id=event.request_id,
            done=lambda outcome: self._attempted(event, outcome),
            lineage=event.lineage,
        )
        pool = self._pools.get(event.function.name)
        if pool is None:
            return  # it was deleted meanwhile
        if is_stopped(event.function, event.lineage):
            self._give_up(event, stopped(invocation), "RecursiveInvocation")
        else:
            pool.submit(invocation)

    def _attempted(self, event: _Event, outcome: Outcome) -> None:
        if not outcome.failed:
            return
        settings = event.function.asynchronous
        if event.attempt > settings.maximum_retry_attempts:
            self._give_up(event, outcome, "RetriesExhausted")
            return
        delay = self._retry_delays[min(event.attempt, len(self._retry_delays)) - 1]
        if time.monotonic() + delay - event.accepted_at > real_seconds(settings.maximum_event_age):
            self._give_up(event, outcome, "EventAgeExceeded")
            return
        following = replace(event, attempt=event.attempt + 1)
        self._timers.after(delay, lambda: self._attempt(following))

    def _give_up(self, event: _Event, outcome: Outcome, condition: str) -> None:
        settings = event.function.asynchronous
        if settings.on_failure is not None:
            self._send(settings.on_failure, json.dumps(_invocation_record(event, outcome, condition)), {}, None)
        if settings.dead_letter_queue is not None:
            error = json.loads(outcome.payload)
            attributes = {
                "RequestID": event.request_id,
                "ErrorCode": "200",
                "ErrorMessage": str(error.get("errorMessage", ""))[:1024],
            }
            self._send(settings.dead_letter_queue, event.payload.decode(), attributes, None)


def _synchronous(pool: FunctionPool, payload: bytes, lineage: Lineage) -> InvokeAnswer:
    finished = threading.Event()
    outcomes: list[Outcome] = []

    def done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        finished.set()

    pool.submit(Invocation(payload=payload, done=done, lineage=lineage))
    finished.wait()
    (outcome,) = outcomes
    headers = {
        "Content-Type": "application/json",
        "x-amzn-RequestId": outcome.request_id,
        "X-Amz-Executed-Version": "$LATEST",
    }
    if outcome.failed:
        headers["X-Amz-Function-Error"] = "Unhandled"
    return HTTPStatus.OK, headers, outcome.payload


def _refusal(status: HTTPStatus, error_type: str, message: str) -> InvokeAnswer:
    body = json.dumps({"Type": "User", "Message": message, "message": message}).encode()
    return status, {"Content-Type": "application/json", "x-amzn-ErrorType": error_type}, body


def _invocation_record(event: _Event, outcome: Outcome, condition: str) -> dict[str, Any]:
    return {
        "version": "1.0",
        "timestamp": datetime.fromtimestamp(world_time(), UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{event.function.arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": event.attempt,
        },
        "requestPayload": json.loads(event.payload),
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": json.loads(outcome.payload),
    }
