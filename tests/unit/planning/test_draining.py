"""The one way out: a task that is to be stopped leaves rotation, drains, and only then is told to stop."""

from typing import Any, Final

import pytest

from builders import NOW, a_dying_task, a_lost_task, a_starting_task, a_status, a_throttle
from headcount.model.manifest import MaximumAge
from headcount.model.plan import DrainTask, KeepLoadBalancers, RemoveService, StopTask
from headcount.model.service import OperatorWishes, ServiceState, StopWish
from headcount.model.target import TargetHealth, TargetsSeen
from headcount.model.task import Notice, StopIntent, Task
from headcount.model.values import replace
from headcount.planning.rotation import BLIND_SECONDS, LONGEST_DELAY_SECONDS
from unit.planning.balanced import (
    ADMIN,
    DELAY,
    FIRST,
    a_known_group,
    a_leaving_entry,
    a_ledger,
    a_served_task,
    a_target,
    an_entry,
    balanced,
    deregistered,
    drained,
    in_rotation,
    served,
)
from unit.planning.plans import actions_of, holds, planned, stopped

NO_ROOM: Final = {"minimum_healthy_percent": 50, "maximum_percent": 100}
LEAVING: Final = a_served_task(stop=StopIntent(at=NOW - 61.0, reason="scale in to 2"))

CAUSES: Final[dict[str, ServiceState]] = {
    "scale-in": in_rotation(*served(3), desired=2, protected=["task-2", "task-3"]),
    "a deployment": in_rotation(a_served_task(deployment="dep-0"), *served(3, 2)),
    "a deletion": in_rotation(*served(1), declared={"deleting_at": NOW - 1.0}),
    "sickness": in_rotation(*served(4), unhealthy=["task-1"]),
    "a drained instance": in_rotation(
        replace(a_served_task(), notice=Notice(kind="DRAINING", at=NOW - 5.0, reason="drains")), *served(3, 2)
    ),
    "age": in_rotation(
        *served(1),
        *served(3, 2, launched_at=NOW - 100.0),
        manifest={"maximum_age": MaximumAge(seconds=1800.0)},
    ),
    "a wish": in_rotation(*served(3), operator=OperatorWishes(stops=(StopWish(task="task-1", at=NOW - 1.0),))),
    "a replacement that cannot start first": in_rotation(
        replace(a_served_task(), notice=Notice(kind="DRAINING", at=NOW - 5.0, reason="drains")),
        *served(2, 2),
        manifest=NO_ROOM,
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_whatever_the_cause_a_task_drains_before_it_stops(cause: str) -> None:
    decided = planned(CAUSES[cause])
    assert (drained(decided), stopped(decided)) == (["task-1"], [])
    assert deregistered(decided) == [FIRST]
    drain = actions_of(decided, DrainTask)[0]
    assert drain.managed.stop == StopIntent(at=NOW, reason=drain.reason, failed=False)
    told = [one for one in decided.decisions if one.task == "task-1"]
    assert [one.kind for one in told] == ["deregister"], "that it stops is told when it does"
    assert drain.reason in told[0].reason


def test_a_task_that_is_in_no_group_stops_at_once() -> None:
    decided = planned(in_rotation(*served(2), a_starting_task("task-3"), desired=2))
    assert (drained(decided), stopped(decided)) == ([], ["task-3"])


def test_a_task_whose_registration_may_be_under_way_drains_as_well() -> None:
    ledger = a_ledger(an_entry(registered_at=None), seen=None)
    decided = planned(balanced(*served(1), desired=0, targets=[ledger]))
    assert (drained(decided), stopped(decided), deregistered(decided)) == (["task-1"], [], [FIRST])


@pytest.mark.parametrize("task", [a_dying_task(address="10.0.0.1"), a_lost_task(address="10.0.0.1")])
def test_what_dies_by_itself_waits_for_nothing(task: Task) -> None:
    decided = planned(in_rotation(*served(2, 2), desired=2, targets=[a_ledger(an_entry(), seen=[a_target()])]))
    assert (drained(decided), stopped(decided), deregistered(decided)) == ([], [], [FIRST])


# -- until it is out --------------------------------------------------------------------------------------------------

DUE: Final = NOW - 1.0  # it left DELAY seconds before
LEFT: Final = {"left_at": DUE - DELAY, "leaving_at": DUE - DELAY - 1.0}
SHOWN: Final[dict[str, tuple[dict[str, Any], list[TargetHealth] | None, float, bool]]] = {
    # how its entry stands, what ELB showed and when; whether it may be stopped
    "still in rotation": ({"leaving_at": NOW - 200.0}, [a_target()], 0.0, False),
    "the delay is not over": ({"left_at": NOW - DELAY + 0.1, "leaving_at": NOW - 40.0}, [], 0.0, False),
    "nobody has looked since": (LEFT, [a_target(state="draining")], DUE - NOW - 0.1, False),
    "it drains for longer": (LEFT, [a_target(state="draining")], 0.0, False),
    "ELB knows it no more": (LEFT, [], 0.0, True),
    "unused": (LEFT, [a_target(state="unused", reason="Target.NotRegistered")], 0.0, True),
    "somebody put it back": (LEFT, [a_target()], 0.0, False),
    "somebody put it back, and it is sick": (LEFT, [a_target(state="unhealthy")], 0.0, False),
    "ELB is silent": ({"left_at": DUE - DELAY - BLIND_SECONDS, "leaving_at": NOW - 200.0}, None, 0.0, True),
    "ELB is not silent for so long": (
        {"left_at": DUE - DELAY - BLIND_SECONDS + 2.0, "leaving_at": NOW},
        None,
        0.0,
        False,
    ),
    "it drains for ever": (
        {"left_at": DUE - LONGEST_DELAY_SECONDS - BLIND_SECONDS, "leaving_at": NOW - 4000.0},
        [a_target(state="draining")],
        0.0,
        True,
    ),
}


@pytest.mark.parametrize("what", SHOWN)
def test_it_stops_when_the_delay_is_over_and_elb_says_so(what: str) -> None:
    entry, seen, seen_at, out = SHOWN[what]
    ledger = a_ledger(a_leaving_entry(**{"left_at": None} | entry), seen=seen, seen_at=NOW + seen_at)
    decided = planned(balanced(LEAVING, desired=0, targets=[ledger]))
    assert stopped(decided) == (["task-1"] if out else [])
    assert drained(decided) == [], "that was decided"
    if out:
        stop = actions_of(decided, StopTask)[0]
        assert stop.recorded
        assert [one.kind for one in decided.decisions if one.task == "task-1"] == ["stop"]
        assert decided.ledgers == (), "until it is dead: a late call may put it back"


def test_what_somebody_put_back_is_taken_out_again_and_drains_anew() -> None:
    ledger = a_ledger(a_leaving_entry(**LEFT), seen=[a_target()], seen_at=NOW)
    decided = planned(balanced(LEAVING, desired=0, targets=[ledger]))
    assert (deregistered(decided), stopped(decided)) == ([FIRST], [])
    assert decided.ledgers[0].registrations[0].left_at is None


def test_a_task_stops_when_the_last_of_its_targets_is_out() -> None:
    web = a_ledger(a_leaving_entry(**LEFT), seen=[], seen_at=NOW)
    admin = a_ledger(a_leaving_entry(port=9090), group=ADMIN, seen=[], seen_at=NOW)
    groups = (a_known_group(), a_known_group(ADMIN))
    assert stopped(planned(balanced(LEAVING, desired=0, targets=[web, admin], groups=groups))) == []
    out = replace(admin, registrations=(a_leaving_entry(port=9090, **LEFT),))
    assert stopped(planned(balanced(LEAVING, desired=0, targets=[web, out], groups=groups))) == ["task-1"]


def test_a_group_that_no_load_balancer_uses_has_no_connections_to_wait_for() -> None:
    unused = a_known_group(load_balancers=())
    ledger = a_ledger(a_leaving_entry(left_at=NOW - 0.5), seen=[], seen_at=NOW - 0.1)
    assert stopped(planned(balanced(LEAVING, desired=0, targets=[ledger], groups=(unused,)))) == ["task-1"]


def test_a_group_that_is_gone_keeps_nobody() -> None:
    gone = replace(a_ledger(an_entry(leaving_at=NOW - 9.0)), seen=TargetsSeen(seen_at=NOW - 5.0, gone=True))
    assert stopped(planned(balanced(LEAVING, desired=0, targets=[gone]))) == ["task-1"]
    there = replace(a_ledger(an_entry()), seen=TargetsSeen(seen_at=NOW - 5.0, gone=True))
    assert stopped(planned(balanced(*served(1), desired=0, targets=[there]))) == ["task-1"]


def test_the_longest_wait_of_a_group_nobody_has_looked_at_is_elbs_default() -> None:
    ledger = a_ledger(a_leaving_entry(left_at=NOW - 299.0), seen=[], seen_at=NOW)
    nobody = {"groups": (), "targets": [ledger], "desired": 0, "entries": ()}
    assert stopped(planned(balanced(LEAVING, **nobody))) == []
    due = a_ledger(a_leaving_entry(left_at=NOW - 300.0), seen=[], seen_at=NOW)
    assert stopped(planned(balanced(LEAVING, **nobody | {"targets": [due]}))) == ["task-1"]


# -- meanwhile --------------------------------------------------------------------------------------------------------


def test_what_drains_is_told_and_asked_for_when_it_is_due() -> None:
    ledger = a_ledger(a_leaving_entry(), seen=[a_target(state="draining")])
    decided = planned(balanced(LEAVING, desired=0, targets=[ledger]))
    assert decided.wake_at == NOW + DELAY - 10.0
    assert "1 task out of rotation and draining, the last until 14:13:40Z" in holds(decided)


def test_a_target_that_elb_does_not_let_go_of_is_reported() -> None:
    ledger = a_ledger(an_entry(leaving_at=NOW - 121.0), seen=[a_target()])
    decided = planned(balanced(LEAVING, desired=0, targets=[ledger]))
    assert "1 target still in rotation: ELB has not let go of it" in holds(decided)


def test_a_task_that_drains_is_no_undead() -> None:
    long_ago = replace(LEAVING, managed=replace(LEAVING.managed, stop=StopIntent(at=NOW - 3000.0, reason="bye")))
    ledger = a_ledger(a_leaving_entry(), seen=[a_target(state="draining")])
    slow = (a_known_group(delay_seconds=3600.0),)
    decided = planned(balanced(long_ago, targets=[ledger], groups=slow))
    assert not any("told to stop" in one for one in holds(decided))
    assert decided.wake_at == NOW + 300.0, "nothing is due before"
    unanswered = a_ledger(an_entry(leaving_at=NOW - 3000.0), seen=[a_target()])
    assert not any("told to stop" in one for one in holds(planned(balanced(long_ago, targets=[unanswered]))))
    assert any("told to stop" in one for one in holds(planned(balanced(long_ago, desired=0))))


def test_a_draining_task_counts_as_stopping_and_its_place_is_filled() -> None:
    ledger = a_ledger(a_leaving_entry(), *map(an_entry, served(2, 2)), seen=map(a_target, served(2, 2)))
    decided = planned(balanced(LEAVING, *served(2, 2), desired=3, targets=[ledger]))
    assert decided.status.counts.stopping == 1
    full = planned(balanced(LEAVING, *served(2, 2), desired=3, targets=[ledger], manifest=NO_ROOM))
    assert "1 task not started yet" in holds(full)[0]


def test_a_stop_waits_while_ecs_asks_for_patience_and_a_target_does_not() -> None:
    throttled = a_status(throttle=a_throttle(until=NOW + 4.0))
    wish = OperatorWishes(stops=(StopWish(task="task-1", at=NOW - 1.0),))
    decided = planned(in_rotation(*served(3), operator=wish, status=throttled))
    assert (drained(decided), stopped(decided), deregistered(decided)) == ([], [], [FIRST])


def test_at_most_so_many_stop_in_a_pass_and_all_leave_their_group_in_one_call() -> None:
    decided = planned(in_rotation(*served(50), desired=0))
    assert len(drained(decided)) == len(deregistered(decided)) == 32
    assert decided.again


# -- the end of a service ---------------------------------------------------------------------------------------------


def _deleted(*tasks: Task, **changes: Any) -> ServiceState:
    return balanced(*tasks, desired=0, declared={"deleting_at": NOW - 9.0}, **changes)


def test_a_deleted_service_ends_when_nothing_of_it_is_registered_or_owned() -> None:
    left = _deleted(targets=[a_ledger(a_leaving_entry(at=NOW - 5.0, left_at=NOW - 1.0))])
    assert not actions_of(planned(left), RemoveService)
    assert not actions_of(planned(left), KeepLoadBalancers)
    out = _deleted(targets=[a_ledger()])
    assert [one.reason for one in actions_of(planned(out), KeepLoadBalancers)] == [
        "the service is deleted, and nothing of it takes traffic any more"
    ]
    assert not actions_of(planned(out), RemoveService)
    assert out.balancing is not None
    done = planned(replace(out, balancing=replace(out.balancing, removed=True)))
    assert [type(one) for one in done.actions] == [RemoveService]


def test_who_was_asked_about_load_balancers_is_not_asked_again_at_once() -> None:
    asked = a_status(balancing_asked_at=NOW - 20.0)
    decided = planned(_deleted(targets=[], status=asked))
    assert not actions_of(decided, KeepLoadBalancers)
    assert decided.wake_at == NOW + 40.0


ASKS: Final[dict[str, tuple[dict[str, Any], bool]]] = {
    "all is well": ({}, False),
    "they were looked at an hour ago": ({"checked_at": NOW - 3600.0}, True),
    "something else is declared": ({"fingerprint": "another"}, True),
    "nothing else is declared": ({"generation": 0}, False),
    "an older version looked last": ({"fingerprint": ""}, True),
    "something stands against it": ({"problems": ("no such listener",), "checked_at": NOW - 299.0}, False),
    "it stood against it 5 minutes ago": ({"problems": ("no such listener",), "checked_at": NOW - 300.0}, True),
}


@pytest.mark.parametrize("why", ASKS)
def test_load_balancers_are_looked_at_when(why: str) -> None:
    changes, asks = ASKS[why]
    state = in_rotation(*served(3))
    assert state.balancing is not None
    decided = planned(replace(state, balancing=replace(state.balancing, **changes)))
    assert bool(actions_of(decided, KeepLoadBalancers)) == asks
    assert (decided.status.balancing_asked_at == NOW) == asks
    if "problems" in changes:
        assert "no such listener" in holds(decided)


@pytest.mark.parametrize(("changes", "patience"), [({}, 3660.0), ({"fingerprint": "another"}, 60.0)])
def test_an_answer_is_waited_for_longer_where_nothing_waits_for_it(changes: dict[str, Any], patience: float) -> None:
    """A routine look costs one pass, not a second one to see that it came."""
    state = in_rotation(*served(3))
    assert state.balancing is not None
    state = replace(state, balancing=replace(state.balancing, checked_at=NOW - 3600.0, **changes))
    decided = planned(state)
    assert actions_of(decided, KeepLoadBalancers)
    assert decided.wake_at == NOW + patience
    later = replace(state, status=decided.status)
    assert not actions_of(planned(later, NOW + patience - 1.0), KeepLoadBalancers)
    assert actions_of(planned(later, NOW + patience), KeepLoadBalancers)


def test_a_service_that_declares_none_asks_only_until_what_it_had_is_removed() -> None:
    state = in_rotation(*served(3), entries=())
    assert state.balancing is not None
    old = replace(state.balancing, checked_at=NOW - 3600.0)
    assert actions_of(planned(replace(state, balancing=old)), KeepLoadBalancers)
    assert not actions_of(planned(replace(state, balancing=replace(old, removed=True))), KeepLoadBalancers)
    assert not actions_of(planned(replace(state, balancing=None, targets=())), KeepLoadBalancers)
