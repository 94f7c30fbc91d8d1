"""What is on record and what is not: launches left open, strangers, orphans, services that nobody declares."""

from builders import (
    NOW,
    a_declared_service,
    a_deployment,
    a_failed_task,
    a_launch,
    a_lost_task,
    a_service,
    a_starting_task,
    a_status,
    a_task,
    a_throttle,
    tasks,
)
from headcount.model.plan import AdoptTask, LookUpLaunch, RemoveService, ResumeLaunch, StartTasks, StopTask
from headcount.model.task import ManagedTask, StopIntent
from headcount.model.values import replace
from unit.planning.plans import actions_of, event_names, forgotten, holds, planned, started, stopped
from unit.planning.world import World

DELETED = a_declared_service(deleting_at=NOW - 1.0)

# -- launches ---------------------------------------------------------------------------------------------------------


def test_a_launch_older_than_its_token_is_looked_up_and_never_sent_again() -> None:
    launch = a_launch(at=NOW - 1800.0)
    decided = planned(a_service(desired=1, launches=(launch,)))
    assert [action.launch for action in actions_of(decided, LookUpLaunch)] == [launch]
    assert actions_of(decided, ResumeLaunch) == []


def test_more_open_launches_than_one_pass_finishes_are_finished_by_the_next() -> None:
    many = tuple(a_launch(f"launch{number}") for number in range(41))
    decided = planned(a_service(desired=41, launches=many))
    assert len(actions_of(decided, ResumeLaunch)) == 40
    assert decided.again


def test_a_crash_after_recording_starts_the_same_tasks_once() -> None:
    world = World(3, manifest=a_declared_service().manifest)
    world.dies_after_recording = True
    world.look()
    assert len(world.launches) == 1
    world.calm_down()
    world.settle()
    assert len(world.ecs) == 3


def test_a_lost_answer_starts_the_same_tasks_once() -> None:
    world = World(3)
    world.answer = "lost"
    world.look()
    world.pass_time(world.now + 2.0)
    world.look()
    world.calm_down()
    world.settle()
    assert len(world.ecs) == 3


def test_a_launch_that_never_reached_ecs_is_looked_up_and_replaced() -> None:
    world = World(2)
    world.dies_after_recording = True
    world.look()
    world.calm_down()
    world.pass_time(world.now + 1801.0)
    world.settle()
    assert (len(world.running()), len(world.ecs)) == (2, 2)


def test_after_finishing_a_launch_another_pass_takes_in_what_came_of_it() -> None:
    assert planned(a_service(a_task(), desired=2, launches=(a_launch(),))).again


# -- strangers and orphans --------------------------------------------------------------------------------------------


def test_a_late_event_of_an_unknown_task_counts_for_nothing() -> None:
    stranger = a_task("stranger", deployment=None)
    decided = planned(a_service(*tasks(2), stranger, desired=3))
    assert started(decided) == 1
    assert stopped(decided) == []


def test_a_stranger_is_no_surplus() -> None:
    assert planned(a_service(*tasks(3), a_task("stranger", deployment=None), desired=3)).actions == ()


def test_the_echo_of_a_forgotten_failure_is_no_new_failure() -> None:
    echo = a_failed_task("echo", deployment=None)
    decided = planned(a_service(*tasks(3), echo, desired=3))
    assert decided.status.backoff is None
    assert decided.status.deployments[0].failed_tasks == 0
    assert len(decided.actions) == 1
    assert forgotten(decided) == ["echo"]
    assert [decision.kind for decision in decided.decisions] == ["forget"]


def test_the_echo_of_a_failure_holds_no_place() -> None:
    world = World(3)
    world.settle()
    echo = a_failed_task("echo", deployment=None, launched_at=world.now - 1.0)
    assert started(planned(replace(world.state(), tasks=(*tasks(2), echo)), now=world.now)) == 1


def test_a_task_that_the_audit_found_alive_is_adopted() -> None:
    orphan = a_task("orphan", deployment=None, confirmed_at=NOW - 1.0, created_at=NOW - 90.0)
    decided = planned(a_service(*tasks(2), orphan, desired=3))
    [adopted] = actions_of(decided, AdoptTask)
    assert (adopted.task_id, adopted.managed) == (
        "orphan",
        ManagedTask(deployment="dep-1", launched_at=NOW - 90.0),
    )
    assert started(decided) == 0, "it counts"


def test_an_orphan_of_another_task_definition_is_an_old_task() -> None:
    orphan = a_task("orphan", deployment=None, confirmed_at=NOW - 1.0, task_definition_arn="arn:aws:ecs:web:1")
    decided = planned(a_service(*tasks(3), orphan, desired=3))
    [stop] = actions_of(decided, StopTask)
    assert (stop.task_id, stop.managed.deployment) == ("orphan", "unknown")


def test_an_orphan_that_is_stopped_at_once_is_recorded_by_its_stop_alone() -> None:
    orphan = a_task("orphan", deployment=None, confirmed_at=NOW - 1.0, launched_at=NOW - 1.0)
    decided = planned(a_service(orphan, *tasks(3), desired=3))
    assert stopped(decided) == ["orphan"]
    assert actions_of(decided, AdoptTask) == []


def test_a_task_of_an_open_launch_is_no_stranger() -> None:
    launch = a_launch(count=1)
    heard = a_starting_task(deployment=None, launch=launch.launch_id)
    assert started(planned(a_service(heard, desired=1, launches=(launch,)))) == 0


# -- no manifest ------------------------------------------------------------------------------------------------------


def test_without_a_manifest_no_task_is_touched() -> None:
    state = replace(a_service(*tasks(3), launches=(a_launch(),)), declared=None)
    assert planned(state).actions == ()


def test_without_a_manifest_tasks_that_live_are_reported() -> None:
    found = a_task("found", confirmed_at=NOW - 1.0)
    decided = planned(replace(a_service(found, a_task("rumour")), declared=None))
    assert [(decision.task, decision.level) for decision in decided.decisions] == [("found", "ERROR")]


def test_without_a_manifest_stopped_tasks_are_forgotten() -> None:
    assert forgotten(planned(replace(a_service(a_lost_task("gone"), a_task("alive")), declared=None))) == ["gone"]


# -- deletion ---------------------------------------------------------------------------------------------------------


def test_deleting_stops_every_task_protected_or_not() -> None:
    old = a_task("old", deployment="dep-0")
    state = a_service(*tasks(2), old, a_starting_task("new"), declared=DELETED, protected=["task-1", "old"])
    decided = planned(state)
    assert sorted(stopped(decided)) == ["new", "old", "task-1", "task-2"]
    assert actions_of(decided, RemoveService) == []
    assert started(decided) == 0
    assert decided.status.state == "DELETING"


def test_a_deleted_service_is_removed_when_its_last_task_is_gone() -> None:
    dying = a_task(desired_status="STOPPED", stop=StopIntent(at=NOW - 5.0, reason="the service is being deleted"))
    waiting = planned(a_service(dying, declared=DELETED))
    assert waiting.actions == ()
    assert waiting.wake_at is not None
    gone = replace(dying, observed=replace(dying.observed, last_status="STOPPED"))
    assert isinstance(planned(a_service(gone, declared=DELETED)).actions[-1], RemoveService)


def test_a_deleted_service_with_an_open_launch_is_not_removed() -> None:
    decided = planned(a_service(declared=DELETED, launches=(a_launch(),)))
    assert actions_of(decided, RemoveService) == []
    assert len(actions_of(decided, ResumeLaunch)) == 1


# -- patience ---------------------------------------------------------------------------------------------------------


def test_while_ecs_asks_for_patience_nothing_is_called() -> None:
    stuck = a_starting_task("stuck", launched_at=NOW - 9000.0)
    told = a_task("told", stop=StopIntent(at=NOW - 5.0, reason="scale in to 1"))
    state = a_service(
        stuck, told, *tasks(9), desired=2, launches=(a_launch(),), status=a_status(throttle=a_throttle(until=NOW + 1.0))
    )
    decided = planned(state)
    assert actions_of(decided, StartTasks | ResumeLaunch | LookUpLaunch | StopTask) == []
    assert decided.wake_at == NOW + 1.0
    assert "ECS_OPERATION_THROTTLED" in event_names(decided)


def test_when_patience_is_over_calls_go_on() -> None:
    state = a_service(desired=2, status=a_status(throttle=a_throttle(until=NOW)))
    assert started(planned(state)) == 2


# -- steady state -----------------------------------------------------------------------------------------------------


def test_a_steady_state_is_announced_once() -> None:
    first = planned(a_service(*tasks(3), status=a_status(steady_since=None, announced_at=None)))
    assert event_names(first) == ["SERVICE_STEADY_STATE"]
    again = planned(a_service(*tasks(3), status=first.status), now=NOW + 60.0)
    assert event_names(again) == []
    assert again.status == first.status


def test_a_steady_state_is_announced_again_after_six_hours_without_any_event() -> None:
    first = planned(a_service(*tasks(3), status=a_status(steady_since=None, announced_at=None)))
    assert first.wake_at == NOW + 6 * 3600.0
    again = planned(a_service(*tasks(3), status=first.status), now=first.wake_at)
    assert event_names(again) == ["SERVICE_STEADY_STATE"]
    assert again.status.steady_since == NOW


def test_a_steady_state_that_was_lost_is_announced_anew() -> None:
    lost = planned(a_service(*tasks(2), desired=3))
    assert lost.status.steady_since is None
    assert event_names(planned(a_service(*tasks(3), status=lost.status))) == ["SERVICE_STEADY_STATE"]


def test_a_service_with_stopping_tasks_or_open_launches_is_not_steady() -> None:
    dying = a_task("dying", desired_status="STOPPED")
    assert planned(a_service(*tasks(3), dying)).status.state == "RECONCILING"
    assert planned(a_service(*tasks(2), launches=(a_launch(),))).status.state == "RECONCILING"


def test_a_task_told_to_stop_long_ago_is_reported() -> None:
    undead = a_task("undead", desired_status="STOPPED", stopping_at=NOW - 600.0)
    decided = planned(a_service(*tasks(3), undead))
    assert holds(decided) == ["1 task told to stop, and still there after the deadline: undead"]
    early = planned(a_service(*tasks(3), undead), now=NOW - 100.0)
    assert holds(early) == []
    assert early.wake_at == NOW


def test_a_stop_without_an_answer_is_told_again_in_the_same_words() -> None:
    stop = StopIntent(at=NOW - 5.0, reason="scale in to 3")
    told = a_task("told", stop=stop)
    [action] = actions_of(planned(a_service(*tasks(3), told)), StopTask)
    assert (action.task_id, action.reason, action.recorded) == ("told", "scale in to 3", True)


def test_failed_tasks_are_counted_once() -> None:
    launch = a_launch(at=NOW - 60.0)
    failed = a_failed_task(launch=launch.launch_id)
    still_open = planned(a_service(failed, desired=1, launches=(launch,)))
    assert still_open.status.deployments[0].failed_tasks == 0
    closed = planned(a_service(failed, desired=1, status=still_open.status), now=NOW + 60.0)
    assert closed.status.deployments[0] == replace(a_deployment(), failed_tasks=1)
