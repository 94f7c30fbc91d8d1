"""One thread for everything that happens later: state changes of a thousand tasks, messages that become visible."""

import heapq
import itertools
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True, order=True)
class Timer:
    """Something due at a monotonic time; `cancel` is safe at any moment, also after it ran."""

    due: float
    order: int
    action: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        self.action = None


class Timers:
    """Runs actions at their time on one thread; actions must be short. A failing action ends nothing but itself."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(5)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Runs `action` once, `seconds` from now."""
        timer = Timer(due=time.monotonic() + max(0.0, seconds), order=next(self._order), action=action)
        with self._changed:
            heapq.heappush(self._heap, timer)
            if self._heap[0] is timer:
                self._changed.notify()
        return timer

    def _run(self) -> None:
        while (timer := self._next_due()) is not None:
            action = timer.action
            if action is None:
                continue
            try:
                action()
            except Exception:  # noqa: BLE001 - one broken task must not stop the clock of all others
                traceback.print_exc()

    def _next_due(self) -> Timer | None:
        with self._changed:
            while not self._stopped:
                wait = self._heap[0].due - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._heap)
                self._changed.wait(wait)
        return None
