"""When a pass has decide_scaling look, what it does for a native service, and that a deletion waits for both."""

from typing import Any, Final

import pytest

from builders import NOW, a_capacity, a_declared_service, a_manifest, a_service, a_status, a_task
from headcount.model.fingerprints import scaling_fingerprint
from headcount.model.manifest_scaling_values import written_scaling
from headcount.model.plan import KeepScaling, RemoveService
from headcount.model.scaling_record import LastDecision, ScalingRecord
from headcount.model.service import DeclaredService, OperatorWishes, Override, Pause, ServiceState
from headcount.model.values import replace
from unit.scaling.policies import a_scaling, a_tracking

from .plans import actions_of, holds, planned

SCALING: Final = written_scaling(a_scaling(a_tracking(), minimum=1, maximum=10))
PAUSE: Final = Pause(mode="stop", at=NOW - 9.0, by="alice")


def declared(scaling: Any = SCALING, *, deleting: bool = False, **manifest: Any) -> DeclaredService:
    return a_declared_service(a_manifest(scaling=scaling, **manifest), deleting_at=NOW - 9.0 if deleting else None)


def record(service: DeclaredService, **changes: Any) -> ScalingRecord:
    looked = ScalingRecord(declared=scaling_fingerprint(service), looked_at=NOW - 60.0, next_look_at=NOW + 600.0)
    return replace(looked, **changes)


def scaled(service: DeclaredService | None = None, **changes: Any) -> ServiceState:
    """Three steady tasks that were looked at a minute ago."""
    service = service or declared()
    tasks = [a_task(f"task-{number}") for number in range(3)]
    return a_service(*tasks, declared=service, **{"scaling": record(service)} | changes)


def asked(state: ServiceState) -> list[str]:
    decided = planned(state)
    reasons = [one.reason for one in actions_of(decided, KeepScaling)]
    assert (decided.status.scaling_asked_at == NOW) == bool(reasons)
    return reasons


def test_what_was_looked_at_as_it_is_declared_is_left_alone() -> None:
    assert asked(scaled()) == []
    assert planned(scaled()).wake_at == NOW + 900.0


def test_a_service_that_declares_no_scaling_has_nobody_look() -> None:
    assert asked(a_service(a_task("task-1"))) == []
    assert asked(scaled(declared(None), scaling=ScalingRecord(removed=True))) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scaling": None}, "nobody has looked at the scaling of this service yet"),
        ({"scaling": ScalingRecord(declared="another", looked_at=NOW)}, "what is declared of scaling has changed"),
        ({"scaling": ScalingRecord(removed=True)}, "what is declared of scaling has changed"),
        ({"operator": OperatorWishes(pause=PAUSE)}, "people hold the count"),
        ({"operator": OperatorWishes(override=Override(count=5, at=0.0, until=NOW + 60.0))}, "people hold the count"),
        ({"scaling": record(declared(), held="paused by alice")}, "people hold the count no more"),
        ({"scaling": record(declared(), next_look_at=NOW - 300.0)}, "a look at the scaling was due at 14:08:20Z"),
    ],
)
def test_it_is_asked_for_when(changes: dict[str, Any], reason: str) -> None:
    (said,) = asked(scaled(**changes))
    assert said.startswith(reason)


def test_a_service_that_stops_declaring_it_asks_until_nothing_is_left() -> None:
    service = declared(None)
    assert asked(scaled(service)) == ["scaling is not declared any more"]


def test_tasks_of_another_family_are_measured_elsewhere() -> None:
    service = declared()
    moved = replace(service, task_definition_arn="arn:aws:ecs:eu-west-1:123456789012:task-definition/api:1")
    assert asked(scaled(moved, scaling=record(service))) == ["what is declared of scaling has changed"]
    newer = replace(service, task_definition_arn=service.task_definition_arn.replace(":12", ":13"))
    assert asked(scaled(newer, scaling=record(service))) == []


def test_deployments_have_nobody_look() -> None:
    service = replace(declared(), generation=7, deployment="dep-7")
    assert asked(scaled(service)) == []


@pytest.mark.parametrize(("count", "asks"), [(3, False), (2, True)])
def test_a_count_that_is_not_what_the_last_look_left_is_looked_at(count: int, asks: bool) -> None:
    """What nothing could come of, at a bound, may be worth a look now."""
    last = LastDecision(at=NOW - 60.0, before=5, count=3, reason="calm")
    state = scaled(scaling=record(declared(), latest=last), capacity=a_capacity(count))
    assert asked(state) == (["somebody else has changed the count"] if asks else [])
    held = replace(state, scaling=record(declared(), latest=last, held="paused by alice"))
    assert asked(replace(held, operator=OperatorWishes(pause=PAUSE))) == []
    assert asked(replace(state, capacity=None)) == []


def test_a_look_that_was_asked_for_is_waited_for() -> None:
    state = scaled(scaling=None, status=a_status(scaling_asked_at=NOW - 20.0))
    decided = planned(state)
    assert (actions_of(decided, KeepScaling), decided.wake_at) == ([], NOW + 40.0)
    assert asked(scaled(scaling=None, status=a_status(scaling_asked_at=NOW - 60.0))) != []


def test_an_overdue_look_is_waited_for_with_a_wake() -> None:
    late = scaled(scaling=record(declared(), next_look_at=NOW - 100.0))
    assert (asked(late), planned(late).wake_at) == ([], NOW + 200.0)


def test_problems_are_told() -> None:
    state = scaled(scaling=record(declared(), problems=("there is no alarm high",)))
    assert "scaling: there is no alarm high" in holds(planned(state))


def test_a_deletion_asks_at_once_and_ends_when_nothing_is_left() -> None:
    service = declared(deleting=True)
    running = scaled(service)
    assert asked(running) == ["the service is deleted: its alarms and schedules go first"]
    empty = a_service(desired=0, declared=service, scaling=record(service))
    assert not actions_of(planned(empty), RemoveService)
    gone = replace(empty, scaling=ScalingRecord(removed=True))
    assert [type(one) for one in planned(gone).actions] == [RemoveService]


# -- native services --------------------------------------------------------------------------------------------------


def native(*, deleting: bool = False, **changes: Any) -> ServiceState:
    service = declared(native=True, desired_count=None, task_definition="", deleting=deleting)
    return a_service(declared=service, **{"capacity": None, "scaling": record(service)} | changes)


def test_a_pass_over_a_native_service_starts_and_stops_nothing() -> None:
    decided = planned(native())
    assert (decided.actions, decided.wake_at) == ((), NOW + 900.0)
    assert (decided.status.state, decided.status.counts.desired, decided.status.generation) == ("STEADY", 0, 1)


def test_a_native_service_has_its_scaling_looked_at_like_any_other() -> None:
    assert asked(native(scaling=None)) == ["nobody has looked at the scaling of this service yet"]
    assert asked(native(operator=OperatorWishes(pause=PAUSE))) == ["people hold the count"]


def test_the_count_of_a_native_service_is_none_of_the_records() -> None:
    last = LastDecision(at=NOW - 60.0, before=5, count=3, reason="calm")
    service = native().declared
    assert service is not None
    assert asked(native(scaling=record(service, latest=last), capacity=a_capacity(9))) == []


def test_a_native_service_that_is_deleted_ends_when_its_scaling_is_removed() -> None:
    assert asked(native(deleting=True)) == ["the service is deleted: its alarms and schedules go first"]
    for gone in (None, ScalingRecord(removed=True)):
        assert [type(one) for one in planned(native(deleting=True, scaling=gone)).actions] == [RemoveService]
