"""The threads of one invocation: several calls at once, each of which may be the one that the process dies in."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from headcount_simulation.calls import Calls, Invocation
from headcount_simulation.scheduling import Killed, Scheduler


class Crew:
    """Works on ``arguments`` with several hands. Answers come in the order of the arguments, as from a thread pool."""

    def __init__(
        self,
        scheduler: Scheduler,
        calls: Calls,
        invocation: Invocation,
        function: Callable[[Any], Any],
        arguments: Sequence[Any],
    ) -> None:
        self.scheduler = scheduler
        self.calls = calls
        self.invocation = invocation
        self.function = function
        self.left = list(enumerate(arguments))[::-1]
        self.answers: list[Callable[[], Any]] = [_no_answer] * len(arguments)
        self.busy = 0

    def work(self, hands: int) -> Iterator[Any]:
        """Wait until everything is done."""
        wake = self.scheduler.waker()
        for _ in range(min(hands, len(self.left))):
            self.busy += 1
            self.scheduler.begin(lambda: self._hand(wake))
        self.scheduler.park()
        self.calls.invocation = self.invocation
        if self.invocation.killed:
            raise Killed
        return (answer() for answer in self.answers)

    def _hand(self, wake: Callable[[], None]) -> None:
        try:
            while self.left and not self.invocation.killed:
                index, argument = self.left.pop()
                self.calls.invocation = self.invocation
                self.answers[index] = self._one(argument)
        except Killed:
            self.invocation.killed = True  # a process dies with all its threads
            if self.scheduler.closed:
                raise
        self.busy -= 1
        if not self.busy:
            wake()

    def _one(self, argument: Any) -> Callable[[], Any]:
        try:
            answer = self.function(argument)
        except Exception as error:  # noqa: BLE001  # it is raised where the answer is read, as a future does
            failure = error
            return lambda: _fail(failure)
        return lambda: answer


def _fail(error: Exception) -> Any:
    raise error


def _no_answer() -> Any:
    raise Killed
