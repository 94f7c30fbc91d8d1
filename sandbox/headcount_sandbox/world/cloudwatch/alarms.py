"""Alarms: evaluated once a minute (those with shorter periods every ten seconds), told to EventBridge.

moto keeps the records. Ours are their attributes `asked` (the parameters of PutMetricAlarm or PutCompositeAlarm),
`watch` (None: a composite alarm), `parsed_rule` (None: a metric alarm). Anomaly detection is kept and never evaluated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.cloudwatch.alarm_words import AlarmWords, Point, changed_at, composite_data, stamp
from headcount_sandbox.world.cloudwatch.composite import Rule
from headcount_sandbox.world.cloudwatch.evaluation import LOOKED_BACK, Terms, evaluate
from headcount_sandbox.world.cloudwatch.metric_math import Series
from headcount_sandbox.world.cloudwatch.metrics import Metric, Metrics
from headcount_sandbox.world.cloudwatch.queries import MINUTE, Queries, Query, Window, dimensions_of, queries_of
from headcount_sandbox.world.ecs.announcing import Announcer
from headcount_sandbox.world.moto_apis import MotoApis

CREATED = "Unchecked: Initial alarm creation"


@dataclass(frozen=True)
class Watch:
    """What an alarm of `asked` looks at; raises `ApiError` for what CloudWatch refuses."""

    asked: Mapping[str, Any]

    @cached_property
    def queries(self) -> Queries:
        """Its metrics, or the one that it has in the short form."""
        if "Metrics" in self.asked:
            return queries_of(self.asked["Metrics"])
        metric = Metric(
            namespace=self.asked["Namespace"], name=self.asked["MetricName"], dimensions=dimensions_of(self.asked)
        )
        return Queries([
            Query(
                query_id="m1",
                metric=metric,
                statistic=self.asked.get("Statistic") or self.asked["ExtendedStatistic"],
                period=int(self.asked["Period"]),
                unit=self.asked.get("Unit"),
            )
        ])  # fmt: skip

    @cached_property
    def compared(self) -> Query:
        """The query whose values are compared with the threshold."""
        returned = [query for query in self.queries.all if query.returned]
        if len(returned) != 1:
            raise ApiError("ValidationError", "Exactly one element of the metrics list should return data.")
        return returned[0]

    @property
    def period(self) -> int:
        return self.queries.period

    @cached_property
    def terms(self) -> Terms | None:
        """When it alarms; None for what is not evaluated here."""
        if "Threshold" not in self.asked:
            return None
        periods = int(self.asked["EvaluationPeriods"])
        terms = Terms(
            comparison=self.asked["ComparisonOperator"],
            threshold=float(self.asked["Threshold"]),
            periods=periods,
            to_alarm=int(self.asked.get("DatapointsToAlarm", periods)),
            missing=self.asked.get("TreatMissingData", "missing"),
        )
        return terms if terms.is_known else None


class Alarms:
    """Evaluates alarms; `scale` 60 makes a minute of a period last a second."""

    def __init__(self, metrics: Metrics, *, moto: MotoApis, announcer: Announcer, scale: float) -> None:
        self._metrics = metrics
        self._moto = moto
        self._announcer = announcer
        self._scale = scale

    def evaluate(self, now: float, *, whole_minute: bool) -> None:
        """Looks at every metric alarm that is due; periods end at `now`."""
        with self._moto.lock_of("monitoring"):
            for record in tuple(self._moto.alarm_records().values()):
                watch = record.watch
                if watch is None or watch.terms is None or (watch.period >= MINUTE and not whole_minute):
                    continue
                points = self._points(watch, watch.terms, now)
                state = evaluate([point.value for point in points], watch.terms)
                if state is not None and state != record.state_value:
                    words = AlarmWords(compared=watch.compared, terms=watch.terms, points=points, now=world_time())
                    period = watch.period
                    self.change(record, state, words.reason(state), words.data(period))

    def change(self, record: Any, state: str, reason: str, data: str | None) -> None:
        """Puts an alarm into a state and tells so, if it is another one; then composite alarms that look at it."""
        before = _state(record)
        record.update_state(reason, data or "", state)
        record.state_updated_timestamp = datetime.fromtimestamp(world_time(), UTC).replace(tzinfo=None)
        if before["value"] == state:
            return
        record.transitioned_timestamp = record.state_updated_timestamp
        self._announcer.tell(
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            resources=[record.alarm_arn],
            detail={
                "alarmName": record.name,
                "configuration": _configuration(record),
                "previousState": before,
                "state": _state(record),
            },
            at=world_time(),
        )
        for other in tuple(self._moto.alarm_records().values()):
            if other.parsed_rule is not None and record.name in other.parsed_rule.alarms:
                self._look_at(other, changed_at(record, state, world_time()))

    def begin(self, composite: Any) -> None:
        """A composite alarm has the state that its rule says as soon as it is there."""
        state = "ALARM" if composite.parsed_rule.holds(self._state_of) else "OK"
        self._look_at(composite, f"{composite.alarm_arn} was created and its alarm rule evaluates to {state}")

    def _look_at(self, composite: Any, reason: str) -> None:
        rule: Rule = composite.parsed_rule
        state = "ALARM" if rule.holds(self._state_of) else "OK"
        if state != composite.state_value:
            records = self._moto.alarm_records()
            looked_at = [records[name] for name in rule.alarms if name in records]
            self.change(composite, state, reason, composite_data(looked_at))

    def _state_of(self, name: str) -> str | None:
        record = self._moto.alarm_records().get(name)
        return None if record is None else str(record.state_value)

    def _points(self, watch: Watch, terms: Terms, now: float) -> list[Point]:
        """The periods that count, oldest first."""

        def window_of(period: int) -> Window:
            length = period / self._scale
            count = (terms.periods + LOOKED_BACK) * watch.period // period
            return Window(starts=tuple(now - length * number for number in range(count, 0, -1)), length=length)

        try:
            values = watch.queries.answers(self._metrics, window_of)[watch.compared.query_id]
        except ApiError:  # what is calculated of these data is no time series
            values = {}
        found: Series = values if isinstance(values, dict) else {}
        window = window_of(watch.period)
        counts = self._counts(watch.compared, window) if watch.compared.metric else {}
        return [Point(at=start, value=found.get(start), count=counts.get(start)) for start in window.starts]

    def _counts(self, query: Query, window: Window) -> dict[float, float]:
        assert query.metric is not None
        return {
            start: sum(
                one.count for one in self._metrics.between(query.metric, start, start + window.length, query.unit)
            )
            for start in window.starts
        }


def _configuration(record: Any) -> dict[str, Any]:
    """As it stands in events."""
    asked = record.asked
    named = {"description": asked["AlarmDescription"]} if asked.get("AlarmDescription") else {}
    if record.watch is None:
        return {**named, "alarmRule": asked["AlarmRule"]}
    if "Metrics" not in asked:
        return {**named, "metrics": [_shown(record.watch.compared, record.query_id)]}
    return {**named, "metrics": [_shown(query, query.query_id) for query in record.watch.queries.all]}


def _shown(query: Query, query_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": query_id}
    if query.metric is None:
        shown["expression"] = query.expression
    else:
        metric = {
            "dimensions": dict(sorted(query.metric.dimensions)),
            "name": query.metric.name,
            "namespace": query.metric.namespace,
        }
        unit = {"unit": query.unit} if query.unit else {}
        shown["metricStat"] = {"metric": metric, "period": query.period, "stat": query.statistic, **unit}
    return {**shown, **({"label": query.label} if query.label else {}), "returnData": query.returned}


def _state(record: Any) -> dict[str, str]:
    at = record.state_updated_timestamp.replace(tzinfo=UTC).timestamp()
    data = {"reasonData": record.state_reason_data} if record.state_reason_data else {}
    return {"reason": record.state_reason, **data, "timestamp": stamp(at), "value": record.state_value}
