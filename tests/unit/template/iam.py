"""IAM as far as the template uses it: what policies grant, what calls need, and where the two differ.

A grant is the smallest thing that can be taken away: one action on one resource, in one statement of one role. A need
is one check that AWS makes of a call. Everything is resolved: ARNs and conditions as AWS would see them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

from headcount_sandbox.platform.deployment import Place
from headcount_sandbox.platform.stack import Resource, Stack
from headcount_sandbox.platform.template import _load, _transformed

Context = Mapping[str, Sequence[str]]
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One action on one resource (a pattern), under one of the alternatives of its statement's conditions."""

    role: str
    sid: str
    action: str
    resource: str
    conditions: Json

    def __str__(self) -> str:
        where = "".join(
            f" if {key} {operator} {value}" for operator, keys in self.conditions.items() for key, value in keys.items()
        )
        return f"{self.role}: {self.sid} grants {self.action} on {self.resource}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One check of one call; `resource` is `*` where the action knows none, `context` has what condition keys say."""

    role: str
    action: str
    resource: str
    context: Context

    def __str__(self) -> str:
        said = ", ".join(f"{key}={','.join(values)}" for key, values in sorted(self.context.items()))
        return f"{self.role} needs {self.action} on {self.resource} ({said})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`missing`: needs that no grant covers. `unused`: grants without which every need would still be covered."""

    missing: frozenset[str]
    unused: tuple[Grant, ...]


def compare(grants: Iterable[Grant], needs: Iterable[Need]) -> Difference:
    """Both ways: what calls need and nothing grants, and what is granted and no call needs."""
    of_role: dict[tuple[str, str], list[Grant]] = defaultdict(list)
    for grant in grants:
        of_role[grant.role, grant.action].append(grant)
    needed: set[int] = set()
    missing: set[str] = set()
    for need in needs:
        covering = [grant for grant in of_role[need.role, need.action] if covers(grant, need)]
        if not covering:
            missing.add(str(need))
        if len(covering) == 1:  # of two grants that cover the same, neither is needed because of this
            needed.add(id(covering[0]))
    unused = tuple(grant for some in of_role.values() for grant in some if id(grant) not in needed)
    return Difference(missing=frozenset(missing), unused=unused)


def covers(grant: Grant, need: Need) -> bool:
    """Whether the grant alone allows the call, as IAM decides it."""
    return (
        (grant.role, grant.action) == (need.role, need.action)
        and fnmatchcase(need.resource, grant.resource)
        and all(
            _OPERATORS[operator](need.context.get(key, ()), _listed(wanted))
            for operator, keys in grant.conditions.items()
            for key, wanted in keys.items()
        )
    )


def _any_equal(values: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(value in wanted for value in values)


def _any_like(values: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(fnmatchcase(value, pattern) for value in values for pattern in wanted)


_ANY_WILL_DO = ("StringEquals", "ArnLike")
_OPERATORS: Mapping[str, Callable[[Sequence[str], Sequence[str]], bool]] = {
    "StringEquals": _any_equal,
    "ArnLike": _any_like,
    "ForAllValues:StringEquals": lambda values, wanted: all(value in wanted for value in values),
    "ForAllValues:StringLike": lambda values, wanted: all(_any_like([value], wanted) for value in values),
    "ForAllValues:StringNotEquals": lambda values, wanted: not any(value in wanted for value in values),
    "Null": lambda values, wanted: (not values) is (wanted[0] == "true"),
}


def alternatives(conditions: Json) -> Iterator[Json]:
    """Where a condition lists values of which any will do, one condition for each: each value is a permission more."""
    lists = [
        [(operator, key, value) for value in (_listed(wanted) if operator in _ANY_WILL_DO else [wanted])]
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    ]
    for chosen in product(*lists):
        one: dict[str, dict[str, Any]] = {}
        for operator, key, value in chosen:
            one.setdefault(operator, {})[key] = value
        yield one


# ------------------------------------------------------------------------------------------------------- the template


class ResolvedTemplate:
    """The template as CloudFormation would create it in one account and Region, with these parameters."""

    def __init__(self, path: Path, parameters: Mapping[str, Any], place: Place) -> None:
        template = _transformed(_load(path), path, place)
        declared = {name: one.get("Default", "") for name, one in template["Parameters"].items()}
        lists = {name for name, one in template["Parameters"].items() if one["Type"] == "CommaDelimitedList"}
        values = {**declared, **parameters}
        self.place = place
        self.stack = Stack(
            name="headcount",
            place=place,
            root=path.parent,
            template=template,
            parameters={name: value.split(",") if name in lists else value for name, value in values.items()},
        )
        self.resources: Mapping[str, Resource] = {one.logical_id: one for one in self.stack.resources()}

    def of_type(self, kind: str) -> dict[str, Json]:
        """Logical id to properties."""
        return {name: one.properties for name, one in self.resources.items() if one.type == kind}

    def role_of(self, function: str) -> str:
        """The logical id of the role of a function (logical id, name or ARN)."""
        for name, one in self.resources.items():
            if one.type == "AWS::Lambda::Function" and function in (name, one.name, one.arn):
                arn = one.properties["Role"]
                return next(role for role, found in self.resources.items() if found.arn == arn)
        raise AssertionError(f"the template has no function {function}")

    def policies(self) -> Iterator[tuple[str, Json]]:
        """Each role's logical id with each of its policy documents."""
        roles = {one.name: name for name, one in self.resources.items() if one.type == "AWS::IAM::Role"}
        for name, role in self.of_type("AWS::IAM::Role").items():
            for policy in role.get("Policies", ()):
                yield name, policy["PolicyDocument"]
        for policy in self.of_type("AWS::IAM::RolePolicy").values():
            yield roles[policy["RoleName"]], policy["PolicyDocument"]

    def grants(self) -> tuple[Grant, ...]:
        """Everything that the roles' policies allow."""
        return tuple(
            Grant(
                role=role,
                sid=statement["Sid"],
                action=action,
                resource=resource,
                conditions=conditions,
            )
            for role, document in self.policies()
            for statement in document["Statement"]
            for action in _listed(statement["Action"])
            for resource in _listed(statement["Resource"])
            for conditions in alternatives(statement.get("Condition", {}))
        )

    def needs_of_lambda(self) -> Iterator[Need]:
        """What Lambda does in the name of a function's role, before and after the function runs."""
        for name, function in self.of_type("AWS::Lambda::Function").items():
            role, group = self.role_of(name), function["LoggingConfig"]["LogGroup"]
            log = self.place.arn("logs", f"log-group:{group}:log-stream:2026/01/01/[$LATEST]0")
            yield from (self._need(role, f"logs:{action}", log) for action in ("CreateLogStream", "PutLogEvents"))
            if function.get("TracingConfig", {}).get("Mode") == "Active":
                actions = ("PutTraceSegments", "PutTelemetryRecords")
                yield from (self._need(role, f"xray:{action}", "*") for action in actions)
        for mapping in self.of_type("AWS::Lambda::EventSourceMapping").values():
            role = self.role_of(mapping["FunctionName"])
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                yield self._need(role, f"sqs:{action}", mapping["EventSourceArn"])
        for config in self.of_type("AWS::Lambda::EventInvokeConfig").values():
            role, destination = self.role_of(config["FunctionName"]), config["DestinationConfig"]["OnFailure"]
            yield self._need(role, "sqs:SendMessage", destination["Destination"])

    def needs_of_scheduler(self) -> Iterator[Need]:
        """What EventBridge Scheduler does in the name of the role that schedules get."""
        for name, function in self.of_type("AWS::Lambda::Function").items():
            told = function["Environment"]["Variables"]
            if "HEADCOUNT_SCHEDULE_ROLE_ARN" in told:
                roles = (
                    one for one, found in self.resources.items() if found.arn == told["HEADCOUNT_SCHEDULE_ROLE_ARN"]
                )
                role = next(roles)
                yield self._need(role, "lambda:InvokeFunction", str(self.resources[name].arn))
                yield self._need(role, "sqs:SendMessage", told["HEADCOUNT_EVENT_DEAD_LETTERS_ARN"])

    def _need(self, role: str, action: str, resource: str) -> Need:
        return Need(role=role, action=action, resource=resource, context={})


def _listed(value: Any) -> Sequence[str]:
    return value if isinstance(value, list) else [value]
