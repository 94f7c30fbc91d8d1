"""Which capacity the next tasks go to: shares by base and weight, fallbacks in their order, refusals by place."""

from collections import Counter
from typing import Any, Final

import pytest

from builders import (
    NOW,
    a_declared_service,
    a_launch,
    a_lost_task,
    a_manifest,
    a_service,
    a_starting_task,
    a_status,
    a_zone_refusal,
    tasks,
    zones_named,
)
from headcount.model.manifest import CapacitySource
from headcount.model.plan import Plan
from headcount.model.service import ANY_ZONE, Cordon, OperatorWishes, ServiceState, StopWish
from headcount.model.task import Task
from headcount.planning.sharing import share
from unit.planning.plans import holds, launches, planned
from unit.planning.promises import broken_promises

SPOT, FARGATE = CapacitySource(capacity_provider="FARGATE_SPOT"), CapacitySource(capacity_provider="FARGATE")
EC2: Final = CapacitySource(launch_type="EC2")
BASE_TWO: Final = (
    CapacitySource(capacity_provider="FARGATE", base=2, weight=1),
    CapacitySource(capacity_provider="FARGATE_SPOT", weight=4),
)
TWO: Final = ("zone-a", "zone-b")


def a_service_on(
    *sources: CapacitySource, there: tuple[Task, ...] = (), desired: int, zones: Any = TWO, **changes: Any
) -> ServiceState:
    fields = {"fallback": changes.pop("fallback", ()), "strict_zone_spread": changes.pop("strict", False)}
    manifest = a_manifest(desired_count=desired, sources=sources, **fields)
    declared = a_declared_service(manifest, zones=zones_named(*zones))
    return a_service(*there, desired=desired, declared=declared, **changes)


def started_by_place(decided: Plan) -> dict[tuple[str, str], int]:
    places: Counter[tuple[str, str]] = Counter()
    for launch in launches(decided):
        places[launch.capacity, launch.zone] += launch.count
    return dict(places)


def started_by_capacity(decided: Plan) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for launch in launches(decided):
        counted[launch.capacity] += launch.count
    return dict(counted)


def refused(capacity: str, *zones: str, **changes: Any) -> Any:
    return a_status(zones=tuple(a_zone_refusal(zone, capacity=capacity, **changes) for zone in zones))


# -- shares -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "shares"),
    [(0, (0, 0)), (1, (1, 0)), (2, (2, 0)), (3, (2, 1)), (7, (3, 4)), (12, (4, 8)), (22, (6, 16))],
)
def test_the_base_comes_first_and_weights_divide_the_rest(desired: int, shares: tuple[int, int]) -> None:
    assert tuple(share(desired, BASE_TWO).values()) == shares


def test_a_large_count_is_divided_as_if_task_by_task() -> None:
    sources = tuple(CapacitySource(capacity_provider=f"p{weight}", weight=weight) for weight in (1, 3, 7, 0, 13))
    counted = share(4999, sources)
    assert counted == {"p1": 208, "p3": 625, "p7": 1458, "p0": 0, "p13": 2708}


def test_new_tasks_go_to_the_provider_that_is_furthest_behind() -> None:
    there = (*tasks(6, prefix="s", capacity_provider="FARGATE_SPOT"), *tasks(1, capacity_provider="FARGATE"))
    assert started_by_capacity(planned(a_service_on(*BASE_TWO, there=there, desired=12))) == {
        "FARGATE": 3,
        "FARGATE_SPOT": 2,
    }


def test_tasks_in_flight_count_for_their_provider() -> None:
    flying = a_launch(count=4, capacity="FARGATE")
    assert started_by_capacity(planned(a_service_on(*BASE_TWO, desired=12, launches=(flying,)))) == {"FARGATE_SPOT": 8}


def test_providers_share_the_zones() -> None:
    decided = planned(a_service_on(*BASE_TWO, desired=12))
    assert Counter(
        {zone: sum(n for (_, at), n in started_by_place(decided).items() if at == zone) for zone in TWO}
    ) == {
        "zone-a": 6,
        "zone-b": 6,
    }


# -- refusals and fallbacks -------------------------------------------------------------------------------------------


def test_a_zone_is_closed_to_the_provider_that_refused_in_it_and_to_no_other() -> None:
    decided = planned(a_service_on(*BASE_TWO, desired=12, status=refused("FARGATE_SPOT", "zone-a")))
    assert started_by_place(decided) == {
        ("FARGATE", "zone-a"): 3,
        ("FARGATE", "zone-b"): 1,
        ("FARGATE_SPOT", "zone-b"): 8,
    }


def test_one_zone_that_refuses_is_no_reason_for_a_fallback() -> None:
    state = a_service_on(SPOT, fallback=(FARGATE,), desired=3, status=refused("FARGATE_SPOT", "zone-a"))
    assert started_by_place(planned(state)) == {("FARGATE_SPOT", "zone-b"): 3}


def test_where_every_zone_refuses_the_fallbacks_follow_in_their_order() -> None:
    fallback = (CapacitySource(capacity_provider="FARGATE", zones=("zone-b",)), EC2)
    state = a_service_on(SPOT, fallback=fallback, desired=3, status=refused("FARGATE_SPOT", *TWO))
    assert started_by_place(planned(state)) == {("FARGATE", "zone-b"): 3}
    both = (*refused("FARGATE_SPOT", *TWO).zones, *refused("FARGATE", "zone-b").zones)
    last = a_service_on(SPOT, fallback=fallback, desired=3, status=a_status(zones=both))
    assert started_by_capacity(planned(last)) == {"EC2": 3}


def test_a_provider_that_is_short_and_open_comes_before_the_fallback_of_another() -> None:
    state = a_service_on(*BASE_TWO, fallback=(EC2,), desired=12, status=refused("FARGATE_SPOT", *TWO))
    assert started_by_capacity(planned(state)) == {"FARGATE": 4, "EC2": 8}


def test_when_the_fallback_refuses_too_the_first_of_all_is_tried_again() -> None:
    zones = (
        *refused("FARGATE_SPOT", *TWO, until=NOW + 200.0).zones,
        *refused("FARGATE", *TWO, until=NOW + 20.0).zones,
    )
    decided = planned(a_service_on(SPOT, fallback=(FARGATE,), desired=3, status=a_status(zones=zones)))
    assert decided.actions == ()
    assert decided.wake_at == NOW + 20.0
    assert holds(decided) == [
        (
            "3 tasks not started: no place takes FARGATE_SPOT tasks; FARGATE in zone-a said "
            "'Capacity is unavailable at this time', next try at 14:13:40Z"
        )
    ]
    assert decided.status.state == "BLOCKED"


def test_a_task_that_found_no_room_closes_its_place() -> None:
    homeless = a_lost_task(
        capacity_provider="FARGATE_SPOT",
        started_at=None,
        launched_at=NOW - 20.0,
        stopped_reason="Capacity is unavailable",
    )
    decided = planned(a_service_on(*BASE_TWO, there=(homeless,), desired=12))
    assert [(one.capacity, one.zone) for one in decided.status.zones] == [("FARGATE_SPOT", "zone-a")]
    assert ("FARGATE", "zone-a") in started_by_place(decided)


def test_refusals_of_places_that_are_used_no_more_are_forgotten() -> None:
    zones = (*refused("FARGATE", "zone-a").zones, *refused("FARGATE", "zone-z").zones, *refused("EC2", "zone-a").zones)
    decided = planned(a_service_on(FARGATE, there=tasks(1), desired=1, status=a_status(zones=zones)))
    assert [(one.capacity, one.zone) for one in decided.status.zones] == [("FARGATE", "zone-a")]


def test_a_refusal_is_remembered_for_as_long_as_a_return_waits_for_it() -> None:
    status = refused("FARGATE", "zone-a", until=NOW - 599.0)
    state = a_service_on(FARGATE, there=tasks(1), desired=1, status=status)
    assert planned(state).status.zones == status.zones
    assert planned(state, now=NOW + 1.0).status.zones == ()


# -- strict spread and cordons ----------------------------------------------------------------------------------------


def test_strict_spread_waits_for_the_emptiest_zone() -> None:
    status = refused("FARGATE", "zone-b")
    decided = planned(a_service_on(FARGATE, there=tasks(1), strict=True, desired=4, status=status))
    assert decided.actions == ()
    assert holds(decided)[0].startswith(
        "3 tasks not started: strict spread keeps the zones even; FARGATE in zone-b said"
    )
    assert decided.wake_at == NOW + 10.0


def test_a_cordoned_zone_gets_no_tasks_until_the_cordon_ends() -> None:
    cordon = Cordon(zone="zone-a", at=NOW, until=NOW + 60.0)
    state = a_service_on(FARGATE, desired=2, cordons=(cordon,))
    assert started_by_place(planned(state)) == {("FARGATE", "zone-b"): 2}
    assert started_by_place(planned(state, now=NOW + 60.0)) == {("FARGATE", "zone-a"): 1, ("FARGATE", "zone-b"): 1}


def test_the_end_of_a_cordon_is_waited_for_even_in_steady_state() -> None:
    there = tasks(2, zone="zone-b")
    state = a_service_on(FARGATE, there=there, desired=2, cordons=(Cordon(zone="zone-a", at=NOW, until=NOW + 60.0),))
    assert planned(state).wake_at == NOW + 60.0
    assert started_by_place(planned(state, now=NOW + 60.0)) == {("FARGATE", "zone-a"): 1}


def test_when_every_zone_is_cordoned_that_is_said() -> None:
    cordons = tuple(Cordon(zone=zone, at=NOW, until=NOW + 60.0) for zone in TWO)
    decided = planned(a_service_on(FARGATE, desired=2, cordons=cordons))
    assert holds(decided) == ["2 tasks not started: every zone is cordoned (zone-a, zone-b)"]
    assert decided.wake_at == NOW + 60.0


def test_where_ecs_chooses_the_zone_there_is_one_place_for_each_provider() -> None:
    manifest = a_manifest(sources=(EC2,))
    declared = a_declared_service(manifest, zones=((ANY_ZONE, ()),), network_mode="bridge")
    decided = planned(a_service(*tasks(1, zone="zone-q"), desired=3, declared=declared))
    assert started_by_place(decided) == {("EC2", ANY_ZONE): 2}
    assert launches(decided)[0].reason == "1 of 3 there"
    closed = refused("EC2", ANY_ZONE)
    assert launches(planned(a_service(desired=3, declared=declared, status=closed))) == []


# -- what fits in a pass ----------------------------------------------------------------------------------------------


def test_many_places_stuck_tasks_and_wishes_at_once_fit_in_one_transaction() -> None:
    sources = tuple(CapacitySource(capacity_provider=f"provider-{number}") for number in range(20))
    there = tuple(a_starting_task(f"t-{number:02}", launched_at=NOW - 9000.0) for number in range(80))
    stops = tuple(StopWish(task=task.task_id, at=NOW) for task in there[:40])
    orphans = tasks(30, prefix="orphan", deployment=None, confirmed_at=NOW)
    wishes = OperatorWishes(stops=stops)
    zones = ("zone-a", "zone-b", "zone-c")
    state = a_service_on(*sources, there=(*there, *orphans), desired=300, zones=zones, operator=wishes)
    decided = planned(state)
    assert broken_promises(state, decided, NOW) == []
    assert decided.again


def test_a_request_of_the_deployment_before_that_was_refused_closes_no_place_to_the_new_one() -> None:
    before = a_declared_service(a_manifest(), deployment="dep-0", zones=zones_named(*TWO))
    declared = a_declared_service(a_manifest(sources=(FARGATE,)), zones=zones_named(*TWO), previous=before)
    status = refused("FARGATE", *TWO, deployment="dep-0")
    decided = planned(a_service(desired=2, declared=declared, status=status))
    assert started_by_place(decided) == {("FARGATE", "zone-a"): 1, ("FARGATE", "zone-b"): 1}
    assert decided.status.zones == status.zones, "it is remembered for the old tasks that are kept alive"
