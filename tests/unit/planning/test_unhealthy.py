"""Tasks that run and are unhealthy: replaced, taken out of rotation or left alone, on the manifest's terms."""

from typing import Any, Final

import pytest

from builders import (
    DEPLOYMENT,
    NOW,
    TASK_DEFINITION,
    ZONES,
    a_backoff,
    a_declared_service,
    a_manifest,
    a_service,
    a_starting_task,
    a_status,
    a_zone_refusal,
    zones_named,
)
from headcount.model.manifest import UnhealthyTasks
from headcount.model.service import Cordon, OperatorWishes, ServiceState, Standby
from headcount.model.task import StopIntent
from headcount.model.values import replace
from headcount.planning.situation import assess
from unit.planning.balanced import (
    a_ledger,
    a_served_task,
    a_target,
    an_entry,
    balanced,
    deregistered,
    drained,
    endpoint_of,
    in_rotation,
    on_terms,
    registered,
    served,
)
from unit.planning.plans import holds, launches, planned, started, stopped
from unit.planning.sick import NO_ROOM, SLOW, checked, going, ill, unwell, well

HOUR: Final = 3600.0


# -- who is unhealthy, and since when ---------------------------------------------------------------------------------

SICK_ONES: Final = {
    "its containers": lambda started: checked(unwell(started_at=started), well("task-2"), well("task-3")),
    "its target": lambda started: in_rotation(a_served_task(started_at=started), *served(2, 2), unhealthy=["task-1"]),
    "both": lambda started: in_rotation(
        unwell(started_at=started),
        well("task-2"),
        well("task-3"),
        unhealthy=["task-1"],
        declared={"container_health_check": True},
    ),
}


@pytest.mark.parametrize("what", SICK_ONES)
def test_an_unhealthy_task_is_replaced_and_its_replacement_starts_first(what: str) -> None:
    decided = planned(SICK_ONES[what](NOW - HOUR))
    assert (started(decided), stopped(decided), drained(decided)) == (1, [], [])
    assert "to replace 1 task: unhealthy" in launches(decided)[0].reason


@pytest.mark.parametrize("what", SICK_ONES)
@pytest.mark.parametrize(("ran", "replaced"), [(59.0, 0), (60.0, 0), (61.0, 1)])
def test_what_fails_within_the_grace_period_is_ignored_until_it_is_over(what: str, ran: float, replaced: int) -> None:
    state = SICK_ONES[what](NOW - ran)
    assert state.declared is not None
    manifest = replace(state.declared.manifest, health_check_grace_seconds=60.0)
    decided = planned(replace(state, declared=replace(state.declared, manifest=manifest)))
    assert started(decided) == replaced
    if not replaced:
        assert decided.wake_at is not None
        assert NOW < decided.wake_at <= NOW - ran + 60.001


def test_a_task_is_tolerated_for_as_long_as_the_manifest_says() -> None:
    tolerant = on_terms(ill(1, 4), after_seconds=40.0)  # it has been unhealthy for 30 seconds
    early = planned(tolerant)
    assert (started(early), early.wake_at) == (0, NOW + 10.0)
    assert started(planned(tolerant, NOW + 10.0)) == 1


def test_a_task_that_only_starts_is_not_unhealthy() -> None:
    state = checked(replace(unwell(), observed=a_starting_task().observed), well("task-2"), well("task-3"))
    assert started(planned(state)) == 0


def test_unhealthy_containers_count_only_where_they_have_health_checks() -> None:
    assert planned(a_service(unwell(), well("task-2"), well("task-3"))).actions == ()
    assert planned(in_rotation(unwell(), well("task-2"), well("task-3"))).actions == ()


def test_the_target_that_the_task_before_had_at_this_address_says_nothing_of_the_new_one() -> None:
    """Health checks need interval times threshold (here 6 x 30 s) to find out."""
    new = a_served_task(launched_at=NOW - 190.0)

    def seen(at: float) -> ServiceState:
        entry = an_entry(new, registered_at=NOW - 180.0)
        ledger = a_ledger(entry, seen=[a_target(new, "unhealthy", since=NOW - HOUR)], seen_at=at)
        return balanced(new, desired=1, targets=[ledger])

    assert started(planned(seen(NOW - 1.0))) == 0
    assert started(planned(seen(NOW), NOW)) == 1


def test_what_was_seen_before_the_registration_says_nothing() -> None:
    ledger = a_ledger(an_entry(registered_at=NOW - 1.0), seen=[a_target(state="unhealthy", since=NOW - 6.0)])
    assert started(planned(balanced(a_served_task(), desired=1, targets=[ledger]))) == 0


def test_a_group_that_the_manifest_no_longer_names_says_nothing() -> None:
    state = in_rotation(*served(3), unhealthy=["task-1"], entries=())
    decided = planned(state)
    assert started(decided) == 0
    assert len(deregistered(decided)) == 3


# -- how many at once -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sick", "of", "percent", "replaced"), [(3, 8, 25, 2), (3, 8, 100, 3), (2, 5, 1, 1), (3, 10, 25, 3), (1, 1, 25, 1)]
)
def test_so_many_are_replaced_at_once(sick: int, of: int, percent: int, replaced: int) -> None:
    decided = planned(on_terms(ill(sick, of), at_once_percent=percent))
    assert started(decided) == replaced
    waiting = [said for said in holds(decided) if "at once" in said and "%" in said]
    assert bool(waiting) == (replaced < sick)


def test_the_longest_unhealthy_is_first() -> None:
    state = checked(unwell("task-1", NOW - 10.0), unwell("task-2", NOW - 90.0), *(well(f"task-{n}") for n in (3, 4)))
    assert list(assess(state, state.declared, NOW, 0.0).moves) == ["task-2"]


def test_it_stops_when_its_replacement_is_healthy() -> None:
    young = replace(well("task-5"), observed=replace(well("task-5").observed, started_at=NOW - 5.0))
    assert going(checked(*ill(1, 4).tasks, replace(young, health=None), desired=4)) == []
    assert going(checked(*ill(1, 4).tasks, young, desired=4)) == ["task-1"]


def test_protection_is_for_scale_in_and_deployments_not_for_the_sick() -> None:
    assert started(planned(ill(1, 3, protected=["task-1"]))) == 1
    assert going(checked(*ill(1, 3).tasks, well("task-4"), desired=3, protected=["task-1"])) == ["task-1"]


def test_scale_in_takes_the_unhealthy_first_and_those_within_the_grace_period_too() -> None:
    state = checked(unwell("task-1", started_at=NOW - 10.0), *(well(f"task-{n}") for n in (2, 3, 4)), desired=3)
    assert state.declared is not None
    manifest = replace(state.declared.manifest, health_check_grace_seconds=60.0)
    assert going(replace(state, declared=replace(state.declared, manifest=manifest))) == ["task-1"]
    assert going(in_rotation(*served(4), unhealthy=["task-2"], desired=3)) == ["task-2"]
    ignored = on_terms(in_rotation(*served(4), unhealthy=["task-2"], desired=3), action="ignore")
    assert going(ignored) == ["task-2"]


# -- a replacement that is no better ----------------------------------------------------------------------------------


@pytest.mark.parametrize("percents", [{}, {"minimum_healthy_percent": 50}])
def test_when_the_replacement_is_unhealthy_too_one_of_them_stops(percents: dict[str, int]) -> None:
    """ECS: either, so that the total returns to the desired count."""
    both = checked(unwell("task-1", NOW - 90.0), unwell("task-5"), *ill(0, 4).tasks[1:], desired=4, manifest=percents)
    assert len(going(both)) == 1
    hopeful = [replace(one, health=None) if one.task_id == "task-5" else one for one in both.tasks]
    assert going(replace(both, tasks=tuple(hopeful))) == []


def test_an_unhealthy_replacement_that_is_tolerated_for_now_is_waited_for() -> None:
    state = checked(unwell("task-1", NOW - 90.0), unwell("task-5"), *ill(0, 4).tasks[1:], desired=4)
    assert going(on_terms(state, after_seconds=40.0)) == []


# -- where nothing can start first ------------------------------------------------------------------------------------


def test_where_nothing_can_start_first_one_stops_at_a_time() -> None:
    several: dict[str, Any] = {"manifest": NO_ROOM | {"unhealthy_tasks": UnhealthyTasks(at_once_percent=100)}}
    assert going(ill(2, 4, **several)) == ["task-1"]
    leaving = replace(unwell("task-1"), managed=replace(unwell().managed, stop=StopIntent(at=NOW, reason="unhealthy")))
    assert going(checked(leaving, *ill(2, 4).tasks[1:], **several)) == ["task-1"], "told again, and no other"
    starting = a_starting_task("task-5")
    assert going(checked(starting, *ill(2, 4).tasks[1:], **several)) == [], "until its replacement is healthy"
    assert going(checked(*ill(2, 4).tasks[1:], desired=4, **several)) == [], "nor while it is missing"
    assert going(checked(well("task-5"), *ill(2, 4).tasks[1:], **several)) == ["task-2"]


def test_at_once_percent_holds_where_nothing_can_start_first() -> None:
    half = {"minimum_healthy_percent": 50, "maximum_percent": 100}
    assert going(ill(4, 8, manifest=half)) == ["task-1", "task-2"]
    assert going(checked(*ill(4, 8).tasks[2:], desired=8, manifest=half)) == [], "two are out already"


def test_where_nothing_can_start_first_a_task_stays_while_no_place_takes_another() -> None:
    full = a_status(zones=(a_zone_refusal("zone-a"),))
    decided = planned(ill(1, 4, manifest=NO_ROOM, status=full))
    assert stopped(decided) == []
    assert any("stays, for no place takes its replacement: unhealthy" in said for said in holds(decided))


# -- other actions ----------------------------------------------------------------------------------------------------


def test_who_ignores_the_unhealthy_is_told_of_them_and_nothing_more() -> None:
    decided = planned(on_terms(in_rotation(*served(3), unhealthy=["task-1"]), action="ignore"))
    assert decided.actions == ()
    assert "1 of 3 tasks not in service: unhealthy in target group web" in decided.status.state_reason
    assert planned(on_terms(ill(2, 3), action="ignore")).actions == ()


CONTAINERS: Final = {"declared": {"container_health_check": True}}


def test_readiness_is_not_liveness_a_task_may_be_out_of_rotation_and_live() -> None:
    state = on_terms(in_rotation(unwell(), *map(well, ("task-2", "task-3")), **CONTAINERS), action="stopRouting")
    decided = planned(state)
    assert (started(decided), going(state)) == (0, [])
    assert deregistered(decided) == [endpoint_of("task-1")]
    assert any(one.kind == "deregister" and "unhealthy" in one.reason for one in decided.decisions)


def test_it_comes_back_when_its_containers_are_well() -> None:
    left = a_ledger(
        an_entry("task-1", leaving_at=NOW - 90.0, left_at=NOW - 90.0),
        an_entry("task-2"),
        seen=[a_target("task-2")],
    )
    terms = {"action": "stopRouting"}
    sick = balanced(unwell(), well("task-2"), desired=2, targets=[left], **CONTAINERS)
    assert registered(planned(on_terms(sick, **terms))) == []
    healed = balanced(well("task-1"), well("task-2"), desired=2, targets=[left], **CONTAINERS)
    assert registered(planned(on_terms(healed, **terms))) == [endpoint_of("task-1")]


def test_in_an_outage_nobody_leaves_rotation() -> None:
    state = on_terms(in_rotation(unwell(), unwell("task-2"), well("task-3"), **CONTAINERS), action="stopRouting")
    assert deregistered(planned(state)) == []


@pytest.mark.parametrize(("target_action", "replaced"), [(None, 1), ("replace", 1), ("stopRouting", 0), ("ignore", 0)])
def test_an_unhealthy_target_of_a_live_task_has_terms_of_its_own(target_action: str | None, replaced: int) -> None:
    """Its load balancer sends it nothing anyway, and is the only one that can find it well again."""
    state = on_terms(in_rotation(*served(3), unhealthy=["task-1"]), target_action=target_action)
    decided = planned(state)
    assert (started(decided), deregistered(decided)) == (replaced, [])
    containers = on_terms(ill(1, 3), target_action=target_action)
    assert started(planned(containers)) == 1, "what the containers say has the other terms"


def test_a_task_on_standby_is_nobodys_patient() -> None:
    aside = OperatorWishes(standbys=(Standby(task="task-1", at=NOW - 9.0),))
    state = checked(unwell(), *(well(f"task-{n}") for n in (2, 3, 4)), desired=3, operator=aside)
    assert planned(state).actions == ()


# -- deployments ------------------------------------------------------------------------------------------------------


def test_while_the_new_revision_fails_an_unhealthy_task_is_replaced_with_its_own() -> None:
    """ECS: so that the repair of the source revision does not depend on the target revision."""
    before = a_declared_service(a_manifest(), deployment="dep-0", task_definition_arn=TASK_DEFINITION + "3")
    old = [unwell("task-1", deployment="dep-0"), *(well(f"task-{n}", deployment="dep-0") for n in (2, 3))]
    state = checked(*old, declared={"previous": before}, **SLOW)
    backing_off = replace(state.status, backoff=a_backoff(refused=True, until=NOW + 60.0))
    decided = planned(replace(state, status=backing_off))
    assert [one.deployment for one in launches(decided)] == ["dep-0"]
    assert stopped(decided) == []
    more = replace(state, status=backing_off, tasks=(*state.tasks, well("task-4", deployment="dep-0")))
    decided = planned(more)
    assert (started(decided), stopped(decided)) == (0, ["task-1"])


def test_the_sick_of_an_evacuated_zone_are_replaced_whether_protected_or_not() -> None:
    zones = zones_named(*ZONES)
    sick = unwell("task-1", zone="zone-a")
    state = checked(
        sick,
        *(well(f"task-{n}", zone="zone-b") for n in (2, 3, 4)),
        declared={"zones": zones},
        cordons=(Cordon(zone="zone-a", at=NOW - 9.0, evacuate=True),),
        protected=["task-1"],
    )
    decided = planned(state)
    assert started(decided) == 1
    assert launches(decided)[0].zone != "zone-a"
    assert launches(decided)[0].deployment == DEPLOYMENT


def test_terms_have_defaults() -> None:
    assert UnhealthyTasks() == UnhealthyTasks(
        action="replace", target_action=None, after_seconds=0, at_once_percent=25, freeze_above_percent=50
    )
