"""Functions killed with SIGKILL before and after every call they make: nothing leaks, nothing is doubled.

All deaths of a kind are brought about first, each in a service of its own, and looked at together afterwards: what a
killed pass held comes back with the visibility timeout of its queue (25 s), for all of them at the same time. Until
then the message group of a killed service is locked, so that no other service's pass can run into the next fault.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from e2e.install import Install

pytestmark = pytest.mark.sandbox
SANDBOX = {"task_runtime": "process", "retry_delays": (0.3, 0.6)}
TASKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A function dies at its nth call of an operation, before the call has an effect or before it is answered."""

    service: str
    operation: str
    when: str
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
    for when in ("before", "after")
)
STOPPING = tuple(Death(service="ecs", operation="StopTask", when=when) for when in ("before", "after"))
OBSERVING = tuple(
    Death(service=service, operation=operation, when=when)
    for service, operation in (("dynamodb", "UpdateItem"), ("dynamodb", "GetItem"), ("sqs", "SendMessage"))
    for when in ("before", "after")
)


def bring_about(install: Install, function: str, death: Death) -> str:
    """Arms a death; the id of its fault."""
    name = install.sandbox.platform.function(function).name
    return install.faults.kill_caller(name, death.service, death.operation, when=death.when, nth=death.nth)


def has_struck(install: Install, fault_id: str) -> bool:
    return any(fault["id"] == fault_id and fault["hits"] == 1 for fault in install.faults.describe())


@pytest.fixture(scope="module")
def aftermath(installed: Install) -> Iterator[Mapping[str, str]]:
    """The passes that died while they started or stopped tasks: the id of each fault."""
    faults = {}
    for death in STOPPING:
        installed.run(death.name, TASKS + 1)
    for death in STOPPING:
        installed.steady(death.name, TASKS + 1)
    for death in STARTING:
        faults[death.name] = bring_about(installed, "ReconcileService", death)
        installed.run(death.name, TASKS)
        installed.wait(lambda: has_struck(installed, faults[death.name]), f"{death} happened", death.name)
    for death in STOPPING:
        faults[death.name] = bring_about(installed, "ReconcileService", death)
        installed.ask("scale", service=f"demo/{death.name}", desiredCount=TASKS)
        installed.wait(lambda: has_struck(installed, faults[death.name]), f"{death} happened", death.name)
    yield faults
    installed.faults.clear()


@pytest.mark.parametrize("death", STARTING, ids=lambda death: death.name)
def test_a_pass_that_dies_while_it_starts_tasks_is_finished_by_the_next(
    installed: Install, aftermath: Mapping[str, str], death: Death
) -> None:
    installed.exactly(death.name, TASKS)

    assert len(installed.ever(death.name)) == TASKS, installed.story(f"{death} doubled a launch", [death.name])
    assert "of 2 there" in installed.why(f"demo/{death.name}")


@pytest.mark.parametrize("death", STOPPING, ids=lambda death: death.name)
def test_a_pass_that_dies_while_it_stops_a_task_is_finished_by_the_next(
    installed: Install, aftermath: Mapping[str, str], death: Death
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

    fault = bring_about(install, "ObserveTasks", death)
    install.sandbox.kill_task(victim)
    install.wait(lambda: has_struck(install, fault), f"{death} happened", service)

    install.steady(service, TASKS)
    assert len(install.ever(service)) == TASKS + 1, install.story(f"{death} doubled a replacement", [service])
    install.says(service, f"lost {victim}", "exit code 137")


@pytest.mark.parametrize("function", ["ReconcileService", "ObserveTasks", "AuditClusters", "WakeServices", "Control"])
def test_killing_all_processes_of_an_idle_function_loses_nothing(install: Install, function: str) -> None:
    service = f"restarted-{function}".lower()
    install.run(service, TASKS)
    install.steady(service, TASKS)

    install.sandbox.kill_function(function)
    victim = install.ids(service)[0]
    install.sandbox.kill_task(victim)

    install.wait(lambda: victim not in install.ids(service), "the task is dead", service)
    install.steady(service, TASKS)
    assert len(install.ever(service)) == TASKS + 1
