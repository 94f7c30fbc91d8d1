"""What the watch lets be, and what looks like it and is not let be."""

from collections.abc import Iterator

import pytest

from headcount.model.plan import Plan, StopTask
from headcount.model.service import ServiceState
from headcount.model.task import ManagedTask, StopIntent, Task
from headcount.model.values import replace
from headcount_simulation.characters import Character
from headcount_simulation.days import Day, Happening
from headcount_simulation.invariants import Violation
from headcount_simulation.losses import a_service
from headcount_simulation.simulating import Outcome, schedule, simulate
from headcount_simulation.traffic import Traffic
from headcount_simulation.world import World

WEB = "prod/web"
MINUTE = 60.0
HOUR = 3600.0
FOUR = replace(a_service(WEB, 4), traffic=Traffic())
CREATE = Happening(at=1.0, kind="create", service=WEB)


def a_day(character: Character, *happenings: Happening, judged_at: float = 2 * HOUR) -> Day:
    """The last happening is followed by a minute in which faults have ceased."""
    return Day(
        seed=1,
        characters=(character,),
        happenings=(CREATE, *happenings),
        quiet_at=judged_at - MINUTE,
        bound=MINUTE,
        ends_at=judged_at + HOUR,
    )


# -- a task that is replaced for its age -------------------------------------------------------------------------------

AGING = replace(
    a_service(WEB, 4),
    percentages=(50, 100),
    extras={"maximumAge": {"seconds": 4 * 3600, "jitterPercent": 50}},
)


def when_told(outcome: Outcome, *words: str) -> float:
    return next(at for at, line in outcome.story if all(word in line for word in words))


def aged_at() -> float:
    """When the first task of ``AGING`` is told to stop."""
    outcome = simulate(a_day(AGING, judged_at=3.9 * HOUR), keep_story=True)
    return when_told(outcome, "ECS is told to stop", "as long as maximumAge allows")


@pytest.mark.parametrize("seconds", [0.5, 5.0, 12.0, 20.0, 30.0])
def test_a_task_that_is_just_replaced_for_its_age_is_missed_by_nobody(seconds: float) -> None:
    outcome = simulate(a_day(AGING, judged_at=aged_at() + seconds))
    assert outcome.ok, str(outcome.violation)


def test_a_task_that_is_missing_for_another_reason_is_missed_whatever_the_age_of_others() -> None:
    young, at = replace(AGING, extras={"maximumAge": {"seconds": 8 * 3600, "jitterPercent": 0}}), 2 * HOUR
    crash = Happening(at=at - 3.0, kind="foreign stop", service=WEB)
    violation = simulate(a_day(young, crash, judged_at=at)).violation
    assert violation is not None
    assert violation.invariant == "converges"


# -- a task that is gone, as its address tells -------------------------------------------------------------------------


@pytest.fixture
def world() -> Iterator[World]:
    """Four tasks in rotation for ten minutes."""
    world = World(a_day(FOUR))
    schedule(world)
    world.run(10 * MINUTE)
    yield world
    world.close()


def deployed(world: World) -> ServiceState:
    """As a pass reads the service while another deployment is declared; the first task has the last one's address."""
    state = world.state(WEB)
    assert state.declared is not None
    oldest, *others = sorted(state.tasks, key=lambda task: task.observed.started_at or 0.0)
    oldest = replace(oldest, observed=replace(oldest.observed, address=others[-1].observed.address))
    return replace(state, tasks=(oldest, *others), declared=replace(state.declared, deployment="dep-2"))


def stopping(task: Task) -> StopTask:
    assert isinstance(task.managed, ManagedTask)
    intent = StopIntent(at=0.0, reason="replaced by dep-2")
    return StopTask(task_id=task.task_id, reason=intent.reason, managed=replace(task.managed, stop=intent))


def decide(world: World, state: ServiceState, *stops: StopTask) -> None:
    """A pass has read the service, and its plan is on record."""
    world.watch.gathered(state)
    plan = Plan(actions=stops, decisions=(), status=state.status, wake_at=None)
    world.watch.committed(state, plan, (), world.scheduler.now)


def test_a_task_whose_address_another_has_is_no_loss_of_health(world: World) -> None:
    state = deployed(world)
    gone = state.tasks[0]
    world.ecs.vanish(world.ecs.tasks[gone.task_id])
    decide(world, state, stopping(gone))


def test_with_a_task_that_is_gone_a_healthy_one_may_not_go(world: World) -> None:
    state = deployed(world)
    gone, healthy = state.tasks[:2]
    world.ecs.vanish(world.ecs.tasks[gone.task_id])
    with pytest.raises(Violation, match="minimum healthy percent"):
        decide(world, state, stopping(gone), stopping(healthy))


def test_a_task_that_ecs_has_is_not_gone_whatever_its_address(world: World) -> None:
    state = deployed(world)
    with pytest.raises(Violation, match="minimum healthy percent"):
        decide(world, state, stopping(state.tasks[0]))


# -- room that maximum percent has left just now -----------------------------------------------------------------------


def test_room_of_a_moment_ago_need_not_be_taken_yet(world: World) -> None:
    world.bus.lost = 1.0  # nobody is told
    world.ecs.end(world.ecs.of(WEB)[0], "EssentialContainerExited", "it was lost")
    world.run(world.second + 1.0)
    with pytest.raises(Violation, match="neighbours"):
        world.watch.check_prompt(WEB, 5.0)
    full = world.watch.history[WEB][-1]
    world.watch.history[WEB].append(replace(full, most=4))
    world.watch.check_prompt(WEB, 5.0)
    world.run(world.second + 50.0)
    with pytest.raises(Violation, match="neighbours"):
        world.watch.check_prompt(WEB, 5.0)


# -- more stuck tasks than one plan stops ------------------------------------------------------------------------------


def test_tasks_that_are_stuck_are_replaced_though_some_are_stopped_by_the_next_pass_only() -> None:
    stuck = Happening(at=0.5, kind="tasks get stuck", service=WEB, seconds=MINUTE)
    outcome = simulate(a_day(replace(a_service(WEB, 40), percentages=(50, 200)), stuck), keep_story=True)
    assert outcome.ok, str(outcome.violation)
    assert sum("ECS is told to stop" in line for _, line in outcome.story) == 40
