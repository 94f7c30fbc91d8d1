"""The arithmetic of measurements."""

import pytest
from bench.figures import growth_exponent, percentile
from bench.measurement import Measurement, milliseconds


def test_a_percentile_is_a_value_that_occurred() -> None:
    values = [float(value) for value in range(1, 201)]
    assert percentile(values, 99) == 198.0
    assert percentile(values, 50) == 100.0
    assert percentile([7.0], 99) == 7.0


def test_the_exponent_tells_linear_from_quadratic_growth() -> None:
    sizes = [10.0, 100.0, 1000.0]
    assert growth_exponent(sizes, [3 * size for size in sizes]) == pytest.approx(1.0)
    assert growth_exponent(sizes, [size**2 for size in sizes]) == pytest.approx(2.0)


def test_a_goal_is_the_most_that_may_be() -> None:
    at_goal = Measurement(what="median", value=100.0, unit="ms", goal=100.0)
    above = Measurement(what="median", value=150.0, unit="ms", goal=100.0)
    assert (at_goal.verdict, at_goal.of_goal) == ("met", 1.0)
    assert (above.verdict, above.of_goal) == ("missed", 1.5)


def test_without_a_goal_there_is_no_verdict() -> None:
    only = Measurement(what="passes", value=3, unit="")
    assert (only.verdict, only.of_goal) == ("", None)


def test_milliseconds_are_as_precise_as_they_deserve() -> None:
    assert [milliseconds(seconds) for seconds in (1.234, 0.0123, 0.000123)] == ["1234", "12.3", "0.12"]
