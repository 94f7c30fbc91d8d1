"""What holds for the plan of every state, and of every history of faults. ``docs/invariants.md`` names these tests."""

import os
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any, Final

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from builders import (
    DEPLOYMENT,
    NOW,
    TASK_DEFINITION,
    ZONES,
    a_backoff,
    a_declared_service,
    a_launch,
    a_manifest,
    a_service,
    a_status,
    a_task,
    a_throttle,
    a_zone_refusal,
    zones_named,
)
from headcount.model.manifest import SCALE_IN_RULES, Deadlines, Manifest, Restarts
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.plan import Plan, ResumeLaunch, StartTasks, StopTask
from headcount.model.service import (
    Backoff,
    DeclaredService,
    Launch,
    OperatorWishes,
    Protection,
    ServiceState,
    ServiceStatus,
)
from headcount.model.task import StopIntent, Task
from headcount.planning.placement import spread
from headcount.planning.plan import plan
from unit.planning.promises import broken_promises
from unit.planning.world import World

MANY: Final = os.environ.get("HYPOTHESIS_PROFILE") == "many"
SLOW_IS_FINE: Final = (HealthCheck.too_slow,)
QUICK: Final = settings(max_examples=20_000 if MANY else 400, deadline=None, suppress_health_check=SLOW_IS_FINE)
LOOPS: Final = settings(max_examples=5_000 if MANY else 400, deadline=None, suppress_health_check=SLOW_IS_FINE)

JITTER = st.sampled_from([0.0, 0.5, 1.0])
STATUSES = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")
STOP_CODES = (None, "EssentialContainerExited", "TaskFailedToStart", "SpotInterruption", "UserInitiated")
REASONS = (None, "Essential container in task exited", "Capacity is unavailable at this time")
LAUNCHES = ("launchaaaaaaaaaaaaaa", "launchbbbbbbbbbbbbbb", "launchcccccccccccccc")
AGES = (7200.0, 1801.0, 901.0, 301.0, 60.0, 39.0, 5.0, 0.5, 0.0)


class AnyState:
    """Draws states. The size is Hypothesis's, and shrinks; the rest comes of a seed: a hundred times as many states."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def one_of(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def moment(self) -> float:
        return NOW - self.random.choice(AGES)

    def maybe(self, likely: float) -> bool:
        return self.random.random() < likely

    def manifest(self, desired: int) -> Manifest:
        provider = self.one_of(None, "FARGATE_SPOT")
        return a_manifest(
            desired_count=desired,
            minimum_healthy_percent=self.one_of(0, 33, 50, 66, 100),
            maximum_percent=self.one_of(100, 120, 150, 200, 400),
            restarts=self.one_of(Restarts(), Restarts(initial_seconds=0), Restarts(maximum_seconds=5)),
            deadlines=self.one_of(Deadlines(), Deadlines(provisioning_seconds=30, pending_seconds=30)),
            scale_in_prefer=tuple(self.random.sample(SCALE_IN_RULES, self.random.randint(1, 6))),
            launch_type=None if provider else "FARGATE",
            capacity_provider=provider,
            security_groups=self.one_of((), ("sg-1",)),
            run_task=self.one_of({}, {"enableExecuteCommand": True, "platformVersion": "LATEST"}),
            tags=self.one_of((), (("team", "shop"),)),
        )

    def declared(self, desired: int) -> DeclaredService:
        return a_declared_service(
            self.manifest(desired),
            zones=zones_named(*ZONES[: self.random.randint(1, 3)]),
            container_health_check=self.maybe(0.5),
            deleting_at=NOW - 1.0 if self.maybe(0.2) else None,
        )

    def task(self, number: int) -> Task:
        status = "RUNNING" if self.maybe(0.5) else self.one_of(*STATUSES)
        observed: dict[str, Any] = {}
        if status == "STOPPED" or self.maybe(0.2):
            observed = {
                "desired_status": "STOPPED",
                "stop_code": self.one_of(*STOP_CODES),
                "stopped_reason": self.one_of(*REASONS),
                "stopping_at": self.one_of(None, self.moment()),
            }
        if self.maybe(0.5):
            observed["started_at"] = self.one_of(None, self.moment())
        stop = StopIntent(at=self.moment(), reason="scale in to 1", failed=self.maybe(0.3))
        return a_task(
            f"task-{number}",
            status=status,
            launched_at=self.moment(),
            deployment=self.one_of(DEPLOYMENT, DEPLOYMENT, "dep-0", None),
            zone=self.one_of(*ZONES),
            health=self.one_of(None, "HEALTHY", "HEALTHY", "UNHEALTHY", "UNKNOWN"),
            stop=stop if self.maybe(0.15) else None,
            launch=self.one_of("launch-closed", *LAUNCHES),
            confirmed_at=self.one_of(None, None, NOW - 30.0),
            task_definition_arn=self.one_of(TASK_DEFINITION, TASK_DEFINITION + "3"),
            **observed,
        )

    def launch(self, launch_id: str) -> Launch:
        return a_launch(
            launch_id,
            at=self.moment(),
            count=self.random.randint(1, 4),
            zone=self.one_of(*ZONES),
            deployment=self.one_of(DEPLOYMENT, "dep-0"),
        )

    def backoff(self) -> Backoff:
        began_at = self.moment()
        return a_backoff(
            deployment=self.one_of(DEPLOYMENT, DEPLOYMENT, "dep-0"),
            round=self.random.randint(1, 4),
            began_at=began_at,
            until=began_at + self.one_of(0.0, 5.0, 300.0),
            refused=self.maybe(0.3),
        )

    def status(self) -> ServiceStatus:
        return a_status(
            backoff=self.backoff() if self.maybe(0.5) else None,
            zones=tuple(
                a_zone_refusal(zone, since=self.moment(), until=NOW + self.one_of(-1.0, 9.0))
                for zone in ZONES
                if self.maybe(0.3)
            ),
            throttle=a_throttle(until=NOW + self.one_of(-1.0, 1.0)) if self.maybe(0.2) else None,
            steady_since=self.one_of(None, self.moment()),
            announced_at=self.one_of(None, self.moment()),
        )

    def state(self, desired: int, tasks: int, launches: int) -> ServiceState:
        drawn = [self.task(number) for number in range(tasks)]
        return a_service(
            *drawn,
            desired=desired,
            declared=self.declared(desired),
            launches=tuple(self.launch(launch_id) for launch_id in LAUNCHES[:launches]),
            operator=OperatorWishes(
                protections=tuple(
                    Protection(task=task.task_id, until=NOW + self.one_of(-1.0, 60.0))
                    for task in drawn
                    if self.maybe(0.2)
                )
            ),
            status=self.status(),
        )


STATES = st.builds(
    lambda seed, desired, tasks, launches: AnyState(seed).state(desired, tasks, launches),
    seed=st.integers(0, 2**64),
    desired=st.integers(0, 8) | st.integers(0, 300),
    tasks=st.integers(0, 12) | st.integers(0, 60),
    launches=st.integers(0, 3),
)


@QUICK
@given(STATES, JITTER)
def test_every_plan_keeps_every_promise(state: ServiceState, jitter: float) -> None:
    assert broken_promises(state, plan(state, NOW, jitter), NOW) == []


@QUICK
@given(STATES, JITTER)
def test_the_same_state_gives_the_same_plan(state: ServiceState, jitter: float) -> None:
    assert plan(state, NOW, jitter) == plan(state, NOW, jitter)


@QUICK
@given(STATES, st.integers(0, 2**64))
def test_the_order_of_tasks_on_record_decides_nothing(state: ServiceState, seed: int) -> None:
    shuffled = replace(state, tasks=tuple(Random(seed).sample(state.tasks, len(state.tasks))))
    assert _calls(plan(shuffled, NOW, 0.0)) == _calls(plan(state, NOW, 0.0))


@QUICK
@given(STATES)
def test_without_a_manifest_nothing_is_touched(state: ServiceState) -> None:
    abandoned = replace(state, declared=None)
    assert broken_promises(abandoned, plan(abandoned, NOW, 0.0), NOW) == []


@QUICK
@given(STATES, JITTER)
def test_planning_again_after_recording_starts_and_stops_nothing_twice(state: ServiceState, jitter: float) -> None:
    first = plan(state, NOW, jitter)
    assume(not first.again)
    again = plan(_recorded(state, first), NOW, jitter)
    resumed = {one.launch.launch_id for one in again.actions if isinstance(one, ResumeLaunch)}
    assert {one.launch.launch_id for one in first.actions if isinstance(one, StartTasks)} <= resumed
    assert [one for one in again.actions if isinstance(one, StartTasks)] == []
    anew = {one.task_id for one in again.actions if isinstance(one, StopTask) and not one.recorded}
    assert anew.isdisjoint(one.task_id for one in first.actions if isinstance(one, StopTask))


@QUICK
@given(STATES)
def test_looking_again_at_the_same_failures_changes_no_backoff(state: ServiceState) -> None:
    """But for tasks that were launched at the very moment of the first look."""
    older = tuple(task for task in state.tasks if _launched(task) < NOW)
    state = replace(state, tasks=older, launches=tuple(one for one in state.launches if one.at < NOW))
    first = plan(state, NOW, 0.0)
    again = plan(_recorded(state, first), NOW, 1.0)
    assert again.status.backoff == first.status.backoff
    assert again.status.zones == first.status.zones


@QUICK
@given(st.integers(0, 200), st.dictionaries(st.sampled_from(ZONES), st.integers(0, 50), min_size=1))
def test_new_tasks_level_the_zones(count: int, present: dict[str, int]) -> None:
    given_to = spread(count, present, Counter(present))
    assert sum(given_to.values()) == count
    filled = {zone: present[zone] + given_to.get(zone, 0) for zone in present}
    assert all(filled[zone] <= min(filled.values()) + 1 for zone in given_to), f"{present} became {filled}"


# -- histories --------------------------------------------------------------------------------------------------------

INDEX = st.integers(0, 7)
FAULTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.5, 3.0, 11.0, 45.0, 400.0, 2000.0])),
    st.tuples(st.just("look"), st.integers(1, 3)),
    st.tuples(st.just("spot"), INDEX),
    st.tuples(st.just("crash"), INDEX),
    st.tuples(st.just("foreign stop"), INDEX),
    st.tuples(st.just("protect"), INDEX),
    st.tuples(st.just("scale"), st.integers(0, 7)),
    st.tuples(st.just("deploy"), st.booleans()),
    st.tuples(st.just("answer"), st.sampled_from(["ok", "throttled", "lost", "refused"])),
    st.tuples(st.just("full"), st.sets(st.sampled_from(ZONES))),
    st.tuples(st.just("events"), st.booleans()),
    st.tuples(st.just("die"), st.booleans()),
    st.tuples(st.just("lose a record"), INDEX),
    st.tuples(st.just("audit"), st.none()),
)
PERCENTS = st.sampled_from([(100, 200), (100, 150), (50, 100), (0, 100), (50, 150), (66, 120)])


def _inflict(world: World, fault: str, what: Any) -> None:
    alive = sorted(world.alive())
    task = alive[what % len(alive)] if alive and type(what) is int else None
    if fault == "wait":
        world.pass_time(world.now + what)
    elif fault == "look":
        for _ in range(what):
            world.look()
    elif fault == "spot" and task:
        world.end(task, "SpotInterruption", "Your Spot Task was interrupted.")
    elif fault == "crash" and task:
        world.end(task, "EssentialContainerExited", "Essential container in task exited")
    elif fault == "foreign stop" and task:
        world.end(task, "UserInitiated", "stopped by hand")
    elif fault == "protect" and task:
        world.protections = (Protection(task=task, until=world.now + 900.0),)
    elif fault == "scale":
        world.desired = what
    elif fault == "deploy":
        world.deploy(crashes=what)
    elif fault == "answer":
        world.answer = what
    elif fault == "full":
        world.full_zones = what
    elif fault == "events":
        world.events_arrive = what
    elif fault == "die":
        world.dies_after_recording = what
    elif fault == "lose a record" and task:
        world.lose_record(task)
    elif fault == "audit":
        world.audit()


@LOOPS
@given(
    desired=st.integers(0, 6),
    percents=PERCENTS,
    zones=st.integers(1, 3),
    check=st.booleans(),
    jitter=JITTER,
    faults=st.lists(FAULTS, max_size=25),
)
def test_once_faults_cease_exactly_the_desired_count_runs_and_nothing_more_is_planned(
    desired: int, percents: tuple[int, int], zones: int, check: bool, jitter: float, faults: list[tuple[str, Any]]
) -> None:
    manifest = a_manifest(minimum_healthy_percent=percents[0], maximum_percent=percents[1])
    world = World(
        desired, jitter=jitter, manifest=manifest, zones=zones_named(*ZONES[:zones]), container_health_check=check
    )
    for fault, what in faults:
        _inflict(world, fault, what)
    world.calm_down()
    assume(_can_deploy(world))
    world.settle()
    assert len(world.running()) == len(world.alive()) == world.desired
    assert {task.task_definition_arn for task in world.running().values()} <= {world.declared.task_definition_arn}
    assert world.launches == {}
    assert world.look().actions == ()


@LOOPS
@given(st.lists(FAULTS, max_size=15))
def test_a_deleted_service_ends_with_no_task_and_no_launch(faults: list[tuple[str, Any]]) -> None:
    world = World(3)
    for fault, what in faults:
        _inflict(world, fault, what)
    world.declared = replace(world.declared, deleting_at=world.now)
    world.calm_down()
    world.settle()
    assert world.removed
    assert world.alive() == {}


def _can_deploy(world: World) -> bool:
    """Neither may a task stop first nor one start first: no deployment can end, which the manifest's check refuses."""
    manifest, desired = world.declared.manifest, world.desired
    stops_first = minimum_healthy(desired, manifest.minimum_healthy_percent) < desired
    return desired == 0 or stops_first or maximum_total(desired, manifest.maximum_percent) > desired


def _calls(decided: Plan) -> set[tuple[str, str]]:
    """What a plan asks of ECS."""
    calls = {
        ("start", f"{one.launch.zone} {one.launch.count}") for one in decided.actions if isinstance(one, StartTasks)
    }
    return calls | {("stop", one.task_id) for one in decided.actions if isinstance(one, StopTask)}


def _recorded(state: ServiceState, decided: Plan) -> ServiceState:
    """The state after the plan was written down and before anything was done."""
    told = {one.task_id: one.managed for one in decided.actions if isinstance(one, StopTask)}
    started = tuple(one.launch for one in decided.actions if isinstance(one, StartTasks))
    tasks = tuple(replace(one, managed=told.get(one.task_id, one.managed)) for one in state.tasks)
    return replace(
        state,
        pass_number=state.pass_number + 1,
        status=decided.status,
        tasks=tasks,
        launches=(*state.launches, *started),
    )


def _launched(task: Task) -> float:
    return task.managed.launched_at if task.managed else task.observed.created_at or 0.0
