"""Metric math, in GetMetricData and in alarms, as CloudWatch documents it."""

import math
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import World
from headcount_sandbox.world.cloudwatch.metric_math import Around, MetricMathError, Series, Value, calculate
from headcount_sandbox.world.cloudwatch.metrics import Metric, sample
from integration.sandbox_world.sites import wait_for

STARTS = (0.0, 60.0, 120.0, 180.0)
M1: Series = {0.0: 10.0, 60.0: 20.0, 120.0: 30.0, 180.0: 40.0}
M2: Series = {0.0: 2.0, 60.0: 0.0, 180.0: 8.0}
GAPS: Series = {60.0: 2.0, 180.0: 6.0}
KNOWN: dict[str, Value] = {"m1": M1, "m2": M2, "gaps": GAPS, "both": [M1, M2]}


def calculated(expression: str) -> Any:
    around = Around(
        value_of=KNOWN.__getitem__, period_of=lambda _: 60, metrics=lambda: {"one": M1, "two": M2}, starts=STARTS
    )
    value = calculate(expression, around)
    return [value.get(at) for at in STARTS] if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m1 * 2 + 1", [21, 41, 61, 81]),
        ("100 * m2 / m1", [20, 0, None, 20]),
        ("m1 / m2", [5, None, None, 5]),
        ("-m2 ^ 2", [-4, 0, None, -64]),
        ("(m1 - m2) / 2", [4, 10, None, 16]),
        ("m1 > 25", [0, 0, 1, 1]),
        ("m1 > 15 AND m1 < 35", [0, 1, 1, 0]),
        ("m1 < 15 || m1 >= 40", [1, 0, 0, 1]),
        ("IF(m1 > 25, m1, 0)", [0, 0, 30, 40]),
        ("IF(m1 > 25, m1)", [None, None, 30, 40]),
        ("IF(m2 == 0, 1, m1 / m2)", [5, 1, None, 5]),
        ("FILL(m2, 0)", [2, 0, 0, 8]),
        ("FILL(m2, REPEAT)", [2, 0, 0, 8]),
        ("FILL(gaps, REPEAT)", [None, 2, 2, 6]),
        ("FILL(gaps, LINEAR)", [None, 2, 4, 6]),
        ("FILL(gaps, m1)", [10, 2, 30, 6]),
        ("SUM([m1, m2])", [12, 20, 30, 48]),
        ("MAX([m1, 25])", [25, 25, 30, 40]),
        ("MIN(METRICS())", [2, 0, 30, 8]),
        ("AVG(both)", [6, 10, 30, 24]),
        ('SUM(METRICS("tw"))', [2, 0, None, 8]),
        ("m1 - AVG(m1)", [-15, -5, 5, 15]),
        ("m1 / MAX(m1) * 100", [25, 50, 75, 100]),
        ("ABS(10 - m1)", [0, 10, 20, 30]),
        ("CEIL(m1 / 3)", [4, 7, 10, 14]),
        ("FLOOR(m1 / 3)", [3, 6, 10, 13]),
        ("DIFF(m1)", [None, 10, 10, 10]),
        ("RATE(m1)", [None, 1 / 6, 1 / 6, 1 / 6]),
        ("RUNNING_SUM(m1)", [10, 30, 60, 100]),
        ("m1 / PERIOD(m1)", [1 / 6, 1 / 3, 1 / 2, 2 / 3]),
        ("TIME_SERIES(7)", [7, 7, 7, 7]),
        ("LOG10(m1) * 0 + METRIC_COUNT(METRICS())", [2, 2, 2, 2]),
        ("FIRST(m1) + LAST(m1) + m1 * 0", [50, 50, 50, 50]),
        ("m1 / 0", [None] * 4),
    ],
)
def test_expressions(expression: str, expected: list[float | None]) -> None:
    assert calculated(expression) == [None if each is None else pytest.approx(each) for each in expected]


def test_a_number_that_comes_of_a_series() -> None:
    assert calculated("SUM(m1) + MIN(m1)") == 110
    assert calculated("STDDEV(m1)") == pytest.approx(math.sqrt(125))


@pytest.mark.parametrize(
    "expression",
    ["m1 +", "NONSENSE(m1)", "m1 if m2 else m1", "FILL(m1)", "__import__('os')", "m1.real", "METRICS() + METRICS()"],
)
def test_what_is_no_metric_math(expression: str) -> None:
    with pytest.raises(MetricMathError):
        calculated(expression)


# --- in a world -------------------------------------------------------------------------------------------------------


class Measured:
    """Two metrics of one test."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cloudwatch = world.client("cloudwatch")
        self.name = f"math-{uuid4().hex[:8]}"
        self.events: list[dict[str, Any]] = []
        world.on_event(self._take)

    def _take(self, event: dict[str, Any]) -> None:
        if event["detail"].get("alarmName", "").startswith(self.name):
            self.events.append(event)

    def states(self, suffix: str = "") -> list[str]:
        told = [event["detail"] for event in self.events if event["detail"]["alarmName"] == self.name + suffix]
        return [detail["state"]["value"] for detail in told]

    def query(self, query_id: str, **fields: Any) -> dict[str, Any]:
        metric = {"Namespace": self.name, "MetricName": query_id}
        stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
        return {"Id": query_id, "MetricStat": stat, "ReturnData": False, **fields}

    def expression(self, query_id: str, expression: str, **fields: Any) -> dict[str, Any]:
        return {"Id": query_id, "Expression": expression, "ReturnData": True, **fields}

    def put(self, *queries: dict[str, Any], suffix: str = "", **changes: Any) -> None:
        settings = {
            "AlarmName": self.name + suffix,
            "Metrics": list(queries),
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 50.0,
            "EvaluationPeriods": 1,
            **changes,
        }
        self.cloudwatch.put_metric_alarm(**settings)

    def data(self, **values: float) -> None:
        data = [{"MetricName": name, "Value": value} for name, value in values.items()]
        self.cloudwatch.put_metric_data(Namespace=self.name, MetricData=data)


@pytest.fixture
def measured(balanced_world: World) -> Any:
    measured = Measured(balanced_world)
    yield measured
    found = measured.cloudwatch.describe_alarms(
        AlarmNamePrefix=measured.name, AlarmTypes=["CompositeAlarm", "MetricAlarm"]
    )
    for alarm in (*found["CompositeAlarms"], *found["MetricAlarms"]):
        measured.cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])


def test_get_metric_data_calculates(measured: Measured) -> None:
    at = measured.world.clock.now() // 60 * 60 - 600
    for minute, (used, reserved) in enumerate(((10.0, 40.0), (30.0, 40.0))):
        for name, value in (("used", used), ("reserved", reserved)):
            metric = Metric(namespace=measured.name, name=name)
            measured.world.metrics.add(metric, sample(at + 60 * minute + 5, {value: 1}))
    found = measured.cloudwatch.get_metric_data(
        MetricDataQueries=[
            measured.query("used"),
            measured.query("reserved"),
            measured.expression("utilisation", "100 * used / reserved", Label="of what is reserved"),
        ],
        StartTime=at,
        EndTime=at + 120,
        ScanBy="TimestampAscending",
    )["MetricDataResults"]
    assert [(one["Id"], one["Label"], one["Values"]) for one in found] == [
        ("utilisation", "of what is reserved", [25.0, 75.0])
    ]
    assert [one.timestamp() for one in found[0]["Timestamps"]] == [at, at + 60]


def test_an_array_has_a_result_for_each_of_its_series(measured: Measured) -> None:
    measured.data(used=1.0, reserved=2.0)
    now = measured.world.clock.now()
    found = measured.cloudwatch.get_metric_data(
        MetricDataQueries=[
            measured.query("used"),
            measured.query("reserved"),
            measured.expression("all", "METRICS() * 10"),
        ],
        StartTime=now - 120,
        EndTime=now + 60,
    )["MetricDataResults"]
    assert [(one["Id"], one["Values"]) for one in found] == [("all", [10.0]), ("all", [20.0])]


@pytest.mark.parametrize(
    "queries",
    [
        [{"Id": "e1", "Expression": "m9 + 1"}],
        [{"Id": "e1", "Expression": "e2"}, {"Id": "e2", "Expression": "e1"}],
        [{"Id": "e1", "Expression": "1 +"}],
        [{"Id": "e1", "Expression": "5"}],
        [{"Id": "E1", "Expression": "TIME_SERIES(5)"}],
        [{"Id": "e1", "Expression": "TIME_SERIES(5)"}, {"Id": "e1", "Expression": "TIME_SERIES(6)"}],
        [{"Id": "e1"}],
        [{"Id": f"e{number}", "Expression": "TIME_SERIES(5)"} for number in range(501)],
    ],
)
def test_queries_that_cannot_be(measured: Measured, queries: list[dict[str, Any]]) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        measured.cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=0, EndTime=60)


def test_an_alarm_on_metric_math_goes_off_and_tells_what_it_looks_at(measured: Measured) -> None:
    measured.put(
        measured.query("used"),
        measured.query("reserved"),
        measured.expression("utilisation", "100 * used / reserved", Label="used"),
        TreatMissingData="ignore",
    )
    measured.data(used=30.0, reserved=40.0)
    wait_for(lambda: measured.states() == ["ALARM"])
    detail = measured.events[0]["detail"]
    metrics = detail["configuration"]["metrics"]
    assert metrics[0] == {
        "id": "used",
        "metricStat": {
            "metric": {"dimensions": {}, "name": "used", "namespace": measured.name},
            "period": 60,
            "stat": "Sum",
        },
        "returnData": False,
    }
    assert metrics[2] == {
        "id": "utilisation",
        "expression": "100 * used / reserved",
        "label": "used",
        "returnData": True,
    }
    assert '"recentDatapoints":[75.0]' in detail["state"]["reasonData"]
    assert "statistic" not in detail["state"]["reasonData"]
    described = measured.cloudwatch.describe_alarms(AlarmNames=[measured.name])["MetricAlarms"][0]
    assert described["Metrics"][2]["Expression"] == "100 * used / reserved"
    assert (described["StateValue"], described["TreatMissingData"]) == ("ALARM", "ignore")
    assert "MetricName" not in described


@pytest.mark.parametrize(
    "queries",
    [
        [{"Id": "e1", "Expression": "used", "ReturnData": False}],
        [{"Id": "e1", "Expression": "AVG(used)", "ReturnData": True}],
        [{"Id": "e1", "Expression": "METRICS()", "ReturnData": True}],
        [{"Id": "e1", "Expression": "nobody", "ReturnData": True}],
        [
            {"Id": "e1", "Expression": "used", "ReturnData": True},
            {"Id": "e2", "Expression": "used", "ReturnData": True},
        ],
    ],
)
def test_alarms_on_math_that_cannot_be(measured: Measured, queries: list[dict[str, Any]]) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        measured.put(measured.query("used"), *queries)


def test_an_expression_that_fails_on_its_data_stops_no_other_alarm(measured: Measured) -> None:
    fails = measured.expression("e1", "IF(SUM(used) > 5, 1, used)")
    measured.put(measured.query("used"), fails, suffix="-a")
    measured.put(measured.query("used", ReturnData=True), suffix="-b", TreatMissingData="ignore")
    measured.data(used=90.0)
    wait_for(lambda: measured.states("-b") == ["ALARM"])
    assert "ALARM" not in measured.states("-a")


def test_an_alarm_looks_at_ten_metrics_at_most(measured: Measured) -> None:
    metrics = [measured.query(f"m{number}") for number in range(11)]
    total = measured.expression("total", "SUM(METRICS())")
    measured.put(*metrics[:10], total)
    with pytest.raises(ClientError, match="10 metrics"):
        measured.put(*metrics, total)


def test_periods_that_cannot_be(measured: Measured) -> None:
    single = {"Metrics": [], "MetricName": "used", "Namespace": measured.name, "Statistic": "Sum"}
    del single["Metrics"]
    for period in (15, 90):
        with pytest.raises(ClientError, match="multiple of 60"):
            measured.cloudwatch.put_metric_alarm(
                AlarmName=measured.name,
                **single,
                Period=period,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
            )
    for period in (10, 20, 30, 60):
        measured.cloudwatch.put_metric_alarm(
            AlarmName=measured.name,
            **single,
            Period=period,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )


def test_a_composite_alarm_follows_the_alarms_in_its_rule(measured: Measured) -> None:
    for suffix in ("-a", "-b"):
        measured.put(measured.query("used", ReturnData=True), suffix=suffix, TreatMissingData="ignore")
        set_state(measured, suffix, "OK")
    rule = f'ALARM("{measured.name}-a") AND NOT ALARM({measured.name}-b)'
    measured.cloudwatch.put_composite_alarm(AlarmName=measured.name, AlarmRule=rule)
    found = measured.cloudwatch.describe_alarms(AlarmNames=[measured.name], AlarmTypes=["CompositeAlarm"])
    assert (found["CompositeAlarms"][0]["StateValue"], found["CompositeAlarms"][0]["AlarmRule"]) == ("OK", rule)
    assert not found["MetricAlarms"]
    set_state(measured, "-a", "ALARM")
    wait_for(lambda: measured.states() == ["OK", "ALARM"])
    set_state(measured, "-b", "ALARM")
    wait_for(lambda: measured.states() == ["OK", "ALARM", "OK"])
    detail = [event["detail"] for event in measured.events if event["detail"]["alarmName"] == measured.name][1]
    assert detail["configuration"] == {"alarmRule": rule}
    assert detail["state"]["reason"].startswith("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:")
    assert " transitioned to ALARM at " in detail["state"]["reason"]
    assert '"triggeringAlarms":[{"arn":' in detail["state"]["reasonData"]


@pytest.mark.parametrize("rule", ["ALARM(a", "1 + 1", "ALARM(nobody-at-all)", "c0", "ALARM({own})"])
def test_rules_that_cannot_be(measured: Measured, rule: str) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        measured.cloudwatch.put_composite_alarm(AlarmName=measured.name, AlarmRule=rule.format(own=measured.name))


def set_state(measured: Measured, suffix: str, state: str) -> None:
    measured.cloudwatch.set_alarm_state(AlarmName=measured.name + suffix, StateValue=state, StateReason="by hand")


def test_alarms_are_described_by_prefix_state_and_page(measured: Measured) -> None:
    for suffix in ("-1", "-2", "-3"):
        measured.put(measured.query("used", ReturnData=True), suffix=suffix, TreatMissingData="ignore")
    set_state(measured, "-2", "OK")
    pages = measured.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=measured.name, PaginationConfig={"PageSize": 2}
    )
    assert [len(page["MetricAlarms"]) for page in pages] == [2, 1]
    found = measured.cloudwatch.describe_alarms(AlarmNamePrefix=measured.name, StateValue="OK")["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in found] == [f"{measured.name}-2"]
    assert found[0]["StateReason"] == "by hand"
