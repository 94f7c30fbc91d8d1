"""How many tasks to start and to stop, during a deployment and outside one.

Source: ECS developer guide, "Deploy Amazon ECS services by replacing tasks".

Every limit is a small function that gives a number and, where it bites, the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass

from headcount.model.manifest import Manifest
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.planning.words import some


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The numbers that the rules of counting need. ``new``: the declared deployment; ``old``: any other."""

    desired: int
    live_new: int
    live_old: int
    healthy_new: int
    running_old: int
    healthy_old: int
    stopping: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """A number of tasks, and why it is not more (None: nothing limited it)."""

    count: int
    because: str | None = None


def tasks_to_start(tally: Tally, manifest: Manifest) -> Allowed:
    """How many tasks of the declared deployment may start now. What the backoff holds back is explained elsewhere."""
    missing = max(0, tally.desired - tally.live_new)
    allowed = Allowed(count=missing)
    for limit in _START_LIMITS:
        limited = limit(tally, manifest, allowed.count)
        if limited.count < allowed.count:
            allowed = limited
    return allowed


def _not_the_failed_ones(tally: Tally, _: Manifest, wanted: int) -> Allowed:
    missing = tally.desired - tally.live_new
    return Allowed(count=max(0, min(wanted, missing - tally.held)), because=None)


def _within_maximum_percent(tally: Tally, manifest: Manifest, wanted: int) -> Allowed:
    most = maximum_total(tally.desired, manifest.maximum_percent)
    occupied = tally.live_new + tally.live_old + tally.stopping
    return Allowed(
        count=max(0, min(wanted, most - occupied)),
        because=f"maximumPercent {manifest.maximum_percent} allows {some(most, 'task')} at once, "
        f"{occupied} are there ({tally.stopping} of them stopping)",
    )


_START_LIMITS: tuple[Callable[[Tally, Manifest, int], Allowed], ...] = (
    _not_the_failed_ones,
    _within_maximum_percent,
)


def surplus_new(tally: Tally) -> int:
    """Tasks of the declared deployment beyond the desired count. Scale-in ignores the percentages."""
    return max(0, tally.live_new - tally.desired)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldTasks:
    """How many tasks of older deployments may go now: not running ones, running but not healthy ones, healthy ones."""

    starting: int = 0
    settling: int = 0
    healthy: int = 0
    because: str | None = None


def old_tasks_to_stop(tally: Tally, manifest: Manifest) -> OldTasks:
    """How many tasks of older deployments may stop.

    Those that do not run yet cost nothing. Running ones go only as far as minimum healthy percent allows and, where new
    tasks can start first, only as fast as healthy new ones take their place.
    """
    floor = minimum_healthy(tally.desired, manifest.minimum_healthy_percent)
    # surplus new tasks stop in the same pass, whichever they are: old ones cannot count on their health
    healthy_new = max(0, tally.healthy_new - surplus_new(tally))
    running = max(0, min(tally.running_old, tally.running_old + healthy_new - floor))
    if maximum_total(tally.desired, manifest.maximum_percent) > tally.desired:
        still_needed = max(0, tally.desired - healthy_new)
        running = min(running, max(0, tally.running_old - still_needed))
    settling = min(tally.running_old - tally.healthy_old, running)
    spare = max(0, healthy_new + tally.healthy_old - floor)
    healthy = min(tally.healthy_old, spare, running - settling)
    staying = tally.running_old - settling - healthy
    because = None
    if staying:
        because = (
            f"{some(staying, 'old task')} stay until new ones are healthy: {tally.healthy_new} new and "
            f"{tally.healthy_old} old are healthy, minimumHealthyPercent {manifest.minimum_healthy_percent} "
            f"keeps {floor}"
        )
    return OldTasks(starting=tally.live_old - tally.running_old, settling=settling, healthy=healthy, because=because)
