"""Lambda functions behind target groups: the permission to call them, then their registration."""

from collections.abc import Iterator

from headcount.balancing.declared import DeclaredGroup
from headcount.balancing.naming import statement_id
from headcount.balancing.resources import Found, Step
from headcount.balancing.situation import Said, Situation
from headcount.model.target import OwnedResource


def keep_functions(now: Situation) -> Said:
    """ELB registers a function only if it may call it, so the permission comes first."""
    for wanted in now.declared.groups:
        found = now.view.seen.group_named(wanted.name)
        if wanted.function is None or found is None or not now.is_ours(found):
            continue
        if wanted.function not in now.view.seen.permissions:
            yield f"{wanted.place}: function {wanted.function} does not exist: create it, or name another one"
        else:
            yield from _keep_function(now, wanted, wanted.function, found)


def permission_key(function: str, statement: str) -> str:
    """A permission is known by the function and the statement of its policy."""
    return f"{function}#{statement}"


def wanted_permissions(now: Situation) -> Iterator[str]:
    """The keys of the permissions that are declared."""
    for wanted in now.declared.groups:
        found = now.view.seen.group_named(wanted.name)
        if wanted.function is not None and found is not None:
            yield permission_key(wanted.function, statement_id(now.install, now.service, found.arn))


def _was_declared(now: Situation, function: str) -> bool:
    """Whether Headcount let a target group call a function: then it registered it, too."""
    keys = (one.key for one in now.view.before.owned if one.kind == "lambdaPermission")
    return any(key.rpartition("#")[0] == function for key in keys)


def _keep_function(now: Situation, wanted: DeclaredGroup, function: str, found: Found) -> Said:
    statement = statement_id(now.install, now.service, found.arn)
    if statement not in now.view.seen.permissions[function]:
        yield Step(
            operation="AddPermission",
            request={
                "FunctionName": function,
                "StatementId": statement,
                "Action": "lambda:InvokeFunction",
                "Principal": "elasticloadbalancing.amazonaws.com",
                "SourceArn": found.arn,
            },
            what=f"permission of target group {wanted.name}",
            reason=f"letting target group {wanted.name} call {function}: {wanted.place} declares it",
            owned=OwnedResource(kind="lambdaPermission", key=permission_key(function, statement), arn=statement),
        )
        return
    registered = now.view.seen.registered.get(found.arn, ())
    for other in (one for one in registered if one != function):
        yield Step(
            operation="DeregisterTargets",
            request={"TargetGroupArn": found.arn, "Targets": [{"Id": other}]},
            what=f"target of target group {wanted.name}",
            reason=f"taking {other} out of target group {wanted.name}: {function} is declared",
            level="INFO" if _was_declared(now, other) else "WARN",
        )
    if function not in registered:
        yield Step(
            operation="RegisterTargets",
            request={"TargetGroupArn": found.arn, "Targets": [{"Id": function}]},
            what=f"target of target group {wanted.name}",
            reason=f"registering {function} in target group {wanted.name}: {wanted.place} declares it",
        )
