"""Load balancers tell CloudWatch of each minute what they did and how their targets are."""

import time
from typing import Any

import pytest

from headcount_sandbox.world.cloudwatch.metrics import Metric, statistic
from integration.sandbox_world.balancing import Bench, a_server, get
from integration.sandbox_world.sites import wait_for


def dimensions(bench: Bench, group: str | None = None) -> list[dict[str, str]]:
    found = [{"Name": "LoadBalancer", "Value": bench.arn.partition(":loadbalancer/")[2]}]
    return found if group is None else [*found, {"Name": "TargetGroup", "Value": group.rpartition(":")[2]}]


def value(bench: Bench, name: str, stat: str, group: str | None = None, namespace: str = "ApplicationELB") -> Any:
    """A statistic of everything that was told of a metric so far; None without data."""
    pairs = frozenset((one["Name"], one["Value"]) for one in dimensions(bench, group))
    metric = Metric(namespace=f"AWS/{namespace}", name=name, dimensions=pairs)
    return statistic(bench.world.metrics.between(metric, 0, time.time() + 60), stat)


def test_requests_answers_and_times_are_told(bench: Bench) -> None:
    group = bench.group(UnhealthyThresholdCount=10)  # what the checks are told besides makes it no worse
    url = bench.serve(group)
    get(url)
    with a_server(delay=0.05) as server:
        bench.put(group, server)
        for status, times in ((200, 6), (302, 1), (404, 2), (500, 1)):
            server.status = status
            for _ in range(times):
                get(url)
    wait_for(lambda: value(bench, "RequestCount", "Sum") == value(bench, "RequestCount", "Sum", group) == 11)
    names = [f"HTTPCode_Target_{hundred}XX_Count" for hundred in (2, 3, 4, 5)]
    wait_for(lambda: [value(bench, name, "Sum", group) for name in names] == [6, 1, 2, 1])
    wait_for(lambda: [value(bench, f"HTTPCode_ELB_{code}_Count", "Sum") for code in ("5XX", "503")] == [1, 1])
    wait_for(lambda: value(bench, "TargetResponseTime", "SampleCount", group) == 10)
    assert value(bench, "TargetResponseTime", "Minimum", group) >= 0.05
    wait_for(lambda: value(bench, "RequestCountPerTarget", "Sum", group) == pytest.approx(11, abs=1))
    listed = bench.world.client("cloudwatch").list_metrics(Dimensions=dimensions(bench, group))["Metrics"]
    assert {"RequestCount", "TargetResponseTime"} <= {one["MetricName"] for one in listed}


def test_requests_per_target_are_told_even_if_there_are_none(bench: Bench) -> None:
    group = bench.group()
    bench.listener(group)
    with a_server() as server:
        bench.put(group, server)
        wait_for(lambda: value(bench, "RequestCountPerTarget", "SampleCount", group) is not None)
        assert value(bench, "RequestCountPerTarget", "Sum", group) == 0
        assert value(bench, "RequestCount", "Sum", group) is None


def test_hosts_are_counted_by_health_while_there_are_any(bench: Bench) -> None:
    group = bench.group()
    bench.listener(group)
    empty = bench.group()
    bench.listener(empty)
    with a_server() as one, a_server() as two:
        bench.put(group, one, two)
        wait_for(lambda: value(bench, "HealthyHostCount", "Maximum", group) == 2)
        assert value(bench, "UnHealthyHostCount", "Maximum", group) == 0
        two.status = 500
        wait_for(lambda: value(bench, "UnHealthyHostCount", "Maximum", group) == 1)
        wait_for(lambda: value(bench, "HealthyHostCount", "Minimum", group) in (0, 1))
    assert value(bench, "HealthyHostCount", "Maximum", empty) is None


def test_a_network_load_balancer_tells_of_flows_in_its_own_namespace(network: Bench) -> None:
    group = network.group("TCP")
    url = network.serve(group, protocol="TCP").replace("tcp", "http")
    with a_server() as server:
        network.put(group, server)
        for _ in range(3):
            get(url)
        wait_for(lambda: value(network, "NewFlowCount", "Sum", group, "NetworkELB") == 3)
        wait_for(lambda: value(network, "HealthyHostCount", "Maximum", group, "NetworkELB") == 1)
    assert value(network, "RequestCount", "Sum", group) is None


def test_an_alarm_on_unhealthy_hosts_is_told(bench: Bench) -> None:
    group = bench.group()
    bench.listener(group)
    events: list[dict[str, Any]] = []
    bench.world.on_event(events.append)
    name = f"unhealthy-{group[-8:]}"
    bench.world.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmDescription='{"headcount": {}}',
        Namespace="AWS/ApplicationELB",
        MetricName="UnHealthyHostCount",
        Dimensions=dimensions(bench, group),
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    with a_server() as server:
        bench.put(group, server)
        server.status = 503
        wait_for(lambda: _told(events, name)[-1:] == ["ALARM"])
        server.status = 200
        wait_for(lambda: _told(events, name)[-1:] == ["OK"])


def _told(events: list[dict[str, Any]], name: str) -> list[str]:
    mine = [event["detail"] for event in list(events) if event["detail"].get("alarmName") == name]
    return [detail["state"]["value"] for detail in mine]
