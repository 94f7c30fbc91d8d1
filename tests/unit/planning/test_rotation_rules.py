"""Who takes traffic: registered when it runs, out when it is not wanted, and only what Headcount put there itself."""

from typing import Any, Final

import pytest

from builders import NOW, a_dying_task, a_launch, a_lost_task, a_starting_task
from headcount.model.plan import KeepLoadBalancers
from headcount.model.service import OperatorWishes, Pause, Standby, StopWish
from headcount.model.target import TargetsSeen
from headcount.model.task import StopIntent, Task
from headcount.model.values import replace
from unit.planning.balanced import (
    ADMIN,
    BOTH,
    FIRST,
    SECOND,
    SEEN_AT,
    THIRD,
    WEB,
    a_leaving_entry,
    a_ledger,
    a_load_balancer,
    a_served_task,
    a_target,
    an_entry,
    balanced,
    deregistered,
    endpoint_of,
    in_rotation,
    ledger_after,
    on_terms,
    registered,
    served,
)
from unit.planning.plans import actions_of, holds, planned, started, stopped

# -- into rotation ----------------------------------------------------------------------------------------------------


def test_every_task_that_runs_goes_into_every_group_of_its_own() -> None:
    state = balanced(*served(3), **BOTH)
    decided = planned(state)
    assert registered(decided) == [FIRST, SECOND, THIRD]
    assert registered(decided, ADMIN) == [endpoint_of(f"task-{number}", 9090) for number in (1, 2, 3)]
    assert [entry.registered_at for entry in ledger_after(state, decided)] == [None] * 3
    told = {one.reason for one in decided.decisions if one.kind == "register" and one.task == "task-1"}
    assert "10.0.0.1:9090 into target group admin: runs and has an address" in told
    assert len(told) == 2


def test_two_containers_may_share_a_group() -> None:
    shared = (a_load_balancer(), a_load_balancer(WEB, 9090, "admin"))
    assert registered(planned(balanced(a_served_task(), desired=1, entries=shared))) == [
        FIRST,
        endpoint_of("task-1", 9090),
    ]


NOT_YET: Final = {
    "it only starts": a_starting_task("task-1", address="10.0.0.1"),
    "its address is not known": a_served_task(address=None),
    "it dies": a_dying_task(address="10.0.0.1"),
    "it is gone": a_lost_task(address="10.0.0.1"),
    "it is being stopped": a_served_task(stop=StopIntent(at=NOW - 1.0, reason="scale in to 0")),
    "nobody knows it": a_served_task(deployment=None),
}


@pytest.mark.parametrize("why", NOT_YET)
def test_a_task_is_not_registered_while(why: str) -> None:
    assert registered(planned(balanced(NOT_YET[why], desired=1))) == []


def test_what_is_registered_is_not_registered_again() -> None:
    assert planned(in_rotation(*served(3))).actions == ()
    unanswered = balanced(*served(1), desired=1, targets=[a_ledger(an_entry(registered_at=None), seen=None)])
    decided = planned(unanswered)
    assert registered(decided) == [FIRST], "until ELB has answered"
    assert [(one.at, one.registered_at) for one in ledger_after(unanswered, decided)] == [(NOW, None)]
    assert not [one for one in decided.decisions if one.kind == "register"], "that was told"


def test_a_service_is_in_order_when_every_target_is_healthy() -> None:
    assert planned(in_rotation(*served(3))).status.state == "STEADY"
    for state in ("initial", "unused", "unavailable"):
        seen = [a_target("task-1", state), a_target("task-2"), a_target("task-3")]
        ledger = a_ledger(*map(an_entry, served(3)), seen=seen)
        decided = planned(balanced(*served(3), targets=[ledger]))
        assert decided.status.state == "RECONCILING", state
        assert "1 of 3 tasks not in service" in decided.status.state_reason


def test_health_that_was_seen_before_the_registration_is_another_tasks() -> None:
    ledger = a_ledger(an_entry(registered_at=SEEN_AT + 1.0), seen=[a_target()])
    assert planned(balanced(*served(1), desired=1, targets=[ledger])).status.state == "RECONCILING"


def test_a_group_without_health_checks_is_taken_at_its_word() -> None:
    unchecked = a_target("task-1", "unavailable", reason="Target.HealthCheckDisabled")
    assert (
        planned(balanced(*served(1), desired=1, targets=[a_ledger(an_entry(), seen=[unchecked])])).status.state
        == "STEADY"
    )


def test_a_task_is_healthy_only_if_it_is_so_in_all_its_groups() -> None:
    web = a_ledger(an_entry(), seen=[a_target()])
    admin = a_ledger(an_entry(port=9090), group=ADMIN, seen=[a_target(port=9090, state="initial")])
    assert planned(balanced(*served(1), desired=1, targets=[web, admin], **BOTH)).status.state == "RECONCILING"
    well = replace(admin, seen=TargetsSeen(seen_at=NOW - 5.0, targets=(a_target(port=9090),)))
    assert planned(balanced(*served(1), desired=1, targets=[web, well], **BOTH)).status.state == "STEADY"


# -- together in one call ---------------------------------------------------------------------------------------------


def _young(*numbers: int, ran: float = 0.1) -> list[Task]:
    return [a_served_task(f"task-{number}", launched_at=NOW - 20.0, started_at=NOW - ran) for number in numbers]


def test_a_lone_replacement_is_registered_at_once() -> None:
    state = in_rotation(*served(2), desired=3)
    assert registered(planned(replace(state, tasks=(*state.tasks, *_young(3))))) == [THIRD]


def test_the_first_of_many_is_registered_at_once() -> None:
    assert registered(planned(balanced(*_young(1), desired=401, launches=(a_launch(count=400),)))) == [FIRST]


@pytest.mark.parametrize(("coming", "window"), [(10, 1.0), (30, 9.0), (400, 20.0)])
def test_while_others_come_a_task_waits_a_moment_for_them(coming: int, window: float) -> None:
    first = a_ledger(an_entry("task-2", at=NOW - 0.5, registered_at=NOW - 0.4), seen=None)
    tasks, launch = (*_young(1), *_young(2, ran=0.6)), a_launch(count=coming, at=NOW - 1.0)
    state = balanced(*tasks, desired=coming + 2, launches=(launch,), targets=[first])
    waiting = planned(state)
    assert registered(waiting) == []
    assert waiting.wake_at is not None
    assert waiting.wake_at <= NOW - 0.5 + window
    assert registered(planned(state, NOW - 0.5 + window)) == [FIRST]
    others = replace(state, targets=(first, a_ledger(group=ADMIN)), declared=balanced(**BOTH).declared)
    known = replace(others, balancing=balanced(**BOTH).balancing)
    assert registered(planned(known), ADMIN), "each group has calls of its own"


ENDING: Final = {
    "ELB was not asked yet": {},
    "ELB has not answered yet": {"leaving_at": NOW - 0.3},
    "ELB shows it again": {"leaving_at": NOW - 0.3, "left_at": NOW - 0.25},
}


@pytest.mark.parametrize("how", ENDING)
def test_a_task_with_the_address_of_another_waits_for_nobody_and_nothing_is_taken_out(how: str) -> None:
    used = an_entry("task-9", target="10.0.0.1", at=NOW - 0.5, registered_at=NOW - 0.4, **ENDING[how])
    launch = a_launch(count=30, at=NOW - 1.0)
    ledger = a_ledger(used, seen=[a_target()], seen_at=NOW - 0.2)
    state = balanced(*_young(1), desired=32, launches=(launch,), targets=[ledger])
    decided = planned(state)
    assert registered(decided) == [FIRST]
    assert deregistered(decided) == []


def test_a_hundred_that_run_are_a_call_of_their_own() -> None:
    tasks = [a_served_task(f"task-{number}", started_at=NOW - 0.1) for number in range(1, 102)]
    first = a_ledger(an_entry("task-101", at=NOW - 0.5, registered_at=NOW - 0.4), seen=None)
    state = balanced(*tasks, desired=500, launches=(a_launch(count=399),), targets=[first])
    assert len(registered(planned(state))) == 100
    assert registered(planned(replace(state, tasks=tasks[1:]))) == []


def test_a_group_that_is_added_gets_the_tasks_that_run_at_once() -> None:
    coming = {"launches": (a_launch(count=400),), "desired": 403}
    decided = planned(in_rotation(*served(3), **BOTH, **coming))
    assert len(registered(decided, ADMIN)) == 3
    assert (registered(decided), deregistered(decided)) == ([], [])


def test_all_changes_of_a_group_are_one_call_a_direction() -> None:
    state = in_rotation(
        *served(5), desired=2, targets=[a_ledger(*map(an_entry, served(4)), seen=map(a_target, served(4)))]
    )
    decided = planned(state)
    assert len(actions_of(decided, KeepLoadBalancers)) == 0
    assert len({(type(one), one.group) for one in decided.actions if hasattr(one, "group")}) == sum(
        hasattr(one, "group") for one in decided.actions
    )


# -- out of rotation --------------------------------------------------------------------------------------------------

OUT: Final[dict[str, tuple[Task, dict[str, Any]]]] = {
    "it dies": (a_dying_task(address="10.0.0.1"), {}),
    "it is gone": (a_lost_task(address="10.0.0.1"), {}),
    "it is to be stopped": (a_served_task(stop=StopIntent(at=NOW - 1.0, reason="scale in to 2")), {}),
    "somebody wants it stopped": (
        a_served_task(),
        {"operator": OperatorWishes(stops=(StopWish(task="task-1", at=NOW),))},
    ),
    "it is on standby": (a_served_task(), {"operator": OperatorWishes(standbys=(Standby(task="task-1", at=NOW),))}),
    "the service is switched off": (a_served_task(), {"operator": OperatorWishes(pause=Pause(mode="stop", at=NOW))}),
    "the service is deleted": (a_served_task(), {"declared": {"deleting_at": NOW - 1.0}}),
    "no manifest names the group": (a_served_task(), {"entries": ()}),
    "its record is lost": (a_served_task("task-2"), {}),
}


@pytest.mark.parametrize("why", OUT)
def test_a_target_is_taken_out_when(why: str) -> None:
    task, changes = OUT[why]
    ledger = a_ledger(an_entry("task-1"), an_entry("task-2"), seen=map(a_target, ("task-1", "task-2")))
    decided = planned(balanced(task, targets=[ledger], **{"desired": 1} | changes))
    assert FIRST in deregistered(decided)
    told = [one for one in decided.decisions if one.kind == "deregister" and one.task == "task-1"]
    assert len(told) == 1
    assert told[0].reason.startswith("10.0.0.1:8080 out of target group web: ")
    entry = next(one for one in ledger_after(balanced(targets=[ledger]), decided) if one.task == "task-1")
    assert entry.leaving_at == NOW
    assert entry.because


def test_all_tasks_of_a_deleted_service_leave_at_once_however_many_stop_in_a_pass() -> None:
    assert len(deregistered(planned(in_rotation(*served(50), declared={"deleting_at": NOW - 1.0})))) == 50


def test_a_frozen_service_keeps_who_is_in_rotation_there() -> None:
    frozen = OperatorWishes(pause=Pause(mode="freeze", at=NOW))
    assert planned(in_rotation(*served(3), desired=1, operator=frozen)).actions == ()


def test_who_comes_back_from_standby_is_registered_again() -> None:
    back = balanced(*served(1), desired=1, targets=[a_ledger(a_leaving_entry(), seen=[a_target(state="draining")])])
    decided = planned(back)
    assert registered(decided) == [FIRST]
    assert [entry.leaving_at for entry in ledger_after(back, decided)] == [None]


def test_foreign_targets_are_nobodys() -> None:
    state = in_rotation(*served(3), desired=1)
    foreign = [*state.targets[0].seen.targets, a_target("other-99"), a_target("other-98", "unhealthy")]
    ledger = replace(state.targets[0], seen=TargetsSeen(seen_at=NOW - 5.0, targets=tuple(foreign), foreign=2))
    decided = planned(replace(state, targets=(ledger,)))
    assert set(deregistered(decided)) <= {FIRST, SECOND, THIRD}
    assert started(decided) == 0


# -- an address that is used again ------------------------------------------------------------------------------------

DEAD: Final = {
    "dying": (a_dying_task("task-1", address="10.0.0.9"), an_entry("task-1", target="10.0.0.9")),
    "gone": (a_lost_task("task-1", address="10.0.0.9"), an_entry("task-1", target="10.0.0.9")),
    "forgotten": (a_served_task("task-2"), an_entry("task-1", target="10.0.0.9")),
    "leaving": (a_lost_task("task-1"), an_entry("task-1", target="10.0.0.9", leaving_at=NOW - 9.0)),
    "drained": (a_lost_task("task-1"), a_leaving_entry("task-1", target="10.0.0.9")),
    "running on record alone": (a_served_task("task-1", address="10.0.0.9"), an_entry("task-1", target="10.0.0.9")),
}


@pytest.mark.parametrize("old", DEAD)
@pytest.mark.parametrize("last", [True, False])
def test_the_address_of_a_dead_task_is_the_new_ones_and_never_taken_out(old: str, last: bool) -> None:
    """What is out goes before what is in: a deregistration in the same pass would take out the new task too."""
    dead, entry = DEAD[old]
    new = a_served_task("task-9", started_at=NOW - 5.0, launched_at=NOW - 20.0)
    tasks = (dead, new) if last else (new, dead)
    state = balanced(*tasks, desired=2, targets=[a_ledger(entry, seen=[a_target("task-9")])])
    decided = planned(state)
    assert endpoint_of("task-9") in registered(decided)
    assert endpoint_of("task-9") not in deregistered(decided)
    owners = [one.task for one in ledger_after(state, decided) if one.endpoint == endpoint_of("task-9")]
    assert owners == ["task-9"]


@pytest.mark.parametrize("last", [True, False])
def test_of_two_that_run_with_one_address_the_one_that_started_last_has_it(last: bool) -> None:
    """Of the other, no event has told yet that it is gone."""
    dead, new = a_served_task("task-1", address="10.0.0.9"), a_served_task("task-9", started_at=NOW - 5.0)
    state = balanced(*((dead, new) if last else (new, dead)), desired=2)
    assert [one.task for one in ledger_after(state, planned(state))] == ["task-9"]
    there = replace(state, targets=(a_ledger(an_entry("task-9"), seen=[a_target("task-9")]),))
    assert planned(there).ledgers == ()


def test_the_one_whose_address_another_has_goes_first() -> None:
    """It cannot be alive; the new one is."""
    ghost, new = a_served_task("task-1", address="10.0.0.9"), a_served_task("task-9", started_at=NOW - 5.0)
    entries = [an_entry("task-9"), *map(an_entry, served(2, 2))]
    seen = [a_target(one) for one in ("task-9", "task-2", "task-3")]
    decided = planned(balanced(ghost, new, *served(2, 2), desired=3, targets=[a_ledger(*entries, seen=seen)]))
    assert stopped(decided) == ["task-1"]
    assert "gone: task task-9 has its address 10.0.0.9" in {one.reason for one in decided.decisions}


def test_the_one_whose_address_another_has_has_no_grace_period() -> None:
    """That is for tasks that start."""
    young = {"started_at": NOW - 20.0}
    ghost, new = a_served_task("task-1", address="10.0.0.9", **young), a_served_task("task-9", started_at=NOW - 5.0)
    entries = [an_entry("task-9"), *map(an_entry, served(2, 2))]
    seen = [a_target(one) for one in ("task-9", "task-2", "task-3")]
    manifest = {"health_check_grace_seconds": 60}
    targets = [a_ledger(*entries, seen=seen)]
    decided = planned(balanced(ghost, new, *served(2, 2), desired=4, targets=targets, manifest=manifest))
    assert started(decided) == 1


def test_the_one_whose_address_another_has_is_none_of_the_healthy() -> None:
    """It belongs to an older deployment, and no ledger has it: no target speaks against it."""
    ghost = a_served_task("task-1", address="10.0.0.9", deployment="dep-0")
    sick = (a_served_task("task-9", started_at=NOW - 50.0), *served(1, 2))
    ledger = a_ledger(*map(an_entry, sick), seen=[a_target(task, "unhealthy") for task in sick])
    state = on_terms(balanced(ghost, *sick, desired=2, targets=[ledger]), freeze_above_percent=75)
    assert any(said.startswith("frozen: 3 of 3 tasks are unhealthy") for said in holds(planned(state)))
