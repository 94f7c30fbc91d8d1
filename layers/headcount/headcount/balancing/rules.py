"""Rules that forward to the service's target groups: on declared listeners, or on those that a manifest names."""

from typing import Any

from headcount.balancing.comparing import differing, told
from headcount.balancing.declared import DeclaredRule
from headcount.balancing.resources import Document, Step
from headcount.balancing.situation import Said, Situation
from headcount.model.target import OwnedResource

COMPARED = ("Conditions", "Actions", "Transforms")


def keep_rules(now: Situation) -> Said:
    """Create and correct rules, once their listener and their target group exist."""
    for wanted in now.declared.rules:
        listener = _listener_arn(now, wanted)
        group = now.group_arn(wanted.group)
        if listener is None:
            if wanted.listener.startswith("arn:"):
                yield f"{wanted.place}: listener {wanted.listener} does not exist: create it, or name another one"
        elif group is not None:
            actions = [{"Type": "forward", "TargetGroupArn": group}]
            yield from _keep_rule(now, wanted, listener, {**wanted.request, "Actions": actions})


def _listener_arn(now: Situation, wanted: DeclaredRule) -> str | None:
    if wanted.listener.startswith("arn:"):
        return wanted.listener if wanted.listener in now.view.seen.known_listeners else None
    found = now.view.seen.listeners.get(wanted.listener)
    return found.arn if found is not None and now.is_ours(found) else None


def _keep_rule(now: Situation, wanted: DeclaredRule, listener: str, request: Document) -> Said:
    found = now.view.seen.rules.get(wanted.key)
    what = f"rule {wanted.priority} of listener {wanted.listener}"
    if found is None:
        yield Step(
            operation="CreateRule",
            request=now.tagged({"ListenerArn": listener, "Priority": int(wanted.priority), **request}),
            what=what,
            reason=f"creating {what}: {wanted.place} declares it and there is none",
            owned=OwnedResource(kind="rule", key=wanted.key, arn=""),
        )
    elif not now.is_ours(found):
        yield f"{what} exists and is not Headcount's for this service: choose another priority"
    elif changes := differing(request, found.document, COMPARED):
        yield Step(
            operation="ModifyRule",
            request={"RuleArn": found.arn, **_changed(request)},
            what=what,
            reason=now.correction(what, wanted.resource, told(changes, found.document)),
            level=now.correction_level(wanted.resource),
        )
    else:
        yield wanted.resource


def _changed(request: Document) -> dict[str, Any]:
    return {name: request[name] for name in COMPARED if name in request}
