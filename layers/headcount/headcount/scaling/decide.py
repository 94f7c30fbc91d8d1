"""The decision: what each policy asks for, which of it counts, what stands against it. Start reading here.

``decide_scaling`` is level-triggered: it looks at measurements and at what is kept, never at events. An alarm that is
told twice, late or out of order only makes it look again, and looking again at the same changes nothing.
"""

from collections.abc import Mapping
from typing import assert_never

from headcount.model.scaling import (
    Backlog,
    Expression,
    Function,
    Policy,
    ScalableTarget,
    Scaling,
    StepScaling,
    TargetTracking,
)
from headcount.model.scaling_state import (
    Activity,
    Ask,
    Present,
    Reading,
    Recommendation,
    ScalingDecision,
    ScalingState,
)
from headcount.model.values import replace
from headcount.scaling.backlog import ask_backlog
from headcount.scaling.combining import Choice, combine
from headcount.scaling.cooldowns import cooling_out, last_of, latest_change, remembered
from headcount.scaling.counts import Counts, remember_running
from headcount.scaling.expression import ask_expression
from headcount.scaling.function import ask_function
from headcount.scaling.guards import AT_MAXIMUM, AT_MINIMUM, Change, guarded
from headcount.scaling.limits import limited, remember_recommendation
from headcount.scaling.looking_again import Standing, next_look
from headcount.scaling.stepping import ask_steps
from headcount.scaling.tracking import ask_tracking

_NOTHING_READ = Reading(failed="nothing was read for it")

_Asks = tuple[tuple[Policy, Ask], ...]


def decide_scaling(
    scaling: Scaling, state: ScalingState, readings: Mapping[str, Reading], present: Present, now: float
) -> ScalingDecision:
    """The desired count by a service's policies, with the reason. ``readings`` by name of the policy.

    Whether a decision is asked for at all (the service is paused, an override holds) is the caller's to know.
    """
    target = bounds_in_force(scaling.target, state)
    state = replace(state, running=remember_running(state, present, now))
    counts = Counts(
        desired=present.desired,
        running=present.running,
        leaving=present.leaving,
        settled_at=present.settled_at,
        target=target,
        ran=state.running,
        cooling=cooling_out(state.activities, present.desired, now),
        latest=latest_change(state.activities, present.desired, now),
    )
    asks = tuple(
        (policy, ask(policy, readings.get(policy.name, _NOTHING_READ), counts, state, now))
        for policy in scaling.policies
    )
    state = _with_wishes(state, asks, present, now)
    return _decided(combine(asks), asks, counts, state, present, now)


def bounds_in_force(target: ScalableTarget, state: ScalingState) -> ScalableTarget:
    """The declared bounds, or those that a scheduled action has set since."""
    minimum = target.minimum if state.minimum is None else state.minimum
    maximum = target.maximum if state.maximum is None else state.maximum
    return replace(target, minimum=minimum, maximum=maximum)


def ask(policy: Policy, reading: Reading, counts: Counts, state: ScalingState, now: float) -> Ask:
    """What one policy asks for within its own limits."""
    if reading.failed:
        return Ask(policy=policy.name, outcome="hold", reason=reading.failed, restless=True)
    wish = _wish(policy, reading, counts, state, now)
    recommendations = (one for one in state.recommendations if one.policy == policy.name)
    wish = limited(wish, policy.limits, counts, recommendations, now)
    if wish.outcome == "in" and not isinstance(policy, StepScaling) and policy.disable_scale_in:
        return replace(wish, outcome="keep", limited=(*wish.limited, "its scale-in is disabled"))
    return wish


def _wish(policy: Policy, reading: Reading, counts: Counts, state: ScalingState, now: float) -> Ask:
    match policy:
        case TargetTracking():
            return ask_tracking(policy, reading, counts, now)
        case StepScaling():
            return ask_steps(policy, reading, counts, now, last_of(state.activities, policy.name))
        case Expression():
            return ask_expression(policy, reading, counts, now)
        case Backlog():
            return ask_backlog(policy, reading, counts, now)
        case Function():
            return ask_function(policy, reading, counts)
        case _:
            assert_never(policy)


def _with_wishes(state: ScalingState, asks: _Asks, present: Present, now: float) -> ScalingState:
    """What is kept of the wishes, whatever becomes of them: recommendations, and panics. Of policies that are gone
    nothing is kept.
    """
    recommendations: list[Recommendation] = []
    panicked = dict(state.panicked)
    for policy, wish in asks:
        mine = (one for one in state.recommendations if one.policy == policy.name)
        count = present.desired if wish.wanted is None else wish.wanted
        new = Recommendation(policy=policy.name, at=now, count=count)
        recommendations += remember_recommendation(mine, new, policy.limits)
        if wish.panicking:
            panicked[policy.name] = now
    names = {policy.name for policy, _ in asks}
    kept = tuple(sorted((name, at) for name, at in panicked.items() if name in names))
    return replace(state, recommendations=tuple(recommendations), panicked=kept)


def _decided(
    choice: Choice, asks: _Asks, counts: Counts, state: ScalingState, present: Present, now: float
) -> ScalingDecision:
    panic_until = _panic_until(asks, state)
    decision = ScalingDecision(
        before=present.desired,
        count=present.desired,
        reason=choice.reason or "it has no policies",
        asked=tuple(wish for _, wish in asks),
        not_scaled=choice.not_scaled,
        state=state,
    )
    if choice.ask is not None and choice.ask.count is not None:
        policy = next(policy for policy, _ in asks if policy.name == choice.ask.policy)
        change = Change(
            count=choice.ask.count,
            present=present,
            target=counts.target,
            state=state,
            now=now,
            panic_until=panic_until,
            measures_tasks=isinstance(policy, TargetTracking | StepScaling),
        )
        decision = _guarded(decision, change, policy, choice.ask, counts)
    standing = Standing(
        counts=counts,
        state=decision.state,
        changed=decision.count != present.desired,
        outvoted=choice.ask is None,
        panic_until=panic_until,
        now=now,
    )
    return replace(decision, next_look_at=next_look(asks, standing))


def _guarded(decision: ScalingDecision, change: Change, policy: Policy, wish: Ask, counts: Counts) -> ScalingDecision:
    """What is left of the wish that counts."""
    count, said = guarded(change)
    decision = replace(decision, count=count, reason=wish.reason, policy=wish.policy, limited=(*wish.limited, *said))
    if count == change.present.desired:
        return replace(decision, not_scaled=_code(change))
    return replace(decision, state=_with_activity(change.state, policy, wish, counts, count, change.now))


def _with_activity(
    state: ScalingState, policy: Policy, wish: Ask, counts: Counts, count: int, now: float
) -> ScalingState:
    """The state after the change that a policy has brought about."""
    outwards = count > counts.desired
    new = Activity(
        policy=policy.name,
        at=now,
        baseline=counts.out_from if outwards else counts.desired,
        before=counts.desired,
        after=count,
        cooldown=_cooldown(policy, outwards=outwards),
        measured_at=wish.measured_at,
    )
    return replace(state, activities=remembered(state.activities, new))


def _cooldown(policy: Policy, *, outwards: bool) -> float:
    if isinstance(policy, StepScaling):
        return policy.cooldown
    return policy.cooldowns.scale_out if outwards else policy.cooldowns.scale_in


def _panic_until(asks: _Asks, state: ScalingState) -> float:
    panicked = dict(state.panicked)
    holds = (
        panicked.get(policy.name, 0.0) + panic.hold_seconds for policy, _ in asks if (panic := policy.limits.panic)
    )
    return max(holds, default=0.0)


def _code(change: Change) -> str | None:
    """AWS's code where bounds are why nothing changed."""
    if change.is_out and change.present.desired >= change.target.maximum:
        return AT_MAXIMUM
    return AT_MINIMUM if change.is_in and change.present.desired <= change.target.minimum else None
