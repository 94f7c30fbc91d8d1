"""What moves the count whatever is measured: a new declaration, and scheduled actions that fall due.

While people hold the count (a pause, an override) bounds are set all the same, and the count is moved into them later.
"""

from collections.abc import Iterator

from headcount.model.scaling import Scaling
from headcount.model.scaling_record import ScalingRecord
from headcount.model.scaling_state import ScalingDecision
from headcount.model.values import dataclass, replace
from headcount.scaling.decide import bounds_in_force
from headcount.scaling.own_schedules import due_occurrences, known_actions
from headcount.scaling.scheduled import decide_scheduled, move_into


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The record and the count after it, and every decision on the way."""

    record: ScalingRecord
    count: int
    decisions: tuple[ScalingDecision, ...] = ()


def set_bounds(scaling: Scaling, record: ScalingRecord, desired: int, now: float, *, stays: bool = False) -> Moved:
    """Take over a declaration that is new, then the occurrences that are due, in their order. ``stays``: the count must
    not move for now.
    """
    moved = Moved(record=_taken_over(scaling, record, now), count=desired)
    for decision in _due(scaling, moved.record, desired, now):
        count = desired if stays else decision.count
        shown = replace(decision, before=moved.count, count=count)
        kept = replace(moved.record, state=decision.state, unmoved=moved.record.unmoved or count != decision.count)
        moved = Moved(record=kept, count=count, decisions=(*moved.decisions, shown))
    return moved if stays or not moved.record.unmoved else _move(scaling, moved)


def _taken_over(scaling: Scaling, record: ScalingRecord, now: float) -> ScalingRecord:
    """Bounds that are declared anew end what scheduled actions have set."""
    target = scaling.target
    bounds, actions = (target.minimum, target.maximum), known_actions(scaling.scheduled_actions, record.actions, now)
    names = {one.name for one in actions}
    fired = tuple(one for one in record.state.fired if one[0] in names)
    state = replace(record.state, fired=fired)
    if record.bounds == bounds:
        return replace(record, actions=actions, state=state)
    return replace(
        record, actions=actions, bounds=bounds, state=replace(state, minimum=None, maximum=None), unmoved=True
    )


def _due(scaling: Scaling, record: ScalingRecord, desired: int, now: float) -> Iterator[ScalingDecision]:
    state = record.state
    for at, action in due_occurrences(scaling.scheduled_actions, record.actions, state, now):
        decision = decide_scheduled(action, at, scaling.target, state, desired)
        state, desired = decision.state, decision.count
        yield decision


def _move(scaling: Scaling, moved: Moved) -> Moved:
    """Into the bounds in force. Where the count is within already nothing is said."""
    target = bounds_in_force(scaling.target, moved.record.state)
    count, why = move_into(target, moved.count)
    record = replace(moved.record, unmoved=False)
    if count == moved.count:
        return replace(moved, record=record)
    reason = f"the minimum is {target.minimum} and the maximum {target.maximum}: {why}"
    decision = ScalingDecision(before=moved.count, count=count, reason=reason, state=record.state)
    return Moved(record=record, count=count, decisions=(*moved.decisions, decision))
