"""What holds for the plan of every state, and of every history of faults. ``docs/invariants.md`` names these tests."""

import os
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any, Final

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from builders import (
    NOW,
    ZONES,
    a_manifest,
    zones_named,
)
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.plan import Plan, ResumeLaunch, StartTasks, StopTask
from headcount.model.service import (
    Protection,
    ServiceState,
)
from headcount.model.task import Task
from headcount.planning.placement import spread
from headcount.planning.plan import plan
from headcount.planning.starting import TASKS_STARTED
from headcount.planning.stopping import STOPS
from unit.planning.any_state import AnyState
from unit.planning.promises import broken_promises
from unit.planning.world import World

MANY: Final = os.environ.get("HYPOTHESIS_PROFILE") == "many"
SLOW_IS_FINE: Final = (HealthCheck.too_slow,)
QUICK: Final = settings(max_examples=20_000 if MANY else 400, deadline=None, suppress_health_check=SLOW_IS_FINE)
LOOPS: Final = settings(max_examples=5_000 if MANY else 400, deadline=None, suppress_health_check=SLOW_IS_FINE)

JITTER = st.sampled_from([0.0, 0.5, 1.0])
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
    stops = sum(isinstance(one, StopTask) for one in first.actions)
    starts = sum(one.launch.count for one in first.actions if isinstance(one, StartTasks))
    assume(starts < TASKS_STARTED and stops < STOPS)  # or the next pass goes on with the rest
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
