"""What operators wish of a service: protect, pause, override, standby, stop this one."""

from collections.abc import Collection
from typing import Any

from headcount import answers, cautions, native, wishing
from headcount.desk import Declared, Desk, asked, circumstances, who_and_why
from headcount.model.instants import iso
from headcount.model.manifest import MAXIMUM_TASKS
from headcount.model.problem import Problem
from headcount.model.service import Capacity, OperatorWishes, Override, Pause
from headcount.model.task import Task, how_it_ended
from headcount.model.values import replace
from headcount.requests import LONGEST_WISH_SECONDS, Fields, refuse
from headcount.wishing import Asker

DEFAULT_PROTECTION_MINUTES = 120
LONGEST_PROTECTION_MINUTES = 2880
LEAST_OVERRIDE_SECONDS = 60

# -- the whole service ------------------------------------------------------------------------------------------------


def pause(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Switch a service off, or leave it as it is. Its count is kept."""
    now = desk.clock()
    name, mode, until = fields.service(), fields.choice("mode", ("stop", "freeze")), fields.until(now)
    fields.check()
    found = desk.declared(name)
    if mode == "stop" and found.declared.manifest.native:
        raise native.no_stop(found.declared.manifest)
    wish = Pause(mode="freeze" if mode == "freeze" else "stop", at=now, until=until, by=fields.by, reason=fields.reason)
    wishes = wishing.with_pause(found.state.operator, wish, now)
    ends = f" until {iso(until)}" if until is not None else ""
    desk.wish(found, wishes, asked(fields, f"pause ({mode}){ends}"))
    desk.kick(found.state.service, "pause")
    count = found.capacity.desired_count
    return {
        "service": found.state.service,
        "kind": "NativeService" if found.declared.manifest.native else "Service",
        "paused": answers.paused(wishes.pause),
        "desiredCount": count,
        "warnings": cautions.of_pause(circumstances(desk, found, count)),
    }


def resume(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Go on after a pause: the count that was kept returns."""
    name = fields.service()
    fields.check()
    found = desk.declared(name)
    now, before = desk.clock(), found.state.operator
    holding = wishing.pause_in_force(before, now)
    override = wishing.override_in_force(before, now)
    count = override.count if override else found.capacity.desired_count
    if holding is not None:
        desk.wish(found, wishing.without_pause(before), asked(fields, f"resume at {count}"))
    desk.kick(found.state.service, "resume")
    return {
        "service": found.state.service,
        "wasPaused": holding is not None,
        "desiredCount": count,
        "warnings": cautions.of_resume(circumstances(desk, found, count)),
    }


def override(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Keep another count for a while; it ends by itself, and 0 seconds end it at once."""
    name = fields.service()
    seconds = fields.integer("forSeconds", LEAST_OVERRIDE_SECONDS, LONGEST_WISH_SECONDS, also=0)
    count = fields.integer("count", 0, MAXIMUM_TASKS) if seconds or fields.given("count") else 0
    fields.check()
    found = desk.declared(name)
    if found.declared.manifest.native:
        raise native.no_override(found.declared.manifest, count)
    now, before, kept = desk.clock(), found.state.operator, found.capacity.desired_count
    if seconds:
        wish = Override(count=count, at=now, until=now + seconds, by=fields.by, reason=fields.reason)
        wishes = wishing.with_override(before, wish, now)
        words = f"override the count of {kept} by {count} until {iso(wish.until)}"
    else:
        wishes, words = wishing.without_override(before), f"end the override: {kept} is the count again"
    desk.wish(found, wishes, asked(fields, words))
    desk.kick(found.state.service, "override")
    return {
        "service": found.state.service,
        "override": answers.overridden(wishes.override),
        "desiredCount": kept,
        "warnings": cautions.of_override(circumstances(desk, found, count if seconds else kept)),
    }


# -- single tasks -----------------------------------------------------------------------------------------------------


def protect(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Protect tasks from scale-in and deployments for a while; 0 minutes removes the protection."""
    name, listed = fields.service(), fields.tasks()
    minutes = fields.integer("expiresInMinutes", 0, LONGEST_PROTECTION_MINUTES, default=DEFAULT_PROTECTION_MINUTES)
    fields.check()
    found = native.kept(desk, name, "aws ecs update-task-protection protects them")
    now, before = desk.clock(), found.state.operator
    known = {one.task for one in before.protections}
    tasks = _living_tasks(found, listed) if minutes else _own_tasks(found, listed, also=known)
    if minutes:
        wishes = wishing.with_protection(before, tasks, now + minutes * 60.0, fields.by)
        words = f"protect {', '.join(tasks)} for {minutes} minutes"
    else:
        wishes, words = wishing.without_protection(before, tasks), f"stop protecting {', '.join(tasks)}"
    _wish_of_tasks(desk, fields, found, wishes, words, tasks)
    desk.kick(found.state.service, "protect")
    holding = wishing.in_force(wishes, found.state.tasks, now).protections
    protected = [{"taskId": one.task, "until": iso(one.until)} for one in holding]
    return {"service": found.state.service, "protected": protected}


def standby(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Set tasks aside: they run on out of rotation and count for nothing. ``end`` takes them back into both."""
    name, listed, end = fields.service(), fields.tasks(), fields.boolean("end")
    fields.check()
    found = native.kept(desk, name, "ECS has no standby")
    now, before = desk.clock(), found.state.operator
    aside = {one.task for one in before.standbys}
    tasks = _own_tasks(found, listed, also=aside) if end else _living_tasks(found, listed)
    if end:
        wishes, words = wishing.without_standby(before, tasks), f"end the standby of {', '.join(tasks)}"
    else:
        asker = Asker(at=now, by=fields.by, reason=fields.reason)
        wishes, words = wishing.with_standby(before, tasks, asker), f"standby {', '.join(tasks)}"
    _wish_of_tasks(desk, fields, found, wishes, words, tasks)
    desk.kick(found.state.service, "standby")
    holding = wishing.in_force(wishes, found.state.tasks, now).standbys
    never = [task for task in tasks if task not in aside] if end else []
    return {
        "service": found.state.service,
        "standby": answers.of_tasks(holding),
        "warnings": [f"{', '.join(never)}: not on standby"] if never else [],
    }


def stop_task(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Stop these tasks. With ``lowerCount`` the count falls with them, else others take their place."""
    name, listed, lower = fields.service(), fields.tasks(), fields.boolean("lowerCount")
    fields.check()
    found = native.kept(desk, name, "aws ecs stop-task stops one")
    now, before, capacity = desk.clock(), found.state.operator, found.capacity
    known = {one.task for one in before.stops}
    tasks = _living_tasks(found, listed, also=known)
    aside = {one.task for one in before.standbys}
    counting = [task for task in tasks if task not in known and task not in aside]
    after = _lowered(capacity, len(counting), fields, now) if lower else capacity
    fell = after.desired_count != capacity.desired_count
    asker = Asker(at=now, by=fields.by, reason=fields.reason)
    how = f", the count falls from {capacity.desired_count} to {after.desired_count}" if fell else ""
    words = f"stop {', '.join(tasks)}{how}"
    _wish_of_tasks(desk, fields, found, wishing.with_stops(before, tasks, asker), words, tasks, after)
    desk.kick(found.state.service, "stopTask")
    said = _about_stops(found, tasks, now)
    if lower:
        said += [f"{task} was asked to stop before: the count does not fall for it" for task in tasks if task in known]
        said += [f"{task} was on standby: the count does not fall for it" for task in tasks if task in aside]
        said += cautions.of_scale(circumstances(desk, found, after.desired_count))
    return {
        "service": found.state.service,
        "stopping": tasks,
        "desiredCount": after.desired_count,
        "warnings": said,
    }


def _lowered(capacity: Capacity, by: int, fields: Fields, now: float) -> Capacity:
    count = max(0, capacity.desired_count - by)
    if count == capacity.desired_count:
        return capacity
    said = f"lowered from {capacity.desired_count} to {count} with the tasks stopped{who_and_why(fields)}"
    return replace(capacity, desired_count=count, reason=said, changed_at=now)


def _about_stops(found: Declared, tasks: Collection[str], now: float) -> list[str]:
    wishes = found.state.operator
    said = [
        f"{one.task} was protected until {iso(one.until)}, and is stopped all the same"
        for one in wishes.protections
        if one.task in tasks and one.until > now
    ]
    holding = wishing.pause_in_force(wishes, now)
    if holding is not None and holding.mode == "freeze":
        said.append("the service is frozen: nothing takes the place of what is stopped until it is resumed")
    return said


def _wish_of_tasks(
    desk: Desk,
    fields: Fields,
    found: Declared,
    wishes: OperatorWishes,
    words: str,
    tasks: list[str],
    capacity: Capacity | None = None,
) -> None:
    is_fewer = capacity is not None and capacity.desired_count != found.capacity.desired_count
    entry = replace(
        asked(fields, words),
        task=tasks[0] if len(tasks) == 1 else None,
        event_name="SERVICE_DESIRED_COUNT_UPDATED" if is_fewer else None,
    )
    desk.wish(found, wishes, entry, capacity)


def _own_tasks(found: Declared, listed: list[Any], also: Collection[str]) -> list[str]:
    """The tasks asked for, each once; those that are none of the service's are refused, all at once."""
    own = {task.task_id for task in found.state.tasks}
    problems = [
        Problem(path=f"tasks[{index}]", value=task, message="it is no task of this service")
        for index, task in enumerate(listed)
        if not isinstance(task, str) or not (task in own or task in also)
    ]
    refuse(problems)
    return list(dict.fromkeys(str(task) for task in listed))


def _living_tasks(found: Declared, listed: list[Any], also: Collection[str] = ()) -> list[str]:
    """As above, and none that is stopping or gone, unless it is in ``also``."""
    tasks = {task.task_id: task for task in found.state.tasks}
    stopping = {one.task for one in found.state.operator.stops}
    problems: list[Problem] = []
    for index, name in enumerate(listed):
        task = tasks.get(name) if isinstance(name, str) else None
        if isinstance(name, str) and name in also:
            continue
        said = "it is no task of this service" if task is None else _why_not_living(task, stopping)
        if said is not None:
            problems.append(Problem(path=f"tasks[{index}]", value=name, message=said))
    refuse(problems)
    return list(dict.fromkeys(str(name) for name in listed))


def _why_not_living(task: Task, stopping: Collection[str]) -> str | None:
    if task.observed.last_status == "STOPPED":
        return f"it has stopped: {how_it_ended(task)}"
    if task.observed.desired_status == "STOPPED" or (task.managed is not None and task.managed.stop is not None):
        return f"it is stopping already: {how_it_ended(task)}"
    return "somebody asked to stop it" if task.task_id in stopping else None
