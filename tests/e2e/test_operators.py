"""What operators ask for: pauses, overrides, single tasks, deployments again and back; and task definitions inline."""

import re
from datetime import datetime
from typing import Any

import pytest

from e2e.install import CLUSTER, Install, exits_at_once, id_of
from e2e.rolling import SETTLING_SECONDS

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
STOP_FIRST = {"minimumHealthyPercent": 0, "maximumPercent": 100}
ROOM_FOR_HALF = {"minimumHealthyPercent": 75, "maximumPercent": 150}
OVERRIDE_SECONDS = 60  # the shortest there is


@pytest.fixture(scope="module", autouse=True)
def slow_stories(installed: Install) -> None:
    """What takes its time by design begins together: an override that must end, deployments that must settle."""
    installed.run("undone", 4, deploymentConfiguration=ROOM_FOR_HALF)
    installed.run("overridden", 2)
    installed.steady("overridden", 2)
    installed.ask("override", service="demo/overridden", count=4, forSeconds=OVERRIDE_SECONDS, reason="sale")
    installed.ask("scale", service="demo/overridden", desiredCount=1)
    installed.steady("overridden", 4)
    assert "override of 4 by e2e" in installed.describe("overridden")["stateReason"]
    assert "sale" in installed.why("demo/overridden")
    installed.define("inline")  # revision 1 is the user's own
    for version, revision in (("a", "2"), ("b", "3"), ("c", "4")):
        _apply_inline(installed, version, revision)


def _apply_inline(install: Install, version: str, revision: str) -> None:
    """Applies a content twice; it is registered once, and its tasks run."""
    assert install.ask("apply", manifest=_inline(install, version))["changes"]
    assert install.ask("apply", manifest=_inline(install, version))["changes"] == []
    install.wait(lambda: revisions(install, "inline") == [revision] * 2, "it runs", "inline")
    install.exactly("inline", 2)


def revisions(install: Install, service: str) -> list[str]:
    """The revision of each task that is meant to run."""
    return sorted(task["taskDefinitionArn"].rpartition(":")[2] for task in install.alive(service))


# ------------------------------------------------------------------------------------------------------------- counts


def test_a_pause_stops_every_task_and_resume_brings_the_count_back_that_was_set_meanwhile(install: Install) -> None:
    install.run("paused", 3)
    install.steady("paused", 3)

    answer = install.ask("pause", service="demo/paused", reason="night shift")
    assert answer["desiredCount"] == 3
    install.exactly("paused", 0)
    known = install.describe("paused")
    assert (known["state"], known["desiredCount"], known["keptCount"]) == ("PAUSED", 3, 0)
    assert "paused by e2e" in known["stateReason"]
    assert "night shift" in known["stateReason"]
    stopped = {task["stoppedReason"] for task in install.ever("paused")}
    assert all("paused by e2e" in reason and "night shift" in reason for reason in stopped), stopped

    install.ask("scale", service="demo/paused", desiredCount=2)
    install.exactly("paused", 0)
    assert install.ask("resume", service="demo/paused")["desiredCount"] == 2
    install.steady("paused", 2)
    assert len(install.ever("paused")) == 5
    install.says("paused", "pause (stop): night shift", "resume at 2")


def test_a_frozen_service_starts_nothing_and_stops_only_what_somebody_names(
    install: Install,
) -> None:
    install.run("frozen", 3)
    install.steady("frozen", 3)
    dead, asked, alive = install.ids("frozen")

    install.ask("pause", service="demo/frozen", mode="freeze", reason="forensics")
    install.sandbox.kill_task(dead)
    install.wait(lambda: dead not in install.ids("frozen"), "the task is dead", "frozen")
    install.ask("scale", service="demo/frozen", desiredCount=2)
    warned = install.ask("stopTask", service="demo/frozen", tasks=[asked])["warnings"]
    assert warned == ["the service is frozen: nothing takes the place of what is stopped until it is resumed"]
    install.says("frozen", "nothing is started or stopped: frozen by e2e", "forensics", "stopped on request by e2e")
    install.wait(lambda: install.describe("frozen")["keptCount"] == 2, "the new count is noticed", "frozen")
    install.exactly("frozen", 1)
    assert install.ids("frozen") == [alive]
    assert len(install.ever("frozen")) == 3

    install.ask("resume", service="demo/frozen")
    install.steady("frozen", 2)
    assert alive in install.ids("frozen")
    assert len(install.ever("frozen")) == 4


# ------------------------------------------------------------------------------------------------------- single tasks


def test_a_task_on_standby_is_replaced_and_counts_again_when_it_comes_back(install: Install) -> None:
    install.run("aside", 2)
    install.steady("aside", 2)
    aside = install.ids("aside")[0]

    install.ask("standby", service="demo/aside", tasks=[aside], reason="heap dump")
    install.steady("aside", 3)
    known = install.describe("aside")
    assert [one["taskId"] for one in known["standby"]] == [aside]
    assert known["runningCount"] == 2
    assert "on standby" in install.why(aside)
    assert "heap dump" in install.why(aside)

    install.ask("scale", service="demo/aside", desiredCount=1)
    install.exactly("aside", 2)
    assert aside in install.ids("aside"), "who is on standby is not scaled in"

    install.ask("scale", service="demo/aside", desiredCount=3)
    install.exactly("aside", 4)
    install.ask("standby", service="demo/aside", tasks=[aside], end=True)
    install.steady("aside", 3)
    assert install.describe("aside")["standby"] == []
    install.says("aside", "scale in to 3", f"end the standby of {aside}")


@pytest.mark.parametrize(("service", "lower", "left"), [("replaced", False, 3), ("lowered", True, 2)])
def test_a_task_that_is_stopped_is_replaced_unless_the_count_is_lowered(
    install: Install, service: str, lower: bool, left: int
) -> None:
    install.run(service, 3)
    install.steady(service, 3)
    named = install.ids(service)[1]

    install.ask("protect", service=f"demo/{service}", tasks=[named], expiresInMinutes=60)
    answer = install.ask("stopTask", service=f"demo/{service}", tasks=[named], lowerCount=lower, reason="it hangs")
    again = install.ask("stopTask", service=f"demo/{service}", tasks=[named], lowerCount=lower, reason="it hangs")

    assert answer["desiredCount"] == again["desiredCount"] == left, "asked twice, lowered once"
    install.wait(lambda: named not in install.ids(service), "it stops", service)
    install.steady(service, left)
    assert len(install.ever(service)) == 3 + left - 2
    [stopped] = [task for task in install.ever(service) if id_of(task) == named]
    assert stopped["stoppedReason"] == "stopped on request by e2e: it hangs"


# -------------------------------------------------------------------------------------------------------- deployments


def test_a_redeploy_replaces_every_task_by_one_of_the_same_revision(install: Install) -> None:
    install.run("again", 3, deploymentConfiguration=STOP_FIRST)
    install.steady("again", 3)
    before = set(install.ids("again"))

    answer = install.ask("redeploy", service="demo/again", reason="new certificate")

    assert answer["deployment"] == "dep-2"
    install.wait(lambda: not before & set(install.ids("again")), "all are replaced", "again")
    install.steady("again", 3)
    assert revisions(install, "again") == ["1"] * 3
    assert len(install.ever("again")) == 6
    install.says("again", "replaced by dep-2", "new certificate")


def _completed(install: Install, service: str, deployment: str) -> bool:
    known = {one["deployment"]: one["rolloutState"] for one in install.describe(service)["deployments"]}
    return known.get(deployment) == "COMPLETED"


def _running_of(install: Install, service: str, revision: str) -> int:
    return sum(
        task["lastStatus"] == "RUNNING" and task["taskDefinitionArn"].endswith(f":{revision}")
        for task in install.alive(service)
    )


def _wishes(install: Install, service: str) -> None:
    """Brings each service of the test below into the state that it is named for."""
    key, tasks = f"demo/{service}", install.ids(service)
    match service.removeprefix("gone-"):
        case "paused":
            install.ask("pause", service=key)
        case "frozen":
            install.ask("pause", service=key, mode="freeze")
        case "overridden":
            install.ask("override", service=key, count=3, forSeconds=3600)
        case "aside":
            install.ask("standby", service=key, tasks=tasks[:1])
        case "protected":
            install.ask("protect", service=key, tasks=tasks)
        case "redeployed":
            install.ask("redeploy", service=key)
        case "stopping":
            install.ask("stopTask", service=key, tasks=tasks[:1])


def test_a_delete_ends_a_service_whatever_was_wished_of_it(install: Install) -> None:
    names = ["paused", "frozen", "overridden", "aside", "protected", "redeployed", "stopping"]
    services = [f"gone-{name}" for name in names]
    for service in services:
        install.run(service, 2)
    for service in services:
        install.steady(service, 2)
        _wishes(install, service)
    for service in services:
        install.ask("delete", service=f"demo/{service}")
    for service in services:
        install.removed(service)


def _inline(install: Install, version: str) -> dict[str, Any]:
    definition = {
        "family": "inline",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {"name": "app", "image": f"sandbox:{version}", "essential": True, "command": ["run", version]}
        ],
    }
    manifest = install.manifest("inline", "unused", 2, deploymentConfiguration=STOP_FIRST)
    return {**manifest, "taskDefinition": definition}


def _active(install: Install) -> list[str]:
    """The revisions of the family that are not deregistered."""
    arns = install.ecs.list_task_definitions(familyPrefix="inline", status="ACTIVE")["taskDefinitionArns"]
    return [arn.rpartition(":")[2] for arn in arns]


# -------------------------------------------------------------------------------------------- what began with the file


def test_an_override_ends_by_itself_and_the_count_set_meanwhile_holds(install: Install) -> None:
    [said] = [entry["reason"] for entry in install.history("overridden", "control") if "override" in entry["reason"]]
    until = datetime.fromisoformat(re.findall(r"until (\S+Z)", said)[0]).timestamp()
    install.steady("overridden", 1, within=OVERRIDE_SECONDS + SETTLING_SECONDS)

    stopped = [task["stoppingAt"] for task in install.ever("overridden") if task["desiredStatus"] == "STOPPED"]
    assert len(stopped) == 3
    assert min(stopped) >= until, "not before its time"
    assert install.describe("overridden")["override"] is None


def test_inline_task_definitions_are_deregistered_when_nothing_needs_them_and_the_users_own_never(
    install: Install,
) -> None:
    install.wait(lambda: _active(install) == ["1", "2", "4"], "what is unused is deregistered", "inline", within=90.0)
    assert install.describe("inline")["previous"]["taskDefinition"].endswith("inline:2"), "a rollback needs it"
    install.says("inline", "inline:3: registered by Headcount, and no deployment uses it any more")

    install.ask("delete", service="demo/inline")
    install.wait(lambda: not install.control("describe", service="demo/inline")["ok"], "it is gone", "inline")
    assert _active(install) == ["1"]


def test_while_a_new_revision_fails_old_tasks_are_replaced_by_their_own_and_a_rollback_ends_it(
    install: Install,
) -> None:
    install.wait(lambda: _completed(install, "undone", "dep-1"), "dep-1 is completed", "undone", within=90.0)
    old = set(install.ids("undone"))
    backing_off = {"initialSeconds": 30}
    broken = install.manifest(
        "undone",
        install.define("undone", exits_at_once(7)),
        4,
        restarts=backing_off,
        deploymentConfiguration=ROOM_FOR_HALF,
    )
    install.ask("apply", manifest=broken)
    install.wait(lambda: install.describe("undone")["state"] == "BACKING_OFF", "it fails", "undone")
    assert "exit code 7" in install.describe("undone")["stateReason"]
    assert old <= set(install.ids("undone")), "not one old task makes room for what fails"

    for victim in sorted(old)[:2]:
        install.ecs.stop_task(cluster=CLUSTER, task=victim, reason="from outside")
    install.wait(lambda: _running_of(install, "undone", "1") == 3, "75 % of 4 run", "undone")
    install.says("undone", "dep-1 is short of 1 task while dep-2 fails")

    answer = install.ask("rollback", service="demo/undone", reason="broken")
    assert answer["taskDefinition"].endswith("undone:1")
    install.wait(lambda: _running_of(install, "undone", "1") >= 4, "four run", "undone")
    install.wait(lambda: set(revisions(install, "undone")) == {"1"}, "the broken ones are gone", "undone")
    install.says("undone", "dep-3 of undone:1 started", "broken")
    assert install.describe("undone")["previous"] is None, "there is nothing to go back to from here"
