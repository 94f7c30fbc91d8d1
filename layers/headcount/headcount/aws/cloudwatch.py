"""CloudWatch: values of metrics, in as few calls as it allows."""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.cloudwatch_shapes import query_document
from headcount.aws.failures import refusal, translated
from headcount.model.metrics import MINUTE, MetricQuery, MetricSeries
from headcount.model.scaling_resources import MetricsWanted
from headcount.model.values import dataclass, replace

QUERIES_A_CALL = 500
FINE_GRAINED_FOR = 3 * 3600.0  # seconds for which values of less than a minute are kept
_WORD = re.compile(r"""'[^']*'|"[^"]*"|[A-Za-z][A-Za-z0-9_]*""")
_ALL_METRICS = re.compile(r"\bMETRICS\s*\(")

Answer = Mapping[str, MetricSeries] | str
"""Series by the id of their query; else why they cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What one policy asks for, with ids that nobody else in the call uses: each begins with ``prefix``; empty for one
    that is asked for alone.
    """

    wanted: MetricsWanted
    prefix: str

    @property
    def period(self) -> int:
        """Seconds: of the coarsest metric, which is the one of what is calculated."""
        return max(self.periods, default=MINUTE)

    @property
    def periods(self) -> list[int]:
        return [query.stat.period for query in self.wanted.queries if query.stat is not None]

    def start(self, now: float) -> float:
        """Epoch seconds: the beginning of the first period that is wanted."""
        return (math.floor(now / self.period) - self.wanted.periods) * self.period

    def documents(self) -> Iterator[dict[str, Any]]:
        names = {query.query_id for query in self.wanted.queries}
        for query in self.wanted.queries:
            document = query_document(query) | {"Id": f"{self.prefix}{query.query_id}"}
            if query.expression:
                document["Expression"] = self._renamed(query, names)
            yield document

    def _renamed(self, query: MetricQuery, names: set[str]) -> str:
        """The expression with the ids of the call. What stands in quotes is a name of something else."""
        return _WORD.sub(lambda word: f"{self.prefix}{word[0]}" if word[0] in names else word[0], query.expression)


@dataclasses.dataclass(slots=True)
class _Found:
    """What came back for one query, over all pages."""

    # by label: an expression may give many
    points: dict[str, list[tuple[float, float]]] = dataclasses.field(default_factory=dict)
    status: str = "Complete"
    said: str = ""


class CloudWatchMetrics:
    """The ``Metrics`` on CloudWatch. ``client`` is boto3's."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def read(self, wanted: Sequence[MetricsWanted], now: float) -> Mapping[str, Answer]:
        """One call, more where AWS's limits ask for it; what CloudWatch refuses is asked once more, each alone."""
        asking = [one for one in wanted if one.queries]
        asked = [
            _Asked(wanted=one, prefix=f"p{number}_" if len(asking) > 1 else "") for number, one in enumerate(asking)
        ]
        answers: dict[str, Answer] = {one.policy: {} for one in wanted if not one.queries}
        for together in _calls(asked, now):
            answers |= self._together(together, now)
        return answers

    def _together(self, asked: Sequence[_Asked], now: float) -> dict[str, Answer]:
        try:
            with translated():
                found = self._pages(asked, now)
        except ClientError as error:
            if not asked[0].prefix:
                return {asked[0].wanted.policy: refusal(error)}
            answers: dict[str, Answer] = {}
            for one in asked:  # in its own words: what is said to people is, and nothing is longer than it may be
                answers |= self._together([replace(one, prefix="")], now)
            return answers
        return {one.wanted.policy: _answer(one, found) for one in asked}

    def _pages(self, asked: Sequence[_Asked], now: float) -> dict[str, _Found]:
        """What was found, by the id in the call. Periods begin at multiples of their length."""
        step = math.lcm(*(period for one in asked for period in (one.periods or [MINUTE])))
        start = math.floor(min(one.start(now) for one in asked) / step) * step
        request = {
            "MetricDataQueries": [document for one in asked for document in one.documents()],
            "StartTime": datetime.fromtimestamp(start, UTC),
            "EndTime": datetime.fromtimestamp(math.ceil(now), UTC),
            "ScanBy": "TimestampAscending",
        }
        found: dict[str, _Found] = {}
        for page in self.client.get_paginator("get_metric_data").paginate(**request):
            for result in page["MetricDataResults"]:
                one = found.setdefault(result["Id"], _Found())
                values = zip(result["Timestamps"], result["Values"], strict=True)
                points = one.points.setdefault(result.get("Label", ""), [])
                points += ((_epoch(at), value) for at, value in values)
                one.status = result.get("StatusCode", "Complete")
                one.said = " ".join(message["Value"] for message in result.get("Messages", ()))
        return found


def _calls(asked: Sequence[_Asked], now: float) -> Iterator[list[_Asked]]:
    """Who asks together: no more queries than a call takes, all of one range of time.

    An expression over all metrics of a call (``METRICS()``) has a call for itself; and values of less than a minute
    cannot be asked for from further back than they are kept, however far others look.
    """
    shared: dict[bool, list[_Asked]] = {}
    for one in asked:
        is_long = now - one.start(now) > FINE_GRAINED_FOR
        if any(_ALL_METRICS.search(query.expression) for query in one.wanted.queries):
            yield [_Asked(wanted=one.wanted, prefix="")]
            continue
        together = shared.setdefault(is_long, [])
        if sum(len(other.wanted.queries) for other in (*together, one)) > QUERIES_A_CALL:
            yield shared.pop(is_long)
            together = shared.setdefault(is_long, [])
        together.append(one)
    yield from shared.values()


def _epoch(at: datetime | float) -> float:
    """A time of an answer; some of Headcount's functions leave them as the numbers that AWS sends."""
    return at.timestamp() if isinstance(at, datetime) else at


def _answer(asked: _Asked, found: Mapping[str, _Found]) -> Answer:
    """The series that a policy wants, or the first reason why one of them is not whole."""
    series: dict[str, MetricSeries] = {}
    for query in asked.wanted.queries:
        if not query.returned:
            continue
        one = found.get(f"{asked.prefix}{query.query_id}", _Found())
        if one.status != "Complete":
            return f"CloudWatch answers {one.status} for {query.query_id}{f': {one.said}' if one.said else ''}"
        if len(one.points) > 1:
            return f"{query.query_id} gives {len(one.points)} series: one is allowed"
        points = next(iter(one.points.values()), [])
        period = query.stat.period if query.stat is not None else asked.period
        series[query.query_id] = MetricSeries(points=tuple(sorted(points)), period=period)
    return series
