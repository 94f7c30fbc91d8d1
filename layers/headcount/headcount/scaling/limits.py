"""What a policy may not exceed by its own limits (+). Each takes a count and gives (the count, why it changed it); the
reason is empty where the limit does not bite.
"""

from collections.abc import Iterable

from headcount.model.scaling import Limits
from headcount.model.scaling_state import Ask, Outcome, Recommendation
from headcount.model.values import replace
from headcount.planning.words import clock_time
from headcount.scaling.counts import Counts

SLOTS = 30  # of a stabilisation window: so many recommendations are remembered, each the greatest of its slot

Limited = tuple[int, str]


def limited(ask: Ask, limits: Limits, counts: Counts, recommendations: Iterable[Recommendation], now: float) -> Ask:
    """What a policy asks for within its own limits. Who cannot tell is not limited, nor who would change nothing: a
    count beyond them that others have set is theirs.
    """
    if ask.count is None or (ask.outcome == "keep" and not ask.outright):
        at_least = None if ask.at_least is None else within_bounds(ask.at_least, limits)[0]
        return replace(ask, wanted=ask.count, at_least=at_least)
    panicking = ask.panicking or _panics(ask.count, limits, counts)
    count, bounds = within_bounds(ask.count, limits)
    count = count if ask.outright else _in_its_direction(count, ask, counts)
    count, step = within_step(count, limits, counts, panicking=panicking)
    count, lasting = stabilized(count, limits, counts, recommendations, now)
    outcome: Outcome = "keep" if count == counts.desired else "out" if count > counts.desired else "in"
    reasons = tuple(reason for reason in (bounds, step, lasting) if reason)
    panicking = panicking and outcome == "out"
    told = replace(ask, outcome=outcome, count=count, wanted=ask.count, limited=reasons, panicking=panicking)
    return replace(told, at_least=count) if ask.outright else told


def within_bounds(count: int, limits: Limits) -> Limited:
    """The policy's own minimum and maximum."""
    if limits.minimum is not None and count < limits.minimum:
        return limits.minimum, f"its own minimum is {limits.minimum}"
    if limits.maximum is not None and count > limits.maximum:
        return limits.maximum, f"its own maximum is {limits.maximum}"
    return count, ""


def within_step(count: int, limits: Limits, counts: Counts, *, panicking: bool) -> Limited:
    """At most so many tasks at once, which is within a cooldown and a minute at least, however often it is looked at. A
    panic knows no step outwards.
    """
    out, inwards = limits.maximum_step_out, limits.maximum_step_in
    if out is not None and not panicking and count > (most := max(counts.desired, counts.added_to + out)):
        return most, f"at most {out} are added at once"
    if inwards is not None and count < (least := counts.desired - inwards):
        return least, f"at most {inwards} are taken away at once"
    return count, ""


def stabilized(
    count: int, limits: Limits, counts: Counts, recommendations: Iterable[Recommendation], now: float
) -> Limited:
    """A lower count is believed when nothing higher was asked for in the whole window; ``recommendations``: its own."""
    if not limits.stabilization_seconds or count >= counts.desired:
        return count, ""
    window, began = _in_window(recommendations, limits.stabilization_seconds, now)
    highest = max((one.count for one in window), default=counts.desired)
    lowest = counts.desired if not began else min(counts.desired, max(count, highest))
    since = clock_time(now - limits.stabilization_seconds)
    return lowest, "" if lowest == count else f"{lowest} were asked for since {since} (stabilisation)"


def _in_its_direction(count: int, ask: Ask, counts: Counts) -> int:
    """Bounds may leave nothing of a change, and never turn it round."""
    return max(count, counts.desired) if ask.outcome == "out" else min(count, counts.desired)


def remember_recommendation(
    recommendations: Iterable[Recommendation], new: Recommendation, limits: Limits
) -> tuple[Recommendation, ...]:
    """One policy's recommendations with a new one; those that no window needs any more are forgotten."""
    if not limits.stabilization_seconds:
        return ()
    known, slot = tuple(one for one in recommendations if one.at <= new.at), limits.stabilization_seconds / SLOTS
    if known and known[-1].at // slot == new.at // slot:
        new = replace(new, count=max(new.count, known[-1].count))
        known = known[:-1]
    window, _ = _in_window((*known, new), limits.stabilization_seconds, new.at)
    return window


def _in_window(
    recommendations: Iterable[Recommendation], seconds: float, now: float
) -> tuple[tuple[Recommendation, ...], bool]:
    """Those of the window, with the one that was in force when it began; and whether there was one."""
    known = sorted((one for one in recommendations if one.at <= now), key=lambda one: one.at)
    before = [one for one in known if one.at <= now - seconds][-1:]
    return (*before, *(one for one in known if one.at > now - seconds)), bool(before)


def _panics(count: int, limits: Limits, counts: Counts) -> bool:
    """Whether so much more is asked for than is set that nobody should be gentle."""
    if limits.panic is None or count <= counts.desired:
        return False
    return count * 100 >= max(1, counts.desired) * limits.panic.percent
