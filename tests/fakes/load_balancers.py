"""Load balancers, listeners, rules, target groups, functions' policies and alarms of one account, in memory."""

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name

from headcount.balancing.resources import Found, Seen, Sought, Step
from headcount.errors import Conflict, NewerSchema, Throttled
from headcount.model.service import Decision
from headcount.model.target import Balancing
from headcount.model.values import replace
from headcount.ports.keeping import BalancingRecords, Looked

from .store import InMemoryStore

ACCOUNT = "eu-west-1:123456789012"
ELB = f"arn:aws:elasticloadbalancing:{ACCOUNT}"
DELAY = "deregistration_delay.timeout_seconds"


class Refusal(Exception):
    """AWS says no, in its own words."""


@dataclass(slots=True)
class Resource:
    """Anything that has an ARN."""

    arn: str
    document: dict[str, Any]
    attributes: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def found(self) -> Found:
        return Found(arn=self.arn, document=self.document, attributes=self.attributes, tags=self.tags)


class InMemoryLoadBalancers:
    """The ``LoadBalancerResources`` of one account. ``steps``: what was carried out, refused or not."""

    def __init__(self) -> None:
        self.load_balancers: dict[str, Resource] = {}
        self.listeners: dict[str, Resource] = {}
        self.rules: dict[str, Resource] = {}
        self.groups: dict[str, Resource] = {}
        self.alarms: dict[str, Resource] = {}
        self.functions: dict[str, dict[str, dict[str, Any]]] = {}
        self.registered: dict[str, list[str]] = {}
        self.steps: list[Step] = []
        self.refusals: dict[str, str] = {}
        self._throttled: Counter[str] = Counter()
        self._numbers = itertools.count(1)

    # -- the port -----------------------------------------------------------------------------------------------------

    def look(self, sought: Sought) -> Seen:
        self._called("look")
        balancers = {one.document["LoadBalancerName"]: one for one in self.load_balancers.values()}
        balancers = {name: one for name, one in balancers.items() if name in sought.load_balancers}
        names = {one.arn: name for name, one in balancers.items()}
        listeners = {
            f"{names[one.document['LoadBalancerArn']]}:{one.document['Port']}": one
            for one in self.listeners.values()
            if one.document["LoadBalancerArn"] in names
        }
        asked = {name: listeners[name].arn if name in listeners else name for name, _ in sought.rules}
        groups = [
            one
            for one in self.groups.values()
            if one.arn in sought.groups or one.document["TargetGroupName"] in sought.group_names
        ]
        return Seen(
            load_balancers={name: one.found for name, one in balancers.items()},
            listeners={name: one.found for name, one in listeners.items()},
            known_listeners=tuple(name for name, arn in asked.items() if arn in self.listeners),
            rules={
                f"{name}#{priority}": rule.found
                for name, priority in sought.rules
                for rule in self.rules.values()
                if rule.document["ListenerArn"] == asked[name] and rule.document["Priority"] == priority
            },
            groups={one.arn: replace(one.found, document=self._with_balancers(one)) for one in groups},
            permissions={name: tuple(self.functions[name]) for name in sought.functions if name in self.functions},
            registered={
                one.arn: tuple(self.registered.get(one.arn, ()))
                for one in groups
                if sought.functions and one.document["TargetType"] == "lambda"
            },
            alarms={name: self.alarms[name].found for name in sought.alarms if name in self.alarms},
        )

    def carry_out(self, step: Step) -> str | None:
        self._called(step.operation)
        self.steps.append(step)
        if step.operation in self.refusals:
            return self.refusals[step.operation]
        try:
            getattr(self, f"_{xform_name(step.operation)}")(dict(step.request))
        except Refusal as refusal:
            return str(refusal)
        return None

    # -- what a test turns --------------------------------------------------------------------------------------------

    def throttle(self, operation: str, times: int = 1) -> None:
        self._throttled[operation] += times

    def add_group(self, name: str, **document: Any) -> str:
        """Somebody else's target group; its ARN."""
        self._create_target_group({"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1", **document})
        return self.group(name).arn

    def add_listener(self, balancer: str = "theirs", port: int = 80, *, kind: str = "application") -> str:
        """Somebody else's load balancer with a listener; the listener's ARN."""
        found = [one for one in self.load_balancers.values() if one.document["LoadBalancerName"] == balancer]
        if not found:
            self._create_load_balancer({"Name": balancer, "Subnets": ["subnet-1", "subnet-2"], "Type": kind})
        (arn,) = [a for a, one in self.load_balancers.items() if one.document["LoadBalancerName"] == balancer]
        answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        self._create_listener({"LoadBalancerArn": arn, "Port": port, "Protocol": "HTTP", "DefaultActions": answer})
        return next(reversed(self.listeners))

    def add_rule(self, listener: str, priority: int, group: str) -> str:
        """Somebody else's rule; its ARN."""
        actions = [{"Type": "forward", "TargetGroupArn": group}]
        conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/theirs"]}}]
        self._create_rule({"ListenerArn": listener, "Priority": priority, "Conditions": conditions, "Actions": actions})
        return next(reversed(self.rules))

    def add_function(self, name: str) -> str:
        arn = f"arn:aws:lambda:{ACCOUNT}:function:{name}"
        self.functions.setdefault(arn, {})
        return arn

    def group(self, name: str) -> Resource:
        (found,) = [one for one in self.groups.values() if one.document["TargetGroupName"] == name]
        return found

    @property
    def names(self) -> set[str]:
        """Everything that there is, by what people call it."""
        return {
            *(one.document["LoadBalancerName"] for one in self.load_balancers.values()),
            *(f"listener {one.document['Port']}" for one in self.listeners.values()),
            *(f"rule {one.document['Priority']}" for one in self.rules.values()),
            *(f"group {one.document['TargetGroupName']}" for one in self.groups.values()),
            *(f"permission {len(some)}" for some in self.functions.values() if some),
            *(f"alarm {name.split('/')[3]}" for name in self.alarms),
        }

    # -- the calls ----------------------------------------------------------------------------------------------------

    def _create_load_balancer(self, asked: dict[str, Any]) -> None:
        if any(one.document["LoadBalancerName"] == asked["Name"] for one in self.load_balancers.values()):
            raise Refusal("DuplicateLoadBalancerName: A load balancer with this name exists")
        tags, kind = _tags(asked), asked.get("Type", "application")
        arn = f"{ELB}:loadbalancer/{'app' if kind == 'application' else 'net'}/{asked['Name']}/{self._id()}"
        document = {
            "LoadBalancerArn": arn,
            "LoadBalancerName": asked["Name"],
            "Type": kind,
            "Scheme": asked.get("Scheme", "internet-facing"),
            "IpAddressType": asked.get("IpAddressType", "ipv4"),
            "SecurityGroups": asked.get("SecurityGroups", []),
            "AvailabilityZones": _zones(asked),
        }
        attributes = {"deletion_protection.enabled": "false", "idle_timeout.timeout_seconds": "60"}
        self.load_balancers[arn] = Resource(arn, document, attributes, tags)

    def _set_subnets(self, asked: dict[str, Any]) -> None:
        found = self._one(self.load_balancers, asked["LoadBalancerArn"], "LoadBalancer")
        found.document["AvailabilityZones"] = _zones(asked)

    def _set_security_groups(self, asked: dict[str, Any]) -> None:
        found = self._one(self.load_balancers, asked["LoadBalancerArn"], "LoadBalancer")
        found.document["SecurityGroups"] = asked["SecurityGroups"]

    def _set_ip_address_type(self, asked: dict[str, Any]) -> None:
        found = self._one(self.load_balancers, asked["LoadBalancerArn"], "LoadBalancer")
        found.document["IpAddressType"] = asked["IpAddressType"]

    def _modify_load_balancer_attributes(self, asked: dict[str, Any]) -> None:
        found = self._one(self.load_balancers, asked["LoadBalancerArn"], "LoadBalancer")
        found.attributes |= {one["Key"]: one["Value"] for one in asked["Attributes"]}

    def _delete_load_balancer(self, asked: dict[str, Any]) -> None:
        found = self.load_balancers.get(asked["LoadBalancerArn"])
        if found is None:
            return
        if found.attributes["deletion_protection.enabled"] == "true":
            raise Refusal(
                "OperationNotPermitted: Load balancer cannot be deleted because deletion protection is enabled"
            )
        for arn in [arn for arn, one in self.listeners.items() if one.document["LoadBalancerArn"] == found.arn]:
            self._delete_listener({"ListenerArn": arn})
        del self.load_balancers[found.arn]

    def _create_target_group(self, asked: dict[str, Any]) -> None:
        if any(one.document["TargetGroupName"] == asked["Name"] for one in self.groups.values()):
            raise Refusal("DuplicateTargetGroupName: A target group with this name exists")
        tags, name = _tags(asked), asked.pop("Name")
        arn = f"{ELB}:targetgroup/{name}/{self._id()}"
        document = {"TargetType": "instance", **asked, "TargetGroupArn": arn, "TargetGroupName": name}
        self.groups[arn] = Resource(arn, document, {DELAY: "300"}, tags)

    def _modify_target_group(self, asked: dict[str, Any]) -> None:
        found = self._one(self.groups, asked["TargetGroupArn"], "TargetGroup")
        found.document |= asked

    def _modify_target_group_attributes(self, asked: dict[str, Any]) -> None:
        found = self._one(self.groups, asked["TargetGroupArn"], "TargetGroup")
        found.attributes |= {one["Key"]: one["Value"] for one in asked["Attributes"]}

    def _delete_target_group(self, asked: dict[str, Any]) -> None:
        arn = asked["TargetGroupArn"]
        forwarding = (*self.listeners.values(), *self.rules.values())
        if any(arn in json.dumps(one.document) for one in forwarding):
            raise Refusal("ResourceInUse: Target group is currently in use by a listener or a rule")
        self.groups.pop(arn, None)
        self.registered.pop(arn, None)

    def _create_listener(self, asked: dict[str, Any]) -> None:
        balancer = self._one(self.load_balancers, asked["LoadBalancerArn"], "LoadBalancer")
        self._forwards(asked["DefaultActions"])
        of_it = [one for one in self.listeners.values() if one.document["LoadBalancerArn"] == balancer.arn]
        if any(one.document["Port"] == asked["Port"] for one in of_it):
            raise Refusal("DuplicateListener: A listener already exists on this port")
        tags = _tags(asked)
        arn = f"{balancer.arn.replace(':loadbalancer/', ':listener/')}/{self._id()}"
        self.listeners[arn] = Resource(arn, {**asked, "ListenerArn": arn}, {}, tags)

    def _modify_listener(self, asked: dict[str, Any]) -> None:
        self._forwards(asked.get("DefaultActions", ()))
        self._one(self.listeners, asked["ListenerArn"], "Listener").document |= asked

    def _delete_listener(self, asked: dict[str, Any]) -> None:
        arn = asked["ListenerArn"]
        for rule in [rule for rule, one in self.rules.items() if one.document["ListenerArn"] == arn]:
            del self.rules[rule]
        self.listeners.pop(arn, None)

    def _create_rule(self, asked: dict[str, Any]) -> None:
        listener = self._one(self.listeners, asked["ListenerArn"], "Listener")
        self._forwards(asked["Actions"])
        priority = str(asked.pop("Priority"))
        for one in self.rules.values():
            if (one.document["ListenerArn"], one.document["Priority"]) == (listener.arn, priority):
                raise Refusal("PriorityInUse: Priority is currently in use")
        tags = _tags(asked)
        arn = f"{listener.arn.replace(':listener/', ':listener-rule/')}/{self._id()}"
        self.rules[arn] = Resource(arn, {**asked, "RuleArn": arn, "Priority": priority}, {}, tags)

    def _modify_rule(self, asked: dict[str, Any]) -> None:
        self._forwards(asked.get("Actions", ()))
        self._one(self.rules, asked["RuleArn"], "Rule").document |= asked

    def _delete_rule(self, asked: dict[str, Any]) -> None:
        self.rules.pop(asked["RuleArn"], None)

    def _register_targets(self, asked: dict[str, Any]) -> None:
        group = self._one(self.groups, asked["TargetGroupArn"], "TargetGroup")
        (target,) = [one["Id"] for one in asked["Targets"]]
        statements = self.functions.get(target, {}).values()
        if not any(one["SourceArn"] == group.arn for one in statements):
            raise Refusal("AccessDenied: elasticloadbalancing principal does not have permission to invoke it")
        if self.registered.get(group.arn, [target]) != [target]:
            raise Refusal("TooManyTargets: A target group of type lambda has one target")
        self.registered[group.arn] = [target]

    def _deregister_targets(self, asked: dict[str, Any]) -> None:
        gone = {one["Id"] for one in asked["Targets"]}
        left = [one for one in self.registered.get(asked["TargetGroupArn"], ()) if one not in gone]
        self.registered[asked["TargetGroupArn"]] = left
        if not left:
            del self.registered[asked["TargetGroupArn"]]

    def _add_permission(self, asked: dict[str, Any]) -> None:
        if asked["FunctionName"] not in self.functions:
            raise Refusal("ResourceNotFoundException: Function not found")
        self.functions[asked["FunctionName"]].setdefault(asked["StatementId"], asked)

    def _remove_permission(self, asked: dict[str, Any]) -> None:
        self.functions.get(asked["FunctionName"], {}).pop(asked["StatementId"], None)

    def _put_metric_alarm(self, asked: dict[str, Any]) -> None:
        name, tags = asked["AlarmName"], _tags(asked)
        before = self.alarms.get(name)
        arn = f"arn:aws:cloudwatch:{ACCOUNT}:alarm:{name}"
        self.alarms[name] = Resource(arn, asked, {}, before.tags if before else tags)

    def _delete_alarms(self, asked: dict[str, Any]) -> None:
        for name in asked["AlarmNames"]:
            self.alarms.pop(name, None)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _called(self, operation: str) -> None:
        if self._throttled[operation]:
            self._throttled[operation] -= 1
            raise Throttled(f"{operation}: Throttling: Rate exceeded")

    def _id(self) -> str:
        return f"{next(self._numbers):016x}"

    def _one(self, some: dict[str, Resource], arn: str, kind: str) -> Resource:
        if arn not in some:
            raise Refusal(f"{kind}NotFound: One or more of them not found")
        return some[arn]

    def _forwards(self, actions: Sequence[Any]) -> None:
        for arn in [one["TargetGroupArn"] for one in actions if "TargetGroupArn" in one]:
            self._one(self.groups, arn, "TargetGroup")

    def _with_balancers(self, group: Resource) -> dict[str, Any]:
        """As ELB tells it: the load balancers whose listeners and rules forward to the group."""
        found = [one for one in self.listeners.values() if group.arn in json.dumps(one.document)]
        found += [
            self.listeners[rule.document["ListenerArn"]]
            for rule in self.rules.values()
            if group.arn in json.dumps(rule.document)
        ]
        balancers = dict.fromkeys(one.document["LoadBalancerArn"] for one in found)
        return {**group.document, "LoadBalancerArns": list(balancers)}


class InMemoryBalancingStore:
    """The ``BalancingStore`` over the table in memory."""

    def __init__(self, table: InMemoryStore) -> None:
        self.table = table
        self.revisions: dict[str, int] = {}
        self.writes: list[Balancing] = []

    def read(self, service: str) -> BalancingRecords | None:
        partition = self.table.partition(service)
        newer = {key for key in partition.newer if not key.startswith("task#")}
        if newer:
            raise NewerSchema(f"records {newer} of {service} were written by a newer version")
        if partition.manifest is None:
            return None
        alive = [one for one in partition.tasks.values() if one.observed and one.observed.last_status != "STOPPED"]
        status = partition.status.document if partition.status else None
        return BalancingRecords(
            declared=partition.manifest,
            balancing=partition.balancing or Balancing(),
            revision=self.revisions.get(service) if partition.balancing else None,
            registered=frozenset(group for group, one in partition.targets.items() if one.managed),
            busy=partition.manifest.deleting_at is not None and bool(alive or partition.launches),
            seen_generation=status.generation if status else None,
        )

    def write(self, before: BalancingRecords, balancing: Balancing, history: Sequence[Decision], now: float) -> int:
        service = before.declared.manifest.service
        partition = self.table.partition(service)
        standing = self.revisions.get(service) if partition.balancing else None
        manifest = partition.manifest
        if standing != before.revision or manifest is None or manifest.generation != before.declared.generation:
            raise Conflict("the record or the manifest changed at this moment")
        self.revisions[service] = (standing or 0) + 1
        partition.balancing = balancing
        self.writes.append(balancing)
        self.table.write_history(service, 0, "balancing", history, now)
        return self.revisions[service]

    def pass_number(self, service: str) -> int | None:
        return self.table.pass_number(service)


@dataclass(slots=True)
class RecordingLookLog:
    """The ``LookLog`` that keeps everything."""

    decisions: list[Decision] = field(default_factory=list)
    looks: list[Looked] = field(default_factory=list)

    def decided(self, service: str, decisions: Sequence[Decision]) -> None:
        self.decisions.extend(decisions)

    def looked(self, looked: Looked) -> None:
        self.looks.append(looked)


def _zones(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Where a load balancer stands, by either way of asking for it."""
    mapped = [one["SubnetId"] for one in asked.get("SubnetMappings", ())]
    return [{"SubnetId": one} for one in (*asked.get("Subnets", ()), *mapped)]


def _tags(asked: dict[str, Any]) -> dict[str, str]:
    """The tags of a request, taken out of it."""
    return {one["Key"]: one["Value"] for one in asked.pop("Tags", ())}
