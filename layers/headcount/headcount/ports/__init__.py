"""What the loop needs from the world. Adapters stand in ``headcount.aws``; fakes pass the same contract tests.

Every method may raise ``TransientError`` (``Throttled`` among them): the call may or may not have taken effect.

Here stands what every function needs; what only some need has modules of its own, so that each function starts with no
more than it uses.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from headcount.model.values import dataclass

Clock = Callable[[], float]
"""Epoch seconds now."""

Spread = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""``map``, or one that runs several calls at once: answers come in the order of the arguments."""

LONGEST_TIMER_SECONDS = 900.0
"""SQS delays a message by 15 minutes at most: a pass that is to come later is woken by the audit."""


class Kicks(Protocol):
    """Messages that say: service X, look again."""

    def kick(self, service: str, pass_number: int | None, cause: str, event_at: float | None = None) -> None:
        """Send a kick; one that was sent for the same pass number is dropped. None: never dropped."""
        ...


class WakeStore(Protocol):
    """What ``wake_services`` reads."""

    def next_wake(self, service: str) -> tuple[float | None, int | None]:
        """The recorded wake time and the pass number."""
        ...

    def next_scaling_look(self, service: str) -> float | None:
        """When ``decide_scaling`` wants to look again, as it is recorded."""
        ...


class ScalingRequests(Protocol):
    """Asks ``decide_scaling`` to look at a service: by an asynchronous invocation, which Lambda itself repeats."""

    def ask(self, service: str, cause: str) -> None:
        """Send one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMark:
    """What the index tells of a service without reading it. None where the record does not exist (yet)."""

    service: str
    generation: int | None = None
    seen_generation: int | None = None
    pass_number: int | None = None
    next_wake: float | None = None
    deleting: bool = False
