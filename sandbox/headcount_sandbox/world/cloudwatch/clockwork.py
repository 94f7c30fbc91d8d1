"""What CloudWatch does by itself: every ten seconds and every minute, or faster where a world's minutes are shorter."""

from collections.abc import Sequence
from typing import Protocol

from headcount_sandbox.world.clock import real_seconds, world_time
from headcount_sandbox.world.cloudwatch.alarms import Alarms
from headcount_sandbox.world.timers import Timers

STEP_SECONDS = 10.0
STEPS_A_MINUTE = 6


class Source(Protocol):
    """An AWS service that publishes metrics."""

    def look(self, now: float) -> None:
        """Another ten seconds are over."""
        ...

    def publish(self, at: float) -> None:
        """The minute that began `at` is over."""
        ...


class Clockwork:
    """Sources look and publish, then alarms are evaluated."""

    def __init__(self, alarms: Alarms, *, timers: Timers, sources: Sequence[Source], scale: float) -> None:
        self._alarms = alarms
        self._timers = timers
        self._sources = tuple(sources)
        self._step = STEP_SECONDS / scale

    def start(self) -> None:
        """Steps are at multiples of their length, as CloudWatch's periods are."""
        self._await(int(world_time() // self._step) + 1)

    def _await(self, step: int) -> None:
        self._timers.after(real_seconds(step * self._step - world_time()), lambda: self._tick(step))

    def _tick(self, step: int) -> None:
        self._await(step + 1)
        now, is_minute = step * self._step, step % STEPS_A_MINUTE == 0
        for source in self._sources:
            source.look(now - self._step)
            if is_minute:
                source.publish(now - STEPS_A_MINUTE * self._step)
        self._alarms.evaluate(now, whole_minute=is_minute)
