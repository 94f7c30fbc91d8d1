"""Where the time between a task's death and ``RunTask`` goes.

The clock of the sandbox, of its functions and of this program is one and the same. Where a stage ends is taken from
three records: the event itself, the sandbox's ledger of calls (which also says how long moto took for each), and the
log line in which ``reconcile_service`` sums up a pass. ECS gives times in whole milliseconds.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any

from bench.figures import percentile
from bench.measurement import Detail, milliseconds
from headcount_sandbox.world.calls import Call

# Each stage, and the calls that it waits for.
STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("killed -> ECS event emitted", ()),
    ("-> observe_tasks invoked, first call", ()),
    ("-> recorded, kick sent", ("ObserveTasks.UpdateItem", "ObserveTasks.GetItem")),
    ("-> reconcile invoked, pass began", ("ObserveTasks.SendMessage",)),
    ("-> gathered", ("ReconcileService.UpdateItem", "ReconcileService.Query")),
    ("-> planned", ()),
    ("-> committed", ("ReconcileService.TransactWriteItems",)),
    ("-> RunTask sent and received", ()),
)
_SAME_MOMENT_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One lost task and what followed. Epoch seconds; ``calls``: the functions' up to ``RunTask``, by start."""

    killed_at: float
    event_at: float
    run_task_at: float
    calls: tuple[Call, ...]
    whole_at: float

    @property
    def event_to_run_task(self) -> float:
        return self.run_task_at - self.event_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """How long each stage of one replacement took, and how much of that moto took to answer. Seconds."""

    stages: tuple[float, ...]
    moto: tuple[float, ...]


def timelines(found: Iterable[Replacement], passes: Iterable[Mapping[str, Any]]) -> list[Timeline]:
    """The timelines of the replacements whose pass was woken by the event of their task's death."""
    launching = [one for one in passes if "event_to_run_task" in one.get("stages_ms", {})]
    timelines = (_timeline(one, launching) for one in found)
    return [one for one in timelines if one is not None]


def _timeline(one: Replacement, launching: Iterable[Mapping[str, Any]]) -> Timeline | None:
    """The points in time, from the three records, and the stages between them."""
    stages = next((line["stages_ms"] for line in launching if _logged_at(line) >= one.run_task_at), None)
    observed = next((call.at for call in one.calls if call.function and call.function.endswith("ObserveTasks")), None)
    if stages is None or observed is None:
        return None
    if abs(one.event_at + stages["event_to_run_task"] / 1000.0 - one.run_task_at) > _SAME_MOMENT_SECONDS:
        return None  # the kick came from another event
    names = ("kick", "begin", "gather", "plan", "commit")
    logged = tuple(accumulate((stages[name] / 1000.0 for name in names), initial=one.event_at))[1:]
    points = (one.killed_at, one.event_at, observed, *logged, one.run_task_at)
    return Timeline(
        stages=tuple(after - before for before, after in pairwise(points)),
        moto=tuple(sum(_moto(one.calls, name) for name in names) for _, names in STAGES),
    )


def _logged_at(line: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def _moto(calls: Iterable[Call], name: str) -> float:
    """How long the answer to the call ``<function>.<operation>`` took; the one that came last before ``RunTask``."""
    function, _, operation = name.partition(".")
    took = [call.duration for call in calls if call.operation == operation and str(call.function).endswith(function)]
    return took[-1] if took else 0.0


def stage_table(found: Sequence[Timeline]) -> Detail:
    """The stages of all timelines side by side, with moto's share."""
    rows = [
        _row(name, [one.stages[index] for one in found], [one.moto[index] for one in found])
        for index, (name, _) in enumerate(STAGES)
    ]
    rows.append(_row("all of it", [sum(one.stages) for one in found], [sum(one.moto) for one in found]))
    return Detail(
        title="Stage by stage, milliseconds (simulated task killed, warm)",
        columns=("stage", "median", "p99", "moto: median", "moto: share"),
        rows=tuple(rows) if found else (),
    )


def _row(name: str, took: Sequence[float], moto: Sequence[float]) -> tuple[str, ...]:
    share = sum(moto) / sum(took) if sum(took) else 0.0
    return (
        name,
        milliseconds(statistics.median(took)),
        milliseconds(percentile(took, 99)),
        milliseconds(statistics.median(moto)),
        f"{share:.0%}",
    )
