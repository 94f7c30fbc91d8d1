"""A process that dies, or does something else, between any two calls of its ports."""

from collections.abc import Callable
from typing import Any, Literal

When = Literal["before", "after"]


class Killed(BaseException):
    """The process is gone: nothing that the code under test catches."""


def die() -> None:
    raise Killed


class Tripwire:
    """Counts the calls of the ports that it guards, and acts at one of them: before its effect, or after it.

    ``at``: its number, or its name.
    """

    def __init__(self, at: int | str | None = None, when: When = "before", action: Callable[[], None] = die) -> None:
        self.at = at
        self.when = when
        self.action = action
        self.calls: list[str] = []

    def guard(self, port: object, name: str) -> Any:
        """The port, watched."""
        return _Guarded(port, name, self)

    def pass_through(self, name: str, call: Callable[[], Any]) -> Any:
        number = len(self.calls)
        self.calls.append(name)
        if self.at in (number, name) and self.when == "before":
            self.action()
        answer = call()
        if self.at in (number, name) and self.when == "after":
            self.action()
        return answer


class _Guarded:
    def __init__(self, port: object, name: str, wire: Tripwire) -> None:
        self._port = port
        self._name = name
        self._wire = wire

    def __getattr__(self, method: str) -> Any:
        function = getattr(self._port, method)

        def call(*arguments: Any, **named: Any) -> Any:
            return self._wire.pass_through(f"{self._name}.{method}", lambda: function(*arguments, **named))

        return call
