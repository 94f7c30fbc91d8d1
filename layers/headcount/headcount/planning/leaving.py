"""The one way out: whatever the reason for a stop, a task leaves rotation, drains, and only then is stopped.

ECS: deregister, wait until the target is unused, then SIGTERM (developer guide, load balancer connection draining).
"""

from collections.abc import Iterable, Iterator, Sequence

from headcount.model.fingerprints import balancing_fingerprint
from headcount.model.plan import Action, DrainTask, KeepLoadBalancers, StopTask
from headcount.model.service import Decision
from headcount.model.values import replace
from headcount.planning.ledgers import UNCHANGED, Ledgers, keep_ledgers
from headcount.planning.rotation import next_look_at
from headcount.planning.situation import NOTHING, Situation, Step, hold
from headcount.planning.words import clock_time, some

BLOCKED_SECONDS = 120.0  # a target that ELB has not let go of for so long is reported
CHECKED_EVERY_SECONDS = 3600.0  # how often load balancer resources are held against the manifest
TROUBLED_SECONDS = 5 * 60.0  # how often while something stands against them
GONE_SECONDS = 60.0  # how often while a target group is missing
AT_ONCE_SECONDS = 0.001  # what fell due since this pass looked
ASKED_SECONDS = 60.0  # so long the answer of keep_load_balancers is waited for
ROUTINE_SECONDS = CHECKED_EVERY_SECONDS + ASKED_SECONDS  # and so long where nothing waits for it
ROUTINE = "they are looked at every hour"


def through_rotation(situation: Situation, steps: Sequence[Step]) -> tuple[list[Step], Ledgers]:
    """The steps with every stop of a task in rotation turned into its draining, and what that does to the ledgers."""
    rotation = situation.rotation
    if not (rotation.is_balanced or rotation.ledgers):
        return list(steps), UNCHANGED
    stopping = {
        action.task_id: action.reason for step in steps for action in step.actions if isinstance(action, StopTask)
    }
    ledgers = keep_ledgers(situation, stopping)
    draining = {task_id for task_id in stopping if rotation.draining(task_id, situation.now)}
    told = {decision.task for decision in ledgers.step.decisions if decision.kind == "deregister"}
    drained = [
        replace(
            step,
            actions=tuple(_drained_first(step.actions, draining)),
            decisions=tuple(_not_stopped_yet(step.decisions, draining, told)),
        )
        if draining
        else step
        for step in steps
    ]
    return [*drained, ledgers.step], ledgers


def _drained_first(actions: Iterable[Action], draining: set[str]) -> Iterator[Action]:
    for action in actions:
        if isinstance(action, StopTask) and action.task_id in draining:
            yield DrainTask(task_id=action.task_id, reason=action.reason, managed=action.managed)
        else:
            yield action


def _not_stopped_yet(decisions: Iterable[Decision], draining: set[str], told: set[str | None]) -> Iterator[Decision]:
    """That a task leaves its target groups is told with the reason; that it stops is told when it does."""
    for decision in decisions:
        if decision.kind not in ("stop", "stuck") or decision.task not in draining:
            yield decision
        elif decision.task not in told:
            yield replace(decision, kind="deregister", reason=f"drains, then stops: {decision.reason}")


def wait_for_draining(situation: Situation) -> Step:
    """When to ask how targets do, and what keeps tasks in rotation that are to leave it."""
    rotation, now = situation.rotation, situation.now
    if not rotation.ledgers:
        return NOTHING
    look = next_look_at(situation.state, now, rotation)
    wakes = () if look is None else (max(look, now + AT_ONCE_SECONDS),)
    decisions: list[Decision] = []
    throttle = situation.state.status.elb_throttle
    if throttle is not None and situation.elb_waits:
        decisions.append(hold(throttle.reason, level="WARN"))
        wakes = (*wakes, throttle.until)
    leaving = [task.task_id for task in situation.stock.leaving]
    ends = [end for task_id in leaving if (end := rotation.out_at(task_id)) is not None and end > now]
    if ends:
        said = f"{some(len(ends), 'task')} out of rotation and draining, the last until {clock_time(max(ends))}"
        decisions.append(hold(said))
    stuck = [
        entry
        for task_id in leaving
        for _, entry in rotation.entries.get(task_id, ())
        if entry.left_at is None and entry.leaving_at is not None and now - entry.leaving_at > BLOCKED_SECONDS
    ]
    if stuck:
        decisions.append(
            hold(f"{some(len(stuck), 'target')} still in rotation: ELB has not let go of it", level="WARN")
        )
    return Step(decisions=tuple(decisions), wakes=wakes) if decisions or wakes else NOTHING


def ask_for_load_balancers(situation: Situation) -> Step:
    """Have the load balancer resources of the service looked at: when the manifest changed, and every so often."""
    declared, balancing, now = situation.declared, situation.state.balancing, situation.now
    manifest = declared.manifest
    declares = manifest.load_balancers or manifest.function_targets or manifest.elastic_load_balancers
    if not declares and (balancing is None or balancing.removed):
        return NOTHING
    if balancing is not None and balancing.removed and situation.deleting:
        return NOTHING
    due_at, why = _due(situation)
    patience = ROUTINE_SECONDS if why == ROUTINE else ASKED_SECONDS
    asked_at, checked_at = situation.state.status.balancing_asked_at, balancing.checked_at if balancing else 0.0
    if asked_at is not None and asked_at > checked_at:  # no answer yet
        due_at = max(due_at, asked_at + patience)
    if due_at > now:
        return Step(decisions=_problems(situation), wakes=(due_at,))
    return Step(actions=(KeepLoadBalancers(reason=why),), decisions=_problems(situation), wakes=(now + patience,))


def _due(situation: Situation) -> tuple[float, str]:
    """When somebody should look at the load balancer resources, and why."""
    balancing, now = situation.state.balancing, situation.now
    if balancing is None:
        return now, "nobody has looked at the load balancers of this service yet"
    if situation.deleting:
        if is_empty(situation):
            return now, "the service is deleted, and nothing of it takes traffic any more"
        return now + CHECKED_EVERY_SECONDS, ""
    if balancing.fingerprint != balancing_fingerprint(situation.declared):
        return now, "what is declared of load balancing has changed"
    if any(situation.rotation.is_gone(group.arn, now) for group in balancing.groups):
        return balancing.checked_at + GONE_SECONDS, "ELB does not know a target group any more"
    if any(not group.load_balancers and _is_in_use(situation, group.arn) for group in balancing.groups):
        return balancing.checked_at + GONE_SECONDS, "a target group takes traffic now that took none before"
    if balancing.problems:
        return balancing.checked_at + TROUBLED_SECONDS, "something stands against what is declared"
    return balancing.checked_at + CHECKED_EVERY_SECONDS, ROUTINE


def _is_in_use(situation: Situation, arn: str) -> bool:
    """Whether ELB checks the targets of a group: it does so only where a listener forwards to it."""
    ledger = situation.rotation.ledgers.get(arn)
    if ledger is None or ledger.seen is None:
        return False
    return any(one.state in ("healthy", "unhealthy") for one in ledger.seen.targets)


def _problems(situation: Situation) -> tuple[Decision, ...]:
    balancing = situation.state.balancing
    return tuple(hold(said, level="ERROR") for said in balancing.problems) if balancing else ()


def is_empty(situation: Situation) -> bool:
    """Whether nothing of a service runs, is on its way, or is registered anywhere."""
    stock = situation.stock
    tasks = stock.present or stock.dying or stock.leaving or stock.stuck or stock.launches or stock.strangers
    return not tasks and not any(ledger.registrations for ledger in situation.state.targets)
