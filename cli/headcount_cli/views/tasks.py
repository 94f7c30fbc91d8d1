"""Tasks of a service: a line each, the unusual first, with ids that can be pasted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from headcount_cli.times import ago, clock, parse_time, relative
from headcount_cli.views import targets
from headcount_cli.views.words import aligned, columns, plain

Answer = Mapping[str, Any]
TABLE_WIDTH = 120  # columns below which notes get a line of their own
NARROW_NAME = 16  # of a capacity provider, where there is little room
NARROWEST_NAME = 12  # and less still where states of targets are shown
NOTE_INDENT = 4
TARGETS: Mapping[bool, Sequence[str]] = {True: ("TARGETS",), False: ()}  # where there are load balancers


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksView:
    """A table with notes where it fits; else lines, and notes below those that have any. ``most``: how many at most.

    ``balanced``: whether the service has target groups, so that a task that is registered nowhere is worth a word.
    """

    tasks: Sequence[Answer]
    deployment: Any
    now: datetime
    most: int | None = None
    balanced: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        balanced = self.balanced or any(map(targets.targets_of, self.tasks))

        def is_well(task: Answer) -> bool:
            return is_usual(task, self.deployment) and (targets.is_in_rotation(task) or not balanced)

        ordered = sorted(self.tasks, key=lambda task: (is_well(task), _age(task)))
        shown = ordered[: self.most]
        if options.max_width >= TABLE_WIDTH:
            yield from self._table(shown, balanced=balanced)
        else:
            yield from self._lines(shown, balanced=balanced)
        if len(shown) < len(ordered):
            yield Text(f"... and {len(ordered) - len(shown)} more that run as they should: see 'headcount tasks'.")

    def _table(self, tasks: Sequence[Answer], *, balanced: bool) -> RenderResult:
        table = columns("TASK", "STATUS", *TARGETS[balanced], "ZONE", "CAPACITY", "DEPLOYMENT", "STARTED", "NOTES")
        for column in table.columns[:-1]:
            column.no_wrap = True  # the notes may wrap; an id broken in two cannot be copied
        for task in tasks:
            notes = notes_on(task, task.get("deployment"), self.now)  # which has a column of its own here
            *facts, started = self._facts(task, balanced=balanced)
            deployment = Text(plain(task.get("deployment") or "-"))
            table.add_row(*facts, deployment, started, Text(", ").join([*notes, *_usual_notes(task)]))
        yield table

    def _lines(self, tasks: Sequence[Answer], *, balanced: bool) -> RenderResult:
        names = ("TASK", "STATUS", *TARGETS[balanced], "ZONE", "CAPACITY", "AGE" if balanced else "STARTED")
        titles = [Text(name, style="bold") for name in names]
        heading, *lines = aligned([titles, *(self._short_facts(task, balanced=balanced) for task in tasks)])
        yield heading
        for task, line in zip(tasks, lines, strict=True):
            yield line
            if notes := notes_on(task, self.deployment, self.now):
                yield Padding(Text(", ").join(notes), (0, 0, 0, NOTE_INDENT))

    def _short_facts(self, task: Answer, *, balanced: bool) -> list[Text]:
        """For 80 columns: where targets are to be seen, too, the others make room."""
        *facts, capacity, started = self._facts(task, balanced=balanced)
        capacity.truncate(NARROWEST_NAME if balanced else NARROW_NAME, overflow="ellipsis")
        return [*facts, capacity, Text(started.plain.removesuffix(" ago")) if balanced else started]

    def _facts(self, task: Answer, *, balanced: bool) -> list[Text]:
        return [
            Text(plain(task.get("taskId") or "-")),
            _status(task),
            *([targets.of_task(task, self.now)] if balanced else []),
            Text(zone_suffix(task.get("availabilityZone"))),
            Text(plain(task.get("capacity") or "-")),
            Text(ago(task.get("startedAt") or task.get("createdAt"), self.now)),
        ]


def is_usual(task: Answer, deployment: Any) -> bool:
    """Whether a task is one of the many about which there is nothing to say."""
    is_well = task.get("lastStatus") == "RUNNING" and task.get("healthStatus") != "UNHEALTHY"
    is_left_alone = not is_stopping(task) and not task.get("notice") and not task.get("standby")
    return is_well and is_left_alone and task.get("deployment") == deployment


def is_stopping(task: Answer) -> bool:
    return bool(task.get("stopping")) or task.get("desiredStatus") == "STOPPED"


def zone_suffix(zone: Any) -> str:
    """``1a`` of ``eu-central-1a``: the tasks of a service are all in one region."""
    return plain(zone or "-").rsplit("-", 1)[-1] or "-"


def notes_on(task: Answer, deployment: Any, now: datetime) -> list[Text]:
    """What is special about this task, the urgent first."""
    notes: list[tuple[str, str]] = []
    if is_stopping(task):
        reason = f": {plain(task['stopping'])}" if task.get("stopping") else ""
        notes.append((f"{'ended' if task.get('lastStatus') == 'STOPPED' else 'stopping'}{reason}", "yellow"))
    if notice := task.get("notice"):
        notes.append((_notice(notice), "yellow"))
    if task.get("healthStatus") == "UNHEALTHY":
        notes.append(("UNHEALTHY", "red"))
    notes += targets.notes_on(task)
    if task.get("standby"):
        notes.append(("stands by, out of rotation", "blue"))
    if task.get("deployment") and task["deployment"] != deployment:
        notes.append((f"of {plain(task['deployment'])}", ""))
    until = parse_time(task.get("protectedUntil"))
    if until and until > now:
        notes.append((f"protected for {relative(until, now).removeprefix('in ')}", ""))
    return [Text(text, style=style) for text, style in notes]


def _notice(notice: Answer) -> str:
    deadline = parse_time(notice.get("deadline"))
    by = f" (ends {clock(deadline)} UTC)" if deadline else ""
    return f"{plain(notice.get('kind', 'notice'))}: {plain(notice.get('reason') or '-')}{by}"


def _usual_notes(task: Answer) -> list[Text]:
    """What is good to know where there is room for it."""
    health = [Text("HEALTHY")] if task.get("healthStatus") == "HEALTHY" else []
    if not task.get("address") or task.get("lastStatus") == "STOPPED":
        return health
    return [*health, Text(plain(task["address"]), style="dim")]


def _status(task: Answer) -> Text:
    last = plain(task.get("lastStatus") or "-")
    return Text(last, style="yellow" if is_stopping(task) else "green" if last == "RUNNING" else "cyan")


def _age(task: Answer) -> str:
    return str(task.get("startedAt") or task.get("createdAt") or "")
