"""How fast a lost task is replaced: from ECS's event to ``RunTask``, warm and cold. Stages: ``stages.py``."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bench.figures import percentile
from bench.measurement import Detail, Findings, Measurement, NotMeasured, milliseconds
from bench.service import CLUSTER, Bench, a_bench
from bench.stages import Replacement, stage_table, timelines

SERVICE, TASKS = "web", 10
MEDIAN_GOAL, P99_GOAL = 100.0, 250.0  # milliseconds
_WARM_UP = 3

Kill = Callable[[Bench, str], float]
"""Ends a task; says when (epoch seconds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Tasks lost in the same way. ``load``: the machine's load average while they were."""

    how: str
    found: tuple[Replacement, ...]
    cold: bool = False
    load: float = field(default_factory=lambda: os.getloadavg()[0])


def measure(*, quick: bool) -> Findings:
    """200 kills of simulated tasks, and fewer of the other ways to lose a task; then a few with cold functions."""
    many, some, cold = (8, 4, 1) if quick else (200, 100, 10)
    with a_bench("simulated") as bench:
        _start(bench)
        killed = Group(how="simulated task killed", found=_replacements(bench, kill_simulated, many))
        stages = timelines(killed.found, bench.passes())
        groups = [
            killed,
            Group(how="StopTask from outside", found=_replacements(bench, stop_from_outside, some)),
            Group(how="simulated, functions cold", found=_cold_ones(bench, kill_simulated, cold), cold=True),
        ]
    if not quick:
        with a_bench("process") as bench:
            _start(bench)
            groups += [
                Group(how="process, kill -9", found=_replacements(bench, kill_process, some)),
                Group(how="process, functions cold", found=_cold_ones(bench, kill_process, cold), cold=True),
            ]
    return Findings(
        measurements=tuple(measurement for group in groups for measurement in _summed_up(group)),
        details=(_distribution(groups), stage_table(stages)),
        notes=(
            f"Stages are those of {len(stages)} of {len(killed.found)} kills of simulated tasks.",
            "ECS's times have whole milliseconds, so an event may seem to come before its cause.",
            "moto: while it answered the calls that a stage waits for. The rest: functions, HTTP, the sandbox.",
            "Killed tasks restart without backoff here (restarts.initialSeconds 0).",
        ),
    )


def _start(bench: Bench) -> None:
    bench.apply(SERVICE, TASKS)
    bench.wait_until_whole(TASKS)


# -- ways to lose a task ----------------------------------------------------------------------------------------------


def kill_simulated(bench: Bench, task_id: str) -> float:
    """The container of a simulated task ends as by SIGKILL."""
    at = time.time()
    bench.sandbox.kill_task(task_id)
    return at


def kill_process(bench: Bench, task_id: str) -> float:
    """SIGKILL from outside to the process of a task."""
    pid = bench.sandbox.world.task_pid(task_id)
    if pid is None:
        raise NotMeasured(f"task {task_id} has no process")
    at = time.time()
    os.kill(pid, signal.SIGKILL)
    return at


def stop_from_outside(bench: Bench, task_id: str) -> float:
    """Somebody calls StopTask."""
    client = bench.sandbox.client("ecs")
    at = time.time()
    client.stop_task(cluster=CLUSTER, task=task_id, reason="bench")
    return at


def _cold_ones(bench: Bench, kill: Kill, times: int) -> tuple[Replacement, ...]:
    """The same with no process of the functions left."""
    platform = bench.sandbox.platform
    found: list[Replacement] = []
    for _ in range(times):
        for name in ("ObserveTasks", "ReconcileService"):
            bench.sandbox.kill_function(name)
        bench.wait(
            lambda: not platform.pids("ObserveTasks") and not platform.pids("ReconcileService"), "functions ended"
        )
        found.append(replacement(bench, kill))
    return tuple(found)


def _replacements(bench: Bench, kill: Kill, times: int) -> tuple[Replacement, ...]:
    """The first few are not counted: connections open, caches fill."""
    return tuple(replacement(bench, kill) for _ in range(_WARM_UP + times))[_WARM_UP:]


def replacement(bench: Bench, kill: Kill, tasks: int = TASKS) -> Replacement:
    """Lose one of so many tasks, and wait until all is quiet again."""
    bench.forget()
    victim = bench.watch.running()[0]
    killed_at = kill(bench, victim)
    death = bench.wait_until_replaced(victim, tasks)
    launches = bench.calls_of("ReconcileService", "RunTask")
    if len(launches) != 1:
        raise NotMeasured(f"one task was lost, and RunTask was called {len(launches)} times")
    (run_task,) = launches
    return Replacement(
        killed_at=killed_at,
        event_at=death.at,
        run_task_at=run_task.at,
        calls=tuple(call for call in bench.calls() if call.at < run_task.at),
        whole_at=bench.watch.newest_at(),
    )


# -- telling ----------------------------------------------------------------------------------------------------------


def _summed_up(group: Group) -> tuple[Measurement, ...]:
    took = [one.event_to_run_task * 1000.0 for one in group.found]
    what = f"event -> RunTask, {group.how}"
    median = Measurement(
        what=f"{what}: median", value=statistics.median(took), unit="ms", goal=None if group.cold else MEDIAN_GOAL
    )
    if group.cold:
        return (median,)
    return (median, Measurement(what=f"{what}: p99", value=percentile(took, 99), unit="ms", goal=P99_GOAL))


def _distribution(groups: Iterable[Group]) -> Detail:
    return Detail(
        title="Milliseconds from the kill and from ECS's event to RunTask received",
        columns=("", "kills", "load", "from kill: median", "event: least", "median", "p90", "p99", "most", "whole"),
        rows=tuple(_row(group) for group in groups),
    )


def _row(group: Group) -> tuple[str, ...]:
    took = [one.event_to_run_task for one in group.found]
    return (
        group.how,
        str(len(took)),
        f"{group.load:.1f}",
        milliseconds(statistics.median(one.run_task_at - one.killed_at for one in group.found)),
        milliseconds(min(took)),
        milliseconds(statistics.median(took)),
        milliseconds(percentile(took, 90)),
        milliseconds(percentile(took, 99)),
        milliseconds(max(took)),
        milliseconds(statistics.median(one.whole_at - one.killed_at for one in group.found)),
    )
