"""What a decision on scaling stands on beside the declaration, and what it is: measurements, memory, the decision."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from headcount.model.metrics import AlarmReading, MetricSeries
from headcount.model.values import dataclass

Outcome = Literal["out", "in", "keep", "hold"]
"""What a policy wants: more tasks, fewer, as many as there are, or nothing because it cannot tell."""

MEASURED, VISIBLE, IN_FLIGHT = "measured", "visible", "inFlight"
"""Names of series: target tracking's one metric, and a backlog's two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was found out for one policy.

    ``series`` by name; ``alarms``: those of step scaling; ``answer``: of the user's function, as JSON. ``failed``: why
    nothing could be found out (throttled, timed out); then nothing else counts.
    """

    series: Mapping[str, MetricSeries] = field(default_factory=dict)
    alarms: tuple[AlarmReading, ...] = ()
    answer: Any = None
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The service now. ``desired``: the count on record, overrides apart; ``running``: tasks that run, of any revision.

    ``deploying``: a deployment is in progress. ``leaving``: tasks beside them that are told to stop and run on until
    they have drained: they have a part in what is measured. ``settled_at``: since when just the tasks run that are
    wanted; None while others do, or where that is not known.
    """

    desired: int
    running: int
    deploying: bool = False
    leaving: int = 0
    settled_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The last time that a policy changed the count in one direction.

    ``baseline``: the count that it started from, which later ones within its cooldown start from as well.
    ``measured_at``: of the newest data that it stands on; the same data never acts twice.
    """

    policy: str
    at: float
    baseline: int
    before: int
    after: int
    cooldown: float
    measured_at: float | None = None

    @property
    def until(self) -> float:
        """When its cooldown ends."""
        return self.at + self.cooldown

    @property
    def is_scale_out(self) -> bool:
        """Whether it added tasks."""
        return self.after > self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What a policy with a stabilisation window would have had at a time."""

    policy: str
    at: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCount:
    """So many tasks ran from ``at`` on, and so many more were ``leaving``."""

    at: float
    count: int
    leaving: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingState:
    """What is kept between decisions.

    ``activities``: the last scale-out and the last scale-in of each policy, newest last. ``panicked``: (policy,
    when last).
    ``minimum``, ``maximum``: bounds that a scheduled action has set, which hold until the next or a new declaration.
    ``fired``: (scheduled action, its last occurrence).
    """

    activities: tuple[Activity, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    running: tuple[RunningCount, ...] = ()
    panicked: tuple[tuple[str, float], ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    fired: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one policy asked for, and why. ``count``: what it would have; None where it cannot tell. ``wanted``: the
    same before its own limits.

    ``value``: what it looked at last, measured at ``measured_at``. ``restless``: it wants to look again in a minute,
    since no alarm will change its state and tell. ``outright``: it says a count whatever there is, where others say
    what to change of it. ``panicking``: see ``Panic``. ``not_scaled``: AWS's code of the
    reason. ``limited``: what of the policy's own limits stood against more, or against less.
    """

    policy: str
    outcome: Outcome
    reason: str
    count: int | None = None
    wanted: int | None = None
    value: float | None = None
    measured_at: float | None = None
    restless: bool = False
    outright: bool = False
    at_least: int | None = None
    panicking: bool = False
    not_scaled: str | None = None
    limited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingDecision:
    """The new desired count and why it is neither more nor less. ``before``: the old one.

    ``policy``: whose wish it is, or the scheduled action's name. ``asked``: what each policy asked for; ``limited``:
    what stood against more, or against less, in the order in which it did. ``not_scaled``: AWS's code where nothing
    changed though something was asked. ``state`` is kept for the next decision, which is due at ``next_look_at``.
    """

    before: int
    count: int
    reason: str
    policy: str | None = None
    asked: tuple[Ask, ...] = ()
    limited: tuple[str, ...] = ()
    not_scaled: str | None = None
    state: ScalingState
    next_look_at: float | None = None
