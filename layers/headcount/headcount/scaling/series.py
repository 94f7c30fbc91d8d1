"""Looking at a series of values: by whole periods, as CloudWatch does it. The order of points never matters."""

import math

from headcount.model.metrics import MetricSeries

RECENT_PERIODS = 5  # how old the newest value may be where no alarm's own window says it


def window(series: MetricSeries, periods: int, now: float) -> tuple[float | None, ...]:
    """The values of the last so many whole periods before ``now``, oldest first; None where there is no data.

    The period that has not ended is left out: its value still changes.
    """
    values = _by_period(series)
    last = math.floor(now / series.period)
    return tuple(values.get(number) for number in range(last - periods, last))


def latest(series: MetricSeries, periods: int, now: float) -> tuple[float, float] | None:
    """The newest value of the last so many whole periods: (beginning of its period, value). None without any."""
    last = math.floor(now / series.period)
    values = [(number, value) for number, value in _by_period(series).items() if last - periods <= number < last]
    if not values:
        return None
    number, value = max(values)
    return float(number * series.period), value


def current(series: MetricSeries, now: float) -> tuple[float, float] | None:
    """The newest value that is not too old, one of the period that has not ended included: for what is read directly
    (the length of a queue), where the newest is the truest.
    """
    oldest = now - RECENT_PERIODS * series.period
    values = [(at, value) for at, value in series.points if oldest <= at <= now and math.isfinite(value)]
    return max(values, default=None)


def _by_period(series: MetricSeries) -> dict[int, float]:
    """By number of the period. Not a number is no data."""
    return {math.floor(at / series.period): value for at, value in sorted(series.points) if math.isfinite(value)}
