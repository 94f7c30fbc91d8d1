"""What GetMetricData and alarms ask for: metrics with their statistics, and metric math over them by their ids."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.cloudwatch.metric_math import (
    Around,
    MetricMathError,
    Series,
    Value,
    calculate,
    names_in,
)
from headcount_sandbox.world.cloudwatch.metrics import Metric, Metrics, statistic

MINUTE = 60
MOST_QUERIES = 500
_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One item of GetMetricData: a metric, or (metric None) an expression. `period` is in seconds."""

    query_id: str
    metric: Metric | None = None
    statistic: str = ""
    period: int = MINUTE
    unit: str | None = None
    expression: str = ""
    label: str | None = None
    returned: bool = True

    @property
    def name(self) -> str:
        """What METRICS("...") looks in, and the label of those that have none."""
        return self.label or (self.query_id if self.metric is None else self.metric.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When periods begin, oldest first, and how long they take (shorter than on AWS where minutes are)."""

    starts: tuple[float, ...]
    length: float


class Queries:
    """A checked set of queries; raises `ApiError` for what CloudWatch refuses."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self.all = tuple(queries)
        self._by_id = {query.query_id: query for query in queries}
        self.period = max((query.period for query in queries if query.metric), default=MINUTE)
        if len(self.all) > MOST_QUERIES:
            raise _refused(f"The collection MetricDataQueries must have a size of at most {MOST_QUERIES}.")
        if len(self._by_id) < len(self.all):
            raise _refused("The values for parameter id in MetricDataQueries are not unique.")
        for query in self.all:
            if not _ID.fullmatch(query.query_id):
                raise _refused(f"The value {query.query_id} for parameter MetricDataQueries.member.Id is not matching.")
            if query.metric is None:
                self._check(query)

    def answers(self, metrics: Metrics, window_of: Callable[[int], Window]) -> dict[str, Value]:
        """The value of every query that is to be returned; `window_of` says when periods of a length begin."""
        known: dict[str, Value] = {}
        return {
            query.query_id: self._value(query.query_id, metrics, window_of, known)
            for query in self.all
            if query.returned
        }

    def _value(
        self, query_id: str, metrics: Metrics, window_of: Callable[[int], Window], known: dict[str, Value]
    ) -> Value:
        if query_id in known:
            return known[query_id]
        query, value_of = self._by_id[query_id], partial(self._look_up, metrics, window_of, known)
        if query.metric is not None:
            found: Value = series_of(query, metrics, window_of(query.period))
        else:
            around = Around(
                value_of=value_of,
                period_of=lambda name: self._by_id[name].period,
                metrics=lambda: {each.name: _series(value_of(each.query_id)) for each in self.all if each.metric},
                starts=window_of(self.period).starts,
            )
            try:
                found = calculate(query.expression, around)
            except MetricMathError as error:
                raise _wrong(query, error) from error
            if isinstance(found, float) and query.returned:
                raise _wrong(query, MetricMathError("it does not return a time series"))
        known[query_id] = found
        return found

    def _look_up(
        self, metrics: Metrics, window_of: Callable[[int], Window], known: dict[str, Value], query_id: str
    ) -> Value:
        return self._value(query_id, metrics, window_of, known)

    def _check(self, query: Query, seen: tuple[str, ...] = ()) -> None:
        """That an expression can be read, and leads to metrics and not to itself."""
        try:
            names = names_in(query.expression)
        except MetricMathError as error:
            raise _wrong(query, error) from error
        for name in sorted(names):
            other = self._by_id.get(name)
            if other is None:
                raise _wrong(query, MetricMathError(f"there is no {name}"))
            if name in (*seen, query.query_id):
                raise _wrong(query, MetricMathError(f"{name} leads to itself"))
            if other.metric is None:
                self._check(other, (*seen, query.query_id))


def series_of(query: Query, metrics: Metrics, window: Window) -> Series:
    """The values of a metric, of those periods that have data."""
    assert query.metric is not None
    found = {}
    for start in window.starts:
        samples = metrics.between(query.metric, start, start + window.length, query.unit)
        value = statistic(samples, query.statistic)
        if value is not None:
            found[start] = value
    return found


def queries_of(documents: Sequence[Mapping[str, Any]]) -> Queries:
    """From MetricDataQueries, or the Metrics of an alarm."""
    return Queries([_query(document) for document in documents])


def _query(document: Mapping[str, Any]) -> Query:
    plain = {
        "query_id": document["Id"],
        "label": document.get("Label"),
        "returned": document.get("ReturnData", True),
    }
    if ("MetricStat" in document) == ("Expression" in document):
        raise _refused("Each of MetricDataQueries has either a MetricStat or an Expression.")
    if "Expression" in document:
        return Query(**plain, expression=document["Expression"], period=int(document.get("Period", MINUTE)))
    stat = document["MetricStat"]
    asked = stat["Metric"]
    return Query(
        **plain,
        metric=Metric(
            namespace=asked.get("Namespace", ""), name=asked.get("MetricName", ""), dimensions=dimensions_of(asked)
        ),
        statistic=stat["Stat"],
        period=int(stat["Period"]),
        unit=stat.get("Unit"),
    )


def dimensions_of(holder: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The dimensions of a metric, a datum or an alarm."""
    return frozenset((one["Name"], one["Value"]) for one in holder.get("Dimensions", ()))


def _series(value: Value) -> Series:
    assert isinstance(value, dict)
    return value


def _wrong(query: Query, error: MetricMathError) -> ApiError:
    return _refused(f"Error in expression '{query.query_id}': {error} [{query.expression}]")


def _refused(message: str) -> ApiError:
    return ApiError("ValidationError", message)
