"""What stands against a change of the count, whichever policy wants it. Each guard is a small function of a change that
gives (the count, why it changed it); the reason is empty where the guard has nothing against it.
"""

from collections.abc import Callable

from headcount.model.scaling import ScalableTarget
from headcount.model.scaling_state import Present, ScalingState
from headcount.model.values import dataclass, replace
from headcount.planning.words import clock_time
from headcount.scaling.cooldowns import why_no_scale_in

PRESENT_PERCENT = 90  # of the desired tasks must run for a low metric to say something of all of them

AT_MAXIMUM, AT_MINIMUM = "AlreadyAtMaxCapacity", "AlreadyAtMinCapacity"  # AWS's codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that is wanted. ``panic_until``: until when a panic holds back scale-ins. ``measures_tasks``: it is
    wanted because of a metric of the tasks themselves.
    """

    count: int
    present: Present
    target: ScalableTarget
    state: ScalingState
    now: float
    panic_until: float = 0.0
    measures_tasks: bool = True

    @property
    def is_out(self) -> bool:
        """Whether tasks would be added."""
        return self.count > self.present.desired

    @property
    def is_in(self) -> bool:
        """Whether tasks would be taken away."""
        return self.count < self.present.desired


Guarded = tuple[int, str]


def guarded(change: Change) -> tuple[int, tuple[str, ...]]:
    """The count that is left of a change after all guards, and what they said."""
    said: list[str] = []
    for guard in GUARDS:
        count, why = guard(change)
        change = replace(change, count=count)
        said += [why] if why else []
    return change.count, tuple(said)


def not_while_suspended(change: Change) -> Guarded:
    """AWS's ``SuspendedState``."""
    suspended = change.target.suspended
    if change.is_out and suspended.scale_out:
        return change.present.desired, "scaling out is suspended"
    if change.is_in and suspended.scale_in:
        return change.present.desired, "scaling in is suspended"
    return change.count, ""


def no_scale_in_while_deploying(change: Change) -> Guarded:
    """AWS: scale-in is off while a deployment is in progress, scale-out stays on."""
    return _no_scale_in(change, "a deployment is in progress" if change.present.deploying else "")


def no_scale_in_after_panic(change: Change) -> Guarded:
    """+ What was added in a panic stays until its end."""
    words = f"a panic holds until {clock_time(change.panic_until)}"
    return _no_scale_in(change, words if change.now < change.panic_until else "")


def no_scale_in_while_cooling(change: Change) -> Guarded:
    """Cooldowns."""
    return _no_scale_in(change, why_no_scale_in(change.state.activities, change.now))


def no_scale_in_while_tasks_are_missing(change: Change) -> Guarded:
    """+ Tasks that crash or do not start use nothing: a low metric of few of them is no reason to want fewer."""
    present = change.present
    missing = change.measures_tasks and present.running * 100 < present.desired * PRESENT_PERCENT
    return _no_scale_in(change, f"only {present.running} of {present.desired} tasks run" if missing else "")


def within_target(change: Change) -> Guarded:
    """Minimum and maximum. A count outside is not corrected by itself: the next scale-out lifts one that is below the
    minimum at least to it, and does nothing to one above the maximum; a scale-in the other way round.
    """
    desired, target = change.present.desired, change.target
    if change.is_out and change.count > target.maximum:
        return max(desired, target.maximum), f"the maximum is {target.maximum}"
    if change.is_out and change.count < target.minimum:
        return target.minimum, f"the minimum is {target.minimum}"
    if change.is_in and change.count < target.minimum:
        return min(desired, target.minimum), f"the minimum is {target.minimum}"
    if change.is_in and change.count > target.maximum:
        return target.maximum, f"the maximum is {target.maximum}"
    return change.count, ""


def _no_scale_in(change: Change, why: str) -> Guarded:
    return (change.present.desired, f"no scale-in: {why}") if change.is_in and why else (change.count, "")


GUARDS: tuple[Callable[[Change], Guarded], ...] = (
    not_while_suspended,
    no_scale_in_while_deploying,
    no_scale_in_after_panic,
    no_scale_in_while_cooling,
    no_scale_in_while_tasks_are_missing,
    within_target,
)
