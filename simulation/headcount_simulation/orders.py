"""Whether passes heed what people and AWS say beside the count: pauses, cordons, protection, refusals and the like."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from headcount.model.plan import DeregisterTaskDefinition, DrainTask, Plan, StartTasks, StopTask
from headcount.model.service import DeclaredService, Launch, ServiceState
from headcount.planning.wishes import wanted_count
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.invariants import Violation
from headcount_simulation.routing import is_unhealthy
from headcount_simulation.truth import Truth

REFUSALS_AN_HOUR: Final = 60  # of one place, for one service
# what ends a task whether it is protected or not; and protection is not for the sick
UNSTOPPABLE: Final = ("SPOT", "GONE", "RETIREMENT", "DISCONNECTED")


class Orders:
    """Compares each plan with what was on record when its pass read it. Raises ``Violation``."""

    def __init__(self, clock: Callable[[], float], truth: Truth) -> None:
        self.clock = clock
        self.truth = truth
        self.set_aside: set[str] = set()
        self._read: dict[str, ServiceState] = {}
        self._shut: dict[str, frozenset[str]] = {}
        self._refusals: Counter[tuple[str, str, str, int]] = Counter()
        self._refused_at: dict[tuple[str, str, str], float] = {}

    def gathered(self, state: ServiceState) -> None:
        """What is on record as a pass reads it."""
        self._read[state.service] = state

    def committed(self, state: ServiceState, plan: Plan, now: float) -> None:
        """A plan is on record."""
        read = self._read[state.service]
        declared = read.declared
        if read.pass_number != state.pass_number or declared is None:
            return
        starts = [action for action in plan.actions if isinstance(action, StartTasks)]
        stops = [
            action
            for action in plan.actions
            if isinstance(action, DrainTask) or (isinstance(action, StopTask) and not action.recorded)
        ]
        shut = frozenset(one.zone for one in read.cordons if one.until is None or one.until > now)
        self._shut.update((action.launch.launch_id, shut) for action in starts)
        self._check_pause(read, declared, starts, stops, now)
        if stops and declared.deleting_at is None:
            self._check_tasks_left_alone(read, state, stops, now)
        for action in plan.actions:
            if isinstance(action, DeregisterTaskDefinition):
                self._check_unused(read, declared, action.task_definition_arn)

    def ran(self, launch: Launch, tasks: Iterable[EcsTask]) -> None:
        """``RunTask`` started tasks."""
        shut = self._shut.get(launch.launch_id, frozenset())
        for task in tasks:
            if task.observed.availability_zone in shut:
                raise Violation("cordon", f"{task.service} starts a task in {task.observed.availability_zone}")

    def refused(self, launch: Launch) -> None:
        """``RunTask`` started fewer tasks than it was asked for. Calls of one pass count once."""
        group = str(launch.request["group"])
        place = (group, launch.capacity, launch.zone)
        if self._refused_at.get(place) == launch.at:
            return
        self._refused_at[place] = launch.at
        hour = (*place, int(self.clock() // 3600))
        self._refusals[hour] += 1
        if self._refusals[hour] > REFUSALS_AN_HOUR:
            where = f"{launch.capacity} in {launch.zone}"
            raise Violation("refused places", f"{group} asked {where} {self._refusals[hour]} times in an hour")

    def deregistering(self, task_definition: str) -> None:
        """ECS is told to deregister a task definition."""
        if not self.truth.is_registered(task_definition):
            raise Violation("definitions", f"{task_definition} was registered by somebody else")

    # -- the checks ---------------------------------------------------------------------------------------------------

    def _check_pause(
        self,
        read: ServiceState,
        declared: DeclaredService,
        starts: Sequence[StartTasks],
        stops: Sequence[StopTask | DrainTask],
        now: float,
    ) -> None:
        pause = wanted_count(read, declared, now).pause
        if pause is None:
            return
        if starts:
            raise Violation("paused", f"{read.service} starts tasks while it is paused ({pause.mode})")
        asked = {one.task for one in read.operator.stops}
        decided = [action.task_id for action in stops if action.task_id not in asked]
        if decided and pause.mode == "freeze":
            raise Violation("paused", f"{read.service} stops {decided[0]} while it is frozen")

    def _check_tasks_left_alone(
        self, read: ServiceState, state: ServiceState, stops: Sequence[StopTask | DrainTask], now: float
    ) -> None:
        """``state``: the same with what the pass itself asked for: a task may have been seen unhealthy only then."""
        asked = {one.task for one in read.operator.stops}
        standbys = {one.task for one in read.operator.standbys} - asked
        protected = {one.task for one in read.operator.protections if one.until > now} - asked
        doomed = {task.task_id for task in read.tasks if task.notice is not None and task.notice.kind in UNSTOPPABLE}
        doomed |= {task.task_id for task in state.tasks if is_unhealthy(state, task)}
        doomed |= {task.task_id for task in read.tasks} - {task.task_id for task in self.truth.tasks(read.service)}
        for action in stops:
            stuck = action.managed.stop is not None and action.managed.stop.failed
            if action.task_id in standbys:
                raise Violation("standby", f"{read.service} stops {action.task_id}: {action.reason}")
            if action.task_id in protected - doomed and not stuck:
                raise Violation("protected", f"{read.service} stops {action.task_id}: {action.reason}")

    def _check_unused(self, read: ServiceState, declared: DeclaredService, task_definition: str) -> None:
        previous = declared.previous
        wanted = {declared.task_definition_arn, *((previous.task_definition_arn,) if previous else ())}
        users = self.truth.users(task_definition)
        if (task_definition in wanted and declared.deleting_at is None) or users:
            raise Violation("definitions", f"{read.service} deregisters {task_definition}, which is in use")
