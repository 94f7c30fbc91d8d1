"""How CloudWatch explains a change of an alarm's state: a sentence, and a document of data."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headcount_sandbox.world.cloudwatch.evaluation import State, Terms
from headcount_sandbox.world.cloudwatch.queries import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The value of one period; `at` is its beginning, `count` how many data it has (None: it was calculated)."""

    at: float
    value: float | None
    count: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmWords:
    """What an evaluation saw, in CloudWatch's words. `compared` is what is compared with the threshold."""

    compared: Query
    terms: Terms
    points: Sequence[Point]
    now: float

    def reason(self, state: State) -> str:
        terms, seen = self.terms, self._seen()
        if not seen:
            periods = _counted(terms.periods, "datapoint was", "datapoints were")
            if state == "INSUFFICIENT_DATA":
                return f"Insufficient Data: {periods} unknown."
            treated = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(terms.missing, terms.missing)
            gaps = _counted(terms.periods, "missing datapoint was", "missing datapoints were")
            silent = _counted(terms.periods, "period", "periods")
            return f"Threshold Crossed: no datapoints were received for {silent} and {gaps} treated as [{treated}]."
        meant = [one for one in seen if terms.is_breaching(one.value or 0.0) == (state == "ALARM")] or seen
        listed = ", ".join(f"{one.value} ({datetime.fromtimestamp(one.at, UTC):%d/%m/%y %H:%M:%S})" for one in meant)
        negation = "" if state == "ALARM" else "not "
        least = terms.to_alarm if state == "ALARM" else terms.periods - terms.to_alarm + 1
        needed = _counted(least, "datapoint", "datapoints")
        change = "OK -> ALARM" if state == "ALARM" else "ALARM -> OK"
        return (
            f"Threshold Crossed: {len(meant)} out of the last {terms.periods} datapoints [{listed}] "
            f"{'was' if len(meant) == 1 else 'were'} {negation}{terms.words} the threshold ({terms.threshold}) "
            f"(minimum {needed} for {change} transition)."
        )

    def data(self, period: int) -> str:
        seen = self._seen()
        window = list(reversed(self.points))[: self.terms.periods]
        document: dict[str, Any] = {"version": "1.0", "queryDate": stamp(self.now)}
        if seen:
            document["startDate"] = stamp(min(one.at for one in seen))
        if self.compared.unit:
            document["unit"] = self.compared.unit
        if self.compared.metric is not None:
            document["statistic"] = self.compared.statistic
        document |= {
            "period": period,
            "recentDatapoints": [one.value for one in reversed(seen)],
            "threshold": self.terms.threshold,
            "evaluatedDatapoints": [_evaluated(one) for one in (seen or window)],
        }
        return json.dumps(document, separators=(",", ":"))

    def _seen(self) -> list[Point]:
        """The real points that were counted, newest first."""
        return [one for one in reversed(self.points) if one.value is not None][: self.terms.periods]


def changed_at(record: Any, state: str, at: float) -> str:
    """Why a composite alarm changed: another alarm did."""
    return f"{record.alarm_arn} transitioned to {state} at {datetime.fromtimestamp(at, UTC):%A %d %B, %Y %H:%M:%S} UTC"


def composite_data(records: Sequence[Any]) -> str:
    """The alarms that a composite one looks at, with their states."""
    triggering = [
        {
            "arn": record.alarm_arn,
            "state": {
                "value": record.state_value,
                "timestamp": stamp(record.state_updated_timestamp.replace(tzinfo=UTC).timestamp()),
            },
        }
        for record in records
    ]
    return json.dumps({"triggeringAlarms": triggering}, separators=(",", ":"))


def stamp(at: float) -> str:
    """Epoch seconds as CloudWatch writes them in its events: with an offset that has no colon."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def _evaluated(point: Point) -> dict[str, Any]:
    shown: dict[str, Any] = {"timestamp": stamp(point.at)}
    if point.value is None:
        return shown
    return {**shown, **({} if point.count is None else {"sampleCount": float(point.count)}), "value": point.value}


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
