"""When an alarm changes its state: CloudWatch's rules of M out of N and of missing data. Pure functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Missing = Literal["missing", "notBreaching", "breaching", "ignore"]

LOOKED_BACK = 2  # periods beyond N that are looked at when data is missing

_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (lambda value, threshold: value > threshold, "greater than"),
    "GreaterThanOrEqualToThreshold": (lambda value, threshold: value >= threshold, "greater than or equal to"),
    "LessThanThreshold": (lambda value, threshold: value < threshold, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, threshold: value <= threshold, "less than or equal to"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What makes an alarm: `to_alarm` (M) of the last `periods` (N) points beyond the threshold."""

    comparison: str
    threshold: float
    periods: int
    to_alarm: int
    missing: Missing = "missing"

    @property
    def is_known(self) -> bool:
        """Whether the comparison is with a threshold, and not with a band of anomaly detection."""
        return self.comparison in _COMPARISONS

    @property
    def words(self) -> str:
        return _COMPARISONS[self.comparison][1]

    def is_breaching(self, value: float) -> bool:
        return _COMPARISONS[self.comparison][0](value, self.threshold)


def evaluate(points: Sequence[float | None], terms: Terms) -> State | None:
    """The state that points (oldest first, None is missing) ask for; None keeps the one that is.

    `points` are those of N + `LOOKED_BACK` periods. With N points or more among them only the newest N count; else gaps
    are filled as the alarm says, as few as possible.
    """
    real = [point for point in points if point is not None]
    if len(real) >= terms.periods:
        return _of(sum(map(terms.is_breaching, real[-terms.periods :])), terms)
    breaching = sum(map(terms.is_breaching, real))
    match terms.missing:
        case "breaching":
            return _of(breaching + terms.periods - len(real), terms)
        case "notBreaching":
            return _of(breaching, terms)
        case "ignore":
            return None if breaching == len(real) < terms.to_alarm else _of(breaching, terms)
    return _with_gaps(points, breaching, len(real), terms)


def _with_gaps(points: Sequence[float | None], breaching: int, real: int, terms: Terms) -> State | None:
    """`missing`: one breach that nothing newer denies is an alarm once it is as old as M periods, and not before."""
    if not real:
        return "INSUFFICIENT_DATA"
    if breaching < real or breaching >= terms.to_alarm:
        return _of(breaching, terms)
    oldest = next(len(points) - number for number, point in enumerate(points) if point is not None)
    return "ALARM" if oldest >= terms.to_alarm else None


def _of(breaching: int, terms: Terms) -> State:
    return "ALARM" if breaching >= terms.to_alarm else "OK"
