"""Who takes traffic: registered when it runs, out when it is not wanted, and only what Headcount put there itself."""

from dataclasses import replace
from typing import Any, Final

import pytest

from builders import (
    DEPLOYMENT,
    NOW,
    a_declared_service,
    a_dying_task,
    a_launch,
    a_lost_task,
    a_manifest,
    a_service,
    a_starting_task,
    a_status,
    a_throttle,
    tasks,
)
from headcount.model.plan import KeepLoadBalancers
from headcount.model.service import OperatorWishes, Pause, ServiceState, Standby, StopWish
from headcount.model.target import Registration, TargetsSeen
from headcount.model.task import HostPort, StopIntent, Task
from headcount.planning.ledgers import with_answers
from headcount.planning.plan import plan
from headcount.planning.rotation import groups_to_look_at, next_look_at
from headcount.planning.watching import instances_to_ask_for
from unit.planning.balanced import (
    ADMIN,
    SEEN_AT,
    WEB,
    a_known_group,
    a_leaving_entry,
    a_ledger,
    a_load_balancer,
    a_served_task,
    a_target,
    an_entry,
    balanced,
    deregistered,
    drained,
    endpoint_of,
    in_rotation,
    ledger_after,
    on_terms,
    registered,
    served,
)
from unit.planning.plans import actions_of, holds, planned, started, stopped

BOTH: Final[dict[str, Any]] = {
    "entries": (a_load_balancer(), a_load_balancer(ADMIN, 9090, "admin")),
    "groups": (a_known_group(), a_known_group(ADMIN)),
}
FIRST, SECOND, THIRD = (endpoint_of(f"task-{number}") for number in (1, 2, 3))

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


@pytest.mark.parametrize("leaving_at", [None, NOW - 0.3])
def test_a_task_with_the_address_of_another_waits_for_nobody_and_nothing_is_taken_out(leaving_at: float | None) -> None:
    """Also where ELB has not answered yet that the other one's target is to leave."""
    used = an_entry("task-9", target="10.0.0.1", at=NOW - 0.5, registered_at=NOW - 0.4, leaving_at=leaving_at)
    launch = a_launch(count=30, at=NOW - 1.0)
    state = balanced(*_young(1), desired=32, launches=(launch,), targets=[a_ledger(used, seen=None)])
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


# -- what ELB shows ---------------------------------------------------------------------------------------------------

LOST: Final = [
    # what ELB shows of it, seen so long after the registration, registered again
    ([], 10.0, True),
    ([], 9.0, False),  # ELB is eventually consistent
    ([a_target(state="draining")], 10.0, True),
    ([a_target(state="unused", reason="Target.NotRegistered")], 10.0, True),
    ([a_target(state="unused", reason="Target.NotInUse")], 10.0, False),
    ([a_target(state="unhealthy")], 10.0, False),
]


@pytest.mark.parametrize(("seen", "after", "again"), LOST)
def test_a_target_that_elb_has_lost_is_registered_again(seen: list[Any], after: float, again: bool) -> None:
    entry = an_entry(registered_at=NOW - after)
    state = balanced(*served(1), desired=1, targets=[a_ledger(entry, seen=seen, seen_at=NOW)])
    decided = planned(state)
    assert registered(decided) == ([FIRST] if again else [])
    if again:
        told = next(one for one in decided.decisions if one.kind == "register")
        assert (told.level, "ELB has lost it" in told.reason) == ("WARN", True)
        assert planned(replace(state, targets=decided.ledgers)).ledgers == (), "told once"


BACK: Final = [
    # of a dead task that was registered 40 seconds ago and left 9 seconds later: what ELB shows, seen when;
    # whether it is told again, and stays on the ledger. A call to register may be late by 30 seconds.
    ([], -9.0, False, False),
    ([], -11.0, False, True),
    ([a_target(state="draining")], -9.0, False, False),
    ([a_target(state="unused", reason="Target.NotRegistered")], -9.0, False, False),
    ([a_target(state="initial")], -9.0, True, True),
    ([a_target(state="unhealthy")], -9.0, True, True),
    ([a_target(state="unused", reason="Target.NotInUse")], -9.0, True, True),
]


@pytest.mark.parametrize(("seen", "seen_at", "again", "stays"), BACK)
def test_what_a_late_call_put_back_is_taken_out_again(
    seen: list[Any], seen_at: float, again: bool, stays: bool
) -> None:
    entry = a_leaving_entry(at=NOW - 40.0, registered_at=NOW - 40.0, leaving_at=NOW - 32.0, left_at=NOW - 31.0)
    state = balanced(*served(1, 2), desired=1, targets=[a_ledger(entry, seen=seen, seen_at=NOW + seen_at)])
    decided = planned(state)
    assert (FIRST in deregistered(decided)) == again
    assert any(one.task == "task-1" for one in ledger_after(state, decided)) == stays


def test_a_dead_task_that_was_long_in_rotation_is_forgotten_with_the_answer() -> None:
    left = a_ledger(a_leaving_entry(), a_leaving_entry("task-2"), seen=[a_target()])
    assert ledger_after(balanced(targets=[left]), planned(balanced(targets=[left]))) == ()
    leaving = a_ledger(an_entry(leaving_at=NOW), an_entry("task-2", leaving_at=NOW), an_entry("task-3", at=NOW - 29.0))
    leaving = replace(
        leaving, registrations=(*leaving.registrations[:2], replace(leaving.registrations[2], leaving_at=NOW))
    )
    after = with_answers(leaving, deregistered=[FIRST, SECOND, THIRD], awaited=["task-2"], now=NOW)
    assert [(one.task, one.left_at) for one in after.registrations] == [("task-2", NOW), ("task-3", NOW)]


def test_a_group_that_is_gone_is_left_alone_for_a_while_and_said() -> None:
    gone = replace(a_ledger(*map(an_entry, served(3))), seen=TargetsSeen(seen_at=NOW - 5.0, gone=True))
    state = balanced(*served(3), targets=[gone])
    decided = planned(state)
    assert not [one for one in decided.actions if not isinstance(one, KeepLoadBalancers)]
    assert "target group web does not exist any more: nothing is registered there" in holds(decided)
    assert ledger_after(state, decided) == ()
    after = replace(state, targets=decided.ledgers)
    assert registered(planned(after, NOW + 54.0)) == []
    assert len(registered(planned(after, NOW + 56.0))) == 3, "it may have been made again"


def test_answers_go_to_the_entries_they_are_about() -> None:
    ledger = a_ledger(
        an_entry("task-1", registered_at=None), an_entry("task-2", leaving_at=NOW - 1.0), an_entry("task-3")
    )
    everybody = [one.task for one in ledger.registrations]
    answered = with_answers(ledger, registered=[FIRST], deregistered=[SECOND], awaited=everybody, now=NOW).registrations
    assert [(one.registered_at, one.left_at) for one in answered] == [
        (NOW, None),
        (NOW - 60.0, NOW),
        (NOW - 60.0, None),
    ]
    assert with_answers(ledger, gone=True, now=NOW).registrations == ()
    reused = a_ledger(an_entry(leaving_at=NOW), an_entry("task-9", target="10.0.0.1", registered_at=None))
    both = with_answers(reused, registered=[FIRST], deregistered=[FIRST], awaited=["task-1", "task-9"], now=NOW)
    assert [(one.registered_at, one.left_at) for one in both.registrations] == [(NOW - 60.0, NOW), (NOW, None)]
    out = with_answers(reused, deregistered=[FIRST], awaited=["task-1", "task-9"], now=NOW)
    assert [one.left_at for one in out.registrations] == [NOW, None]


# -- too little is known ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", ["lost", "without the group"])
def test_targets_of_a_group_that_nobody_has_found_yet_stay_where_they_are(record: str) -> None:
    state = in_rotation(*served(3))
    assert state.balancing is not None
    unknown = None if record == "lost" else replace(state.balancing, groups=())
    decided = planned(replace(state, balancing=unknown))
    assert (registered(decided), deregistered(decided), stopped(decided)) == ([], [], [])
    assert decided.ledgers == ()
    assert "target group" in decided.status.state_reason


def test_a_service_that_nobody_looked_at_has_somebody_look() -> None:
    decided = planned(balanced(*served(3), balancing=None))
    assert [one.reason for one in actions_of(decided, KeepLoadBalancers)] == [
        "nobody has looked at the load balancers of this service yet"
    ]


# -- EC2 instances ----------------------------------------------------------------------------------------------------

INSTANCE: Final = "arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/0123"
ON_EC2: Final[dict[str, Any]] = {"groups": (a_known_group(target_type="instance"),), "desired": 1}
KNOWN: Final = {"ec2_instances": {INSTANCE: "i-1"}}
PORTS: Final = (
    HostPort(container="side", container_port=8080, host_port=32000),
    HostPort(container="web", container_port=9999, host_port=32001),
    HostPort(container="web", container_port=8080, host_port=32768),
)


def _on_an_instance(**changes: Any) -> Task:
    return a_served_task(**{"container_instance": INSTANCE, "address": None} | changes)


@pytest.mark.parametrize(
    ("mode", "ports", "expected"),
    [("bridge", PORTS, [("i-1", 32768)]), ("host", (), [("i-1", 8080)]), ("bridge", (), [])],
)
def test_tasks_on_instances_are_reached_at_their_host_port(mode: str, ports: Any, expected: Any) -> None:
    state = balanced(_on_an_instance(ports=ports), declared={"network_mode": mode}, **ON_EC2, **KNOWN)
    assert registered(planned(state)) == expected


def test_an_instance_that_is_not_known_yet_is_asked_for_and_those_on_the_ledger_stay() -> None:
    new = balanced(_on_an_instance(ports=PORTS), declared={"network_mode": "bridge"}, **ON_EC2)
    assert registered(planned(new)) == []
    assert instances_to_ask_for(new) == (INSTANCE,)
    entry = an_entry(target="i-1", port=32768)
    ledger = a_ledger(entry, seen=[replace(a_target(port=32768), target="i-1")])
    there = replace(new, targets=(ledger,))
    assert instances_to_ask_for(there) == ()
    assert (registered(planned(there)), deregistered(planned(there))) == ([], [])


@pytest.mark.parametrize("target_type", ["lambda", "alb"])
def test_tasks_are_no_targets_of_groups_for_something_else(target_type: str) -> None:
    state = balanced(_on_an_instance(ports=PORTS), desired=1, groups=(a_known_group(target_type=target_type),), **KNOWN)
    assert registered(planned(state)) == []


# -- older deployments ------------------------------------------------------------------------------------------------


def _deploying(*tasks: Task, targets: Any, **changes: Any) -> ServiceState:
    """The new revision listens on 9090, the one before on 8080."""
    before = a_declared_service(a_manifest(load_balancers=(a_load_balancer(),)), deployment="dep-0")
    return balanced(
        *tasks, targets=targets, entries=(a_load_balancer(port=9090),), declared={"previous": before}, **changes
    )


def test_a_task_of_an_older_deployment_stays_at_its_own_port() -> None:
    old, new = a_served_task("task-1", deployment="dep-0"), a_served_task("task-2", started_at=NOW - 5.0)
    state = _deploying(old, new, targets=[a_ledger(an_entry(old), seen=[a_target(old)])], desired=2)
    decided = planned(state)
    assert registered(decided) == [endpoint_of("task-2", 9090)]
    assert deregistered(decided) == []


def test_a_task_of_the_deployment_before_that_comes_to_run_takes_traffic_at_its_own_port() -> None:
    old = a_served_task("task-1", deployment="dep-0", started_at=NOW - 5.0)
    assert registered(planned(_deploying(old, targets=[], desired=1))) == [FIRST]
    stranger = a_served_task("task-1", deployment="dep-x", started_at=NOW - 5.0)
    assert registered(planned(_deploying(stranger, targets=[], desired=1))) == [], "nobody knows its ports"


def test_a_task_of_the_deployment_before_goes_into_the_groups_it_is_not_in() -> None:
    before = a_declared_service(a_manifest(load_balancers=BOTH["entries"]), deployment="dep-0")
    old = a_served_task("task-1", deployment="dep-0")
    there = a_ledger(an_entry(old), seen=[a_target(old)])
    decided = planned(balanced(old, desired=1, targets=[there], declared={"previous": before}, **BOTH))
    assert (registered(decided), registered(decided, ADMIN)) == ([], [endpoint_of("task-1", 9090)])


def test_the_health_of_an_older_task_is_that_of_the_groups_it_is_in() -> None:
    old = a_served_task("task-1", deployment="dep-0")
    targets = [a_ledger(an_entry(old), seen=[a_target(old, "initial")])]
    new = a_served_task("task-2", deployment=DEPLOYMENT, launched_at=NOW - 100.0)
    assert stopped(planned(_deploying(old, new, targets=targets, desired=1))) == []


# -- patience ---------------------------------------------------------------------------------------------------------


def test_while_elb_asks_for_patience_nothing_is_called_and_everything_is_written_down() -> None:
    waiting = a_status(elb_throttle=a_throttle(until=NOW + 4.0, reason="ELB: Throttling"))
    state = in_rotation(*served(4), desired=3, status=waiting)
    state = replace(state, tasks=(*state.tasks, a_served_task("task-5", launched_at=NOW - 30.0)), capacity=None)
    decided = planned(state)
    assert (registered(decided), deregistered(decided)) == ([], [])
    assert decided.ledgers
    assert "ELB: Throttling" in holds(decided)
    assert decided.wake_at == NOW + 4.0
    later = planned(replace(state, targets=decided.ledgers), NOW + 4.0)
    assert registered(later) or deregistered(later)
    assert later.ledgers == ()


def test_more_than_eight_ledgers_wait_for_the_next_pass() -> None:
    many = [WEB.replace("/web/", f"/web-{number}/") for number in range(1, 11)]
    state = balanced(*served(1), desired=1, entries=map(a_load_balancer, many), groups=map(a_known_group, many))
    decided = planned(state)
    assert len(decided.ledgers) == 8
    assert decided.again
    answered = [with_answers(one, registered=[FIRST], awaited=["task-1"], now=NOW) for one in decided.ledgers]
    assert len(planned(replace(state, targets=tuple(answered))).ledgers) == 2


# -- when to look -----------------------------------------------------------------------------------------------------

ENDED: Final = a_lost_task("task-1")
RUNS: Final = a_served_task("task-1")
TO_STOP: Final = a_served_task("task-1", stop=StopIntent(at=NOW - 9.0, reason="scale in to 0"))
LOOKS: Final[list[tuple[str, Task, Registration, list[Any] | None, float, float | None]]] = [
    # the task's entry, what was seen when: the next look, counted from NOW
    ("not answered yet", RUNS, an_entry(registered_at=None), None, -5.0, None),
    ("just registered", RUNS, an_entry(registered_at=NOW), None, -5.0, 5.0),
    ("first look", RUNS, an_entry(registered_at=NOW), None, -60.0, 1.0),
    ("initial", RUNS, an_entry(), [a_target(state="initial")], 0.0, 10.0),
    (
        "initial for very long",
        RUNS,
        an_entry(registered_at=NOW - 900.0),
        [a_target(state="initial", since=NOW - 700.0)],
        0.0,
        None,
    ),
    ("healthy", RUNS, an_entry(), [a_target()], 0.0, None),
    ("unhealthy", RUNS, an_entry(), [a_target(state="unhealthy")], 0.0, 10.0),
    (
        "unhealthy for long",
        RUNS,
        an_entry(registered_at=NOW - 900.0),
        [a_target(state="unhealthy", since=NOW - 130.0)],
        0.0,
        None,
    ),
    ("drains", TO_STOP, a_leaving_entry(), [a_target(state="draining")], -5.0, 20.0),
    ("drains for longer", TO_STOP, a_leaving_entry(left_at=NOW - 31.0), [a_target(state="draining")], -1.0, 4.0),
    ("of a dead task", ENDED, a_leaving_entry(at=NOW - 12.0), [a_target(state="draining")], -5.0, 18.0),
    ("of a dead task, seen", ENDED, a_leaving_entry(at=NOW - 40.0), [a_target(state="draining")], -5.0, None),
]


@pytest.mark.parametrize(("what", "task", "entry", "seen", "seen_at", "due"), LOOKS, ids=[one[0] for one in LOOKS])
def test_elb_is_asked_only_when_somebody_waits_for_the_answer(
    what: str, task: Task, entry: Registration, seen: Any, seen_at: float, due: float | None
) -> None:
    ledger = a_ledger(entry, seen=seen, seen_at=NOW + seen_at)
    if seen is None:
        ledger = replace(ledger, seen=TargetsSeen(seen_at=NOW + seen_at))
    state = balanced(task, desired=1, targets=[ledger])
    at = next_look_at(state, NOW)
    assert at == (None if due is None else pytest.approx(NOW + due)), what
    if due is not None:
        assert groups_to_look_at(state, NOW + due - 0.01) == ()
        assert groups_to_look_at(state, NOW + due) == (WEB,)


def test_an_alarm_has_the_group_looked_at_once() -> None:
    state = in_rotation(*served(3))
    suspect = replace(state, targets=(replace(state.targets[0], suspect_at=NOW - 1.0),))
    assert groups_to_look_at(state, NOW) == ()
    assert groups_to_look_at(suspect, NOW) == (WEB,)
    assert groups_to_look_at(replace(suspect, targets=(replace(suspect.targets[0], suspect_at=NOW - 9.0),)), NOW) == ()


def test_while_elb_asks_for_patience_nobody_looks() -> None:
    waiting = a_status(elb_throttle=a_throttle(until=NOW + 4.0))
    state = balanced(*served(1), desired=1, targets=[a_ledger(an_entry(), seen=[])], status=waiting)
    assert groups_to_look_at(state, NOW) == ()
    assert next_look_at(state, NOW) == NOW + 5.0
    assert next_look_at(replace(state, targets=(a_ledger(an_entry(), seen=None),)), NOW) == NOW + 4.0


def test_without_load_balancers_nothing_of_this_is_said() -> None:
    decided = plan(a_service(*tasks(3)), NOW, 0.0)
    assert (decided.actions, decided.ledgers, drained(decided)) == ((), (), [])
