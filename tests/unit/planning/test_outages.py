"""So many unhealthy tasks at once that it looks like an outage: none is killed, more are started."""

from typing import Any, Final

import pytest

from builders import NOW, a_starting_task
from headcount.model.service import OperatorWishes, Pause
from headcount.model.values import replace
from unit.planning.balanced import on_terms
from unit.planning.plans import holds, planned, started, stopped
from unit.planning.sick import NO_ROOM, checked, going, ill, well


def test_when_too_many_are_unhealthy_together_nothing_is_killed_and_more_are_started() -> None:
    decided = planned(ill(6, 10))
    assert (started(decided), stopped(decided)) == (6, [])
    frozen = next(said for said in holds(decided) if said.startswith("frozen: 6 of 10 tasks are unhealthy"))
    assert frozen in decided.status.state_reason
    assert next(one for one in decided.decisions if one.reason == frozen).level == "WARN"


@pytest.mark.parametrize(("percent", "started_now"), [(120, 2), (150, 5), (100, 0)])
def test_only_as_many_are_started_as_maximum_percent_allows(percent: int, started_now: int) -> None:
    decided = planned(ill(6, 10, manifest={"maximum_percent": percent}))
    assert (started(decided), stopped(decided)) == (started_now, [])


FREEZES: Final = [
    # sick, of, terms, frozen
    (5, 10, {}, False),
    (6, 10, {}, True),
    (1, 1, {}, False),  # one task is never an outage
    (2, 2, {}, True),
    (2, 3, {}, True),
    (10, 10, {"freeze_above_percent": 100}, False),
    (2, 10, {"freeze_above_percent": 0}, True),
    (2, 10, {"freeze_above_percent": 19}, True),
    (2, 10, {"freeze_above_percent": 20}, False),
    (10, 10, {"action": "ignore"}, False),  # nobody would be killed anyway
    (6, 10, {"after_seconds": 40.0}, True),  # it counts before anybody is due
]


@pytest.mark.parametrize(("sick", "of", "terms", "frozen"), FREEZES)
def test_what_is_an_outage(sick: int, of: int, terms: dict[str, Any], frozen: bool) -> None:
    said = [one for one in holds(planned(on_terms(ill(sick, of), **terms))) if one.startswith("frozen")]
    assert bool(said) == frozen


def test_replacements_thaw_when_they_are_healthy_not_when_they_run() -> None:
    sick = ill(6, 10).tasks
    running = [replace(well(f"task-{n}"), health=None) for n in range(11, 17)]
    assert going(checked(*sick, *running, desired=10)) == []
    one_well = [well("task-11"), *running[1:]]
    assert going(checked(*sick, *one_well, desired=10)) == [], "6 of 11 is still more than half"
    two_well = [well("task-11"), well("task-12"), *running[2:]]
    assert len(going(checked(*sick, *two_well, desired=10))) == 2


def test_a_thaw_stops_no_replacement_that_is_on_its_way() -> None:
    coming = [a_starting_task(f"task-{n}") for n in range(13, 17)]
    gone = going(checked(*ill(6, 10).tasks, well("task-11"), well("task-12"), *coming, desired=10))
    assert set(gone) < {f"task-{n}" for n in range(1, 7)}


def test_an_outage_is_over_when_as_many_as_desired_are_healthy() -> None:
    more = [well(f"task-{n}") for n in range(11, 17)]
    state = on_terms(checked(*ill(6, 10).tasks, *more, desired=10), freeze_above_percent=10)
    assert len(going(state)) == 6


def test_two_of_two_with_no_room_stay_until_one_is_well_again() -> None:
    assert planned(ill(2, 2, manifest=NO_ROOM)).actions == ()
    assert going(ill(1, 2, manifest=NO_ROOM)) == ["task-1"]


STRONGER: Final[dict[str, dict[str, Any]]] = {
    "deleted": {"declared": {"deleting_at": NOW - 1.0}},
    "switched off": {"operator": OperatorWishes(pause=Pause(mode="stop", at=NOW - 9.0))},
    "scaled to zero": {"desired": 0},
}


@pytest.mark.parametrize("why", STRONGER)
def test_an_outage_keeps_nobody_from_switching_a_service_off(why: str) -> None:
    state = ill(6, 10, **STRONGER[why])
    for _ in range(3):
        decided = planned(state)
        gone = {*stopped(decided)}
        state = replace(state, tasks=tuple(one for one in state.tasks if one.task_id not in gone))
    assert state.tasks == ()


def test_a_frozen_pause_leaves_the_sick_alone() -> None:
    paused = OperatorWishes(pause=Pause(mode="freeze", at=NOW - 9.0))
    assert planned(ill(1, 4, operator=paused)).actions == ()


def test_a_deployment_goes_on_in_an_outage_and_takes_the_sick_first() -> None:
    """Nothing else may mend it."""
    old = [replace(one, managed=replace(one.managed, deployment="dep-0")) for one in ill(6, 10).tasks if one.managed]
    new = [well(f"task-{n}") for n in range(11, 14)]
    assert started(planned(checked(*old, *new, desired=10))) == 7
    assert going(on_terms(checked(*old, *new, desired=10), freeze_above_percent=10)) == ["task-1", "task-2", "task-3"]
