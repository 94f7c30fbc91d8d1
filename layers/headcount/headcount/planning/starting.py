"""Starting what is missing, and finishing the launches that an earlier pass left open."""

from collections import Counter

from headcount.model.plan import LookUpLaunch, ResumeLaunch, StartTasks
from headcount.model.service import Decision, Launch
from headcount.model.task import Task, how_it_ended, zone_of
from headcount.planning.launching import new_launches
from headcount.planning.placement import spread
from headcount.planning.rollout import tasks_to_start
from headcount.planning.situation import Situation, Step, hold, managed_of
from headcount.planning.stock import deployment_of
from headcount.planning.words import clock_time, some

LAUNCHES_RESUMED = 40
TASKS_STARTED = 150  # a pass: their launches fit in one transaction of the table, and in a pass's time
RESEND_SECONDS = 30 * 60.0  # an older launch is looked up, never sent again: its token may have run out


def finish_open_launches(situation: Situation) -> Step:
    """Launches without an answer on record: the same request again, or, when it is old, a look at what became of it."""
    if situation.throttled:
        return Step()
    launches = situation.stock.launches
    actions = tuple(_finish(launch, situation.now) for launch in launches[:LAUNCHES_RESUMED])
    decisions = tuple(
        Decision(kind="launch", reason=action.reason, launch=action.launch.launch_id) for action in actions
    )
    # again: tasks of an old launch may have told all they will tell, so no event need follow its end
    return Step(actions=actions, decisions=decisions, again=bool(actions))


def _finish(launch: Launch, now: float) -> ResumeLaunch | LookUpLaunch:
    if now - launch.at >= RESEND_SECONDS:
        reason = "launched more than 30 minutes ago without an answer on record: asking ECS what became of it"
        return LookUpLaunch(launch=launch, reason=reason)
    reason = "an earlier pass did not record the answer: the same request again, same token"
    return ResumeLaunch(launch=launch, reason=reason)


def start_missing(situation: Situation) -> Step:
    """Launches for what is missing, as far as the limits allow, the emptiest zone first."""
    if situation.throttled:
        return Step()
    tally = situation.tally
    allowed = tasks_to_start(tally, situation.declared.manifest)
    missing = max(0, tally.desired - tally.live_new)
    held: tuple[Decision, ...] = ()
    if allowed.count < missing and allowed.because:
        held = (hold(f"{some(missing - allowed.count, 'task')} not started yet: {allowed.because}"),)
    if not allowed.count:
        return Step(decisions=held)
    skipped = {refusal.zone for refusal in situation.refusals if situation.now < refusal.until}
    zones = [zone for zone, _ in situation.declared.zones if zone not in skipped]
    if not zones:
        return _no_zone(situation, allowed.count)
    count = min(allowed.count, TASKS_STARTED)
    reason = _why(situation)
    shares = spread(count, zones, _present(situation))
    launches = new_launches(situation.state, situation.declared, shares, reason, situation.now)
    actions = tuple(
        StartTasks(launch=launch, reason=f"start {some(launch.count, 'task')} in {launch.zone}: {reason}")
        for launch in launches
    )
    started = tuple(
        Decision(
            kind="launch",
            reason=action.reason,
            launch=action.launch.launch_id,
            deployment=action.launch.deployment,
        )
        for action in actions
    )
    return Step(actions=actions, decisions=(*held, *started), again=count < allowed.count)


def _no_zone(situation: Situation, count: int) -> Step:
    first = min(situation.refusals, key=lambda refusal: refusal.until)
    reason = (
        f"{some(count, 'task')} not started: no zone has capacity; {first.zone} said {first.reason!r}, "
        f"next try at {clock_time(first.until)}"
    )
    decision = hold(reason, level="ERROR", event_name="SERVICE_TASK_PLACEMENT_FAILURE")
    return Step(decisions=(decision,), wakes=(first.until,))


def _present(situation: Situation) -> Counter[str]:
    """Tasks of the declared deployment by zone, those in flight too."""
    present = Counter(zone_of(task) for task in situation.new)
    for launch in situation.stock.launches:
        if launch.deployment == situation.declared.deployment:
            present[launch.zone] += situation.stock.in_flight[launch.launch_id]
    return present


def _why(situation: Situation) -> str:
    """What is missing, and the latest loss that explains it."""
    tally = situation.tally
    missing = f"{tally.live_new} of {tally.desired} there"
    held = situation.held
    gaps = [task for task in situation.lost if task.task_id not in held and _left_a_gap(task, situation)]
    if gaps:
        latest = max(gaps, key=_ended_at)
        more = min(len(gaps), tally.desired - tally.live_new) - 1
        return f"{missing}; lost {latest.task_id}{f' and {more} more' if more else ''}: {how_it_ended(latest)}"
    if tally.live_old:
        return f"{missing}; {situation.declared.deployment} replaces older ones"
    return missing


def _left_a_gap(task: Task, situation: Situation) -> bool:
    """Whether a lost task's place is to be filled: of this deployment, and not stopped on purpose."""
    stop = managed_of(task).stop
    return deployment_of(task) == situation.declared.deployment and (stop is None or stop.failed)


def _ended_at(task: Task) -> float:
    return task.observed.stopping_at or task.observed.stopped_at or 0.0
