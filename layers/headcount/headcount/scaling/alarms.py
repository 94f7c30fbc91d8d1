"""When an alarm changes its state: CloudWatch's M of N, and what it makes of missing data.

Source: "Evaluating an alarm" and "How alarms treat missing data" of CloudWatch's guide. Stateless: None stands for "as
it was".
"""

import operator
from collections.abc import Callable, Mapping, Sequence

from headcount.model.metrics import AlarmState, AlarmTerms, Comparison

LOOKED_BACK = 2  # periods beyond N that are looked at when data is missing

_COMPARISONS: Mapping[Comparison, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def is_breaching(value: float, terms: AlarmTerms) -> bool:
    """Whether a value is beyond the threshold."""
    return _COMPARISONS[terms.comparison](value, terms.threshold)


def evaluate_alarm(points: Sequence[float | None], terms: AlarmTerms) -> AlarmState | None:
    """The state that points ask for (those of N + ``LOOKED_BACK`` periods, oldest first, None is missing).

    With N values or more among them the newest N count, whatever is missing; else gaps are filled as the alarm says, as
    few as possible. None: the alarm keeps the state that it has.
    """
    values = [point for point in points if point is not None][-terms.periods :]
    breaching = sum(is_breaching(value, terms) for value in values)
    gaps = terms.periods - len(values)
    match terms.missing if gaps else "notBreaching":
        case "breaching":
            return _state(breaching + gaps, terms)
        case "notBreaching":
            return _state(breaching, terms)
        case "ignore":
            undecided = breaching == len(values) < terms.to_alarm
            return None if undecided else _state(breaching, terms)
    return _of_what_is_there(points, breaching, len(values), terms)


def _of_what_is_there(
    points: Sequence[float | None], breaching: int, values: int, terms: AlarmTerms
) -> AlarmState | None:
    """``missing``: breaches that nothing denies are an alarm once the first is as old as M periods, and not before."""
    if not values:
        return "INSUFFICIENT_DATA"
    if breaching < values or breaching >= terms.to_alarm:
        return _state(breaching, terms)
    oldest = next(len(points) - number for number, point in enumerate(points) if point is not None)
    return "ALARM" if oldest >= terms.to_alarm else None


def _state(breaching: int, terms: AlarmTerms) -> AlarmState:
    return "ALARM" if breaching >= terms.to_alarm else "OK"
