"""Tasks whose place goes away, that are too old, or whose zone is evacuated: their replacements start first."""

import zlib
from typing import Any, Final

import pytest

from builders import (
    NOW,
    a_declared_service,
    a_manifest,
    a_service,
    a_starting_task,
    a_status,
    a_task,
    a_zone_refusal,
    tasks,
    zones_named,
)
from headcount.model.manifest import Deadlines, MaximumAge
from headcount.model.service import Cordon, ServiceState
from headcount.model.task import Notice, Task
from headcount.model.values import replace
from unit.planning.plans import holds, launches, planned, started, started_by_zone, stopped
from unit.planning.world import World

KINDS: Final = ("DRAINING", "GONE", "SPOT", "RETIREMENT")
HOUR: Final = 3600.0


def noticed(task_id: str = "task-1", kind: Any = "DRAINING", **changes: Any) -> Task:
    fields = {name: changes.pop(name) for name in ("at", "deadline") if name in changes}
    notice = Notice(**{"kind": kind, "at": NOW - 5.0, "reason": f"its place: {kind}"} | fields)
    return replace(a_task(task_id, **changes), notice=notice)


def a_service_of(*present: Task, desired: int = 3, **changes: Any) -> ServiceState:
    zones = zones_named(*changes.pop("zones", ("zone-a",)))
    declared = a_declared_service(a_manifest(desired_count=desired, **changes.pop("manifest", {})), zones=zones)
    return a_service(*present, desired=desired, declared=declared, **changes)


# -- what AWS announces -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_whose_place_goes_away_is_replaced_and_its_replacement_starts_first(kind: str) -> None:
    decided = planned(a_service_of(noticed("going", kind), *tasks(2, prefix="fine")))
    assert started(decided) == 1
    assert stopped(decided) == []
    assert launches(decided)[0].reason == f"2 of 3 there; to replace 1 task: its place: {kind}"
    assert decided.status.state == "RECONCILING"


def test_it_stops_when_its_replacement_is_healthy_and_the_reason_is_told() -> None:
    young = a_task("young", launched_at=NOW - 20.0)
    state = a_service_of(noticed("going"), *tasks(2, prefix="fine"), young)
    waiting = planned(state)
    assert waiting.actions == ()
    assert waiting.wake_at == NOW + 30.0
    decided = planned(state, now=NOW + 30.0)
    assert stopped(decided) == ["going"]
    assert [one.reason for one in decided.decisions if one.task == "going"] == ["its place: DRAINING"]


def test_when_aws_ends_it_is_part_of_the_reason() -> None:
    decided = planned(a_service_of(noticed("going", "SPOT", deadline=NOW + 120.0), *tasks(2, prefix="fine")))
    assert launches(decided)[0].reason.endswith("its place: SPOT; AWS ends it at 14:15:20Z")


def test_what_does_not_run_yet_stops_at_once() -> None:
    pending = replace(a_starting_task("pending"), notice=noticed().notice)
    decided = planned(a_service_of(pending, *tasks(2, prefix="fine")))
    assert (started(decided), stopped(decided)) == (1, ["pending"])


def test_an_instance_lost_with_thirty_tasks_is_replaced_as_far_as_maximum_percent_allows() -> None:
    lost = [noticed(f"lost-{number}", "GONE") for number in range(30)]
    assert started(planned(a_service_of(*lost, desired=30))) == 30
    assert started(planned(a_service_of(*lost, desired=30, manifest={"maximum_percent": 150}))) == 15


def test_a_singleton_stops_first_and_starts_when_it_is_gone() -> None:
    manifest = a_manifest(desired_count=1, minimum_healthy_percent=0, maximum_percent=100)
    world = World(1, manifest=manifest)
    world.settle()
    world.notice(next(iter(world.running())), "DRAINING")
    assert len(stopped(world.look())) == 1
    world.settle()
    assert world.most_alive == 1
    assert len(world.running()) == 1


def test_a_singleton_whose_replacement_has_no_place_stays_where_it_is_unless_its_place_goes() -> None:
    full = a_status(zones=(a_zone_refusal("zone-a"),))
    alone = {"minimum_healthy_percent": 0, "maximum_percent": 100}
    for kind, going in (("DRAINING", []), ("SPOT", ["task-1"])):
        decided = planned(a_service_of(noticed(kind=kind), desired=1, manifest=alone, status=full))
        assert stopped(decided) == going
    held = planned(a_service_of(noticed(), desired=1, manifest=alone, status=full))
    assert "task task-1 stays, for no place takes its replacement: its place: DRAINING" in holds(held)
    assert stopped(planned(a_service_of(noticed(), desired=1, manifest=alone))) == ["task-1"]


def test_where_nothing_starts_first_minimum_healthy_percent_is_kept() -> None:
    going = [noticed(f"going-{number}") for number in range(4)]
    percents = {"minimum_healthy_percent": 75, "maximum_percent": 100}
    assert len(stopped(planned(a_service_of(*going, desired=4, manifest=percents)))) == 1


def test_the_least_needed_is_started_for_a_notice_that_is_taken_back() -> None:
    world = World(3)
    world.settle()
    world.notice(next(iter(world.running())), "DRAINING")
    world.look()
    world.table = {task_id: replace(task, notice=None) for task_id, task in world.table.items()}
    world.settle()
    assert len(world.running()) == 3
    assert len(world.ecs) == 4


# -- disconnected agents ----------------------------------------------------------------------------------------------


def test_a_task_on_a_disconnected_instance_waits_for_its_return() -> None:
    cut_off = noticed("cut-off", "DISCONNECTED", at=NOW - 100.0)
    state = a_service_of(cut_off, *tasks(2, prefix="fine"))
    waiting = planned(state)
    assert waiting.actions == ()
    assert waiting.wake_at == NOW + 800.0
    assert waiting.status.state == "STEADY"
    assert started(planned(state, now=NOW + 800.0)) == 1


def test_how_long_it_waits_is_the_manifests() -> None:
    deadlines = {"deadlines": Deadlines(disconnected_seconds=60)}
    cut_off = noticed("cut-off", "DISCONNECTED", at=NOW - 100.0)
    assert started(planned(a_service_of(cut_off, *tasks(2, prefix="fine"), manifest=deadlines))) == 1


# -- maximum age ------------------------------------------------------------------------------------------------------


def drawn_age(task_id: str, seconds: float, percent: int) -> float:
    return seconds * (1.0 - zlib.crc32(task_id.encode()) / 2**32 * percent / 100.0)


def test_a_task_past_its_age_is_replaced_and_the_wake_is_when_the_first_is() -> None:
    age = {"maximum_age": MaximumAge(seconds=HOUR, jitter_percent=0)}
    there = (a_task("old", launched_at=NOW - HOUR - 5.0), *tasks(2, prefix="young", launched_at=NOW - 50.0))
    waiting = planned(a_service_of(*there, manifest=age))
    assert waiting.actions == ()
    assert waiting.wake_at == NOW + 5.0, "it started ten seconds after it was launched"
    decided = planned(a_service_of(*there, manifest=age), now=NOW + 5.0)
    assert launches(decided)[0].reason == (
        "2 of 3 there; to replace 1 task: it has run since 13:13:25Z, as long as maximumAge allows"
    )


def test_ages_differ_by_the_jitter_and_are_drawn_once() -> None:
    age = {"maximum_age": MaximumAge(seconds=HOUR, jitter_percent=50)}
    there = tasks(20, launched_at=NOW - 110.0)  # started a hundred seconds ago
    dues = sorted(NOW - 100.0 + drawn_age(task.task_id, HOUR, 50) for task in there)
    assert NOW - 100.0 + HOUR / 2 <= dues[0] < dues[-1] <= NOW - 100.0 + HOUR
    state = a_service_of(*there, desired=20, manifest=age)
    assert planned(state).wake_at == pytest.approx(dues[0], abs=0.001)
    assert [started(planned(state, now=due + 0.001)) for due in (dues[0], dues[9], dues[19])] == [1, 10, 20]


def test_a_task_that_does_not_run_has_no_age() -> None:
    age = {"maximum_age": MaximumAge(seconds=60.0)}
    assert planned(a_service_of(a_starting_task(launched_at=NOW - 200.0), desired=1, manifest=age)).actions == ()


# -- evacuation -------------------------------------------------------------------------------------------------------


def test_tasks_of_an_evacuated_zone_are_replaced_elsewhere() -> None:
    there = (*tasks(2, prefix="a", zone="zone-a"), *tasks(1, prefix="b", zone="zone-b"))
    flood = Cordon(zone="zone-a", at=NOW - 5.0, evacuate=True, by="alice", reason="flood")
    decided = planned(a_service_of(*there, zones=("zone-a", "zone-b"), cordons=(flood,)))
    assert started_by_zone(decided) == {"zone-b": 2}
    assert "zone-a is evacuated by alice: flood" in launches(decided)[0].reason


@pytest.mark.parametrize("changes", [{"evacuate": False}, {"evacuate": True, "until": NOW}])
def test_a_cordon_alone_or_one_that_is_over_moves_nobody(changes: dict[str, Any]) -> None:
    there = (*tasks(2, prefix="a", zone="zone-a"), *tasks(1, prefix="b", zone="zone-b"))
    cordon = Cordon(zone="zone-a", at=NOW - 5.0, **changes)
    assert planned(a_service_of(*there, zones=("zone-a", "zone-b"), cordons=(cordon,))).actions == ()


# -- protection -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "going"),
    [
        ("its instance drains", noticed("going", "DRAINING")),
        ("it is retired in days", noticed("going", "RETIREMENT", deadline=NOW + 7 * 24 * HOUR)),
    ],
)
def test_a_protected_task_stays_with_a_reason_until_its_protection_ends(words: str, going: Task) -> None:
    state = a_service_of(going, *tasks(2, prefix="fine"), protected=["going"])
    decided = planned(state)
    assert decided.actions == (), words
    assert holds(decided)[0].startswith("task going stays while it is protected, until 14:23:20Z: its place: ")
    assert decided.wake_at == NOW + 600.0
    assert started(planned(state, now=NOW + 600.0)) == 1


@pytest.mark.parametrize(
    "going",
    [
        noticed("going", "GONE"),
        noticed("going", "SPOT", deadline=NOW + 120.0),
        noticed("going", "RETIREMENT", deadline=NOW + HOUR),
        noticed("going", "RETIREMENT"),
        noticed("going", "DISCONNECTED", at=NOW - 1000.0),
    ],
)
def test_protection_does_not_keep_what_aws_ends(going: Task) -> None:
    assert started(planned(a_service_of(going, *tasks(2, prefix="fine"), protected=["going"]))) == 1


def test_a_retirement_that_comes_near_ends_the_wait_for_a_protection() -> None:
    going = noticed("going", "RETIREMENT", deadline=NOW + 6 * HOUR + 100.0)
    state = a_service_of(going, *tasks(2, prefix="fine"), protected=["going"])
    assert planned(state).wake_at == NOW + 100.0
    assert started(planned(state, now=NOW + 100.0)) == 1


@pytest.mark.parametrize("changes", [{"manifest": {"maximum_age": MaximumAge(seconds=60.0)}}, {"cordons": "evacuate"}])
def test_neither_age_nor_evacuation_takes_a_protected_task(changes: dict[str, Any]) -> None:
    if "cordons" in changes:
        changes = {"cordons": (Cordon(zone="zone-b", at=NOW, evacuate=True),)}
    kept = a_task("kept", zone="zone-b")
    young = tasks(2, launched_at=NOW - 15.0)
    decided = planned(a_service_of(kept, *young, zones=("zone-a", "zone-b"), protected=["kept"], **changes))
    assert decided.actions == ()
    assert holds(decided)[0].startswith("task kept stays while it is protected")
