"""When ``decide_scaling`` is asked to look, and what a pass does for a native service: nothing else.

Alarms, schedules and its own timers wake it; a pass notices what they cannot: that something else is declared, that
people hold the count, let it go or change it, and that a look which was due did not come.
"""

from headcount.model.fingerprints import scaling_fingerprint
from headcount.model.plan import KeepScaling, Plan, RemoveService
from headcount.model.scaling_record import OVERDUE_SECONDS, ScalingRecord
from headcount.model.service import Counts, Decision, DeclaredService, ServiceState
from headcount.model.values import replace
from headcount.planning.situation import NOTHING, Situation, Step, hold
from headcount.planning.wishes import why_held
from headcount.planning.words import clock_time

ASKED_SECONDS = 60.0  # so long a look that was asked for is waited for


def ask_for_scaling(situation: Situation) -> Step:
    """Have the scaling of a service looked at."""
    return look_after_scaling(situation.state, situation.declared, situation.now)


def look_after_scaling(state: ServiceState, declared: DeclaredService, now: float) -> Step:
    """Whether, why and when ``decide_scaling`` is to look."""
    record = state.scaling
    if not _is_declared(declared) and (record is None or record.removed):
        return NOTHING
    due_at, why = _due(state, declared, now)
    asked_at, looked_at = state.status.scaling_asked_at, record.looked_at if record else 0.0
    if asked_at is not None and asked_at > looked_at:  # no answer yet
        due_at = max(due_at, asked_at + ASKED_SECONDS)
    problems = tuple(hold(f"scaling: {said}", level="WARN") for said in record.problems) if record else ()
    if due_at > now:
        return Step(decisions=problems, wakes=(due_at,))
    return Step(actions=(KeepScaling(reason=why),), decisions=problems, wakes=(now + ASKED_SECONDS,))


def is_scaling_left(state: ServiceState) -> bool:
    """Whether something of a service's scaling is there that ``decide_scaling`` has yet to remove."""
    return state.scaling is not None and not state.scaling.removed


def plan_native(state: ServiceState, declared: DeclaredService, now: float) -> Plan:
    """One pass over a service whose tasks ECS keeps: it is asked about its scaling, and its records end with it."""
    step = look_after_scaling(state, declared, now)
    deleting = declared.deleting_at is not None
    if deleting and not is_scaling_left(state):
        reason = "the service was deleted, and nothing of its scaling is left"
        step = Step(actions=(RemoveService(reason=reason),), decisions=(Decision(kind="remove", reason=reason),))
    asks = any(isinstance(action, KeepScaling) for action in step.actions)
    status = replace(
        state.status,
        generation=declared.generation,
        counts=Counts(),
        state="DELETING" if deleting else "STEADY",
        state_reason="its scaling is removed" if deleting else "ECS keeps its tasks; Headcount scales it",
        scaling_asked_at=now if asks else state.status.scaling_asked_at,
        steady_since=None if deleting else state.status.steady_since or now,
    )
    return Plan(
        actions=step.actions,
        decisions=step.decisions,
        status=status,
        wake_at=min((at for at in step.wakes if at > now), default=None),
    )


def _is_declared(declared: DeclaredService) -> bool:
    return declared.manifest.scaling is not None and declared.deleting_at is None


def _due(state: ServiceState, declared: DeclaredService, now: float) -> tuple[float, str]:
    """When somebody should look at the scaling, and why."""
    record = state.scaling
    if record is None:
        return now, "nobody has looked at the scaling of this service yet"
    if declared.deleting_at is not None:
        return now, "the service is deleted: its alarms and schedules go first"
    if declared.manifest.scaling is None:
        return now, "scaling is not declared any more"
    if record.declared != scaling_fingerprint(declared):
        return now, "what is declared of scaling has changed"
    held, _ = why_held(state.operator, now)
    if held != record.held:
        return now, "people hold the count" if held else "people hold the count no more"
    if not held and _is_changed_by_others(state, record):
        return now, "somebody else has changed the count"
    return _overdue(record)


def _is_changed_by_others(state: ServiceState, record: ScalingRecord) -> bool:
    """Whether the count is not the one that the last look left: what nothing could come of then may be worth a look."""
    native = state.declared is not None and state.declared.manifest.native
    known, capacity = record.latest, state.capacity
    return not native and known is not None and capacity is not None and known.count != capacity.desired_count


def _overdue(record: ScalingRecord) -> tuple[float, str]:
    """``decide_scaling`` always wants to look again."""
    wanted_at = record.looked_at if record.next_look_at is None else record.next_look_at
    return wanted_at + OVERDUE_SECONDS, f"a look at the scaling was due at {clock_time(wanted_at)}"
