"""What a pass asks AWS before it decides: only what no event tells, and only when somebody waits for it.

Target health while targets are to become healthy, drain, or are suspect; container health while a task is not known to
be healthy; the EC2 instances under tasks of ``instance`` target groups. What is learnt is recorded as an observation
like any other, newest wins. A question without an answer is asked again by a later pass.
"""

from collections.abc import Callable

from headcount.errors import TransientError
from headcount.model.service import ServiceState
from headcount.model.target import GroupTargets, seen_of
from headcount.model.task import ContainerHealth, Task
from headcount.model.values import dataclass, replace
from headcount.planning.outcomes import elb_was_silent
from headcount.planning.rotation import groups_to_look_at
from headcount.planning.watching import instances_to_ask_for, tasks_to_describe
from headcount.ports import Clock
from headcount.ports.reconciling import ReconcileStore
from headcount.ports.targets import TargetGroups
from headcount.ports.tasks import TaskRuntime


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Asks on behalf of one pass."""

    runtime: TaskRuntime
    target_groups: TargetGroups
    store: ReconcileStore
    clock: Clock
    jitter: Callable[[], float]

    def look(self, state: ServiceState) -> ServiceState:
        """The state with what AWS answered just now."""
        return self._ask_for_instances(self._look_at_containers(self._look_at_targets(state)))

    def _look_at_targets(self, state: ServiceState) -> ServiceState:
        groups = groups_to_look_at(state, self.clock())
        if not groups:
            return state
        looked: dict[str, GroupTargets] = {}
        status = state.status
        for group in groups:
            try:
                looked[group] = self._health(state, group)
            except TransientError as error:
                status = elb_was_silent(status, str(error), self.clock(), self.jitter())
                break
        targets = tuple(looked.get(one.group, one) for one in state.targets)
        return replace(state, targets=targets, status=status)

    def _health(self, state: ServiceState, group: str) -> GroupTargets:
        before = next(one for one in state.targets if one.group == group)
        asked_at = self.clock()
        found = self.target_groups.health(group)
        seen = seen_of(before, found, asked_at)
        self.store.record_targets_seen(state.service, group, seen)
        return replace(before, seen=seen)

    def _look_at_containers(self, state: ServiceState) -> ServiceState:
        now = self.clock()
        unsure = tasks_to_describe(state, now)
        if not unsure:
            return state
        state = replace(state, status=replace(state.status, health_looked_at=now))
        try:
            told = {one.task_id: one.health for one in self.runtime.describe(state.service.partition("/")[0], unsure)}
        except TransientError:
            return state
        tasks = tuple(self._with_health(state.service, task, told.get(task.task_id), now) for task in state.tasks)
        return replace(state, tasks=tasks)

    def _with_health(self, service: str, task: Task, status: str | None, now: float) -> Task:
        if status not in ("HEALTHY", "UNHEALTHY") or (task.health is not None and task.health.status == status):
            return task
        health = ContainerHealth(status="HEALTHY" if status == "HEALTHY" else "UNHEALTHY", seen_at=now)
        self.store.record_health(service, task.task_id, health)
        return replace(task, health=health)

    def _ask_for_instances(self, state: ServiceState) -> ServiceState:
        unknown = instances_to_ask_for(state)
        if not unknown:
            return state
        try:
            found = self.runtime.instances(state.service.partition("/")[0], unknown)
        except TransientError:
            return state
        known = {one.instance: one.ec2_instance for one in found if one.ec2_instance is not None}
        return replace(state, ec2_instances={**state.ec2_instances, **known})
