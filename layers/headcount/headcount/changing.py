"""What people change of a service's declaration and count: apply, scale, delete, redeploy, rollback."""

from typing import Any

from headcount import cautions, native, scaling_cautions
from headcount.circumstances import UNKNOWN, Circumstances
from headcount.declaring import (
    capacity_after_apply,
    capacity_of,
    declare,
    declare_previous,
    is_completed,
    is_repeated_redeploy,
    is_rollback,
    redeclare,
    retiring,
    returns_to,
    to_look_up,
)
from headcount.desk import Desk, asked, circumstances, who_and_why
from headcount.differing import differences
from headcount.errors import Refused
from headcount.model.instants import iso
from headcount.model.manifest import MAXIMUM_TASKS, Manifest
from headcount.model.manifest_parser import parse_manifest
from headcount.model.manifest_scaling_values import declared_scaling
from headcount.model.problem import Problem
from headcount.model.service import Capacity, DeclaredService, ServiceState
from headcount.model.values import replace
from headcount.ports.controlling import ServiceRecords
from headcount.requests import Fields
from headcount.scaling_bounds import bounds_now

NAMED_PATHS = 8  # of what an apply changed, in its entry in the history


def apply(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Declare a service, or change one. ``dryRun`` answers with the difference and changes nothing."""
    dry_run = fields.boolean("dryRun")
    fields.check()
    manifest = _manifest(fields)
    desk.check_cluster(manifest.cluster)
    records = desk.store.read(manifest.service)
    before = records.state if records else None
    old = before.declared if before else None
    if old is not None and old.deleting_at is not None:
        said = f"{manifest.service} is being deleted; its name is free when that is done"
        raise Refused("ServiceDeleting", said)
    native.check_kind(manifest, before)
    now, known = desk.clock(), before.capacity if before else None
    if manifest.native:
        resolved, counts = native.NOTHING_RESOLVED, native.counts_of(desk, manifest)
        capacity = native.noted(counts.desired, known, "as ECS has it", now)
    else:
        resolved = desk.registry.resolve(manifest, dry_run=dry_run, retiring=retiring(old))
        capacity = capacity_after_apply(manifest, known, now, bounds_now(manifest, before.scaling if before else None))
    declared = declare(manifest, resolved, before, now=now, new_id=desk.new_id)
    changes = differences(before, declared, capacity)
    is_news = bool(changes) or before is None or before.capacity != capacity or _says_more(old, declared)
    if not dry_run:
        if is_news:
            _record_apply(desk, fields, records, declared, capacity, [change["path"] for change in changes])
        desk.kick(manifest.service, "apply")
    about = _surveyed(desk, declared, capacity, before)
    return {
        "service": manifest.service,
        "created": old is None,
        "changes": changes,
        "generation": declared.generation if is_news or old is None else old.generation,
        "deployment": declared.deployment,
        "newDeployment": old is None or old.deployment != declared.deployment,
        "desiredCount": capacity.desired_count,
        "warnings": cautions.of_apply(about),
    }


def _surveyed(
    desk: Desk,
    declared: DeclaredService,
    capacity: Capacity,
    before: ServiceState | None,
) -> Circumstances:
    """What warnings depend on; what takes calls is looked up only where a policy, or another's, depends on it."""
    manifest, old = declared.manifest, before.declared if before else None
    policies = declared_scaling(manifest)
    moved = old is None or old.task_definition_arn != declared.task_definition_arn
    wanted = not manifest.native and (moved or bool(scaling_cautions.measured_by_family(manifest)))
    return Circumstances(
        declared=declared,
        count=capacity.desired_count,
        before=before,
        now=desk.clock(),
        surroundings=UNKNOWN if policies is None else desk.surroundings.look(manifest.cluster, policies),
        neighbours=desk.neighbours(manifest.service) if wanted else (),
    )


def _manifest(fields: Fields) -> Manifest:
    parsed = parse_manifest(fields.raw("manifest"))
    if isinstance(parsed, Manifest):
        return parsed
    raise Refused("InvalidManifest", f"{len(parsed)} problems with the manifest", parsed)


def _says_more(old: DeclaredService | None, declared: DeclaredService) -> bool:
    """Whether something is to be recorded that no field of the manifest shows: what AWS now says of its names."""
    if old is None:
        return True
    same = replace(declared, manifest=old.manifest, generation=old.generation)
    return same != old


def _record_apply(
    desk: Desk,
    fields: Fields,
    records: ServiceRecords | None,
    declared: DeclaredService,
    capacity: Capacity,
    paths: list[str],
) -> None:
    known = records is not None and records.state.declared is not None
    more = f" and {len(paths) - NAMED_PATHS} more" if len(paths) > NAMED_PATHS else ""
    changed = ", ".join(paths[:NAMED_PATHS]) + more if paths else "the manifest's own count, or what AWS says of it"
    words = f"apply, generation {declared.generation}: {changed if known else 'created'}"
    desk.put(records, declared, capacity, replace(asked(fields, words), deployment=declared.deployment))


def scale(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Set the desired count. The manifest's own number stays what it is until it is changed there."""
    name, count = fields.service(), fields.integer("desiredCount", 0, MAXIMUM_TASKS)
    fields.check()
    found = desk.declared(name)
    before, is_native = found.state.capacity, found.declared.manifest.native
    was = native.set_count(desk, found, count) if is_native else before.desired_count if before else 0
    if count != was or (is_native and before is not None and before.desired_count != count):
        entry = replace(asked(fields, f"scale from {was} to {count}"), event_name="SERVICE_DESIRED_COUNT_UPDATED")
        capacity = Capacity(
            desired_count=count,
            declared_count=before.declared_count if before else found.declared.manifest.desired_count,
            reason=f"scaled from {was} to {count}{who_and_why(fields)}",
            changed_at=desk.clock(),
        )
        desk.wish(found, found.state.operator, entry, capacity)
    desk.kick(found.state.service, "scale")
    warnings = cautions.of_scale(circumstances(desk, found, count))
    return {"service": found.state.service, "before": was, "after": count, "warnings": warnings}


def delete(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Mark a service for deletion: its tasks stop, its records go, the manifest last."""
    name = fields.service()
    fields.check()
    records = desk.find(name)
    declared = records.state.declared
    if declared is None:
        raise Refused("ServiceNotFound", f"nobody declares {records.state.service}")
    already = declared.deleting_at is not None
    if not already:
        marked = replace(declared, generation=declared.generation + 1, deleting_at=desk.clock())
        desk.put(records, marked, capacity_of(records.state, declared), asked(fields, "delete"))
    desk.kick(records.state.service, "delete")
    kind = "NativeService" if declared.manifest.native else "Service"
    return {"service": records.state.service, "kind": kind, "alreadyDeleting": already}


def redeploy(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Replace every task by one of the same declaration."""
    name = fields.service()
    fields.check()
    ecs = "aws ecs update-service --force-new-deployment makes a new deployment"
    found = native.kept(desk, name, ecs)
    declared, status, now = found.declared, found.state.status, desk.clock()
    said = cautions.of_deployment(circumstances(desk, found, found.capacity.desired_count))
    if is_repeated_redeploy(declared, status, now):
        said.append(
            f"{declared.deployment} was asked for at {iso(declared.deployed_at)}, and is under way: no other began"
        )
    else:
        declared = redeclare(declared, status, now)
        entry = replace(asked(fields, f"redeploy as {declared.deployment}"), deployment=declared.deployment)
        desk.put(found.records, declared, found.capacity, entry)
    desk.kick(found.state.service, "redeploy")
    return {
        "service": found.state.service,
        "deployment": declared.deployment,
        "generation": declared.generation,
        "warnings": said,
    }


def rollback(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Declare again what was declared before, as a new deployment. Doing it twice does not go forward again."""
    name = fields.service()
    fields.check()
    found = native.kept(desk, name, "aws ecs update-service --task-definition deploys an earlier one")
    old, state = found.declared, found.state
    if is_rollback(old) and not is_completed(old, state.status):
        desk.kick(state.service, "rollback")
        said = [f"{old.deployment} is a rollback and still under way: nothing was changed"]
        return _rolled_back(old, state, found.capacity, said)
    target = returns_to(old)
    if target is None:
        raise _nothing_before(old)
    resolved = desk.registry.resolve(to_look_up(target), retiring=retiring(old))
    declared = declare_previous(old, target, resolved, state.status, desk.clock())
    words = f"rollback from {old.deployment} to what {target.deployment} was, as {declared.deployment}"
    entry = replace(asked(fields, words), deployment=declared.deployment)
    desk.put(found.records, declared, found.capacity, entry)
    desk.kick(state.service, "rollback")
    count = found.capacity.desired_count
    about = Circumstances(declared=declared, count=count, before=state, now=desk.clock())
    said = [*_about_target(target, old, state), *cautions.of_deployment(about)]
    return _rolled_back(declared, state, found.capacity, said)


def _rolled_back(
    declared: DeclaredService, before: ServiceState, capacity: Capacity, warnings: list[str]
) -> dict[str, Any]:
    return {
        "service": before.service,
        "deployment": declared.deployment,
        "taskDefinition": declared.task_definition_arn,
        "changes": differences(before, declared, capacity),
        "generation": declared.generation,
        "warnings": warnings,
    }


def _nothing_before(old: DeclaredService) -> Refused:
    forward = "to go forward again, or further back, apply a manifest"
    said = (
        f"{old.deployment} is a rollback itself, and only one deployment before is remembered: {forward}"
        if is_rollback(old)
        else f"{old.deployment} is the only deployment so far, or the only one on record: apply a manifest instead"
    )
    return Refused("InvalidRequest", said, (Problem(path="service", value=old.manifest.service, message=said),))


def _about_target(target: DeclaredService, old: DeclaredService, state: ServiceState) -> list[str]:
    said: list[str] = []
    if not is_completed(target, state.status) and not is_rollback(target):
        said.append(f"{target.deployment} is not known to have been completed")
    same = target.revision.partition("/")[0] == old.revision.partition("/")[0]
    if same:
        said.append(f"{old.deployment} and {target.deployment} start the same tasks: one was made by redeploy")
    return said
