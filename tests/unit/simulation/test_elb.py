"""The simulated ELB keeps to what the reference says of target groups, and the watch sees what breaks its rules."""

from collections.abc import Callable
from typing import Any

import pytest

from headcount.errors import Throttled
from headcount.model.values import replace
from headcount_simulation.characters import Character
from headcount_simulation.days import Day, Happening
from headcount_simulation.elb import Target, TargetGroup
from headcount_simulation.invariants import Violation
from headcount_simulation.losses import a_service
from headcount_simulation.simulating import Outcome, schedule, simulate
from headcount_simulation.stories import verdict
from headcount_simulation.together import Rush, go_through
from headcount_simulation.traffic import Terms, Traffic
from headcount_simulation.world import World

WEB = "prod/web"
MINUTE = 60.0
QUIET_AT = 3600.0


def a_character(**changes: Any) -> Character:
    return replace(a_service(WEB, 4), **{"traffic": Traffic(delay=30, interval=10), **changes})


def a_day(character: Character, *happenings: Happening) -> Day:
    create = Happening(at=1.0, kind="create", service=WEB)
    return Day(
        seed=1, characters=(character,), happenings=(create, *happenings), quiet_at=QUIET_AT, ends_at=2 * QUIET_AT
    )


def then(minute: float, kind: str, **details: Any) -> Happening:
    return Happening(at=minute * MINUTE, kind=kind, service=WEB, **{"seconds": 600.0, **details})


def told(character: Character, *happenings: Happening) -> Outcome:
    outcome = simulate(a_day(character, *happenings), keep_story=True)
    assert outcome.ok, verdict(outcome)
    return outcome


def lines(outcome: Outcome, *words: str) -> list[str]:
    return [line for _, line in outcome.story if all(word in line for word in words)]


@pytest.fixture
def world() -> Any:
    """Four tasks in rotation for ten minutes."""
    world = World(a_day(a_character()))
    schedule(world)
    world.run(10 * MINUTE)
    yield world
    world.close()


def group_of(world: World) -> TargetGroup:
    return world.groups(WEB)[0]


def a_target(world: World) -> Target:
    return next(iter(group_of(world).targets.values()))


def after(world: World, seconds: float) -> None:
    world.run(world.second + seconds)


# -- the world ---------------------------------------------------------------------------------------------------------


def test_tasks_that_run_are_healthy_targets(world: World) -> None:
    targets = group_of(world).targets.values()
    assert [target.state for target in targets] == ["healthy"] * 4
    assert {target.task for target in targets} == set(world.tasks(WEB))


def test_checks_notice_a_sick_task_after_as_many_intervals_as_the_threshold(world: World) -> None:
    target, group = a_target(world), group_of(world)
    assert target.task is not None
    world.ecs.sicken(target.task, "hangs")
    after(world, group.detection - group.interval)
    assert target.state == "healthy"
    after(world, group.interval + 1.0)
    assert (target.state, target.reason) == ("unhealthy", "Target.Timeout")


def test_a_task_that_is_well_again_before_the_checks_notice_stays_healthy(world: World) -> None:
    target = a_target(world)
    assert target.task is not None
    world.ecs.sicken(target.task, "errors")
    after(world, 1.0)
    world.ecs.sicken(target.task, "")
    after(world, 60.0)
    assert target.state == "healthy"


def test_a_target_drains_for_the_whole_delay_and_is_gone_then(world: World) -> None:
    elb, group, target = world.elb, group_of(world), a_target(world)
    elb.take_out(group, target.endpoint)
    after(world, group.delay - 1.0)
    assert target.state == "draining"
    elb.take_out(group, target.endpoint)  # the delay does not begin anew
    after(world, 2.0)
    assert group.targets.get(target.endpoint) is not target


def test_a_draining_target_that_is_registered_is_in_rotation_again(world: World) -> None:
    elb, group, target = world.elb, group_of(world), a_target(world)
    elb.take_out(group, target.endpoint)
    elb.put(group, target.endpoint)
    after(world, group.delay + group.interval)
    assert group.targets[target.endpoint].state == "healthy"


def test_changes_and_looks_have_limits_of_their_own(world: World) -> None:
    elb, group = world.elb, group_of(world)
    for _ in range(20):
        elb.deregister(group.arn, [])
    with pytest.raises(Throttled):
        elb.deregister(group.arn, [])
    assert elb.health(group.arn)
    for _ in range(19):
        elb.health(group.arn)
    with pytest.raises(Throttled):
        elb.health(group.arn)


def test_an_address_that_was_given_back_is_the_next_task_s_where_there_are_few() -> None:
    few = told(a_character(traffic=Traffic(few_addresses=True)), then(20, "foreign stop"), then(30, "foreign stop"))
    assert lines(few, "takes 10.0.0.5:80")
    assert not lines(few, "takes 10.0.0.6:80"), "the second one got the first one's address"
    many = told(a_character(), then(20, "foreign stop"), then(30, "foreign stop"))
    assert lines(many, "takes 10.0.0.6:80")


# -- what befalls traffic ----------------------------------------------------------------------------------------------


def test_a_sick_task_is_replaced() -> None:
    outcome = told(a_character(), then(20, "task sickens", number=4))
    assert lines(outcome, "launch:", "unhealthy in target group web-0")
    assert lines(outcome, "ECS is told to stop")


def test_most_tasks_sick_at_once_are_an_outage_and_none_is_stopped() -> None:
    outcome = told(a_character(percentages=(50, 100)), then(20, "tasks sicken"))
    assert lines(outcome, "frozen:")
    assert not lines(outcome, "ECS is told to stop")


def test_sick_tasks_are_left_alone_where_people_want_it() -> None:
    character = a_character(terms=Terms(unhealthy={"action": "ignore"}))
    outcome = told(character, then(20, "task sickens", number=1))
    assert lines(outcome, "as unhealthy")
    assert not lines(outcome, "ECS is told to stop")


def test_a_target_that_somebody_took_out_is_registered_again() -> None:
    outcome = told(a_character(), then(20, "target taken out", number=1))
    assert lines(outcome, "register:", "registered again")


def test_target_groups_come_and_go_and_no_task_is_replaced() -> None:
    character = a_character(traffic=Traffic(one_port=True))
    outcome = told(character, then(20, "balance", number=3), then(40, "balance", number=1))
    assert lines(outcome, "web-2 takes")
    assert not lines(outcome, "ECS is told to stop")
    assert outcome.tasks == 4


def test_a_named_target_group_that_is_deleted_is_named_anew() -> None:
    outcome = told(a_character(), then(20, "target group deleted", seconds=300.0))
    assert lines(outcome, "does not exist")
    assert outcome.tasks == 4


def test_a_declared_target_group_is_kept_and_ends_with_its_service() -> None:
    character = a_character(traffic=Traffic(declared=True, delay=5))
    outcome = told(character, then(20, "target group deleted"), then(50, "delete"))
    assert len(lines(outcome, "creating target group web-0")) == 2
    assert lines(outcome, "alarm headcount/main/unhealthy/web-0")


# -- the watch ---------------------------------------------------------------------------------------------------------


def _stop(world: World, target: Target) -> None:
    assert target.task is not None
    world.watch.routing.stopping(target.task)


def _register_another(world: World, target: Target) -> None:
    address, port = target.endpoint
    world.watch.routing.registering(group_of(world), [(f"{address}9", port)])


def _name_no_group(world: World, _: Target) -> None:
    world.watch.routing.check_rest(WEB, [], world.tasks(WEB))


def _lose(world: World, target: Target) -> None:
    del group_of(world).targets[target.endpoint]
    world.watch.routing.check_rest(WEB, [group_of(world)], world.tasks(WEB))


def _end(world: World, target: Target) -> None:
    assert target.task is not None
    world.bus.lost = 1.0  # nobody is told
    world.ecs.end(target.task, "EssentialContainerExited", "it was lost")
    world.run(world.second + 5.0)
    world.watch.routing.check_left(WEB)


@pytest.mark.parametrize(
    ("breaks", "invariant"),
    [
        (_stop, "drained"),
        (_register_another, "targets on record"),
        (_name_no_group, "no target left"),
        (_lose, "in rotation"),
        (_end, "leaves at once"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_must_not_be_is_seen(world: World, breaks: Callable[[World, Target], object], invariant: str) -> None:
    with pytest.raises(Violation) as found:
        breaks(world, a_target(world))
    assert found.value.invariant == invariant


def test_a_target_of_others_is_nobody_s_to_take_out(world: World) -> None:
    group, theirs = group_of(world), ("192.168.7.7", 8000)
    world.elb.put(group, theirs, foreign=True)
    with pytest.raises(Violation, match="others' targets"):
        world.watch.routing.deregistering(group, [theirs])


# -- many together -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [False, True], ids=["start together", "lost together"])
def test_many_tasks_are_in_rotation_soon_after_the_bound_with_hardly_a_call_too_many(*, lost: bool) -> None:
    """Some seconds are lost whatever their number; `make bench` holds 500 and 1,000 tasks against a tenth more."""
    rotation = go_through(Rush(name="many", tasks=200, lost=lost))
    assert rotation.violated == ""
    assert rotation.changes <= rotation.least + 2
    assert rotation.seconds is not None
    assert rotation.seconds - rotation.bound <= 7.0
