"""Load balancers and what belongs to them: looking at them, and the calls that keep them as declared.

A step's request goes to AWS as it is (``headcount.balancing`` makes it), so all that stands here is which API takes it
and what its errors mean.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from headcount.aws.failures import error_code, reading, refusal, translated
from headcount.balancing.naming import listener_key, rule_key
from headcount.balancing.resources import Found, Seen, Sought, Step

TAGS_AT_ONCE = 20  # ELB API: DescribeTags
NAMES_AT_ONCE = 20
ALARMS_AT_ONCE = 100

_ELB, _LAMBDA, _CLOUDWATCH = "elbv2", "lambda", "cloudwatch"
_API = {
    "AddPermission": _LAMBDA,
    "RemovePermission": _LAMBDA,
    "PutMetricAlarm": _CLOUDWATCH,
    "DeleteAlarms": _CLOUDWATCH,
}
# Errors that say that a step needs nothing more: what is to be deleted is gone, what is to be added is there.
_DONE = {
    "DeleteLoadBalancer": "LoadBalancerNotFound",
    "DeleteTargetGroup": "TargetGroupNotFound",
    "DeleteListener": "ListenerNotFound",
    "DeleteRule": "RuleNotFound",
    "DeregisterTargets": "TargetGroupNotFound",
    "RemovePermission": "ResourceNotFoundException",
    "AddPermission": "ResourceConflictException",
    "DeleteAlarms": "ResourceNotFound",
}


class ElbLoadBalancerResources:
    """The ``LoadBalancerResources`` on Elastic Load Balancing, Lambda and CloudWatch.

    ``client`` makes boto3's client of a service by its name; what a service does not need is not asked.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = client

    # -- looking ------------------------------------------------------------------------------------------------------

    def look(self, sought: Sought) -> Seen:
        """Load balancers first, for rules may stand at their listeners."""
        balancers = self._load_balancers(sought.load_balancers)
        listeners = self._listeners(balancers)
        rules, known = self._rules(sought.rules, listeners)
        groups = self._groups(sought)
        return Seen(
            load_balancers=balancers,
            listeners=listeners,
            known_listeners=known,
            rules=rules,
            groups=groups,
            permissions=self._permissions(sought.functions),
            registered={
                arn: self._registered(arn)
                for arn, group in groups.items()
                if sought.functions and group.document.get("TargetType") == "lambda"
            },
            alarms=self._alarms(sought.alarms),
        )

    def _load_balancers(self, names: Sequence[str]) -> dict[str, Found]:
        found = self._each_or_all("describe_load_balancers", "LoadBalancers", "Names", names, "LoadBalancerNotFound")
        tags = self._tags(one["LoadBalancerArn"] for one in found)
        return {
            one["LoadBalancerName"]: Found(
                arn=one["LoadBalancerArn"],
                document=one,
                attributes=self._attributes(
                    "describe_load_balancer_attributes", LoadBalancerArn=one["LoadBalancerArn"]
                ),
                tags=tags.get(one["LoadBalancerArn"], {}),
            )
            for one in found
        }

    def _listeners(self, balancers: Mapping[str, Found]) -> dict[str, Found]:
        found = {
            listener_key(name, listener["Port"]): listener
            for name, balancer in balancers.items()
            for listener in self._pages("describe_listeners", "Listeners", LoadBalancerArn=balancer.arn)
        }
        tags = self._tags(listener["ListenerArn"] for listener in found.values())
        return {
            key: Found(arn=one["ListenerArn"], document=one, tags=tags.get(one["ListenerArn"], {}))
            for key, one in found.items()
        }

    def _rules(
        self, sought: Sequence[tuple[str, str]], listeners: Mapping[str, Found]
    ) -> tuple[dict[str, Found], tuple[str, ...]]:
        """The rules at the listeners that were named, and which of these exist."""
        arns = {
            name: listeners[name].arn if name in listeners else name
            for name, _ in sought
            if name in listeners or name.startswith("arn:")
        }
        asked = {name: self._rules_of(arn) for name, arn in arns.items()}
        there = {name: rules for name, rules in asked.items() if rules is not None}
        found = {
            rule_key(name, priority): there[name][priority]
            for name, priority in sought
            if name in there and priority in there[name]
        }
        tags = self._tags(rule["RuleArn"] for rule in found.values())
        known = tuple(there)
        return {
            key: Found(arn=one["RuleArn"], document=one, tags=tags.get(one["RuleArn"], {}))
            for key, one in found.items()
        }, known

    def _rules_of(self, listener: str) -> dict[str, Any] | None:
        """The rules of a listener by priority; None if it does not exist."""
        pages = self._pages("describe_rules", "Rules", ListenerArn=listener)
        rules = self._unless("ListenerNotFound", lambda: list(pages))
        return None if rules is None else {str(rule["Priority"]): rule for rule in rules}

    def _groups(self, sought: Sought) -> dict[str, Found]:
        missing = "TargetGroupNotFound"
        named = self._each_or_all("describe_target_groups", "TargetGroups", "TargetGroupArns", sought.groups, missing)
        own = self._each_or_all("describe_target_groups", "TargetGroups", "Names", sought.group_names, missing)
        found = {one["TargetGroupArn"]: one for one in (*named, *own)}
        tags = self._tags(found)
        return {
            arn: Found(
                arn=arn,
                document=one,
                attributes=self._attributes("describe_target_group_attributes", TargetGroupArn=arn),
                tags=tags.get(arn, {}),
            )
            for arn, one in found.items()
        }

    def _permissions(self, functions: Sequence[str]) -> dict[str, tuple[str, ...]]:
        found = {function: self._statements(function) for function in functions}
        return {function: statements for function, statements in found.items() if statements is not None}

    def _statements(self, function: str) -> tuple[str, ...] | None:
        """The ids of the statements of a function's policy; None if there is no such function."""
        lambdas = self.client(_LAMBDA)
        name = _function(function)
        missing = "ResourceNotFoundException"
        policy = self._unless(missing, lambda: lambdas.get_policy(**name)["Policy"])
        if policy is not None:
            return tuple(str(one.get("Sid", "")) for one in json.loads(policy)["Statement"])
        exists = self._unless(missing, lambda: lambdas.get_function_configuration(**name))
        return None if exists is None else ()

    def _registered(self, group: str) -> tuple[str, ...]:
        """The functions in a target group of type ``lambda``."""
        elb = self.client(_ELB)
        answer = self._unless("TargetGroupNotFound", lambda: elb.describe_target_health(TargetGroupArn=group)) or {}
        targets = answer.get("TargetHealthDescriptions", ())
        return tuple(str(one["Target"]["Id"]) for one in targets if one["TargetHealth"].get("State") != "draining")

    def _alarms(self, names: Sequence[str]) -> dict[str, Found]:
        found: dict[str, Found] = {}
        for some in _pieces(names, ALARMS_AT_ONCE):
            with reading():
                answer = self.client(_CLOUDWATCH).describe_alarms(AlarmNames=some, AlarmTypes=["MetricAlarm"])
            for one in answer.get("MetricAlarms", ()):
                found[one["AlarmName"]] = Found(arn=one["AlarmArn"], document=one)
        return found

    # -- how ELB is asked ---------------------------------------------------------------------------------------------

    def _each_or_all(self, method: str, answer: str, by: str, names: Sequence[str], missing: str) -> list[Any]:
        """What is there of the named, in few calls; one by one if one of them is missing: ELB names none then."""
        found: list[Any] = []
        for some in _pieces(names, NAMES_AT_ONCE):
            pages = self._pages(method, answer, **{by: some})
            asked = self._unless(missing, partial(list, pages))
            if asked is None and len(some) > 1:
                asked = [one for name in some for one in self._each_or_all(method, answer, by, [name], missing)]
            found += asked or ()
        return found

    def _pages(self, method: str, answer: str, **request: Any) -> Iterator[Any]:
        for page in self.client(_ELB).get_paginator(method).paginate(**request):
            yield from page[answer]

    def _attributes(self, method: str, **request: str) -> dict[str, str]:
        """None where the resource is gone at this moment: the next look sees that."""
        missing = f"{next(iter(request)).removesuffix('Arn')}NotFound"
        answer = self._unless(missing, lambda: getattr(self.client(_ELB), method)(**request))
        return {one["Key"]: one["Value"] for one in (answer or {}).get("Attributes", ())}

    def _tags(self, arns: Iterable[str]) -> dict[str, dict[str, str]]:
        tags: dict[str, dict[str, str]] = {}
        for some in _pieces(list(arns), TAGS_AT_ONCE):
            with reading():
                answer = self.client(_ELB).describe_tags(ResourceArns=some)
            for one in answer["TagDescriptions"]:
                tags[one["ResourceArn"]] = {tag["Key"]: tag.get("Value", "") for tag in one.get("Tags", ())}
        return tags

    def _unless(self, missing: str, ask: Callable[[], Any]) -> Any:
        """An answer; None if AWS says that what was asked for does not exist."""
        with reading():
            try:
                return ask()
            except ClientError as error:
                if error_code(error) == missing:
                    return None
                raise

    # -- acting -------------------------------------------------------------------------------------------------------

    def carry_out(self, step: Step) -> str | None:
        """One call, verbatim. What may pass by itself is a ``TransientError``, whatever else AWS says a refusal."""
        client = self.client(_API.get(step.operation, _ELB))
        request = dict(step.request)
        if "FunctionName" in request:
            request |= _function(request["FunctionName"])
        try:
            with translated():
                getattr(client, xform_name(step.operation))(**request)
        except ClientError as error:
            if error_code(error) == _DONE.get(step.operation):
                return None
            return refusal(error)
        return None


def _function(arn: str) -> dict[str, str]:
    """A function, and its alias or version if the ARN names one, as Lambda's policy operations take them."""
    function, qualifier = arn.split(":")[:7], arn.split(":")[7:]
    return {"FunctionName": ":".join(function), **({"Qualifier": qualifier[0]} if qualifier else {})}


def _pieces(names: Sequence[str], most: int) -> Iterator[list[str]]:
    for first in range(0, len(names), most):
        yield list(names[first : first + most])
