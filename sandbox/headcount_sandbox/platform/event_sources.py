"""SQS event source mappings: messages of a queue invoke a function, batch by batch.

AWS: "Using Lambda with Amazon SQS". A batch that succeeds is deleted; what failed stays in flight until its visibility
timeout passes, and in a FIFO queue its message group with it. Other groups go on meanwhile: the queue hands them out.
"""

import json
import threading
from typing import Protocol

from headcount_sandbox.platform.deployment import EventSourceMapping
from headcount_sandbox.platform.function_pool import Invocation, Outcome
from headcount_sandbox.platform.lineage import lineage_of
from headcount_sandbox.platform.moto_queues import Queues, Received

_MOST_PER_RECEIVE = 10
# The world says when a message arrives; this is for messages whose visibility timeout passed.
_FALLBACK_SECONDS = 0.2


class RunsFunction(Protocol):
    """What a mapping needs of a function."""

    @property
    def capacity(self) -> int: ...

    def submit(self, invocation: Invocation) -> None: ...


class EventSource:
    """Polls for one mapping, with as many batches in flight as the function can run."""

    def __init__(self, mapping: EventSourceMapping, *, queues: Queues, pool: RunsFunction) -> None:
        self._mapping = mapping
        self._queues = queues
        self._pool = pool
        self._wake = threading.Event()
        self._stopped = False
        self._lock = threading.Lock()
        self._in_flight = 0
        self._thread = threading.Thread(target=self._run, name=f"poll-{mapping.function_name}", daemon=True)

    @property
    def queue_name(self) -> str:
        return self._mapping.queue_arn.rpartition(":")[2]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """There may be a message now."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(_FALLBACK_SECONDS)
            self._wake.clear()
            while not self._stopped and self._has_room() and self._start_batch():
                pass

    def _has_room(self) -> bool:
        capacity = self._pool.capacity
        limit = self._mapping.maximum_concurrency
        with self._lock:
            return self._in_flight < (capacity if limit is None else min(capacity, limit))

    def _start_batch(self) -> bool:
        count = min(self._mapping.batch_size, _MOST_PER_RECEIVE)
        batch = self._queues.receive(self._mapping.queue_arn, count)
        if not batch:
            return False
        with self._lock:
            self._in_flight += 1
        payload = json.dumps({"Records": [message.record for message in batch]}).encode()
        invocation = Invocation(
            payload=payload,
            done=lambda outcome: self._finish_batch(batch, outcome),
            lineage=lineage_of(message.trace_header for message in batch),
        )
        self._pool.submit(invocation)
        return True

    def _finish_batch(self, batch: list[Received], outcome: Outcome) -> None:
        succeeded = succeeded_messages(batch, outcome, reports_item_failures=self._mapping.reports_item_failures)
        self._queues.delete(self._mapping.queue_arn, [message.receipt_handle for message in succeeded])
        with self._lock:
            self._in_flight -= 1
        self.look()


def succeeded_messages(batch: list[Received], outcome: Outcome, *, reports_item_failures: bool) -> list[Received]:
    """Those that Lambda deletes: all or none, unless the function reports item failures.

    Then all but the reported ones, and none at all when the report is malformed or names an unknown message. That the
    messages after a failed one of a FIFO queue must be reported too is the function's duty on AWS, and so it is here.
    """
    if outcome.failed:
        return []
    if not reports_item_failures:
        return batch
    try:
        report = json.loads(outcome.payload) or {}
        failed = {failure["itemIdentifier"] for failure in report.get("batchItemFailures") or ()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
    if failed - {message.message_id for message in batch}:
        return []
    return [message for message in batch if message.message_id not in failed]
