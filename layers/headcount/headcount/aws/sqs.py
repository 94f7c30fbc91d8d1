"""SQS: kicks on the FIFO queue, timers on a standard one."""

import hashlib
import json
import math
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from headcount.aws.failures import translated
from headcount.ports import LONGEST_TIMER_SECONDS

SCHEMA = 1
SCALING = "scaling"  # what a timer is for, where it is not for a pass


def message_group(service: str) -> str:
    """The FIFO group of a service: names may be longer than the 128 characters that SQS allows."""
    return hashlib.sha256(service.encode()).hexdigest()


class SqsKicks:
    """The ``Kicks`` on a FIFO queue without content-based deduplication."""

    def __init__(self, client: Any, queue_url: str, clock: Callable[[], float]) -> None:
        self.client = client
        self.queue_url = queue_url
        self.clock = clock

    def kick(self, service: str, pass_number: int | None, cause: str, event_at: float | None = None) -> None:
        """SQS drops a repeated id for five minutes, even after the first was handled: the pass number makes it new."""
        once = uuid.uuid4().hex if pass_number is None else f"{service}#{pass_number}"
        body = {"schema": SCHEMA, "service": service, "cause": cause, "eventAt": event_at, "sentAt": self.clock()}
        with translated():
            self.client.send_message(
                QueueUrl=self.queue_url,
                MessageBody=json.dumps(body),
                MessageGroupId=message_group(service),
                MessageDeduplicationId=hashlib.sha256(once.encode()).hexdigest(),
            )


class SqsTimers:
    """The ``Timers`` on a standard queue."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self.client = client
        self.queue_url = queue_url

    def wake(self, service: str, at: float, now: float) -> None:
        """A message that comes back at ``at``, rounded up to seconds; beyond 15 minutes the audit wakes instead."""
        _send_later(self.client, self.queue_url, {"schema": SCHEMA, "service": service, "at": at}, at - now)


class SqsScalingTimers:
    """The ``ScalingTimers`` on the same queue."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self.client = client
        self.queue_url = queue_url

    def wake(self, service: str, at: float, now: float) -> None:
        """Likewise; beyond 15 minutes a pass asks instead."""
        message = {"schema": SCHEMA, "service": service, "at": at, "for": SCALING}
        _send_later(self.client, self.queue_url, message, at - now)


def _send_later(client: Any, queue_url: str, message: Mapping[str, Any], seconds: float) -> None:
    delay = max(0, math.ceil(seconds))
    if delay > LONGEST_TIMER_SECONDS:
        return
    with translated():
        client.send_message(QueueUrl=queue_url, MessageBody=json.dumps(message), DelaySeconds=delay)
