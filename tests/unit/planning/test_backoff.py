"""Slowing down what fails, and deadlines for what does not get on."""

import pytest

from builders import (
    LONG_AGO,
    NOW,
    ZONES,
    a_backoff,
    a_declared_service,
    a_dying_task,
    a_failed_task,
    a_lost_task,
    a_manifest,
    a_service,
    a_starting_task,
    a_status,
    a_task,
    a_throttle,
    tasks,
)
from headcount.model.manifest import Restarts
from headcount.model.plan import StopTask
from headcount.model.task import StopIntent, Task
from headcount.model.values import replace
from headcount.planning.backoff import delay, has_failed
from unit.planning.plans import actions_of, event_names, forgotten, planned, started
from unit.planning.world import World

ROUND_ONE = a_backoff(round=1, began_at=NOW - 30.0, until=NOW - 30.0)
ROUND_TWO = a_backoff(round=2, began_at=NOW - 1.0, until=NOW + 4.0)


def test_the_first_failure_is_replaced_at_once() -> None:
    decided = planned(a_service(a_failed_task(), desired=1))
    assert started(decided) == 1
    assert decided.status.backoff is not None
    assert decided.status.backoff.round == 1


def test_a_replacement_that_fails_too_waits() -> None:
    failed = a_failed_task("second", launched_at=NOW - 30.0)
    decided = planned(a_service(failed, desired=1, status=a_status(backoff=ROUND_ONE)))
    assert started(decided) == 0
    assert decided.status.backoff is not None
    assert (decided.status.backoff.round, decided.wake_at) == (2, NOW + 5.0)
    assert decided.status.state == "BACKING_OFF"
    assert event_names(decided) == ["SERVICE_TASK_START_IMPAIRED"]
    assert "Essential container in task exited" in decided.status.state_reason
    assert forgotten(decided) == [], "its place is held"


def test_when_the_wait_is_over_the_place_is_filled() -> None:
    failed = a_failed_task(launched_at=NOW - 30.0)
    decided = planned(a_service(failed, desired=1, status=a_status(backoff=ROUND_TWO)), now=NOW + 4.0)
    assert started(decided) == 1
    assert forgotten(decided) == ["task-1"]


def test_waits_double_up_to_the_maximum() -> None:
    restarts = Restarts(initial_seconds=5, maximum_seconds=60)
    assert [delay(number, restarts, 0.0) for number in range(1, 8)] == [0.0, 5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    assert delay(10_000, restarts, 0.0) == 60.0


def test_jitter_takes_off_up_to_half() -> None:
    assert [delay(3, Restarts(), jitter) for jitter in (0.0, 0.5, 1.0)] == [10.0, 7.5, 5.0]


def test_backoff_can_be_turned_off() -> None:
    assert delay(9, Restarts(initial_seconds=0), 0.0) == 0.0


def test_only_the_places_of_failed_tasks_wait() -> None:
    failed = a_failed_task("failed", launched_at=NOW - 30.0)
    state = a_service(failed, a_lost_task("lost"), a_dying_task("spot"), desired=3, status=a_status(backoff=ROUND_TWO))
    assert started(planned(state)) == 2


def test_a_task_that_died_of_the_same_generation_begins_no_round() -> None:
    late = a_failed_task("late", launched_at=NOW - 60.0)
    decided = planned(a_service(late, desired=1, status=a_status(backoff=ROUND_ONE)))
    assert decided.status.backoff == ROUND_ONE
    assert started(decided) == 1


def test_a_new_revision_starts_at_once() -> None:
    failed = a_failed_task(deployment="dep-0", launched_at=NOW - 30.0)
    before = a_backoff(deployment="dep-0", round=7, until=NOW + 300.0)
    decided = planned(a_service(failed, desired=1, status=a_status(backoff=before)))
    assert started(decided) == 1
    assert decided.status.backoff is None


def test_a_stable_run_ends_the_backoff() -> None:
    over = a_backoff(round=7, began_at=LONG_AGO, until=NOW - 600.0)
    assert planned(a_service(*tasks(3), status=a_status(backoff=over))).status.backoff is None
    failed = a_failed_task(launched_at=NOW - 30.0)
    again = planned(a_service(failed, desired=1, status=a_status(backoff=over))).status.backoff
    assert again is not None
    assert again.round == 1


def test_looking_twice_at_the_same_failures_changes_nothing() -> None:
    failed = [a_failed_task(f"failed-{number}", launched_at=NOW - 30.0) for number in range(3)]
    first = planned(a_service(*failed, desired=3, status=a_status(backoff=ROUND_ONE)))
    second = planned(a_service(*failed, desired=3, status=first.status), now=NOW + 0.5, jitter=1.0)
    assert second.status.backoff == first.status.backoff
    assert second.actions == ()


@pytest.mark.parametrize(
    ("words", "task", "failed"),
    [
        ("never started", a_failed_task(stop_code="TaskFailedToStart", started_at=None), True),
        ("crashed soon after RUNNING", a_failed_task(), True),
        ("crashed after ten minutes", a_failed_task(launched_at=NOW - 700.0), False),
        ("was stopped by hand", a_lost_task(), False),
        ("was stopped by hand before it ran", a_lost_task(started_at=None), False),
        ("lost its Spot capacity", a_dying_task(), False),
        ("was stopped by us", a_failed_task(stop=StopIntent(at=NOW, reason="scale in to 1")), False),
        ("was stuck", a_lost_task(stop=StopIntent(at=NOW, reason="stuck in PENDING", failed=True)), True),
    ],
)
def test_what_counts_as_a_failure(words: str, task: Task, failed: bool) -> None:
    assert has_failed(task, Restarts()) is failed, words


# -- RunTask refused --------------------------------------------------------------------------------------------------


def test_a_refused_run_task_holds_every_place() -> None:
    refused = a_backoff(refused=True, until=NOW + 5.0)
    decided = planned(a_service(a_lost_task(), *tasks(1, prefix="there"), desired=3, status=a_status(backoff=refused)))
    assert started(decided) == 0
    assert decided.wake_at == NOW + 5.0


def test_a_task_that_fails_meanwhile_does_not_lift_the_refusal() -> None:
    refused = a_backoff(refused=True, began_at=NOW - 20.0, until=NOW + 50.0)
    failed = a_failed_task(launched_at=NOW - 10.0)
    decided = planned(a_service(failed, desired=3, status=a_status(backoff=refused)))
    assert started(decided) == 0
    assert decided.status.backoff is not None
    assert decided.status.backoff.until >= NOW + 50.0


def test_refusals_grow_and_end_with_the_first_success() -> None:
    world = World(2)
    world.answer = "refused"
    waits = []
    for _ in range(5):
        tries = 0
        while world.status.backoff is None or world.status.backoff.until <= world.now:
            world.look()
            tries += 1
        assert tries <= len(ZONES), "each zone is tried once before all places wait"
        waits.append(world.status.backoff.until - world.now)
        world.pass_time(world.status.backoff.until)
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0]
    world.answer = "ok"
    world.settle()
    assert world.status.backoff is None


def test_a_crash_loop_slows_down_and_a_fixed_revision_starts_at_once() -> None:
    world = World(2)
    world.crashing.add(world.declared.task_definition_arn)
    for _ in range(200):
        world.look()
        world.pass_time(world.now + 5.0)
    assert len(world.ecs) <= 2 * 9, "1,000 seconds of crashing at up to 300 seconds a round"
    world.deploy()
    world.look()
    assert len(world.alive()) >= 2
    world.settle()


# -- stuck ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "allowance"), [("PROVISIONING", 300.0), ("PENDING", 1200.0), ("ACTIVATING", 1800.0)]
)
def test_a_task_past_the_deadline_of_its_state_is_stopped_as_failed(status: str, allowance: float) -> None:
    at = a_starting_task(status=status, launched_at=NOW - allowance)
    waiting = planned(a_service(at, desired=1))
    assert waiting.actions == ()
    assert waiting.wake_at is not None
    decided = planned(a_service(at, desired=1), now=waiting.wake_at)
    [stop] = actions_of(decided, StopTask)
    assert stop.managed.stop == StopIntent(at=waiting.wake_at, reason=stop.reason, failed=True)
    assert stop.reason == f"stuck in {status}: should have left it by 14:13:20Z"
    assert started(decided) == 1, "replaced at once"
    assert [decision.kind for decision in decided.decisions if decision.task] == ["stuck"]


def test_a_running_task_is_never_stuck() -> None:
    assert planned(a_service(a_task(launched_at=0.0), desired=1)).actions == ()


def test_a_stuck_task_that_was_told_to_stop_keeps_its_place_empty_until_its_round() -> None:
    stuck = a_starting_task(launched_at=NOW - 2000.0)
    before = a_backoff(round=1, began_at=NOW - 2500.0, until=NOW - 500.0)
    first = planned(a_service(stuck, desired=1, status=a_status(backoff=before)))
    assert started(first) == 0
    [stop] = actions_of(first, StopTask)
    told = replace(stuck, managed=stop.managed)
    again = planned(a_service(told, desired=1, status=replace(first.status, throttle=a_throttle(until=NOW))))
    assert started(again) == 0


def test_restarts_of_a_service_are_its_own() -> None:
    declared = a_declared_service(a_manifest(restarts=Restarts(initial_seconds=60)))
    failed = a_failed_task(launched_at=NOW - 30.0)
    decided = planned(a_service(failed, desired=1, declared=declared, status=a_status(backoff=ROUND_ONE)))
    assert decided.wake_at == NOW + 60.0
