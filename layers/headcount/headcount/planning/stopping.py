"""Stopping what is stuck and what is too much, and repeating stops whose answer is not on record.

Whatever the reason: a task that takes traffic leaves rotation and drains before it is stopped (``leaving.py``).
"""

from collections.abc import Iterable, Sequence

from headcount.model.plan import StopTask
from headcount.model.service import Decision
from headcount.model.task import StopIntent, Task
from headcount.model.values import replace
from headcount.planning.backoff import is_young
from headcount.planning.deadlines import stop_deadline
from headcount.planning.rollout import OldTasks, old_tasks_to_stop, surplus_new
from headcount.planning.situation import NOTHING, Situation, Step, hold, managed_of, stuck_intent
from headcount.planning.victims import choose_victims
from headcount.planning.words import some

STOPS = 32  # a pass: they fit in one transaction of the table, and in a pass's time


def stop_stuck(situation: Situation) -> Step:
    """Tasks that stayed too long in a transient state."""
    if not situation.stock.stuck or situation.throttled or situation.frozen:
        return NOTHING
    stuck, most = situation.stock.stuck, max(0, STOPS - len(situation.stock.asked))
    intents = [(task, stuck_intent(task, situation.declared, situation.now)) for task in stuck[:most]]
    return Step(
        actions=tuple(_stop(task, intent) for task, intent in intents),
        decisions=tuple(_decided("stuck", task, intent) for task, intent in intents),
        again=len(stuck) > most,
    )


def stop_surplus(situation: Situation) -> Step:
    """Tasks beyond the desired count, and those of older deployments that have been replaced."""
    nothing = not (surplus_new(situation.tally) or situation.tally.live_old)
    if nothing or situation.throttled or situation.frozen:
        return NOTHING
    manifest = situation.declared.manifest
    protected = {task: until for task, until in situation.protected.items() if task not in situation.moves}
    room = max(0, STOPS - len(situation.stock.stuck) - len(situation.stock.asked))
    victims: list[tuple[Task, StopIntent]] = []
    decisions: list[Decision] = []
    wakes: list[float] = []
    old, order = old_tasks_to_stop(situation.tally, manifest), situation.order
    for tasks, count, reason in _too_many(situation, old):
        free = [task for task in tasks if task.task_id not in protected]
        staying = [task for task in tasks if task.task_id in protected] if len(free) < len(tasks) else ()
        chosen = choose_victims(free, min(count, room + 1), order, staying)
        victims += [(task, _intent(task, situation, reason)) for task in chosen]
        if len(free) < min(count, len(tasks)):
            spared = some(count - len(free), "task")
            decisions.append(hold(f"{spared} too many, but {len(tasks) - len(free)} of {len(tasks)} are protected"))
            wakes += protected.values()
    waiting = [hold(old.because)] if old.because else []
    return Step(
        actions=tuple(_stop(task, intent) for task, intent in victims[:room]),
        decisions=(*decisions, *waiting, *(_decided("stop", task, intent) for task, intent in victims[:room])),
        wakes=tuple(wakes),
        again=len(victims) > room,
    )


def _too_many(situation: Situation, old: OldTasks) -> Iterable[tuple[Sequence[Task], int, str]]:
    """Groups of tasks of which some must go: (tasks, how many, why)."""
    tally = situation.tally
    because = situation.wanted.because
    scale_in = f"scale in to {tally.desired}{f': {because}' if because else ''}"
    yield situation.new, surplus_new(tally), because if situation.deleting else scale_in
    replaced = because if situation.deleting else f"replaced by {situation.declared.deployment}"
    running = [task for task in situation.old if task.observed.last_status == "RUNNING"]
    sick, kept, healthy = situation.sick.to_replace, situation.kept_sick, situation.healthy
    yield [task for task in situation.old if task.observed.last_status != "RUNNING"], old.starting, replaced
    yield [task for task in running if task.task_id in sick and task.task_id not in kept], old.sick, replaced
    yield [task for task in running if not (task.task_id in healthy or task.task_id in sick)], old.settling, replaced
    yield [task for task in running if task.task_id in healthy], old.healthy, replaced


def _intent(task: Task, situation: Situation, otherwise: str) -> StopIntent:
    """Why a task goes. One that became unhealthy soon after it began to run has failed, as one that crashes has."""
    move, restarts = situation.moves.get(task.task_id), situation.declared.manifest.restarts
    if move is None:
        return StopIntent(at=situation.now, reason=otherwise)
    failed = task.task_id in situation.sick.to_replace and is_young(task, restarts, situation.now)
    return StopIntent(at=situation.now, reason=move.reason, failed=failed)


def spare_the_sick(situation: Situation) -> Step:
    """Unhealthy tasks that are not replaced, or not yet, and why."""
    sick = situation.sick
    if sick.frozen is None and not sick.waiting:
        return NOTHING
    decisions: list[Decision] = []
    if sick.frozen is not None:
        decisions.append(hold(sick.frozen, level="WARN"))
    if sick.waiting:
        terms = situation.declared.manifest.unhealthy_tasks
        waiting = f"{some(sick.waiting, 'more task')} unhealthy: at most {terms.at_once_percent} % are replaced at once"
        decisions.append(hold(waiting))
    return Step(decisions=tuple(decisions))


def stop_asked(situation: Situation) -> Step:
    """Tasks that somebody wants stopped. That is an order, so neither percentages nor protection hold it up."""
    if not situation.stock.asked or situation.throttled:
        return NOTHING
    wishes = {one.task: one for one in situation.state.operator.stops}
    asked = situation.stock.asked[:STOPS]
    intents: list[tuple[Task, StopIntent]] = []
    for task in asked:
        wish = wishes[task.task_id]
        by, why = f" by {wish.by}" if wish.by else "", f": {wish.reason}" if wish.reason else ""
        intents.append((task, StopIntent(at=situation.now, reason=f"stopped on request{by}{why}")))
    return Step(
        actions=tuple(_stop(task, intent) for task, intent in intents),
        decisions=tuple(_decided("stop", task, intent) for task, intent in intents),
        again=len(situation.stock.asked) > STOPS,
    )


def stop_again(situation: Situation) -> Step:
    """Stops that were decided, but whose answer is not on record: ECS was not told, or not heard, or the task drained.

    Telling ECS twice changes nothing.
    """
    if not situation.stock.leaving or situation.throttled:
        return NOTHING
    told = [
        (task, stop)
        for task in situation.stock.leaving
        if (stop := managed_of(task).stop) is not None and not situation.rotation.draining(task.task_id, situation.now)
    ]
    return Step(
        actions=tuple(
            StopTask(task_id=task.task_id, reason=stop.reason, managed=managed_of(task), recorded=True)
            for task, stop in told[:STOPS]
        ),
        decisions=tuple(_decided("stop", task, stop) for task, stop in told[:STOPS]),
        again=len(told) > STOPS,
    )


def report_undead(situation: Situation) -> Step:
    """Tasks that were told to stop long ago and are still there: only ECS can end them."""
    if not (situation.stock.dying or situation.stock.leaving):
        return NOTHING
    deadlines = situation.declared.manifest.deadlines
    undead: list[str] = []
    wakes: list[float] = []
    for task in (*situation.stock.dying, *situation.stock.leaving):
        deadline = stop_deadline(task, deadlines)
        if deadline is None or situation.rotation.draining(task.task_id, situation.now):
            continue
        deadline = max(deadline, (situation.rotation.out_at(task.task_id) or 0.0) + deadlines.stopping_seconds)
        if deadline <= situation.now:
            undead.append(task.task_id)
        else:
            wakes.append(deadline)
    if not undead:
        return Step(wakes=tuple(wakes)) if wakes else NOTHING
    said = (
        f"{some(len(undead), 'task')} told to stop, and still there after the deadline: {', '.join(sorted(undead)[:5])}"
    )
    return Step(decisions=(hold(said, level="WARN"),), wakes=tuple(wakes))


def _stop(task: Task, intent: StopIntent) -> StopTask:
    return StopTask(task_id=task.task_id, reason=intent.reason, managed=replace(managed_of(task), stop=intent))


def _decided(kind: str, task: Task, intent: StopIntent) -> Decision:
    return Decision(kind=kind, reason=intent.reason, task=task.task_id, deployment=managed_of(task).deployment)
