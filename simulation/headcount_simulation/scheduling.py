"""Virtual time: a heap of what happens next, and code that stops in the middle of a call until its time has come.

The loop under test is plain synchronous code. To let two invocations overlap at any call, time is driven by threads of
which exactly one runs at any moment. Whoever drives runs an invocation on its own stack; only where something else
happens while that waits does another thread take over, until the first one's time has come. So overlapping costs two
switches, everything else costs none, and a seed decides all of it.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from typing import Final

_idle: Final[list["_Driver"]] = []  # threads without work, for the next world too


class Killed(BaseException):
    """The process is gone: nothing that the code under test catches."""


class _Driver(threading.Thread):
    """A thread that drives time when it is told to."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.go = threading.Lock()
        self.go.acquire()
        self.drive: Callable[[_Driver], None] | None = None
        self.start()

    def run(self) -> None:
        while True:
            self.go.acquire()
            assert self.drive is not None, "a driver is woken to drive"
            self.drive(self)


class Scheduler:
    """The clock (epoch seconds), and what happens when. At one moment, things happen in the order of asking."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.end = now
        self.closed = False
        self._heap: list[tuple[float, int, Callable[[], None] | _Driver]] = []
        self._order = itertools.count()
        self._ended = threading.Lock()
        self._ended.acquire()
        self._failure: BaseException | None = None
        self._driver: _Driver | None = None
        self._waiting: set[_Driver] = set()

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Let something happen at ``when``, or now if that is past. An action may wait (``pause``)."""
        heapq.heappush(self._heap, (max(when, self.now), next(self._order), action))

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Let something happen in ``delay`` seconds."""
        self.at(self.now + delay, action)

    def next_at(self) -> float | None:
        """When the next thing happens."""
        return self._heap[0][0] if self._heap else None

    def run_until(self, end: float) -> None:
        """Let time pass. What an action fails with is raised here."""
        self.end = end
        self._hand_over()
        self._ended.acquire()
        if self._failure is not None:
            raise self._failure

    def pause(self, until: float) -> None:
        """The running action waits. Where nothing else happens meanwhile, only the clock moves."""
        heap = self._heap
        if until <= self.end and (not heap or heap[0][0] > until):
            self.now = max(self.now, until)
            return
        self.park(self.waker(until))

    def waker(self, until: float | None = None) -> Callable[[], None]:
        """What goes on with the running action, at once or at ``until``, when it has been parked."""
        driver = self._driver
        assert driver is not None, "only an action waits"
        return lambda: heapq.heappush(self._heap, (max(until or self.now, self.now), next(self._order), driver))

    def park(self, first: Callable[[], None] | None = None) -> None:
        """The running action waits until its waker is called. ``first`` is called just before."""
        driver = self._driver
        assert driver is not None, "only an action waits"
        if first is not None:
            first()
        self._waiting.add(driver)
        self._hand_over()
        driver.go.acquire()
        self._waiting.discard(driver)
        self._driver = driver
        if self.closed:
            raise Killed

    def close(self) -> None:
        """End what still waits, so that its threads are free for the next world."""
        self.closed = True
        for driver in list(self._waiting):
            driver.go.release()
            self._ended.acquire()
        self._heap.clear()

    def _hand_over(self) -> None:
        """Let a thread without work drive on."""
        driver = _idle.pop() if _idle else _Driver()
        driver.drive = self._drive
        driver.go.release()

    def _drive(self, driver: _Driver) -> None:
        self._driver = driver
        heap = self._heap
        while heap and heap[0][0] <= self.end and self._failure is None and not self.closed:
            when, _, action = heapq.heappop(heap)
            self.now = max(self.now, when)
            if isinstance(action, _Driver):
                _idle.append(driver)
                action.go.release()
                return
            try:
                action()
            except Killed:
                pass  # a process that ended ends nothing else
            except BaseException as failure:  # noqa: BLE001  # it is raised where the time is run
                self._failure = self._failure or failure
        if not self.closed:
            self.now = max(self.now, self.end)
        _idle.append(driver)
        self._ended.release()
