"""The invariants of scaling, checked at every write of ``decide_scaling`` and at the end of a day."""

from collections.abc import Callable, Mapping
from typing import Final

from headcount.model.manifest_scaling_values import declared_scaling
from headcount.model.scaling_state import Activity
from headcount.model.service import ServiceState
from headcount.model.task import Task
from headcount.planning.wishes import why_held
from headcount.ports.scaling import ScalingRecords, ScalingWrite
from headcount.scaling.tracking import SCALE_IN_BELOW, needed_count
from headcount_simulation.cloudwatch import CloudWatch
from headcount_simulation.invariants import Violation
from headcount_simulation.scaled import Scaled
from headcount_simulation.schedules import Scheduled

MINUTE: Final = 60.0
BLIND_SECONDS: Final = 10 * MINUTE
OWN_ALARMS: Final = 2  # of a target tracking policy: one above, one below


class ScalingWatch:
    """Knows what CloudWatch has, and what was decided. ``wanted`` is told of every new count."""

    def __init__(
        self,
        clock: Callable[[], float],
        scaled: Mapping[str, Scaled],
        cloudwatch: CloudWatch,
        scheduled: Scheduled,
        wanted: Callable[[str], None],
    ) -> None:
        self.clock = clock
        self.scaled = scaled
        self.cloudwatch = cloudwatch
        self.scheduled = scheduled
        self.wanted = wanted
        self.last: dict[str, Activity] = {}

    def wrote(self, found: ScalingRecords | None, before: ScalingRecords, write: ScalingWrite) -> None:
        """A look is on record. ``found``: what stood there just before; ``before``: what the look had read."""
        service = before.declared.manifest.service
        if before.revision is None:
            self.last.pop(service, None)
        for decision in write.history:
            if not decision.reason.strip():
                raise Violation("reasons", f"a decision to {decision.kind} about {service} has none")
        known = before.scaling.state.activities
        for activity in write.scaling.state.activities:
            if activity not in known:
                self._acts(service, activity)
        if write.capacity is not None:
            self._count(service, found, before, write)
            self.wanted(service)

    def _count(self, service: str, found: ScalingRecords | None, before: ScalingRecords, write: ScalingWrite) -> None:
        capacity, state, scaling = write.capacity, write.scaling.state, declared_scaling(before.declared.manifest)
        assert capacity is not None
        if found is None or found.capacity_revision != before.capacity_revision:
            raise Violation(
                "count not lost", f"{service}: somebody else's count gave way to one that knew nothing of it"
            )
        if not capacity.reason.strip() or not write.history:
            raise Violation("reasons", f"{service} has {capacity.desired_count} tasks wanted, and nothing says why")
        if scaling is None:
            raise Violation("within bounds", f"{service} is scaled, and declares no scaling")
        low = scaling.target.minimum if state.minimum is None else state.minimum
        high = scaling.target.maximum if state.maximum is None else state.maximum
        if not low <= capacity.desired_count <= high:
            raise Violation("within bounds", f"{service}: {capacity.desired_count} is not within {low} and {high}")

    def _acts(self, service: str, activity: Activity) -> None:
        """A policy changes the count."""
        last, terms = self.last.get(service), self.scaled[service]
        self.last[service] = activity
        if activity.is_scale_out:
            return
        newest = self.cloudwatch.newest(service)
        if newest is None or newest < activity.at - BLIND_SECONDS:
            raise Violation("no blind scale-in", f"{service} has fewer tasks though nobody knows how busy they are")
        if last is None:
            return
        cooldown = terms.cooldown_out if last.is_scale_out else terms.cooldown_in
        if activity.at < last.at + max(cooldown, MINUTE):
            since = activity.at - last.at
            raise Violation(
                "cooldowns", f"{service} is scaled in {since:.0f} s after it was scaled, {cooldown} are said"
            )

    def has_converged(self, service: str, state: ServiceState) -> None:
        """Once faults have ceased."""
        terms = self.scaled[service]
        if state.declared is None or state.declared.deleting_at is not None:
            if left := [*self.cloudwatch.of(service), *self.scheduled.of(service)]:
                raise Violation("deleted", f"{service} is not declared, and {', '.join(left)} are left")
            return
        if state.scaling is None or len(self.cloudwatch.of(service)) < OWN_ALARMS:
            raise Violation("alarms stand", f"{service} scales, and has the alarms {self.cloudwatch.of(service)}")
        if len(self.scheduled.of(service)) != (0 if terms.more_from is None else 2):
            raise Violation("alarms stand", f"{service} has the schedules {self.scheduled.of(service)}")
        if state.capacity is None or why_held(state.operator, self.clock())[0]:
            return
        bounds, count = state.scaling.state, state.capacity.desired_count
        low = terms.minimum if bounds.minimum is None else bounds.minimum
        high = terms.maximum if bounds.maximum is None else bounds.maximum
        value = self.cloudwatch.value(service)
        if value is None or not any(_runs(task) for task in state.tasks):
            return  # nothing is measured, or only what tasks do that were told to stop and do not
        needed = needed_count(self.cloudwatch.running(service), value, terms.target)  # those that drain work as well
        few = value > terms.target and count < min(needed, high)
        many = value < SCALE_IN_BELOW * terms.target and max(needed, low) < count
        if few or many:
            told = f"{service}: {count} tasks at {value:.0f}% where {terms.target}% is wanted"
            raise Violation("follows the load", told)


def _runs(task: Task) -> bool:
    return task.observed.last_status == task.observed.desired_status == "RUNNING"
