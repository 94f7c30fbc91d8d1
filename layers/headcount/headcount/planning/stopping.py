"""Stopping what is stuck and what is too much, and repeating stops whose answer is not on record."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from headcount.model.plan import StopTask
from headcount.model.service import Decision
from headcount.model.task import StopIntent, Task, zone_of
from headcount.planning.deadlines import stop_deadline
from headcount.planning.health import is_healthy
from headcount.planning.rollout import OldTasks, old_tasks_to_stop, surplus_new
from headcount.planning.situation import Situation, Step, hold, managed_of, stuck_intent
from headcount.planning.victims import ScaleInOrder, choose_victims
from headcount.planning.words import some

STOPS = 40  # a pass: they fit in one transaction of the table, and in a pass's time


def stop_stuck(situation: Situation) -> Step:
    """Tasks that stayed too long in a transient state."""
    if situation.throttled:
        return Step()
    stuck = situation.stock.stuck
    intents = [(task, stuck_intent(task, situation.declared, situation.now)) for task in stuck[:STOPS]]
    return Step(
        actions=tuple(_stop(task, intent) for task, intent in intents),
        decisions=tuple(_decided("stuck", task, intent) for task, intent in intents),
        again=len(stuck) > STOPS,
    )


def stop_surplus(situation: Situation) -> Step:
    """Tasks beyond the desired count, and those of older deployments that have been replaced."""
    if situation.throttled or not (surplus_new(situation.tally) or situation.tally.live_old):
        return Step()
    manifest = situation.declared.manifest
    order = ScaleInOrder(prefer=manifest.scale_in_prefer, deployment=situation.declared.deployment)
    protected = situation.protected
    victims: list[tuple[Task, StopIntent]] = []
    decisions: list[Decision] = []
    wakes: list[float] = []
    old = old_tasks_to_stop(situation.tally, manifest)
    for tasks, count, reason in _too_many(situation, old):
        free = [task for task in tasks if task.task_id not in protected]
        crowd = Counter(zone_of(task) for task in tasks) if len(free) < len(tasks) else None
        chosen = choose_victims(free, count, order, crowd)
        victims += [(task, StopIntent(at=situation.now, reason=reason)) for task in chosen]
        if len(chosen) < count and len(free) < len(tasks):
            spared = some(count - len(chosen), "task")
            decisions.append(hold(f"{spared} too many, but {len(tasks) - len(free)} of {len(tasks)} are protected"))
            wakes += protected.values()
    room = max(0, STOPS - len(situation.stock.stuck))
    waiting = [hold(old.because)] if old.because else []
    return Step(
        actions=tuple(_stop(task, intent) for task, intent in victims[:room]),
        decisions=(*decisions, *waiting, *(_decided("stop", task, intent) for task, intent in victims[:room])),
        wakes=tuple(wakes),
        again=len(victims) > room,
    )


def _too_many(situation: Situation, old: OldTasks) -> Iterable[tuple[Sequence[Task], int, str]]:
    """Groups of tasks of which some must go: (tasks, how many, why)."""
    tally, check = situation.tally, situation.declared.container_health_check
    deleted = "the service is being deleted"
    yield situation.new, surplus_new(tally), deleted if situation.deleting else f"scale in to {tally.desired}"
    replaced = deleted if situation.deleting else f"replaced by {situation.declared.deployment}"
    running = [task for task in situation.old if task.observed.last_status == "RUNNING"]
    healthy = [task for task in running if is_healthy(task, check, situation.now)]
    settling = [task for task in running if not is_healthy(task, check, situation.now)]
    yield [task for task in situation.old if task.observed.last_status != "RUNNING"], old.starting, replaced
    yield settling, old.settling, replaced
    yield healthy, old.healthy, replaced


def stop_again(situation: Situation) -> Step:
    """Stops that were decided, but whose answer is not on record. Telling ECS twice changes nothing."""
    if situation.throttled:
        return Step()
    told = [(task, stop) for task in situation.stock.leaving if (stop := managed_of(task).stop) is not None]
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
    deadlines = situation.declared.manifest.deadlines
    undead: list[str] = []
    wakes: list[float] = []
    for task in (*situation.stock.dying, *situation.stock.leaving):
        deadline = stop_deadline(task, deadlines)
        if deadline is None:
            continue
        if deadline <= situation.now:
            undead.append(task.task_id)
        else:
            wakes.append(deadline)
    if not undead:
        return Step(wakes=tuple(wakes))
    said = (
        f"{some(len(undead), 'task')} told to stop, and still there after the deadline: {', '.join(sorted(undead)[:5])}"
    )
    return Step(decisions=(hold(said, level="WARN"),), wakes=tuple(wakes))


def _stop(task: Task, intent: StopIntent) -> StopTask:
    return StopTask(task_id=task.task_id, reason=intent.reason, managed=replace(managed_of(task), stop=intent))


def _decided(kind: str, task: Task, intent: StopIntent) -> Decision:
    return Decision(kind=kind, reason=intent.reason, task=task.task_id, deployment=managed_of(task).deployment)
