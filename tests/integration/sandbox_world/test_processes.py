"""Tasks of the process runtime are real: signals, exit codes, addresses, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from integration.sandbox_world.sites import Site, wait_for

ORPHAN_MAKER = """
import sys, time
from headcount_sandbox.world import World
world = World(task_runtime="process").start()
subnets = list(world.default_network().values())
world.create_cluster("c")
ecs = world.client("ecs")
ecs.register_task_definition(family="f", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256",
    memory="512", containerDefinitions=[{"name": "a", "image": "i", "command": ["sh", "-c", "sleep 300 & sleep 300"]}])
ecs.run_task(cluster="c", taskDefinition="f", launchType="FARGATE", count=2,
    networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}})
while not all(task["pid"] for task in world.describe_tasks()):
    time.sleep(0.01)
print(*(task["pid"] for task in world.describe_tasks()), flush=True)
time.sleep(60)
"""


def running(site: Site, **changes: Any) -> tuple[str, int]:
    """A running task and its process."""
    arn = site.run_one(**changes)
    site.until(arn, "RUNNING")
    pid = site.world.task_pid(arn.rpartition("/")[2])
    assert pid is not None
    return arn, pid


def test_sigkill_from_a_shell_is_noticed_at_once(process_site: Site) -> None:
    assert min(_noticed_after(process_site) for _ in range(3)) < 2.0, "one of three finds the machine not too busy"


def _noticed_after(site: Site) -> float:
    """Seconds from the signal to the event."""
    arn, pid = running(site)
    killed_at = time.time()
    os.kill(pid, signal.SIGKILL)
    first = wait_for(
        lambda: next((e["detail"] for e in site.events_of(arn) if e["detail"]["desiredStatus"] == "STOPPED"), None)
    )
    seconds = time.time() - killed_at
    assert (first["stopCode"], first["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
    assert site.until(arn, "STOPPED")["stoppedReason"] == "Essential container in task exited"
    return seconds


def test_an_exit_code_is_reported(process_site: Site) -> None:
    revision = process_site.define(f"{process_site.family}-exit", command=["python", "-c", "raise SystemExit(4)"])
    arn = process_site.run_one(taskDefinition=revision)
    assert process_site.until(arn, "STOPPED")["containers"][0]["exitCode"] == 4


def test_a_program_that_is_not_there_fails_to_start(process_site: Site) -> None:
    revision = process_site.define(f"{process_site.family}-none", command=["/no/such/program"])
    task = process_site.until(process_site.run_one(taskDefinition=revision), "STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotStartContainerError")
    assert "/no/such/program" in task["stoppedReason"]


def test_a_container_without_a_command_fails_with_a_reason(process_site: Site) -> None:
    revision = process_site.define(f"{process_site.family}-image")
    task = process_site.until(process_site.run_one(taskDefinition=revision), "STOPPED")
    assert "needs a command" in task["stoppedReason"]


def test_what_a_process_left_behind_ends_with_it(process_site: Site) -> None:
    revision = process_site.define(f"{process_site.family}-left", command=["sh", "-c", "sleep 300 & sleep 300"])
    arn, pid = running(process_site, taskDefinition=revision)
    children = wait_for(lambda: len(found := psutil.Process(pid).children()) == 2 and found)
    os.kill(pid, signal.SIGKILL)
    process_site.until(arn, "STOPPED")
    wait_for(lambda: not any(_lives(child.pid) for child in children))


def test_stop_task_sends_sigterm_to_the_whole_group(process_site: Site) -> None:
    revision = process_site.define(f"{process_site.family}-sh", entryPoint=["sh", "-c"], command=["sleep 300; true"])
    arn, pid = running(process_site, taskDefinition=revision)
    child = wait_for(lambda: psutil.Process(pid).children())[0]
    process_site.ecs.stop_task(cluster=process_site.cluster, task=arn)
    task = process_site.until(arn, "STOPPED")
    assert task["containers"][0]["exitCode"] in (0, 143)
    wait_for(lambda: not _lives(child.pid))


def test_a_process_that_ignores_sigterm_is_killed_after_its_stop_timeout(process_site: Site) -> None:
    revision = process_site.define(
        f"{process_site.family}-deaf",
        command=["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"],
        stopTimeout=2,
    )
    arn, _ = running(process_site, taskDefinition=revision)
    log = process_site.world.task_log(arn.rpartition("/")[2])
    wait_for(lambda: "deaf" in log.read_text())
    asked = time.monotonic()
    process_site.ecs.stop_task(cluster=process_site.cluster, task=arn)
    assert process_site.until(arn, "STOPPED")["containers"][0]["exitCode"] == 137
    assert 1.9 < time.monotonic() - asked < 20, "not after the usual thirty seconds"


def test_a_task_is_reached_at_its_own_address(process_site: Site) -> None:
    server = "import http.server, os; http.server.HTTPServer((os.environ['HOST'], int(os.environ['PORT'])), "
    server += "http.server.SimpleHTTPRequestHandler).serve_forever()"
    revision = process_site.define(
        f"{process_site.family}-http", command=["python", "-c", server], portMappings=[{"containerPort": 8080}]
    )
    arns = [task["taskArn"] for task in process_site.run(taskDefinition=revision, count=2)["tasks"]]
    addresses = set()
    for arn in arns:
        task = process_site.until(arn, "RUNNING")
        addresses.add(task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])
    if sys.platform != "linux":
        pytest.skip("only Linux has a whole loopback network")
    assert len(addresses) == 2
    for address in addresses:
        wait_for(lambda where=address: _answers(f"http://{where}:8080/"))


def test_environment_comes_from_the_definition_and_the_override(process_site: Site) -> None:
    revision = process_site.define(
        f"{process_site.family}-env",
        command=["python", "-c", "import os; print(os.environ['A'], os.environ['B'], flush=True)"],
        environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
    )
    overrides = {"containerOverrides": [{"name": "app", "environment": [{"name": "B", "value": "2"}]}]}
    arn = process_site.run_one(taskDefinition=revision, overrides=overrides)
    process_site.until(arn, "STOPPED")
    assert process_site.world.task_log(arn.rpartition("/")[2]).read_text() == "1 2\n"


def test_cpu_and_memory_are_measured(process_site: Site) -> None:
    revision = process_site.define(f"{process_site.family}-busy", command=["python", "-c", "while True: pass"])
    arn, _ = running(process_site, taskDefinition=revision)
    usage = wait_for(
        lambda: (found := process_site.world.task_usage(arn.rpartition("/")[2])) and found.cpu_seconds > 0.05 and found
    )
    assert usage.memory_bytes > 1_000_000
    process_site.world.kill_task(arn)
    process_site.until(arn, "STOPPED")


def test_a_spot_notice_sends_sigterm_now(process_site: Site) -> None:
    arn, _ = running(process_site)
    process_site.world.spot_notice(arn)
    task = process_site.until(arn, "STOPPED")
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("SpotInterruption", 143)


def test_stuck_tasks_have_no_process(process_site: Site) -> None:
    process_site.world.faults.stick("PROVISIONING", family=process_site.family)
    arn = process_site.run_one()
    assert process_site.world.task_pid(arn.rpartition("/")[2]) is None


def test_no_process_outlives_a_sandbox_that_was_killed() -> None:
    sandbox = subprocess.Popen([sys.executable, "-c", ORPHAN_MAKER], stdout=subprocess.PIPE, text=True)
    assert sandbox.stdout is not None
    pids = [int(pid) for pid in sandbox.stdout.readline().split()]
    assert len(pids) == 2
    family = [child for pid in pids for child in wait_for(lambda p=pid: psutil.Process(p).children())]
    sandbox.kill()
    sandbox.wait()
    sandbox.stdout.close()
    wait_for(lambda: not any(_lives(pid) for pid in [*pids, *(child.pid for child in family)]))


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_two_hundred_processes_run_and_all_end_with_the_world(process_site: Site) -> None:
    arns = [task["taskArn"] for _ in range(20) for task in process_site.run(count=10)["tasks"]]
    for arn in arns:
        process_site.until(arn, "RUNNING")
    pids = [process_site.world.task_pid(arn.rpartition("/")[2]) for arn in arns]
    assert len(set(pids)) == 200
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for arn in arns:
        assert process_site.until(arn, "STOPPED")["stopCode"] == "EssentialContainerExited"
    if Path("/proc/self/task").exists():
        assert len(list(Path("/proc/self/task").iterdir())) < 60
