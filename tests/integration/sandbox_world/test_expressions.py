"""The cluster query language means what ECS says it means, and nothing else passes for it."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import pytest

from headcount_sandbox.world.ecs.expressions import ExpressionError, compile_expression


@dataclass
class Instance:
    """An instance in eu-west-1a that runs two tasks, one of them of the group service:db."""

    attributes: Mapping[str, str | None] = field(
        default_factory=lambda: {
            "ecs.availability-zone": "eu-west-1a",
            "ecs.instance-type": "m6i.large",
            "ssd": None,
            "cost center": "a b",
        }
    )
    ec2_instance_id: str = "i-0abc"
    agent_connected: bool = True
    agent_version: str = "1.89.2"
    registered_at: float = 1_772_000_000.0  # 2026-02-25T06:13:20Z
    running_tasks_count: int = 2
    groups: AbstractSet[str] = field(default_factory=lambda: {"service:db", "web"})


@pytest.mark.parametrize(
    "expression",
    [
        "attribute:ecs.availability-zone == eu-west-1a",
        "attribute:ecs.availability-zone==eu-west-1a",
        "attribute:ecs.availability-zone != 'eu-west-1b'",
        "attribute:ecs.availability-zone in [eu-west-1a, eu-west-1b]",
        "attribute:ecs.availability-zone !in [eu-west-1b]",
        "attribute:ecs.availability-zone not_in ['eu-west-1b', \"eu-west-1c\"]",
        "attribute:ecs.instance-type =~ m6i.*",
        "attribute:ecs.instance-type !~ t2.*",
        "attribute:ecs.instance-type matches 'm[56]i\\.(large|xlarge)'",
        "attribute:ssd exists",
        "attribute:hdd !exists",
        "attribute:hdd not_exists",
        "attribute:hdd != anything",
        "attribute:stack == blue or attribute:ecs.instance-type equals m6i.large",
        "ec2InstanceId in ['i-0abc', 'i-0def']",
        "agentConnected == true",
        "agentVersion >= 1.89",
        "agentVersion < 1.100.0",
        "runningTasksCount greater_than 1",
        "runningTasksCount == 2 and registeredAt < 2026-02-26",
        "registeredAt > 2026-02-25T06:13:19Z",
        "registeredAt > 2026-02-25T06:13:19",
        "registeredAt <= 2026-02-25T07:13:20+01:00",
        "task:group == service:db",
        "task:group in [service:api, web]",
        "not(task:group == service:api)",
        "!(task:group == service:api)",
        "task:group != service:api",
        "attribute:a == b or attribute:ssd exists and agentConnected == true",
        "(attribute:a == b or attribute:ssd exists) && not agentConnected == false",
        "attribute:a == b || runningTasksCount == 2",
        "not not attribute:ssd exists",
        "attribute:a == b or attribute:c == d or attribute:ssd exists",
        "agentConnected == true and attribute:ssd exists and runningTasksCount == 2",
    ],
)
def test_holds(expression: str) -> None:
    assert compile_expression(expression)(Instance())


@pytest.mark.parametrize(
    "expression",
    [
        "attribute:ecs.availability-zone == eu-west-1",
        "attribute:ecs.instance-type =~ m6i",
        "attribute:hdd == anything",
        "attribute:hdd in [a, b]",
        "task:group != web",
        "not(task:group == web)",
        "attribute:ssd exists and attribute:a == b or attribute:c == d",
        "not attribute:ssd exists or agentConnected == false",
        "runningTasksCount > 2",
        "agentVersion > 1.100",
    ],
)
def test_does_not_hold(expression: str) -> None:
    assert not compile_expression(expression)(Instance())


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "attribute:a",
        "attribute:a ==",
        "attribute: == a",
        "stack == blue",
        "attribute:a is b",
        "attribute:a == b attribute:c == d",
        "attribute:a == b and",
        "(attribute:a == b",
        "attribute:a == b)",
        "attribute:a in b",
        "attribute:a in []",
        "attribute:a in [b",
        "attribute:a > 3",
        "attribute:a =~ '('",
        "runningTasksCount == many",
        "runningTasksCount in [1, 2]",
        "registeredAt < yesterday",
        "agentVersion == newest",
        "attribute:a == 'b",
    ],
)
def test_refuses(expression: str) -> None:
    with pytest.raises(ExpressionError):
        compile_expression(expression)
