"""What to do for one service now: the function that everything else serves.

``plan(state, now, jitter)`` looks once at the service (``situation.py``), asks each rule in turn, and puts their
answers together. A rule is a function from the situation to a step, in the module that is named for what it does.
"""

from collections.abc import Callable, Iterable

from headcount.model.plan import Action, AdoptTask, DrainTask, KeepLoadBalancers, KeepScaling, Plan, StopTask
from headcount.model.service import Counts, Decision, ServiceState, ServiceStatus
from headcount.model.values import replace
from headcount.planning.deadlines import start_deadline
from headcount.planning.health import healthy_at
from headcount.planning.keeping import (
    FORGOTTEN,
    adopt_orphans,
    finish_deletion,
    forget_echoes,
    forget_gone,
    leave_alone,
    retire_definitions,
    to_forget,
)
from headcount.planning.leaving import ask_for_load_balancers, through_rotation, wait_for_draining
from headcount.planning.scaling import ask_for_scaling, plan_native
from headcount.planning.situation import NOTHING, Situation, Step, assess, hold
from headcount.planning.starting import finish_open_launches, keep_old_alive, start_missing
from headcount.planning.stopping import (
    report_undead,
    spare_the_sick,
    stop_again,
    stop_asked,
    stop_stuck,
    stop_surplus,
)
from headcount.planning.telling import STEADY_AGAIN_SECONDS, announce, describe_state, note_deployments
from headcount.planning.watching import health_look_at

UNSETTLED_LOOK_SECONDS = 300.0
STOPS = (StopTask, DrainTask)


def plan(state: ServiceState, now: float, jitter: float) -> Plan:
    """Decide one pass. ``now`` in epoch seconds, ``jitter`` between 0 and 1. Never raises; "cannot" is a reason."""
    if state.declared is None:
        return leave_alone(state)
    if state.declared.manifest.native:
        return plan_native(state, state.declared, now)
    situation = assess(state, state.declared, now, jitter)
    steps, ledgers = through_rotation(situation, _decide(situation))
    status, announcements = announce(_status(situation, steps), state.status, situation.declared, now)
    steps.append(Step(decisions=announcements, wakes=_next_announcement(status)))
    if not _is_quiet(situation, status):  # whatever is lost on the way: what is not well goes not long without a look
        steps.append(Step(wakes=(now + UNSETTLED_LOOK_SECONDS,)))
    wakes = [at for step in steps for at in step.wakes if at > now]
    return Plan(
        actions=_once(action for step in steps for action in step.actions),
        decisions=tuple(decision for step in steps for decision in step.decisions),
        status=status,
        wake_at=min(wakes, default=None),
        again=any(step.again for step in steps),
        ledgers=ledgers.changed,
    )


def _decide(situation: Situation) -> list[Step]:
    """What the rules have to say, each in its turn; most say nothing."""
    return [step for rule in RULES if (step := rule(situation)) is not NOTHING]


def _once(several: Iterable[Action]) -> tuple[Action, ...]:
    """A stop records the task as well, so a task that is stopped need not be adopted."""
    actions = tuple(several)
    stopped = {action.task_id for action in actions if isinstance(action, STOPS)}
    if not stopped:
        return actions
    return tuple(one for one in actions if not (isinstance(one, AdoptTask) and one.task_id in stopped))


def explain_waiting(situation: Situation) -> Step:
    """Why nothing is called or started for now: somebody's wish, ECS asked for patience, failed tasks wait."""
    decisions: list[Decision] = list(situation.spared)
    wakes: list[float] = [*situation.move_wakes, *(() if situation.wanted.until is None else (situation.wanted.until,))]
    wakes += [one.until for one in situation.state.cordons if one.until is not None]
    if situation.frozen:
        decisions.append(hold(f"nothing is started or stopped: {situation.wanted.because}", level="WARN"))
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
    return Step(decisions=tuple(decisions), wakes=tuple(wakes)) if decisions or wakes else NOTHING


def look_again(situation: Situation) -> Step:
    """When waiting alone changes something: deadlines, tasks that become healthy while a deployment waits for them."""
    wakes = tuple(_natural_wakes(situation))
    return Step(wakes=wakes) if wakes else NOTHING


RULES: tuple[Callable[[Situation], Step], ...] = (
    explain_waiting,
    finish_open_launches,
    start_missing,
    keep_old_alive,
    stop_asked,
    stop_stuck,
    stop_surplus,
    stop_again,
    spare_the_sick,
    wait_for_draining,
    ask_for_load_balancers,
    ask_for_scaling,
    report_undead,
    adopt_orphans,
    forget_gone,
    forget_echoes,
    retire_definitions,
    finish_deletion,
    look_again,
)


def _natural_wakes(situation: Situation) -> Iterable[float]:
    deadlines = situation.declared.manifest.deadlines
    starting = [task for task in situation.stock.present if task.observed.last_status != "RUNNING"]
    for task in starting:
        deadline = start_deadline(task, deadlines)
        if deadline is not None:
            yield deadline + 0.001  # a task is stuck past its deadline, not at it
    tally = situation.tally
    look = health_look_at(situation.state, len(situation.healthy))
    if look is not None:
        yield look
    balanced, check = situation.rotation.is_balanced, situation.declared.container_health_check
    if not balanced and (tally.live_old or tally.healthy_new < tally.desired):
        yield from (at for task in situation.new if (at := healthy_at(task, check)) is not None)


def _is_quiet(situation: Situation, status: ServiceStatus) -> bool:
    """Whether nothing is to be done or waited for: steady, or switched off and empty."""
    counts = status.counts
    empty = not (counts.running or counts.pending or counts.stopping or situation.stock.launches)
    return status.state == "STEADY" or (status.state == "PAUSED" and (empty or situation.frozen))


def _next_announcement(status: ServiceStatus) -> tuple[float, ...]:
    """When a steady state is announced again."""
    if status.state != "STEADY" or status.announced_at is None:
        return ()
    return (status.announced_at + STEADY_AGAIN_SECONDS,)


def _status(situation: Situation, steps: Iterable[Step]) -> ServiceStatus:
    """What this pass leaves for the next, before anything was done."""
    asked = {type(action) for step in steps for action in step.actions}
    before, declared, tally = situation.state.status, situation.declared, situation.tally
    running = sum(task.observed.last_status == "RUNNING" for task in situation.stock.present)
    counts = Counts(
        desired=tally.desired,
        running=running,
        pending=max(0, tally.live_new + tally.live_old - running),
        stopping=tally.stopping,
    )
    state, reason = describe_state(situation, counts)
    return replace(
        before,
        generation=declared.generation,
        counts=counts,
        deployments=note_deployments(situation, before.deployments, _newly_failed(situation)),
        backoff=situation.slowdown.backoff,
        moving=situation.rebalancing,
        deregistered=tuple(arn for arn in before.deregistered if arn in declared.registered),
        zones=situation.refusals,
        balancing_asked_at=situation.now if KeepLoadBalancers in asked else before.balancing_asked_at,
        scaling_asked_at=situation.now if KeepScaling in asked else before.scaling_asked_at,
        state=state,
        state_reason=reason,
        steady_since=(before.steady_since or situation.now) if state == "STEADY" else None,
    )


def _newly_failed(situation: Situation) -> int:
    """Failed tasks of the deployment that are forgotten by this plan: each is counted once."""
    return sum(task.task_id in situation.failed for task in to_forget(situation)[:FORGOTTEN])
