"""The alarms that target tracking needs, as CloudWatch keeps and tells them: put once, they are as they are wanted."""

from typing import Any

import pytest

from fakes.scaling import InMemoryAlarms
from headcount.aws.cloudwatch_alarms import CloudWatchAlarms
from headcount.model.metrics import MetricQuery, MetricStat
from headcount.model.scaling import Evaluation, Limits, Panic, PredefinedMetric
from headcount.model.values import replace
from headcount.scaling.own_alarms import is_as_wanted, is_ours, wanted_alarms
from headcount.scaling.queries import Measured
from unit.scaling.policies import a_scaling, a_tracking

LABEL = "app/web/0123456789abcdef/targetgroup/web/fedcba9876543210"
REQUESTS = PredefinedMetric(metric_type="ALBRequestCountPerTarget", resource_label=LABEL)
DEPTH = MetricStat(namespace="Mine", name="Depth", dimensions=(("b", "1"), ("a", "2")), statistic="p90")
MATH = (
    MetricQuery(query_id="depth", stat=replace(DEPTH, statistic="Sum", unit="Count"), returned=False),
    MetricQuery(query_id="each", expression="depth / 2"),
)
POLICIES = {
    "cpu": a_tracking(),
    "panic": a_tracking("größer", limits=Limits(panic=Panic())),
    "requests": a_tracking(metric=REQUESTS),
    "one metric": a_tracking(metric=(MetricQuery(query_id="depth", stat=DEPTH),)),
    "metric math": a_tracking(metric=MATH, evaluation=Evaluation(out_periods=1, in_periods=5)),
}


@pytest.fixture(params=["fake", "adapter"])
def alarms(request: pytest.FixtureRequest) -> Any:
    if request.param == "fake":
        return InMemoryAlarms()
    return CloudWatchAlarms(request.getfixturevalue("world").client("cloudwatch"))


@pytest.mark.parametrize("name", POLICIES)
def test_what_was_put_is_found_to_be_as_it_is_wanted(alarms, name):
    """Else it would be put again every hour."""
    service, measured = f"prod/{name.replace(' ', '-')}", Measured(cluster="prod", family="web")
    wanted = wanted_alarms(a_scaling(POLICIES[name], minimum=0), service, "main", measured)
    assert len(wanted) >= 2
    for one in wanted:
        assert alarms.put(one) is None
    found = alarms.describe([one.name for one in wanted])
    for one in wanted:
        assert is_as_wanted(one, found[one.name])
        assert is_ours(found[one.name], service)
        assert not is_ours(found[one.name], "prod/other")
        assert not is_as_wanted(replace(one, terms=replace(one.terms, threshold=99.5)), found[one.name])
    elsewhere = wanted_alarms(a_scaling(POLICIES[name]), service, "main", replace(measured, family="api"))
    assert is_as_wanted(elsewhere[0], found[elsewhere[0].name]) == (name not in ("cpu", "panic"))


def test_what_is_deleted_is_gone_and_may_be_deleted_again(alarms):
    (high, low) = wanted_alarms(a_scaling(a_tracking()), "prod/gone", "main", Measured(cluster="prod", family="web"))
    alarms.put(high)
    assert alarms.delete([high.name, low.name]) is None
    assert alarms.delete([high.name, low.name]) is None
    assert alarms.describe([high.name, low.name]) == {}
