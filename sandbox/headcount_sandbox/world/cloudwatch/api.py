"""CloudWatch's metrics: data is kept and answered here."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from headcount_sandbox.world.api import Answer
from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.cloudwatch.metrics import Metric, Metrics, Sample, sample, statistic
from headcount_sandbox.world.cloudwatch.queries import Query, Window, dimensions_of, queries_of
from headcount_sandbox.world.wire import spoken


class CloudWatchApi:
    """Operations on metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "PutMetricData": spoken("cloudwatch", self.put_data),
            "GetMetricStatistics": spoken("cloudwatch", self.get_statistics),
            "GetMetricData": spoken("cloudwatch", self.get_data),
            "ListMetrics": spoken("cloudwatch", self.list_metrics),
        }

    def put_data(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Takes in data of up to a thousand metrics."""
        for datum in parameters.get("MetricData", ()):
            metric = Metric(
                namespace=parameters["Namespace"], name=datum["MetricName"], dimensions=dimensions_of(datum)
            )
            self._metrics.add(metric, _sample(datum))
        return {}

    def get_statistics(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """One metric, in periods that begin at multiples of their length."""
        metric = Metric(
            namespace=parameters["Namespace"], name=parameters["MetricName"], dimensions=dimensions_of(parameters)
        )
        names: Sequence[str] = parameters.get("Statistics", ())
        extended: Sequence[str] = parameters.get("ExtendedStatistics", ())
        points = []
        for start, found in self._periods(metric, parameters, parameters["Period"], parameters.get("Unit")):
            point: dict[str, Any] = {"Timestamp": _datetime(start), "Unit": found[0].unit or "None"}
            point |= {name: statistic(found, name) for name in names}
            if extended:
                point["ExtendedStatistics"] = {name: statistic(found, name) for name in extended}
            points.append(point)
        return {"Label": metric.name, "Datapoints": points}

    def get_data(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Several metrics and expressions over them at once."""
        queries = queries_of(parameters["MetricDataQueries"])
        start, end = _epoch(parameters["StartTime"]), _epoch(parameters["EndTime"])
        descending = parameters.get("ScanBy", "TimestampDescending") == "TimestampDescending"

        def window_of(period: int) -> Window:
            first = int(start // period * period)
            return Window(starts=tuple(float(at) for at in range(first, math.ceil(end), period)), length=period)

        results = []
        answers = queries.answers(self._metrics, window_of)
        for query in queries.all:
            if not query.returned:
                continue
            value = answers[query.query_id]
            several = value if isinstance(value, list) else [value]
            for number, series in enumerate(several, 1):
                assert isinstance(series, dict)
                times = sorted(series, reverse=descending)
                results.append(
                    {
                        "Id": query.query_id,
                        "Label": _label(query, number, len(several)),
                        "Timestamps": [_datetime(at) for at in times],
                        "Values": [series[at] for at in times],
                        "StatusCode": "Complete",
                    }
                )
        return {"MetricDataResults": results, "Messages": []}

    def list_metrics(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Metrics that have data, by namespace, name and dimensions."""
        wanted = [(one["Name"], one.get("Value")) for one in parameters.get("Dimensions", ())]
        return {
            "Metrics": [
                {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in sorted(metric.dimensions)],
                }
                for metric in self._metrics.known()
                if parameters.get("Namespace") in (None, metric.namespace)
                and parameters.get("MetricName") in (None, metric.name)
                and all(_has(metric, name, value) for name, value in wanted)
            ]
        }

    def _periods(
        self, metric: Metric, asked: Mapping[str, Any], period: int, unit: str | None
    ) -> list[tuple[float, list[Sample]]]:
        """The periods that have data, each with its beginning, oldest first."""
        start = _epoch(asked["StartTime"]) // period * period
        by_start: dict[float, list[Sample]] = {}
        for one in self._metrics.between(metric, start, _epoch(asked["EndTime"]), unit):
            by_start.setdefault(one.at // period * period, []).append(one)
        return sorted(by_start.items())

    # --- alarms -----------------------------------------------------------------------------------------------------


def _sample(datum: Mapping[str, Any]) -> Sample:
    at, unit = _epoch(datum["Timestamp"]) if "Timestamp" in datum else world_time(), datum.get("Unit")
    if "StatisticValues" in datum:
        given = datum["StatisticValues"]
        return Sample(
            at=at,
            minimum=float(given["Minimum"]),
            maximum=float(given["Maximum"]),
            total=float(given["Sum"]),
            count=float(given["SampleCount"]),
            unit=unit,
        )
    values = [float(value) for value in datum.get("Values") or [datum.get("Value", 0.0)]]
    counts = [float(count) for count in datum.get("Counts") or [1.0] * len(values)]
    by_value: dict[float, float] = {}
    for value, count in zip(values, counts, strict=True):
        by_value[value] = by_value.get(value, 0.0) + count
    return sample(at, by_value, unit)


def _label(query: Query, number: int, of: int) -> str:
    """An array has a result for each of its series, which labels tell apart."""
    return query.name if of == 1 else f"{query.name} {number}"


def _has(metric: Metric, name: str, value: str | None) -> bool:
    return any(name == known and value in (None, found) for known, found in metric.dimensions)


def _epoch(at: datetime) -> float:
    """Moto reads times as UTC without saying so."""
    return at.replace(tzinfo=UTC).timestamp()


def _datetime(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
