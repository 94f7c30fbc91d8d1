"""What ``control`` says: records turned into the shapes of ``docs/contracts.md``, without any I/O."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from headcount.errors import Refused
from headcount.model.manifest import Manifest
from headcount.model.manifest_parser import canonical_document
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.service import Capacity, DeclaredService, ServiceState, ServiceStatus
from headcount.model.task import Task, how_it_ended, zone_of
from headcount.ports import Resolved, ServiceRecords

# What tasks are made of: a change of any of these replaces them (ECS: Update service parameters).
_DEPLOYING = (
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
    "overrides",
    "enableExecuteCommand",
)


def iso(at: float | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def revision_of(manifest: Manifest, task_definition_arn: str) -> str:
    """A hash of what tasks are made of: two manifests with the same revision start the same tasks."""
    document = canonical_document(manifest)
    parts = {name: document[name] for name in _DEPLOYING if name in document}
    text = json.dumps({**parts, "taskDefinition": task_definition_arn}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def declare(
    manifest: Manifest,
    resolved: Resolved,
    before: DeclaredService | None,
    *,
    now: float,
    new_id: Callable[[], str],
) -> DeclaredService:
    """The record of a declared service after ``apply``. A new revision is a new deployment."""
    if before is not None and before.deleting_at is not None:
        raise Refused("ServiceDeleting", f"{manifest.service} is being deleted; its name is free when that is done")
    generation = 1 if before is None else before.generation + 1
    revision = revision_of(manifest, resolved.task_definition_arn)
    same = before is not None and before.revision == revision
    return DeclaredService(
        manifest=manifest,
        generation=generation,
        incarnation=before.incarnation if before else new_id(),
        deployment=before.deployment if before and same else f"dep-{generation}",
        revision=revision,
        deployed_at=before.deployed_at if before and same else now,
        task_definition_arn=resolved.task_definition_arn,
        zones=resolved.zones,
        container_health_check=resolved.container_health_check,
    )


def capacity_after_apply(manifest: Manifest, before: Capacity | None, now: float) -> Capacity:
    """The desired count after ``apply``: it changes only if the manifest's own number changed since the last one."""
    if before is None:
        return Capacity(
            desired_count=manifest.desired_count,
            declared_count=manifest.desired_count,
            reason="the manifest's own count",
            changed_at=now,
        )
    if manifest.desired_count == before.declared_count:
        return before
    return Capacity(
        desired_count=manifest.desired_count,
        declared_count=manifest.desired_count,
        reason=f"the manifest's own count changed from {before.declared_count} to {manifest.desired_count}",
        changed_at=now,
    )


def differences(before: ServiceRecords | None, after: DeclaredService, capacity: Capacity) -> list[dict[str, Any]]:
    """Each field that differs, with its path, from what is on record to what would be."""
    old_declared = before.state.declared if before else None
    old_capacity = before.state.capacity if before else None
    old = _flat(_document(old_declared, old_capacity)) if old_declared else _unsaid(after.manifest)
    new = _flat(_document(after, capacity))
    paths = sorted(old.keys() | new.keys())
    return [
        {"path": path, "before": old.get(path) if old_declared else None, "after": new.get(path)}
        for path in paths
        if old.get(path) != new.get(path)
    ]


def _unsaid(manifest: Manifest) -> dict[str, Any]:
    """What a manifest says without saying it: the defaults, which are no news in a new service."""
    bare = Manifest(
        cluster=manifest.cluster,
        service_name=manifest.service_name,
        task_definition=manifest.task_definition,
        desired_count=manifest.desired_count,
        subnets=manifest.subnets,
    )
    said = {"cluster", "serviceName", "taskDefinition", "desiredCount", "launchType"}
    defaults = _flat(canonical_document(bare))
    return {path: value for path, value in defaults.items() if path not in said and not path.endswith(".subnets")}


def _document(declared: DeclaredService, capacity: Capacity | None) -> dict[str, Any]:
    """The manifest as it takes effect: the task definition resolved, the count as it is, not as it was declared."""
    document = canonical_document(declared.manifest)
    document["taskDefinition"] = declared.task_definition_arn.rpartition("/")[2]
    document["desiredCount"] = capacity.desired_count if capacity else declared.manifest.desired_count
    return document


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        flat: dict[str, Any] = {}
        for name, part in value.items():
            flat.update(_flat(part, f"{path}.{name}" if path else str(name)))
        return flat
    return {path: value}


def warnings(manifest: Manifest, before: ServiceRecords | None) -> list[str]:
    """What is allowed and may surprise."""
    said: list[str] = []
    capacity = before.state.capacity if before else None
    if capacity and manifest.desired_count == capacity.declared_count != capacity.desired_count:
        said.append(
            f"the count stays {capacity.desired_count}: the manifest's own number ({manifest.desired_count}) did not "
            "change since the last apply; use scale to set it"
        )
    if len(set(manifest.subnets)) == 1:
        said.append("one subnet is one zone: losing that zone loses the service")
    return said


def deadlock(manifest: Manifest, count: int) -> list[str]:
    """A warning where no deployment could go on at this count: none may stop first and none may start first."""
    kept = minimum_healthy(count, manifest.minimum_healthy_percent)
    most = maximum_total(count, manifest.maximum_percent)
    if count == 0 or kept < count or most > count:
        return []
    percents = f"minimumHealthyPercent {manifest.minimum_healthy_percent} keeps {kept}"
    percents += f" and maximumPercent {manifest.maximum_percent} allows {most}"
    return [f"no deployment can go on at {count} tasks: {percents}; change one of them before the next deployment"]


def summary(
    service: str, status: ServiceStatus, capacity: Capacity | None, declared: DeclaredService | None
) -> dict[str, Any]:
    """One line of ``list``."""
    cluster, _, name = service.partition("/")
    unseen = declared is not None and status.generation != declared.generation
    state = status.state
    reason = status.state_reason
    if unseen:
        state = "DELETING" if declared and declared.deleting_at else ("NEW" if not status.generation else "RECONCILING")
        reason = "the last change has not been looked at yet"
    return {
        "service": service,
        "cluster": cluster,
        "serviceName": name,
        "desiredCount": capacity.desired_count if capacity else 0,
        "runningCount": status.counts.running,
        "pendingCount": status.counts.pending,
        "stoppingCount": status.counts.stopping,
        "state": state,
        "stateReason": reason,
        "deployment": declared.deployment if declared else None,
        "steadySince": None if unseen else iso(status.steady_since),
        "generation": declared.generation if declared else None,
    }


def details(state: ServiceState, now: float) -> dict[str, Any]:
    """What ``describe`` adds to the summary."""
    declared, status = state.declared, state.status
    protected = {one.task: one.until for one in state.operator.protections if one.until > now}
    backoff = status.backoff
    return {
        "manifest": canonical_document(declared.manifest) if declared else None,
        "taskDefinition": declared.task_definition_arn if declared else None,
        "deployments": [
            {
                "deployment": one.deployment_id,
                "taskDefinition": one.task_definition_arn,
                "createdAt": iso(one.created_at),
                "rolloutState": one.rollout_state,
                "completedAt": iso(one.completed_at),
                "failedTasks": one.failed_tasks,
            }
            for one in status.deployments
        ],
        "tasks": [_task(task, protected) for task in sorted(state.tasks, key=_launch_order)],
        "launches": [
            {
                "launch": one.launch_id,
                "count": one.count,
                "zone": one.zone,
                "deployment": one.deployment,
                "at": iso(one.at),
                "reason": one.reason,
            }
            for one in state.launches
        ],
        "backoff": {
            "deployment": backoff.deployment,
            "round": backoff.round,
            "until": iso(backoff.until),
            "active": now < backoff.until,
            "reason": backoff.reason,
        }
        if backoff
        else None,
        "zones": [
            {"zone": one.zone, "refusals": one.refusals, "skippedUntil": iso(one.until), "reason": one.reason}
            for one in status.zones
        ],
        "nextWake": iso(status.next_wake),
        "pass": state.pass_number,
        "decisions": [_decision(decision) for decision in status.decisions],
        "orphans": [task.task_id for task in state.tasks if task.managed is None and task.confirmed_at is not None],
    }


def _task(task: Task, protected: Mapping[str, float]) -> dict[str, Any]:
    observed, managed = task.observed, task.managed
    ended = observed.desired_status == "STOPPED"
    return {
        "taskId": task.task_id,
        "lastStatus": observed.last_status,
        "desiredStatus": observed.desired_status,
        "availabilityZone": zone_of(task),
        "deployment": managed.deployment if managed else None,
        "launch": observed.launch or None,
        "createdAt": iso(observed.created_at),
        "startedAt": iso(observed.started_at),
        "healthStatus": task.health.status if task.health else None,
        "protectedUntil": iso(protected.get(task.task_id)),
        "stopping": how_it_ended(task) if ended or (managed and managed.stop) else None,
        "address": observed.address,
    }


def _decision(decision: Any) -> dict[str, Any]:
    parts = {"kind": decision.kind, "level": decision.level, "reason": decision.reason, "task": decision.task}
    return {name: value for name, value in parts.items() if value is not None}


def _launch_order(task: Task) -> tuple[float, str]:
    return (task.managed.launched_at if task.managed else 0.0, task.task_id)


def now_sentences(state: ServiceState, now: float) -> list[str]:
    """What holds of a service at present, in sentences."""
    line = summary(state.service, state.status, state.capacity, state.declared)
    said = [f"{state.service} is {line['state']}: {line['stateReason']}"]
    if state.capacity:
        said.append(
            f"desired count {state.capacity.desired_count}: {state.capacity.reason} ({iso(state.capacity.changed_at)})"
        )
    if state.declared:
        definition = state.declared.task_definition_arn.rpartition("/")[2]
        said.append(
            f"deployment {state.declared.deployment} runs {definition}, declared {iso(state.declared.deployed_at)}"
        )
    said.extend(f"waiting: {one.reason}" for one in state.status.decisions if one.kind == "hold")
    if state.status.next_wake and state.status.next_wake > now:
        said.append(f"looks again at {iso(state.status.next_wake)} at the latest, and whenever something happens")
    return said


def task_sentences(task_id: str, task: Task | None) -> list[str]:
    """What holds of a task at present, in sentences."""
    if task is None:
        return [f"task {task_id} is gone"]
    observed = task.observed
    said = [f"task {task_id} is {observed.last_status}, and should be {observed.desired_status}"]
    if task.managed:
        said.append(
            f"it belongs to deployment {task.managed.deployment} and was launched {iso(task.managed.launched_at)}"
        )
    if observed.desired_status == "STOPPED" or (task.managed and task.managed.stop):
        said.append(f"it stops or stopped because: {how_it_ended(task)}")
    return said


def story_of_task(task_id: str, launch: str | None, entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The entries that concern a task, oldest first: its own, its launch's, and those that name it."""

    def concerns(entry: Mapping[str, Any]) -> bool:
        is_launch = launch is not None and entry.get("launch") == launch
        return entry.get("task") == task_id or is_launch or task_id in entry["reason"]

    return [entry for entry in reversed(entries) if concerns(entry)]
