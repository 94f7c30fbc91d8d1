"""Capacity that is refused: in a zone, in Spot, everywhere; early and late; and shares that stay true all the same."""

from dataclasses import dataclass
from typing import Any

import pytest

from e2e.install import Install, zones_of
from e2e.instances import Instances
from e2e.strategies import by_capacity, declare

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
ON_DEMAND = [{"capacityProvider": "FARGATE", "weight": 1}]
LEAST_SKIP_SECONDS = 7.5  # a place that refused is left alone for 15, less up to half by jitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What was said of the service on the fallback while Spot was refused: later it returns."""

    described: dict[str, Any]
    why: str


@pytest.fixture(scope="module", autouse=True)
def bought(installed: Install) -> Bought:
    """What waits by design begins together: a return from a fallback, and instances that come late.

    The return takes the skip of a refusing provider (15 s at most), its ``afterSeconds``, and 40 s of settling.
    """
    refused = installed.faults.refuse_capacity(capacity_provider="FARGATE_SPOT")
    declare(
        installed,
        "bought",
        3,
        SPOT,
        capacityFallback=[{"capacityProvider": "FARGATE"}],
        capacityReturn={"afterSeconds": 10, "atOncePercent": 100},
    )
    installed.steady("bought", 3)
    assert by_capacity(installed, "bought") == {"FARGATE": 3}
    bought = Bought(described=installed.describe("bought"), why=installed.why("demo/bought"))
    installed.faults.remove(refused)
    instances = Instances(installed, "without")
    instances.run("homeless", 2)
    installed.wait(lambda: installed.describe("homeless")["state"] == "BLOCKED", "it is BLOCKED", "homeless")
    assert "No Container Instances were found" in installed.describe("homeless")["stateReason"]
    instances.add("eu-west-1a")
    return bought


def test_a_service_without_instances_was_blocked_until_one_came(install: Install) -> None:
    install.steady("homeless", 2)

    assert len(install.ever("homeless")) == 2
    install.says("homeless", "2 tasks not started", "No Container Instances were found in your capacity provider")


def test_spot_without_capacity_falls_back_to_on_demand_and_says_so(bought: Bought) -> None:
    carried = {one["capacity"]: (one["count"], one["level"]) for one in bought.described["capacity"]}
    assert carried == {"FARGATE_SPOT": (0, 0), "FARGATE": (3, 1)}
    assert "FARGATE_SPOT in eu-west-1a did not start" in bought.why
    assert "Capacity is unavailable" in bought.why
    assert "start 1 task on FARGATE in eu-west-1a" in bought.why


def test_a_zone_that_refuses_late_is_skipped_after_its_tasks_have_ended_in_provisioning(install: Install) -> None:
    dry, *others = sorted(install.sandbox.subnets)
    install.faults.refuse_capacity(zone=dry, capacity_provider="FARGATE", late=True)
    declare(install, "late-zone", 6, ON_DEMAND)

    install.steady("late-zone", 6)

    assert zones_of(install.alive("late-zone")) == sorted(others * 3)
    ended = [task for task in install.ever("late-zone") if task["lastStatus"] == "STOPPED"]
    assert {task["availabilityZone"] for task in ended} == {dry}
    assert {task["stopCode"] for task in ended} == {"TaskFailedToStart"}
    assert len(ended) == 2, install.story("the zone is tried once, not again at once", ["late-zone"])
    assert install.describe("late-zone")["backoff"] is None, "a lack of capacity is no failure of the task"
    install.says("late-zone", "lost ", "Capacity is unavailable")


def test_late_refusals_everywhere_block_the_service_until_there_is_room(install: Install) -> None:
    refused = install.faults.refuse_capacity(capacity_provider="FARGATE", late=True)
    declare(install, "late", 3, ON_DEMAND)
    install.wait(lambda: install.describe("late")["state"] == "BLOCKED", "it is BLOCKED", "late")
    assert "no place takes tasks: Capacity is unavailable" in install.describe("late")["stateReason"]
    install.says("late", "3 tasks not started", "next try at")

    install.faults.remove(refused)
    install.steady("late", 3)

    tasks = install.ever("late")
    ended = [task for task in tasks if task["desiredStatus"] == "STOPPED"]
    assert {task["stopCode"] for task in ended} == {"TaskFailedToStart"}, "of those that started all are kept"
    at_once = [task for task in ended if task["createdAt"] < tasks[0]["createdAt"] + LEAST_SKIP_SECONDS]
    assert len(at_once) <= 9, install.story("each zone is tried, and then all wait", ["late"])


def test_strict_spread_waits_for_the_emptiest_zone_and_says_so(install: Install) -> None:
    dry, *others = sorted(install.sandbox.subnets)
    refused = install.faults.refuse_capacity(zone=dry, capacity_provider="FARGATE")
    declare(install, "strict", 3, ON_DEMAND, availabilityZoneSpread="STRICT")

    install.says("strict", "1 task not started: strict spread keeps the zones even", f"FARGATE in {dry} said")
    install.exactly("strict", 2)
    assert zones_of(install.alive("strict")) == others

    install.faults.remove(refused)
    install.steady("strict", 3)
    assert zones_of(install.alive("strict")) == [dry, *others]


def test_instances_with_room_for_some_leave_the_rest_to_fargate(install: Install) -> None:
    instances = Instances(install, "small")
    instances.add("eu-west-1a", cpu=512, memory=1024)  # room for two
    instances.run("burst", 5, mode="awsvpc", capacityFallback=[{"capacityProvider": "FARGATE"}])

    install.steady("burst", 5)

    assert by_capacity(install, "burst") == {"FARGATE": 3, "small": 2}
    install.says("burst", "small in eu-west-1a did not start", "RESOURCE:")


def test_tasks_return_from_the_fallback_when_spot_takes_tasks_again(install: Install) -> None:
    install.wait(lambda: by_capacity(install, "bought") == {"FARGATE_SPOT": 3}, "they are back", "bought", within=120.0)
    install.steady("bought", 3)

    assert len(install.ever("bought")) == 6, install.story("three bought, three returned", ["bought"])
    install.says("bought", "back from FARGATE: FARGATE_SPOT takes tasks again")
