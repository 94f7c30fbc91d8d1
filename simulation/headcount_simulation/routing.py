"""Whether tasks take traffic when they are ready, leave it before they stop, and nothing of others is touched."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from headcount.model.plan import DrainTask, StopTask
from headcount.model.service import DeclaredService, ServiceState
from headcount.model.target import Endpoint, GroupTargets
from headcount.model.task import Task
from headcount.planning.health import SETTLING_SECONDS
from headcount.planning.wishes import wanted_count
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.elb import TargetGroup
from headcount_simulation.invariants import Violation
from headcount_simulation.truth import Truth

SKEW_SECONDS: Final = 7.0  # of a delay that two machines measure whose clocks differ
FEWEST_TO_FREEZE: Final = 2
LEFT_SECONDS: Final = 4.9  # what is looked at five seconds after a loss was lost so long ago; other losses may be newer
UNHEALTHY: Final = ("unhealthy", "unhealthy.draining")
JUDGED_AFTER_CHECKS: Final = 6  # five good ones by default make a target well, and one may be under way


class Routing:
    """Compares what ELB and ECS are told with what is on record and what is true. Raises ``Violation``.

    ``registered``: every target that this install ever registered, by the ARN of its group.
    """

    def __init__(self, clock: Callable[[], float], truth: Truth) -> None:
        self.clock = clock
        self.truth = truth
        self.registered: set[tuple[str, Endpoint]] = set()
        self._overdue: set[tuple[str, Endpoint]] = set()
        self._to_register: set[tuple[str, Endpoint]] = set()
        self._to_leave: set[tuple[str, Endpoint]] = set()
        self._read: dict[str, ServiceState] = {}

    # -- what passes do -----------------------------------------------------------------------------------------------

    def gathered(self, state: ServiceState) -> None:
        """What is on record as a pass reads it."""
        self._read[state.service] = state

    def recorded(self, ledgers: Iterable[GroupTargets]) -> None:
        """Ledgers are on record."""
        for ledger in ledgers:
            for entry in ledger.registrations:
                decided = self._to_register if entry.leaving_at is None else self._to_leave
                decided.add((ledger.group, entry.endpoint))

    def registering(self, group: TargetGroup, endpoints: Sequence[Endpoint]) -> None:
        """ELB is told to send traffic to targets."""
        for endpoint in endpoints:
            if (group.arn, endpoint) not in self._to_register:
                raise Violation("targets on record", f"{group.name} is told of {endpoint}, which is on no ledger")
            self.registered.add((group.arn, endpoint))
            (self._overdue.add if self.truth.is_overdue() else self._overdue.discard)((group.arn, endpoint))

    def deregistering(self, group: TargetGroup, endpoints: Sequence[Endpoint]) -> None:
        """ELB is told to take targets out."""
        for endpoint in endpoints:
            target = group.targets.get(endpoint)
            if target is not None and target.foreign and (group.arn, endpoint) not in self.registered:
                raise Violation("others' targets", f"{group.service} takes {endpoint} out of {group.name}")
            self._may_leave(group, endpoint)
            if (group.arn, endpoint) not in self._to_leave:
                raise Violation("targets on record", f"{endpoint} leaves {group.name}, and no ledger says so")

    def stopping(self, task: EcsTask) -> None:
        """ECS is told to stop a task that runs."""
        if task.observed.desired_status != "RUNNING" or self.truth.was_unrecorded(task):
            return
        now = self.clock()
        for group in self.truth.groups(str(task.service)):
            for target in group.targets.values():
                if target.task is not task or target.foreign:
                    continue
                if target.gone_at is None or target.gone_at > now + SKEW_SECONDS:
                    state = f"{target.state} in {group.name}"
                    raise Violation("drained", f"{task.service} stops {_short(task)}, which is still {state}")

    def committed(self, state: ServiceState, declared: DeclaredService, stops: Sequence[StopTask | DrainTask]) -> None:
        """A plan is on record; ``stops``: the tasks that it has decided to stop."""
        sick = [
            one
            for one in stops
            if one.managed.stop is not None
            and one.managed.stop.reason.startswith("unhealthy")
            and one.managed.deployment == declared.deployment
        ]
        terms = declared.manifest.unhealthy_tasks
        if not sick or declared.deleting_at is not None:
            return
        now, grace = self.clock(), declared.manifest.health_check_grace_seconds
        running = [task for task in state.tasks if _runs(task) and not self._is_aside(state, task)]
        old = [task for task in running if now - (task.observed.started_at or now) >= grace + SKEW_SECONDS]
        unhealthy = sum(is_unhealthy(state, task) for task in old)
        gone = known_gone(running, self.truth.tasks(state.service))
        well = sum(task.task_id not in gone and is_healthy(state, declared, task, now) for task in running)
        if well >= wanted_count(state, declared, now).count:
            return  # it is no outage
        if unhealthy >= FEWEST_TO_FREEZE and unhealthy * 100 > len(running) * terms.freeze_above_percent:
            said = f"{unhealthy} of {len(running)} tasks are unhealthy, the limit is {terms.freeze_above_percent}%"
            raise Violation("frozen", f"{state.service} stops {sick[0].task_id} as unhealthy while {said}")

    # -- what is true in the end --------------------------------------------------------------------------------------

    def check_left(self, service: str) -> None:
        """A while after a loss, with nothing else wrong: nothing that ends takes traffic any more."""
        for group in self.truth.groups(service):
            for target in group.targets.values():
                task = target.task
                if target.is_registered and not target.foreign and task is not None and self._ended_before(task):
                    raise Violation(
                        "leaves at once", f"{_short(task)} of {service} ends, and {group.name} still has it"
                    )

    def _ended_before(self, task: EcsTask) -> bool:
        """Whether a task ends since so long that its target should be out by now."""
        ends_at = task.observed.stopping_at or task.observed.stopped_at or 0.0
        return not _lives(task) and ends_at <= self.clock() - LEFT_SECONDS

    def check_rest(self, service: str, groups: Sequence[TargetGroup], tasks: Sequence[EcsTask]) -> None:
        """Once faults have ceased: ``tasks`` take traffic in all of ``groups``, and nothing else of ours does."""
        for group in self.truth.groups(service):
            wanted = {id(task) for task in tasks} if group in groups else set[int]()
            states: dict[int, str] = {}
            for target in group.targets.values():
                if target.foreign or not target.is_registered:
                    continue
                if id(target.task) not in wanted:
                    if (group.arn, target.endpoint) in self._overdue:
                        continue  # from a call that Lambda lets nobody make, and for which nobody waits
                    whose = "nobody's" if target.task is None else _short(target.task)
                    raise Violation(
                        "no target left", f"{service}: {target.endpoint} ({whose}) is still in {group.name}"
                    )
                states[id(target.task)] = target.state
            ill = [task for task in tasks if id(task) in wanted and states.get(id(task), "missing") != "healthy"]
            if ill and group.in_use:
                said = f"{_short(ill[0])} of {service} is {states.get(id(ill[0]), 'missing')} in {group.name}"
                raise Violation("in rotation", said)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _may_leave(self, group: TargetGroup, endpoint: Endpoint) -> None:
        """A pass that gave way may be late with its call; the newest takes no target of a task that is to stay."""
        holder = self.truth.holder(group, endpoint)
        if holder is None or not _lives(holder) or not self.truth.is_newest_pass(group.service):
            return
        if self.truth.endpoint(group, holder) != endpoint:
            return  # it has the port for something else now
        read, now = self._read[group.service], self.truth.state(group.service)
        task = next((one for one in now.tasks if one.task_id == holder.task_id), None)
        if task is not None and _stays(read, task, group):
            raise Violation(
                "kept in rotation", f"{endpoint} leaves {group.name}, though {_short(holder)} has it and stays"
            )

    @staticmethod
    def _is_aside(state: ServiceState, task: Task) -> bool:
        """Whether somebody has set a task aside, or asked for its end: it counts for nothing then."""
        wishes = state.operator
        return task.task_id in {*(one.task for one in wishes.standbys), *(one.task for one in wishes.stops)}


def known_gone(tasks: Iterable[Task], there: Iterable[EcsTask]) -> set[str]:
    """Tasks that ECS no longer has, as anybody can tell by their addresses: others have them that began to run later.

    ``there``: the tasks that ECS has. One of them is not gone, whatever addresses say.
    """
    running = [one for one in tasks if one.observed.address is not None and one.observed.last_status == "RUNNING"]
    running.sort(key=lambda task: task.observed.started_at or 0.0)
    holders = {task.observed.address: task.task_id for task in running}
    gone = {task.task_id for task in running if holders[task.observed.address] != task.task_id}
    return gone - {task.task_id for task in there} if gone else gone


def is_healthy(state: ServiceState, declared: DeclaredService, task: Task, now: float) -> bool:
    """Whether a task counts as healthy by what is on record (ECS's table)."""
    if not _runs(task):
        return False
    checked, states = declared.container_health_check, target_states(state, task)
    says_healthy = task.health is not None and task.health.status == "HEALTHY"
    is_current = task.managed is not None and task.managed.deployment == declared.deployment
    groups = len(declared.manifest.load_balancers) if is_current else len(states)
    if groups:
        return states.count("healthy") >= groups and (says_healthy or not checked)
    return says_healthy if checked else (task.observed.started_at or now) + SETTLING_SECONDS <= now


def is_unhealthy(state: ServiceState, task: Task) -> bool:
    """Whether a task is unhealthy by what is on record: its containers say so, or one of its target groups."""
    if task.health is not None and task.health.status == "UNHEALTHY":
        return True
    return any(said in UNHEALTHY for said in target_states(state, task))


def target_states(state: ServiceState, task: Task) -> list[str]:
    """What ELB said last of a task's targets, as far as it was asked since they were registered."""
    found: list[str] = []
    intervals = {} if state.balancing is None else {one.arn: one.interval_seconds for one in state.balancing.groups}
    for ledger in state.targets:
        judged_after = intervals.get(ledger.group, 30.0) * JUDGED_AFTER_CHECKS
        for entry in ledger.registrations:
            if entry.task != task.task_id or entry.leaving_at is not None:
                continue
            seen, since = ledger.seen, entry.registered_at
            if seen is None or since is None or seen.seen_at < since:
                found.append("unknown")
                continue
            said = next((one for one in seen.targets if one.endpoint == entry.endpoint), None)
            inherits = said is not None and said.state in UNHEALTHY and said.since < since  # of who had the address
            known = said is not None and not (inherits and seen.seen_at < since + judged_after)
            found.append("missing" if said is None else said.state if known else "unknown")
    return found


def _runs(task: Task) -> bool:
    stops = task.managed is not None and task.managed.stop is not None
    return task.observed.last_status == "RUNNING" and task.observed.desired_status == "RUNNING" and not stops


def _stays(read: ServiceState, task: Task, group: TargetGroup) -> bool:
    """Whether a task, as it is on record now, should take traffic of a group by what a pass has read."""
    declared, managed = read.declared, task.managed
    if declared is None or declared.deleting_at is not None or managed is None or managed.stop is not None:
        return False
    set_aside = {one.task for one in read.operator.standbys} | {one.task for one in read.operator.stops}
    routed = declared.manifest.unhealthy_tasks.action != "stopRouting" or not is_unhealthy(read, task)
    named = {one.target_group for one in declared.manifest.load_balancers} & {group.arn, group.name}
    is_known = any(one.task_id == task.task_id and _runs(one) for one in read.tasks) and _runs(task)
    is_current = managed.deployment == declared.deployment
    return bool(named) and routed and is_known and is_current and task.task_id not in set_aside


def _lives(task: EcsTask) -> bool:
    return task.observed.last_status == "RUNNING" and task.observed.desired_status == "RUNNING"


def _short(task: EcsTask) -> str:
    return f"#{int(task.task_id, 16)}"
