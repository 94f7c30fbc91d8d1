"""What holds for the plan of every state, and of every history of faults. ``docs/invariants.md`` names these tests."""

import os
from collections import Counter
from random import Random
from typing import Any, Final

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from builders import (
    NOW,
    ZONES,
    a_declared_service,
    a_manifest,
    zones_named,
)
from headcount.model.manifest import CapacitySource, LoadBalancer, UnhealthyTasks
from headcount.model.notices import BY_WEIGHT
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.plan import Action, DrainTask, Plan, ResumeLaunch, StartTasks, StopTask
from headcount.model.service import (
    Cordon,
    OperatorWishes,
    Override,
    Pause,
    Protection,
    ServiceState,
    Standby,
    StopWish,
)
from headcount.model.task import Task
from headcount.model.values import replace
from headcount.planning.placement import Place, place_tasks, places_of
from headcount.planning.plan import plan
from headcount.planning.starting import OLD_CALLS, TASKS_STARTED
from headcount.planning.stopping import STOPS
from unit.planning.any_state import AnyState
from unit.planning.balanced import ADMIN, WEB, a_load_balancer
from unit.planning.promises import broken_promises
from unit.planning.world import FOREIGN, World

MANY: Final = os.environ.get("HYPOTHESIS_PROFILE") == "many"
QUICK: Final = settings(max_examples=3_000 if MANY else 400)
LOOPS: Final = settings(max_examples=1_000 if MANY else 400)

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
    declared = state.declared.deployment if state.declared else ""
    old = sum(isinstance(one, StartTasks) and one.launch.deployment != declared for one in first.actions)
    assume(starts < TASKS_STARTED and stops < STOPS and old < OLD_CALLS)  # or the next pass goes on with the rest
    again = plan(_recorded(state, first), NOW, jitter)
    resumed = {one.launch.launch_id for one in again.actions if isinstance(one, ResumeLaunch)}
    assert {one.launch.launch_id for one in first.actions if isinstance(one, StartTasks)} <= resumed
    assert [one for one in again.actions if isinstance(one, StartTasks)] == []
    anew = {one.task_id for one in again.actions if isinstance(one, StopTask) and not one.recorded}
    assert anew.isdisjoint(one.task_id for one in first.actions if isinstance(one, StopTask))


@QUICK
@given(STATES)
def test_looking_again_at_the_same_failures_changes_no_backoff(state: ServiceState) -> None:
    """But for tasks that were launched at the very moment of the first look.

    An unhealthy task that a look decides to stop is a failure that the next one sees first.
    """
    older = tuple(task for task in state.tasks if _launched(task) < NOW)
    state = replace(state, tasks=older, launches=tuple(one for one in state.launches if one.at < NOW))
    first = plan(state, NOW, 0.0)
    while any(_fails(one, state) for one in first.actions):
        state = _recorded(state, first)
        first = plan(state, NOW, 0.0)
    again = plan(_recorded(state, first), NOW, 1.0)
    assert again.status.backoff == first.status.backoff
    assert again.status.zones == first.status.zones


@QUICK
@given(st.integers(0, 200), st.dictionaries(st.sampled_from(ZONES), st.integers(0, 50), min_size=1))
def test_new_tasks_level_the_zones(count: int, present: dict[str, int]) -> None:
    declared = a_declared_service(a_manifest(), zones=zones_named(*present))
    total = count + sum(present.values())
    there = Counter({Place("FARGATE", zone): tasks for zone, tasks in present.items()})
    placed = place_tasks(count, places_of(declared, (), (), total, NOW), there)
    given_to = {place.zone: tasks for place, tasks in placed.tasks.items()}
    assert sum(given_to.values()) == count
    filled = {zone: present[zone] + given_to.get(zone, 0) for zone in present}
    assert all(filled[zone] <= min(filled.values()) + 1 for zone in given_to), f"{present} became {filled}"


# -- histories --------------------------------------------------------------------------------------------------------

INDEX = st.integers(0, 7)
FARGATE, SPOT = CapacitySource(capacity_provider="FARGATE"), CapacitySource(capacity_provider="FARGATE_SPOT")
CAPACITY: Final[tuple[tuple[tuple[CapacitySource, ...], tuple[CapacitySource, ...]], ...]] = (
    ((CapacitySource(launch_type="FARGATE"),), ()),
    ((SPOT,), (FARGATE,)),
    ((replace(FARGATE, base=1), replace(SPOT, weight=4)), (CapacitySource(launch_type="EC2"),)),
)
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
    st.tuples(st.just("notice"), st.tuples(INDEX, st.sampled_from([*BY_WEIGHT, None]))),
    st.tuples(
        st.just("cordon"), st.tuples(st.sampled_from(ZONES), st.booleans(), st.sampled_from([None, 30.0, 600.0]))
    ),
    st.tuples(st.just("uncordon"), st.none()),
    st.tuples(st.just("pause"), st.tuples(st.sampled_from(["stop", "freeze"]), st.sampled_from([None, 30.0, 600.0]))),
    st.tuples(st.just("override"), st.tuples(st.integers(0, 7), st.sampled_from([30.0, 600.0]))),
    st.tuples(st.just("resume"), st.none()),
    st.tuples(st.just("standby"), INDEX),
    st.tuples(st.just("stop on request"), INDEX),
    st.tuples(st.just("sicken"), INDEX),
    st.tuples(st.just("sick revision"), st.none()),
    st.tuples(st.just("heal"), st.none()),
    st.tuples(st.just("elb"), st.sampled_from(["ok", "throttled", "lost"])),
    st.tuples(st.just("group gone"), st.sampled_from([WEB, ADMIN])),
    st.tuples(st.just("name groups"), st.sets(st.sampled_from([WEB, ADMIN]))),
    st.tuples(st.just("gone"), st.sets(st.sampled_from([*ZONES, *(source.name for source in CAPACITY[-1][0])]))),
)
TERMS = st.sampled_from(
    [
        UnhealthyTasks(),
        UnhealthyTasks(freeze_above_percent=100),
        UnhealthyTasks(freeze_above_percent=100, at_once_percent=100, after_seconds=20),
        UnhealthyTasks(action="ignore"),
        UnhealthyTasks(target_action="stopRouting"),
        UnhealthyTasks(action="stopRouting"),
    ]
)
GROUPS = st.sampled_from([(), (), (a_load_balancer(),), (a_load_balancer(), a_load_balancer(ADMIN, 9090, "admin"))])
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
        world.wishes = replace(world.wishes, protections=(Protection(task=task, until=world.now + 900.0),))
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
    else:
        _announce_or_wish(world, fault, what)


def _announce_or_wish(world: World, happening: str, what: Any) -> None:
    alive = sorted(world.alive())
    task = alive[what % len(alive)] if alive and type(what) is int else None
    wishes, now = world.wishes, world.now
    if happening == "notice" and alive:
        index, kind = what
        world.notice(alive[index % len(alive)], kind)
    elif happening == "cordon":
        zone, evacuate, seconds = what
        until = None if seconds is None else now + seconds
        world.cordons = (*world.cordons[-1:], Cordon(zone=zone, at=now, evacuate=evacuate, until=until))
    elif happening == "uncordon":
        world.cordons = ()
    elif happening == "pause":
        mode, seconds = what
        world.wishes = replace(wishes, pause=Pause(mode=mode, at=now, until=None if seconds is None else now + seconds))
    elif happening == "override":
        count, seconds = what
        world.wishes = replace(wishes, override=Override(count=count, at=now, until=now + seconds))
    elif happening == "resume":
        world.wishes = replace(wishes, pause=None, override=None)
    elif happening == "standby" and task:
        world.wishes = replace(wishes, standbys=(*wishes.standbys[-1:], Standby(task=task, at=now)))
    elif happening == "stop on request" and task:
        world.wishes = replace(wishes, stops=(*wishes.stops[-1:], StopWish(task=task, at=now)))
    elif happening == "gone":
        world.none_left = what
    else:
        _disturb_rotation(world, happening, what)


def _disturb_rotation(world: World, happening: str, what: Any) -> None:
    alive = sorted(world.alive())
    if happening == "sicken" and alive:
        world.sicken(alive[what % len(alive)])
    elif happening == "sick revision":
        world.deploy()
        world.sickening.add(world.declared.task_definition_arn)
    elif happening == "heal":
        world.heal()
    elif happening == "elb":
        world.elb.answer = what
    elif happening == "group gone":
        world.elb.groups.pop(what, None)
    elif happening == "name groups":
        world.name_groups(*what)


def _resume(world: World) -> None:
    """Nobody wishes anything any more, and no zone is cordoned. What AWS announced stands.

    New tasks are well. Those that hang go on hanging where the manifest replaces them whatever happens, and somebody
    sees it.
    """
    world.wishes, world.cordons = OperatorWishes(), ()
    world.sickening.clear()
    terms = world.declared.manifest.unhealthy_tasks
    seen = world.declared.container_health_check or world.declared.manifest.load_balancers
    if not seen or terms.action != "replace" or terms.target_action is not None or terms.freeze_above_percent < 100:
        world.heal()
    world.calm_down()


def _assert_in_rotation(world: World) -> None:
    """In its groups are the tasks that run, and nowhere else; what is not ours is where it was."""
    named = {one.target_group: one.container_port for one in world.declared.manifest.load_balancers}
    addresses = {task.address for task in world.running().values()}
    for group in world.elb.groups:
        there = world.elb.registered(group) - {FOREIGN}
        assert there == {(address, named[group]) for address in addresses if group in named}
        assert group not in named or world.in_rotation(group) == addresses
    assert not any(target == FOREIGN for _, target in world.taken_out)


@LOOPS
@given(
    desired=st.integers(0, 6),
    percents=PERCENTS,
    zones=st.integers(1, 3),
    check=st.booleans(),
    jitter=JITTER,
    capacity=st.sampled_from(CAPACITY),
    groups=GROUPS,
    terms=TERMS,
    faults=st.lists(FAULTS, max_size=25),
)
def test_once_faults_cease_exactly_the_desired_count_runs_and_nothing_more_is_planned(
    desired: int,
    percents: tuple[int, int],
    zones: int,
    check: bool,
    jitter: float,
    capacity: tuple[tuple[CapacitySource, ...], tuple[CapacitySource, ...]],
    groups: tuple[LoadBalancer, ...],
    terms: UnhealthyTasks,
    faults: list[tuple[str, Any]],
) -> None:
    manifest = a_manifest(
        minimum_healthy_percent=percents[0],
        maximum_percent=percents[1],
        sources=capacity[0],
        fallback=capacity[1],
        load_balancers=groups,
        unhealthy_tasks=terms,
    )
    world = World(
        desired, jitter=jitter, manifest=manifest, zones=zones_named(*ZONES[:zones]), container_health_check=check
    )
    for fault, what in faults:
        _inflict(world, fault, what)
    _resume(world)
    assume(_can_deploy(world))
    world.settle()
    assert len(world.running()) == len(world.alive()) == world.desired
    assert {task.task_definition_arn for task in world.running().values()} <= {world.declared.task_definition_arn}
    noticed = [notice for task in world.running() if (notice := world.table[task].notice) is not None]
    assert all(notice.kind == "DISCONNECTED" for notice in noticed), "that agent may yet return"
    assert not world.running().keys() & world.sick.keys(), "who hangs has been replaced"
    _assert_in_rotation(world)
    assert world.launches == {}
    assert world.look().actions == ()


@LOOPS
@given(GROUPS, st.lists(FAULTS, max_size=15))
def test_a_deleted_service_ends_with_no_task_and_no_launch(
    groups: tuple[LoadBalancer, ...], faults: list[tuple[str, Any]]
) -> None:
    world = World(3, manifest=a_manifest(load_balancers=groups))
    for fault, what in faults:
        _inflict(world, fault, what)
    world.declared = replace(world.declared, deleting_at=world.now)
    world.calm_down()
    world.settle()
    assert world.removed
    assert world.alive() == {}
    assert not any(world.elb.registered(group) - {FOREIGN} for group in world.elb.groups)


def _can_deploy(world: World) -> bool:
    """Neither may a task stop first nor one start first: no deployment can end, which the manifest's check refuses."""
    manifest, desired = world.declared.manifest, world.desired
    stops_first = minimum_healthy(desired, manifest.minimum_healthy_percent) < desired
    return desired == 0 or stops_first or maximum_total(desired, manifest.maximum_percent) > desired


def _calls(decided: Plan) -> set[tuple[str, str]]:
    """What a plan asks of ECS."""
    calls = {
        ("start", f"{one.launch.capacity} {one.launch.zone} {one.launch.count}")
        for one in decided.actions
        if isinstance(one, StartTasks)
    }
    return calls | {("stop", one.task_id) for one in decided.actions if isinstance(one, StopTask)}


def _recorded(state: ServiceState, decided: Plan) -> ServiceState:
    """The state after the plan was written down and before anything was done."""
    told = {one.task_id: one.managed for one in decided.actions if isinstance(one, StopTask | DrainTask)}
    started = tuple(one.launch for one in decided.actions if isinstance(one, StartTasks))
    tasks = tuple(replace(one, managed=told.get(one.task_id, one.managed)) for one in state.tasks)
    ledgers = {one.group: one for one in (*state.targets, *decided.ledgers)}
    return replace(
        state,
        pass_number=state.pass_number + 1,
        status=decided.status,
        tasks=tasks,
        launches=(*state.launches, *started),
        targets=tuple(ledgers.values()),
    )


def _fails(action: Action, state: ServiceState) -> bool:
    """Whether the action decides to stop a task that runs, as failed."""
    if not isinstance(action, StopTask | DrainTask) or action.managed.stop is None:
        return False
    known = {task.task_id: task for task in state.tasks}[action.task_id]
    is_new = known.managed is None or known.managed.stop is None
    return is_new and action.managed.stop.failed and known.observed.last_status == "RUNNING"


def _launched(task: Task) -> float:
    return task.managed.launched_at if task.managed else task.observed.created_at or 0.0
