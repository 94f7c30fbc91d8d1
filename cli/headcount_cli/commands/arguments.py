"""Arguments and options that several commands share."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from headcount_cli.durations import format_seconds, parse_duration
from headcount_cli.failures import BadInput
from headcount_cli.waiting import DEFAULT_TIMEOUT

Service = Annotated[
    str,
    typer.Argument(
        metavar="SERVICE", help="cluster/serviceName, or the name alone where it is unique.", show_default=False
    ),
]
ManifestFiles = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Manifests, YAML or JSON; - is standard input.", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait until it is done, showing progress.")]
Timeout = Annotated[
    timedelta,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=parse_duration,
        help="How long to wait, for example 90s, 10m or 2h.",
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
