"""How fast a lost task is replaced: from ECS's event to ``RunTask``, warm and cold. Stages: ``stages.py``."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from bench.figures import percentile
from bench.measurement import Detail, Findings, Measurement, NotMeasured, milliseconds
from bench.service import CLUSTER, Bench, a_bench
from bench.stages import Replacement, stage_table, timelines

SERVICE, TASKS = "web", 10
MEDIAN_GOAL, P99_GOAL = 100.0, 250.0  # milliseconds
_WARM_UP = 3

Kill = Callable[[Bench, str], float]
"""Ends a task; says when (epoch seconds)."""


def measure(*, quick: bool) -> Findings:
    """200 kills of simulated tasks, and fewer of the other ways to lose a task; then a few with cold functions."""
    many, some, cold = (8, 4, 1) if quick else (200, 60, 10)
    every: dict[str, list[Replacement]] = {}
    with a_bench("simulated") as bench:
        _start(bench)
        killed = every["simulated task killed"] = _replacements(bench, kill_simulated, many, warm_up=_WARM_UP)
        stages = timelines(killed, bench.passes())
        every["StopTask from outside"] = _replacements(bench, stop_from_outside, some)
        every["simulated task killed, functions cold"] = _replacements(bench, _cold(kill_simulated), cold)
    if not quick:
        with a_bench("process") as bench:
            _start(bench)
            every["process killed by SIGKILL"] = _replacements(bench, kill_process, some, warm_up=_WARM_UP)
            every["process killed by SIGKILL, functions cold"] = _replacements(bench, _cold(kill_process), cold)
    return Findings(
        measurements=tuple(
            measurement for how, found in every.items() for measurement in _summed_up(how, found, "cold" not in how)
        ),
        details=(_distribution(every), stage_table(stages)),
        notes=(
            f"Stages are those of {len(stages)} of {len(killed)} kills of simulated tasks.",
            "Killed tasks restart without backoff (restarts.initialSeconds 0); no loss came from a failing task.",
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


def _cold(kill: Kill) -> Kill:
    """The same with no process of the functions left."""

    def kill_cold(bench: Bench, task_id: str) -> float:
        platform = bench.sandbox.platform
        for name in ("ObserveTasks", "ReconcileService"):
            bench.sandbox.kill_function(name)
        bench.wait(
            lambda: not platform.pids("ObserveTasks") and not platform.pids("ReconcileService"), "functions ended"
        )
        return kill(bench, task_id)

    return kill_cold


def _replacements(bench: Bench, kill: Kill, times: int, *, warm_up: int = 0) -> list[Replacement]:
    """The first kills after a start are not counted: connections open, caches fill."""
    return [_replacement(bench, kill) for _ in range(warm_up + times)][warm_up:]


def _replacement(bench: Bench, kill: Kill) -> Replacement:
    bench.forget()
    victim = bench.watch.running()[0]
    killed_at = kill(bench, victim)
    death = bench.wait_until_replaced(victim, TASKS)
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


def _summed_up(how: str, found: Sequence[Replacement], promised: bool) -> tuple[Measurement, ...]:
    took = [one.event_to_run_task * 1000.0 for one in found]
    what = f"event -> RunTask, {how}"
    if not promised:
        return (Measurement(what=f"{what}: median", value=statistics.median(took), unit="ms"),)
    return (
        Measurement(what=f"{what}: median", value=statistics.median(took), unit="ms", goal=MEDIAN_GOAL),
        Measurement(what=f"{what}: p99 of {len(took)}", value=percentile(took, 99), unit="ms", goal=P99_GOAL),
    )


def _distribution(every: Mapping[str, Sequence[Replacement]]) -> Detail:
    return Detail(
        title="Milliseconds from the kill and from ECS's event to RunTask received",
        columns=("", "kills", "from kill: median", "event: least", "median", "p90", "p99", "most", "10 run again"),
        rows=tuple(_row(how, found) for how, found in every.items()),
    )


def _row(how: str, found: Sequence[Replacement]) -> tuple[str, ...]:
    took = [one.event_to_run_task for one in found]
    return (
        how,
        str(len(found)),
        milliseconds(statistics.median(one.run_task_at - one.killed_at for one in found)),
        milliseconds(min(took)),
        milliseconds(statistics.median(took)),
        milliseconds(percentile(took, 90)),
        milliseconds(percentile(took, 99)),
        milliseconds(max(took)),
        milliseconds(statistics.median(one.whole_at - one.killed_at for one in found)),
    )
