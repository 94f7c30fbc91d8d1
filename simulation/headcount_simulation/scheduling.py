"""Virtual time: a heap of what happens next, and code that stops in the middle of a call until its time has come.

The loop under test is plain synchronous code. To let two invocations overlap at any call, each runs in a greenlet of
its own: where one waits, time goes on, and comes back to it when its time has come. Exactly one runs at any moment, a
switch costs less than a microsecond, and a seed decides all of it.
"""

import heapq
import itertools
from collections.abc import Callable

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process is gone: nothing that the code under test catches."""


class _Beginning:
    """Something that may wait once it has begun, so that it needs a greenlet of its own."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action = action


class Scheduler:
    """The clock (epoch seconds), and what happens when. At one moment, things happen in the order of asking."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.end = now
        self.closed = False
        self._heap: list[tuple[float, int, Callable[[], None] | _Beginning | greenlet]] = []
        self._order = itertools.count()
        self._hub = getcurrent()
        self._parked: set[greenlet] = set()
        self._idle: list[greenlet] = []  # making one takes twenty times what beginning something in it takes
        self._begun: Callable[[], None] = _nothing

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Let something happen at ``when``, or now if that is past. It takes no time: what waits is begun."""
        now = self.now
        heapq.heappush(self._heap, (max(now, when), next(self._order), action))

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Let something happen in ``delay`` seconds."""
        self.at(self.now + delay, action)

    def begin(self, action: Callable[[], None]) -> None:
        """Let something begin now that may wait (``pause``)."""
        heapq.heappush(self._heap, (self.now, next(self._order), _Beginning(action)))

    def run_until(self, end: float) -> None:
        """Let time pass. What an action fails with is raised here."""
        self.end = end
        self._hub = getcurrent()
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= end:
            self.now, _, action = pop(heap)
            if isinstance(action, greenlet):
                action.switch()
            elif isinstance(action, _Beginning):
                self._begun = action.action
                one = self._idle.pop() if self._idle else greenlet(self._work, self._hub)
                one.switch()
            else:
                action()
        self.now = max(self.now, end)

    def passes(self, until: float) -> bool:
        """Time passes until then, if nothing happens meanwhile."""
        heap = self._heap
        if (heap and heap[0][0] <= until) or until > self.end or until < self.now or self.closed:
            return False
        self.now = until
        return True

    def pause(self, until: float) -> None:
        """The running action waits."""
        if not self.passes(until):
            heapq.heappush(self._heap, (max(until, self.now), next(self._order), self._running()))
            self._let_go()

    def waker(self) -> Callable[[], None]:
        """What goes on with the running action when it has been parked."""
        running = self._running()
        return lambda: heapq.heappush(self._heap, (self.now, next(self._order), running))

    def park(self) -> None:
        """The running action waits until its waker is called."""
        running = self._running()
        self._parked.add(running)
        self._let_go()
        self._parked.discard(running)

    def close(self) -> None:
        """End what still waits."""
        self.closed = True
        waiting = [action for _, _, action in self._heap if isinstance(action, greenlet)]
        for one in {*waiting, *self._parked, *self._idle}:
            one.throw(Killed)
        self._heap.clear()
        self._parked.clear()
        self._idle.clear()

    def _work(self) -> None:
        """What a greenlet does: one thing after the other that begins."""
        myself = getcurrent()
        while True:
            try:  # noqa: SIM105  # ``suppress`` takes ten times as long
                self._begun()
            except Killed:
                pass  # a process that ended ends nothing else
            if self.closed:
                return
            self._idle.append(myself)
            try:
                self._hub.switch()
            except Killed:  # all is over
                return

    def _running(self) -> greenlet:
        running = getcurrent()
        assert running is not self._hub, "what waits is begun"
        return running

    def _let_go(self) -> None:
        if self.closed:
            raise Killed
        self._hub.switch()


def _nothing() -> None:
    """Nothing has begun yet."""
