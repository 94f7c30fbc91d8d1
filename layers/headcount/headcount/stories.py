"""What ``why`` tells: what holds of a service or of a task at present, in sentences, and the entries that led here."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from headcount.answers import summary
from headcount.model.instants import iso
from headcount.model.service import OperatorWishes, ServiceState
from headcount.model.task import Task, how_it_ended
from headcount.scaling_bounds import bounds_now
from headcount.target_states import Target, groups_of, targets_in, targets_of
from headcount.wishing import cordons_in_force, effect_of, in_force

NOTHING_LIVE: Mapping[str, Any] = MappingProxyType({})
FROZEN = "frozen: "  # how a decision begins that leaves unhealthy tasks alone


def of_service(state: ServiceState, now: float, live: Mapping[str, Any] = NOTHING_LIVE) -> list[str]:
    """What holds of a service at present. ``live``: what ECS says of a native one, under the names of ``describe``."""
    line = summary(state.service, state.status, state.capacity, state.declared) | dict(live)
    said = [f"{state.service} is {line['state']}: {line['stateReason']}"]
    said.extend(_counted(state, live))
    if state.declared and not _is_native(state):
        definition = state.declared.task_definition_arn.rpartition("/")[2]
        declared = iso(state.declared.deployed_at)
        said.append(f"deployment {state.declared.deployment} runs {definition}, declared {declared}")
    said.extend(_scaled(state))
    said.extend(_wished(in_force(state.operator, state.tasks, now), native=_is_native(state)))
    said.extend(_cordoned(state, now))
    said.extend(_balanced(state, now))
    said.extend(_frozen(state))
    said.extend(_waiting(state))
    if state.status.next_wake and state.status.next_wake > now:
        said.append(f"looks again at {iso(state.status.next_wake)} at the latest, and whenever something happens")
    return said


def _is_native(state: ServiceState) -> bool:
    return state.declared is not None and state.declared.manifest.native


def _counted(state: ServiceState, live: Mapping[str, Any]) -> Iterable[str]:
    """The desired count and why; a native service's is ECS's own, and where ECS does not say, whoever saw it last."""
    if live.get("desiredCount") is not None:
        yield f"desired count {live['desiredCount']}, {live['runningCount']} running: as ECS has them now"
        return
    capacity, latest = state.capacity, state.scaling.latest if state.scaling else None
    if _is_native(state) and latest is not None and (capacity is None or latest.at > capacity.changed_at):
        yield f"desired count {latest.count}: as scaling left it ({iso(latest.at)})"
    elif capacity:
        yield f"desired count {capacity.desired_count}: {capacity.reason} ({iso(capacity.changed_at)})"


def _scaled(state: ServiceState) -> Iterable[str]:
    """The bounds, the last decision and each policy's reason, and what stands against scaling."""
    record, manifest = state.scaling, state.declared.manifest if state.declared else None
    bounds = None if manifest is None else bounds_now(manifest, record)
    if bounds is None:
        return
    latest = record.latest if record else None
    if record is None or latest is None:
        yield f"scaled between {bounds.minimum} and {bounds.maximum}: not looked at yet"
        return
    held = f": held, {record.held}" if record.held else f": {latest.reason}"
    yield f"scaled between {bounds.minimum} and {bounds.maximum}{held} ({iso(record.looked_at)})"
    if changed := record.changed:
        counts = f"from {changed.before} to {changed.count}"
        yield f"scaling last changed the count {counts} at {iso(changed.at)}: {changed.reason}"
    yield from (f"scaling policy {one.policy} says {one.outcome}: {one.reason}" for one in latest.asked)
    yield from (f"scaling: {problem}" for problem in record.problems)


def _holds(state: ServiceState) -> Iterable[str]:
    return (one.reason for one in state.status.decisions if one.kind == "hold")


def _frozen(state: ServiceState) -> Iterable[str]:
    """That so many tasks are unhealthy that none is killed for it: as it is, for nothing is waited for."""
    return (one for one in _holds(state) if one.startswith(FROZEN))


def _waiting(state: ServiceState) -> Iterable[str]:
    """What nothing is done for now; of what ECS asked patience for, also when it is called again."""
    told, throttle = set(_told_elsewhere(state)), state.status.throttle
    for one in _holds(state):
        if throttle and one == throttle.reason:
            yield f"waiting: {one}; calling again at {iso(throttle.until)}"
        elif one not in told:
            yield f"waiting: {one}"


def _told_elsewhere(state: ServiceState) -> Iterable[str]:
    """Reasons of holds that have sentences of their own."""
    yield from _frozen(state)
    yield from state.balancing.problems if state.balancing else ()
    yield from (f"scaling: {problem}" for problem in state.scaling.problems) if state.scaling else ()
    if state.status.elb_throttle:
        yield state.status.elb_throttle.reason


def _wished(wishes: OperatorWishes, *, native: bool = False) -> Iterable[str]:
    if wishes.pause:
        effect = effect_of(wishes.pause, native=native)
        until = "until somebody resumes it" if wishes.pause.until is None else f"until {iso(wishes.pause.until)}"
        yield f"paused since {iso(wishes.pause.at)} {until}{_who(wishes.pause.by, wishes.pause.reason)}: {effect}"
    if wishes.override:
        override = wishes.override
        yield f"the count is overridden by {override.count} until {iso(override.until)}" + _who(
            override.by, override.reason
        )
    for aside in wishes.standbys:
        since = f"since {iso(aside.at)}{_who(aside.by, aside.reason)}"
        yield f"task {aside.task} is on standby {since}: it runs on out of rotation and counts for nothing"
    for stop in wishes.stops:
        yield f"task {stop.task} is to be stopped since {iso(stop.at)}{_who(stop.by, stop.reason)}"


def _cordoned(state: ServiceState, now: float) -> Iterable[str]:
    for one in cordons_in_force(state.cordons, now):
        until = "" if one.until is None else f" until {iso(one.until)}"
        evacuated = " and evacuated" if one.evacuate else ""
        yield f"{one.zone} is cordoned{evacuated} since {iso(one.at)}{until}{_who(one.by, one.reason)}"


def _balanced(state: ServiceState, now: float) -> Iterable[str]:
    """How many targets of each group take traffic, why the others do not, and what stands against load balancing."""
    tasks = {task.task_id: task for task in state.tasks}
    for group in groups_of(state):
        targets = targets_in(group, tasks)
        staying = [target for target in targets if not target.is_leaving]
        leaving = sum(target.is_leaving and not target.has_left for target in targets)
        if staying or leaving:
            healthy = sum(target.is_well for target in staying)
            away = f", {leaving} on the way out" if leaving else ""
            yield f"target group {group.name}: {healthy} of {len(staying)} targets are healthy{away}{_ailing(staying)}"
        if group.problem:
            yield f"target group {group.name}: {group.problem}"
    if state.balancing:
        yield from (f"load balancing: {problem}" for problem in state.balancing.problems)
    throttle = state.status.elb_throttle
    if throttle and throttle.until > now:
        yield f"nothing is registered or taken out before {iso(throttle.until)}: {throttle.reason}"


def _ailing(targets: Iterable[Target]) -> str:
    """``; 2 unhealthy: Target.Timeout``"""
    causes = Counter((one.health.state, one.health.reason) for one in targets if not one.is_well)
    said = [f"{count} {state}{f': {reason}' if reason else ''}" for (state, reason), count in causes.most_common()]
    return f" ({'; '.join(said)})" if said else ""


def _who(by: str, reason: str) -> str:
    return (f" by {by}" if by else "") + (f" ({reason})" if reason else "")


def of_task(task_id: str, state: ServiceState | None, now: float) -> list[str]:
    """What holds of a task at present. ``state``: of its service, None if that is gone."""
    task = next((one for one in state.tasks if one.task_id == task_id), None) if state else None
    if state is None or task is None:
        return [f"task {task_id} is gone"]
    observed = task.observed
    said = [f"task {task_id} is {observed.last_status}, and should be {observed.desired_status}"]
    if task.managed:
        launched = iso(task.managed.launched_at)
        said.append(f"it belongs to deployment {task.managed.deployment} and was launched {launched}")
    if observed.desired_status == "STOPPED" or (task.managed and task.managed.stop):
        said.append(f"it stops or stopped because: {how_it_ended(task)}")
    said.extend(_in_rotation(task, state))
    said.extend(_announced(task))
    said.extend(_wished_of(task_id, in_force(state.operator, state.tasks, now)))
    return said


def _announced(task: Task) -> Iterable[str]:
    if task.notice:
        deadline = "" if task.notice.deadline is None else f"; AWS ends it at {iso(task.notice.deadline)}"
        yield f"AWS announced {task.notice.kind} at {iso(task.notice.at)}: {task.notice.reason}{deadline}"


def _in_rotation(task: Task, state: ServiceState) -> Iterable[str]:
    targets = targets_of(state).get(task.task_id, ())
    stop = task.managed.stop.reason if task.managed and task.managed.stop else ""
    yield from (_target(target, stop) for target in targets)
    sick = any(not target.is_well and not target.is_leaving for target in targets)
    if sick or (task.health is not None and task.health.status == "UNHEALTHY"):
        yield from _frozen(state)
    is_up = task.observed.last_status == "RUNNING" and task.observed.desired_status == "RUNNING"
    if not is_up or (task.managed is not None and task.managed.stop is not None):
        return
    registered = {target.group.key for target in targets}
    for group in groups_of(state):
        if group.entries and group.key not in registered:
            yield f"not in rotation: it is not registered in target group {group.name}"


def _target(target: Target, stop: str) -> str:
    """``not healthy in target group web since ...: unhealthy, Target.ResponseCodeMismatch (...)``

    ``stop``: why the task is to be stopped, which is told before and need not be told again.
    """
    ledger, health, where = target.registration, target.health, f"in target group {target.group.name}"
    address = f"{ledger.target}:{ledger.port}"
    if target.is_leaving:
        began = iso(ledger.leaving_at or ledger.left_at or ledger.at)
        why = f" ({ledger.because})" if ledger.because not in ("", stop) else ""
        return f"out of rotation {where} since {began}{why}: {address} {_going(target)}"
    since = f"since {iso(health.since)}"
    if target.is_well:
        how = f" ({target.why})" if target.why else ""
        return f"in rotation: {address} is {health.state} {where} {since}{how}"
    return f"not healthy {where} {since}: {address} is {health.state}{f', {target.why}' if target.why else ''}"


def _going(target: Target) -> str:
    if target.has_left:
        return "has left"
    if target.drained_at is None:
        return f"is to be deregistered, and {target.health.state} as long as it is not"
    return f"is {target.health.state} until {iso(target.drained_at)}"


def _wished_of(task_id: str, wishes: OperatorWishes) -> Iterable[str]:
    for protection in wishes.protections:
        if protection.task == task_id:
            yield f"it is protected until {iso(protection.until)}{_who(protection.by, '')}"
    own = OperatorWishes(
        standbys=tuple(one for one in wishes.standbys if one.task == task_id),
        stops=tuple(one for one in wishes.stops if one.task == task_id),
    )
    yield from _wished(own)


def entries_of_task(task_id: str, launch: str | None, entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The entries that concern a task, oldest first: its own, its launch's, and those that name it."""

    def concerns(entry: Mapping[str, Any]) -> bool:
        is_launch = launch is not None and entry.get("launch") == launch
        return entry.get("task") == task_id or is_launch or task_id in entry["reason"]

    return [entry for entry in reversed(entries) if concerns(entry)]
