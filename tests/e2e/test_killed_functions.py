"""Functions killed with SIGKILL before and after every call they make: nothing leaks, nothing is doubled.

All deaths of a kind are brought about first, each in a service of its own, and looked at together afterwards: what a
killed pass held comes back with the visibility timeout of its queue (25 s), for all of them at the same time. Until
then the message group of a killed service is locked, so that no other service's pass can run into the next fault.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import pytest

from e2e.install import Install

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {"task_runtime": "process"}
TASKS = 2
BOTH: tuple[Literal["before", "after"], ...] = ("before", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A function dies at its nth call of an operation, before the call has an effect or before it is answered."""

    service: str
    operation: str
    when: Literal["before", "after"]
    nth: int = 1

    @property
    def name(self) -> str:
        """The Headcount service in which it happens."""
        return f"{self.operation}-{self.nth}-{self.when}".lower()


# A first pass of two tasks: UpdateItem (take a number), Query (gather), TransactWriteItems (the plan), RunTask and
# TransactWriteItems for each of two zones, TransactWriteItems (what came of it), SendMessage (the timer), PutEvents.
STARTING = tuple(
    Death(service=service, operation=operation, when=when, nth=nth)
    for service, operation, nth in (
        ("dynamodb", "UpdateItem", 1),
        ("dynamodb", "Query", 1),
        ("dynamodb", "TransactWriteItems", 1),
        ("ecs", "RunTask", 1),
        ("ecs", "RunTask", 2),
        ("dynamodb", "TransactWriteItems", 2),
        ("dynamodb", "TransactWriteItems", 3),
        ("dynamodb", "TransactWriteItems", 4),
        ("sqs", "SendMessage", 1),
        ("events", "PutEvents", 1),
    )
    for when in BOTH
)
STOPPING = tuple(Death(service="ecs", operation="StopTask", when=when) for when in BOTH)
OBSERVING = tuple(
    Death(service=service, operation=operation, when=when)
    for service, operation in (("dynamodb", "UpdateItem"), ("dynamodb", "GetItem"), ("sqs", "SendMessage"))
    for when in BOTH
)


def dies(install: Install, function: str, death: Death, service: str, cause: Callable[[], object]) -> None:
    """Arms a death, does what makes the function run, and waits until it is dead."""
    name = install.sandbox.platform.function(function).name
    armed = install.faults.kill_caller(name, death.service, death.operation, when=death.when, nth=death.nth)
    cause()
    install.wait(lambda: hits(install, armed) == 1, f"{function} died: {death}", service)


def hits(install: Install, fault_id: str) -> int:
    return sum(fault["hits"] for fault in install.faults.describe() if fault["id"] == fault_id)


@pytest.fixture(scope="module")
def aftermath(installed: Install) -> Iterator[None]:
    """The passes that died while they started or stopped tasks."""
    for death in STOPPING:
        installed.run(death.name, TASKS + 1)
    for death in STOPPING:
        installed.steady(death.name, TASKS + 1)
    for death in STARTING:
        dies(installed, "ReconcileService", death, death.name, partial(installed.run, death.name, TASKS))
    for death in STOPPING:
        scale = partial(installed.ask, "scale", service=f"demo/{death.name}", desiredCount=TASKS)
        dies(installed, "ReconcileService", death, death.name, scale)
    yield
    installed.faults.clear()


@pytest.mark.parametrize("death", STARTING, ids=lambda death: death.name)
def test_a_pass_that_dies_while_it_starts_tasks_is_finished_by_the_next(
    installed: Install, aftermath: None, death: Death
) -> None:
    installed.exactly(death.name, TASKS)

    assert len(installed.ever(death.name)) == TASKS, installed.story(f"{death} doubled a launch", [death.name])
    assert "of 2 there" in installed.why(f"demo/{death.name}")


@pytest.mark.parametrize("death", STOPPING, ids=lambda death: death.name)
def test_a_pass_that_dies_while_it_stops_a_task_is_finished_by_the_next(
    installed: Install, aftermath: None, death: Death
) -> None:
    installed.steady(death.name, TASKS)

    assert len(installed.ever(death.name)) == TASKS + 1, installed.story(f"{death} stopped too many", [death.name])
    installed.says(death.name, "scale in to 2")


@pytest.mark.parametrize("death", OBSERVING, ids=lambda death: death.name)
def test_an_observer_that_dies_is_followed_by_one_that_does_not(install: Install, death: Death) -> None:
    service = f"observed-{death.name}"
    install.run(service, TASKS)
    install.steady(service, TASKS)
    victim = install.ids(service)[0]

    dies(install, "ObserveTasks", death, service, partial(install.sandbox.kill_task, victim))

    install.steady(service, TASKS)
    assert len(install.ever(service)) == TASKS + 1, install.story(f"{death} doubled a replacement", [service])
    install.says(service, f"lost {victim}", "exit code 137")


def test_killing_every_process_of_idle_functions_loses_nothing(install: Install) -> None:
    service = "restarted"
    install.run(service, TASKS)
    install.steady(service, TASKS)

    for function in install.sandbox.platform.deployment.functions:
        install.sandbox.kill_function(function.logical_id)
    victim = install.ids(service)[0]
    install.sandbox.kill_task(victim)

    install.wait(lambda: victim not in install.ids(service), "the task is dead", service)
    install.steady(service, TASKS)
    assert len(install.ever(service)) == TASKS + 1
