"""Headcount in the sandbox: the template's functions, tasks that are processes of this machine."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil

from bench.kills import kill_process, replacement
from bench.measurement import NotMeasured
from bench.peers.points import Replaced, ScaledUp
from bench.service import CLUSTER, FUNCTIONS, Bench, a_bench
from bench.stages import Replacement, Timeline, timelines

FUNCTIONS_CPU, SANDBOX_CPU = "functions", "sandbox"


@contextmanager
def a_headcount() -> Iterator["Headcount"]:
    with a_bench("process") as bench:
        yield Headcount(bench)


class Headcount:
    """See ``peer.Peer``. A task is handed over by the request itself: it is ECS that runs it."""

    name = "Headcount"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._services = 0
        self._lost: list[Replacement] = []

    def start(self, tasks: int, *, at_once: bool) -> None:
        """A service of another name, so that nothing is remembered of failures before."""
        if self._services:
            self._ask("delete")
            self._bench.wait_until_whole(0)
        self._services += 1
        self._bench.apply(self._service, tasks, backs_off=not at_once)
        self._bench.wait_until_whole(tasks)

    def lose_one(self) -> Replaced:
        one = replacement(self._bench, kill_process, len(self._bench.watch.running()))
        self._lost.append(one)
        return Replaced(
            killed_at=one.killed_at,
            seen_at=one.event_at,
            requested_at=one.run_task_at,
            handed_over_at=one.run_task_at,
            running_at=max(self._bench.watch.began_to_run()),
        )

    def scale_up(self, tasks: int) -> ScaledUp:
        self._bench.forget()
        asked_at = time.time()
        self._ask("scale", desiredCount=tasks)
        self._bench.wait_until_whole(tasks)
        launches = [call.at for call in self._bench.calls_of("ReconcileService", "RunTask")]
        return ScaledUp(
            asked_at=asked_at,
            requested_at=launches[0],
            all_requested_at=launches[-1],
            handed_over_at=launches[0],
            running_at=max(self._bench.watch.began_to_run()),
        )

    def scale_down(self, tasks: int) -> None:
        self._ask("scale", desiredCount=tasks)
        self._bench.wait_until_whole(tasks)

    def cpu(self) -> Mapping[str, float]:
        """``sandbox``: this process, which stands for AWS and watches."""
        platform = self._bench.sandbox.platform
        pids = [pid for name in FUNCTIONS for pid in platform.pids(name)]
        return {FUNCTIONS_CPU: sum(_seconds(pid) for pid in pids), SANDBOX_CPU: _seconds()}

    def timelines(self) -> list[Timeline]:
        """Where the time went with the tasks that were lost so far."""
        return timelines(self._lost, self._bench.passes())

    @property
    def _service(self) -> str:
        return f"web{self._services}"

    def _ask(self, operation: str, **more: Any) -> None:
        request = {"version": 1, "operation": operation, "service": f"{CLUSTER}/{self._service}", **more}
        answer = self._bench.sandbox.invoke_control(request)
        if not answer["ok"]:
            raise NotMeasured(f"control refused {operation}: {answer['error']}")


def _seconds(pid: int | None = None) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
