"""From one deployment to the next, within minimum healthy and maximum percent."""

from typing import Any

import pytest

from builders import (
    NOW,
    TASK_DEFINITION,
    a_declared_service,
    a_deployment,
    a_launch,
    a_manifest,
    a_service,
    a_starting_task,
    a_status,
    a_task,
    tasks,
    zones_named,
)
from headcount.model.service import DeclaredService, ServiceState
from headcount.model.task import Task
from unit.planning.plans import event_names, holds, planned, started, stopped
from unit.planning.world import World


def declared(minimum: int = 100, maximum: int = 200, **changes: Any) -> DeclaredService:
    manifest = a_manifest(minimum_healthy_percent=minimum, maximum_percent=maximum)
    return a_declared_service(manifest, **{"deployment": "dep-2", "generation": 2} | changes)


def old(count: int, **changes: Any) -> tuple[Task, ...]:
    return tasks(count, prefix="old", **{"deployment": "dep-1"} | changes)


def new(count: int, ran_for: float = 60.0, **changes: Any) -> tuple[Task, ...]:
    return tasks(count, prefix="new", **{"deployment": "dep-2", "started_at": NOW - ran_for} | changes)


def rolling(*present: Task, desired: int = 4, **percents: int) -> ServiceState:
    return a_service(*present, desired=desired, declared=declared(**percents))


def test_new_tasks_start_beside_the_old() -> None:
    decided = planned(rolling(*old(4)))
    assert started(decided) == 4
    assert stopped(decided) == []
    assert "SERVICE_DEPLOYMENT_IN_PROGRESS" in event_names(decided)
    assert decided.status.state == "DEPLOYING"


def test_old_tasks_stay_until_new_ones_have_run_for_forty_seconds() -> None:
    state = rolling(*old(4), *new(4, ran_for=39.0))
    early = planned(state)
    assert stopped(early) == []
    assert holds(early) == [
        "4 old tasks kept until new ones are healthy: 0 new and 4 old are healthy, minimumHealthyPercent 100 keeps 4"
    ]
    assert early.wake_at == NOW + 1.0
    assert len(stopped(planned(state, now=NOW + 1.0))) == 4


def test_with_a_container_health_check_only_healthy_tasks_count() -> None:
    checked = declared(container_health_check=True)
    waiting = a_service(*old(2, health="HEALTHY"), *new(2, health="UNKNOWN"), desired=2, declared=checked)
    assert stopped(planned(waiting)) == []
    ready = a_service(*old(2, health="HEALTHY"), *new(2, ran_for=1.0, health="HEALTHY"), desired=2, declared=checked)
    assert len(stopped(planned(ready))) == 2


def test_old_tasks_go_as_fast_as_healthy_new_ones_come() -> None:
    starting = a_starting_task("new-9", deployment="dep-2")
    assert len(stopped(planned(rolling(*old(4), *new(3), starting)))) == 3


def test_old_tasks_that_do_not_run_yet_go_first() -> None:
    starting = a_starting_task("old-starting", deployment="dep-1")
    assert stopped(planned(rolling(*old(3), starting))) == ["old-starting"]


def test_maximum_percent_bounds_how_many_start() -> None:
    assert started(planned(rolling(*old(4), maximum=150))) == 2


def test_without_room_above_the_desired_count_old_tasks_stop_first() -> None:
    decided = planned(rolling(*old(4), minimum=50, maximum=100))
    assert len(stopped(decided)) == 2
    assert started(decided) == 0


def test_minimum_healthy_percent_is_kept_where_old_tasks_are_few() -> None:
    assert stopped(planned(rolling(*old(2), minimum=50, maximum=100))) == []


def test_old_tasks_do_not_count_on_new_ones_that_scale_in_meanwhile() -> None:
    in_flight = a_launch(count=2, deployment="dep-2")
    state = a_service(*old(3), *new(3), desired=3, declared=declared(), launches=(in_flight,))
    decided = planned(state)
    staying = {task.task_id for task in state.tasks} - set(stopped(decided))
    assert len(staying) >= 3, "two of the new ones go, so as many old ones stay"


def test_protected_old_tasks_stay_with_a_reason() -> None:
    state = a_service(*old(2), *new(2), desired=2, declared=declared(), protected=["old-1"])
    decided = planned(state)
    assert stopped(decided) == ["old-2"]
    assert holds(decided) == ["1 task too many, but 1 of 2 are protected"]
    assert decided.wake_at == NOW + 300.0, "what is not steady is looked at every five minutes"
    assert planned(state, now=NOW + 400.0).wake_at == NOW + 600.0, "and when the protection ends"


def test_a_deployment_completes_when_its_tasks_are_healthy_and_no_old_one_is_left() -> None:
    before = a_status(
        deployments=(a_deployment(deployment_id="dep-2", rollout_state="IN_PROGRESS", completed_at=None),)
    )
    still = planned(a_service(*new(2, ran_for=39.0), desired=2, declared=declared(), status=before))
    assert still.status.deployments[0].rollout_state == "IN_PROGRESS"
    done = planned(a_service(*new(2), desired=2, declared=declared(), status=before))
    assert done.status.deployments[0].completed_at == NOW
    assert "SERVICE_DEPLOYMENT_COMPLETED" in event_names(done)


def test_a_service_of_no_tasks_deploys_at_once() -> None:
    assert planned(rolling(desired=0)).status.deployments[0].rollout_state == "COMPLETED"


def test_a_deployment_on_top_of_an_unfinished_one_replaces_both() -> None:
    middle = tasks(2, prefix="middle", deployment="dep-1b", status="PENDING", launched_at=NOW - 9.0)
    decided = planned(rolling(*old(2), *middle, *new(4)))
    assert len(stopped(decided)) == 4


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum"),
    [(4, 100, 200), (4, 50, 200), (4, 50, 100), (1, 0, 100), (1, 100, 200), (10, 66, 120), (2, 75, 200), (3, 0, 100)],
)
def test_a_deployment_always_ends_and_never_leaves_too_few(desired: int, minimum: int, maximum: int) -> None:
    manifest = a_manifest(minimum_healthy_percent=minimum, maximum_percent=maximum)
    world = World(desired, manifest=manifest, zones=zones_named("zone-a", "zone-b"))
    world.settle()
    world.deploy()
    passes = world.settle()
    assert passes < 60
    assert {task.task_definition_arn for task in world.running().values()} == {f"{TASK_DEFINITION}2"}
    assert len(world.alive()) == desired


def test_a_deployment_whose_tasks_crash_keeps_the_old_ones() -> None:
    world = World(3)
    world.settle()
    world.deploy(crashes=True)
    for _ in range(60):
        world.look()
        world.pass_time(world.now + 5.0)
    olds = [task for task in world.running().values() if task.task_definition_arn == TASK_DEFINITION]
    assert len(olds) == 3
    world.deploy()
    world.settle()


def test_percentages_that_allow_nothing_after_scaling_are_explained() -> None:
    """The manifest's check allows 75 and 125 percent for four tasks; somebody scaled to two."""
    decided = planned(rolling(*old(2), desired=2, minimum=75, maximum=125))
    assert decided.actions == ()
    assert holds(decided) == [
        "2 tasks not started yet: maximumPercent 125 allows 2 tasks at once, 2 are there (0 of them stopping)",
        "2 old tasks kept until new ones are healthy: 0 new and 2 old are healthy, minimumHealthyPercent 75 keeps 2",
    ]


def test_tasks_settling_are_healthy_old_ones_nowhere() -> None:
    settling = a_task("old-9", deployment="dep-1", started_at=NOW - 10.0)
    decided = planned(rolling(*old(3), settling, minimum=50, maximum=100))
    assert stopped(decided)[0] == "old-9"
    assert len(stopped(decided)) == 2


def test_with_room_to_start_first_no_old_task_stops_before_its_replacement_is_healthy() -> None:
    assert stopped(planned(rolling(*old(4), *new(4, ran_for=1.0), minimum=50, maximum=200))) == []
    assert len(stopped(planned(rolling(*old(4), *new(1), minimum=50, maximum=200)))) == 1
