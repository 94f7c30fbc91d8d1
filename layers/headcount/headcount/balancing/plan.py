"""The decision of one look at a service's load balancing: start reading here.

Every look plans anew from what AWS says. A step is planned once everything that it refers to exists; the next look
plans the steps that wait for it. Whatever was interrupted is finished: what exists is found again by name and tags.
"""

from collections.abc import Iterable

from headcount.balancing.alarms import keep_alarms, wanted_alarms
from headcount.balancing.declared import DeclaredBalancing, declared_balancing
from headcount.balancing.functions import keep_functions, wanted_permissions
from headcount.balancing.groups import keep_groups, known_groups
from headcount.balancing.leaving import owned_now, remove_unwanted
from headcount.balancing.load_balancers import keep_listeners, keep_load_balancers
from headcount.balancing.resources import BalancingPlan, BalancingView, Step
from headcount.balancing.rules import keep_rules
from headcount.balancing.situation import Situation
from headcount.model.target import OwnedResource
from headcount.model.values import replace


def plan(view: BalancingView) -> BalancingPlan:
    """What to do now, in the order of what refers to what: created from the ground up, deleted from the top down."""
    ending = view.declared.deleting_at is not None
    now = Situation(view, DeclaredBalancing() if ending else declared_balancing(view.declared.manifest))
    groups = known_groups(now)
    if ending and not may_end(view):
        return BalancingPlan(groups=groups, owned=_owned(now, ()), problems=view.before.problems)
    alarmed = () if ending else tuple(one for one in groups if one.key in _keys(view))
    said: list[Step | str | OwnedResource] = [
        *keep_load_balancers(now),
        *keep_groups(now),
        *keep_listeners(now),
        *keep_rules(now),
        *keep_functions(now),
        *keep_alarms(now, alarmed),
    ]
    settled = not any(isinstance(one, Step) for one in said)
    said += remove_unwanted(now, _wanted(now, wanted_alarms(now, alarmed, settled=settled)))
    steps = tuple(one for one in said if isinstance(one, Step))
    return BalancingPlan(
        steps=steps,
        groups=groups,
        owned=_owned(now, said),
        problems=tuple(dict.fromkeys(one for one in said if isinstance(one, str))),
    )


def _keys(view: BalancingView) -> set[str]:
    """What the manifest calls the target groups that tasks are registered in."""
    return {one.target_group for one in view.declared.manifest.load_balancers}


def may_end(view: BalancingView) -> bool:
    """Whether nothing of a service that is deleted needs its load balancing any more."""
    return not view.busy and not view.registered


def is_nothing_declared(view: BalancingView) -> bool:
    """Whether nothing is declared and no target is left, or the service is deleted and needs none any more."""
    if view.declared.deleting_at is not None:
        return may_end(view)
    return declared_balancing(view.declared.manifest) == DeclaredBalancing() and not view.registered


def _wanted(now: Situation, alarms: Iterable[str]) -> set[tuple[str, str]]:
    """Kind and key of everything that is declared."""
    declared = now.declared
    return {
        *(("loadBalancer", one.name) for one in declared.load_balancers),
        *(("listener", one.key) for one in declared.listeners),
        *(("targetGroup", one.name) for one in declared.groups),
        *(("rule", one.key) for one in declared.rules),
        *(("lambdaPermission", key) for key in wanted_permissions(now)),
        *(("alarm", name) for name in alarms),
    }


def _owned(now: Situation, said: Iterable[Step | str | OwnedResource]) -> tuple[OwnedResource, ...]:
    """What is there, and what is about to be: recorded before it is created, so that it is never forgotten.

    What is as declared is marked so; the others keep the mark of what they were.
    """
    said = tuple(said)
    kept = {(one.kind, one.key): one.mark for one in said if isinstance(one, OwnedResource)}
    before = {(one.kind, one.key, one.arn): one.mark for one in now.view.before.owned}
    there = [
        replace(one, mark=kept.get((one.kind, one.key), before.get((one.kind, one.key, one.arn), "")))
        for one in owned_now(now)
    ]
    known = {(one.kind, one.key) for one in there}
    coming = (one.owned for one in said if isinstance(one, Step) and one.owned is not None)
    return (*there, *(replace(one, mark="") for one in coming if (one.kind, one.key) not in known))
