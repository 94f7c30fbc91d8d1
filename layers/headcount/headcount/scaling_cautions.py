"""Warnings about scaling: what a policy looks at that is not there, or is not the service's alone."""

from collections.abc import Iterable, Sequence
from itertools import chain

from headcount.circumstances import Circumstances, Rule
from headcount.model.manifest import Manifest
from headcount.model.manifest_scaling_values import declared_scaling
from headcount.model.scaling import Function, Policy, PredefinedMetric, StepScaling, TargetTracking
from headcount.scaling.occurrences import next_occurrence
from headcount.scaling.queries import MEASURED_BY_FAMILY
from headcount.scaling_bounds import bounds_now

LISTED = 5  # names in one warning


def _policies(manifest: Manifest) -> Sequence[Policy]:
    scaling = declared_scaling(manifest)
    return () if scaling is None else scaling.policies


def predefined_of(manifest: Manifest) -> Iterable[tuple[str, PredefinedMetric]]:
    """The policies that track a metric by AWS's name of it, and which."""
    for policy in _policies(manifest):
        if isinstance(policy, TargetTracking) and isinstance(policy.metric, PredefinedMetric):
            yield policy.name, policy.metric


def measured_by_family(manifest: Manifest) -> list[str]:
    """The policies that track the CPU or memory of a task definition family: native services have their own."""
    if manifest.native:
        return []
    return [name for name, metric in predefined_of(manifest) if metric.metric_type in MEASURED_BY_FAMILY]


def _shares_family(about: Circumstances) -> str | None:
    family = _family(about.declared.task_definition_arn)
    mates = [one for one in about.neighbours if not one.manifest.native and _family(one.task_definition_arn) == family]
    if not mates or about.manifest.native:
        return None
    own, names = measured_by_family(about.manifest), _named([one.manifest.service for one in mates])
    theirs = [one.manifest.service for one in mates if measured_by_family(one.manifest)]
    if not own and not theirs:
        return None
    whose = f"{_named(own)} {'sees' if len(own) == 1 else 'see'}" if own else f"the scaling of {_named(theirs)} sees"
    return (
        f"{names} {'runs' if len(mates) == 1 else 'run'} tasks of the family {family} as well: Container Insights "
        f"measures CPU and memory by family, so that {whose} the average of all of them; give each service a family "
        "of its own"
    )


def _no_insights(about: Circumstances) -> str | None:
    policies = measured_by_family(about.manifest)
    if not policies or about.surroundings.container_insights is not False:
        return None
    cluster = about.manifest.cluster
    return (
        f"Container Insights is off in cluster {cluster}: {_named(policies)} will have no data, and change nothing; "
        f"aws ecs update-cluster-settings --cluster {cluster} --settings name=containerInsights,value=enabled"
    )


def _alarms_missing(about: Circumstances) -> str | None:
    named = set(chain.from_iterable(one.alarms for one in _policies(about.manifest) if isinstance(one, StepScaling)))
    missing = [name for name in about.surroundings.missing_alarms or () if name in named]
    if not missing:
        return None
    are, change = ("are no alarms", "policies change") if len(missing) > 1 else ("is no alarm", "policy changes")
    return f"there {are} {_named(missing)} in this account and Region: the {change} nothing until there is"


def _functions_forbidden(about: Circumstances) -> str | None:
    named = {one.function for one in _policies(about.manifest) if isinstance(one, Function)}
    forbidden = [name for name in about.surroundings.forbidden_functions if name in named]
    if not forbidden:
        return None
    return (
        f"this stack may not invoke {_named(forbidden)}: put the ARN into its parameter ScalingFunctions, "
        "or the policy changes nothing"
    )


def _foreign_group(about: Circumstances) -> str | None:
    """A label names a target group by the end of its ARN; of a declared group only the name is known here."""
    if about.manifest.native:
        return None
    own = {one.target_group.partition(":targetgroup/")[2] or one.target_group for one in about.manifest.load_balancers}
    foreign = {
        name: label
        for name, metric in predefined_of(about.manifest)
        if (label := metric.resource_label.partition("/targetgroup/")[2]) and not {label, label.partition("/")[0]} & own
    }
    if not foreign:
        return None
    name, label = next(iter(foreign.items()))
    return f"{name} counts the requests of target group {label}, which is none of the service's loadBalancers"


def _outside_bounds(about: Circumstances) -> str | None:
    bounds = bounds_now(about.manifest, about.scaling)
    if bounds is None or bounds.minimum <= about.count <= bounds.maximum:
        return None
    side = (
        f"above the maximum {bounds.maximum}" if about.count > bounds.maximum else f"below the minimum {bounds.minimum}"
    )
    name = about.manifest.service_name
    held = (
        f"headcount scale {name} {about.count} --for 2h"
        if not about.manifest.native
        else f"headcount pause {name} --freeze"
    )
    return (
        f"{about.count} is {side} of scaling: it stays until a policy or a scheduled action next changes the count, or "
        f"the manifest is applied, and goes back into the bounds then; `{held}` holds it, minCapacity and maxCapacity "
        "change the bounds"
    )


def _goes_on(about: Circumstances) -> str | None:
    if not _policies(about.manifest) or _outside_bounds(about):
        return None
    return f"scaling goes on from {about.count}: its policies change the count again when they ask for another"


def _never_again(about: Circumstances) -> str | None:
    scaling = declared_scaling(about.manifest)
    actions = () if scaling is None else scaling.scheduled_actions
    over = [f"{one.name} ({one.schedule})" for one in actions if next_occurrence(one, about.now, about.now) is None]
    if not over:
        return None
    who, falls = ("scheduled actions", "fall") if len(over) > 1 else ("scheduled action", "falls")
    return f"{who} {_named(over)} never {falls} due again: take out what is over, or give it a time that is to come"


OF_APPLY: tuple[Rule, ...] = (
    _shares_family,
    _no_insights,
    _alarms_missing,
    _functions_forbidden,
    _foreign_group,
    _never_again,
)
OF_COUNT: tuple[Rule, ...] = (_outside_bounds,)
OF_SCALE: tuple[Rule, ...] = (*OF_COUNT, _goes_on)


def _family(arn: str) -> str:
    return arn.rpartition("/")[2].partition(":")[0]


def _named(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
