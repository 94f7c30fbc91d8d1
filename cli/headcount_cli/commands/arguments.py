"""Arguments and options that several commands share."""

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from headcount_cli.completion import complete_services
from headcount_cli.control_client import ControlClient
from headcount_cli.durations import MINUTE, SECOND, YEAR, duration_parser, format_seconds, parse_duration
from headcount_cli.failures import BadInput
from headcount_cli.waiting import DEFAULT_TIMEOUT


def _service(metavar: str) -> Any:
    return typer.Argument(
        metavar=metavar,
        help="cluster/serviceName, or the name alone where it is unique.",
        show_default=False,
        autocompletion=complete_services,
    )


Service = Annotated[str, _service("SERVICE")]
OptionalService = Annotated[str | None, _service("[SERVICE]")]
Tasks = Annotated[
    list[str],
    typer.Argument(
        metavar="TASK",
        help="Ids or ARNs of tasks of one service; the SERVICE may stand before them.",
        show_default=False,
        autocompletion=complete_services,
    ),
]
ManifestFiles = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE", help="Manifests, YAML or JSON, or folders of them; - is standard input.", show_default=False
    ),
]
_FILE_OPTION = typer.Option(
    "--file",
    "-f",
    metavar="FILE|FOLDER",
    help="A manifest, YAML or JSON, or a folder of them; - is standard input. May be repeated.",
    show_default=False,
)
Files = Annotated[list[Path], _FILE_OPTION]
MoreFiles = Annotated[list[Path] | None, _FILE_OPTION]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune", help="Delete services of the clusters that the manifests name which none of them declares."
    ),
]
LONGEST_REASON = 256  # characters (docs/contracts.md)


def _parse_reason(text: str) -> str:
    if len(text) > LONGEST_REASON:
        raise typer.BadParameter(f"is {len(text)} characters long: {LONGEST_REASON} are allowed.")
    return text


Reason = Annotated[
    str | None,
    typer.Option(
        "--reason",
        metavar="TEXT",
        parser=_parse_reason,
        help="Why, for the history: up to 256 characters.",
        show_default=False,
    ),
]


def _for(shortest: timedelta, bounds: str) -> Any:
    return typer.Option(
        "--for",
        metavar="DURATION",
        parser=duration_parser(shortest, YEAR),
        help=f"For how long, for example 30m, 2h or 3d; {bounds}.",
        show_default=False,
    )


For = Annotated[timedelta | None, _for(SECOND, "up to 365d")]
OverrideFor = Annotated[timedelta | None, _for(MINUTE, "from 1m to 365d")]
Cluster = Annotated[str | None, typer.Option("--cluster", help="Only this cluster's.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait until it is done, showing progress.")]
Timeout = Annotated[
    timedelta,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=parse_duration,
        help="How long --wait waits, for example 90s, 10m or 2h.",
        show_default=format_seconds(DEFAULT_TIMEOUT.total_seconds()),
    ),
]


def examples(*lines: tuple[str, str]) -> str:
    """A help page's epilog: commands to copy, each with what it does."""
    shown = "\n\n".join(f"[cyan]{command}[/cyan]  {purpose}" for command, purpose in lines)
    return f"[bold]Examples[/bold]\n\n{shown}"


def named(service: str) -> str:
    """A service argument that is at least a name; which services exist is for control to say."""
    parts = service.split("/")
    if len(parts) > 2 or not all(part.strip() == part and part for part in parts):
        raise BadInput(f"'{service}' is not a service.", hint="Write cluster/serviceName, or the service's name alone.")
    return service


_TASK = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def task_id(word: str) -> str:
    """A task's id; its ARN may be pasted as it is."""
    return word.rsplit("/", 1)[-1] if word.startswith("arn:") else word


def service_and_tasks(control: ControlClient, words: Sequence[str]) -> tuple[str, list[str]]:
    """``[SERVICE] TASK...``: where no service is named, Headcount knows to which the first task belongs."""
    first, *others = words
    if not _TASK.fullmatch(task_id(first)):
        if not others:
            raise BadInput(
                f"'{first}' is not a task.", hint="A task's id has 32 digits: see 'headcount tasks SERVICE'."
            )
        return named(first), [task_id(word) for word in others]
    tasks = [task_id(word) for word in words]
    return str(control.why(tasks[0]).get("service")), tasks


def whole_seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())
