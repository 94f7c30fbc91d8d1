"""What people wish: pause and freeze, an override until a time, tasks set aside, tasks stopped on request."""

from typing import Any, Final

import pytest

from builders import (
    NOW,
    a_declared_service,
    a_failed_task,
    a_launch,
    a_lost_task,
    a_manifest,
    a_service,
    a_starting_task,
    a_status,
    a_task,
    a_throttle,
    tasks,
)
from headcount.model.plan import AdoptTask, RemoveService, ResumeLaunch, StopTask
from headcount.model.service import OperatorWishes, Override, Pause, Protection, ServiceState, Standby, StopWish
from headcount.model.task import Notice, StopIntent, Task
from headcount.model.values import replace
from headcount.planning.watching import health_look_at, tasks_to_describe
from unit.planning.plans import actions_of, holds, launches, planned, started, stopped
from unit.planning.sick import checked, unwell, well
from unit.planning.world import World

STOP: Final = Pause(mode="stop", at=NOW - 9.0, by="alice", reason="night shift")
FREEZE: Final = Pause(mode="freeze", at=NOW - 9.0, by="bob")


def a_service_wished(*present: Task, desired: int = 3, **changes: Any) -> ServiceState:
    names = ("protections", "standbys", "stops", "pause", "override")
    wishes = OperatorWishes(**{name: changes.pop(name) for name in names if name in changes})
    return a_service(*present, desired=desired, operator=wishes, **changes)


def aside(*task_ids: str) -> tuple[Standby, ...]:
    return tuple(Standby(task=task_id, at=NOW - 9.0, by="carol") for task_id in task_ids)


def asked(*task_ids: str, **changes: Any) -> tuple[StopWish, ...]:
    return tuple(StopWish(task=task_id, at=NOW - 9.0, **changes) for task_id in task_ids)


# -- pause ------------------------------------------------------------------------------------------------------------


def test_a_paused_service_stops_all_its_tasks_and_says_who_wanted_it() -> None:
    decided = planned(a_service_wished(*tasks(3), pause=STOP))
    assert len(stopped(decided)) == 3
    assert actions_of(decided, StopTask)[0].reason == "scale in to 0: paused by alice: night shift"
    assert decided.status.state == "PAUSED"
    assert decided.status.state_reason.startswith("paused by alice: night shift")


def test_a_service_that_is_switched_off_and_empty_is_left_in_peace() -> None:
    decided = planned(a_service_wished(pause=STOP))
    assert decided.actions == ()
    assert decided.wake_at is None
    assert planned(a_service_wished(*tasks(3), pause=STOP)).wake_at is not None


def test_a_pause_ends_by_itself_when_its_time_has_come() -> None:
    state = a_service_wished(pause=replace(STOP, until=NOW + 60.0))
    assert planned(state).wake_at == NOW + 60.0
    assert started(planned(state, now=NOW + 60.0)) == 3


def test_a_deployment_that_is_switched_off_has_not_completed() -> None:
    fresh = a_status(deployments=())
    assert planned(a_service_wished(pause=STOP, status=fresh)).status.deployments[0].rollout_state == "IN_PROGRESS"
    assert planned(a_service_wished(desired=0, status=fresh)).status.deployments[0].rollout_state == "COMPLETED"


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("too few", (a_task(),)),
        ("too many", tasks(5)),
        ("stuck", (*tasks(2), a_starting_task(launched_at=NOW - 9000.0))),
        ("an old deployment", tasks(3, deployment="dep-0")),
        ("a draining instance", (*tasks(2), replace(a_task("x"), notice=Notice(kind="DRAINING", at=NOW, reason="d")))),
    ],
)
def test_a_frozen_service_is_left_as_it_is(words: str, state: tuple[Task, ...]) -> None:
    decided = planned(a_service_wished(*state, pause=FREEZE))
    assert decided.actions == (), words
    assert holds(decided)[0] == "nothing is started or stopped: frozen by bob"
    assert decided.status.state == "PAUSED"


def test_what_was_decided_before_the_freeze_is_carried_through() -> None:
    told = a_task("told", stop=StopIntent(at=NOW - 1.0, reason="scale in to 3"))
    flying = a_launch()
    decided = planned(a_service_wished(*tasks(2), told, pause=FREEZE, launches=(flying,)))
    assert stopped(decided) == ["told"]
    assert [one.launch for one in actions_of(decided, ResumeLaunch)] == [flying]


def test_a_freeze_that_ends_by_itself_is_waited_for() -> None:
    state = a_service_wished(*tasks(2), pause=replace(FREEZE, until=NOW + 60.0))
    assert planned(state).wake_at == NOW + 60.0
    assert started(planned(state, now=NOW + 60.0)) == 1


# -- override ---------------------------------------------------------------------------------------------------------


def test_an_override_holds_until_its_time_and_the_desired_count_after_it() -> None:
    override = Override(count=5, at=NOW - 9.0, until=NOW + 60.0, by="dave", reason="launch day")
    state = a_service_wished(*tasks(3), override=override)
    assert started(planned(state)) == 2
    five = a_service_wished(*tasks(5), override=override)
    steady = planned(five)
    assert steady.actions == ()
    assert steady.status.state_reason == "5 of 5 running (override of 5 by dave until 14:14:20Z: launch day)"
    assert steady.wake_at == NOW + 60.0
    assert len(stopped(planned(five, now=NOW + 60.0))) == 2


def test_a_pause_goes_before_an_override_and_the_first_end_of_both_is_waited_for() -> None:
    override = Override(count=5, at=NOW, until=NOW + 60.0)
    state = a_service_wished(*tasks(3), override=override, pause=replace(STOP, until=NOW + 90.0))
    assert len(stopped(planned(state))) == 3
    assert planned(a_service_wished(override=override, pause=replace(STOP, until=NOW + 90.0))).wake_at == NOW + 60.0


def test_a_sick_task_on_standby_is_not_asked_about() -> None:
    """It may be sick for days: that is what it was taken out for."""
    state = checked(unwell("task-1"), well("task-2"), well("task-3"), desired=2)
    aside_now = replace(state, operator=OperatorWishes(standbys=aside("task-1")))
    assert tasks_to_describe(state, NOW) == ("task-1",)
    assert tasks_to_describe(aside_now, NOW) == ()
    assert health_look_at(aside_now) is None


# -- standby ----------------------------------------------------------------------------------------------------------


def test_a_task_set_aside_runs_on_and_another_takes_its_place() -> None:
    decided = planned(a_service_wished(*tasks(3), standbys=aside("task-1")))
    assert (started(decided), stopped(decided)) == (1, [])
    full = planned(a_service_wished(*tasks(4), standbys=aside("task-1")))
    assert full.actions == ()
    assert full.status.counts.running == 3


def test_a_task_set_aside_takes_no_room_below_maximum_percent() -> None:
    declared = a_declared_service(a_manifest(minimum_healthy_percent=0, maximum_percent=100))
    assert started(planned(a_service_wished(*tasks(3), standbys=aside("task-1"), declared=declared))) == 1


def test_a_task_that_dies_while_it_is_set_aside_is_missed_nowhere_and_fails_nobody() -> None:
    died = a_failed_task("died")
    decided = planned(a_service_wished(*tasks(3), died, standbys=aside("died")))
    assert started(decided) == 0
    assert decided.status.backoff is None
    assert decided.status.deployments[0].failed_tasks == 0
    lost = a_lost_task("lost", deployment="dep-1")
    missing = planned(a_service_wished(*tasks(2), died, lost, standbys=aside("died")))
    assert "lost lost: Task stopped by user" in launches(missing)[0].reason


def test_a_task_that_is_set_aside_and_asked_to_stop_stops() -> None:
    decided = planned(a_service_wished(*tasks(4), standbys=aside("task-1"), stops=asked("task-1")))
    assert stopped(decided) == ["task-1"]


def test_a_task_set_aside_whose_record_was_lost_is_taken_over_and_still_counts_for_nothing() -> None:
    found = a_task("found", deployment=None, confirmed_at=NOW - 1.0, created_at=NOW - 900.0)
    decided = planned(a_service_wished(*tasks(3), found, standbys=aside("found")))
    assert [one.task_id for one in actions_of(decided, AdoptTask)] == ["found"]
    assert (started(decided), stopped(decided)) == (0, [])


def test_a_task_that_comes_back_is_one_too_many() -> None:
    assert len(stopped(planned(a_service_wished(*tasks(4))))) == 1


# -- stopped on request -----------------------------------------------------------------------------------------------


def test_a_task_stops_on_request_and_is_replaced() -> None:
    decided = planned(a_service_wished(*tasks(3), stops=asked("task-2", by="erin", reason="leaks")))
    assert stopped(decided) == ["task-2"]
    assert actions_of(decided, StopTask)[0].reason == "stopped on request by erin: leaks"
    assert started(decided) == 1


def test_with_the_count_lowered_it_is_the_one_that_goes() -> None:
    decided = planned(a_service_wished(*tasks(3), desired=2, stops=asked("task-2")))
    assert (stopped(decided), started(decided)) == (["task-2"], 0)


def test_neither_protection_nor_percentages_nor_a_freeze_hold_up_a_request() -> None:
    protected = (Protection(task="task-2", until=NOW + 600.0),)
    state = a_service_wished(*tasks(3), stops=asked("task-2"), protections=protected, pause=FREEZE)
    assert stopped(planned(state)) == ["task-2"]


def test_patience_with_ecs_does() -> None:
    state = a_service_wished(*tasks(3), stops=asked("task-2"), status=a_status(throttle=a_throttle()))
    assert stopped(planned(state)) == []


def test_a_singleton_stopped_on_request_never_overlaps() -> None:
    world = World(1, manifest=a_manifest(desired_count=1, minimum_healthy_percent=0, maximum_percent=100))
    world.settle()
    world.wishes = OperatorWishes(stops=asked(next(iter(world.running()))))
    world.settle()
    assert world.most_alive == 1
    assert len(world.ecs) == 2


# -- deletion ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wishes",
    [
        {"pause": FREEZE},
        {"override": Override(count=5, at=NOW, until=NOW + 60.0)},
        {"standbys": aside("task-1")},
        {"protections": (Protection(task="task-1", until=NOW + 60.0),)},
    ],
)
def test_deleting_a_service_goes_before_every_wish(wishes: dict[str, Any]) -> None:
    declared = a_declared_service(a_manifest(), deleting_at=NOW - 1.0)
    decided = planned(a_service_wished(*tasks(3), declared=declared, **wishes))
    assert sorted(stopped(decided)) == ["task-1", "task-2", "task-3"]
    assert decided.status.state == "DELETING"
    assert len(actions_of(planned(a_service_wished(declared=declared, **wishes)), RemoveService)) == 1
