"""What ``decide_scaling`` keeps of a service: its memory, what it made in AWS for it, and the last decision."""

from dataclasses import field

from headcount.model.scaling_state import Ask, ScalingState
from headcount.model.values import dataclass

OVERDUE_SECONDS = 300.0  # so long after ``next_look_at`` a pass asks for the look that did not come


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDecision:
    """The newest decision that changed the count, or why there was none; see ``ScalingDecision``."""

    at: float
    before: int
    count: int
    reason: str
    policy: str | None = None
    asked: tuple[Ask, ...] = ()
    limited: tuple[str, ...] = ()
    not_scaled: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAction:
    """A scheduled action as it was declared ``since``: what was due before is not made up for. ``mark`` tells one
    declaration of it from another.
    """

    name: str
    mark: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsetCount:
    """A count that was decided for a native service, and of which it is not known yet that ECS has it."""

    before: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRecord:
    """The record ``scaling``. ``decide_scaling`` alone writes it.

    ``declared``: fingerprint of what was looked at last (``""``: nothing is declared); a pass asks for a look when the
    manifest's is another one. ``bounds``: minimum and maximum as they were declared then.
    ``alarms`` and ``schedules``: names of what Headcount created, or is about to; ``watched``: the user's own alarms
    that wake the service; ``keep_at``: when all of them are to be compared with what is declared again; ``unkept``:
    what stood against it last. ``problems``: that, and whatever else stands against what is declared; a sentence each.
    ``held``: why people want nothing decided for now (a pause, an override); ``unmoved``: bounds were set meanwhile,
    into which the count is yet to be moved. ``unset``: of native services. ``next_look_at``: when it wants to look
    again though nothing happens. ``removed``: the block is gone or the service is being deleted, and nothing is left.
    """

    declared: str = ""
    bounds: tuple[int, int] | None = None
    state: ScalingState = field(default_factory=ScalingState)
    actions: tuple[KnownAction, ...] = ()
    alarms: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    keep_at: float = 0.0
    unkept: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    held: str = ""
    unmoved: bool = False
    unset: UnsetCount | None = None
    looked_at: float = 0.0
    changed: LastDecision | None = None
    latest: LastDecision | None = None
    next_look_at: float | None = None
    removed: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Of everything that there is, or may be, outside the table of this record."""
        return frozenset((*self.alarms, *self.schedules, *self.watched))
