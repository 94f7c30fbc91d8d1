"""Who goes first: every rule of ``scaleIn.prefer``, their chain, and those that are never chosen."""

from itertools import permutations

import pytest

from builders import NOW, ZONES, a_declared_service, a_manifest, a_service, a_starting_task, a_task, tasks
from headcount.model.manifest import DEFAULT_SCALE_IN_ORDER, SCALE_IN_RULES, CapacitySource
from headcount.model.task import Task, zone_of
from headcount.planning.victims import ScaleInOrder, choose_victims
from unit.planning.plans import holds, planned, stopped


def victims(candidates: list[Task], count: int, *prefer: str) -> list[str]:
    order = ScaleInOrder(prefer=prefer or DEFAULT_SCALE_IN_ORDER, deployment="dep-1")
    return [task.task_id for task in choose_victims(candidates, count, order)]


PLAIN = a_task("a-plain", launched_at=NOW - 500.0)


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("notRunning", a_starting_task("z-first", launched_at=NOW - 500.0)),
        ("unhealthy", a_task("z-first", health="UNHEALTHY", launched_at=NOW - 500.0)),
        ("oldRevision", a_task("z-first", deployment="dep-0", launched_at=NOW - 500.0)),
        ("newest", a_task("z-first", launched_at=NOW - 400.0)),
        ("oldest", a_task("z-first", launched_at=NOW - 600.0)),
    ],
)
def test_each_rule_chooses_its_own(rule: str, first: Task) -> None:
    assert victims([PLAIN, first], 1, rule) == ["z-first"]


def test_the_crowded_zone_gives_first() -> None:
    crowded = [a_task(f"z-{number}", zone="zone-b") for number in range(2)]
    assert victims([a_task("a", zone="zone-a"), *crowded], 1, "crowdedZone") == ["z-0"]


def test_where_rules_agree_the_id_decides() -> None:
    assert victims(list(tasks(3)), 2, "newest") == ["task-1", "task-2"]


def test_a_later_rule_decides_among_those_alike_for_the_earlier() -> None:
    candidates = [
        a_task("healthy-new", launched_at=NOW - 1.0),
        a_task("sick-old", health="UNHEALTHY", launched_at=NOW - 900.0),
        a_task("sick-new", health="UNHEALTHY", launched_at=NOW - 800.0),
    ]
    assert victims(candidates, 3, "unhealthy", "newest") == ["sick-new", "sick-old", "healthy-new"]
    assert victims(candidates, 3, "newest", "unhealthy") == ["healthy-new", "sick-new", "sick-old"]


def test_the_default_order_is_a_chain() -> None:
    candidates = [
        a_task("newest-there", launched_at=NOW - 100.0),
        a_task("older-there", launched_at=NOW - 200.0),
        a_task("old-revision", deployment="dep-0"),
        a_task("unhealthy", health="UNHEALTHY"),
        a_starting_task("starting"),
    ]
    assert victims(candidates, 5) == ["starting", "unhealthy", "old-revision", "newest-there", "older-there"]


@pytest.mark.parametrize(
    ("counts", "stops", "left"),
    [((4, 2, 3), 3, (2, 2, 2)), ((5, 1, 1), 3, (2, 1, 1)), ((3, 3, 3), 2, (2, 2, 3)), ((2, 0, 7), 4, (2, 0, 3))],
)
def test_scale_in_keeps_the_zones_even(counts: tuple[int, ...], stops: int, left: tuple[int, ...]) -> None:
    candidates = [
        task for zone, count in zip(ZONES, counts, strict=True) for task in tasks(count, prefix=zone, zone=zone)
    ]
    gone = set(victims(candidates, stops))
    zones = [zone_of(task) for task in candidates if task.task_id not in gone]
    assert sorted(zones.count(zone) for zone in ZONES) == sorted(left)


def test_protected_tasks_crowd_their_zone_too() -> None:
    crowded = [a_task(f"a-{number}", zone="zone-a") for number in range(3)]
    other = [a_task(f"b-{number}", zone="zone-b") for number in range(2)]
    decided = planned(a_service(*crowded, *other, desired=4, protected=["a-0", "a-1"]))
    assert stopped(decided) == ["a-2"], "zone-a has three tasks, though only one of them may go"


@pytest.mark.parametrize(
    "prefer", [DEFAULT_SCALE_IN_ORDER, ("crowdedZone",), ("newest", "crowdedZone"), SCALE_IN_RULES]
)
def test_the_order_of_tasks_on_record_chooses_nobody(prefer: tuple[str, ...]) -> None:
    candidates = [
        a_task("a", zone="zone-a"),
        a_task("b", zone="zone-b"),
        a_task("c", zone="zone-b", launched_at=NOW - 9.0),
        a_task("d", zone="zone-a", health="UNHEALTHY"),
        a_starting_task("e", zone="zone-b"),
    ]
    assert len({tuple(victims(list(order), 3, *prefer)) for order in permutations(candidates)}) == 1


def test_no_more_victims_than_candidates() -> None:
    assert len(victims(list(tasks(2)), 5)) == 2
    assert victims([], 5) == []
    assert victims(list(tasks(2)), 0) == []


def test_a_service_scales_in_by_its_own_order() -> None:
    old, new = a_task("old", launched_at=NOW - 900.0), a_task("new", launched_at=NOW - 100.0)
    oldest_first = a_declared_service(a_manifest(scale_in_prefer=("oldest",)))
    assert stopped(planned(a_service(old, new, desired=1))) == ["new"]
    assert stopped(planned(a_service(old, new, desired=1, declared=oldest_first))) == ["old"]


def test_a_protected_task_is_never_chosen() -> None:
    assert stopped(planned(a_service(*tasks(3), desired=2, protected=["task-1"]))) == ["task-2"]


def test_protected_tasks_beyond_the_desired_count_stay_with_a_reason_until_they_may_go() -> None:
    decided = planned(a_service(*tasks(3), desired=1, protected=["task-1", "task-2", "task-3"]))
    assert stopped(decided) == []
    assert holds(decided) == ["2 tasks too many, but 3 of 3 are protected"]
    assert decided.wake_at == NOW + 300.0, "what is not steady is looked at every five minutes"
    soon = planned(a_service(*tasks(3), desired=1, protected=["task-1", "task-2", "task-3"]), now=NOW + 400.0)
    assert soon.wake_at == NOW + 600.0, "and when the protection ends"


def test_protection_ends() -> None:
    state = a_service(*tasks(2), desired=1, protected=["task-1", "task-2"])
    assert stopped(planned(state, now=NOW + 599.0)) == []
    assert len(stopped(planned(state, now=NOW + 600.0))) == 1


def test_tasks_on_a_fallback_go_before_those_of_the_provider_that_should_carry_them() -> None:
    spot_first = a_manifest(
        sources=(CapacitySource(capacity_provider="FARGATE_SPOT"),),
        fallback=(CapacitySource(capacity_provider="FARGATE"),),
    )
    there = (
        *tasks(3, prefix="spot", capacity_provider="FARGATE_SPOT"),
        a_task("away", capacity_provider="FARGATE", launched_at=NOW - 9000.0),
    )
    declared = a_declared_service(spot_first)
    assert stopped(planned(a_service(*there, desired=3, declared=declared))) == ["away"]


def test_the_most_crowded_instance_of_the_most_crowded_zone_gives_first_and_they_are_levelled() -> None:
    there = [
        *tasks(4, prefix="full", zone="zone-a", container_instance="i-full"),
        *tasks(2, prefix="half", zone="zone-a", container_instance="i-half"),
        *tasks(5, prefix="other", zone="zone-b", container_instance="i-other"),
    ]
    gone = victims(there, 6, "crowdedZone", "crowdedInstance", "newest")
    assert [task_id.partition("-")[0] for task_id in gone] == ["full", "other", "full", "other", "full", "other"]
