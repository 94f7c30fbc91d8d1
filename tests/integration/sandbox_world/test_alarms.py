"""Metric alarms change their state when CloudWatch's do, and say so in CloudWatch's words."""

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import World
from headcount_sandbox.world.cloudwatch.alarm_words import stamp
from headcount_sandbox.world.cloudwatch.alarms import Alarms
from headcount_sandbox.world.cloudwatch.evaluation import Missing, Terms, evaluate
from headcount_sandbox.world.cloudwatch.metrics import Metric, sample, statistic
from integration.sandbox_world.sites import wait_for

NAMES: tuple[Missing, ...] = ("missing", "ignore", "breaching", "notBreaching")
OK, ALARM, INSUFFICIENT, KEEP = "OK", "ALARM", "INSUFFICIENT_DATA", None


@pytest.mark.parametrize(
    ("to_alarm", "data", "states"),
    [
        (3, "0 - X - X", (OK, OK, OK, OK)),
        (3, "0 - - - -", (OK, OK, OK, OK)),
        (3, "- - - - -", (INSUFFICIENT, KEEP, ALARM, OK)),
        (3, "0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
        (3, "- - X - -", (ALARM, KEEP, ALARM, OK)),
        (2, "0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 - X - -", (OK, OK, ALARM, OK)),
        (2, "- - - - 0", (OK, OK, ALARM, OK)),
        (2, "- - - X -", (ALARM, KEEP, ALARM, OK)),
    ],
)
def test_missing_data_is_treated_as_documented(to_alarm: int, data: str, states: tuple[str | None, ...]) -> None:
    points = [{"0": 0.0, "X": 9.0, "-": None}[letter] for letter in data.split()]
    found = []
    for missing in NAMES:
        terms = Terms(comparison="GreaterThanThreshold", threshold=5, periods=3, to_alarm=to_alarm, missing=missing)
        found.append(evaluate(points, terms))
    assert tuple(found) == states


def test_a_breach_that_is_too_young_is_no_alarm_yet() -> None:
    terms = Terms(comparison="GreaterThanThreshold", threshold=5, periods=3, to_alarm=3)
    assert evaluate([None, None, None, None, 9.0], terms) != ALARM
    assert evaluate([None, None, 9.0, None, None], terms) == ALARM


@pytest.mark.parametrize(
    ("comparison", "below", "equal", "above"),
    [
        ("GreaterThanThreshold", OK, OK, ALARM),
        ("GreaterThanOrEqualToThreshold", OK, ALARM, ALARM),
        ("LessThanThreshold", ALARM, OK, OK),
        ("LessThanOrEqualToThreshold", ALARM, ALARM, OK),
    ],
)
def test_comparisons(comparison: str, below: str, equal: str, above: str) -> None:
    terms = Terms(comparison=comparison, threshold=5, periods=1, to_alarm=1)
    assert [evaluate([value], terms) for value in (4.0, 5.0, 6.0)] == [below, equal, above]


def test_statistics() -> None:
    samples = [sample(0, {1.0: 98, 50.0: 1}), sample(1, {200.0: 1})]
    values = {name: statistic(samples, name) for name in ("Sum", "Minimum", "Maximum", "SampleCount", "Average")}
    assert values == {"Sum": 348, "Minimum": 1, "Maximum": 200, "SampleCount": 100, "Average": 3.48}
    assert [statistic(samples, name) for name in ("p50", "p98", "p99", "p99.5", "p100")] == [1, 1, 50, 200, 200]
    assert statistic([], "Sum") is None


# --- in a world -------------------------------------------------------------------------------------------------------


class Told:
    """One alarm of a test and the events about it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cloudwatch = world.client("cloudwatch")
        self.name = f"a-{uuid4().hex[:8]}"
        self.metric = Metric(namespace="Test", name=self.name, dimensions=frozenset({("Service", "web")}))
        self.events: list[dict[str, Any]] = []
        world.on_event(self._take)

    def _take(self, event: dict[str, Any]) -> None:
        if event["detail"].get("alarmName") == self.name:
            self.events.append(event)

    def put(self, **settings: Any) -> None:
        wanted = {
            "AlarmName": self.name,
            "Namespace": "Test",
            "MetricName": self.name,
            "Dimensions": [{"Name": "Service", "Value": "web"}],
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
            **settings,
        }
        self.cloudwatch.put_metric_alarm(**{name: value for name, value in wanted.items() if value is not None})

    def data(self, *values: float) -> None:
        dimensions = [{"Name": "Service", "Value": "web"}]
        data = [{"MetricName": self.name, "Dimensions": dimensions, "Value": value} for value in values]
        self.cloudwatch.put_metric_data(Namespace="Test", MetricData=data)

    def described(self) -> dict[str, Any]:
        return dict(self.cloudwatch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"][0])

    def states(self) -> list[str]:
        return [event["detail"]["state"]["value"] for event in self.events]


@pytest.fixture
def told(balanced_world: World) -> Iterator[Told]:
    found = Told(balanced_world)
    yield found
    if found.cloudwatch.describe_alarms(AlarmNames=[found.name])["MetricAlarms"]:
        found.cloudwatch.delete_alarms(AlarmNames=[found.name])


def test_an_alarm_goes_off_and_back_with_an_event_each(told: Told) -> None:
    told.put(AlarmDescription="too many", TreatMissingData="notBreaching")
    told.data(9.0)
    wait_for(lambda: told.states()[-1:] == ["ALARM"])
    wait_for(lambda: told.states()[-1:] == ["OK"])
    event = next(one for one in told.events if one["detail"]["state"]["value"] == "ALARM")
    assert (event["source"], event["detail-type"]) == ("aws.cloudwatch", "CloudWatch Alarm State Change")
    assert event["resources"] == [told.described()["AlarmArn"]]
    detail = event["detail"]
    assert set(detail) == {"alarmName", "configuration", "previousState", "state"}
    configuration = detail["configuration"]
    assert configuration["description"] == "too many"
    assert configuration["metrics"][0]["metricStat"] == {
        "metric": {"dimensions": {"Service": "web"}, "name": told.name, "namespace": "Test"},
        "period": 60,
        "stat": "Maximum",
    }
    state = detail["state"]
    assert set(state) == {"reason", "reasonData", "timestamp", "value"}
    assert state["reason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [9.0 (")
    assert state["reason"].endswith(
        " was greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert state["timestamp"].endswith("+0000")
    data = json.loads(state["reasonData"])
    assert (data["version"], data["recentDatapoints"], data["threshold"], data["period"]) == ("1.0", [9.0], 5.0, 60)
    assert data["evaluatedDatapoints"][0]["value"] == 9.0
    assert told.described()["StateValue"] == "OK"


def test_a_new_alarm_has_insufficient_data_and_a_changed_one_keeps_its_state(told: Told) -> None:
    told.put(Period=86_400, TreatMissingData="ignore")  # no evaluation between two lines changes it
    new = told.described()
    assert (new["StateValue"], new["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    told.cloudwatch.set_alarm_state(AlarmName=told.name, StateValue="ALARM", StateReason="by hand")
    told.put(Period=86_400, TreatMissingData="ignore", Threshold=7.0)
    changed = told.described()
    assert (changed["StateValue"], changed["StateReason"], changed["Threshold"]) == ("ALARM", "by hand", 7.0)


def test_setting_a_state_by_hand_is_told_once(told: Told) -> None:
    told.put(TreatMissingData="ignore")
    for _ in range(2):
        told.cloudwatch.set_alarm_state(AlarmName=told.name, StateValue="ALARM", StateReason="by hand")
    wait_for(lambda: told.events)
    told.cloudwatch.set_alarm_state(AlarmName=told.name, StateValue="OK", StateReason="by hand")
    wait_for(lambda: told.states() == ["ALARM", "OK"])
    assert [one["detail"]["previousState"]["value"] for one in told.events] == ["INSUFFICIENT_DATA", "ALARM"]


def test_data_that_stops_is_insufficient(told: Told) -> None:
    told.put()
    told.data(1.0)
    wait_for(lambda: told.states() == ["OK", "INSUFFICIENT_DATA"])
    reason = told.events[-1]["detail"]["state"]["reason"]
    assert reason == "Insufficient Data: 1 datapoint was unknown."


def test_an_alarm_of_one_metric_stat_is_evaluated_too(told: Told) -> None:
    dimensions = [{"Name": "Service", "Value": "web"}]
    metric = {"Namespace": "Test", "MetricName": told.name, "Dimensions": dimensions}
    query = {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": True}
    simple = ("Namespace", "MetricName", "Dimensions", "Statistic", "Period")
    told.put(Metrics=[query], **dict.fromkeys(simple))
    told.data(3.0, 3.0)
    wait_for(lambda: told.states()[:1] == ["ALARM"])
    assert told.events[0]["detail"]["configuration"]["metrics"][0]["id"] == "m1"


def test_points_of_several_periods_are_counted(balanced_world: World, told: Told) -> None:
    """Two out of three minutes, with a clock of the test's own."""
    told.put(EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="ignore")
    alarms: Alarms = balanced_world._alarms
    now = time.time() // 60 * 60 - 600
    for minute, value in enumerate((1.0, 9.0, 1.0, 9.0)):
        balanced_world.metrics.add(told.metric, sample(now + minute + 0.5, {value: 1}))
        alarms.evaluate(now + minute + 1, whole_minute=True)
    wait_for(lambda: told.states() == ["OK", "ALARM"])
    data = json.loads(told.events[-1]["detail"]["state"]["reasonData"])
    assert data["recentDatapoints"] == [9.0, 1.0, 9.0]
    assert data["startDate"] == stamp(now + 1)


@pytest.mark.parametrize(
    "settings", [{"DatapointsToAlarm": 2}, {"TreatMissingData": "nonsense"}, {"ComparisonOperator": "Nonsense"}]
)
def test_what_cannot_be_is_refused(told: Told, settings: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        told.put(**settings)


def test_deleting_an_alarm_that_is_not_there(told: Told) -> None:
    told.put()
    with pytest.raises(ClientError, match="ResourceNotFound"):
        told.cloudwatch.delete_alarms(AlarmNames=[told.name, "not there"])
    assert told.described()


def test_data_is_answered_in_periods(told: Told) -> None:
    at = time.time() // 60 * 60 - 300
    for offset, value in ((0, 1.0), (30, 3.0), (60, 10.0)):
        balanced = sample(at + offset, {value: 2}, "Count")
        told.world.metrics.add(told.metric, balanced)
    dimensions = [{"Name": "Service", "Value": "web"}]
    span = {"StartTime": at, "EndTime": at + 120}
    asked = {"Namespace": "Test", "MetricName": told.name, "Dimensions": dimensions}
    points = told.cloudwatch.get_metric_statistics(
        **asked, **span, Period=60, Statistics=["Average", "SampleCount"], ExtendedStatistics=["p90"]
    )["Datapoints"]
    assert [(one["Average"], one["SampleCount"], one["ExtendedStatistics"]["p90"]) for one in points] == [
        (2.0, 4.0, 3.0),
        (10.0, 2.0, 10.0),
    ]
    query = {"Id": "m1", "MetricStat": {"Metric": asked, "Period": 60, "Stat": "Sum"}}
    found = told.cloudwatch.get_metric_data(MetricDataQueries=[query], **span)["MetricDataResults"][0]
    assert found["Values"] == [20.0, 8.0], "newest first"
    assert [one.timestamp() for one in found["Timestamps"]] == [at + 60, at]
    listed = told.cloudwatch.list_metrics(Namespace="Test", MetricName=told.name)["Metrics"]
    assert listed == [{"Namespace": "Test", "MetricName": told.name, "Dimensions": dimensions}]


def test_compressed_data_and_statistics_are_taken_in(told: Told) -> None:
    dimensions = [{"Name": "Service", "Value": "web"}]
    datum = {"MetricName": told.name, "Dimensions": dimensions}
    many = [{**datum, "Value": float(number)} for number in range(500)]
    told.cloudwatch.put_metric_data(Namespace="Test", MetricData=many)
    values = {"SampleCount": 2.0, "Sum": 2000.0, "Minimum": 900.0, "Maximum": 1100.0}
    told.cloudwatch.put_metric_data(Namespace="Test", MetricData=[{**datum, "StatisticValues": values}])
    found = told.world.metrics.between(told.metric, 0, time.time() + 1)
    assert statistic(found, "Maximum") == 1100
    assert statistic(found, "SampleCount") == 502
