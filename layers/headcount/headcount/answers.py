"""The shapes of ``control``'s answers: records as ``docs/contracts.md`` writes them down."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headcount.declaring import is_completed, returns_to
from headcount.model import instants
from headcount.model.fingerprints import balancing_fingerprint
from headcount.model.manifest_parser import canonical_document
from headcount.model.service import (
    Capacity,
    Cordon,
    Decision,
    DeclaredService,
    Override,
    Pause,
    ServiceState,
    ServiceStatus,
    Standby,
    StopWish,
    Throttle,
)
from headcount.model.target import Balancing
from headcount.model.task import Task, capacity_of, how_it_ended, zone_of
from headcount.planning.sharing import share
from headcount.planning.wishes import wanted_count
from headcount.target_states import Target, TargetGroup, groups_of, targets_in, targets_of
from headcount.wishing import cordons_in_force, in_force


def _iso(at: float | None) -> str | None:
    return None if at is None else instants.iso(at)


# -- one line of list -------------------------------------------------------------------------------------------------


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
        "kind": "NativeService" if declared is not None and declared.manifest.native else "Service",
        "cluster": cluster,
        "serviceName": name,
        "desiredCount": capacity.desired_count if capacity else 0,
        "keptCount": status.counts.desired if status.generation else None,
        "runningCount": status.counts.running,
        "pendingCount": status.counts.pending,
        "stoppingCount": status.counts.stopping,
        "state": state,
        "stateReason": reason,
        "deployment": declared.deployment if declared else None,
        "steadySince": None if unseen else _iso(status.steady_since),
        "generation": declared.generation if declared else None,
    }


# -- describe ---------------------------------------------------------------------------------------------------------


def details(state: ServiceState, now: float) -> dict[str, Any]:
    """What ``describe`` adds to the summary."""
    declared, status = state.declared, state.status
    return {
        "manifest": canonical_document(declared.manifest) if declared else None,
        "taskDefinition": declared.task_definition_arn if declared else None,
        "previous": _previous(state),
        **_wishes(state, now),
        "cordons": cordons(state.cordons, now),
        "capacity": _capacity(state, now),
        **_progress(status, now),
        "tasks": _tasks(state, now),
        "targetGroups": _target_groups(state),
        "loadBalancing": _load_balancing(state.balancing, declared),
        "elbThrottle": _throttle(status.elb_throttle, now),
        "launches": [
            {
                "launch": one.launch_id,
                "count": one.count,
                "zone": one.zone,
                "capacity": one.capacity,
                "deployment": one.deployment,
                "at": _iso(one.at),
                "reason": one.reason,
            }
            for one in state.launches
        ],
        "nextWake": _iso(status.next_wake),
        "pass": state.pass_number,
        "decisions": [of_decision(decision) for decision in status.decisions],
        "orphans": [task.task_id for task in state.tasks if task.managed is None and task.confirmed_at is not None],
    }


def _previous(state: ServiceState) -> dict[str, Any] | None:
    before = returns_to(state.declared) if state.declared else None
    if before is None:
        return None
    return {
        "deployment": before.deployment,
        "taskDefinition": before.task_definition_arn,
        "completed": is_completed(before, state.status),
    }


def _wishes(state: ServiceState, now: float) -> dict[str, Any]:
    wishes = in_force(state.operator, state.tasks, now)
    return {
        "paused": paused(wishes.pause),
        "override": overridden(wishes.override),
        "standby": of_tasks(wishes.standbys),
        "stops": of_tasks(wishes.stops),
    }


def _capacity(state: ServiceState, now: float) -> list[dict[str, Any]]:
    """What carries the tasks that should run, and what should carry how many."""
    declared = state.declared
    sources = declared.manifest.sources if declared else ()
    fallback = declared.manifest.fallback if declared else ()
    levels = {source.name: level for level, source in enumerate(fallback, start=1)}
    levels |= {source.name: 0 for source in sources}
    shares = share(wanted_count(state, declared, now).count, sources) if declared else {}
    carried = Counter(capacity_of(task) for task in state.tasks if not _is_ending(task))
    names = [*(source.name for source in sources), *(source.name for source in fallback), *sorted(carried)]
    return [
        {"capacity": name, "count": carried[name], "share": shares.get(name, 0), "level": levels.get(name)}
        for name in dict.fromkeys(names)
    ]


def _progress(status: ServiceStatus, now: float) -> dict[str, Any]:
    backoff = status.backoff
    return {
        "deployments": [
            {
                "deployment": one.deployment_id,
                "taskDefinition": one.task_definition_arn,
                "createdAt": _iso(one.created_at),
                "rolloutState": one.rollout_state,
                "completedAt": _iso(one.completed_at),
                "failedTasks": one.failed_tasks,
            }
            for one in status.deployments
        ],
        "backoff": {
            "deployment": backoff.deployment,
            "round": backoff.round,
            "until": _iso(backoff.until),
            "active": now < backoff.until,
            "reason": backoff.reason,
        }
        if backoff
        else None,
        "zones": [
            {
                "zone": one.zone,
                "capacity": one.capacity,
                "refusals": one.refusals,
                "skippedUntil": _iso(one.until),
                "reason": one.reason,
            }
            for one in status.zones
        ],
    }


# -- tasks ------------------------------------------------------------------------------------------------------------


def _tasks(state: ServiceState, now: float) -> list[dict[str, Any]]:
    protected = {one.task: one.until for one in state.operator.protections if one.until > now}
    aside = {one.task for one in state.operator.standbys}
    targets = targets_of(state)
    return [
        _task(task, protected, task.task_id in aside, targets.get(task.task_id, ()))
        for task in sorted(state.tasks, key=_launch_order)
    ]


def _task(task: Task, protected: Mapping[str, float], on_standby: bool, targets: Sequence[Target]) -> dict[str, Any]:
    observed, managed, notice = task.observed, task.managed, task.notice
    return {
        "taskId": task.task_id,
        "lastStatus": observed.last_status,
        "desiredStatus": observed.desired_status,
        "availabilityZone": zone_of(task),
        "capacity": capacity_of(task),
        "containerInstance": observed.container_instance,
        "deployment": managed.deployment if managed else None,
        "launch": observed.launch or None,
        "createdAt": _iso(observed.created_at),
        "startedAt": _iso(observed.started_at),
        "healthStatus": task.health.status if task.health else None,
        "protectedUntil": _iso(protected.get(task.task_id)),
        "standby": on_standby,
        "notice": {
            "kind": notice.kind,
            "reason": notice.reason,
            "at": _iso(notice.at),
            "deadline": _iso(notice.deadline),
        }
        if notice
        else None,
        "stopping": how_it_ended(task) + _draining(task, targets) if _is_ending(task) else None,
        "address": observed.address,
        "targets": [_target(target) for target in targets],
    }


def _is_ending(task: Task) -> bool:
    return task.observed.desired_status == "STOPPED" or (task.managed is not None and task.managed.stop is not None)


def _launch_order(task: Task) -> tuple[float, str]:
    return (task.managed.launched_at if task.managed else 0.0, task.task_id)


# -- load balancing ---------------------------------------------------------------------------------------------------

_COUNTED = ("healthy", "unhealthy", "initial", "draining", "unused", "unavailable")


def _target_groups(state: ServiceState) -> list[dict[str, Any]]:
    tasks = {task.task_id: task for task in state.tasks}
    return [_target_group(group, targets_in(group, tasks), tasks) for group in groups_of(state)]


def _target_group(group: TargetGroup, targets: Sequence[Target], tasks: Mapping[str, Task]) -> dict[str, Any]:
    """A group, and how many of the service's own targets are in which state. What has left it counts no more."""
    known, seen = group.known, group.recorded.seen if group.recorded else None
    there = [target for target in targets if not target.has_left]
    counts = Counter(target.health.state.partition(".")[0] for target in there)
    return {
        "name": group.name,
        "arn": group.arn,
        "targetType": known.target_type if known else None,
        "protocol": known.protocol if known else None,
        "loadBalancers": list(known.load_balancers) if known else [],
        **{state: counts[state] for state in _COUNTED},
        "foreign": seen.foreign if seen else 0,
        "lastSeen": _iso(seen.seen_at) if seen else None,
        "problem": group.problem,
        "ofGoneTasks": [
            {"task": one.registration.task, **_target(one)} for one in there if one.registration.task not in tasks
        ],
    }


def _target(target: Target) -> dict[str, Any]:
    """The group by its name, which is unique in a region: ARNs would make thousands of tasks too long an answer."""
    ledger, health = target.registration, target.health
    return {
        "targetGroup": target.group.name,
        "target": ledger.target,
        "port": ledger.port,
        "container": target.container,
        "state": health.state,
        "reason": health.reason or None,
        "description": health.description or None,
        "since": _iso(health.since),
        "registeredAt": _iso(ledger.registered_at),
        "leavingAt": _iso(ledger.leaving_at),
        "because": ledger.because or None,
        "drainedAt": _iso(target.drained_at),
    }


def _draining(task: Task, targets: Sequence[Target]) -> str:
    """How far a task is out of rotation that ECS was not told to stop yet: it leaves first."""
    leaving = [target for target in targets if target.is_leaving]
    if not leaving or task.observed.desired_status == "STOPPED":
        return ""
    ends = [target.drained_at for target in leaving if target.drained_at is not None]
    return f"; draining until {_iso(max(ends))}" if len(ends) == len(leaving) else "; leaving rotation"


def _load_balancing(balancing: Balancing | None, declared: DeclaredService | None) -> dict[str, Any] | None:
    if balancing is None:
        return None
    return {
        "generation": balancing.generation,
        "upToDate": declared is not None and balancing.fingerprint == balancing_fingerprint(declared),
        "checkedAt": _iso(balancing.checked_at),
        "owned": [{"kind": one.kind, "key": one.key, "arn": one.arn} for one in balancing.owned],
        "problems": list(balancing.problems),
    }


def _throttle(throttle: Throttle | None, now: float) -> dict[str, Any] | None:
    if throttle is None or throttle.until <= now:
        return None
    return {"times": throttle.times, "until": _iso(throttle.until), "reason": throttle.reason}


# -- wishes -----------------------------------------------------------------------------------------------------------


def paused(pause: Pause | None) -> dict[str, Any] | None:
    """A pause."""
    if pause is None:
        return None
    return {
        "mode": pause.mode,
        "since": _iso(pause.at),
        "until": _iso(pause.until),
        "by": pause.by,
        "reason": pause.reason,
    }


def overridden(override: Override | None) -> dict[str, Any] | None:
    """An override."""
    if override is None:
        return None
    return {
        "count": override.count,
        "since": _iso(override.at),
        "until": _iso(override.until),
        "by": override.by,
        "reason": override.reason,
    }


def of_tasks(wishes: Iterable[Standby | StopWish]) -> list[dict[str, Any]]:
    """Wishes of single tasks."""
    return [{"taskId": one.task, "since": _iso(one.at), "by": one.by, "reason": one.reason} for one in wishes]


def cordons(of_cluster: Iterable[Cordon], now: float) -> list[dict[str, Any]]:
    """The cordons that hold, by zone."""
    return [
        {
            "zone": one.zone,
            "evacuate": one.evacuate,
            "since": _iso(one.at),
            "until": _iso(one.until),
            "by": one.by,
            "reason": one.reason,
        }
        for one in cordons_in_force(of_cluster, now)
    ]


def of_decision(decision: Decision) -> dict[str, Any]:
    """What was decided and why."""
    parts = {"kind": decision.kind, "level": decision.level, "reason": decision.reason, "task": decision.task}
    return {name: value for name, value in parts.items() if value is not None}
