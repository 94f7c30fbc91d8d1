"""Services on container instances: where tasks are placed, and what becomes of them when their instance goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import pytest

from e2e.install import Install, id_of, zones_of
from e2e.instances import Instances, crowds, on_instance
from e2e.rolling import Watch

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
STOP_FIRST = {"minimumHealthyPercent": 0, "maximumPercent": 100}
DISCONNECTED_SECONDS = 5.0
WARNING_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """What takes its time by design begins together: replacements that must settle, warnings that must end."""

    drained: str
    watch: Watch
    interrupted: str
    interrupted_tasks: frozenset[str]
    missing_tasks: frozenset[str]


@pytest.fixture(scope="module", autouse=True)
def slow(installed: Install) -> Slow:
    _run_out_of_ports(installed)
    drained, watch = _drain(installed)
    interrupted, interrupted_tasks = _interrupt(installed)
    return Slow(
        drained=drained,
        watch=watch,
        interrupted=interrupted,
        interrupted_tasks=interrupted_tasks,
        missing_tasks=_go_missing(installed),
    )


def _run_out_of_ports(install: Install) -> None:
    """Three instances, and four tasks that want the same port of their host."""
    instances = Instances(install, "ported")
    arns = instances.one_a_zone()
    instances.run("ported", 3, mode="host", host_port=8080)
    install.steady("ported", 3)
    assert crowds(install.alive("ported"), arns) == [1, 1, 1]
    install.ask("scale", service="demo/ported", desiredCount=4)
    install.wait(lambda: install.describe("ported")["state"] == "BLOCKED", "it is BLOCKED", "ported")
    assert "RESOURCE:PORTS" in install.describe("ported")["stateReason"]
    instances.add("eu-west-1b")


def _drain(install: Install) -> tuple[str, Watch]:
    """Of four tasks on two instances, those of one are to move; one of them is protected for a moment."""
    instances = Instances(install, "drained")
    drained, _ = instances.add("eu-west-1a"), instances.add("eu-west-1b")
    instances.run("drained", 4)
    install.steady("drained", 4)
    watch = Watch(install, "drained")
    leaving = on_instance(install.alive("drained"), drained)
    assert len(leaving) == 2, install.story("default placement spreads over zones", ["drained"])
    install.ask("protect", service="demo/drained", tasks=leaving[:1], expiresInMinutes=60)
    instances.set_state(drained, "DRAINING")
    install.says("drained", f"task {leaving[0]} stays while it is protected", "is draining")
    install.ask("protect", service="demo/drained", tasks=leaving[:1], expiresInMinutes=0)
    return drained, watch


def _interrupt(install: Install) -> tuple[str, frozenset[str]]:
    """EC2 takes an instance back that carries two of four tasks, all of them protected."""
    instances = Instances(install, "interrupted")
    taken, _ = instances.add("eu-west-1a"), instances.add("eu-west-1b")
    subnets = [install.sandbox.subnets[zone] for zone in ("eu-west-1a", "eu-west-1b")]
    network = {"awsvpcConfiguration": {"subnets": subnets}}
    instances.run("interrupted", 4, mode="awsvpc", networkConfiguration=network)
    install.steady("interrupted", 4)
    going = on_instance(install.alive("interrupted"), taken)
    install.ask("protect", service="demo/interrupted", tasks=going, expiresInMinutes=60)
    install.sandbox.world.losses.interrupt_spot_instance(taken, warning_seconds=WARNING_SECONDS, drain=True)
    return taken, frozenset(going)


def _go_missing(install: Install) -> frozenset[str]:
    """An instance is gone, and ECS does not know it any more: no event, and no answer either."""
    instances = Instances(install, "missing")
    lost = instances.add("eu-west-1a")
    instances.run("missing", 2)
    install.steady("missing", 2)
    instances.add("eu-west-1b")
    going = frozenset(install.ids("missing"))
    install.sandbox.world.losses.vanish(lost, noticed_after=0.1, afterwards="MISSING")
    install.wait(lambda: not install.ids("missing"), "ECS has forgotten the tasks", "missing")
    install.audit()  # one answer without it may be ECS's mistake
    install.audit()
    return going


# ------------------------------------------------------------------------------------------------------------ placing


def test_an_awsvpc_service_on_instances_is_spread_over_the_zones_of_its_subnets(install: Install) -> None:
    instances = Instances(install, "own-interfaces")
    arns = instances.one_a_zone()
    instances.run("own-interfaces", 6, mode="awsvpc")

    install.steady("own-interfaces", 6)

    assert crowds(install.alive("own-interfaces"), arns) == [2, 2, 2]
    install.says("own-interfaces", "on own-interfaces in eu-west-1a")


def test_a_bridge_service_is_spread_by_default_over_zones_and_then_over_instances(install: Install) -> None:
    instances = Instances(install, "bridged")
    arns = [*instances.one_a_zone(), instances.add("eu-west-1a")]
    instances.run("bridged", 6)

    install.steady("bridged", 6)

    assert crowds(install.alive("bridged"), arns) == [1, 2, 2, 1]
    install.says("bridged", "on bridged in a zone of ECS's choice")


def test_placement_strategy_and_constraints_are_honoured(install: Install) -> None:
    instances = Instances(install, "placed")
    arns = instances.one_a_zone(attributes={"disk": "ssd"})
    magnetic = instances.add("eu-west-1a", attributes={"disk": "magnetic"})
    instances.run(
        "placed",
        5,
        placementStrategy=[{"type": "binpack", "field": "memory"}],
        placementConstraints=[{"type": "memberOf", "expression": "attribute:disk == ssd"}],
    )

    install.steady("placed", 5)

    assert sorted(crowds(install.alive("placed"), arns)) == [0, 0, 5]
    assert on_instance(install.alive("placed"), magnetic) == []


def test_a_host_port_allows_one_task_an_instance_and_the_service_said_what_was_missing(install: Install) -> None:
    install.steady("ported", 4)

    assert len(install.ever("ported")) == 4
    install.says("ported", "1 task not started", "RESOURCE:PORTS", "next try at")


# ------------------------------------------------------------------------------------------------------------- losing


def test_thirty_tasks_lost_with_their_instance_are_replaced_by_thirty(install: Install) -> None:
    lost, spare, service = _thirty_on_one(install, "terminated")
    install.sandbox.world.losses.terminate(lost)

    install.steady(service, 30)

    _all_on_the_other(install, service, spare)


def test_thirty_tasks_lost_in_silence_are_replaced_after_one_audit(install: Install) -> None:
    lost, spare, service = _thirty_on_one(install, "vanished")
    install.sandbox.world.losses.vanish(lost, noticed_after=0.1, afterwards="STOPPED")
    install.wait(lambda: not install.ids(service), "ECS says that they are stopped", service)
    assert len(install.ever(service)) == 30, "nobody told Headcount yet"

    install.audit()
    install.steady(service, 30)

    _all_on_the_other(install, service, spare)


def _thirty_on_one(install: Install, service: str) -> tuple[str, str, str]:
    """Two instances of which one carries thirty tasks: (the one with the tasks, the other one, the service)."""
    instances = Instances(install, service)
    arns = [instances.add("eu-west-1a"), instances.add("eu-west-1b")]
    instances.run(service, 30, placementStrategy=[{"type": "binpack", "field": "memory"}])
    install.steady(service, 30)
    lost, spare = sorted(arns, key=lambda arn: -len(on_instance(install.alive(service), arn)))
    assert len(on_instance(install.alive(service), lost)) == 30
    return lost, spare, service


def _all_on_the_other(install: Install, service: str, spare: str) -> None:
    assert len(on_instance(install.alive(service), spare)) == 30
    assert len(install.ever(service)) == 60, install.story("thirty were lost, so thirty are replaced", [service])
    lost = install.history(service, "lost")
    assert len({entry["task"] for entry in lost}) == 30
    assert all("terminated" in entry["reason"] for entry in lost), lost[0]


# ------------------------------------------------------------------------------------------------------ disconnecting


def test_an_agent_that_is_away_for_a_moment_moves_nothing(install: Install) -> None:
    instances = Instances(install, "flapping")
    [away, *_] = instances.one_a_zone()
    instances.run("flapping", 3)
    install.steady("flapping", 3)

    install.sandbox.world.losses.disconnect(away, None)
    install.audit()
    install.wait(lambda: _notices(install, "flapping") == ["DISCONNECTED"], "the notice is on record", "flapping")
    [away_task] = on_instance(install.alive("flapping"), away)
    assert "is disconnected" in install.why(away_task)
    assert install.describe("flapping")["state"] == "STEADY"

    install.sandbox.world.losses.reconnect(away)
    install.audit()
    install.wait(lambda: _notices(install, "flapping") == [], "the notice is taken back", "flapping")
    install.steady("flapping", 3)
    assert len(install.ever("flapping")) == 3


def test_an_agent_that_stays_away_has_its_tasks_replaced_and_they_count_again_when_it_is_back(
    install: Install,
) -> None:
    instances = Instances(install, "offline")
    [away, *_] = instances.one_a_zone()
    instances.run("offline", 3, deadlines={"disconnectedSeconds": DISCONNECTED_SECONDS})
    install.steady("offline", 3)

    install.sandbox.world.losses.disconnect(away, None)
    install.audit()
    install.wait(lambda: _running(install, "offline") == 4, "a replacement runs", "offline")
    [notice] = [task["notice"] for task in install.describe("offline")["tasks"] if task["notice"]]
    newest = max(task["createdAt"] for task in install.ever("offline"))
    assert newest - datetime.fromisoformat(notice["at"]).timestamp() >= DISCONNECTED_SECONDS
    install.says("offline", "the agent of container instance", "is disconnected")
    assert "1 task to be replaced" in install.describe("offline")["stateReason"]

    install.sandbox.world.losses.reconnect(away)
    install.audit()
    install.steady("offline", 3)
    assert len(install.ever("offline")) == 4


def _notices(install: Install, service: str) -> list[str]:
    return [task["notice"]["kind"] for task in install.describe(service)["tasks"] if task["notice"]]


def _running(install: Install, service: str) -> int:
    return sum(task["lastStatus"] == "RUNNING" for task in install.alive(service))


# ----------------------------------------------------------------------------------------------------------- draining


def test_draining_that_ends_before_there_is_another_place_moves_nothing(install: Install) -> None:
    instances = Instances(install, "hesitating")
    only = instances.add("eu-west-1a")
    instances.run("hesitating", 2)
    install.steady("hesitating", 2)

    instances.set_state(only, "DRAINING")
    install.says("hesitating", "container instance", "is draining", "2 tasks not started", "No Container Instances")
    assert install.describe("hesitating")["state"] == "BLOCKED"
    assert _running(install, "hesitating") == 2

    # a try in the moment between the next line and the one after it would find the place, and take it
    install.wait(lambda: _next_try_in(install, "hesitating") > 5.0, "it has just been tried", "hesitating")
    instances.set_state(only, "ACTIVE")
    install.audit()
    install.wait(lambda: _notices(install, "hesitating") == [], "the notices are taken back", "hesitating")
    install.steady("hesitating", 2)
    assert len(install.ever("hesitating")) == 2


def _next_try_in(install: Install, service: str) -> float:
    """Seconds until a place that refused tasks is tried again."""
    skipped = [datetime.fromisoformat(zone["skippedUntil"]) for zone in install.describe(service)["zones"]]
    return min(skipped).timestamp() - time.time()


def test_a_singleton_is_never_there_twice(install: Install) -> None:
    instances = Instances(install, "singleton")
    first, _ = instances.add("eu-west-1a"), instances.add("eu-west-1b")
    instances.run("singleton", 1, deploymentConfiguration=STOP_FIRST)
    install.steady("singleton", 1)

    for _ in range(3):
        with _another(install, "singleton"):
            install.sandbox.kill_task(install.ids("singleton")[0])
    with _another(install, "singleton"):
        install.ask("stopTask", service="demo/singleton", tasks=install.ids("singleton"))
    with _another(install, "singleton"):
        instances.set_state(str(install.alive("singleton")[0]["containerInstanceArn"]), "DRAINING")
    instances.set_state(first, "ACTIVE")
    with _another(install, "singleton"):
        install.ask("redeploy", service="demo/singleton")
    with _another(install, "singleton"):
        instances.run("singleton", 1, deploymentConfiguration=STOP_FIRST)
    install.ask("scale", service="demo/singleton", desiredCount=0)
    install.exactly("singleton", 0)
    install.ask("scale", service="demo/singleton", desiredCount=1)
    install.exactly("singleton", 1)

    tasks = install.ever("singleton")
    assert len(tasks) == 9, install.story("one after each of eight ends", ["singleton"])
    for before, after in pairwise(tasks):
        assert after["createdAt"] >= _time(before["stoppedAt"]), install.story("two were there", ["singleton"])
    install.says("singleton", "maximumPercent 100 allows 1 task at once, 1 are there (1 of them stopping)")


@contextmanager
def _another(install: Install, service: str) -> Iterator[None]:
    """Waits until another task runs than the one that ran before what is done."""
    before = len(install.ever(service))
    yield
    install.wait(lambda: len(install.ever(service)) > before, "another one starts", service)
    install.exactly(service, 1)


def _time(value: datetime | float) -> float:
    return value.timestamp() if isinstance(value, datetime) else value


# -------------------------------------------------------------------------------------------- what began with the file


def test_tasks_on_an_instance_that_ec2_takes_back_are_replaced_before_it_goes(install: Install, slow: Slow) -> None:
    install.wait(lambda: not slow.interrupted_tasks & set(install.ids("interrupted")), "they are gone", "interrupted")

    install.steady("interrupted", 4)

    tasks = {id_of(task): task for task in install.ever("interrupted")}
    assert len(tasks) == 6, install.story("two were taken, two replace them", ["interrupted"])
    started = [_time(task["startedAt"]) for task in install.alive("interrupted")]
    assert max(started) < min(_time(tasks[task]["stoppingAt"]) for task in slow.interrupted_tasks)
    assert on_instance(install.alive("interrupted"), slow.interrupted) == []
    install.says("interrupted", "EC2 will terminate the Spot instance", "AWS ends it at")


def test_tasks_that_ecs_has_forgotten_with_their_instance_are_replaced(install: Install, slow: Slow) -> None:
    install.wait(lambda: _running(install, "missing") == 2, "two others run", "missing")
    assert not slow.missing_tasks & set(install.ids("missing"))
    install.says("missing", "2 tasks to be replaced: ECS does not know container instance")


def test_a_drained_instance_is_empty_in_the_end_and_the_service_was_always_whole(install: Install, slow: Slow) -> None:
    instance = slow.drained
    install.wait(lambda: on_instance(install.alive("drained"), instance) == [], "it is empty", "drained", within=90.0)

    install.steady("drained", 4)

    assert min(slow.watch.running) >= 4, slow.watch.running
    assert len(install.ever("drained")) == 6
    assert zones_of(install.alive("drained")) == ["eu-west-1b"] * 4
