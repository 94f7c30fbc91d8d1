"""The counts that policies start from: a metric is held against the tasks that ran while it was measured."""

from headcount.model.scaling import ScalableTarget
from headcount.model.scaling_state import Activity, Present, RunningCount, ScalingState
from headcount.model.values import dataclass, replace

REMEMBERED_SECONDS = 1800.0  # of running counts: metrics are minutes late, never half an hour
MOST_REMEMBERED = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one decision starts from. ``leaving``, ``settled_at``: see ``Present``. ``ran``: how many tasks ran since
    when, in order.

    ``cooling``: the scale-out whose cooldown runs, if the desired count still is what it made it. ``latest``: what was
    changed within the last minute, in the same case.
    """

    desired: int
    running: int
    target: ScalableTarget
    leaving: int = 0
    settled_at: float | None = None
    ran: tuple[RunningCount, ...] = ()
    cooling: Activity | None = None
    latest: Activity | None = None

    @property
    def out_from(self) -> int:
        """What a step outwards is added to: within a cooldown what the last one was added to, so that only the
        difference is added; else the tasks that run, and no more than ran and were set when something was changed a
        moment ago. Below the minimum it is the minimum.
        """
        if self.desired < self.target.minimum:
            return self.target.minimum
        if self.cooling is not None:
            return self.cooling.baseline
        running = self.running if self.latest is None else self.least_since(self.latest.at)
        return min(running, self.added_to)

    @property
    def in_from(self) -> int:
        """What a step inwards is taken from: the desired count, at most the maximum."""
        return min(self.desired, self.target.maximum)

    @property
    def added_to(self) -> int:
        """What the greatest step outwards is measured from: what was there before the cooldown, or a minute ago."""
        before = [one.baseline for one in (self.cooling,) if one] + [one.before for one in (self.latest,) if one]
        return min(self.desired, *before) if before else self.desired

    def least_since(self, at: float) -> int:
        """How many tasks have run all the time since ``at``: what a high metric is at least the load of."""
        return min(one.count for one in self._since(at))

    def most_since(self, at: float) -> int:
        """How many tasks, with leaving ones, have run at any time since ``at``: a low metric is at most their load."""
        return max(one.count + one.leaving for one in self._since(at))

    def is_of_others(self, at: float) -> bool:
        """Whether tasks that are gone since may have a part in what was measured at ``at``: replaced ones, mostly."""
        return self.settled_at is not None and at < self.settled_at

    def _since(self, at: float) -> tuple[RunningCount, ...]:
        before = [one for one in self.ran if one.at <= at][-1:]
        now = RunningCount(at=at, count=self.running, leaving=self.leaving)
        return (now, *before, *(one for one in self.ran if one.at >= at))


def remember_running(state: ScalingState, present: Present, now: float) -> tuple[RunningCount, ...]:
    """The running counts with the present one; those that no metric can be as old as are forgotten."""
    known = tuple(one for one in state.running if one.at <= now)
    newest = RunningCount(at=now, count=present.running, leaving=present.leaving)
    if not known or replace(known[-1], at=now) != newest:
        known = (*known, newest)
    ended = [later.at for later in known[1:]]  # each lasts until the next
    kept = [one for one, end in zip(known, [*ended, now], strict=True) if end >= now - REMEMBERED_SECONDS]
    return tuple(kept[-MOST_REMEMBERED:])
