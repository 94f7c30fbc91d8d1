"""What ELB shows of targets, what is not known of them, and when it is asked."""

from typing import Any, Final

import pytest

from builders import NOW, a_lost_task, a_service, a_status, a_throttle, tasks
from headcount.model.plan import KeepLoadBalancers
from headcount.model.target import Registration, TargetsSeen
from headcount.model.task import StopIntent, Task
from headcount.model.values import replace
from headcount.planning.ledgers import with_answers
from headcount.planning.plan import plan
from headcount.planning.rotation import groups_to_look_at, next_look_at
from unit.planning.balanced import (
    FIRST,
    SECOND,
    THIRD,
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
    in_rotation,
    ledger_after,
    registered,
    served,
)
from unit.planning.plans import actions_of, holds, planned, stopped

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


def test_a_look_that_fell_due_while_a_pass_looked_elsewhere_is_not_forgotten() -> None:
    """Passes look first and plan a moment later: the plan's wake is all that is left of what fell due between."""
    ledger = a_ledger(an_entry(registered_at=NOW - 40.0), seen=[], seen_at=NOW - 39.0)
    state = balanced(*served(1), desired=1, targets=[ledger])
    assert next_look_at(state, NOW) == NOW
    wake = planned(state).wake_at
    assert wake is not None
    assert NOW < wake < NOW + 0.1


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
