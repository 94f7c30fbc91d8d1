"""What AWS checks for each call: the Service Authorization Reference, for the operations that Headcount calls.

One entry an operation; a new operation fails the test until its checks stand here. Resources are `*` where the action
defines none for the request.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from headcount_sandbox.platform.deployment import Place
from unit.template.iam import Context, Need

Json = Mapping[str, Any]
Check = tuple[str, str, Context]  # action, resource, what condition keys have
# Elastic Load Balancing's guide, "API permissions": what else its actions check, with the rights of the caller.
_NETWORK_OF_GROUPS = ("DescribeInternetGateways", "DescribeVpcs")
_NETWORK_OF_TARGETS = ("DescribeInstances", "DescribeInternetGateways", "DescribeSubnets", "DescribeVpcs")
_NETWORK_OF_BALANCERS = (
    "DescribeAccountAttributes", "DescribeAddresses", "DescribeInternetGateways", "DescribeSecurityGroups",
    "DescribeSubnets", "DescribeVpcs",
)  # fmt: skip
TRANSACTION_PARTS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_WORD = re.compile(r"(?<![#:\w])[A-Za-z_]\w*")
_NO_ATTRIBUTES = frozenset({
    "SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN",
    "if_not_exists", "attribute_exists", "attribute_not_exists", "begins_with", "contains", "size",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call of a function, as it arrived."""

    function: str
    service: str
    operation: str
    parameters: Json
    tags: Mapping[str, str] = field(default_factory=dict)  # of the load balancing resource that it names


class Authorization:
    """The checks that AWS makes; `definition` describes a task definition (ECS checks the roles in it)."""

    def __init__(self, place: Place, definition: Callable[[str], Json]) -> None:
        self._place = place
        self._definition = definition
        self._checks: Mapping[tuple[str, str], Callable[[Json], Iterable[Check]]] = {
            ("dynamodb", "GetItem"): self._on_table("GetItem"),
            ("dynamodb", "Query"): self._on_table("Query"),
            ("dynamodb", "UpdateItem"): self._on_table("UpdateItem"),
            ("dynamodb", "PutItem"): self._on_table("PutItem"),
            ("dynamodb", "DeleteItem"): self._on_table("DeleteItem"),
            ("dynamodb", "BatchGetItem"): self._on_tables("BatchGetItem"),
            ("dynamodb", "BatchWriteItem"): self._on_tables("BatchWriteItem"),
            ("dynamodb", "TransactWriteItems"): self._transaction,
            ("ecs", "RunTask"): self._run_task,
            ("ecs", "StopTask"): lambda asked: self._on_tasks("StopTask", asked, [asked["task"]]),
            ("ecs", "DescribeTasks"): lambda asked: self._on_tasks("DescribeTasks", asked, asked["tasks"]),
            ("ecs", "ListTasks"): self._list_tasks,
            ("ecs", "DescribeContainerInstances"): self._describe_container_instances,
            ("ecs", "ListContainerInstances"): lambda asked: [
                ("ecs:ListContainerInstances", self._cluster(asked["cluster"]), {})
            ],
            ("ecs", "DescribeClusters"): lambda asked: [
                ("ecs:DescribeClusters", self._cluster(name), {}) for name in asked["clusters"]
            ],
            ("ecs", "DescribeCapacityProviders"): lambda asked: [
                ("ecs:DescribeCapacityProviders", self._ecs(f"capacity-provider/{name}"), {})
                for name in asked["capacityProviders"]
            ],
            ("ecs", "DescribeTaskDefinition"): lambda _: [("ecs:DescribeTaskDefinition", "*", {})],
            ("ecs", "ListTaskDefinitions"): lambda _: [("ecs:ListTaskDefinitions", "*", {})],
            ("ecs", "DeregisterTaskDefinition"): lambda _: [("ecs:DeregisterTaskDefinition", "*", {})],
            ("ecs", "RegisterTaskDefinition"): self._register,
            ("ec2", "DescribeSubnets"): lambda _: [("ec2:DescribeSubnets", "*", {})],
            ("ecs", "DescribeServices"): lambda asked: self._on_services("DescribeServices", asked, asked["services"]),
            ("ecs", "UpdateService"): lambda asked: self._on_services("UpdateService", asked, [asked["service"]]),
            ("application-autoscaling", "DescribeScalableTargets"): lambda _: [
                ("application-autoscaling:DescribeScalableTargets", "*", {})
            ],
            ("sqs", "SendMessage"): partial(self._on_queue, "SendMessage"),
            ("sqs", "GetQueueAttributes"): partial(self._on_queue, "GetQueueAttributes"),
            ("sqs", "GetQueueUrl"): lambda asked: [("sqs:GetQueueUrl", self._place.arn("sqs", asked["QueueName"]), {})],
            **{
                ("scheduler", name): partial(self._on_schedule, name)
                for name in ("CreateSchedule", "UpdateSchedule", "DeleteSchedule")
            },
            ("events", "PutEvents"): self._put_events,
            ("monitoring", "DescribeAlarms"): lambda asked: self._on_alarms("DescribeAlarms", asked["AlarmNames"]),
            ("monitoring", "DeleteAlarms"): lambda asked: self._on_alarms("DeleteAlarms", asked["AlarmNames"]),
            ("monitoring", "PutMetricAlarm"): self._put_alarm,
            ("monitoring", "GetMetricData"): lambda _: [("cloudwatch:GetMetricData", "*", {})],
            **{
                ("lambda", name): partial(self._on_function, name)
                for name in ("GetPolicy", "GetFunctionConfiguration", "AddPermission", "RemovePermission")
            },
            ("lambda", "Invoke"): self._invoke,
        }
        self._balancing: Mapping[str, Callable[[RecordedCall], Iterable[Check]]] = {
            **{
                f"Describe{name}": partial(self._describe_balancing, f"Describe{name}")
                for name in (
                    "LoadBalancers", "LoadBalancerAttributes", "Listeners", "Rules", "TargetGroups",
                    "TargetGroupAttributes", "TargetHealth", "Tags",
                )
            },
            "CreateLoadBalancer": self._create_balancer,
            "CreateTargetGroup": self._create_group,
            "CreateListener": partial(self._create_below, "LoadBalancerArn", "listener"),
            "CreateRule": partial(self._create_below, "ListenerArn", "listener-rule"),
            **{
                name: partial(self._on_balancing, of, also)
                for name, of, also in (
                    ("SetSubnets", "LoadBalancerArn", ("DescribeSubnets",)),
                    ("SetIpAddressType", "LoadBalancerArn", ("DescribeSubnets",)),
                    ("SetSecurityGroups", "LoadBalancerArn", ()),
                    ("ModifyLoadBalancerAttributes", "LoadBalancerArn", ()),
                    ("DeleteLoadBalancer", "LoadBalancerArn", ()),
                    ("ModifyTargetGroup", "TargetGroupArn", ()),
                    ("ModifyTargetGroupAttributes", "TargetGroupArn", ()),
                    ("DeleteTargetGroup", "TargetGroupArn", ()),
                    ("RegisterTargets", "TargetGroupArn", _NETWORK_OF_TARGETS),
                    ("DeregisterTargets", "TargetGroupArn", ()),
                    ("ModifyListener", "ListenerArn", ()),
                    ("DeleteListener", "ListenerArn", ()),
                    ("ModifyRule", "RuleArn", ()),
                    ("DeleteRule", "RuleArn", ()),
                )
            },
        }  # fmt: skip

    @property
    def operations(self) -> frozenset[tuple[str, str]]:
        """Service and name of every operation whose checks are known."""
        return frozenset(self._checks) | {(_ELB, name) for name in self._balancing}

    def needs(self, role: str, call: RecordedCall) -> Iterator[Need]:
        """The checks of one call, for the role of its function."""
        for action, resource, context in self._checks_of(call):
            everywhere = {"aws:RequestedRegion": [self._place.region]}
            yield Need(role=role, action=action, resource=resource, context={**everywhere, **context})

    def _checks_of(self, call: RecordedCall) -> Iterable[Check]:
        if call.service == _ELB:
            return self._balancing[call.operation](call)
        return self._checks[call.service, call.operation](call.parameters)

    # ------------------------------------------------------------------------------------------------------- DynamoDB

    def _on_table(self, action: str) -> Callable[[Json], Iterator[Check]]:
        def checks(asked: Json) -> Iterator[Check]:
            index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
            resource = self._place.arn("dynamodb", f"table/{asked['TableName']}{index}")
            attributes = {"dynamodb:Attributes": attributes_of(asked)}
            key = asked.get("Key", asked.get("Item", {})).get("pk", {})
            yield f"dynamodb:{action}", resource, {**attributes, "dynamodb:LeadingKeys": list(key.values())}

        return checks

    def _on_tables(self, action: str) -> Callable[[Json], Iterator[Check]]:
        return lambda asked: (
            (f"dynamodb:{action}", self._place.arn("dynamodb", f"table/{name}"), {}) for name in asked["RequestItems"]
        )

    def _transaction(self, asked: Json) -> Iterator[Check]:
        for item in asked["TransactItems"]:
            ((part, request),) = item.items()
            yield from self._on_table(TRANSACTION_PARTS[part])(request)

    # ------------------------------------------------------------------------------------------------------------ ECS

    def _run_task(self, asked: Json) -> Iterator[Check]:
        named = asked["taskDefinition"]
        yield "ecs:RunTask", named, self._in_cluster(asked)
        if asked.get("tags") or asked.get("propagateTags") or asked.get("enableECSManagedTags"):
            task = self._ecs(f"task/{asked['cluster']}/of-this-call")
            yield "ecs:TagResource", task, {"ecs:CreateAction": ["RunTask"]}
        yield from _passing({**self._definition(named), **asked.get("overrides", {})})
        for volume in asked.get("volumeConfigurations", ()):
            yield "iam:PassRole", volume["managedEBSVolume"]["roleArn"], {"iam:PassedToService": ["ecs.amazonaws.com"]}

    def _register(self, asked: Json) -> Iterator[Check]:
        resource = self._ecs(f"task-definition/{asked['family']}:1")
        tags = {f"aws:RequestTag/{tag['key']}": [tag["value"]] for tag in asked.get("tags", ())}
        yield "ecs:RegisterTaskDefinition", resource, tags
        if tags:
            yield "ecs:TagResource", resource, {"ecs:CreateAction": ["RegisterTaskDefinition"], **tags}
        yield from _passing(asked)

    def _on_tasks(self, action: str, asked: Json, tasks: Sequence[str]) -> Iterator[Check]:
        for task in tasks:
            resource = self._ecs(f"task/{asked['cluster']}/{task.rpartition('/')[2]}")
            yield f"ecs:{action}", resource, self._in_cluster(asked)

    def _list_tasks(self, asked: Json) -> Iterator[Check]:
        yield "ecs:ListTasks", asked.get("containerInstance", "*"), self._in_cluster(asked)

    def _describe_container_instances(self, asked: Json) -> Iterator[Check]:
        for instance in asked["containerInstances"]:
            yield "ecs:DescribeContainerInstances", instance, self._in_cluster(asked)

    def _on_services(self, action: str, asked: Json, services: Sequence[str]) -> Iterator[Check]:
        for service in services:
            yield f"ecs:{action}", self._ecs(f"service/{asked['cluster']}/{service}"), self._in_cluster(asked)

    def _in_cluster(self, asked: Json) -> Context:
        return {"ecs:cluster": [self._cluster(asked["cluster"])]}

    def _cluster(self, name: str) -> str:
        return self._ecs(f"cluster/{name}")

    def _ecs(self, resource: str) -> str:
        return self._place.arn("ecs", resource)

    # --------------------------------------------------------------------------------------------------------- others

    def _on_queue(self, action: str, asked: Json) -> Iterator[Check]:
        yield f"sqs:{action}", self._place.arn("sqs", asked["QueueUrl"].rpartition("/")[2]), {}

    def _on_schedule(self, action: str, asked: Json) -> Iterator[Check]:
        group = asked.get("GroupName") or asked["groupName"]  # in the body, or in the query
        yield f"scheduler:{action}", self._place.arn("scheduler", f"schedule/{group}/{asked['Name']}"), {}
        if "Target" in asked:
            yield "iam:PassRole", asked["Target"]["RoleArn"], {"iam:PassedToService": ["scheduler.amazonaws.com"]}

    def _put_events(self, asked: Json) -> Iterator[Check]:
        for entry in asked["Entries"]:
            bus = self._place.arn("events", f"event-bus/{entry['EventBusName']}")
            yield "events:PutEvents", bus, {"events:source": [entry["Source"]]}

    # ------------------------------------------------------------------------------------------------- load balancing

    def _describe_balancing(self, action: str, _: RecordedCall) -> Iterator[Check]:
        yield f"{_ELB}:{action}", "*", {}

    def _create_balancer(self, call: RecordedCall) -> Iterator[Check]:
        kind = "net" if call.parameters.get("Type") == "network" else "app"
        resource = self._elb(f"loadbalancer/{kind}/{call.parameters['Name']}/of-this-call")
        yield from self._created(call, resource, resource)
        yield from _on_ec2(_NETWORK_OF_BALANCERS)
        yield self._service_linked_role()

    def _create_group(self, call: RecordedCall) -> Iterator[Check]:
        resource = self._elb(f"targetgroup/{call.parameters['Name']}/of-this-call")
        yield from self._created(call, resource, resource)
        yield from _on_ec2(_NETWORK_OF_GROUPS)
        yield self._service_linked_role()

    def _create_below(self, of: str, kind: str, call: RecordedCall) -> Iterator[Check]:
        """A listener of a load balancer, or a rule of a listener: the action is on what it belongs to."""
        above = str(call.parameters[of])
        _, _, identity = above.rpartition(":")
        yield from self._created(call, above, self._elb(f"{kind}/{identity.partition('/')[2]}/of-this-call"))

    def _created(self, call: RecordedCall, resource: str, made: str) -> Iterator[Check]:
        """Creating with tags is two actions: the second is on what is made."""
        tags = {f"aws:RequestTag/{tag['Key']}": [tag["Value"]] for tag in call.parameters.get("Tags", ())}
        yield f"{_ELB}:{call.operation}", resource, {**tags, **_resource_tags(call)}
        yield f"{_ELB}:AddTags", made, {**tags, f"{_ELB}:CreateAction": [call.operation]}

    def _on_balancing(self, of: str, also: Sequence[str], call: RecordedCall) -> Iterator[Check]:
        yield f"{_ELB}:{call.operation}", str(call.parameters[of]), _resource_tags(call)
        yield from _on_ec2(also)

    def _service_linked_role(self) -> Check:
        service = "elasticloadbalancing.amazonaws.com"
        role = f"role/aws-service-role/{service}/AWSServiceRoleForElasticLoadBalancing"
        resource = f"arn:aws:iam::{self._place.account}:{role}"
        return "iam:CreateServiceLinkedRole", resource, {"iam:AWSServiceName": [service]}

    def _elb(self, resource: str) -> str:
        return self._place.arn(_ELB, resource)

    def _on_alarms(self, action: str, names: Sequence[str]) -> Iterator[Check]:
        for name in names:
            yield f"cloudwatch:{action}", self._place.arn("cloudwatch", f"alarm:{name}"), {}

    def _put_alarm(self, asked: Json) -> Iterator[Check]:
        yield from self._on_alarms("PutMetricAlarm", [asked["AlarmName"]])
        if asked.get("Tags"):
            yield from self._on_alarms("TagResource", [asked["AlarmName"]])

    def _invoke(self, asked: Json) -> Iterator[Check]:
        name = asked["FunctionName"]
        yield "lambda:InvokeFunction", name if ":" in name else self._place.arn("lambda", f"function:{name}"), {}

    def _on_function(self, action: str, asked: Json) -> Iterator[Check]:
        principal = {"lambda:Principal": ["elasticloadbalancing.amazonaws.com"]} if "Permission" in action else {}
        yield f"lambda:{action}", str(asked["FunctionName"]), principal


_ELB = "elasticloadbalancing"


def _resource_tags(call: RecordedCall) -> Context:
    return {f"aws:ResourceTag/{name}": [value] for name, value in call.tags.items()}


def _on_ec2(actions: Iterable[str]) -> Iterator[Check]:
    return ((f"ec2:{action}", "*", {}) for action in actions)


def attributes_of(asked: Json) -> list[str]:
    """The top-level attributes that a request names, as `dynamodb:Attributes` lists them."""
    expressions = (str(text) for name, text in asked.items() if name.endswith("Expression"))
    raw = {word for text in expressions for word in _WORD.findall(text)} - _NO_ATTRIBUTES
    return sorted(
        raw | set(asked.get("ExpressionAttributeNames", {}).values()) | {*asked.get("Key", asked.get("Item", ()))}
    )


def _passing(definition: Json) -> Iterator[Check]:
    for kind in ("taskRoleArn", "executionRoleArn"):
        if definition.get(kind):
            yield "iam:PassRole", definition[kind], {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}
