"""Tasks that live and go all the same: Spot, retirement, age, cordoned zones. All but the zones' stay in a and b."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pytest

from e2e.install import CLUSTER, Install, id_of, zones_of
from e2e.rolling import Watch

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
STOP_FIRST = {"minimumHealthyPercent": 0, "maximumPercent": 100}
SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
CORDONED = "eu-west-1c"  # where no other story has tasks
WEEK = 7 * 24 * 3600.0
LEAST_AGE_SECONDS = 6.0  # of 60 with 90 % jitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """What takes its time by design begins together: a retirement that must settle, zones that must become even."""

    retiring: str
    protected: str
    watch: Watch
    evacuated: frozenset[str]


def subnets(install: Install, *zones: str) -> dict[str, object]:
    """The manifest's network, in these zones only."""
    chosen = [install.sandbox.subnets[zone] for zone in zones]
    return {"networkConfiguration": {"awsvpcConfiguration": {"subnets": chosen}}}


def ab(install: Install) -> dict[str, object]:
    """The two zones that stay open."""
    return subnets(install, "eu-west-1a", "eu-west-1b")


@pytest.fixture(scope="module", autouse=True)
def slow(installed: Install) -> Slow:
    installed.run("retired", 3, **ab(installed))
    installed.run(
        "aging", 8, maximumAge={"seconds": 60, "jitterPercent": 90}, deploymentConfiguration=STOP_FIRST, **ab(installed)
    )
    evacuated = _evacuate(installed)
    installed.steady("retired", 3)
    watch = Watch(installed, "retired")
    retiring = installed.ids("retired")[:2]
    installed.ask("protect", service="demo/retired", tasks=retiring[1:], expiresInMinutes=60)
    installed.sandbox.world.losses.retire(retiring, start_in=WEEK)
    return Slow(retiring=retiring[0], protected=retiring[1], watch=watch, evacuated=evacuated)


def _evacuate(install: Install) -> frozenset[str]:
    """A service leaves a zone at once, for it may stop before it starts; the zone opens again."""
    install.run("zoned", 6, deploymentConfiguration=STOP_FIRST)
    install.steady("zoned", 6)
    leaving = frozenset(_in_zone(install, "zoned", CORDONED))
    assert len(leaving) == 2
    answer = install.ask("cordon", cluster=CLUSTER, zone=CORDONED, reason="power cut")
    assert answer["services"] >= 1
    install.ask("scale", service="demo/zoned", desiredCount=9)
    install.steady("zoned", 9)
    assert frozenset(_in_zone(install, "zoned", CORDONED)) == leaving, "a cordon keeps new tasks out, and moves none"
    protected = min(leaving)
    install.ask("protect", service="demo/zoned", tasks=[protected], expiresInMinutes=60)
    install.ask("cordon", cluster=CLUSTER, zone=CORDONED, evacuate=True, reason="power cut")
    install.wait(lambda: _in_zone(install, "zoned", CORDONED) == [protected], "the other one has left", "zoned")
    install.says("zoned", f"{CORDONED} is cordoned and evacuated", f"task {protected} stays while it is protected")
    install.ask("protect", service="demo/zoned", tasks=[protected], expiresInMinutes=0)
    install.wait(lambda: _in_zone(install, "zoned", CORDONED) == [], "the zone is empty", "zoned")
    install.steady("zoned", 9)
    install.says("zoned", f"{CORDONED} is evacuated by e2e: power cut")
    manifest = install.describe("zoned")["manifest"]
    percents = {"minimumHealthyPercent": 100, "maximumPercent": 200}
    changed = {
        **manifest,
        "deploymentConfiguration": percents,
        "availabilityZoneRebalancing": "ENABLED",
        "capacityReturn": {"atOncePercent": 100},
    }
    assert not install.ask("apply", manifest=changed)["newDeployment"]
    assert install.ask("uncordon", cluster=CLUSTER, zone=CORDONED)["wasCordoned"]
    return leaving


def _in_zone(install: Install, service: str, zone: str) -> list[str]:
    return [id_of(task) for task in install.alive(service) if task["availabilityZone"] == zone]


def _running(tasks: Iterable[dict[str, object]]) -> int:
    return sum(task["lastStatus"] == "RUNNING" for task in tasks)


def _time(value: datetime | float) -> float:
    return value.timestamp() if isinstance(value, datetime) else value


def test_fargate_spot_takes_back_a_whole_zone_and_each_task_is_replaced_before_it_goes(install: Install) -> None:
    manifest = install.manifest("spotty", install.define("spotty"), 6, capacityProviderStrategy=SPOT, **ab(install))
    del manifest["launchType"]
    install.ask("apply", manifest=manifest)
    install.steady("spotty", 6)
    install.ask("protect", service="demo/spotty", tasks=install.ids("spotty"), expiresInMinutes=60)
    own = set(install.ids("spotty"))
    noticed = own.intersection(install.sandbox.world.losses.interrupt_spot_tasks("eu-west-1a", 8.0))
    assert len(noticed) == 3  # other stories may have left tasks on Spot in the same zone

    install.wait(lambda: _running(install.alive("spotty")) == 6, "six run that will stay", "spotty")
    replacements = install.alive("spotty")
    install.wait(lambda: _stopped(install, "spotty") == noticed, "those with a notice are gone", "spotty")
    install.steady("spotty", 6)

    ends = [_time(task["stoppedAt"]) for task in install.ever("spotty") if id_of(task) in noticed]
    assert max(_time(task["startedAt"]) for task in replacements) < min(ends)
    assert len(install.ever("spotty")) == 9, install.story("three noticed, three replaced", ["spotty"])
    lost = install.history("spotty", "lost")
    assert {entry["task"] for entry in lost} == noticed
    assert all("Your Spot Task was interrupted" in entry["reason"] for entry in lost)


def _stopped(install: Install, service: str) -> set[str]:
    return {id_of(task) for task in install.ever(service) if task["lastStatus"] == "STOPPED"}


def test_a_zone_may_not_be_cordoned_twice_and_a_service_without_another_zone_waits(install: Install) -> None:
    install.ask("cordon", cluster=CLUSTER, zone=CORDONED, reason="again")
    assert len(install.ask("cordons", cluster=CLUSTER)["clusters"][0]["cordons"]) == 1
    install.run("cornered", 2, **subnets(install, CORDONED))
    install.wait(lambda: install.describe("cornered")["state"] == "BLOCKED", "it is BLOCKED", "cornered")
    assert "every zone is cordoned" in install.describe("cornered")["stateReason"]
    install.says("cornered", f"2 tasks not started: every zone is cordoned ({CORDONED})", "again")

    install.ask("uncordon", cluster=CLUSTER, zone=CORDONED)
    install.steady("cornered", 2)
    told = [entry["reason"] for entry in install.ask("events", cluster=CLUSTER)["events"]]
    assert told[0].startswith("uncordon")


# -------------------------------------------------------------------------------------------- what began with the file


def test_tasks_end_at_an_age_of_their_own_and_are_replaced(install: Install) -> None:
    install.wait(lambda: len(install.ever("aging")) >= 13, "five have been replaced", "aging", within=90.0)
    install.says("aging", "it has run since", "as long as maximumAge allows")

    ended = [task for task in install.ever("aging") if task["desiredStatus"] == "STOPPED"]
    ages = sorted(task["stoppingAt"] - _time(task["startedAt"]) for task in ended)
    assert ages[0] >= LEAST_AGE_SECONDS
    assert ages[-1] - ages[0] >= 0.5, "they do not end together"
    assert {task["stopCode"] for task in ended} == {"UserInitiated"}
    install.ask("delete", service="demo/aging")


def test_a_task_that_fargate_retires_in_a_week_is_replaced_now_unless_it_is_protected(
    install: Install, slow: Slow
) -> None:
    install.says("retired", "AWS Health announced that Fargate retires this task; AWS ends it at")
    install.says("retired", f"task {slow.protected} stays while it is protected")
    install.wait(lambda: slow.retiring not in install.ids("retired"), "it is gone", "retired", within=90.0)

    install.steady("retired", 3)

    assert min(slow.watch.running) >= 3, slow.watch.running
    assert len(install.ever("retired")) == 4, install.story("one retires, one replaces it", ["retired"])
    assert slow.protected in install.ids("retired"), "a week is time enough for what it does"
    [stopped] = [task for task in install.ever("retired") if id_of(task) == slow.retiring]
    assert stopped["stopCode"] == "UserInitiated", "Headcount was first"
    assert "AWS Health announced that Fargate retires this task" in stopped["stoppedReason"]


def test_an_uncordoned_zone_is_filled_again_until_all_are_even(install: Install, slow: Slow) -> None:
    install.wait(
        lambda: zones_of(install.alive("zoned")) == sorted(list(install.sandbox.subnets) * 3),
        "the zones are even",
        "zoned",
        within=120.0,
    )
    install.steady("zoned", 9)
    assert not slow.evacuated & set(install.ids("zoned"))
    install.says("zoned", "has 5 tasks, 3 would be even")
