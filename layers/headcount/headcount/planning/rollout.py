"""How many tasks to start and to stop, during a deployment and outside one.

Source: ECS developer guide, "Deploy Amazon ECS services by replacing tasks".

Every limit is a small function that gives a number and, where it bites, the reason.
"""

from collections.abc import Callable

from headcount.model.manifest import Manifest
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.values import dataclass
from headcount.planning.words import some


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The numbers that the rules of counting need.

    ``new``: tasks of the declared deployment that are wanted as they are; ``old``: all that are to be replaced.
    ``held``: places of failed tasks that stay empty for now; ``held_old``: those of older deployments.
    ``failing``: tasks of the declared deployment failed lately. ``sick_new``: those of the new ones that are unhealthy
    and wait for their turn; ``sick_old``: those of the old ones that are replaced because they are unhealthy.
    """

    desired: int
    live_new: int
    live_old: int
    healthy_new: int
    running_old: int
    healthy_old: int
    stopping: int
    held: int
    held_old: int = 0
    failing: bool = False
    sick_new: int = 0
    sick_old: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """A number of tasks, and why it is not more (None: nothing limited it)."""

    count: int
    because: str | None = None


def tasks_to_start(tally: Tally, manifest: Manifest) -> Allowed:
    """How many tasks of the declared deployment may start now. What the backoff holds back is explained elsewhere."""
    allowed = Allowed(count=max(0, tally.desired - tally.live_new))
    for limit in _START_LIMITS:
        if not allowed.count:
            break
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
    count = max(0, min(wanted, most - occupied))
    if count == wanted:
        return Allowed(count=count)
    return Allowed(
        count=count,
        because=f"maximumPercent {manifest.maximum_percent} allows {some(most, 'task')} at once, "
        f"{occupied} are there ({tally.stopping} of them stopping)",
    )


_START_LIMITS: tuple[Callable[[Tally, Manifest, int], Allowed], ...] = (
    _not_the_failed_ones,
    _within_maximum_percent,
)


def old_tasks_to_start(tally: Tally, manifest: Manifest, starting: int) -> int:
    """How many tasks of the deployment before to start, where new ones cannot take the place of old ones that died.

    ``starting``: new tasks that start in this pass. (ECS: an old task is replaced with its own revision, so that the
    service does not shrink while the new revision fails.) Minimum healthy percent says how many that needs; unhealthy
    ones are none of them.
    """
    floor = minimum_healthy(tally.desired, manifest.minimum_healthy_percent)
    alive = tally.live_new + tally.live_old - tally.sick_old
    missing = max(0, floor - alive - starting - tally.held_old)
    return max(0, _within_maximum_percent(tally, manifest, missing + starting).count - starting)


def surplus_new(tally: Tally) -> int:
    """Tasks of the declared deployment beyond the desired count. Scale-in ignores the percentages."""
    return max(0, tally.live_new - tally.desired)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldTasks:
    """How many tasks of older deployments may go now: not running ones, unhealthy ones that are replaced because they
    are, running but not healthy ones, healthy ones.
    """

    starting: int = 0
    sick: int = 0
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
    sick = min(tally.sick_old, max(running, _sick_to_stop(tally, manifest, healthy_new))) if tally.sick_old else 0
    settling = max(0, min(tally.running_old - tally.healthy_old - tally.sick_old, running - sick))
    spare = max(0, healthy_new + tally.healthy_old - floor)
    healthy = max(0, min(tally.healthy_old, spare, running - sick - settling))
    staying = tally.running_old - sick - settling - healthy
    because = None
    if staying:
        because = (
            f"{some(staying, 'old task')} kept until new ones are healthy: {tally.healthy_new} new and "
            f"{tally.healthy_old} old are healthy, minimumHealthyPercent {manifest.minimum_healthy_percent} "
            f"keeps {floor}"
        )
    starting = tally.live_old - tally.running_old
    if tally.failing:  # the old ones that start were started because the new ones fail, some for unhealthy ones
        starting = max(0, starting - max(0, floor - (tally.running_old - tally.sick_old) - healthy_new))
    return OldTasks(starting=starting, sick=sick, settling=settling, healthy=healthy, because=because)


def _sick_to_stop(tally: Tally, manifest: Manifest, healthy_new: int) -> int:
    """How many unhealthy tasks may stop although nothing healthy takes their place: they cost no health.

    Those that are too many once every replacement has come out healthy or unhealthy (ECS: the total returns to the
    desired count); where nothing can start first, one at a time.
    """
    settled = healthy_new + tally.sick_new + tally.healthy_old + tally.sick_old
    if maximum_total(tally.desired, manifest.maximum_percent) > tally.desired:
        return max(0, min(tally.sick_old, settled - tally.desired))
    return min(tally.sick_old, 1) if settled >= tally.desired and not tally.stopping else 0
