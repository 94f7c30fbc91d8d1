"""Tasks that are processes of the operating system: killed, stopped, counted by their ids."""

import json
import os
import shutil
import signal
import subprocess
from typing import Any

import pytest

from e2e.install import CLUSTER, Install, id_of

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {"task_runtime": "process"}


def kill_9(install: Install, task_id: str) -> None:
    """What an operator's `kill -9` does: Headcount and the sandbox are not asked."""
    pid = install.sandbox.world.task_pid(task_id)
    assert pid is not None, f"task {task_id} has no process"
    os.kill(pid, signal.SIGKILL)


def test_a_process_killed_with_sigkill_is_replaced_and_no_other_is_touched(install: Install) -> None:
    install.run("killed", 3)
    install.steady("killed", 3)
    victim, *others = install.ids("killed")

    kill_9(install, victim)

    install.wait(lambda: victim not in install.ids("killed"), "the killed task is gone", "killed")
    install.steady("killed", 3)
    assert set(others) < set(install.ids("killed"))
    assert len(install.ever("killed")) == 4, install.story("one task was lost, so one is replaced", ["killed"])
    install.says("killed", f"lost {victim}", "exit code 137")
    assert "exit code 137" in install.why(victim)


def test_all_processes_killed_at_once_are_replaced(install: Install) -> None:
    install.run("massacre", 4)
    install.steady("massacre", 4)
    victims = install.ids("massacre")

    for victim in victims:
        kill_9(install, victim)

    install.wait(lambda: not set(victims) & set(install.ids("massacre")), "the killed are gone", "massacre")
    install.steady("massacre", 4)
    assert len(install.ever("massacre")) == 8, install.story("four were lost, so four are replaced", ["massacre"])


def aws(install: Install, *words: str) -> dict[str, Any]:
    """Runs AWS's own command line against the sandbox."""
    ran = subprocess.run(
        ["aws", *words, "--output", "json"],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **install.sandbox.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def stop_with_boto3(install: Install, task_id: str, reason: str) -> None:
    install.sandbox.client("ecs").stop_task(cluster=CLUSTER, task=task_id, reason=reason)


def stop_with_the_command_line(install: Install, task_id: str, reason: str) -> None:
    aws(install, "ecs", "stop-task", "--cluster", CLUSTER, "--task", task_id, "--reason", reason)


def has_the_command_line() -> bool:
    if shutil.which("aws") is None:
        return False
    return subprocess.run(["aws", "--version"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("service", "stop"),
    [
        ("stopped-by-boto3", stop_with_boto3),
        pytest.param(
            "stopped-by-cli",
            stop_with_the_command_line,
            marks=pytest.mark.skipif(not has_the_command_line(), reason="the aws command line is not installed"),
        ),
    ],
)
def test_a_task_stopped_from_outside_is_replaced(install: Install, service: str, stop: Any) -> None:
    install.run(service, 2)
    install.steady(service, 2)
    victim = install.ids(service)[0]

    stop(install, victim, "spring cleaning")

    install.wait(lambda: victim not in install.ids(service), "the stopped task is gone", service)
    install.steady(service, 2)
    assert len(install.ever(service)) == 3
    install.says(service, f"lost {victim}", "spring cleaning")


def test_scaling_ends_real_processes_and_starts_new_ones(install: Install) -> None:
    install.run("elastic", 3)
    install.steady("elastic", 3)

    assert install.ask("scale", service="demo/elastic", desiredCount=1) == {
        "service": "demo/elastic",
        "before": 3,
        "after": 1,
        "warnings": [],
    }
    install.steady("elastic", 1)
    install.ask("scale", service="demo/elastic", desiredCount=0)
    install.steady("elastic", 0)
    assert install.processes("elastic") == []
    install.ask("scale", service="demo/elastic", desiredCount=2)
    install.steady("elastic", 2)


def test_tasks_of_others_are_never_touched(install: Install) -> None:
    definition = install.define("shared")
    subnets = list(install.sandbox.subnets.values())[:1]

    def foreign(**fields: Any) -> str:
        started = install.ecs.run_task(
            cluster=CLUSTER,
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
            **fields,
        )
        return id_of(started["tasks"][0])

    others = {
        foreign(),
        foreign(group="headcount:shared"),
        foreign(group="headcount:shared", startedBy="somebody"),
        foreign(group="headcount:shared", startedBy="hc/other/abcdefghij234567abcd"),
        foreign(startedBy="hc/main/abcdefghij234567abcd"),
    }
    install.ask("apply", manifest=install.manifest("shared", definition, 2))
    install.wait(lambda: len(install.alive("shared")) == 2, "the service has its own two", "shared")
    install.audit()
    install.ask("scale", service="demo/shared", desiredCount=0)
    install.wait(lambda: not install.alive("shared"), "the service's own are gone", "shared")
    install.ask("delete", service="demo/shared")
    install.wait(lambda: not install.control("describe", service="demo/shared")["ok"], "it is deleted", "shared")
    install.audit()

    seen = install.ecs.describe_tasks(cluster=CLUSTER, tasks=sorted(others))["tasks"]
    assert {id_of(task) for task in seen if task["desiredStatus"] == "RUNNING"} == others
