"""Events of EC2, Health and container instances reach rules as those of tasks do, and event faults strike them too."""

from collections.abc import Iterator
from typing import Any

import pytest

from headcount_sandbox.platform.deployment import Rule, Target
from headcount_sandbox.platform.event_bus import EventBus
from headcount_sandbox.world.timers import Timers
from integration.sandbox_world.sites import Site, wait_for

PATTERNS: dict[str, dict[str, Any]] = {
    "instances": {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Container Instance State Change"],
        "detail": {"status": ["DRAINING"]},
    },
    "spot": {"source": ["aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]},
    "retirement": {
        "source": ["aws.health"],
        "detail": {"service": ["ECS"], "eventTypeCode": ["AWS_ECS_TASK_PATCHING_RETIREMENT"]},
    },
}


@pytest.fixture
def matched(site: Site) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What the rules of `PATTERNS` matched: the rule's name and the event."""
    found: list[tuple[str, dict[str, Any]]] = []
    timers = Timers()
    timers.start()
    rules = tuple(
        Rule(
            name=name,
            arn=f"arn:aws:events:eu-west-1:123456789012:rule/{name}",
            pattern=pattern,
            targets=(Target(arn=name),),
        )
        for name, pattern in PATTERNS.items()
    )
    bus = EventBus(
        rules,
        faults=site.world.faults,
        deliver=lambda target, _, event: found.append((target.arn, event)),
        timers=timers,
    )
    site.world.on_event(bus.route)
    yield found
    timers.stop()


def test_each_rule_gets_its_events(site: Site, matched: list[tuple[str, dict[str, Any]]]) -> None:
    instance = site.add_instance()
    task = site.run_one()
    site.world.losses.interrupt_spot_instance(instance["ec2InstanceId"], warning_seconds=60, drain=True)
    site.world.losses.retire([task], start_in=60)
    wait_for(lambda: len(matched) == 3)
    assert [name for name, _ in matched] == ["spot", "instances", "retirement"]
    assert matched[1][1]["detail"]["ec2InstanceId"] == instance["ec2InstanceId"]


def test_event_faults_strike_them_too(site: Site, matched: list[tuple[str, dict[str, Any]]]) -> None:
    instance = site.add_instance()
    site.world.faults.duplicate_events(copies=1)
    site.world.losses.interrupt_spot_instance(instance["ec2InstanceId"], warning_seconds=60, drain=False)
    wait_for(lambda: len(matched) == 2)
    assert matched[0][1]["id"] == matched[1][1]["id"]
