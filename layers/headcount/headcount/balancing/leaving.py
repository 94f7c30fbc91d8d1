"""What Headcount created and nobody declares any more: deleted, what refers to others first."""

from collections.abc import Callable, Iterable, Iterator

from headcount.balancing.alarms import is_our_alarm
from headcount.balancing.load_balancers import MAY_NOT
from headcount.balancing.naming import statement_prefix
from headcount.balancing.resources import Document, Found, Operation, Step
from headcount.balancing.situation import Said, Situation
from headcount.model.target import OwnedResource

MANAGED = ("loadBalancer", "listener")  # kinds that only some stacks may touch


def owned_now(now: Situation) -> tuple[OwnedResource, ...]:
    """What there is that Headcount created for the service, by its tags; what is gone, or not ours, is not owned.

    A rule that was found by two names of its listener is one, by the name that is declared now: that was sought first.
    """
    seen = now.view.seen
    found: list[tuple[str, Iterable[tuple[str, Found]]]] = [
        ("loadBalancer", seen.load_balancers.items()),
        ("listener", seen.listeners.items()),
        ("targetGroup", ((one.document["TargetGroupName"], one) for one in seen.groups.values())),
        ("rule", seen.rules.items()),
    ]
    tagged = [
        OwnedResource(kind=kind, key=key, arn=one.arn) for kind, some in found for key, one in some if now.is_ours(one)
    ]
    alarms = [
        OwnedResource(kind="alarm", key=name, arn=one.arn)
        for name, one in seen.alarms.items()
        if is_our_alarm(now, one)
    ]
    return (*_once(tagged), *_permissions(now), *alarms)


def _once(resources: Iterable[OwnedResource]) -> tuple[OwnedResource, ...]:
    found: dict[str, OwnedResource] = {}
    for one in resources:
        found.setdefault(one.arn, one)
    return tuple(found.values())


def _permissions(now: Situation) -> Iterator[OwnedResource]:
    for function, statements in now.view.seen.permissions.items():
        for statement in statements:
            if statement.startswith(statement_prefix(now.install, now.service)):
                yield OwnedResource(kind="lambdaPermission", key=f"{function}#{statement}", arn=statement)


def remove_unwanted(now: Situation, wanted: set[tuple[str, str]]) -> Said:
    """Delete what is owned and not ``wanted`` ((kind, key) each): what refers to others first."""
    owned = owned_now(now)
    going = {kind: [one for one in owned if one.kind == kind and (kind, one.key) not in wanted] for kind in _DELETIONS}
    for kind, delete in _DELETIONS.items():
        for one in going[kind]:
            if kind in MANAGED and not now.view.may_manage:
                yield f"{_what(one)} is not deleted though nobody declares it: {MAY_NOT}"
            elif kind != "targetGroup" or not _is_needed(now, one):
                operation, request = delete(one)
                reason = f"deleting {_what(one)}: Headcount created it and nobody declares it any more"
                yield Step(operation=operation, request=request, what=_what(one), reason=reason)


def _is_needed(now: Situation, group: OwnedResource) -> bool:
    """A group stays while tasks are registered in it, or a pass that knows only the manifest before may do it."""
    view = now.view
    return (
        group.arn in view.registered
        or group.arn in now.declared.named
        or (view.seen_generation or 0) < view.declared.generation
    )


def _what(one: OwnedResource) -> str:
    match one.kind:
        case "loadBalancer":
            return f"load balancer {one.key}"
        case "listener":
            return f"listener {one.key}"
        case "targetGroup":
            return f"target group {one.key}"
        case "rule":
            listener, _, priority = one.key.rpartition("#")
            return f"rule {priority} of listener {listener}"
        case "lambdaPermission":
            return f"permission to call {one.key.rpartition('#')[0]}"
        case _:
            return f"alarm {one.key}"


def _permission(one: OwnedResource) -> dict[str, str]:
    function, _, statement = one.key.rpartition("#")
    return {"FunctionName": function, "StatementId": statement}


_DELETIONS: dict[str, Callable[[OwnedResource], tuple[Operation, Document]]] = {
    "alarm": lambda one: ("DeleteAlarms", {"AlarmNames": [one.key]}),
    "rule": lambda one: ("DeleteRule", {"RuleArn": one.arn}),
    "listener": lambda one: ("DeleteListener", {"ListenerArn": one.arn}),
    "loadBalancer": lambda one: ("DeleteLoadBalancer", {"LoadBalancerArn": one.arn}),
    "lambdaPermission": lambda one: ("RemovePermission", _permission(one)),
    "targetGroup": lambda one: ("DeleteTargetGroup", {"TargetGroupArn": one.arn}),
}
