"""Live tasks against the desired count: too few, too many, enough."""

import pytest

from builders import (
    NOW,
    a_capacity,
    a_declared_service,
    a_dying_task,
    a_launch,
    a_lost_task,
    a_manifest,
    a_service,
    a_starting_task,
    a_task,
    tasks,
)
from headcount.model.manifest import CapacitySource
from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.plan import ResumeLaunch
from headcount.planning.starting import TASKS_STARTED
from headcount.planning.stopping import STOPS
from unit.planning.plans import actions_of, forgotten, holds, launches, planned, started, stopped
from unit.planning.world import World


def test_starts_what_is_missing() -> None:
    decided = planned(a_service(*tasks(1), desired=3))
    assert started(decided) == 2
    assert launches(decided)[0].reason == "1 of 3 there"


def test_leaves_a_service_alone_that_has_its_count() -> None:
    decided = planned(a_service(*tasks(3), desired=3))
    assert decided.actions == ()
    assert decided.status.state == "STEADY"


def test_stops_the_surplus() -> None:
    decided = planned(a_service(*tasks(5), desired=3))
    assert len(stopped(decided)) == 2
    assert started(decided) == 0


def test_tasks_that_start_are_there() -> None:
    assert planned(a_service(a_starting_task("a"), a_starting_task("b"), desired=2)).actions == ()


def test_scale_in_ignores_minimum_healthy_percent() -> None:
    declared = a_declared_service(a_manifest(minimum_healthy_percent=100))
    assert len(stopped(planned(a_service(*tasks(5), desired=1, declared=declared)))) == 4


def test_a_service_scaled_to_zero_stops_everything() -> None:
    assert len(stopped(planned(a_service(*tasks(3), desired=0)))) == 3


@pytest.mark.parametrize(("missing", "calls"), [(1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_asks_for_at_most_ten_tasks_a_call(missing: int, calls: list[int]) -> None:
    assert [launch.count for launch in launches(planned(a_service(desired=missing)))] == calls


def test_a_pass_starts_what_fargate_starts_at_once_and_wakes_when_half_of_that_is_ready_again() -> None:
    decided = planned(a_service(desired=1000))
    assert started(decided) == 100
    assert not decided.again
    assert decided.wake_at == NOW + 50 / 20.0


def test_elsewhere_a_pass_starts_so_many_and_asks_for_another() -> None:
    manifest = a_manifest(desired_count=1000, sources=(CapacitySource(capacity_provider="my-instances"),))
    decided = planned(a_service(desired=1000, declared=a_declared_service(manifest)))
    assert started(decided) == TASKS_STARTED
    assert decided.again


def test_a_pass_stops_so_many_and_asks_for_another() -> None:
    decided = planned(a_service(*tasks(90), desired=0))
    assert len(stopped(decided)) == STOPS
    assert decided.again


def test_a_service_without_a_count_on_record_keeps_the_declared_one() -> None:
    declared = a_declared_service(a_manifest(desired_count=2))
    state = a_service(*tasks(2), declared=declared, capacity=None)
    assert planned(state).actions == ()


def test_the_count_on_record_goes_before_the_declared_one() -> None:
    declared = a_declared_service(a_manifest(desired_count=2))
    assert started(planned(a_service(*tasks(2), declared=declared, capacity=a_capacity(5)))) == 3


# -- percentages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "healthy", "total"),
    [
        (4, 50, 200, 2, 8),
        (2, 75, 200, 2, 4),
        (3, 100, 125, 3, 3),
        (4, 100, 100, 4, 4),
        (1, 50, 100, 1, 1),
        (10, 66, 120, 7, 12),
        (0, 66, 150, 0, 0),
        (5000, 33, 133, 1650, 6650),
    ],
)
def test_percentages_round_as_ecs_rounds(desired: int, minimum: int, maximum: int, healthy: int, total: int) -> None:
    assert (minimum_healthy(desired, minimum), maximum_total(desired, maximum)) == (healthy, total)


def test_stopping_tasks_count_towards_maximum_percent() -> None:
    declared = a_declared_service(a_manifest(minimum_healthy_percent=50, maximum_percent=100))
    decided = planned(a_service(*tasks(2), a_dying_task("dying"), desired=3, declared=declared))
    assert started(decided) == 0
    assert holds(decided) == [
        "1 task not started yet: maximumPercent 100 allows 3 tasks at once, 3 are there (1 of them stopping)"
    ]


def test_maximum_percent_leaves_room_for_what_is_missing_when_the_rest_stops() -> None:
    declared = a_declared_service(a_manifest(maximum_percent=150))
    dying = [a_dying_task(f"dying-{number}") for number in range(4)]
    assert started(planned(a_service(*dying, desired=4, declared=declared))) == 2


# -- dying counts as dead ---------------------------------------------------------------------------------------------


def test_replaces_a_task_with_a_spot_notice_while_it_still_runs() -> None:
    decided = planned(a_service(*tasks(2), a_dying_task("spot"), desired=3))
    assert started(decided) == 1
    assert launches(decided)[0].reason == "2 of 3 there; lost spot: Your Spot Task was interrupted."
    assert stopped(decided) == []


def test_the_end_of_a_replaced_task_replaces_nothing_more() -> None:
    decided = planned(a_service(*tasks(3), a_lost_task("spot", stop_code="SpotInterruption"), desired=3))
    assert started(decided) == 0
    assert forgotten(decided) == ["spot"]


def test_one_spot_notice_makes_one_replacement_from_notice_to_end() -> None:
    world = World(3)
    world.settle()
    victim = next(iter(world.running()))
    world.end(victim, "SpotInterruption", "Your Spot Task was interrupted.")
    world.look()
    assert len(world.alive()) == 4, "the replacement starts while the old task still runs"
    world.settle()
    assert len(world.ecs) == 4, "and is the only one"
    assert victim not in world.table


@pytest.mark.parametrize("stop_code", ["UserInitiated", "SpotInterruption", "TerminationNotice", None])
def test_dying_counts_as_dead_whoever_decided_it(stop_code: str | None) -> None:
    assert started(planned(a_service(a_dying_task(stop_code=stop_code), desired=1))) == 1


# -- launches in flight -----------------------------------------------------------------------------------------------


def test_a_launch_in_flight_counts_for_its_tasks() -> None:
    decided = planned(a_service(a_task(), desired=3, launches=(a_launch(count=2),)))
    assert started(decided) == 0


def test_a_launch_in_flight_counts_only_for_tasks_that_nobody_has_heard_of() -> None:
    launch = a_launch(count=2)
    heard = a_starting_task(launch=launch.launch_id, deployment=None)
    assert started(planned(a_service(heard, desired=3, launches=(launch,)))) == 1


def test_a_launch_counts_for_nothing_once_more_tasks_name_it_than_it_asked_for() -> None:
    launch = a_launch(count=1)
    heard = [a_starting_task(f"task-{number}", launch=launch.launch_id, deployment=None) for number in range(2)]
    assert started(planned(a_service(*heard, desired=3, launches=(launch,)))) == 1


def test_a_stopped_task_of_an_open_launch_is_not_in_flight_any_more() -> None:
    launch = a_launch(count=1)
    lost = a_lost_task(launch=launch.launch_id, launched_at=NOW - 2.0)
    decided = planned(a_service(lost, desired=1, launches=(launch,)))
    assert started(decided) == 1
    assert forgotten(decided) == [], "or the launch would count for it again"


def test_an_open_launch_is_resumed_verbatim() -> None:
    launch = a_launch(at=NOW - 1799.0)
    resumed = actions_of(planned(a_service(desired=1, launches=(launch,))), ResumeLaunch)
    assert [action.launch for action in resumed] == [launch]
