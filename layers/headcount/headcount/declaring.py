"""What is declared of a service: by ``apply``, again by ``redeploy``, and as it was before by ``rollback``."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from headcount.model.manifest import Manifest
from headcount.model.manifest_parser import canonical_document
from headcount.model.scaling import ScalableTarget
from headcount.model.service import Capacity, DeclaredService, ServiceState, ServiceStatus
from headcount.model.values import replace
from headcount.ports.controlling import Resolved
from headcount.scaling.scheduled import move_into

REPEAT_SECONDS = 60.0  # a redeploy so soon after one that is under way is the same request, sent again

# What tasks are made of: a change of any of these replaces them (ECS: Update service parameters). Of load balancers
# that is which ports of which containers take traffic, not where it comes from (docs/decisions/0013).
_DEPLOYING = (
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
    "overrides",
    "enableExecuteCommand",
)
_DEPLOYING_IF_SAID = ("volumeConfigurations",)  # left out while empty: revisions on record know nothing of them
_REDEPLOY, _ROLLBACK = "redeploy", "rollback"


def revision_of(manifest: Manifest, task_definition_arn: str) -> str:
    """A hash of what tasks are made of: two manifests with the same revision start the same tasks.

    A deployment that somebody asked for without another manifest has its reason behind it: ``<hash>/redeploy-7``.
    """
    document = canonical_document(manifest)
    parts = {name: document[name] for name in _DEPLOYING if name in document}
    parts |= {name: document[name] for name in _DEPLOYING_IF_SAID if document.get(name)}
    if "capacityProviderStrategy" in parts:  # another base or weight moves tasks, and needs no new ones
        names = [one.capacity_provider for one in manifest.sources]
        parts["capacityProviderStrategy"] = [{"capacityProvider": name, "weight": 1, "base": 0} for name in names]
    if ports := sorted({(one.container_name, one.container_port) for one in manifest.load_balancers}):
        parts["loadBalancers"] = [{"containerName": name, "containerPort": port} for name, port in ports]
    text = json.dumps({**parts, "taskDefinition": task_definition_arn}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# -- declarations -----------------------------------------------------------------------------------------------------


def declare(
    manifest: Manifest, resolved: Resolved, before: ServiceState | None, *, now: float, new_id: Callable[[], str]
) -> DeclaredService:
    """The record of a service after ``apply``. A new revision is a new deployment."""
    old = before.declared if before else None
    revision = revision_of(manifest, resolved.task_definition_arn)
    if before is None or old is None:
        return DeclaredService(
            manifest=manifest,
            generation=1,
            incarnation=new_id(),
            deployment="dep-1",
            revision=revision,
            deployed_at=now,
            **_known(resolved),
            registered=_registered((), resolved, ()),
        )
    known = replace(
        raised(old, before.status),
        manifest=manifest,
        **_known(resolved),
        registered=_registered(old.registered, resolved, before.status.deregistered),
    )
    if _content(old) == revision:
        return known
    return _deployed(known, revision, previous=_to_remember(old, before.status), now=now)


def redeclare(old: DeclaredService, status: ServiceStatus, now: float) -> DeclaredService:
    """The same again, as a new deployment (ECS: ``forceNewDeployment``)."""
    after = raised(old, status)
    revision = f"{_content(old)}/{_REDEPLOY}-{after.generation}"
    return _deployed(after, revision, previous=_to_remember(old, status), now=now)


def declare_previous(
    old: DeclaredService, target: DeclaredService, resolved: Resolved, status: ServiceStatus, now: float
) -> DeclaredService:
    """What was declared before, as a new deployment. The desired count is none of it, unless none is said now and what
    was before has no scaling to begin with.
    """
    count = old.manifest.desired_count
    if count is None and target.manifest.scaling is None:
        count = target.manifest.desired_count
    manifest = replace(target.manifest, desired_count=count)
    after = replace(
        raised(old, status),
        manifest=manifest,
        **_known(resolved),
        registered=_registered(old.registered, resolved, status.deregistered),
    )
    revision = f"{revision_of(target.manifest, resolved.task_definition_arn)}/{_ROLLBACK}-{after.generation}"
    previous = _alone(old) if is_completed(old, status) else None
    return _deployed(after, revision, previous=previous, now=now)


def raised(old: DeclaredService, status: ServiceStatus) -> DeclaredService:
    """The same with a generation of its own: should the kick be lost, the audit sees that no pass has looked at it."""
    registered = tuple(arn for arn in old.registered if arn not in status.deregistered)
    return replace(old, generation=old.generation + 1, registered=registered)


def retiring(declared: DeclaredService | None) -> frozenset[str]:
    """The task definitions that passes deregister: no deployment uses them that could be returned to.

    A pass may have planned that and be late: none of them is used again.
    """
    if declared is None:
        return frozenset()
    used = (one.task_definition_arn for one in (declared, declared.previous) if one is not None)
    return frozenset(declared.registered).difference(used)


# -- deployments ------------------------------------------------------------------------------------------------------


def is_completed(declared: DeclaredService, status: ServiceStatus) -> bool:
    """Whether all tasks of the service were healthy ones of this deployment at some time."""
    return any(
        one.deployment_id == declared.deployment and one.rollout_state == "COMPLETED" for one in status.deployments
    )


def is_rollback(declared: DeclaredService) -> bool:
    """Whether the deployment was made by ``rollback``."""
    return f"/{_ROLLBACK}-" in declared.revision


def is_repeated_redeploy(declared: DeclaredService, status: ServiceStatus, now: float) -> bool:
    """Whether a ``redeploy`` now is one whose answer was lost, sent again."""
    recent = now - declared.deployed_at < REPEAT_SECONDS
    return f"/{_REDEPLOY}-" in declared.revision and recent and not is_completed(declared, status)


def returns_to(declared: DeclaredService) -> DeclaredService | None:
    """What ``rollback`` would declare again. A rollback itself has nothing before it: back and forth is no return."""
    return None if is_rollback(declared) else declared.previous


def to_look_up(target: DeclaredService) -> Manifest:
    """The manifest of a declaration such that looking up its names finds the same task definition, not a newer one."""
    if target.manifest.inline_task_definition is not None:
        return target.manifest
    return replace(target.manifest, task_definition=target.task_definition_arn.rpartition("/")[2])


def _deployed(
    declared: DeclaredService, revision: str, *, previous: DeclaredService | None, now: float
) -> DeclaredService:
    deployment = f"dep-{declared.generation}"
    return replace(declared, deployment=deployment, revision=revision, deployed_at=now, previous=previous)


def _to_remember(old: DeclaredService, status: ServiceStatus) -> DeclaredService:
    """The declaration that the next rollback returns to: the newest that is known to work, else the one before.

    What a rollback returned to has worked before, so one under way counts.
    """
    works = is_completed(old, status) or is_rollback(old)
    return _alone(old if works or old.previous is None else old.previous)


def _alone(declared: DeclaredService) -> DeclaredService:
    """Without what came before it: one step back is remembered, and one list of what was registered."""
    return replace(declared, previous=None, registered=())


def _content(declared: DeclaredService) -> str:
    return declared.revision.partition("/")[0]


def _known(resolved: Resolved) -> dict[str, Any]:
    return {
        "task_definition_arn": resolved.task_definition_arn,
        "zones": resolved.zones,
        "container_health_check": resolved.container_health_check,
        "container_health_interval": resolved.container_health_interval,
        "network_mode": resolved.network_mode,
    }


def _registered(before: tuple[str, ...], resolved: Resolved, deregistered: tuple[str, ...]) -> tuple[str, ...]:
    """The task definitions that Headcount registered and has not deregistered since."""
    kept = tuple(arn for arn in before if arn not in deregistered and arn != resolved.task_definition_arn)
    return (*kept, resolved.task_definition_arn) if resolved.registered else kept


# -- the count --------------------------------------------------------------------------------------------------------


def capacity_of(state: ServiceState, declared: DeclaredService) -> Capacity:
    """The count on record; the manifest's own if that record was lost."""
    manifest = declared.manifest
    return state.capacity or Capacity(desired_count=manifest.starting_count, declared_count=manifest.desired_count)


def capacity_after_apply(
    manifest: Manifest, before: Capacity | None, now: float, bounds: ScalableTarget | None = None
) -> Capacity:
    """The desired count after ``apply``: it changes only if the manifest's own number changed since the last one.

    ``bounds``: those of scaling that are in force, into which it moves, as when a scalable target is registered.
    """
    own = manifest.desired_count
    if before is not None and own in (before.declared_count, None):
        capacity = replace(before, declared_count=own)
    else:
        was = f" changed from {before.declared_count} to {own}" if before and before.declared_count is not None else ""
        reason = f"the manifest's own count{was}" if own is not None else "the minimum of scaling, to start with"
        capacity = Capacity(desired_count=manifest.starting_count, declared_count=own, reason=reason, changed_at=now)
    if bounds is None:
        return capacity
    count, why = move_into(bounds, capacity.desired_count)
    if count == capacity.desired_count:
        return capacity
    reason = f"moved into the bounds of scaling, {bounds.minimum} to {bounds.maximum}: {why}"
    return replace(capacity, desired_count=count, reason=reason, changed_at=now)
