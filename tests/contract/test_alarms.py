"""The users' alarms as scaling reads them, and Headcount's own, over CloudWatch."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.stub import Stubber

from fakes.scaling import InMemoryAlarms
from headcount.aws.cloudwatch_alarms import CloudWatchAlarms
from headcount.errors import Throttled
from headcount.model.metrics import AlarmTerms, MetricQuery, MetricStat
from headcount.model.scaling_resources import ScalingAlarm

_numbers = itertools.count(1)
BUSY = MetricStat(namespace="Test", name="Busy", dimensions=(("Service", "web"),), statistic="Maximum", period=60)
TERMS = AlarmTerms(comparison="GreaterThanThreshold", threshold=75.5, periods=3, to_alarm=2, missing="notBreaching")


@dataclass(frozen=True, slots=True)
class AlarmsUnderTest:
    """The alarms of an account, and what happens to them there."""

    alarms: Any
    set_state: Callable[[str, str], None]
    refuse: Callable[[str, str], None]
    throttle: Callable[[str], None]

    def found(self, name):
        return self.alarms.describe([name])[name]


@pytest.fixture
def cloudwatch(world):
    yield world.client("cloudwatch")
    world.faults.clear()


@pytest.fixture(params=["fake", "adapter"])
def account(request):
    if request.param == "fake":
        fake = InMemoryAlarms()
        return AlarmsUnderTest(fake, fake.set_state, fake.refusals.__setitem__, fake.throttle)
    world, cloudwatch = (request.getfixturevalue(name) for name in ("world", "cloudwatch"))

    def set_state(name, state):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="by hand")

    def refuse(operation, words):
        code, _, message = words.partition(": ")
        world.faults.fail("monitoring", operation, error_code=code, message=message)

    return AlarmsUnderTest(
        CloudWatchAlarms(cloudwatch), set_state, refuse, lambda name: world.faults.throttle("monitoring", name, times=5)
    )


@pytest.fixture
def alarms(cloudwatch):
    return CloudWatchAlarms(cloudwatch)


def an_alarm(*queries, terms=TERMS, **changes):
    name = f"headcount/main/scaling/web/{next(_numbers)}"
    queries = queries or (MetricQuery(query_id="m1", stat=BUSY),)
    return ScalingAlarm(name=name, description="why", queries=queries, terms=terms, **changes)


def test_an_alarm_is_found_as_it_was_put(account):
    alarm = an_alarm(tags=(("headcount:service", "prod/web"),))
    assert account.alarms.put(alarm) is None
    found = account.found(alarm.name)
    assert (found.queries, found.terms, found.description) == (alarm.queries, alarm.terms, alarm.description)
    assert (found.state, found.composite) == ("INSUFFICIENT_DATA", False)


def test_an_alarm_carries_its_tags(alarms, cloudwatch):
    alarm = an_alarm(tags=(("headcount:service", "prod/web"), ("headcount:install", "main")))
    alarms.put(alarm)
    arn = cloudwatch.describe_alarms(AlarmNames=[alarm.name])["MetricAlarms"][0]["AlarmArn"]
    tags = cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == dict(alarm.tags)


def test_an_alarm_on_metric_math_is_found_as_it_was_put(account):
    used = MetricQuery(query_id="used", stat=BUSY, returned=False)
    alarm = an_alarm(used, MetricQuery(query_id="load", expression="100 * used"))
    assert account.alarms.put(alarm) is None
    assert account.found(alarm.name).queries == alarm.queries


@pytest.mark.parametrize("statistic", ["p99.9", "SampleCount", "Sum"])
def test_any_statistic_may_be_compared(account, statistic):
    stat = MetricStat(namespace="Test", name="Busy", statistic=statistic, period=10)
    alarm = an_alarm(MetricQuery(query_id="m1", stat=stat))
    assert account.alarms.put(alarm) is None
    assert account.found(alarm.name).queries[0].stat == stat


def test_putting_it_again_changes_it_and_keeps_its_state(account):
    alarm = an_alarm()
    account.alarms.put(alarm)
    account.set_state(alarm.name, "ALARM")
    other = AlarmTerms(comparison="LessThanThreshold", threshold=10.0, periods=15, to_alarm=15)
    changed = ScalingAlarm(name=alarm.name, description="other", queries=alarm.queries, terms=other)
    assert account.alarms.put(changed) is None
    found = account.found(alarm.name)
    assert (found.terms, found.description, found.state) == (other, "other", "ALARM")


def test_what_the_user_does_not_say_of_an_alarm_is_aws_s_default(alarms, cloudwatch):
    name = f"users-{next(_numbers)}"
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="Test", MetricName="Busy", Statistic="Average", Period=60, EvaluationPeriods=4,
        Threshold=1.0, ComparisonOperator="LessThanOrEqualToThreshold",
    )  # fmt: skip
    found = alarms.describe([name])[name]
    assert found.terms == AlarmTerms(comparison="LessThanOrEqualToThreshold", threshold=1.0, periods=4, to_alarm=4)


BUSY_METRIC = {"Metric": {"Namespace": "Test", "MetricName": "Busy"}, "Period": 60, "Stat": "Sum"}
SAID = {
    "AlarmName": "users",
    "StateValue": "ALARM",
    "EvaluationPeriods": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}
WITHOUT_A_THRESHOLD = {
    "a composite alarm": {"AlarmName": "users", "AlarmRule": "ALARM(one) OR ALARM(two)", "StateValue": "ALARM"},
    "one that looks for anomalies": {
        **SAID,
        "ComparisonOperator": "GreaterThanUpperThreshold",
        "ThresholdMetricId": "band",
        "Metrics": [
            {"Id": "m1", "MetricStat": BUSY_METRIC, "ReturnData": True},
            {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)", "ReturnData": True},
        ],
    },
    "one on a metric of another account": {
        **SAID,
        "Threshold": 1.0,
        "Metrics": [{"Id": "m1", "MetricStat": BUSY_METRIC, "AccountId": "210987654321", "ReturnData": True}],
    },
}


@pytest.mark.parametrize("document", WITHOUT_A_THRESHOLD.values(), ids=WITHOUT_A_THRESHOLD.keys())
def test_an_alarm_without_a_threshold_of_its_own_has_a_state_and_nothing_to_measure_steps_by(cloudwatch, document):
    asked = {"AlarmNames": ["users"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}
    kind = "CompositeAlarms" if "AlarmRule" in document else "MetricAlarms"
    with Stubber(cloudwatch) as stub:
        stub.add_response("describe_alarms", {kind: [document]}, asked)
        found = CloudWatchAlarms(cloudwatch).describe(["users"])["users"]
    assert (found.composite, found.queries, found.state) == (True, (), "ALARM")


def test_alarms_that_do_not_exist_are_missing(account):
    assert account.alarms.describe(["nobody-made-this"]) == {}
    assert account.alarms.describe([]) == {}


def test_more_alarms_than_one_call_names_are_found_and_deleted(account):
    made = [an_alarm() for _ in range(103)]
    for alarm in made:
        account.alarms.put(alarm)
    names = [alarm.name for alarm in made]
    assert account.alarms.describe(names).keys() == set(names)
    assert account.alarms.delete(names) is None
    assert account.alarms.describe(names) == {}


def test_alarms_that_are_gone_do_not_keep_others_from_being_deleted(account):
    alarm = an_alarm()
    account.alarms.put(alarm)
    assert account.alarms.delete(["gone-1", alarm.name, "gone-2"]) is None
    assert account.alarms.describe([alarm.name]) == {}


def test_what_cloudwatch_refuses_is_told_in_its_words(account):
    account.refuse("PutMetricAlarm", "LimitExceeded: The maximum is reached")
    alarm = an_alarm()
    assert account.alarms.put(alarm) == "LimitExceeded: The maximum is reached"
    assert account.alarms.describe([alarm.name]) == {}
    account.refuse("DeleteAlarms", "AccessDenied: not you")
    assert account.alarms.delete(["one"]) == "AccessDenied: not you"


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("DescribeAlarms", lambda alarms: alarms.describe(["one"])),
        ("PutMetricAlarm", lambda alarms: alarms.put(an_alarm())),
        ("DeleteAlarms", lambda alarms: alarms.delete(["one"])),
    ],
)
def test_being_throttled_is_no_refusal(account, operation, call):
    account.throttle(operation)
    with pytest.raises(Throttled):
        call(account.alarms)
