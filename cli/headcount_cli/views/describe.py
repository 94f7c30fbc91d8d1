"""``headcount describe``: one service on one screen; what matters at three in the morning comes first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from headcount_cli.times import ago, parse_time, when
from headcount_cli.views import current
from headcount_cli.views.history import sentence
from headcount_cli.views.scaling import bounds
from headcount_cli.views.scaling import problems_of as scaling_problems_of
from headcount_cli.views.targets import groups_section, in_rotation, is_balanced, problems_of
from headcount_cli.views.tasks import TasksView, zone_suffix
from headcount_cli.views.wishes import wishes
from headcount_cli.views.words import bullets, columns, counted, heading, is_native, plain, short, state

Answer = Mapping[str, Any]
INDENT = (0, 0, 0, 2)
MOST_TASKS = 50  # on one screen; the unusual ones come first


def describe_view(answer: Answer, now: datetime) -> RenderableType:
    parts: list[RenderableType] = [*_title(answer)]
    parts += [Padding(Text(plain(wish), style="yellow"), INDENT) for wish in wishes(answer, now)]
    parts.append(Padding(_facts(answer, now), INDENT))
    parts += _scaling_problems(answer)
    parts += _backoff(answer, now)
    parts += _deployments(answer.get("deployments") or [], now)
    parts += _capacity(answer.get("capacity") or [])
    parts += groups_section(answer, now)
    parts += [] if is_native(answer) else _tasks(answer, now)
    parts += _launches(answer.get("launches") or [], now)
    parts += _zones(answer, now)
    parts += _orphans(answer.get("orphans") or [])
    told = {*problems_of(answer, now), (answer.get("elbThrottle") or {}).get("reason")}
    told |= {f"scaling: {problem}" for problem in scaling_problems_of(answer)}
    parts += _decisions([one for one in current.decisions(answer, now) if one.get("reason") not in told])
    service = plain(answer.get("service", "SERVICE"))
    more = f"; its scaling: headcount scaling {service}" if answer.get("scaling") else ""
    parts.append(Text(f"\nThe story so far: headcount why {service}{more}", style="dim"))
    return Group(*parts)


def _title(answer: Answer) -> list[RenderableType]:
    title = Text.assemble((plain(answer.get("service", "-")), "bold"), "  ", state(answer.get("state")))
    reason = answer.get("stateReason")
    return [title, Padding(Text(plain(reason)), INDENT)] if reason else [title]


def _facts(answer: Answer, now: datetime) -> Table:
    names = ["desired", *(["kept"] if is_kept_elsewhere(answer) else []), "running", "pending", "stopping"]
    counts = ", ".join(f"{answer.get(f'{name}Count', '-')} {name}" for name in names)
    taking = in_rotation(answer)
    if is_native(answer):
        counts = f"{short(answer.get('desiredCount'))} desired, {short(answer.get('runningCount'))} running"
        return _grid({"kept by": "ECS itself (a native service)", "tasks": counts, **_scaling(answer)})
    rows = {
        "tasks": counts,
        **({} if taking is None else {"in rotation": counted(taking, "task")}),
        "task definition": task_definition(answer.get("taskDefinition")),
        "deployment": f"{plain(answer.get('deployment') or '-')} (generation {answer.get('generation', '-')})",
        "steady since": when(answer.get("steadySince"), now),
        "next look": _next_look(answer, now),
    }
    rows |= _scaling(answer)
    if previous := answer.get("previous"):
        rows["rollback returns to"] = _previous(previous)
    return _grid(rows)


def _scaling(answer: Answer) -> dict[str, str]:
    scaling = answer.get("scaling")
    return {"scaling": bounds(scaling)} if scaling else {}


def _next_look(answer: Answer, now: datetime) -> str:
    at = parse_time(answer.get("nextWake"))
    if at is None:
        return "when something happens"
    return when(answer["nextWake"], now) if at > now else "any moment"


def is_kept_elsewhere(answer: Answer) -> bool:
    """Whether the service is kept at another count than the desired one: paused, or overridden."""
    return answer.get("keptCount") not in (None, answer.get("desiredCount"))


def _previous(previous: Answer) -> str:
    return f"{task_definition(previous.get('taskDefinition'))} of {plain(previous.get('deployment') or '-')}"


def task_definition(value: Any) -> str:
    """The ARN's readable end, ``family:revision``."""
    return plain(value).rsplit("task-definition/", 1)[-1] if isinstance(value, str) and value else short(value)


def is_rolling(deployments: Sequence[Answer]) -> bool:
    """Whether there is something to compare: tasks being replaced, or tasks that failed."""
    failed = any(deployment.get("failedTasks") for deployment in deployments)
    return failed or any(deployment.get("rolloutState") != "COMPLETED" for deployment in deployments)


def _deployments(deployments: Sequence[Answer], now: datetime) -> list[RenderableType]:
    return [heading("Deployments"), deployments_table(deployments, now)] if is_rolling(deployments) else []


def deployments_table(deployments: Sequence[Answer], now: datetime) -> RenderableType:
    table = columns("DEPLOYMENT", "TASK DEFINITION", "ROLLOUT", "CREATED", "FAILED TASKS")
    for deployment in deployments:
        table.add_row(
            plain(deployment.get("deployment") or "-"),
            task_definition(deployment.get("taskDefinition")),
            plain(deployment.get("rolloutState") or "-"),
            ago(deployment.get("createdAt"), now),
            str(deployment.get("failedTasks") or 0),
        )
    return table


def _tasks(answer: Answer, now: datetime) -> list[RenderableType]:
    tasks = answer.get("tasks") or []
    if not tasks:
        return [heading("Tasks"), Text("  none")]
    view = TasksView(
        tasks=tasks, deployment=answer.get("deployment"), now=now, most=MOST_TASKS, balanced=is_balanced(answer)
    )
    return [heading("Tasks"), view]


def _capacity(capacity: Sequence[Answer]) -> list[RenderableType]:
    """Shown where there is something to divide: several providers, or tasks on a fallback."""
    if len(capacity) < 2 and not any(one.get("level") for one in capacity):
        return []
    table = columns("CAPACITY", "TASKS", "ASKED FOR", "")
    for one in capacity:
        fallback = f"fallback {one['level']}" if one.get("level") else ""
        fallback = "not in the manifest" if one.get("level", 0) is None else fallback
        table.add_row(
            plain(one.get("capacity") or "-"), short(one.get("count")), short(one.get("share")), plain(fallback)
        )
    return [heading("Capacity"), table]


def _launches(launches: Sequence[Answer], now: datetime) -> list[RenderableType]:
    if not launches:
        return []
    table = columns("LAUNCH", "COUNT", "ZONE", "CAPACITY", "ASKED", "REASON")
    for launch in launches:
        table.add_row(
            plain(launch.get("launch") or "-"),
            short(launch.get("count")),
            zone_suffix(launch.get("zone")),
            short(launch.get("capacity")),
            ago(launch.get("at"), now),
            short(launch.get("reason")),
        )
    return [heading("Launches in flight"), table]


def _backoff(answer: Answer, now: datetime) -> list[RenderableType]:
    """Left out where the state's reason says it all."""
    backoff = current.backoff(answer, now)
    if not backoff or backoff.get("reason") == answer.get("stateReason"):
        return []
    held = f"the next start is at {when(backoff.get('until'), now)}"
    text = f"{backoff.get('deployment', '-')}, round {backoff.get('round', '-')}: {held}. {backoff.get('reason') or ''}"
    return [heading("Backoff"), bullets([text])]


def _scaling_problems(answer: Answer) -> list[RenderableType]:
    problems = scaling_problems_of(answer)
    return [heading("Problems of scaling"), bullets(problems)] if problems else []


def _zones(answer: Answer, now: datetime) -> list[RenderableType]:
    """Only zones with something to tell: those that refuse to start tasks now."""
    told = [zone_sentence(zone, now) for zone in current.refusing_zones(answer, now)]
    return [heading("Zones that refuse tasks"), bullets(told)] if told else []


def zone_sentence(zone: Answer, now: datetime) -> str:
    capacity = f" on {zone['capacity']}" if zone.get("capacity") else ""
    until = when(zone.get("skippedUntil"), now)
    return f"{zone.get('zone', '-')}{capacity}: skipped until {until}. {zone.get('reason') or ''}"


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
