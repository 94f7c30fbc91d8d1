"""What is measured at every peer, and the arithmetic on it. Epoch seconds, and seconds."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """One lost task. ``seen_at``: when its death can be known; ``requested_at``: when another one was asked for;
    ``handed_over_at``: when the one who runs it had it in hand.
    """

    killed_at: float
    seen_at: float
    requested_at: float
    handed_over_at: float
    running_at: float

    @property
    def seen(self) -> float:
        """From the kill until it can be known."""
        return self.seen_at - self.killed_at

    @property
    def decision(self) -> float:
        """From the death that can be seen to the request for another task."""
        return self.requested_at - self.seen_at

    @property
    def handover(self) -> float:
        return self.handed_over_at - self.seen_at

    @property
    def whole(self) -> float:
        """From the kill until as many tasks run as before."""
        return self.running_at - self.killed_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledUp:
    """A higher count. ``asked_at``: when it was told; ``requested_at``: when the first further task was asked for, and
    ``all_requested_at`` the last; ``handed_over_at``: when the one who runs tasks had the first in hand.
    """

    asked_at: float
    requested_at: float
    all_requested_at: float
    handed_over_at: float
    running_at: float

    @property
    def seen(self) -> float:
        """Nothing has to be noticed: it was told."""
        return 0.0

    @property
    def decision(self) -> float:
        """From the higher count to the request for the first further task."""
        return self.requested_at - self.asked_at

    @property
    def handover(self) -> float:
        return self.handed_over_at - self.asked_at

    @property
    def whole(self) -> float:
        """From the higher count until as many tasks run."""
        return self.running_at - self.asked_at


Run = Replaced | ScaledUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Several runs of the same."""

    median: float
    least: float
    most: float


def spread(values: Iterable[float]) -> Spread:
    """Raises ``StatisticsError`` when there is none."""
    found = sorted(values)
    return Spread(median=statistics.median(found), least=found[0], most=found[-1])


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds between two looks, by whom."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}
