"""Starting what is missing, and finishing the launches that an earlier pass left open."""

from collections import Counter
from collections.abc import Iterable, Sequence

from headcount.model.plan import LookUpLaunch, ResumeLaunch, StartTasks
from headcount.model.service import ANY_ZONE, Decision, Launch
from headcount.model.task import Task, how_it_ended
from headcount.model.values import replace
from headcount.planning.backoff import was_unhealthy
from headcount.planning.launching import new_launches
from headcount.planning.pace import affordable, counted, worth_a_pass_at
from headcount.planning.placement import Place, Placed, Places, place_tasks, places_of
from headcount.planning.rollout import old_tasks_to_start, tasks_to_start
from headcount.planning.situation import NOTHING, Situation, Step, hold, managed_of
from headcount.planning.stock import deployment_of
from headcount.planning.words import clock_time, some

LAUNCHES_RESUMED = 40
TASKS_STARTED = 150  # a pass: their launches fit in one transaction of the table, and in a pass's time
CALLS, OLD_CALLS = 30, 8  # a pass, for the declared deployment and for the one before: in one transaction with the rest
PACED = "the rest waits for its turn: Fargate starts 20 tasks a second in an account"
FIRST_OLD_LAUNCH = 1000  # in a pass, launches of the deployment before are numbered from here
RESEND_SECONDS = 30 * 60.0  # an older launch is looked up, never sent again: its token may have run out


def finish_open_launches(situation: Situation) -> Step:
    """Launches without an answer on record: the same request again, or, when it is old, a look at what became of it."""
    launches = situation.stock.launches
    if situation.throttled or not launches:
        return NOTHING
    resumed = _resumed(situation)
    if not resumed:
        return Step(wakes=(_turn(situation, launches, 0),))
    actions = tuple(_finish(launch, situation.now) for launch in resumed)
    decisions = tuple(
        Decision(kind="launch", reason=action.reason, launch=action.launch.launch_id) for action in actions
    )
    # again: tasks of an old launch may have told all they will tell, so no event need follow its end
    return Step(actions=actions, decisions=decisions, again=True)


def _resumed(situation: Situation) -> tuple[Launch, ...]:
    """The open launches that are finished now; the others wait for their turn, and new ones behind them."""
    return affordable(situation.stock.launches[:LAUNCHES_RESUMED], situation.state.status, situation.now)


def _turn(situation: Situation, waiting: Sequence[Launch], spent: int) -> float:
    """When a pass for launches that wait is worth while, if this one starts ``spent`` tasks."""
    return worth_a_pass_at(situation.state.status, sum(map(counted, waiting)), spent, situation.now)


def _finish(launch: Launch, now: float) -> ResumeLaunch | LookUpLaunch:
    if now - launch.at >= RESEND_SECONDS:
        reason = "launched more than 30 minutes ago without an answer on record: asking ECS what became of it"
        return LookUpLaunch(launch=launch, reason=reason)
    reason = "an earlier pass did not record the answer: the same request again, same token"
    return ResumeLaunch(launch=launch, reason=reason)


def start_missing(situation: Situation) -> Step:
    """Launches for what is missing, as far as the limits allow, each in the best place that takes tasks."""
    if situation.throttled or situation.frozen:
        return NOTHING
    tally = situation.tally
    allowed = tasks_to_start(tally, situation.declared.manifest)
    missing = max(0, tally.desired - tally.live_new)
    held: tuple[Decision, ...] = ()
    if allowed.count < missing and allowed.because:
        held = (hold(f"{some(missing - allowed.count, 'task')} not started yet: {allowed.because}"),)
    if not allowed.count:
        return Step(decisions=held) if held else NOTHING
    count = min(allowed.count, TASKS_STARTED)
    present = situation.present_by_place(situation.declared.deployment, situation.new)
    placed = place_tasks(count, situation.places, present)
    refused = _nowhere(situation.places, placed)
    launches = new_launches(
        situation.state, situation.declared, placed.tasks, _why(situation), situation.now, first_index=0
    )
    step = _start(situation, _full_calls_first(launches, present), CALLS)
    return Step(
        actions=step.actions,
        decisions=(*held, *refused.decisions, *step.decisions),
        wakes=(*refused.wakes, *step.wakes),
        again=step.again or (not step.wakes and count < allowed.count and bool(step.actions)),
    )


def keep_old_alive(situation: Situation) -> Step:
    """Tasks of the deployment before, for those that died while failing new ones cannot take their place."""
    previous, backoff = situation.declared.previous, situation.slowdown.backoff
    failing = backoff is not None and situation.now < backoff.until
    if previous is None or not failing or situation.throttled or situation.frozen or situation.deleting:
        return NOTHING
    if not any(deployment_of(task) == previous.deployment for task in situation.old):
        return NOTHING  # it is gone: bringing it back is a rollback, and that is not decided here
    manifest = situation.declared.manifest
    starting = tasks_to_start(situation.tally, manifest).count
    count = min(old_tasks_to_start(situation.tally, manifest, starting), TASKS_STARTED - starting)
    if count <= 0:
        return NOTHING
    places = places_of(previous, situation.state.cordons, situation.refusals, situation.tally.desired, situation.now)
    sick = situation.sick.to_replace
    alive = [task for task in situation.old if deployment_of(task) == previous.deployment and task.task_id not in sick]
    present = situation.present_by_place(previous.deployment, alive)
    placed = place_tasks(count, places, present)
    new = situation.declared.deployment
    reason = f"{previous.deployment} is short of {some(count, 'task')} while {new} fails"
    launches = new_launches(situation.state, previous, placed.tasks, reason, situation.now, FIRST_OLD_LAUNCH)
    nowhere = _nowhere(places, placed)
    step = _start(situation, _full_calls_first(launches, present), OLD_CALLS)
    return replace(step, decisions=(*nowhere.decisions, *step.decisions), wakes=(*nowhere.wakes, *step.wakes))


def _start(situation: Situation, wanted: Sequence[Launch], most: int) -> Step:
    """The launches whose turn it is, at most so many."""
    launches = _in_turn(situation, wanted[:most])
    actions = tuple(
        StartTasks(
            launch=launch,
            reason=f"start {some(launch.count, 'task')} on {launch.capacity} in {_zone(launch)}: {launch.reason}",
        )
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
    waiting = wanted[len(launches) :]
    if not waiting:
        return Step(actions=actions, decisions=started)
    if len(launches) == most:
        return Step(actions=actions, decisions=(*started, hold("the rest starts in the next pass")), again=True)
    resumed = _resumed(situation)
    before = situation.stock.launches[len(resumed) :]  # open ones that wait as well; none of these goes before them
    turn = _turn(situation, (*before, *waiting), sum(map(counted, (*resumed, *launches))))
    return Step(actions=actions, decisions=(*started, hold(PACED)), wakes=(turn,), again=turn <= situation.now)


def _zone(launch: Launch) -> str:
    return "a zone of ECS's choice" if launch.zone == ANY_ZONE else launch.zone


def _full_calls_first(launches: Iterable[Launch], present: Counter[Place]) -> list[Launch]:
    """Those that start ten tasks, each for the zone that is emptiest by then; the remainders last, for they cost a call
    too and may yet become full.
    """
    filled = Counter(present)
    order: list[tuple[int, int, Launch]] = []
    for launch in launches:
        place = Place(launch.capacity, launch.zone)
        order.append((-launch.count, filled[place], launch))
        filled[place] += launch.count
    return [launch for _, _, launch in sorted(order, key=lambda one: one[:2])]


def _in_turn(situation: Situation, wanted: Sequence[Launch]) -> tuple[Launch, ...]:
    """The launches whose turn it is, behind those that are open."""
    status, launches, resumed = situation.state.status, situation.stock.launches, _resumed(situation)
    if len(resumed) < len(launches) or (resumed and status.throttle is not None):
        return ()
    return affordable(wanted, status, situation.now, sum(map(counted, resumed)))


def _nowhere(places: Places, placed: Placed) -> Step:
    """Why some tasks have no place for now, and when the first of the refusals is over."""
    if not placed.short:
        return Step()
    names = {source.name for source in placed.blocked}
    tried = names | {source.name for source in places.fallback}
    refusals = [one for place, one in places.refusals.items() if place.capacity in tried]
    missing = f"{some(placed.short, 'task')} not started"
    if not refusals:
        cordoned = ", ".join(sorted(places.cordoned))
        return Step(decisions=(hold(f"{missing}: every zone is cordoned ({cordoned})", level="WARN"),))
    first = min(refusals, key=lambda refusal: refusal.until)
    said = f"{first.capacity} in {first.zone} said {first.reason!r}, next try at {clock_time(first.until)}"
    strict = places.strict and any(places.open_to(source) for source in placed.blocked)
    why = "strict spread keeps the zones even" if strict else f"no place takes {' or '.join(sorted(names))} tasks"
    decision = hold(f"{missing}: {why}; {said}", level="ERROR", event_name="SERVICE_TASK_PLACEMENT_FAILURE")
    return Step(decisions=(decision,), wakes=(first.until,))


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
    if situation.moves:
        move = next(iter(situation.moves.values()))
        return f"{missing}; to replace {some(len(situation.moves), 'task')}: {move.reason}"
    if tally.live_old:
        return f"{missing}; {situation.declared.deployment} replaces older ones"
    return missing


def _left_a_gap(task: Task, situation: Situation) -> bool:
    """Whether a lost task's place is to be filled: of this deployment, not stopped on purpose or replaced before."""
    if deployment_of(task) != situation.declared.deployment:
        return False
    stop = managed_of(task).stop
    return stop is None or (stop.failed and (situation.stops_first or not was_unhealthy(task)))


def _ended_at(task: Task) -> float:
    return task.observed.stopping_at or task.observed.stopped_at or 0.0
