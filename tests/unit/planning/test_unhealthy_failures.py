"""Unhealthy tasks that count as failed, and what replaces them while the service backs off."""

from typing import Any

import pytest

from builders import NOW, a_lost_task, a_task
from headcount.model.service import ServiceState
from headcount.model.task import Notice, StopIntent, Task
from headcount.model.values import replace
from unit.planning.balanced import on_terms
from unit.planning.plans import launches, planned, started
from unit.planning.sick import NO_ROOM, SLOW, checked, going, unwell, well


def _stop_of(state: ServiceState) -> StopIntent:
    stops = [one for one in planned(state).actions if getattr(one, "managed", None) and one.managed.stop]
    assert len(stops) == 1
    return stops[0].managed.stop


@pytest.mark.parametrize(("ran", "failed"), [(599.0, True), (601.0, False)])
def test_a_task_that_is_unhealthy_soon_after_it_began_to_run_has_failed(ran: float, failed: bool) -> None:
    state = checked(unwell(started_at=NOW - ran), *(well(f"task-{n}") for n in (2, 3, 4)), desired=3)
    assert _stop_of(state).failed == failed


def test_who_is_replaced_for_another_reason_has_not_failed() -> None:
    noticed = replace(well("task-1", started_at=NOW - 60.0), notice=Notice(kind="DRAINING", at=NOW, reason="drains"))
    assert not _stop_of(checked(noticed, *(well(f"task-{n}") for n in (2, 3, 4)), desired=3)).failed


def test_who_is_scaled_in_has_not_failed() -> None:
    state = checked(unwell(started_at=NOW - 20.0), well("task-2"), desired=0)
    assert not any(one.managed.stop.failed for one in planned(on_terms(state, action="ignore")).actions)


def _failed(task_id: str, **changes: Any) -> Task:
    stop = StopIntent(at=NOW - 5.0, reason="unhealthy", failed=True)
    return a_task(task_id, launched_at=NOW - 100.0, stop=stop, **changes)


def test_the_replacement_of_what_fails_again_and_again_waits_for_the_backoff() -> None:
    young = unwell(started_at=NOW - 30.0)
    fine = [well(f"task-{n}") for n in (2, 3, 4)]
    held = planned(checked(young, *fine, **SLOW))
    assert started(held) == 0
    assert held.wake_at == NOW + 60.0
    assert started(planned(checked(unwell(), *fine, **SLOW))) == 1, "one that ran for an hour is no such failure"


def test_where_nothing_can_start_first_what_would_not_be_replaced_yet_stays() -> None:
    young = unwell(started_at=NOW - 30.0)
    fine = [well(f"task-{n}") for n in (2, 3, 4)]
    assert going(checked(young, *fine, manifest=NO_ROOM, **SLOW)) == []


def test_an_unhealthy_task_that_was_replaced_first_keeps_no_place_empty() -> None:
    """A task that dies for another reason is replaced at once, whatever failed beside it."""
    gone = _failed("task-9", status="STOPPED", stopped_at=NOW - 1.0, stop_code="UserInitiated")
    state = checked(gone, well("task-1"), well("task-2"), a_lost_task("task-3"), desired=3, **SLOW)
    decided = planned(state)
    assert started(decided) == 1
    assert "task-3" in launches(decided)[0].reason


def test_one_that_was_stopped_before_the_backoff_is_replaced_at_once() -> None:
    """What waits for the backoff is the next stop."""
    gone = _failed("task-9", status="STOPPED", stopped_at=NOW - 1.0, stop_code="UserInitiated")
    state = checked(gone, well("task-1"), well("task-2"), desired=3, manifest=NO_ROOM, **SLOW)
    assert started(planned(state)) == 1


def test_while_it_backs_off_an_unhealthy_task_of_a_new_revision_stays_until_something_takes_its_place() -> None:
    old = [well(f"task-{n}", deployment="dep-0") for n in (1, 2, 3)]
    new = [unwell(f"task-{n}", started_at=NOW - 30.0) for n in (4, 5, 6)]
    assert going(checked(*old, *new, desired=3, **SLOW)) == []
    assert len(going(checked(*old, *new, desired=3))) == 1
    replaced = checked(unwell("task-4", started_at=NOW - 30.0), *map(well, ("task-5", "task-6", "task-7")), desired=3)
    assert going(replace(replaced, status=SLOW["status"])) == ["task-4"]
