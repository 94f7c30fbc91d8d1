"""Target groups and alarms as ``keep_load_balancers`` sees and changes them: one call of AWS after the other."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from headcount.balancing.resources import Found, Seen, Sought, Step
from headcount.errors import Throttled
from headcount_simulation.balancers import ARN, Balancers, attributes_of, document_of
from headcount_simulation.calls import Calls
from headcount_simulation.clients import ELB
from headcount_simulation.elb import TargetGroup
from headcount_simulation.rates import TokenBucket

CLOUDWATCH: Final = "cloudwatch"
TAGS_AT_ONCE: Final = 20


class SimulatedResources:
    """``LoadBalancerResources``: services of the simulation declare target groups, and nothing else."""

    def __init__(self, balancers: Balancers, calls: Calls) -> None:
        self.balancers = balancers
        self.calls = calls

    def look(self, sought: Sought) -> Seen:
        """As the adapter does it: groups by ARN, those by name, tags, attributes of each; then alarms."""
        groups = self._groups("DescribeTargetGroups", sought.groups, lambda one: one.arn)
        groups |= self._groups("DescribeTargetGroups names", sought.group_names, lambda one: one.name)
        for _ in range(0, len(groups), TAGS_AT_ONCE):
            self._read("DescribeTags")
        for _ in groups:
            self._read("DescribeTargetGroupAttributes")
        alarms = self.balancers.alarms
        if sought.alarms:
            self.calls.make(CLOUDWATCH, "DescribeAlarms", lambda: None)
        return Seen(
            groups={arn: _found(group) for arn, group in groups.items()},
            alarms={name: _found_alarm(name, alarms[name]) for name in sought.alarms if name in alarms},
        )

    def carry_out(self, step: Step) -> str | None:
        """One call."""
        request = dict(step.request)
        if step.operation in ("PutMetricAlarm", "DeleteAlarms"):
            self.calls.make(CLOUDWATCH, step.operation, lambda: self._change_alarms(step.operation, request))
            return None
        return self.calls.make(ELB, step.operation, lambda: self._change_group(step.operation, request))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _groups(
        self, operation: str, wanted: Sequence[str], named: Callable[[TargetGroup], str]
    ) -> dict[str, TargetGroup]:
        if not wanted:
            return {}
        self._read(operation)
        return {group.arn: group for group in self.balancers.elb.groups.values() if named(group) in wanted}

    def _read(self, operation: str) -> None:
        self.calls.make(ELB, operation, lambda: self._pay(operation, self.balancers.elb.limits.elb_reads))

    def _pay(self, operation: str, bucket: TokenBucket) -> None:
        limits = self.balancers.elb.limits
        if not (limits.elb.has() and bucket.has()):
            raise Throttled(f"{operation}: Throttling: Rate exceeded")
        limits.elb.take()
        bucket.take()

    def _change_alarms(self, operation: str, request: dict[str, Any]) -> None:
        alarms = self.balancers.alarms
        if operation == "PutMetricAlarm":
            alarms[request["AlarmName"]] = request
            return
        for name in request["AlarmNames"]:
            alarms.pop(name, None)

    def _change_group(self, operation: str, request: dict[str, Any]) -> str | None:
        elb = self.balancers.elb
        self._pay(operation, elb.limits.elb_reads)
        if operation == "CreateTargetGroup":
            if any(group.name == request["Name"] for group in elb.groups.values()):
                return "DuplicateTargetGroupName: A target group with this name exists"
            self.balancers.create_as(request)
            return None
        group = elb.groups.get(request["TargetGroupArn"])
        if operation == "DeleteTargetGroup":
            if group is not None:
                elb.delete(group)
            return None
        if group is None:
            return "TargetGroupNotFound: One or more target groups not found"
        self.balancers.change(group, request)
        return None


def _found(group: TargetGroup) -> Found:
    return Found(arn=group.arn, document=document_of(group), attributes=attributes_of(group), tags=group.tags)


def _found_alarm(name: str, request: dict[str, Any]) -> Found:
    return Found(arn=f"{ARN.replace('elasticloadbalancing', 'cloudwatch')}:alarm:{name}", document=request)
