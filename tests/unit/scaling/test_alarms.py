"""CloudWatch's evaluation: the tables of its guide on missing data, M of N, and the sides of a threshold."""

from typing import Final

import pytest

from headcount.model.metrics import AlarmTerms, Comparison, MetricSeries, MissingData
from headcount.scaling.alarms import evaluate_alarm, is_breaching
from headcount.scaling.series import current, latest, window
from unit.scaling.policies import NOW, a_series

TREATMENTS: Final[tuple[MissingData, ...]] = ("missing", "ignore", "breaching", "notBreaching")
POINTS: Final = {"0": 0.0, "X": 100.0, "-": None}
WORDS: Final = {"OK": "OK", "ALARM": "ALARM", "?": "INSUFFICIENT_DATA", "keep": None}


def evaluated(points: str, to_alarm: int, missing: MissingData) -> str | None:
    terms = AlarmTerms(comparison="GreaterThanThreshold", threshold=50.0, periods=3, to_alarm=to_alarm, missing=missing)
    return evaluate_alarm([POINTS[point] for point in points.split()], terms)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("0 - X - X", "OK OK OK OK"),
        ("0 - - - -", "OK OK OK OK"),
        ("- - - - -", "? keep ALARM OK"),
        ("0 X X - X", "ALARM ALARM ALARM ALARM"),
        ("- - X - -", "ALARM keep ALARM OK"),
        ("- - - - X", "keep keep ALARM OK"),
        # not in the guide
        ("X X X X 0", "OK OK OK OK"),
        ("0 0 X X X", "ALARM ALARM ALARM ALARM"),
        ("X X - - -", "ALARM keep ALARM OK"),
    ],
)
def test_three_of_three(points: str, expected: str) -> None:
    assert [evaluated(points, 3, one) for one in TREATMENTS] == [WORDS[word] for word in expected.split()]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("0 - X - X", "ALARM ALARM ALARM ALARM"),
        ("0 0 X 0 X", "ALARM ALARM ALARM ALARM"),
        ("0 - X - -", "OK OK ALARM OK"),
        ("- - - - 0", "OK OK ALARM OK"),
        ("- - - X -", "ALARM keep ALARM OK"),
        # not in the guide
        ("- - - - X", "keep keep ALARM OK"),
        ("X X 0 0 X", "OK OK OK OK"),
        ("- - - - -", "? keep ALARM OK"),
    ],
)
def test_two_of_three(points: str, expected: str) -> None:
    assert [evaluated(points, 2, one) for one in TREATMENTS] == [WORDS[word] for word in expected.split()]


@pytest.mark.parametrize(
    ("comparison", "below", "on", "above"),
    [
        ("GreaterThanThreshold", False, False, True),
        ("GreaterThanOrEqualToThreshold", False, True, True),
        ("LessThanThreshold", True, False, False),
        ("LessThanOrEqualToThreshold", True, True, False),
    ],
)
def test_the_sides_of_a_threshold(comparison: Comparison, below: bool, on: bool, above: bool) -> None:
    terms = AlarmTerms(comparison=comparison, threshold=50.0)
    assert [is_breaching(value, terms) for value in (49.0, 50.0, 51.0)] == [below, on, above]


def test_the_period_that_has_not_ended_does_not_count() -> None:
    series = a_series(1.0, 2.0, now=NOW + 60)  # the last one began at NOW
    assert window(series, 2, NOW + 59.9) == (None, 1.0)
    assert window(series, 2, NOW + 60) == (1.0, 2.0)


def test_points_may_come_in_any_order_and_twice() -> None:
    series = a_series(1.0, None, 3.0)
    shuffled = MetricSeries(points=tuple(reversed(series.points)) + series.points)
    assert window(shuffled, 4, NOW) == (None, 1.0, None, 3.0)


def test_what_is_no_number_is_no_data() -> None:
    series = a_series(7.0, float("nan"), float("inf"))
    assert window(series, 3, NOW) == (7.0, None, None)
    assert latest(series, 3, NOW) == (NOW - 180, 7.0)
    assert latest(series, 2, NOW) is None
    assert current(MetricSeries(points=((NOW, float("nan")),)), NOW) is None


def test_what_is_read_directly_counts_at_once_and_not_for_ever() -> None:
    series = MetricSeries(points=((NOW - 10, 5.0),))
    assert current(series, NOW) == (NOW - 10, 5.0)
    assert current(series, NOW + 290) == (NOW - 10, 5.0)
    assert current(series, NOW + 291) is None
    assert current(series, NOW - 11) is None


def test_high_resolution_periods() -> None:
    series = a_series(1.0, 2.0, 3.0, period=10)
    assert window(series, 3, NOW) == (1.0, 2.0, 3.0)
    assert window(series, 3, NOW + 9) == (1.0, 2.0, 3.0)
    assert window(series, 3, NOW + 10) == (2.0, 3.0, None)
