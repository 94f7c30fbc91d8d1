"""Histories of a service in rotation, told to the end: outages, tasks that hang or flap, revisions that are sick."""

from typing import Any, Final

import pytest

from builders import a_manifest
from fakes.loop import FakeLoop
from headcount.model.manifest import UnhealthyTasks
from headcount.model.plan import DrainTask, StartTasks, StopTask
from unit.planning.balanced import WEB, a_load_balancer
from unit.planning.world import World

HOUR: Final = 3600.0
MINUTE: Final = 60.0


def serving(desired: int, *, check: bool = False, **manifest: Any) -> World:
    """A service in rotation."""
    fields = {"desired_count": desired, "load_balancers": (a_load_balancer(),)} | manifest
    world = World(desired, manifest=a_manifest(**fields), container_health_check=check)
    world.settle()
    assert len(world.in_rotation(WEB)) == desired
    return world


def live(world: World, seconds: float) -> list[Any]:
    """Let time pass, with a look whenever something falls due and an audit every minute; the actions of all passes."""
    end = world.now + seconds
    actions: list[Any] = []
    while world.now < end:
        audit_at = (world.now // MINUTE + 1.0) * MINUTE
        actions += world.look().actions
        if world.again:
            continue
        times = [at for at in (world.next_change(), world.status.next_wake) if at is not None]
        world.pass_time(min([*times, audit_at, end]))
        if world.now >= audit_at:
            world.audit()
    return actions


def starts(actions: list[Any]) -> int:
    return sum(one.launch.count for one in actions if isinstance(one, StartTasks))


def stops(actions: list[Any]) -> int:
    return len({one.task_id for one in actions if isinstance(one, StopTask | DrainTask)})


@pytest.mark.parametrize("check", [False, True])
def test_a_task_that_hangs_is_replaced_and_no_other_is(check: bool) -> None:
    world = serving(4, check=check)
    before = set(world.running())
    hung = min(before)
    world.sicken(hung)
    actions = live(world, 5 * MINUTE)
    assert (starts(actions), stops(actions)) == (1, 1)
    assert before - set(world.running()) == {hung}
    assert len(world.in_rotation(WEB)) == 4


@pytest.mark.parametrize("check", [False, True])
def test_when_six_of_ten_are_sick_nothing_is_killed_until_half_of_all_are_well(check: bool) -> None:
    world = serving(10, check=check, maximum_percent=120)
    hung = sorted(world.running())[:6]
    for task in hung:
        world.sicken(task)
    actions: list[Any] = []
    for _ in range(5 * 60):
        well = len(world.in_rotation(WEB))
        actions += live(world, 1.0)
        if stops(actions):
            break
    assert well >= 6
    assert starts(actions) == 2, "as many as maximum percent allows"
    live(world, 10 * MINUTE)
    assert not set(hung) & set(world.running())
    assert world.status.state == "STEADY"


def test_an_outage_that_ends_by_itself_costs_no_task_that_ran_through_it() -> None:
    world = serving(10, maximum_percent=100, minimum_healthy_percent=50)
    before = set(world.running())
    for task in sorted(before)[:8]:
        world.sicken(task)
    assert stops(live(world, 20 * MINUTE)) == 0
    world.heal()
    world.settle()
    assert set(world.running()) == before


@pytest.mark.parametrize("desired", [1, 2, 3, 7])
def test_when_all_hang_at_once_all_are_replaced(desired: int) -> None:
    """The replacements are well: it was no overload."""
    world = serving(desired)
    hung = set(world.running())
    for task in hung:
        world.sicken(task)
    actions = live(world, 20 * MINUTE)
    assert starts(actions) == stops(actions) == desired
    assert not hung & set(world.running())
    assert world.status.state == "STEADY"


def test_a_target_that_flaps_costs_at_most_a_replacement_a_minute() -> None:
    world = serving(4)
    flapping = min(world.running())
    actions: list[Any] = []
    for _ in range(60):
        world.sicken(flapping)
        actions += live(world, 10.0)
        world.heal()
        actions += live(world, 10.0)
    assert starts(actions) <= 20
    world.settle()
    assert len(world.in_rotation(WEB)) == 4


@pytest.mark.parametrize("percents", [{}, {"maximum_percent": 100, "minimum_healthy_percent": 50}])
@pytest.mark.parametrize("terms", [UnhealthyTasks(), UnhealthyTasks(freeze_above_percent=100, at_once_percent=100)])
def test_a_revision_whose_tasks_become_unhealthy_slows_down(percents: dict[str, int], terms: UnhealthyTasks) -> None:
    world = serving(4, unhealthy_tasks=terms, **percents)
    world.deploy()
    world.sickening.add(world.declared.task_definition_arn)
    first, later = live(world, HOUR), live(world, HOUR)
    assert starts(first) <= 4 * 20
    assert starts(later) <= 12 * 4 + 4, "each place once in five minutes"
    world.sickening.clear()
    world.deploy()
    world.settle()
    assert len(world.in_rotation(WEB)) == 4


def test_an_unhealthy_task_in_a_full_house_is_replaced_in_its_place() -> None:
    world = serving(4, maximum_percent=100, minimum_healthy_percent=100)
    hung = sorted(world.running())[:2]
    for task in hung:
        world.sicken(task)
    world.most_alive = 4
    actions = live(world, 10 * MINUTE)
    assert starts(actions) == stops(actions) == 2
    assert world.most_alive == 4
    assert len(world.in_rotation(WEB)) == 4


def test_elb_that_refuses_every_call_keeps_who_is_in_rotation_alive() -> None:
    world = serving(4)
    world.elb.answer = "throttled"
    world.desired = 2
    actions = live(world, 30 * MINUTE)
    assert not [one for one in actions if isinstance(one, StopTask)]
    assert len(world.running()) == 4
    world.elb.answer = "ok"
    world.settle()
    assert len(world.in_rotation(WEB)) == len(world.running()) == 2


def test_elb_that_tells_nothing_is_not_asked_over_and_over() -> None:
    loop = FakeLoop().in_service(3, WEB, delay=5.0)
    loop.groups.throttle("health", 100_000)
    loop.scale(2)
    before, kicks = loop.groups.calls["health"], len(loop.kicks.sent)
    loop.run(2)
    assert loop.groups.calls["health"] - before < 40
    assert len(loop.kicks.sent) - kicks < 40
    assert loop.runtime.calls["stop"], "a minute after the delay, silence is taken for an answer"
