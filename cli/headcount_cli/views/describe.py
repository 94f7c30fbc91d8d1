"""``headcount describe``: one service on one screen; what matters at three in the morning comes first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from headcount_cli.times import ago, parse_time, relative, when
from headcount_cli.views.history import sentence
from headcount_cli.views.words import bullets, columns, heading, plain, short, state

Answer = Mapping[str, Any]
INDENT = (0, 0, 0, 2)
MOST_TASKS = 50  # on one screen; the unusual ones come first


def describe_view(answer: Answer, now: datetime) -> RenderableType:
    parts: list[RenderableType] = [*_title(answer), Padding(_facts(answer, now), INDENT)]
    parts += _backoff(answer, now)
    parts += _deployments(answer.get("deployments") or [], now)
    parts += _tasks(answer, now)
    parts += _launches(answer.get("launches") or [], now)
    parts += _zones(answer.get("zones") or [], now)
    parts += _orphans(answer.get("orphans") or [])
    parts += _decisions(answer.get("decisions") or [])
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
        "deployment": f"{plain(answer.get('deployment') or '-')} (generation {answer.get('generation', '-')})",
        "steady since": when(answer.get("steadySince"), now),
        "next look": next_look,
    }
    return _grid(rows)


def _task_definition(value: Any) -> str:
    """The ARN's readable end, ``family:revision``."""
    return plain(value).rsplit("task-definition/", 1)[-1] if isinstance(value, str) and value else short(value)


def _deployments(deployments: Sequence[Answer], now: datetime) -> list[RenderableType]:
    """Shown while there is something to compare: tasks being replaced, or tasks that failed."""
    failed = any(deployment.get("failedTasks") for deployment in deployments)
    if not failed and all(deployment.get("rolloutState") == "COMPLETED" for deployment in deployments):
        return []
    table = columns("DEPLOYMENT", "TASK DEFINITION", "ROLLOUT", "CREATED", "FAILED TASKS")
    for deployment in deployments:
        table.add_row(
            plain(deployment.get("deployment") or "-"),
            _task_definition(deployment.get("taskDefinition")),
            plain(deployment.get("rolloutState") or "-"),
            ago(deployment.get("createdAt"), now),
            str(deployment.get("failedTasks") or 0),
        )
    return [heading("Deployments"), table]


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
    has_stopped = task.get("lastStatus") == "STOPPED"
    if _is_stopping(task):
        reason = f": {plain(task['stopping'])}" if task.get("stopping") else ""
        notes.append((f"{'ended' if has_stopped else 'stopping'}{reason}", "yellow"))
    health = task.get("healthStatus")
    if health and health != "UNKNOWN":
        notes.append((plain(health), "red" if health == "UNHEALTHY" else ""))
    if task.get("deployment") and task["deployment"] != current_deployment:
        notes.append((f"of {plain(task['deployment'])}", ""))
    until = parse_time(task.get("protectedUntil"))
    if until and until > now:
        notes.append((f"protected for {relative(until, now).removeprefix('in ')}", ""))
    if task.get("address") and not has_stopped:
        notes.append((plain(task["address"]), "dim"))
    return Text(", ").join(Text(text, style=style) for text, style in notes)


def _launches(launches: Sequence[Answer], now: datetime) -> list[RenderableType]:
    if not launches:
        return []
    table = columns("LAUNCH", "COUNT", "ZONE", "ASKED", "REASON")
    for launch in launches:
        table.add_row(
            plain(launch.get("launch") or "-"),
            short(launch.get("count")),
            _zone_suffix(launch.get("zone")),
            ago(launch.get("at"), now),
            short(launch.get("reason")),
        )
    return [heading("Launches in flight"), table]


def _backoff(answer: Answer, now: datetime) -> list[RenderableType]:
    """Left out where the state's reason says it all."""
    backoff = answer.get("backoff")
    if not backoff or backoff.get("reason") == answer.get("stateReason"):
        return []
    until = when(backoff.get("until"), now)
    held = f"the next start is at {until}" if backoff.get("active", True) else f"starts were held back until {until}"
    text = f"{backoff.get('deployment', '-')}, round {backoff.get('round', '-')}: {held}. {backoff.get('reason') or ''}"
    return [heading("Backoff"), bullets([text])]


def _zones(zones: Sequence[Answer], now: datetime) -> list[RenderableType]:
    """Only zones with something to tell: those that refused to start tasks."""
    told = [
        f"{zone.get('zone', '-')}: skipped until {when(zone.get('skippedUntil'), now)}. {zone.get('reason') or ''}"
        for zone in zones
        if zone.get("skippedUntil")
    ]
    return [heading("Zones that refuse tasks"), bullets(told)] if told else []


def _orphans(orphans: Sequence[Any]) -> list[RenderableType]:
    if not orphans:
        return []
    return [heading("Orphans: tasks that name this service, and that it does not know"), bullets(orphans)]


def _decisions(decisions: Sequence[Answer]) -> list[RenderableType]:
    return [heading("Last decisions"), bullets(sentence(decision) for decision in decisions)] if decisions else []


def _grid(rows: Mapping[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        grid.add_row(plain(name), value)
    return grid
