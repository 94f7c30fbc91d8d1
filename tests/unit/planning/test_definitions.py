"""Task definitions that Headcount registered itself: deregistered once nothing uses them, the user's own never."""

from typing import Any

from builders import (
    NOW,
    TASK_DEFINITION,
    a_declared_service,
    a_launch,
    a_lost_task,
    a_manifest,
    a_service,
    a_status,
    a_task,
    tasks,
)
from headcount.model.plan import DeregisterTaskDefinition, Plan, RemoveService
from headcount.model.service import ServiceState
from headcount.model.task import Task
from unit.planning.plans import actions_of, planned

FIRST, SECOND, THIRD = (TASK_DEFINITION.replace("web:12", f"inline:{number}") for number in (1, 2, 3))


def a_service_that_registered(*arns: str, present: tuple[Task, ...] = tasks(3), **changes: Any) -> ServiceState:
    declared_as = {"task_definition_arn": THIRD, "registered": arns} | changes.pop("declared_as", {})
    return a_service(*present, declared=a_declared_service(a_manifest(), **declared_as), **changes)


def retired(decided: Plan) -> list[str]:
    return [action.task_definition_arn for action in actions_of(decided, DeregisterTaskDefinition)]


def test_what_nothing_uses_is_deregistered() -> None:
    decided = planned(a_service_that_registered(FIRST, SECOND, THIRD))
    assert retired(decided) == [FIRST, SECOND]
    assert next(one.reason for one in decided.decisions if one.kind == "forget") == (
        "inline:1: registered by Headcount, and no deployment uses it any more"
    )


def test_what_the_declared_deployment_and_the_one_before_use_stays() -> None:
    before = a_declared_service(a_manifest(), deployment="dep-0", task_definition_arn=SECOND)
    decided = planned(a_service_that_registered(FIRST, SECOND, THIRD, declared_as={"previous": before}))
    assert retired(decided) == [FIRST], "a rollback finds its task definition"


def test_what_a_task_still_runs_stays() -> None:
    old = a_task("old", task_definition_arn=FIRST, deployment="dep-0")
    assert retired(planned(a_service_that_registered(FIRST, present=(*tasks(2), old)))) == []


def test_what_only_stopped_tasks_ran_goes_with_them() -> None:
    ended = a_lost_task("ended", task_definition_arn=FIRST, deployment="dep-0")
    assert retired(planned(a_service_that_registered(FIRST, present=(*tasks(3), ended)))) == [FIRST]


def test_what_a_launch_in_flight_names_stays() -> None:
    flying = a_launch(request={"taskDefinition": FIRST, "clientToken": "launchaaaaaaaaaaaaaa", "count": 1})
    assert retired(planned(a_service_that_registered(FIRST, launches=(flying,)))) == []


def test_what_the_user_registered_is_never_touched() -> None:
    assert retired(planned(a_service_that_registered())) == []


def test_what_is_deregistered_already_is_not_told_again_and_forgotten_with_the_declaration() -> None:
    done = planned(a_service_that_registered(FIRST, THIRD, status=a_status(deregistered=(FIRST,))))
    assert retired(done) == []
    assert done.status.deregistered == (FIRST,)
    later = planned(a_service_that_registered(THIRD, status=a_status(deregistered=(FIRST,))))
    assert later.status.deregistered == ()


def test_a_deleted_service_ends_only_when_its_definitions_are_gone() -> None:
    leaving = {"declared_as": {"deleting_at": NOW - 1.0}, "present": ()}
    first = planned(a_service_that_registered(SECOND, THIRD, **leaving))
    assert retired(first) == [SECOND, THIRD]
    assert actions_of(first, RemoveService) == []
    assert first.again
    gone = a_status(deregistered=(SECOND, THIRD))
    assert (
        len(actions_of(planned(a_service_that_registered(SECOND, THIRD, status=gone, **leaving)), RemoveService)) == 1
    )
