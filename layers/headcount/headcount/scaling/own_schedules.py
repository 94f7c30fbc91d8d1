"""The schedules that Headcount keeps for a service's scheduled actions, and which of their occurrences are due."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from headcount.model.fingerprints import mark_of
from headcount.model.scaling import ScheduledAction
from headcount.model.scaling_record import KnownAction
from headcount.model.scaling_resources import WantedSchedule
from headcount.model.scaling_state import ScalingState
from headcount.model.schedule_expression import Rate, parse_schedule, strict_expression
from headcount.model.values import astuple
from headcount.scaling.occurrences import next_occurrence

CLOCK_SKEW_SECONDS = 1.0  # EventBridge's clock and ours: an occurrence that it tells of is due
HASH = 32
_SPANS = (60.0, 3600.0, 86400.0, 7 * 86400.0)
"""How far back the last occurrence is sought, step by step: a rate of a minute has many."""

Occurrence = tuple[float, ScheduledAction]


def known_actions(
    actions: Iterable[ScheduledAction], known: Iterable[KnownAction], now: float
) -> tuple[KnownAction, ...]:
    """The actions that are declared, each with the time since when it is as it is."""
    before = {one.name: one for one in known}
    fresh = (KnownAction(name=one.name, mark=mark_of(astuple(one)), since=now) for one in actions)
    return tuple(old if (old := before.get(one.name)) and old.mark == one.mark else one for one in fresh)


def due_occurrences(
    actions: Sequence[ScheduledAction], known: Iterable[KnownAction], state: ScalingState, now: float
) -> list[Occurrence]:
    """The last occurrence of each action that has not been there yet, in the order of time."""
    since, fired = {one.name: one.since for one in known}, dict(state.fired)
    due: list[Occurrence] = []
    for action in actions:
        began = since.get(action.name, now)
        at = _last_occurrence(action, max(began, fired.get(action.name, began)), began, now + CLOCK_SKEW_SECONDS)
        due += [] if at is None else [(at, action)]
    return sorted(due, key=lambda one: (one[0], one[1].name))


def next_due(
    actions: Iterable[ScheduledAction], known: Iterable[KnownAction], now: float
) -> tuple[float, ScheduledAction] | None:
    """When the next action falls due, and which; None if none ever does."""
    coming = [(at, one.name, one) for one, at in _coming(actions, known, now) if at is not None]
    return (found[0], found[2]) if (found := min(coming, default=None)) else None


def wanted_schedules(
    actions: Iterable[ScheduledAction], known: Iterable[KnownAction], service: str, now: float
) -> tuple[WantedSchedule, ...]:
    """A schedule for each action that falls due again. Names of actions may have what names of schedules may not."""
    since = {one.name: one.since for one in known}
    return tuple(
        WantedSchedule(
            name=schedule_name(service, one.name),
            service=service,
            action=one.name,
            expression=strict_expression(one.schedule),
            timezone=one.timezone,
            start_at=_start(one, since.get(one.name, now)),
            end_at=one.end_at,
        )
        for one, at in _coming(actions, known, now)
        if at is not None
    )


def schedule_name(service: str, action: str) -> str:
    """One name for the schedule of an action, within the install's group."""
    unique = hashlib.sha256(f"{service}\n{action}".encode()).hexdigest()[:HASH]
    return f"scaling-{unique}"


def _start(action: ScheduledAction, since: float) -> float | None:
    """A rate counts from its start, and without one EventBridge counts anew whenever the schedule is put again."""
    is_rate = isinstance(parse_schedule(action.schedule), Rate)
    return since if action.start_at is None and is_rate else action.start_at


def _coming(
    actions: Iterable[ScheduledAction], known: Iterable[KnownAction], now: float
) -> Iterator[tuple[ScheduledAction, float | None]]:
    since = {one.name: one.since for one in known}
    return ((one, next_occurrence(one, now + CLOCK_SKEW_SECONDS, since.get(one.name, now))) for one in actions)


def _last_occurrence(action: ScheduledAction, after: float, began: float, until: float) -> float | None:
    """The last time in (``after``, ``until``] at which an action falls due."""
    for begin in (*(until - span for span in _SPANS if until - span > after), after):
        found = next_occurrence(action, begin, began)
        if found is not None and found <= until:
            while (later := next_occurrence(action, found, began)) is not None and later <= until:
                found = later
            return found
    return None
