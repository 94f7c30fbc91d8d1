"""The main job, shown: ``make demo``. Everything it says it has seen; what it has not seen makes it fail.

The functions of ``template.yaml`` run under AWS's own Lambda runtime client, every call is real HTTP through boto3, and
the tasks are real processes of this machine. Nothing leaves it, and nothing is left running.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from headcount_sandbox.errors import HeadcountSandboxError
from headcount_sandbox.example import CONTAINER_PORT, prepare_example
from headcount_sandbox.sandbox import Sandbox
from headcount_sandbox.traffic import Traffic, load_on

CLUSTER = "demo"
SERVICE = f"{CLUSTER}/web"
TEMPLATE = Path(__file__).parents[2] / "template.yaml"
DEADLINE_SECONDS = 90.0
USERS, PAUSE_SECONDS = 8, 0.02  # some hundred requests a second: they leave the machine to what is shown
HELD_SECONDS = 2.0  # after a kill -9: so long some requests may find nobody


class Unseen(Exception):
    """The demo did not see what it should show."""


class Demo:
    """The steps, in order. ``seen`` collects the lines of the summary."""

    def __init__(self, sandbox: Sandbox, console: Console, folder: Path) -> None:
        self.sandbox = sandbox
        self.console = console
        self.folder = folder
        self.seen: list[tuple[str, str]] = []
        self.kills: list[float] = []

    def run(self) -> None:
        """Every step, under traffic from the first task on; raises ``Unseen`` with what was missing."""
        manifest = prepare_example(self.sandbox, self.folder)
        self.apply(manifest)
        self.look()
        (listener,) = self.sandbox.world.describe_listeners()
        with load_on(str(listener["url"]), users=USERS, pause=PAUSE_SECONDS) as traffic:
            self.kill_a_task()
            self.scale()
            self.replace()
            self.kill_the_function()
        self.count(traffic)

    # -- the steps ----------------------------------------------------------------------------------------------------

    def apply(self, manifest: Path) -> None:
        """Declare a service of three tasks behind a load balancer, and wait until it is steady."""
        with self._step("Declare a service of three tasks behind a load balancer"):
            self._headcount("apply", "-f", str(manifest), "--yes", "--wait")
        self._expect_exactly(3)
        self.seen.append(("declared", "3 processes in three zones, all in rotation"))

    def look(self) -> None:
        """Show the tasks, and ask each for an answer."""
        with self._step("They are real processes, each with an address of its own"):
            table = Table("task", "zone", "process", "GET / answers")
            for task in self._running():
                self.sandbox.wait_until(partial(_answers, _address(task)), what="the task answers")
                pid = str(self.sandbox.world.task_pid(_id(task)))
                table.add_row(_id(task)[:12], task["availabilityZone"], pid, _get(_address(task)))
            self.console.print(table)

    def kill_a_task(self) -> None:
        """SIGKILL to one process; how fast, and why, it was replaced."""
        with self._step("Kill one with SIGKILL"):
            victim = _id(self._running()[0])
            pid = self.sandbox.world.task_pid(victim)
            if pid is None:
                raise Unseen(f"task {victim} has no process")
            since = time.time()
            self.kills.append(since)
            self.console.print(f"kill -9 {pid}")
            os.kill(pid, signal.SIGKILL)
            out = self._first_call("elbv2", "DeregisterTargets", since) - since
            asked = self._first_call("ecs", "RunTask", since) - since
            self._expect_exactly(3)
            whole = time.time() - since
            self.console.print(
                f"Out of rotation {out * 1000:.0f} ms after the kill, RunTask after {asked * 1000:.0f} ms; "
                f"three run again after {whole:.1f} s."
            )
            self._headcount("why", victim)
        told = f"deregistered in {out * 1000:.0f} ms, RunTask {asked * 1000:.0f} ms"
        self.seen.append(("killed a task", f"{told}, 3 run in {whole:.1f} s"))

    def scale(self) -> None:
        """Up to five and back to three."""
        with self._step("Scale to five, and back to three"):
            self._headcount("scale", SERVICE, "5", "--wait")
            self._expect_exactly(5)
            self._headcount("scale", SERVICE, "3", "--wait")
            self._expect_exactly(3)
        self.seen.append(("scaled", "3 -> 5 -> 3"))

    def replace(self) -> None:
        """Every task by another one: the new ones in rotation first, the old ones drained before they stop."""
        with self._step("Replace every task"):
            before = {_id(task) for task in self._running()}
            self._headcount("redeploy", SERVICE, "--wait")
            self._expect_exactly(3)
            if before & {_id(task) for task in self._running()}:
                raise Unseen("a task was not replaced")
            self._headcount("targets", SERVICE)
        self.seen.append(("replaced all tasks", "new ones healthy first, old ones drained, then stopped"))

    def count(self, traffic: Traffic) -> None:
        """What the users of the service saw of all this."""
        planned = [
            failure
            for failure in traffic.failures
            if not any(0.0 <= failure.at - kill <= HELD_SECONDS for kill in self.kills)
        ]
        if planned:
            raise Unseen(f"{len(planned)} requests failed that no kill -9 explains, such as: {planned[0].what}")
        half, most = traffic.latency(50) * 1000, traffic.latency(99) * 1000
        answered = f"{traffic.requests} requests, half in {half:.0f} ms, 99 % in {most:.0f} ms"
        self.seen.append(("traffic meanwhile", answered))
        failed = f"{len(traffic.failures)} at killed processes, none by a planned stop"
        self.seen.append(("failed requests", failed))

    def kill_the_function(self) -> None:
        """Kill ``reconcile_service`` after ``RunTask`` took effect and before its answer is on record."""
        with self._step("Kill the reconcile function between RunTask and its record"):
            function = self.sandbox.platform.function("ReconcileService").name
            self.sandbox.faults.kill_caller(function, "ecs", "RunTask", when="after")
            before = self._started_ever()
            victim = self._running()[0]
            self.kills.append(time.time())
            self.sandbox.kill_task(_id(victim))
            self.sandbox.wait_until(
                lambda: any(
                    call.outcome == "killed after" for call in self.sandbox.world.calls.select("ecs", "RunTask")
                ),
                DEADLINE_SECONDS,
                what="the function was killed",
            )
            self.console.print(
                "The task was started, and the function died before it could write that down. SQS gives the message "
                "back when its visibility ends (25 s); the next pass sends the same request with the same token."
            )
            self.sandbox.wait_until(self._nothing_in_flight, DEADLINE_SECONDS, what="the launch was completed")
            self._expect_exactly(3)
            started = self._started_ever() - before
            if started != 1:
                raise Unseen(f"{started} tasks were started for one that was lost")
            self._headcount("events", SERVICE, "--limit", "4")
        self.seen.append(("killed the function", "after RunTask: 1 task lost, 1 started, none doubled"))

    # -- what it looks at ---------------------------------------------------------------------------------------------

    def _running(self) -> list[dict[str, Any]]:
        return [task for task in self.sandbox.world.describe_tasks() if task["lastStatus"] == "RUNNING"]

    def _alive(self) -> int:
        return sum(task["desiredStatus"] == "RUNNING" for task in self.sandbox.world.describe_tasks())

    def _started_ever(self) -> int:
        return len(self.sandbox.world.describe_tasks())

    def _first_call(self, service: str, operation: str, since: float) -> float:
        calls = self.sandbox.world.calls
        self.sandbox.wait_until(
            lambda: bool(calls.select(service, operation, since)), DEADLINE_SECONDS, what=f"{operation} was called"
        )
        return calls.select(service, operation, since)[0].at

    def _nothing_in_flight(self) -> bool:
        described = self.sandbox.invoke_control({"version": 1, "operation": "describe", "service": SERVICE})
        return (
            bool(described["ok"]) and not described["result"]["launches"] and described["result"]["state"] == "STEADY"
        )

    def _expect_exactly(self, count: int) -> None:
        self.sandbox.wait_until(
            lambda: len(self._running()) == count == self._alive(), DEADLINE_SECONDS, what=f"exactly {count} tasks run"
        )

    # -- how it shows it ----------------------------------------------------------------------------------------------

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self.console.rule(f"[bold]{title}", align="left")
        yield
        self.console.print()

    def _headcount(self, *arguments: str) -> None:
        """Run the command line as a user would, against the sandbox."""
        self.console.print(f"[bold]$ headcount {' '.join(arguments)}", highlight=False)
        command = [sys.executable, "-c", "from headcount_cli.main import main; main()", *arguments]
        done = subprocess.run(command, env={**os.environ, **self.sandbox.environment()}, check=False)
        if done.returncode:
            raise Unseen(f"headcount {' '.join(arguments)} ended with exit code {done.returncode}")


def summary(seen: Iterable[tuple[str, str]]) -> Table:
    """What was seen, a line each; what is too long for the terminal goes on under its own beginning."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for what, told in seen:
        grid.add_row(f"  {what}", told)
    return grid


def _id(task: dict[str, Any]) -> str:
    return str(task["taskArn"]).rpartition("/")[2]


def _address(task: dict[str, Any]) -> str:
    details = task["attachments"][0]["details"]
    return next(str(one["value"]) for one in details if one["name"] == "privateIPv4Address")


def _get(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}:{CONTAINER_PORT}/", timeout=5) as answer:
        body: bytes = answer.read()
    return body.decode()


def _answers(address: str) -> bool:
    """A process that runs need not listen yet."""
    try:
        return bool(_get(address))
    except OSError:
        return False


def main() -> int:
    """0 if everything was seen, 1 if not."""
    console = Console()
    began = time.monotonic()
    console.rule("[bold]Start a sandbox and deploy template.yaml into it", align="left")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="headcount-demo-") as folder,
            Sandbox(template=TEMPLATE, parameters={"Clusters": CLUSTER, "ManageLoadBalancers": "true"}) as sandbox,
        ):
            functions = len(sandbox.platform.deployment.functions)
            console.print(f"AWS answers at {sandbox.endpoint_url}; {functions} functions wait for events.\n")
            demo = Demo(sandbox, console, Path(folder))
            demo.run()
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left running.")
        return 130
    except (Unseen, TimeoutError, HeadcountSandboxError) as error:
        console.print(f"[bold red]Not as promised:[/] {error}")
        return 1
    console.rule("[bold]What was seen", align="left")
    console.print(summary(demo.seen))
    console.print(f"\nEverything is stopped. It took {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
