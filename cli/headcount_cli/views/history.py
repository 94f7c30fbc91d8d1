"""``headcount events`` and ``headcount why``: decisions with their reasons, as sentences."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headcount_cli.times import ago, clock, day, parse_time
from headcount_cli.views.words import bullets, heading, plain

Entry = Mapping[str, Any]

# How a sentence about each kind of history entry begins; {task} is " task <id>" where the entry has one.
BEGINNINGS = {
    "launch": "Launch",
    "stop": "Stopped{task}",
    "lost": "Lost{task}",
    "stuck": "Gave up on{task}",
    "adopt": "Adopted{task}",
    "register": "Put{task} into rotation",
    "deregister": "Took{task} out of rotation",
    "balancing": "Load balancing",
    "scaling": "Scaling",
    "hold": "Waiting",
    "refused": "AWS refused",
    "steady": "Steady",
    "deployment": "Deployment",
    "control": "{by} asked",
    "forget": "Forgot{task}",
    "remove": "Removed",
}
LEVEL_STYLES = {"WARN": "yellow", "ERROR": "red"}


def sentence(entry: Entry) -> Text:
    """``Stopped task 0f3a9c1d2b4e4f6a8b7c5d3e1f2a4b6c: scale-in to 2, newest first. (dep-3, by alice)``"""
    kind, reason = str(entry.get("kind", "event")), plain(entry.get("reason") or "no reason was recorded")
    style = LEVEL_STYLES.get(str(entry.get("level")), "")
    parts: list[tuple[str, str]] = []
    if reason.lower().startswith(kind):  # "deployment dep-3 completed" says what it is about by itself
        reason = reason[0].upper() + reason[1:]
        style = f"bold {style}"
        parts.append((reason, style))
    else:
        parts += [(_beginning(kind, entry), f"bold {style}"), (f": {reason}", "")]
    details = _details(kind, reason, entry)
    if details:
        parts.append((f" ({', '.join(details)})", "dim"))
    return Text.assemble(*parts)


def _beginning(kind: str, entry: Entry) -> str:
    task = f" task {plain(entry['task'])}" if entry.get("task") else ""
    by = plain(entry.get("by") or "Somebody")
    return BEGINNINGS[kind].format(task=task, by=by) if kind in BEGINNINGS else plain(kind.capitalize())


def _details(kind: str, reason: str, entry: Entry) -> list[str]:
    """Names to search for, unless the sentence has them already."""
    names = [plain(entry["deployment"])] if entry.get("deployment") else []
    if entry.get("launch"):
        names.append(f"launch {plain(entry['launch'])}")
    if entry.get("task") and "{task}" not in BEGINNINGS.get(kind, ""):
        names.append(f"task {plain(entry['task'])}")
    if entry.get("by") and kind != "control":
        names.append(f"by {plain(entry['by'])}")
    return [name for name in names if name.split()[-1] not in reason]


def story(entries: Iterable[Entry], now: datetime) -> RenderableType:
    """Entries in the order given, under a line for each day."""
    parts: list[RenderableType] = []
    grid, current = _grid(), None
    for entry in entries:
        at = parse_time(entry.get("at"))
        if at and day(at) != current:
            current = day(at)
            grid = _grid()
            parts += [Text(f"{current} (UTC)", style="dim"), grid]
        elif not parts:
            parts.append(grid)
        grid.add_row(clock(at) if at else "-", ago(entry.get("at"), now), sentence(entry))
    return Group(*parts)


def line(entry: Entry, today: datetime | None = None) -> Text:
    """One entry on its own, for ``events --follow``; without the date if it is of ``today``."""
    at = parse_time(entry.get("at"))
    date = f"{day(at)} " if at and (today is None or day(at) != day(today)) else ""
    return Text.assemble((f"{date}{clock(at)}" if at else "-", "dim"), "  ", sentence(entry))


def events_view(service: str, entries: Sequence[Entry], now: datetime) -> RenderableType:
    if not entries:
        return Text(f"{plain(service)}: no events yet.")
    return story(entries, now)


def why_view(answer: Mapping[str, Any], now: datetime) -> RenderableType:
    """What holds now, then the decisions that led here, oldest first."""
    task = answer.get("task")
    identity = task.get("taskId") if isinstance(task, Mapping) else task
    title = plain(answer.get("service", "-")) + (f", task {plain(identity)}" if identity else "")
    parts: list[RenderableType] = [
        Text(title, style="bold"),
        heading("Now"),
        bullets(answer.get("now") or ["Nothing is known."]),
    ]
    entries = answer.get("events") or []
    parts.append(heading("How it came to this"))
    parts.append(story(entries, now) if entries else Text("No decisions are recorded."))
    return Group(*parts)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="dim", min_width=8)
    grid.add_column(overflow="fold")
    return grid
