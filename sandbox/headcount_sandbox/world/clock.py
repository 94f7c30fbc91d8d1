"""The time of the world: everything that AWS writes down or waits for by the clock. It may begin on another day and run
faster than the machine's.

Processes take the time that they take: time-outs of functions, visibility timeouts of queues and what a task does are
of the machine's time. moto has one set of records a process, so there is one clock a process, too.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Begins at `start` (now, if there is none) with the world that has it; `scale` 60 turns a minute into a second."""

    scale: float = 1.0
    start: datetime | None = None
    _made: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"The scale of a clock is a number above 0, not {self.scale!r}")
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError(f"The start of a clock needs a time zone: {self.start.isoformat()}")

    def started(self) -> "Clock":
        """The same, beginning now."""
        return replace(self, _made=time.time())

    def now(self) -> float:
        """Epoch seconds."""
        return self.origin + (time.time() - self._made) * self.scale

    @property
    def origin(self) -> float:
        """When it began, in epoch seconds of its own."""
        return self._made if self.start is None else self.start.timestamp()

    @property
    def is_the_machines(self) -> bool:
        """Whether it tells what any clock on the wall tells."""
        return self.start is None and self.scale == 1

    def as_text(self) -> str:
        """For processes that are to have the same time: real epoch seconds, those of this clock, scale."""
        return f"{self._made!r} {self.origin!r} {self.scale!r}"


_clock = Clock()


def set_clock(clock: Clock) -> None:
    """The clock of the world that starts now."""
    global _clock  # noqa: PLW0603 - one world at a time in a process, as with moto's records
    _clock = clock


def world_clock() -> Clock:
    """The clock of the world that runs."""
    return _clock


def world_time() -> float:
    """Epoch seconds in the world."""
    return _clock.now()


def real_seconds(seconds: float) -> float:
    """How long so many seconds of the world take."""
    return seconds / _clock.scale
