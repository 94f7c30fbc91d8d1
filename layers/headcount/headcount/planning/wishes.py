"""What operators wish, as the rules see it: the count that holds now, and why."""

from headcount.model.service import DeclaredService, OperatorWishes, Override, Pause, ServiceState
from headcount.model.values import dataclass
from headcount.planning.words import clock_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How many tasks there should be now. ``because``: where it is not simply the desired count. ``until``: when that
    ends by itself.
    """

    count: int
    because: str = ""
    until: float | None = None
    pause: Pause | None = None


def wanted_count(state: ServiceState, declared: DeclaredService, now: float) -> Wanted:
    """None for a service that is deleted or switched off, else what an override says, else the desired count."""
    if declared.deleting_at is not None:
        return Wanted(count=0, because="the service is being deleted")
    count = _desired_count(state, declared)
    override, pause = _in_force(state.operator, now)
    if override is not None:
        wanted = Wanted(count=override.count, because=_of_override(override), until=override.until)
    else:
        wanted = Wanted(count=count)
    if pause is None:
        return wanted
    return Wanted(
        count=wanted.count if pause.mode == "freeze" else 0,
        because=_of_pause(pause),
        until=min((at for at in (pause.until, wanted.until) if at is not None), default=None),
        pause=pause,
    )


def why_held(operator: OperatorWishes, now: float) -> tuple[str, float | None]:
    """Why nobody decides about the desired count for now, and until when if that is known; no words if somebody does.

    What holds instead of it is people's, and it stays as it is meanwhile, whatever its policies would ask for.
    """
    override, pause = _in_force(operator, now)
    if pause is not None:
        return _of_pause(pause), pause.until
    return ("", None) if override is None else (_of_override(override), override.until)


def _in_force(operator: OperatorWishes, now: float) -> tuple[Override | None, Pause | None]:
    override, pause = operator.override, operator.pause
    paused = pause is not None and (pause.until is None or pause.until > now)
    return (override if override is not None and override.until > now else None), (pause if paused else None)


def _of_override(override: Override) -> str:
    return _said(f"override of {override.count}", override.by, override.reason, override.until)


def _of_pause(pause: Pause) -> str:
    return _said("frozen" if pause.mode == "freeze" else "paused", pause.by, pause.reason, pause.until)


def _said(what: str, by: str, reason: str, until: float | None) -> str:
    """``paused by alice until 12:00:05Z: night shift``."""
    named = f" by {by}" if by else ""
    ends = f" until {clock_time(until)}" if until is not None else ""
    why = f": {reason}" if reason else ""
    return f"{what}{named}{ends}{why}"


def _desired_count(state: ServiceState, declared: DeclaredService) -> int:
    """The count on record; the declared one if that record was lost, for a lost record must not stop a fleet."""
    return declared.manifest.starting_count if state.capacity is None else state.capacity.desired_count
