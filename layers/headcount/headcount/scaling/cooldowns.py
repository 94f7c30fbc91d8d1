"""Cooldowns: after a scale-out only what is asked for beyond it is added; after a scale-in nothing is taken away.

Source: "Define cooldown periods" of Application Auto Scaling. A scale-out cancels the cooldown of a scale-in before it.
AWS does not say whether the cooldown of a scale-out holds back a scale-in: here it does. Cooldowns begin when the count
is set, and hold for the service, whichever policy began them; scheduled actions neither heed nor begin any.
"""

from collections.abc import Iterable

from headcount.model.metrics import MINUTE
from headcount.model.scaling_state import Activity
from headcount.planning.words import clock_time


def cooling_out(activities: Iterable[Activity], desired: int, now: float) -> Activity | None:
    """The last scale-out while the cooldown of any runs, if the desired count still is what it made it.

    Somebody who changed the count since did not mean it to be measured against the count before.
    """
    outwards = [one for one in activities if one.is_scale_out and one.at <= now]
    cools_down = any(now < one.until for one in outwards)
    return outwards[-1] if cools_down and outwards[-1].after == desired else None


def latest_change(activities: Iterable[Activity], desired: int, now: float) -> Activity | None:
    """What was changed within the last minute, if the desired count still is what it made it."""
    newest = [one for one in activities if one.at <= now][-1:]
    return next((one for one in newest if now < one.at + MINUTE and one.after == desired), None)


def why_no_scale_in(activities: Iterable[Activity], now: float) -> str:
    """Which cooldown stands against a scale-in; empty if none does.

    The shortest is a minute: AWS asks a policy once a minute, and here anything may make it look again.
    """
    against = _against_scale_in(activities, now)
    if against is None:
        return ""
    direction = "out" if against.is_scale_out else "in"
    return f"the scale-{direction} of {against.policy} cools down until {clock_time(_over_at(against))}"


def scale_in_allowed_at(activities: Iterable[Activity], now: float) -> float:
    """When no cooldown will stand against a scale-in any more, as far as it is known now."""
    known, at = tuple(activities), now
    while (against := _against_scale_in(known, at)) is not None:
        at = _over_at(against)
    return at


def _against_scale_in(activities: Iterable[Activity], now: float) -> Activity | None:
    known = tuple(activities)
    out = _running((one for one in known if one.is_scale_out), now)
    if out is not None:
        return out
    cancelled_before = max((one.at for one in known if one.is_scale_out), default=float("-inf"))
    return _running((one for one in known if not one.is_scale_out and one.at > cancelled_before), now)


def remembered(activities: Iterable[Activity], new: Activity) -> tuple[Activity, ...]:
    """The activities, newest last, with a new one instead of the same policy's last in the same direction."""
    others = (one for one in activities if (one.policy, one.is_scale_out) != (new.policy, new.is_scale_out))
    return (*others, new)


def last_of(activities: Iterable[Activity], policy: str) -> Activity | None:
    """What a policy did last, in either direction."""
    return max((one for one in activities if one.policy == policy), key=lambda one: one.at, default=None)


def _running(activities: Iterable[Activity], now: float) -> Activity | None:
    """The one whose cooldown ends last, of those that run."""
    return max((one for one in activities if one.at <= now < _over_at(one)), key=_over_at, default=None)


def _over_at(one: Activity) -> float:
    return max(one.until, one.at + MINUTE)
