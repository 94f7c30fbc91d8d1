"""``headcount tasks``."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from headcount_cli.commands.arguments import Service, named
from headcount_cli.failures import Failure
from headcount_cli.session import Session
from headcount_cli.views.targets import is_balanced
from headcount_cli.views.tasks import TasksView, zone_suffix
from headcount_cli.views.words import counted, is_native, plain


class LastStatus(StrEnum):
    """The statuses of a task, as ECS names them and in the order of its life."""

    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    ACTIVATING = "ACTIVATING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    DEPROVISIONING = "DEPROVISIONING"
    STOPPED = "STOPPED"
    DELETED = "DELETED"


Zone = Annotated[
    str | None, typer.Option("--zone", help="Only in this zone: eu-central-1a, or 1a.", show_default=False)
]
Status = Annotated[
    LastStatus | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        case_sensitive=False,
        help="Only with this status, as RUNNING.",
        show_default=False,
    ),
]
Capacity = Annotated[
    str | None,
    typer.Option("--capacity", help="Only on this capacity provider or launch type.", show_default=False),
]
Deployment = Annotated[str | None, typer.Option("--deployment", help="Only of this deployment.", show_default=False)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only ids, one a line.")]


def tasks(
    session: Session,
    service: Service,
    zone: Zone = None,
    status: Status = None,
    capacity: Capacity = None,
    deployment: Deployment = None,
    quiet: Quiet = False,
) -> None:
    """List a service's tasks, the unusual first."""
    answer = session.control().describe(named(service))
    if is_native(answer):
        ecs = f"aws ecs list-tasks --cluster {answer.get('cluster')} --service-name {answer.get('serviceName')}"
        raise Failure(f"{answer.get('service')} is a native service: ECS itself keeps its tasks.", hint=ecs)
    found = [
        task
        for task in answer.get("tasks") or []
        if zone in (None, task.get("availabilityZone"), zone_suffix(task.get("availabilityZone")))
        and status in (None, task.get("lastStatus"))
        and capacity in (None, task.get("capacity"))
        and deployment in (None, task.get("deployment"))
    ]
    name = answer.get("service", service)
    view = TasksView(tasks=found, deployment=answer.get("deployment"), now=session.now(), balanced=is_balanced(answer))
    views: list[RenderableType] = [Text(plain(task.get("taskId", "-"))) for task in found]
    if not quiet:
        views = [Text(_headline(name, found)), *([view] if found else [])]
    session.output.result({"service": name, "tasks": found}, *views)


def _headline(service: Any, found: Sequence[dict[str, Any]]) -> str:
    """``prod/web: 3 tasks (2 RUNNING, 1 PENDING)``"""
    by_status = Counter(plain(task.get("lastStatus") or "-") for task in found)
    statuses = ", ".join(f"{count} {status}" for status, count in by_status.most_common())
    return f"{plain(service)}: {counted(len(found), 'task')}{f' ({statuses})' if statuses else ''}"
