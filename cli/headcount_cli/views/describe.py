"""``headcount describe``: one service on one screen; what matters at three in the morning comes first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from headcount_cli.times import ago, parse_time, relative, when
from headcount_cli.views.words import bullets, columns, heading, plain, short, state

Answer = Mapping[str, Any]
INDENT = (0, 0, 0, 2)
MOST_TASKS = 50  # on one screen; the unusual ones come first


def describe_view(answer: Answer, now: datetime) -> RenderableType:
    parts: list[RenderableType] = [*_title(answer), Padding(_facts(answer, now), INDENT)]
    if answer.get("backoff"):
        parts += [heading("Backoff"), Padding(_pairs(answer["backoff"], now), INDENT)]
    parts += _tasks(answer, now)
    parts += _launches(answer.get("launches") or [], now)
    parts += _records("Zones", answer.get("zones"), now)
    parts += _records("Orphans (tasks that name this service and are not known to it)", answer.get("orphans"), now)
    decisions = answer.get("decisions") or []
    if decisions:
        parts += [heading("Decided in the last pass"), bullets(_decision(decision) for decision in decisions)]
    service = plain(answer.get("service", "SERVICE"))
    parts.append(Text(f"\nThe story so far: headcount why {service}", style="dim"))
    return Group(*parts)


def _title(answer: Answer) -> list[RenderableType]:
    title = Text.assemble((plain(answer.get("service", "-")), "bold"), "  ", state(answer.get("state")))
    reason = answer.get("stateReason")
    return [title, Padding(Text(plain(reason)), INDENT)] if reason else [title]


def _facts(answer: Answer, now: datetime) -> Table:
    counts = ", ".join(
        f"{answer.get(f'{name}Count', '-')} {name}" for name in ("desired", "running", "pending", "stopping")
    )
    next_look = when(answer.get("nextWake"), now) if parse_time(answer.get("nextWake")) else "when something happens"
    rows = {
        "tasks": counts,
        "task definition": _task_definition(answer.get("taskDefinition")),
        "deployment": _deployments(answer),
        "steady since": when(answer.get("steadySince"), now),
        "next look": f"{next_look}, after pass {answer.get('pass', '-')}",
    }
    return _grid(rows)


def _task_definition(value: Any) -> str:
    """The ARN's readable end, ``family:revision``."""
    return plain(value).rsplit("task-definition/", 1)[-1] if isinstance(value, str) and value else short(value)


def _deployments(answer: Answer) -> str:
    """The newest first; more than one means that tasks are being replaced."""
    current = plain(answer.get("deployment") or "-")
    deployments = answer.get("deployments")
    if not isinstance(deployments, list) or len(deployments) < 2:
        return f"{current} (generation {answer.get('generation', '-')})"
    others = [_name_of(deployment) for deployment in deployments]
    return f"{current}, replacing {', '.join(name for name in others if name != current)}"


def _name_of(deployment: Any) -> str:
    if isinstance(deployment, Mapping):
        return plain(deployment.get("id") or deployment.get("deployment") or deployment.get("deploymentId") or "?")
    return plain(deployment)


def _tasks(answer: Answer, now: datetime) -> list[RenderableType]:
    tasks = answer.get("tasks") or []
    if not tasks:
        return [heading("Tasks"), Text("  none")]
    table = columns("TASK", "STATUS", "ZONE", "STARTED", "NOTES")
    for column in table.columns[:-1]:
        column.no_wrap = True  # the notes may wrap; an id broken in two cannot be copied
    for task in sorted(tasks, key=lambda task: _is_usual(task, answer))[:MOST_TASKS]:
        table.add_row(
            plain(task.get("taskId") or "-"),
            _status(task),
            _zone_suffix(task.get("availabilityZone")),
            ago(task.get("startedAt") or task.get("createdAt"), now),
            _notes(task, answer.get("deployment"), now),
        )
    left_out = len(tasks) - MOST_TASKS
    more = (
        [Text(f"... and {left_out} more that run as they should: --output json has them all.")] if left_out > 0 else []
    )
    return [heading("Tasks"), table, *more]


def _is_usual(task: Answer, answer: Answer) -> bool:
    """Whether a task is one of the many about which there is nothing to say."""
    is_well = task.get("lastStatus") == "RUNNING" and task.get("healthStatus") != "UNHEALTHY"
    return is_well and not _is_stopping(task) and task.get("deployment") == answer.get("deployment")


def _zone_suffix(zone: Any) -> str:
    """``1a`` of ``eu-central-1a``: the tasks of a service are all in one region."""
    return plain(zone or "-").rsplit("-", 1)[-1] or "-"


def _status(task: Answer) -> Text:
    last = plain(task.get("lastStatus") or "-")
    return Text(last, style="yellow" if _is_stopping(task) else "green" if last == "RUNNING" else "cyan")


def _is_stopping(task: Answer) -> bool:
    return bool(task.get("stopping")) or task.get("desiredStatus") == "STOPPED"


def _notes(task: Answer, current_deployment: Any, now: datetime) -> Text:
    """What is special about this task, the urgent first."""
    notes: list[tuple[str, str]] = []
    if _is_stopping(task):
        reason = task.get("stopping")
        notes.append((f"stopping: {plain(reason)}" if isinstance(reason, str) else "stopping", "yellow"))
    health = task.get("healthStatus")
    if health and health != "UNKNOWN":
        notes.append((plain(health), "red" if health == "UNHEALTHY" else ""))
    if task.get("deployment") and task["deployment"] != current_deployment:
        notes.append((f"of {plain(task['deployment'])}", ""))
    until = parse_time(task.get("protectedUntil"))
    if until and until > now:
        notes.append((f"protected for {relative(until, now).removeprefix('in ')}", ""))
    if task.get("address"):
        notes.append((plain(task["address"]), "dim"))
    return Text(", ").join(Text(text, style=style) for text, style in notes)


def _launches(launches: Sequence[Answer], now: datetime) -> list[RenderableType]:
    if not launches:
        return []
    table = columns("LAUNCH", "COUNT", "ZONE", "ASKED", "REASON")
    for launch in launches:
        table.add_row(
            plain(launch.get("launch") or launch.get("launchId") or launch.get("id") or "-"),
            short(launch.get("count")),
            _zone_suffix(launch.get("zone") or launch.get("availabilityZone")),
            ago(launch.get("at"), now),
            short(launch.get("reason")),
        )
    return [heading("Launches in flight"), table]


def _records(title: str, records: Any, now: datetime) -> list[RenderableType]:
    """What has no view of its own: a list of objects or an object of objects, a line each."""
    if not records:
        return []
    if isinstance(records, Mapping):
        rows = {str(name): _inline(value, now) for name, value in records.items()}
        return [heading(title), Padding(_grid(rows), INDENT)]
    return [heading(title), bullets(_inline(record, now) for record in records)]


def _inline(value: Any, now: datetime) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_at(key, inner, now)}" for key, inner in value.items() if inner is not None)
    return short(value)


def _at(key: str, value: Any, now: datetime) -> str:
    """A time is shown as one: by its key, since epoch seconds look like any number."""
    is_time = key in {"at", "since", "until"} or key.endswith(("At", "Until", "Since"))
    return when(value, now) if is_time and parse_time(value) else short(value)


def _pairs(record: Any, now: datetime) -> RenderableType:
    if not isinstance(record, Mapping):
        return Text(short(record))
    return _grid({str(key): _at(str(key), value, now) for key, value in record.items() if value is not None})


def _decision(decision: Any) -> str:
    if isinstance(decision, Mapping):
        kind, reason = decision.get("kind"), decision.get("reason")
        return f"{kind}: {reason}" if kind and reason else short(reason or dict(decision))
    return str(decision)


def _grid(rows: Mapping[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        grid.add_row(plain(name), value)
    return grid
