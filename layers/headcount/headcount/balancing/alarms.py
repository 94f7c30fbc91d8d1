"""An alarm on each target group that takes traffic: it tells at once when targets become unhealthy."""

from collections.abc import Iterable
from typing import Any

from headcount.balancing.comparing import differing, told
from headcount.balancing.naming import alarm_description, alarm_name, group_name
from headcount.balancing.resources import Found, Step
from headcount.balancing.situation import Said, Situation
from headcount.model.fingerprints import mark_of
from headcount.model.target import KnownGroup, OwnedResource

NAMESPACES = {"app": "AWS/ApplicationELB", "net": "AWS/NetworkELB"}


def keep_alarms(now: Situation, groups: Iterable[KnownGroup]) -> Said:
    """Without a load balancer there is no metric, and no alarm."""
    for group in groups:
        balancer = _balancer(group)
        if balancer is not None:
            yield from _keep_alarm(now, group, _alarm(now, group, balancer))


def wanted_alarms(now: Situation, groups: Iterable[KnownGroup], *, settled: bool) -> set[str]:
    """The names of the alarms on these groups.

    Until everything else is ``settled``, an alarm stays whose group has no load balancer: it may get one by then.
    """
    names = [group_name(one.arn) for one in groups if _balancer(one) is not None]
    return {
        alarm_name(now.install, now.service, name) for name in (*names, *(() if settled else now.declared.task_groups))
    }


def is_our_alarm(now: Situation, found: Found) -> bool:
    """By its description: it names the service, and nobody else writes it."""
    return f'"service": "{now.service}"' in str(found.document.get("AlarmDescription", ""))


def _balancer(group: KnownGroup) -> str | None:
    """The load balancer as metrics name it, ``app/web/0123456789abcdef``; a group has one."""
    names = (arn.rpartition("loadbalancer/")[2] for arn in group.load_balancers)
    return next((name for name in names if name.partition("/")[0] in NAMESPACES), None)


def _alarm(now: Situation, group: KnownGroup, balancer: str) -> dict[str, Any]:
    return {
        "AlarmName": alarm_name(now.install, now.service, group_name(group.arn)),
        "AlarmDescription": alarm_description(now.service, group.arn),
        "Namespace": NAMESPACES[balancer.partition("/")[0]],
        "MetricName": "UnHealthyHostCount",
        "Dimensions": [
            {"Name": "TargetGroup", "Value": group.arn.rpartition(":")[2]},
            {"Name": "LoadBalancer", "Value": balancer},
        ],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def _keep_alarm(now: Situation, group: KnownGroup, alarm: dict[str, Any]) -> Said:
    name = alarm["AlarmName"]
    found = now.view.seen.alarms.get(name)
    what = _what(name)
    wanted = OwnedResource(kind="alarm", key=name, arn=found.arn if found else "", mark=mark_of(alarm))
    if found is None:
        yield Step(
            operation="PutMetricAlarm",
            request={**alarm, "Tags": now.tags},
            what=what,
            reason=f"creating {what}: it tells when targets of {group_name(group.arn)} become unhealthy",
            owned=wanted,
        )
    elif not is_our_alarm(now, found):
        yield f"{what} exists and is not Headcount's for this service: delete it"
    elif changes := differing(alarm, found.document):
        yield Step(
            operation="PutMetricAlarm",
            request=alarm,
            what=what,
            reason=_correction(now, wanted, told(changes, found.document)),
            level=now.correction_level(wanted),
            owned=wanted,
        )
    else:
        yield wanted


def _what(name: str) -> str:
    return f"alarm {name}"


def _correction(now: Situation, wanted: OwnedResource, differences: str) -> str:
    """People do not declare alarms: one that nobody changed is about another target group or load balancer now."""
    if now.is_drift(wanted):
        return now.correction(_what(wanted.key), wanted, differences)
    return f"correcting {_what(wanted.key)}: its target group or load balancer is another one: {differences}"
