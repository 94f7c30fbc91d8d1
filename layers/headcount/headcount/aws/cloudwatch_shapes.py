"""CloudWatch's documents of metrics and alarms, and the values that they stand for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from headcount.model.metrics import AlarmState, AlarmTerms, Comparison, MetricQuery, MetricStat, MissingData
from headcount.model.scaling_resources import FoundAlarm, ScalingAlarm

_PLAIN_STATISTICS = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})


def query_document(query: MetricQuery) -> dict[str, Any]:
    """A ``MetricDataQuery``, for ``GetMetricData`` and ``PutMetricAlarm`` alike."""
    document: dict[str, Any] = {"Id": query.query_id, "ReturnData": query.returned}
    if query.stat is None:
        return document | {"Expression": query.expression}
    stat: dict[str, Any] = {
        "Metric": {
            "Namespace": query.stat.namespace,
            "MetricName": query.stat.name,
            "Dimensions": _dimensions(query.stat),
        },
        "Period": query.stat.period,
        "Stat": query.stat.statistic,
    }
    return document | {"MetricStat": stat | ({"Unit": query.stat.unit} if query.stat.unit else {})}


def alarm_request(alarm: ScalingAlarm) -> dict[str, Any]:
    """A ``PutMetricAlarm``. Tags are heeded when the alarm is created, and never later."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "ComparisonOperator": alarm.terms.comparison,
        "Threshold": alarm.terms.threshold,
        "EvaluationPeriods": alarm.terms.periods,
        "DatapointsToAlarm": alarm.terms.to_alarm,
        "TreatMissingData": alarm.terms.missing,
        **_measured(alarm.queries),
        **({"Tags": [{"Key": key, "Value": value} for key, value in alarm.tags]} if alarm.tags else {}),
    }


def _measured(queries: Sequence[MetricQuery]) -> dict[str, Any]:
    """The plain form for a single metric: AWS charges and shows such an alarm as one on one metric."""
    stat = queries[0].stat if len(queries) == 1 else None
    if stat is None:
        return {"Metrics": [query_document(query) for query in queries]}
    kind = "Statistic" if stat.statistic in _PLAIN_STATISTICS else "ExtendedStatistic"
    return {
        "Namespace": stat.namespace,
        "MetricName": stat.name,
        "Dimensions": _dimensions(stat),
        kind: stat.statistic,
        "Period": stat.period,
        **({"Unit": stat.unit} if stat.unit else {}),
    }


def _dimensions(stat: MetricStat) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in stat.dimensions]


def composite_alarm(document: Mapping[str, Any]) -> FoundAlarm:
    """An alarm that is made of others: there is a state, and nothing that a step could be measured by."""
    return _without_a_threshold(document)


def metric_alarm(document: Mapping[str, Any]) -> FoundAlarm:
    """An alarm of ``DescribeAlarms``. Without one fixed threshold (a model, a metric of elsewhere) it is as a composite
    one.
    """
    queries = tuple(_queries(document))
    comparison = document.get("ComparisonOperator")
    if not queries or comparison not in get_args(Comparison) or "Threshold" not in document:
        return _without_a_threshold(document)
    periods = int(document["EvaluationPeriods"])
    terms = AlarmTerms(
        comparison=cast("Comparison", comparison),
        threshold=float(document["Threshold"]),
        periods=periods,
        to_alarm=int(document.get("DatapointsToAlarm", periods)),
        missing=cast("MissingData", document.get("TreatMissingData", "missing")),
    )
    return FoundAlarm(
        name=document["AlarmName"],
        state=_state(document),
        terms=terms,
        queries=queries,
        description=document.get("AlarmDescription", ""),
    )


def _queries(document: Mapping[str, Any]) -> Iterator[MetricQuery]:
    """What the alarm measures; nothing where it cannot be asked for in this account and Region, by these means."""
    if "MetricName" in document:
        yield MetricQuery(query_id="m1", stat=_stat(document, document))
        return
    metrics = document.get("Metrics", ())
    if any("AccountId" in one or ("Period" in one and "Expression" in one) for one in metrics):
        return
    for one in metrics:
        asked = one.get("MetricStat")
        yield MetricQuery(
            query_id=one["Id"],
            stat=None if asked is None else _stat(asked["Metric"], asked),
            expression=one.get("Expression", ""),
            returned=one.get("ReturnData", True),
        )


def _stat(metric: Mapping[str, Any], how: Mapping[str, Any]) -> MetricStat:
    return MetricStat(
        namespace=metric.get("Namespace", ""),
        name=metric["MetricName"],
        dimensions=tuple((one["Name"], one["Value"]) for one in metric.get("Dimensions", ())),
        statistic=how.get("Stat") or how.get("Statistic") or how["ExtendedStatistic"],
        period=int(how["Period"]),
        unit=how.get("Unit"),
    )


def _without_a_threshold(document: Mapping[str, Any]) -> FoundAlarm:
    return FoundAlarm(
        name=document["AlarmName"],
        state=_state(document),
        terms=AlarmTerms(comparison="GreaterThanThreshold", threshold=0.0),
        description=document.get("AlarmDescription", ""),
        composite=True,
    )


def _state(document: Mapping[str, Any]) -> AlarmState:
    return cast("AlarmState", document["StateValue"])
