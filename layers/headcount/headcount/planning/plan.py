"""What to do for one service now: the function that everything else serves.

``plan(state, now, jitter)`` looks once at the service (``situation.py``), asks each rule in turn, and puts their
answers together. A rule is a function from the situation to a step, in the module that is named for what it does.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from headcount.model.plan import AdoptTask, Plan, StopTask
from headcount.model.service import Counts, Decision, ServiceState, ServiceStatus
from headcount.planning.deadlines import start_deadline
from headcount.planning.health import healthy_at
from headcount.planning.keeping import (
    FORGOTTEN,
    adopt_orphans,
    finish_deletion,
    forget_echoes,
    forget_gone,
    leave_alone,
    to_forget,
)
from headcount.planning.situation import Situation, Step, assess
from headcount.planning.starting import finish_open_launches, start_missing
from headcount.planning.stopping import report_undead, stop_again, stop_stuck, stop_surplus
from headcount.planning.telling import STEADY_AGAIN_SECONDS, announce, describe_state, note_deployments

UNSETTLED_LOOK_SECONDS = 300.0


def plan(state: ServiceState, now: float, jitter: float) -> Plan:
    """Decide one pass. ``now`` in epoch seconds, ``jitter`` between 0 and 1. Never raises; "cannot" is a reason."""
    if state.declared is None:
        return leave_alone(state)
    situation = assess(state, state.declared, now, jitter)
    steps = [rule(situation) for rule in RULES]
    status, announcements = announce(_status(situation), state.status, situation.declared, now)
    steps.append(Step(decisions=announcements, wakes=_next_announcement(status)))
    if status.state != "STEADY":  # whatever is lost on the way: nothing that is not well goes long without a look
        steps.append(Step(wakes=(now + UNSETTLED_LOOK_SECONDS,)))
    stopped = {action.task_id for step in steps for action in step.actions if isinstance(action, StopTask)}
    wakes = [at for step in steps for at in step.wakes if at > now]
    return Plan(
        # a stop records the task as well, so a task that is stopped need not be adopted
        actions=tuple(
            action
            for step in steps
            for action in step.actions
            if isinstance(action, StopTask) or not (isinstance(action, AdoptTask) and action.task_id in stopped)
        ),
        decisions=tuple(decision for step in steps for decision in step.decisions),
        status=status,
        wake_at=min(wakes, default=None),
        again=any(step.again for step in steps),
    )


def explain_waiting(situation: Situation) -> Step:
    """Why nothing is called or started for now: ECS asked for patience, or failed tasks wait for their round."""
    decisions: list[Decision] = []
    wakes: list[float] = []
    throttle, backoff = situation.state.status.throttle, situation.slowdown.backoff
    if throttle is not None and situation.throttled:
        decisions.append(
            Decision(kind="hold", level="WARN", reason=throttle.reason, event_name="ECS_OPERATION_THROTTLED")
        )
        wakes.append(throttle.until)
    if backoff is not None and situation.now < backoff.until:
        decisions.append(
            Decision(
                kind="hold",
                level="WARN",
                reason=backoff.reason,
                event_name="SERVICE_TASK_START_IMPAIRED",
                deployment=backoff.deployment,
            )
        )
        wakes.append(backoff.until)
    return Step(decisions=tuple(decisions), wakes=tuple(wakes))


def look_again(situation: Situation) -> Step:
    """When waiting alone changes something: deadlines, tasks that become healthy while a deployment waits for them."""
    return Step(wakes=tuple(_natural_wakes(situation)))


RULES: tuple[Callable[[Situation], Step], ...] = (
    explain_waiting,
    finish_open_launches,
    start_missing,
    stop_stuck,
    stop_surplus,
    stop_again,
    report_undead,
    adopt_orphans,
    forget_gone,
    forget_echoes,
    finish_deletion,
    look_again,
)


def _natural_wakes(situation: Situation) -> Iterable[float]:
    for task in situation.stock.present:
        deadline = start_deadline(task, situation.declared.manifest.deadlines)
        if deadline is not None:
            yield deadline + 0.001  # a task is stuck past its deadline, not at it
    tally = situation.tally
    if tally.live_old or tally.healthy_new < tally.desired:
        check = situation.declared.container_health_check
        yield from (at for task in situation.new if (at := healthy_at(task, check)) is not None)


def _next_announcement(status: ServiceStatus) -> tuple[float, ...]:
    """When a steady state is announced again."""
    if status.state != "STEADY" or status.announced_at is None:
        return ()
    return (status.announced_at + STEADY_AGAIN_SECONDS,)


def _status(situation: Situation) -> ServiceStatus:
    """What this pass leaves for the next, before anything was done."""
    before, declared, tally = situation.state.status, situation.declared, situation.tally
    running = sum(task.observed.last_status == "RUNNING" for task in situation.stock.present)
    counts = Counts(
        desired=tally.desired,
        running=running,
        pending=tally.live_new + tally.live_old - running,
        stopping=tally.stopping,
    )
    state, reason = describe_state(situation, counts)
    return replace(
        before,
        generation=declared.generation,
        counts=counts,
        deployments=note_deployments(before.deployments, declared, tally, _newly_failed(situation), situation.now),
        backoff=situation.slowdown.backoff,
        zones=situation.refusals,
        state=state,
        state_reason=reason,
        steady_since=(before.steady_since or situation.now) if state == "STEADY" else None,
    )


def _newly_failed(situation: Situation) -> int:
    """Failed tasks of the deployment that are forgotten by this plan: each is counted once."""
    return sum(task.task_id in situation.failed for task in to_forget(situation)[:FORGOTTEN])
