"""Native services: ECS itself keeps them, and ``control`` sets nothing of them but the count."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from headcount.desk import Declared, Desk
from headcount.errors import Refused, TransientError
from headcount.model.manifest import Manifest
from headcount.model.problem import Problem
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import Capacity, ServiceState
from headcount.model.values import replace
from headcount.ports.controlling import Resolved
from headcount.ports.scaling import NativeCounts

NOTHING_RESOLVED = Resolved(task_definition_arn="", zones=(), container_health_check=False)
"""What AWS knows of the names in a manifest that names no task definition and no subnets."""

UNKNOWN_COUNTS = dict.fromkeys(("runningCount", "keptCount", "pendingCount", "stoppingCount"))
"""Of tasks that ECS keeps, no pass knows any count."""


def check_kind(manifest: Manifest, before: ServiceState | None) -> None:
    """Refuse to make a native service of one that Headcount keeps, or the other way round: their tasks differ."""
    old = before.declared.manifest if before and before.declared else None
    if old is None or old.native == manifest.native:
        return
    was = "a native service, which ECS keeps" if old.native else "a service, whose tasks Headcount keeps"
    message = f"{manifest.service} is {was}: delete it first (headcount delete {manifest.service_name})"
    raise Refused("InvalidManifest", message, (Problem(path="kind", value=_kind(manifest), message=message),))


def counts_of(desk: Desk, manifest: Manifest) -> NativeCounts:
    """How a native service stands in ECS. Refused unless ECS has it and nobody else scales it."""
    counts = desk.native.counts(manifest.cluster, manifest.service_name)
    message = (
        f"ECS has no active service {manifest.service_name} in cluster {manifest.cluster}"
        if counts is None
        else counts.rival and f"its count is not Headcount's to set: {counts.rival}"
    )
    if message or counts is None:
        problem = Problem(path="serviceName", value=manifest.service_name, message=message)
        raise Refused("InvalidManifest", f"{manifest.service}: 1 problem", (problem,))
    return counts


def noted(count: int, before: Capacity | None, reason: str, now: float) -> Capacity:
    """The count that ECS has, as the record keeps it. The same again is no news."""
    if before is not None and before.desired_count == count:
        return replace(before, declared_count=None)
    return Capacity(desired_count=count, declared_count=None, reason=reason, changed_at=now)


def set_count(desk: Desk, found: Declared, count: int) -> int:
    """``UpdateService``; gives the count that it had."""
    manifest = found.declared.manifest
    before = counts_of(desk, manifest).desired
    refused = None if before == count else desk.native.set_count(manifest.cluster, manifest.service_name, count)
    if refused is not None:
        message = f"ECS refuses {count} as the desired count of {manifest.service}: {refused}"
        raise Refused("InvalidRequest", message)
    return before


def kept(desk: Desk, name: str, instead: str) -> Declared:
    """A service whose tasks Headcount keeps. ``instead``: how the same is asked of ECS, for a native one."""
    found = desk.declared(name)
    manifest = found.declared.manifest
    if not manifest.native:
        return found
    message = f"{manifest.service} is a native service: ECS itself keeps its tasks, Headcount only scales it; {instead}"
    raise Refused("InvalidRequest", message)


def live(desk: Desk, state: ServiceState) -> dict[str, Any]:
    """The counts of a native service as ECS has them now; nothing of others, or while ECS does not say."""
    manifest = state.declared.manifest if state.declared else None
    if manifest is None or not manifest.native:
        return {}
    try:
        counts = desk.native.counts(manifest.cluster, manifest.service_name)
    except TransientError:
        return dict(UNKNOWN_COUNTS)
    return _told(manifest, counts)


def seen(desk: Desk, manifests: Iterable[Manifest]) -> dict[str, dict[str, Any]]:
    """By name, the counts of the native services among these as ECS has them now; of none while ECS does not say."""
    clusters: dict[str, list[Manifest]] = {}
    for one in manifests:
        if one.native:
            clusters.setdefault(one.cluster, []).append(one)
    told: dict[str, dict[str, Any]] = {}
    for cluster, those in clusters.items():
        with suppress(TransientError):
            found = desk.native.seen(cluster, [one.service_name for one in those])
            told |= {one.service: _told(one, found.get(one.service_name)) for one in those}
    return told


def _told(manifest: Manifest, counts: NativeCounts | None) -> dict[str, Any]:
    if counts is None:
        said = f"ECS has no active service {manifest.service_name} in cluster {manifest.cluster}"
        return {**UNKNOWN_COUNTS, "stateReason": said}
    return {**UNKNOWN_COUNTS, "desiredCount": counts.desired, "runningCount": counts.running}


def last_known(summary: dict[str, Any], capacity: Capacity | None, record: ScalingRecord | None) -> dict[str, Any]:
    """A line of ``list`` while ECS does not answer: the count as it was set or seen last; what runs, ECS knows."""
    latest = record.latest if record else None
    is_newer = latest is not None and (capacity is None or latest.at > capacity.changed_at)
    count = latest.count if latest is not None and is_newer else summary["desiredCount"]
    return {**summary, **UNKNOWN_COUNTS, "desiredCount": count}


def no_override(manifest: Manifest, count: int) -> Refused:
    """Why the count of a native service is not overridden for a while."""
    name = manifest.service_name
    message = (
        f"{manifest.service} is a native service: ECS has its count, and no other one underneath that could return by "
        f"itself; `headcount scale {name} {count}` and `headcount pause {name} --freeze --for 2h` hold it for as long"
    )
    return Refused("InvalidRequest", message)


def no_stop(manifest: Manifest) -> Refused:
    """Why a native service cannot be switched off by a pause."""
    message = (
        f"{manifest.service} is a native service: ECS itself keeps its tasks, and a pause does not stop them; freeze "
        f"holds its scaling, and `headcount scale {manifest.service_name} 0` stops its tasks"
    )
    return Refused("InvalidRequest", message)


def _kind(manifest: Manifest) -> str:
    return "NativeService" if manifest.native else "Service"
