"""Tasks that answer badly behind a load balancer, load balancing that fails, and what Headcount makes of it."""

from dataclasses import dataclass

import pytest

from e2e.balanced import PORT, Balanced, address_of, balance, task_at
from e2e.install import Install, id_of

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
GRACE = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """A target group in which somebody else has a target, too."""

    balanced: Balanced
    stranger: str


@pytest.fixture(scope="module", autouse=True)
def common(installed: Install) -> Common:
    """Its service is scaled in and deleted; its end takes half a minute, in which a late registration would be seen."""
    balanced = balance(installed, "common")
    stranger, _ = installed.sandbox.world.targets.add_stranger(balanced.group)
    balanced.run("common", 3)
    installed.ask("scale", service="demo/common", desiredCount=1)
    balanced.in_service("common", 1)
    installed.ask("delete", service="demo/common")
    return Common(balanced=balanced, stranger=stranger)


def sicken(install: Install, service: str, count: int, conduct: str = "answer", **how: object) -> list[str]:
    """The ids of tasks that behave badly from now on, until the test ends."""
    sick = sorted(install.ids(service))[:count]
    install.faults.sicken(conduct, tasks=sick, **how)
    return sick


def seen_by_elb(install: Install, balanced: Balanced, service: str, sick: list[str]) -> None:
    """ELB finds them unhealthy, and the audit sees it."""
    bad = {address_of(task) for task in install.alive(service) if id_of(task) in sick}

    def unhealthy() -> bool:
        return {address for (address, _), state in balanced.health().items() if state == "unhealthy"} >= bad

    install.wait(unhealthy, f"{len(sick)} targets are unhealthy", service)
    install.audit()


@pytest.mark.parametrize("conduct", ["answer", "hang", "refuse"])
def test_a_task_that_serves_badly_is_replaced_first_and_stopped_then(install: Install, conduct: str) -> None:
    service = f"bad-{conduct}"
    balanced = balance(install, service)
    balanced.run(service, 3)
    (sick,) = sicken(install, service, 1, conduct)
    seen_by_elb(install, balanced, service, [sick])

    install.wait(lambda: sick not in install.ids(service), "the sick task is stopped", service)
    balanced.in_service(service, 3)

    ended = next(task for task in install.ever(service) if id_of(task) == sick)
    assert "unhealthy in target group" in ended["stoppedReason"]
    *_, replacement = install.ever(service)
    assert replacement["startedAt"] < ended["stoppingAt"], "the replacement started first"
    assert len(install.ever(service)) == 4, install.story("one sick, one replaced", [service])


def test_the_alarm_on_unhealthy_targets_tells_at_once(install: Install) -> None:
    """No audit runs here: the alarm that Headcount made for the target group does it."""
    balanced = balance(install, "alarmed")
    balanced.run("alarmed", 2)
    (sick,) = sicken(install, "alarmed", 1)
    install.wait(lambda: sick not in install.ids("alarmed"), "the sick task is stopped", "alarmed")
    balanced.in_service("alarmed", 2)


def test_when_most_tasks_are_sick_at_once_none_is_killed(install: Install) -> None:
    balanced = balance(install, "outage")
    stop_first = {"minimumHealthyPercent": 50, "maximumPercent": 100}
    terms = {"afterSeconds": 5}  # so that ELB has found all of them by then
    balanced.run("outage", 10, deploymentConfiguration=stop_first, unhealthyTasks=terms)
    before = set(install.ids("outage"))
    sick = sicken(install, "outage", 6)
    seen_by_elb(install, balanced, "outage", sick)

    install.says("outage", "frozen: 6 of 10 tasks are unhealthy")
    install.audit()
    assert set(install.ids("outage")) == before
    assert install.describe("outage")["state"] != "STEADY"
    install.faults.clear()
    install.wait(lambda: len(balanced.in_rotation()) == 10, "all answer again", "outage")
    install.audit()
    balanced.in_service("outage", 10)
    assert set(install.ids("outage")) == before, "an outage is over, and nobody died of it"


def test_sick_during_the_grace_period_is_nobodys_business(install: Install) -> None:
    balanced = balance(install, "graceful")
    balanced.run("graceful", 2, healthCheckGracePeriodSeconds=GRACE)
    before = set(install.ids("graceful"))
    sick = sicken(install, "graceful", 1)
    seen_by_elb(install, balanced, "graceful", sick)
    install.wait(lambda: "not in service" in install.describe("graceful")["stateReason"], "it is known", "graceful")
    assert set(install.ids("graceful")) == before


def test_a_task_that_is_slow_to_start_is_waited_for(install: Install) -> None:
    balanced = balance(install, "slow")
    install.faults.sicken("slow_start", family="slow", seconds=4.0)
    balanced.run("slow", 2, healthCheckGracePeriodSeconds=GRACE)
    assert len(install.ever("slow")) == 2, install.story("nobody was replaced", ["slow"])


def test_readiness_is_no_liveness_where_the_manifest_says_so(install: Install) -> None:
    balanced = balance(install, "ready")
    balanced.run("ready", 2, unhealthyTasks={"targetAction": "stopRouting"})
    before = set(install.ids("ready"))
    (sick,) = sicken(install, "ready", 1)
    seen_by_elb(install, balanced, "ready", [sick])
    install.wait(lambda: len(balanced.in_rotation()) == 1, "the load balancer asks the other one only", "ready")
    install.audit()
    assert set(install.ids("ready")) == before
    install.faults.clear()
    balanced.in_service("ready", 2)
    assert set(install.ids("ready")) == before


def test_a_task_on_standby_leaves_rotation_and_comes_back(install: Install) -> None:
    balanced = balance(install, "inspected")
    balanced.run("inspected", 2)
    task = install.alive("inspected")[0]
    install.ask("standby", service="demo/inspected", tasks=[id_of(task)])
    install.wait(lambda: address_of(task) not in balanced.in_rotation(), "it is out of rotation", "inspected")
    install.wait(lambda: len(balanced.in_rotation()) == 2, "another one takes its place", "inspected")
    assert id_of(task) in install.ids("inspected"), "it runs on"
    install.ask("standby", service="demo/inspected", tasks=[id_of(task)], end=True)
    balanced.in_service("inspected", 2)


def test_a_target_group_deleted_under_its_tasks_is_told_and_kills_nobody(install: Install) -> None:
    balanced = balance(install, "orphaned")
    balanced.run("orphaned", 2)
    before = set(install.ids("orphaned"))
    install.sandbox.world.targets.delete_group(balanced.group)
    install.audit()
    install.says("orphaned", "target group orphaned does not exist any more")
    assert set(install.ids("orphaned")) == before


def test_elb_that_throttles_every_call_delays_a_scale_in_and_cuts_nobody(install: Install) -> None:
    balanced = balance(install, "patient")
    balanced.run("patient", 3)
    throttled = install.faults.throttle("elbv2", "*")
    install.ask("scale", service="demo/patient", desiredCount=1)
    install.says("patient", "ELB: DeregisterTargets: Throttling")
    assert len(install.ids("patient")) == 3
    assert len(balanced_addresses(install, "patient")) == 3
    install.faults.remove(throttled)
    balanced.in_service("patient", 1)


def balanced_addresses(install: Install, service: str) -> set[str]:
    """The addresses of the live tasks of a service."""
    return {address_of(task) for task in install.alive(service)}


def test_an_address_that_a_new_task_gets_serves_the_new_one(install: Install) -> None:
    balanced = balance(install, "reused")
    balanced.run("reused", 2)
    old = install.alive("reused")[0]
    address = address_of(old)
    install.sandbox.world.targets.reuse_address(address)
    install.sandbox.kill_task(id_of(old))
    install.wait(lambda: id_of(old) not in install.ids("reused"), "it is gone", "reused")
    balanced.in_service("reused", 2)
    assert task_at(install, "reused", address) != id_of(old)
    assert {target for target, _ in balanced.health()} == balanced_addresses(install, "reused")


def test_a_group_may_be_added_and_taken_away_without_replacing_a_task(install: Install) -> None:
    first, second = balance(install, "first"), balance(install, "second")
    first.run("both", 2)
    before = set(install.ids("both"))
    manifest = install.describe("both")["manifest"]
    applied = install.ask("apply", manifest=manifest | {"loadBalancers": [first.entry(), second.entry()]})
    assert not applied["newDeployment"]
    install.wait(lambda: len(second.in_rotation()) == 2, "they are in both", "both")
    install.ask("apply", manifest=manifest | {"loadBalancers": [second.entry()]})
    install.wait(lambda: not first.health(), "they have left the first", "both")
    second.in_service("both", 2)
    assert set(install.ids("both")) == before
    assert {port for _, port in second.health()} == {PORT}


# -------------------------------------------------------------------------------------------- what began with the file


def test_a_target_of_somebody_else_in_the_same_group_is_untouched(install: Install, common: Common) -> None:
    install.wait(lambda: not install.control("describe", service="demo/common")["ok"], "it is deleted")
    assert common.balanced.in_rotation() == {common.stranger}
