"""Old tasks are kept alive while the new revision fails, as far as minimum healthy percent asks."""

from typing import Any, Final

from builders import (
    NOW,
    TASK_DEFINITION,
    a_backoff,
    a_declared_service,
    a_failed_task,
    a_lost_task,
    a_manifest,
    a_service,
    a_status,
    a_throttle,
    tasks,
)
from headcount.model.manifest import CapacitySource
from headcount.model.plan import Plan
from headcount.model.service import OperatorWishes, Pause, ServiceState
from headcount.model.task import Task
from headcount.model.values import replace
from headcount.planning.rollout import Tally, old_tasks_to_start, old_tasks_to_stop
from unit.planning.plans import event_names, holds, launches, planned, started
from unit.planning.world import World

OLD_DEFINITION: Final = TASK_DEFINITION.replace(":12", ":11")
FAILING: Final = a_backoff(round=3, began_at=NOW - 5.0, until=NOW + 60.0)


def a_failing_deployment(*present: Task, desired: int = 3, **changes: Any) -> ServiceState:
    manifest = a_manifest(desired_count=desired, minimum_healthy_percent=changes.pop("minimum", 100))
    before = a_declared_service(
        changes.pop("manifest_before", manifest), deployment="dep-0", task_definition_arn=OLD_DEFINITION
    )
    declared = a_declared_service(manifest, previous=changes.pop("previous", before))
    fields: dict[str, Any] = {"declared": declared, "status": a_status(backoff=FAILING)}
    return a_service(*present, *failed(desired), desired=desired, **fields | changes)


def failed(count: int) -> tuple[Task, ...]:
    return tuple(a_failed_task(f"failed-{number}", launched_at=NOW - 30.0) for number in range(count))


def old(count: int) -> tuple[Task, ...]:
    return tasks(count, prefix="old", deployment="dep-0", task_definition_arn=OLD_DEFINITION)


def old_started(decided: Plan) -> int:
    return sum(launch.count for launch in launches(decided) if launch.deployment == "dep-0")


def test_an_old_task_that_dies_is_replaced_by_one_of_its_own_revision() -> None:
    decided = planned(a_failing_deployment(*old(2)))
    [launch] = launches(decided)
    assert (launch.deployment, launch.count) == ("dep-0", 1)
    assert launch.request["taskDefinition"] == OLD_DEFINITION
    assert launch.reason == "dep-0 is short of 1 task while dep-1 fails"


def test_minimum_healthy_percent_says_how_many_old_tasks_are_kept() -> None:
    assert old_started(planned(a_failing_deployment(*old(1), desired=4, minimum=50))) == 1
    assert old_started(planned(a_failing_deployment(*old(2), desired=4, minimum=50))) == 0


def test_a_deployment_of_which_nothing_is_left_is_not_brought_back() -> None:
    assert started(planned(a_failing_deployment())) == 0, "that would be a rollback"


def test_while_nothing_fails_the_new_revision_takes_the_place() -> None:
    decided = planned(a_failing_deployment(*old(2), status=a_status()), now=NOW)
    assert old_started(decided) == 0
    assert started(decided) == 3


def test_without_a_deployment_before_nothing_old_starts() -> None:
    assert started(planned(a_failing_deployment(*old(2), previous=None))) == 0


def test_nothing_old_starts_while_ecs_asks_for_patience_or_the_service_is_frozen() -> None:
    patience = a_status(backoff=FAILING, throttle=a_throttle())
    assert started(planned(a_failing_deployment(*old(2), status=patience))) == 0
    frozen = OperatorWishes(pause=Pause(mode="freeze", at=NOW))
    assert started(planned(a_failing_deployment(*old(2), operator=frozen))) == 0


def test_an_old_task_that_failed_waits_as_well() -> None:
    state = a_failing_deployment(*old(2), a_failed_task("old-failed", deployment="dep-0", launched_at=NOW - 30.0))
    assert old_started(planned(state)) == 0
    lost = a_failing_deployment(*old(2), a_lost_task("old-lost", deployment="dep-0"))
    assert old_started(planned(lost)) == 1


def test_where_the_old_revision_has_no_capacity_that_is_said_and_tried_again() -> None:
    spot = a_manifest(desired_count=3, sources=(CapacitySource(capacity_provider="FARGATE_SPOT"),))
    world = _a_crashing_world(spot)
    world.none_left = {"FARGATE_SPOT"}
    decided = _until_quiet(world)
    assert any("no place takes FARGATE_SPOT tasks" in reason for reason in holds(decided))
    assert world.status.next_wake is not None
    assert world.status.next_wake <= world.now + 300.0


def test_an_old_revision_that_ecs_refuses_is_not_asked_for_in_a_hot_loop() -> None:
    world = _a_crashing_world(a_manifest(desired_count=3))
    new_backoff = world.status.backoff
    world.answer = "refused"
    _until_quiet(world)
    assert world.status.backoff == new_backoff, "the new revision is not to blame"
    assert "SERVICE_TASK_PLACEMENT_FAILURE" in event_names(world.look())


def _a_crashing_world(before: Any) -> World:
    """A new revision that crashes, beside old tasks of which one is lost while failed ones wait."""
    world = World(3, manifest=before)
    world.settle()
    world.deploy(crashes=True)
    new = a_manifest(desired_count=3, sources=(CapacitySource(launch_type="FARGATE"),))
    world.declared = replace(world.declared, manifest=new)
    while world.status.backoff is None or world.status.backoff.until < world.now + 30.0:
        world.look()
        world.pass_time(world.now + 1.0)
    world.pass_time(world.now + 6.0)  # those that crashed are gone
    victim = next(task for task, one in world.running().items() if one.task_definition_arn == TASK_DEFINITION)
    world.end(victim, "UserInitiated", "stopped by hand")
    return world


def _until_quiet(world: World) -> Plan:
    """Look for as long as passes ask for another at once."""
    for _ in range(10):
        decided = world.look()
        if not world.again:
            return decided
    raise AssertionError("ten passes in the same instant, and another one wanted")


def test_what_was_started_for_an_unhealthy_old_task_is_not_stopped_as_too_much() -> None:
    before = Tally(
        desired=3,
        live_new=0,
        live_old=3,
        healthy_new=0,
        running_old=3,
        healthy_old=2,
        stopping=0,
        held=3,
        held_old=0,
        failing=True,
        sick_old=1,
    )
    manifest = a_manifest(desired_count=3)
    assert old_tasks_to_start(before, manifest, 0) == 1
    assert old_tasks_to_stop(replace(before, live_old=4), manifest).starting == 0
