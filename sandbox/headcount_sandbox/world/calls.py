"""The ledger of API calls: what was asked, by whom, how it ended and how long it took."""

import threading
from collections import deque
from dataclasses import dataclass

from headcount_sandbox.world.api import signing_name

_KEPT_CALLS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call; `at` is its start in epoch seconds, `duration` is in seconds.

    `outcome` is `ok`, the code of an error, or what a fault did to it (`dropped`, `killed before`, `killed after`).
    """

    at: float
    access_key: str | None
    function: str | None
    service: str
    operation: str
    outcome: str
    status: int | None
    duration: float
    fault: str | None = None


class Calls:
    """The newest calls, oldest first; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=_KEPT_CALLS)

    def record(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def select(self, service: str | None = None, operation: str | None = None, since: float = 0.0) -> list[Call]:
        """Calls of a service and operation that started at or after `since` (epoch seconds)."""
        with self._lock:
            calls = tuple(self._calls)
        wanted = None if service is None else signing_name(service)
        return [
            call
            for call in calls
            if call.at >= since and wanted in (None, call.service) and operation in (None, call.operation)
        ]
