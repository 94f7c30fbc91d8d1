"""In steady state: tasks return from a fallback, providers get their shares, zones are made even. A few at a time."""

from collections import Counter
from typing import Any, Final

import pytest

from builders import (
    NOW,
    a_declared_service,
    a_failed_task,
    a_launch,
    a_manifest,
    a_service,
    a_starting_task,
    a_status,
    a_task,
    a_throttle,
    a_zone_refusal,
    tasks,
    zones_named,
)
from headcount.model.manifest import CapacityReturn, CapacitySource
from headcount.model.service import Counts, ServiceState, ServiceStatus
from headcount.model.task import Task
from headcount.model.values import replace
from unit.planning.plans import launches, planned, started, started_by_zone, stopped
from unit.planning.world import World

SPOT, FARGATE = CapacitySource(capacity_provider="FARGATE_SPOT"), CapacitySource(capacity_provider="FARGATE")
SPOT_THEN_FARGATE: Final[dict[str, Any]] = {"sources": (SPOT,), "fallback": (FARGATE,)}
FOUR_TO_ONE: Final = (CapacitySource(capacity_provider="FARGATE_SPOT", weight=4), FARGATE)
TWO: Final = zones_named("zone-a", "zone-b")


def a_service_with(*present: Task, desired: int, zones: Any = TWO, **changes: Any) -> ServiceState:
    manifest = a_manifest(desired_count=desired, **changes.pop("manifest", {}))
    check = changes.pop("check", False)
    declared = a_declared_service(manifest, zones=zones, container_health_check=check)
    return a_service(*present, desired=desired, declared=declared, **changes)


def moving(tasks: int, *, of: int) -> ServiceStatus:
    """What a pass left that moves tasks of a service of so many."""
    return a_status(moving=tasks, counts=Counts(desired=of))


def on(capacity: str, count: int, **changes: Any) -> tuple[Task, ...]:
    return tasks(count, prefix=capacity.lower(), capacity_provider=capacity, **changes)


def until(world: World, seconds: float) -> None:
    """Look whenever something changes or a wake falls due, for so long."""
    end = world.now + seconds
    while world.now < end:
        world.look()
        times = [at for at in (world.next_change(), world.status.next_wake) if at is not None]
        if not world.again:
            world.pass_time(min(*times, end))


def by_capacity(world: World) -> Counter[str]:
    return Counter(str(task.capacity_provider) for task in world.running().values())


def test_a_smaller_count_scales_in_by_the_services_own_order_and_waits_for_nobodys_health() -> None:
    young = a_task("young", zone="zone-b", launched_at=NOW - 20.0)
    there = (*tasks(2, prefix="a", zone="zone-a"), *tasks(1, prefix="b", zone="zone-b"), young)
    for status in (a_status(), moving(1, of=4)):  # the count was 4 when moves were under way
        decided = planned(a_service_with(*there, desired=3, status=status, manifest={"scale_in_prefer": ("newest",)}))
        assert stopped(decided) == ["young"]
        assert decided.actions[0].reason == "scale in to 3"
        assert decided.status.moving == 0


def test_moves_under_way_are_remembered_until_the_last_one_has_arrived() -> None:
    first = planned(a_service_with(*UNEVEN, desired=4))
    assert (started(first), first.status.moving) == (1, 1)
    assert planned(a_service_with(*tasks(4, prefix="a", zone="zone-a"), desired=4, zones=TWO[:1])).status.moving == 0


def test_moves_under_way_stay_moves_while_ecs_asks_for_patience() -> None:
    young = a_task("new", zone="zone-b", launched_at=NOW - 20.0)
    patient = replace(moving(1, of=4), throttle=a_throttle(until=NOW + 5.0))
    state = a_service_with(*UNEVEN, young, desired=4, status=patient, manifest={"scale_in_prefer": ("newest",)})
    decided = planned(state)
    assert (stopped(decided), decided.status.moving) == ([], 1)
    (moved,) = stopped(planned(replace(state, status=decided.status), now=NOW + 60.0))
    assert moved.startswith("a-")


def test_a_steady_service_says_how_many_tasks_run_on_a_fallback() -> None:
    there = (*on("FARGATE_SPOT", 2), *on("FARGATE", 1))
    refused = a_status(zones=(a_zone_refusal("zone-a", capacity="FARGATE_SPOT"),))
    decided = planned(a_service_with(*there, desired=3, manifest=SPOT_THEN_FARGATE, zones=TWO[:1], status=refused))
    assert decided.status.state_reason == "3 of 3 running, 1 of them on the fallback FARGATE"


# -- returning from a fallback ----------------------------------------------------------------------------------------


def test_tasks_return_from_a_fallback_one_at_a_time_and_the_replacement_starts_first() -> None:
    decided = planned(a_service_with(*on("FARGATE", 4), desired=4, manifest=SPOT_THEN_FARGATE))
    assert [(one.capacity, one.count) for one in launches(decided)] == [("FARGATE_SPOT", 1)]
    assert launches(decided)[0].reason == (
        "3 of 4 there; to replace 1 task: back from FARGATE: FARGATE_SPOT takes tasks again"
    )
    assert stopped(decided) == []
    assert decided.status.state == "RECONCILING"


def test_so_many_return_at_once_as_the_manifest_says() -> None:
    manifest = {**SPOT_THEN_FARGATE, "capacity_return": CapacityReturn(at_once_percent=50)}
    assert started(planned(a_service_with(*on("FARGATE", 8), desired=8, manifest=manifest))) == 4


def test_nothing_returns_until_no_capacity_was_refused_for_a_while() -> None:
    refusal = a_zone_refusal("zone-a", capacity="FARGATE_SPOT", until=NOW - 100.0)
    state = a_service_with(
        *on("FARGATE", 4), desired=4, manifest=SPOT_THEN_FARGATE, status=a_status(zones=(refusal,)), zones=TWO[:1]
    )
    waiting = planned(state)
    assert waiting.actions == ()
    assert waiting.wake_at == NOW + 500.0, "ten minutes after the refusal was over"
    assert started(planned(state, now=NOW + 500.0)) == 1


def test_a_provider_that_refuses_everywhere_is_asked_again_all_the_same() -> None:
    refusal = a_zone_refusal("zone-a", capacity="FARGATE_SPOT", until=NOW + 100.0)
    state = a_service_with(
        *on("FARGATE", 4), desired=4, manifest=SPOT_THEN_FARGATE, status=a_status(zones=(refusal,)), zones=TWO[:1]
    )
    assert planned(state).wake_at == NOW + 700.0


def test_a_fallback_of_days_is_left_within_minutes_of_its_end() -> None:
    world = World(2, manifest=a_manifest(**SPOT_THEN_FARGATE), zones=TWO[:1])
    world.none_left = {"FARGATE_SPOT"}
    until(world, 50_000.0)
    assert by_capacity(world) == Counter(FARGATE=2)
    world.none_left = set()
    until(world, 2 * 900.0 + 200.0)
    assert by_capacity(world) == Counter(FARGATE_SPOT=2)


def test_a_task_that_returns_never_lands_on_the_fallback_again() -> None:
    heavy = CapacitySource(capacity_provider="dry", weight=4)
    light, fallback = CapacitySource(capacity_provider="wet"), CapacitySource(capacity_provider="last")
    world = World(6, manifest=a_manifest(sources=(light, heavy), fallback=(fallback,)), zones=TWO[:1])
    world.none_left = {"dry", "wet"}
    until(world, 200.0)
    assert by_capacity(world) == Counter(last=6)
    world.none_left = {"dry"}
    until(world, 20_000.0)
    assert by_capacity(world) == Counter(last=5, wet=1)
    assert len(world.ecs) == 7, "one task returned, and no other one was replaced"


def test_no_more_tasks_are_moved_than_the_provider_lacks() -> None:
    manifest = {"sources": FOUR_TO_ONE, "fallback": (CapacitySource(capacity_provider="last"),)}
    there = (*on("FARGATE_SPOT", 15), *on("FARGATE", 4), *on("last", 1))
    manifest["capacity_return"] = CapacityReturn(at_once_percent=50)
    decided = planned(a_service_with(*there, desired=20, manifest=manifest, zones=TWO[:1]))
    assert [(one.capacity, one.count) for one in launches(decided)] == [("FARGATE_SPOT", 1)]


def test_the_launch_of_a_replacement_that_is_in_flight_is_one_of_them() -> None:
    flying = a_launch(capacity="FARGATE_SPOT", zone="zone-a")
    state = a_service_with(
        *on("FARGATE", 4),
        desired=4,
        manifest=SPOT_THEN_FARGATE,
        launches=(flying,),
        zones=TWO[:1],
        status=moving(1, of=4),
    )
    decided = planned(state)
    assert started(decided) == 0
    assert stopped(decided) == []
    assert "1 task to be replaced" in decided.status.state_reason


# -- shares -----------------------------------------------------------------------------------------------------------


def test_a_provider_that_carries_more_than_its_share_gives_to_one_that_lacks() -> None:
    there = (*on("FARGATE_SPOT", 6), *on("FARGATE", 4))
    decided = planned(a_service_with(*there, desired=10, manifest={"sources": FOUR_TO_ONE}, zones=TWO[:1]))
    assert [(one.capacity, one.count) for one in launches(decided)] == [("FARGATE_SPOT", 1)]
    assert "FARGATE carries 4 tasks, its share is 2" in launches(decided)[0].reason


def test_shares_wait_while_the_provider_that_lacks_tasks_refuses() -> None:
    refusal = a_zone_refusal("zone-a", capacity="FARGATE_SPOT", until=NOW - 1.0)
    there = (*on("FARGATE_SPOT", 6), *on("FARGATE", 4))
    status = a_status(zones=(refusal,))
    state = a_service_with(*there, desired=10, manifest={"sources": FOUR_TO_ONE}, zones=TWO[:1], status=status)
    decided = planned(state)
    assert decided.actions == ()
    assert decided.wake_at == NOW + 599.0


# -- zones ------------------------------------------------------------------------------------------------------------

UNEVEN: Final = (*tasks(3, prefix="a", zone="zone-a"), *tasks(1, prefix="b", zone="zone-b"))


def test_a_crowded_zone_gives_to_an_emptier_one() -> None:
    decided = planned(a_service_with(*UNEVEN, desired=4))
    assert started_by_zone(decided) == {"zone-b": 1}
    assert "zone-a has 3 tasks, 2 would be even" in launches(decided)[0].reason


def test_the_task_that_is_moved_stops_once_its_replacement_is_healthy() -> None:
    young = a_task("new", zone="zone-b", launched_at=NOW - 20.0)
    state = a_service_with(*UNEVEN, young, desired=4, status=moving(1, of=4))
    waiting = planned(state)
    assert waiting.actions == ()
    assert waiting.wake_at == NOW + 30.0
    assert stopped(planned(state, now=NOW + 30.0)) == ["a-1"]


def test_zones_that_differ_by_one_are_even() -> None:
    there = (*tasks(2, prefix="a", zone="zone-a"), *tasks(1, prefix="b", zone="zone-b"))
    assert planned(a_service_with(*there, desired=3)).actions == ()


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("it is turned off", {"manifest": {"zone_rebalancing": False}}),
        ("nothing can start first", {"manifest": {"maximum_percent": 100, "minimum_healthy_percent": 50}}),
        ("ECS asked for patience", {"status": a_status(throttle=a_throttle())}),
        ("the other zone takes no tasks", {"status": a_status(zones=(a_zone_refusal("zone-b"),))}),
        ("all that could go are protected", {"protected": ["a-1", "a-2", "a-3"]}),
        ("somebody is sick", {"check": True}),
    ],
)
def test_zones_stay_uneven_while(words: str, changes: dict[str, Any]) -> None:
    decided = planned(a_service_with(*UNEVEN, desired=4, **changes))
    assert decided.actions == (), words


def test_what_protection_holds_up_is_done_when_it_ends() -> None:
    present = on("FARGATE_SPOT", 1)
    state = a_service_with(
        *present, desired=1, manifest={"sources": (FARGATE, SPOT)}, protected=[one.task_id for one in present]
    )
    (protection,) = state.operator.protections
    waiting = planned(state)
    assert (waiting.actions, waiting.wake_at) == ((), protection.until)
    assert started(planned(state, now=protection.until)) == 1


@pytest.mark.parametrize(
    ("words", "unsettled"),
    [
        ("a task starts", (*UNEVEN[:3], a_starting_task("b-1", zone="zone-b"))),
        ("an older deployment's task is there", (*UNEVEN, a_starting_task("old", deployment="dep-0"))),
    ],
)
def test_nothing_is_moved_while(words: str, unsettled: tuple[Task, ...]) -> None:
    decided = planned(a_service_with(*unsettled, desired=4))
    assert started(decided) == 0, words


def test_nothing_is_moved_while_failed_tasks_wait() -> None:
    failed = a_failed_task("failed", launched_at=NOW - 0.5)
    state = a_service_with(*UNEVEN, failed, desired=4)
    first = planned(state).status
    again = a_service_with(*UNEVEN, a_failed_task("again", launched_at=NOW), desired=4, status=first)
    decided = planned(again)
    assert decided.status.backoff is not None
    assert decided.status.backoff.until > NOW
    assert started(decided) == 0


def test_a_zone_that_refuses_is_asked_again_when_its_time_has_come() -> None:
    state = a_service_with(*UNEVEN, desired=4, status=a_status(zones=(a_zone_refusal("zone-b", until=NOW + 70.0),)))
    assert planned(state).wake_at == NOW + 70.0
    assert started_by_zone(planned(state, now=NOW + 70.0)) == {"zone-b": 1}


def test_zones_wait_while_tasks_are_on_a_fallback() -> None:
    refusal = a_zone_refusal("zone-a", capacity="FARGATE_SPOT", until=NOW - 1.0)
    there = (*on("FARGATE", 4, zone="zone-a"), *on("FARGATE_SPOT", 1, zone="zone-b"))
    state = a_service_with(*there, desired=5, manifest=SPOT_THEN_FARGATE, status=a_status(zones=(refusal,)))
    assert planned(state).actions == (), "Spot would be asked before it is trusted again"


def test_where_ecs_chooses_the_zone_nothing_is_moved() -> None:
    ec2 = {"sources": (CapacitySource(launch_type="EC2"),)}
    assert planned(a_service_with(*UNEVEN, desired=4, manifest=ec2, zones=(("any", ()),))).actions == ()
