"""What ``make demo-scaling`` saw, drawn: load, CPU, counts and decisions over time, as a picture and as text."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

_LOAD, _CPU, _DESIRED, _RUNNING, _DECISION = "#777777", "#c0392b", "#1f5a99", "#2e8b57", "#e08214"
_BAR = 20  # characters
_TEXT_MINUTES = 2
_LINE = 0.4  # tasks high
_FROM_TO = re.compile(r"from (\d+) to (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Minutes since it began; requests a second; tasks."""

    minute: float
    requests: float
    desired: int
    running: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision on the count, and why."""

    minute: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All of it; `cpu` as (minute, percent of what is reserved), `target` in percent."""

    moments: tuple[Moment, ...]
    cpu: tuple[tuple[float, float], ...]
    decisions: tuple[Decision, ...]
    target: float
    scale: float


def in_text(course: Course) -> Table:
    """Two minutes a line."""
    table = Table("minute", "requests/s", f"CPU, target {course.target:g} %", "desired", "running", "decided", box=None)
    last = course.moments[-1].minute
    most = max(moment.running for moment in course.moments)
    minute = float(_TEXT_MINUTES)
    while minute < last + _TEXT_MINUTES:
        moment = _at(course.moments, minute)
        seen = [value for at, value in course.cpu if at <= minute]
        cpu = seen[-1] if seen else 0.0
        decided = [one for one in course.decisions if minute - _TEXT_MINUTES < one.minute <= minute]
        table.add_row(
            f"{minute:.0f}",
            f"{moment.requests:.0f}",
            f"{'█' * round(cpu / 100 * _BAR):<{_BAR}} {cpu:3.0f} %",
            f"{moment.desired}",
            f"{'■' * moment.running:<{most}} {moment.running}",
            "◀" * len(decided),
        )
        minute += _TEXT_MINUTES
    return table


def draw(course: Course, path: Path) -> None:
    """The picture, as PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415  a second that only those who draw have to wait

    figure = Figure(figsize=(12.0, 8.0), layout="constrained")
    load, cpu, tasks = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 2))
    minutes = [moment.minute for moment in course.moments]
    load.fill_between(minutes, [moment.requests for moment in course.moments], color=_LOAD, alpha=0.5, lw=0)
    load.set_ylabel("requests a second")
    cpu.axhline(course.target, color=_CPU, ls="--", lw=1.2, label=f"target: {course.target:g} %")
    cpu.step(*zip(*course.cpu, strict=True), color=_CPU, lw=2.2, where="pre", label="CPU used of reserved")
    cpu.set_ylabel("CPU in percent")
    cpu.set_ylim(0, 105)
    for what, color, name in ((_desired, _DESIRED, "desired count"), (_running, _RUNNING, "running tasks")):
        tasks.step(minutes, [what(moment) for moment in course.moments], color=color, lw=2.2, where="post", label=name)
    tasks.set_ylabel("tasks")
    tasks.set_xlabel(f"minutes of AWS (each lasts {60 / course.scale:g} s here)")
    top = max(max(moment.desired, moment.running) for moment in course.moments) + 1.5
    tasks.set_ylim(0, top)
    for number, decision in enumerate(course.decisions):
        found = _FROM_TO.search(decision.reason)
        if found:
            text = f" {found[1]} → {found[2]}"
            height = top - number % 2 * _LINE  # neighbours do not cover each other
            tasks.text(decision.minute, height, text, color=_DECISION, weight="bold", ha="left", va="top")
    for axes in (load, cpu, tasks):
        for number, decision in enumerate(course.decisions):
            label = "decision" if number == 0 and axes is tasks else None
            axes.axvline(decision.minute, color=_DECISION, lw=1.2, alpha=0.8, label=label)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (cpu, tasks):
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.suptitle("A service that follows its CPU: target tracking at half", fontsize=14, weight="bold")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _desired(moment: Moment) -> int:
    return moment.desired


def _running(moment: Moment) -> int:
    return moment.running


def _at(moments: Sequence[Moment], minute: float) -> Moment:
    """The last that was seen until then."""
    found = bisect_right([moment.minute for moment in moments], minute)
    return moments[max(0, found - 1)]
