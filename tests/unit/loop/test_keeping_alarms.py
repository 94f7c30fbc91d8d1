"""Alarms on the unhealthy targets of groups that take traffic: made, kept so, and deleted in the end."""

import json

from builders import SERVICE

from .keeping import a_balancer, a_listener, a_rule, behind

ALARM = "headcount/main/unhealthy/web/"


def test_an_alarm_watches_the_unhealthy_targets_of_a_group_that_takes_traffic(keeping):
    keeping.declare(load_balancers=(behind("web"),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    (alarm,) = keeping.account.alarms.values()
    group, (balancer,) = keeping.account.group("web").arn, keeping.account.load_balancers
    assert alarm.document["AlarmName"].startswith(ALARM)
    assert json.loads(alarm.document["AlarmDescription"]) == {"headcount": {"service": SERVICE, "group": group}}
    assert alarm.document["Dimensions"] == [
        {"Name": "TargetGroup", "Value": group.rpartition(":")[2]},
        {"Name": "LoadBalancer", "Value": balancer.partition("loadbalancer/")[2]},
    ]
    assert {name: alarm.document[name] for name in ("Namespace", "MetricName", "Statistic", "Period")} == {
        "Namespace": "AWS/ApplicationELB", "MetricName": "UnHealthyHostCount", "Statistic": "Maximum", "Period": 60,
    }  # fmt: skip
    assert (alarm.document["EvaluationPeriods"], alarm.document["DatapointsToAlarm"]) == (1, 1)
    assert (alarm.document["ComparisonOperator"], alarm.document["Threshold"]) == ("GreaterThanThreshold", 0)
    assert alarm.document["TreatMissingData"] == "notBreaching"
    assert alarm.tags == {"headcount:service": SERVICE, "headcount:install": "main"}


def test_a_network_load_balancers_alarm_reads_its_own_metric(keeping):
    balancer = a_balancer({**a_listener(), "Protocol": "TCP"}, Type="network")
    keeping.declare(load_balancers=(behind(Protocol="TCP"),), elastic_load_balancers=(balancer,)).look()
    assert [alarm.document["Namespace"] for alarm in keeping.account.alarms.values()] == ["AWS/NetworkELB"]


def test_an_alarm_goes_when_its_group_takes_no_traffic_any_more(keeping):
    listener = keeping.account.add_listener()
    keeping.declare(load_balancers=(behind("web", a_rule(listener)),)).look()
    keeping.declare(load_balancers=(behind("web"),)).look()
    assert keeping.account.alarms == {}


def test_an_alarm_that_somebody_changed_is_corrected(keeping):
    keeping.declare(load_balancers=(behind(),), elastic_load_balancers=(a_balancer(a_listener()),)).look()
    (alarm,) = keeping.account.alarms.values()
    alarm.document["Threshold"] = 5.0
    keeping.look()
    assert [one.document["Threshold"] for one in keeping.account.alarms.values()] == [0]


def test_an_alarm_on_a_group_that_is_created_again_is_corrected(keeping):
    listener = keeping.account.add_listener()
    keeping.declare(load_balancers=(behind("web", a_rule(listener)),)).look()
    keeping.account.rules.clear()
    keeping.account.groups.clear()
    keeping.steps()
    keeping.look()
    assert keeping.steps() == ["CreateTargetGroup", "CreateRule", "PutMetricAlarm"]
    assert keeping.told[-1].startswith(f"correcting alarm {ALARM}")
    assert ": its target group or load balancer is another one: alarmDescription was" in keeping.told[-1]
    (alarm,) = keeping.account.alarms.values()
    assert alarm.document["Dimensions"][0]["Value"] in keeping.account.group("web").arn


def test_an_alarm_of_that_name_that_is_not_ours_is_left_alone_and_told(keeping):
    listener = keeping.account.add_listener()
    keeping.declare(load_balancers=(behind("web", a_rule(listener)),)).look()
    (alarm,) = keeping.account.alarms.values()
    alarm.document |= {"AlarmDescription": "mine", "Threshold": 7.0}
    (problem,) = keeping.look().problems
    assert problem.startswith(f"alarm {ALARM}")
    assert problem.endswith("exists and is not Headcount's for this service: delete it")
    keeping.delete()
    keeping.look()
    assert [one.document["Threshold"] for one in keeping.account.alarms.values()] == [7.0]
