"""The invariants, checked at every step that could break one. Each is one sentence of ``docs/invariants.md``."""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from headcount.model.names import launch_of
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.plan import DrainTask, Plan, StartTasks, StopTask
from headcount.model.service import Decision, Launch, ServiceState, ServiceStatus
from headcount.model.target import Endpoint, GroupTargets
from headcount.model.task import Task
from headcount.model.values import dataclass
from headcount.planning.situation import assess
from headcount.planning.wishes import wanted_count
from headcount.ports.reconciling import Measured
from headcount.ports.tasks import Sighting
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.elb import TargetGroup
from headcount_simulation.invariants import Violation
from headcount_simulation.orders import Orders
from headcount_simulation.routing import Routing, is_healthy, known_gone
from headcount_simulation.truth import Truth

FAILING: Final = ("never starts", "crashes", "gets stuck")
DELIVERY_SECONDS: Final = 60.0
RECORDS_SPARE: Final = 60
PASSES_AN_HOUR: Final = 400  # while ECS gives no answer, a service asks every 7 to 15 seconds
PASSES_A_TASK: Final = 12
AGED_REPLACED_SECONDS: Final = 300.0  # what was told to stop for its age is gone by then, and another one runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a service was allowed to have since ``since``."""

    since: float
    desired: int
    most: int


@dataclasses.dataclass(slots=True)
class Episode:
    """A time in which tasks of a service fail. ``started`` by deployment; ``declared``: in turn, those of that time."""

    since: float
    declared: list[str]
    changes: int = 1
    started: Counter[str] = dataclasses.field(default_factory=Counter)


class Watch:
    """Knows the truth of ECS and the table, hears of every step, and raises ``Violation``."""

    def __init__(self, clock: Callable[[], float], install: str, truth: Truth, tell: Callable[[str], None]) -> None:
        self.clock = clock
        self.truth = truth
        self.install = install
        self.tell = tell
        self.intended: dict[str, Launch] = {}
        self.started: Counter[str] = Counter()
        self.stops: dict[str, str] = {}
        self.unrecorded: set[str] = set()
        self.dead_since: dict[str, float] = {}
        self.gathered_at: dict[int, float] = {}
        self.orders = Orders(clock, truth)
        self.routing = Routing(clock, truth)
        self.history: dict[str, list[Wanted]] = {}
        self.most: dict[str, int] = {}
        self.episodes: dict[str, Episode] = {}
        self.acted_at: dict[str, float] = {}
        self.aged_at: dict[str, float] = {}
        self.settled_at: float | None = None
        self.passes: Counter[tuple[str, int]] = Counter()
        self.started_in: Counter[tuple[str, int]] = Counter()
        self.passes_total = 0

    # -- what people and ECS do ---------------------------------------------------------------------------------------

    def wanted(self, service: str) -> None:
        """The manifest or the capacity of a service changed."""
        state = self.truth.state(service)
        if state.declared is None or state.capacity is None:
            return
        desired, manifest = _most_wanted(state), state.declared.manifest
        most = maximum_total(desired, manifest.maximum_percent)
        history = self.history.setdefault(service, [])
        history.append(Wanted(since=self.clock(), desired=desired, most=most))
        self.most[service] = max(most, self.most.get(service, 0))
        episode = self.episodes.get(service)
        if episode is not None:
            episode.changes += 1
            if episode.declared[-1:] != [state.declared.deployment]:
                episode.declared.append(state.declared.deployment)

    def fails_from_now(self, service: str) -> None:
        """Tasks of the service that start from now on fail."""
        declared = self.truth.declared(service)
        self.episodes[service] = Episode(since=self.clock(), declared=[declared.deployment] if declared else [])

    def recorded(self, service: str, sighting: Sighting, before: int | None, after: int | None) -> None:
        """Something that ECS said was written; which version was on record before, and is now."""
        if before is not None and (after is None or after < before):
            raise Violation("newest wins", f"version {before} of {sighting.task_id} gave way to {after}")
        if sighting.observed.desired_status == "STOPPED":
            self.dead_since.setdefault(sighting.task_id, self.clock())
        self._records_bounded(service)

    def gathered(self, state: ServiceState) -> None:
        """A pass has read its world."""
        self.gathered_at[state.pass_number] = self.clock()
        self.orders.gathered(state)
        self.routing.gathered(state)

    # -- what passes do -----------------------------------------------------------------------------------------------

    def committed(self, state: ServiceState, plan: Plan, history: Sequence[Decision], now: float) -> None:
        """A plan is on record."""
        self._reasons(state, history)
        stops = decided_stops(plan)
        self.routing.recorded(plan.ledgers)
        for action in plan.actions:
            if isinstance(action, StartTasks):
                self.intended[action.launch.launch_id] = action.launch
            if not action.reason:
                raise Violation("reasons", f"{type(action).__name__} of {state.service} has none")
        self.orders.committed(state, plan, now)
        self._check_starts(state, now, [action.launch for action in plan.actions if isinstance(action, StartTasks)])
        self._check_stops(state, stops, now)
        if state.declared is not None:
            self.routing.committed(state, state.declared, stops)
        self.stops.update((action.task_id, action.reason) for action in stops)
        self._records_bounded(state.service)

    def finished(
        self,
        state: ServiceState,
        status: ServiceStatus,
        history: Sequence[Decision],
        now: float,
        ledgers: Sequence[GroupTargets] = (),
    ) -> None:
        """The status of a pass is on record, and what became of its ledgers."""
        del status, now
        self.routing.recorded(ledgers)
        self._reasons(state, history)

    def forgot(self, service: str, task_ids: Sequence[str]) -> None:
        """Task records were deleted."""
        alive = {task.task_id for task in self.truth.tasks(service)} & set(task_ids)
        if alive:
            raise Violation(
                "forgotten only when gone", f"{service} forgot {', '.join(sorted(alive))}, which still live"
            )

    def removed(self, state: ServiceState) -> None:
        """The last record of a deleted service is gone."""
        if left := [task for task in self.truth.tasks(state.service) if task.task_id not in self.unrecorded]:
            raise Violation("deleted", f"{state.service} was removed with {len(left)} tasks left")

    def decided(self, state: ServiceState, decisions: Sequence[Decision]) -> None:
        """Decisions are told."""
        self._reasons(state, decisions)
        for decision in decisions:
            self.tell(f"{state.service} pass {state.pass_number % 1000}: {decision.kind}: {decision.reason}")

    def passed(self, measured: Measured) -> None:
        """A pass is over."""
        self.passes_total += 1
        hour = int(self.clock() // 3600)
        key = (measured.service, hour)
        self.passes[key] += 1
        tasks = self.started_in[key] + self.started_in[measured.service, hour - 1]
        if self.passes[key] > PASSES_AN_HOUR + PASSES_A_TASK * tasks:
            raise Violation("passes bounded", f"{measured.service} was looked at {self.passes[key]} times in an hour")

    def ran(self, request: Mapping[str, Any], tasks: Sequence[EcsTask]) -> None:
        """``RunTask`` started tasks."""
        launch_id = launch_of(str(request["startedBy"]), self.install) or ""
        launch = self.intended.get(launch_id)
        if launch is None or launch.request != request:
            raise Violation("no task without a launch", f"launch {launch_id} was sent and is not on record so")
        self.started[launch_id] += len(tasks)
        if self.started[launch_id] > launch.count:
            raise Violation("launched once", f"launch {launch_id} of {launch.count} started {self.started[launch_id]}")
        if len(tasks) < launch.count:
            self.orders.refused(launch)
        if not tasks:
            return
        service = str(tasks[0].service)
        self._acts(service)
        self.started_in[service, int(self.clock() // 3600)] += len(tasks)
        self.tell(
            f"{service}: ECS starts {len(tasks)} tasks for {launch_id}: {', '.join(_short(one) for one in tasks)}"
        )
        self.orders.ran(launch, tasks)
        self._within_maximum(service, launch)
        self._no_hot_loop(service, launch.deployment, tasks)

    def stopping(self, task: EcsTask, reason: str) -> None:
        """Headcount told ECS to stop a task."""
        if task.service is None:
            raise Violation("not ours", f"task {_short(task)} of {task.group} by {task.started_by} was told to stop")
        if not reason:
            raise Violation("reasons", f"the stop of {_short(task)} has none")
        if task.task_id not in self.stops:
            raise Violation("stop on record", f"task {_short(task)} was told to stop: {reason}")
        self.routing.stopping(task)
        if task.observed.desired_status == "RUNNING":
            self._acts(task.service)
            if "maximumAge" in self.stops[task.task_id]:
                self.aged_at[task.service] = self.clock()
            self.tell(f"{task.service}: ECS is told to stop {_short(task)}: {reason}")

    def registering(self, group: TargetGroup, endpoints: Sequence[Endpoint]) -> None:
        """Headcount registers targets."""
        self.routing.registering(group, endpoints)

    def deregistering_targets(self, group: TargetGroup, endpoints: Sequence[Endpoint]) -> None:
        """Headcount takes targets out."""
        self.routing.deregistering(group, endpoints)

    def _acts(self, service: str) -> None:
        """Something is started or stopped: after the quiet has settled, nothing may be but for a task's age."""
        declared = self.truth.declared(service)
        if declared is not None and declared.manifest.maximum_age is not None:
            return
        self.acted_at[service] = self.clock()
        if self.settled_at is not None:
            raise Violation("stays", f"{service} had converged, and acts again")

    def replaces_for_age(self, service: str) -> bool:
        """Whether a task was told to stop for its age just now: the service may lack it for a while."""
        return self.clock() < self.aged_at.get(service, -math.inf) + AGED_REPLACED_SECONDS

    def is_short(self, service: str) -> bool:
        """Whether fewer tasks than desired are there or on their way."""
        state = self.truth.state(service)
        live = sum(task.observed.desired_status == "RUNNING" for task in self.truth.tasks(service))
        return state.capacity is not None and live < state.capacity.desired_count

    def check_prompt(self, service: str, seconds: float, invariant: str = "neighbours") -> None:
        """So many seconds after a loss, with nothing else wrong: as many as desired are there or on their way.

        But for those for which maximum percent has had no room for as long, until others were gone.
        """
        there = self._there(service) + self.truth.ended(service, self.clock() - seconds)
        if self.is_short(service) and there < self.history[service][-1].most:
            raise Violation(invariant, f"{service} still has fewer tasks than it wants")

    def check_noticed(self, task: EcsTask) -> None:
        """A while after the end of a task was announced, with nothing else wrong."""
        if task.observed.desired_status == "RUNNING":
            raise Violation("notices", f"{_short(task)} of {task.service} still runs as if nothing had been said")

    def check_well(self, service: str) -> None:
        """A while after a task fell ill, with nothing else wrong: it is told to stop, or gone."""
        ill = [one for one in self.truth.tasks(service) if one.sickness and one.observed.desired_status == "RUNNING"]
        if ill:
            raise Violation("sickness ends", f"{_short(ill[0])} of {service} still runs, and {ill[0].sickness}")

    def deregistering(self, task_definition: str) -> None:
        """ECS is told to deregister a task definition."""
        self.orders.deregistering(task_definition)

    # -- the checks ---------------------------------------------------------------------------------------------------

    def _reasons(self, state: ServiceState, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            if not decision.reason.strip():
                raise Violation("reasons", f"a decision to {decision.kind} about {state.service} has none")

    def _there(self, service: str) -> int:
        """Tasks that are not gone and count, those that stop too."""
        there = sum(task.task_id not in self.unrecorded for task in self.truth.tasks(service))
        return there - sum(task.task_id in self.orders.set_aside for task in self.truth.tasks(service))

    def _within_maximum(self, service: str, launch: Launch) -> None:
        history = self.history.get(service, [])
        since = launch.at - DELIVERY_SECONDS
        ends = [one.since for one in history[1:]] + [self.clock() + 1.0]
        most = max((one.most for one, end in zip(history, ends, strict=True) if end >= since), default=0)
        there = self._there(service)
        if there > most == 1:
            raise Violation("singleton", f"{service} has {there} tasks after a start")
        if there > most:
            raise Violation("maximum percent", f"{service} has {there} tasks after a start, {most} are allowed")

    def _no_hot_loop(self, service: str, deployment: str, tasks: Sequence[EcsTask]) -> None:
        """Each round may start all tasks of the newest revision, and those of the one before that it needs alive.

        Rounds begin anew with each deployment, for it and for those that are kept alive meanwhile.
        """
        episode = self.episodes.get(service)
        declared = self.truth.declared(service) if episode is not None else None
        if episode is None or declared is None:
            return
        episode.started[deployment] += sum(task.fate in FAILING for task in tasks)
        restarts = declared.manifest.restarts
        doublings = 2
        while restarts.initial_seconds * 2.0**doublings < restarts.maximum_seconds:
            doublings += 1
        since = episode.declared.index(deployment) if deployment in episode.declared else 0
        begun = max(1, len(episode.declared) - since) * (3 + doublings)
        rounds = begun + episode.changes + (self.clock() - episode.since) / (restarts.maximum_seconds / 2.0)
        started, most = episode.started[deployment], max(one.desired for one in self.history[service]) * rounds
        if started > most:
            hours = (self.clock() - episode.since) / 3600.0
            failing = f"{started} failing tasks of {deployment} in {hours:.2f} h"
            raise Violation("no hot loop", f"{service} started {failing}")

    def _records_bounded(self, service: str) -> None:
        records = self.truth.records(service)
        most = self.most.get(service, 0)
        if records > 4 * most + RECORDS_SPARE:
            raise Violation("records bounded", f"{service} has {records} records of tasks and launches")

    def _check_starts(self, state: ServiceState, at: float, launches: Sequence[Launch]) -> None:
        """Held against the table as it is now, which another pass may have written since this one read it."""
        if not launches or state.capacity is None or state.declared is None:
            return
        now = self.truth.state(state.service)
        desired = max(_most_wanted(state), _most_wanted(now))
        aside = {one.task for one in now.operator.standbys}
        alive = [
            task
            for task in now.tasks
            if task.managed is not None and task.task_id not in aside and self._is_alive(task, state.pass_number)
        ]
        if self._live(now, alive) <= desired:
            return  # what follows is dear
        situation = assess(state, state.declared, at, 0.0)
        stuck = {task.task_id for task in situation.stock.stuck}  # more than one plan may stop are stopped by the next
        replaced = stuck | situation.moves.keys()
        live = self._live(now, [task for task in alive if task.task_id not in replaced])
        if live > desired:
            raise Violation("no start too many", f"{state.service} has {live} of {desired} with what it starts")

    def _check_stops(self, state: ServiceState, stops: Sequence[StopTask | DrainTask], now: float) -> None:
        declared = state.declared
        if not stops or declared is None or declared.deleting_at is not None or state.capacity is None:
            return
        asked = {one.task for one in state.operator.stops}
        chosen = [
            one
            for one in stops
            if one.managed.stop is not None and not one.managed.stop.failed and one.task_id not in asked
        ]
        if not chosen:
            return
        aside = {one.task for one in state.operator.standbys}
        alive = {
            task.task_id: task
            for task in state.tasks
            if task.task_id not in aside and self._is_alive(task, state.pass_number)
        }
        desired = wanted_count(state, declared, now).count
        going = {one.task_id for one in stops}
        floor = minimum_healthy(desired, declared.manifest.minimum_healthy_percent)
        routed = any(ledger.registrations for ledger in state.targets)  # else addresses matter to nobody
        gone = known_gone(state.tasks, self.truth.tasks(state.service)) if routed else set[str]()
        healthy = {one for one, task in alive.items() if one not in gone and is_healthy(state, declared, task, now)}
        live = self._live(state, [task for task in alive.values() if task.task_id not in going])
        if len(healthy - going) >= floor and live >= desired:
            return  # what follows is dear
        moves = assess(state, declared, now, 0.0).moves
        old = {one.task_id for one in chosen if one.managed.deployment != declared.deployment or one.task_id in moves}
        if old & healthy and len(healthy - going) < floor:
            kept = f"keeps {len(healthy - going)} healthy, {floor} are needed"
            raise Violation("minimum healthy percent", f"{state.service} stops {len(old)} old tasks and {kept}")
        if len(chosen) > len(old) and live < desired:
            raise Violation("never below desired", f"{state.service} scales in and keeps {live} of {desired}")

    def _is_alive(self, task: Task, pass_number: int) -> bool:
        """Whether a task may have counted for the pass: it lived, as far as anybody had said before the pass read."""
        if task.observed.desired_status != "RUNNING" or (task.managed is not None and task.managed.stop is not None):
            return False
        return self.dead_since.get(task.task_id, math.inf) >= self.gathered_at.get(pass_number, 0.0)

    def _live(self, state: ServiceState, tasks: Sequence[Task]) -> int:
        """Tasks of the declared deployment, those in flight too."""
        deployment = state.declared.deployment if state.declared else ""
        launches = {one.launch_id: one for one in state.launches if one.deployment == deployment}
        heard = Counter(task.observed.launch for task in state.tasks)
        unheard = sum(max(0, one.count - heard[one.launch_id]) for one in launches.values())
        ours = [
            task for task in tasks if task.managed is not None or task.observed.launch in launches or task.confirmed_at
        ]
        return unheard + sum(task.managed is None or task.managed.deployment == deployment for task in ours)


def decided_stops(plan: Plan) -> list[StopTask | DrainTask]:
    """The tasks that a plan decides to stop, now or when they have drained; stops told again are not decided again."""
    return [
        action
        for action in plan.actions
        if isinstance(action, DrainTask) or (isinstance(action, StopTask) and not action.recorded)
    ]


def _most_wanted(state: ServiceState) -> int:
    """The count, or what an override says meanwhile: whichever is more."""
    override = state.operator.override
    count = state.capacity.desired_count if state.capacity else 0
    return max(count, override.count if override is not None else 0)


def _short(task: EcsTask) -> str:
    return f"#{int(task.task_id, 16)}"
