"""At which address and port, and in which groups, a task is a target: on instances, and of older deployments."""

from typing import Any, Final

import pytest

from builders import DEPLOYMENT, NOW, a_declared_service, a_manifest
from headcount.model.service import ServiceState
from headcount.model.task import HostPort, Task
from headcount.model.values import replace
from headcount.planning.watching import instances_to_ask_for
from unit.planning.balanced import (
    ADMIN,
    BOTH,
    FIRST,
    a_known_group,
    a_ledger,
    a_load_balancer,
    a_served_task,
    a_target,
    an_entry,
    balanced,
    deregistered,
    endpoint_of,
    registered,
)
from unit.planning.plans import planned, stopped

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
