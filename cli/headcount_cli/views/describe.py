"""``headcount describe``: one service on one screen; what matters at three in the morning comes first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from headcount_cli.times import ago, parse_time, when
from headcount_cli.views.words import bullets, columns, heading, plain, short, short_id, state

Answer = Mapping[str, Any]
INDENT = (0, 0, 0, 2)


def describe_view(answer: Answer, now: datetime) -> RenderableType:
    parts: list[RenderableType] = [_title(answer), Padding(_facts(answer, now), INDENT)]
    if answer.get("backoff"):
        parts += [heading("Backoff"), Padding(_pairs(answer["backoff"], now), INDENT)]
    parts += _tasks(answer.get("tasks") or [], now)
    parts += _launches(answer.get("launches") or [], now)
    parts += _records("Zones", answer.get("zones"), now)
    parts += _records("Orphans (tasks that name this service and are not known to it)", answer.get("orphans"), now)
    decisions = answer.get("decisions") or []
    if decisions:
        parts += [heading("Decided in the last pass"), bullets(_decision(decision) for decision in decisions)]
    service = plain(answer.get("service", "SERVICE"))
    parts.append(Text(f"\nThe story so far: headcount why {service}", style="dim"))
    return Group(*parts)


def _title(answer: Answer) -> Text:
    title = Text.assemble((plain(answer.get("service", "-")), "bold"), "  ", state(answer.get("state")))
    if answer.get("stateReason"):
        title.append(f"\n  {plain(answer['stateReason'])}")
    return title


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


def _tasks(tasks: Sequence[Answer], now: datetime) -> list[RenderableType]:
    if not tasks:
        return [heading("Tasks"), Text("  none")]
    deployments = {task.get("deployment") for task in tasks}
    several = ["DEPLOYMENT"] if len(deployments) > 1 else []
    table = columns("TASK", "STATUS", "ZONE", *several, "STARTED", "NOTES")
    for task in tasks:
        deployment = [plain(task.get("deployment") or "-")] if several else []
        table.add_row(
            short_id(task.get("taskId")),
            _status(task),
            plain(task.get("availabilityZone") or "-"),
            *deployment,
            ago(task.get("startedAt") or task.get("createdAt"), now),
            _notes(task, now),
        )
    return [heading("Tasks"), Padding(table, INDENT)]


def _status(task: Answer) -> Text:
    """ECS's last status; one that is told to stop is shown on its way there."""
    last, desired = plain(task.get("lastStatus") or "-"), task.get("desiredStatus")
    if desired == "STOPPED" and last != "STOPPED":
        return Text(f"{last}, stopping", style="yellow")
    return Text(last, style="green" if last == "RUNNING" else "cyan")


def _notes(task: Answer, now: datetime) -> Text:
    notes = []
    if task.get("stopping"):
        notes.append((plain(task["stopping"]), "yellow"))
    health = task.get("healthStatus")
    if health and health != "UNKNOWN":
        notes.append((plain(health), "red" if health == "UNHEALTHY" else ""))
    until = parse_time(task.get("protectedUntil"))
    if until and until > now:
        notes.append((f"protected until {when(task['protectedUntil'], now)}", ""))
    if task.get("address"):
        notes.append((plain(task["address"]), "dim"))
    return Text(", ").join(Text(text, style=style) for text, style in notes)


def _launches(launches: Sequence[Answer], now: datetime) -> list[RenderableType]:
    if not launches:
        return []
    table = columns("LAUNCH", "COUNT", "ZONE", "ASKED", "REASON")
    for launch in launches:
        table.add_row(
            short_id(launch.get("launch") or launch.get("launchId") or launch.get("id")),
            short(launch.get("count")),
            short(launch.get("zone") or launch.get("availabilityZone")),
            ago(launch.get("at"), now),
            short(launch.get("reason")),
        )
    return [heading("Launches in flight"), Padding(table, INDENT)]


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
