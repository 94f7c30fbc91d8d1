"""Which zone the next tasks go to, and zones without capacity."""

from typing import Any

import pytest

from builders import (
    NOW,
    a_declared_service,
    a_launch,
    a_lost_task,
    a_manifest,
    a_service,
    a_status,
    a_zone_refusal,
    tasks,
    zones_named,
)
from headcount.model.service import ServiceState
from headcount.model.task import Task
from headcount.planning.placement import Place, refuse_place
from unit.planning.plans import event_names, holds, launches, planned, started_by_zone
from unit.planning.world import World

TWO = ("zone-a", "zone-b")
THREE = ("zone-a", "zone-b", "zone-c")
ZONE_A = Place("FARGATE", "zone-a")


def a_service_in(zones: tuple[str, ...], *present: Task, desired: int, **changes: Any) -> ServiceState:
    declared = a_declared_service(a_manifest(), zones=zones_named(*zones))
    return a_service(*present, desired=desired, declared=declared, **changes)


@pytest.mark.parametrize(
    ("desired", "zones", "spread"),
    [(2, TWO, [1, 1]), (3, TWO, [2, 1]), (5, THREE, [2, 2, 1]), (1, THREE, [1]), (7, TWO, [4, 3])],
)
def test_new_tasks_spread_over_the_zones(desired: int, zones: tuple[str, ...], spread: list[int]) -> None:
    decided = planned(a_service_in(zones, desired=desired))
    assert sorted(started_by_zone(decided).values(), reverse=True) == spread


def test_the_emptiest_zone_comes_first() -> None:
    present = (*tasks(3, prefix="a", zone="zone-a"), *tasks(1, prefix="b", zone="zone-b"))
    assert started_by_zone(planned(a_service_in(TWO, *present, desired=6))) == {"zone-b": 2}


def test_tasks_in_flight_fill_their_zone() -> None:
    state = a_service_in(TWO, desired=3, launches=(a_launch(count=2, zone="zone-a"),))
    assert started_by_zone(planned(state)) == {"zone-b": 1}


def test_old_tasks_do_not_fill_a_zone_for_the_new() -> None:
    old = tasks(2, zone="zone-a", deployment="dep-0")
    assert started_by_zone(planned(a_service_in(TWO, *old, desired=2))) == {"zone-a": 1, "zone-b": 1}


def test_one_call_has_one_zones_subnets() -> None:
    subnets = {
        launch.zone: launch.request["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
        for launch in launches(planned(a_service_in(TWO, desired=2)))
    }
    assert subnets == {"zone-a": ["subnet-a"], "zone-b": ["subnet-b"]}


def test_a_zone_that_refused_is_skipped() -> None:
    status = a_status(zones=(a_zone_refusal("zone-a"),))
    assert started_by_zone(planned(a_service_in(TWO, desired=3, status=status))) == {"zone-b": 3}


def test_a_zone_that_refused_is_tried_again_in_time() -> None:
    status = a_status(zones=(a_zone_refusal("zone-a", until=NOW),))
    assert started_by_zone(planned(a_service_in(TWO, desired=3, status=status))) == {"zone-a": 2, "zone-b": 1}


def test_when_every_zone_refuses_the_plan_says_why_and_when() -> None:
    refusals = (a_zone_refusal("zone-a", until=NOW + 20.0), a_zone_refusal("zone-b", until=NOW + 10.0))
    decided = planned(a_service_in(TWO, desired=3, status=a_status(zones=refusals)))
    assert decided.actions == ()
    assert holds(decided) == [
        (
            "3 tasks not started: no place takes FARGATE tasks; FARGATE in zone-b said "
            "'Capacity is unavailable at this time', next try at 14:13:30Z"
        )
    ]
    assert event_names(decided) == ["SERVICE_TASK_PLACEMENT_FAILURE"]
    assert decided.wake_at == NOW + 10.0
    assert decided.status.state == "BLOCKED"


def test_a_task_that_found_no_room_makes_its_zone_skipped_and_is_no_failure() -> None:
    homeless = a_lost_task(
        zone="zone-a",
        started_at=None,
        launched_at=NOW - 20.0,
        stop_code="TaskFailedToStart",
        stopped_reason="Capacity is unavailable at this time. Please try again later",
    )
    decided = planned(a_service_in(TWO, homeless, desired=2))
    assert started_by_zone(decided) == {"zone-b": 2}
    assert decided.status.backoff is None
    assert [(refusal.zone, refusal.refusals) for refusal in decided.status.zones] == [("zone-a", 1)]


def test_a_zone_is_skipped_twice_as_long_each_time_in_a_row() -> None:
    refusal = None
    skipped = []
    now = NOW
    for _ in range(7):
        refusal = refuse_place(refusal, ZONE_A, "no capacity", now, 0.0)
        skipped.append(refusal.until - now)
        now = refusal.until + 1.0
    assert skipped == [15.0, 30.0, 60.0, 120.0, 240.0, 300.0, 300.0]
    assert refuse_place(refusal, ZONE_A, "no capacity", now + 3600.0, 1.0).until - now - 3600.0 == 7.5


def test_what_a_full_zone_did_not_start_starts_in_another() -> None:
    world = World(4, zones=zones_named(*TWO))
    world.full_zones = {"zone-a"}
    world.settle()
    zones = [task.availability_zone for task in world.running().values()]
    assert (zones.count("zone-a"), zones.count("zone-b")) == (1, 3)


def test_looking_twice_at_a_task_that_found_no_room_makes_one_refusal() -> None:
    homeless = a_lost_task(started_at=None, launched_at=NOW - 20.0, stopped_reason="RESOURCE:MEMORY")
    status = a_status(zones=(a_zone_refusal("zone-a", since=NOW - 5.0),))
    decided = planned(a_service_in(TWO, homeless, desired=1, status=status))
    assert decided.status.zones == status.zones
