"""An asyncio event loop on a thread of its own, for the load balancers' connections."""

import asyncio
import threading
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class Loop:
    """Runs coroutines on its thread; `run` waits for them from any other thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="load-balancers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Waits for a coroutine and returns what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def begin(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Begins a coroutine and does not wait for it."""
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).add_done_callback(show_defect)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Runs something on the loop's thread after a while."""
        self._loop.call_soon_threadsafe(self._loop.call_later, max(0.0, seconds), action)

    def stop(self) -> None:
        """Ends what still runs, then the thread."""
        if self._thread.is_alive():
            self.run(_cancel_everything())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
        self._loop.close()


def show_defect(work: asyncio.Task[Any] | Future[Any]) -> None:
    """Nobody waits for it: what went wrong would never be seen."""
    if not work.cancelled() and (error := work.exception()) is not None:
        traceback.print_exception(error)


async def _cancel_everything() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
