"""Metric data of the last day, by metric, and what a statistic makes of it."""

import math
import re
import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from headcount_sandbox.world.clock import world_time

KEPT_SECONDS = 86_400.0
_SLACK_SECONDS = 3600.0  # old data is dropped once an hour
_AT = attrgetter("at")
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric is one only with all of its dimensions."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Data of one moment (epoch seconds); `values` with how often each came, none where only statistics were given."""

    at: float
    minimum: float
    maximum: float
    total: float
    count: float
    values: tuple[tuple[float, float], ...] = ()
    unit: str | None = None


def sample(at: float, values: Mapping[float, float], unit: str | None = None) -> Sample:
    """A sample of values, each with how often it came; there must be one."""
    return Sample(
        at=at,
        minimum=min(values),
        maximum=max(values),
        total=sum(value * count for value, count in values.items()),
        count=sum(values.values()),
        values=tuple(values.items()),
        unit=unit,
    )


def statistic(samples: Sequence[Sample], name: str) -> float | None:
    """Average, Sum, Minimum, Maximum, SampleCount or a percentile (`p99`); None without data."""
    count = sum(one.count for one in samples)
    if not count:
        return None
    match name:
        case "Sum":
            return sum(one.total for one in samples)
        case "Average":
            return sum(one.total for one in samples) / count
        case "Minimum":
            return min(one.minimum for one in samples)
        case "Maximum":
            return max(one.maximum for one in samples)
        case "SampleCount":
            return count
    found = _PERCENTILE.fullmatch(name)
    return _percentile(samples, float(found[1])) if found else None


def _percentile(samples: Iterable[Sample], percent: float) -> float | None:
    values = sorted(pair for one in samples for pair in one.values)
    wanted: float = math.ceil(sum(count for _, count in values) * percent / 100)
    for value, count in values:
        wanted -= count
        if wanted <= 0:
            return value
    return None


class Metrics:
    """Keeps samples for a day. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: dict[Metric, list[Sample]] = {}  # in the order of their times

    def add(self, metric: Metric, taken: Sample) -> None:
        with self._lock:
            kept = self._samples.setdefault(metric, [])
            insort(kept, taken, key=_AT)
            if kept[0].at < world_time() - KEPT_SECONDS - _SLACK_SECONDS:
                del kept[: bisect_left(kept, world_time() - KEPT_SECONDS, key=_AT)]

    def known(self) -> list[Metric]:
        """Every metric that has data."""
        with self._lock:
            return list(self._samples)

    def between(self, metric: Metric, start: float, end: float, unit: str | None = None) -> list[Sample]:
        """Samples at or after `start` and before `end`; with a unit, only those that have it."""
        with self._lock:
            kept = self._samples.get(metric, [])
            meant = kept[bisect_left(kept, start, key=_AT) : bisect_left(kept, end, key=_AT)]
        return [one for one in meant if unit in (None, one.unit)]
