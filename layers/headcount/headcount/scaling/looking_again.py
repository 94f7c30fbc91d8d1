"""When the next decision is due though nobody tells of anything: as seldom as nothing is missed by.

An alarm tells when it becomes one, not that it still is. While a policy's alarm lasts it is asked again each minute, as
AWS does, unless nothing could come of it: a service that idles at its minimum has a low alarm all night.
"""

from collections.abc import Iterable, Iterator

from headcount.model.scaling import Policy, StepScaling, TargetTracking
from headcount.model.scaling_state import Ask, ScalingState
from headcount.model.values import dataclass
from headcount.scaling.cooldowns import scale_in_allowed_at
from headcount.scaling.counts import Counts
from headcount.scaling.tracking import FLAPPING

LOOK_AGAIN_SECONDS = 60.0  # AWS asks a policy once a minute while its alarm lasts
QUIET_SECONDS = 900.0  # however quiet it is: what an alarm told may have been lost
SELDOM_SECONDS = 300.0  # where a metric would have to change much and its alarm not at all

Asks = Iterable[tuple[Policy, Ask]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand after a decision. ``changed``: it changed the count; ``outvoted``: who wants fewer waits for
    those who do not, of whose alarms each tells; ``panic_until``: see ``Change``.
    """

    counts: Counts
    state: ScalingState
    changed: bool
    outvoted: bool
    panic_until: float
    now: float


def next_look(asks: Asks, standing: Standing) -> float | None:
    """The time of the next look; None where some alarm will tell."""
    return min((at for policy, ask in asks if ask.restless for at in _looks(policy, ask, standing)), default=None)


def _looks(policy: Policy, ask: Ask, standing: Standing) -> Iterator[float]:
    now, soon = standing.now, standing.now + _usual(policy)
    if standing.changed or not isinstance(policy, TargetTracking | StepScaling) or ask.outcome == "hold":
        yield soon
    elif _is_vain(ask, standing.counts):
        if isinstance(policy, StepScaling):  # another step may point the other way
            yield now + SELDOM_SECONDS
    elif ask.outcome == "in" and standing.outvoted:
        return
    elif ask.outcome == "in":
        held_until = max(standing.panic_until, scale_in_allowed_at(standing.state.activities, now))
        yield held_until if held_until > now else soon
    elif ask.not_scaled == FLAPPING:
        yield now + SELDOM_SECONDS
    else:
        yield soon
        cooling = standing.counts.cooling
        if cooling is not None and cooling.until > now:
            yield cooling.until


def _usual(policy: Policy) -> float:
    """A minute, or a period of a metric of high resolution."""
    period = policy.evaluation.period if isinstance(policy, TargetTracking) else LOOK_AGAIN_SECONDS
    return min(LOOK_AGAIN_SECONDS, period)


def _is_vain(ask: Ask, counts: Counts) -> bool:
    """Whether the bounds leave nothing of what a policy asks for, or may come to ask for while its alarm lasts."""
    target = counts.target
    lowest = counts.desired <= target.minimum or target.suspended.scale_in
    highest = counts.desired >= target.maximum or target.suspended.scale_out
    if ask.outcome == "in" or ask.not_scaled == FLAPPING:
        return lowest
    return highest if ask.outcome == "out" or ask.at_least is not None else lowest and highest
