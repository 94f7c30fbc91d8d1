"""What a scheduled action does when it falls due. Source: "Scheduled scaling" of Application Auto Scaling.

It sets minimum, maximum or both, which then hold until something else sets them, and moves a count that is outside
to the nearer of the two. Cooldowns do not concern it.
"""

from headcount.model.scaling import ScalableTarget, ScheduledAction
from headcount.model.scaling_state import ScalingDecision, ScalingState
from headcount.model.values import replace
from headcount.scaling.decide import bounds_in_force


def decide_scheduled(
    action: ScheduledAction, occurrence: float, declared: ScalableTarget, state: ScalingState, desired: int
) -> ScalingDecision:
    """The count after an occurrence. One that was there already, or comes after a later one, changes nothing."""
    decision = ScalingDecision(before=desired, count=desired, reason="", policy=action.name, state=state)
    if occurrence <= dict(state.fired).get(action.name, float("-inf")):
        return replace(decision, reason="this occurrence, or a later one, has been there already")
    fired = tuple(sorted({**dict(state.fired), action.name: occurrence}.items()))
    decision = replace(decision, state=replace(state, fired=fired))
    if declared.suspended.scheduled:
        return replace(decision, reason="scheduled scaling is suspended: it is not made up for")
    target = _with_bounds(bounds_in_force(declared, state), action)
    if target.minimum > target.maximum:
        reason = f"it would make the minimum {target.minimum} and the maximum {target.maximum}"
        return replace(decision, reason=f"refused: {reason}")
    count, why = move_into(target, desired)
    kept = replace(decision.state, minimum=target.minimum, maximum=target.maximum)
    reason = f"{action.name} sets minimum {target.minimum} and maximum {target.maximum}: {why}"
    return replace(decision, count=count, reason=reason, state=kept)


def move_into(target: ScalableTarget, desired: int) -> tuple[int, str]:
    """A count within the bounds, and why; also what registering a scalable target does with the count that is there."""
    if desired < target.minimum:
        return target.minimum, f"{desired} is below the minimum"
    if desired > target.maximum:
        return target.maximum, f"{desired} is above the maximum"
    return desired, f"{desired} is within"


def _with_bounds(target: ScalableTarget, action: ScheduledAction) -> ScalableTarget:
    minimum = target.minimum if action.minimum is None else action.minimum
    maximum = target.maximum if action.maximum is None else action.maximum
    return replace(target, minimum=minimum, maximum=maximum)
