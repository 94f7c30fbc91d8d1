"""What the world tells its listeners, in order, on a thread of its own: no listener ever runs under a lock."""

import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue


class Outbox:
    """A queue of notifications and the one thread that makes them."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Delivers what was posted before, then ends."""
        self._queue.put(None)
        self._thread.join(5)

    def post(self, notification: Callable[[], None]) -> None:
        self._queue.put(notification)

    def _run(self) -> None:
        while (notification := self._queue.get()) is not None:
            try:
                notification()
            except Exception:  # noqa: BLE001 - a listener's failure is shown and must not silence the others
                traceback.print_exc()
