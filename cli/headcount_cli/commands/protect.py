"""``headcount protect``."""

import math
from datetime import timedelta
from typing import Annotated

import typer
from rich.text import Text

from headcount_cli.commands.arguments import Service, named
from headcount_cli.durations import parse_duration
from headcount_cli.failures import BadInput
from headcount_cli.session import Session
from headcount_cli.times import parse_time, when
from headcount_cli.views.words import plain

LONGEST = timedelta(minutes=2880)  # ECS's own limit for task protection

Tasks = Annotated[list[str], typer.Argument(metavar="TASK...", help="Ids of tasks.", show_default=False)]
For = Annotated[
    timedelta | None,
    typer.Option(
        "--for", metavar="DURATION", parser=parse_duration, help="For how long, up to 48h.", show_default="2h"
    ),
]
Off = Annotated[bool, typer.Option("--off", help="Protect no longer.")]


def protect(session: Session, service: Service, tasks: Tasks, duration: For = None, off: Off = False) -> None:
    """Protect tasks from being stopped by scale-in or a deployment."""
    minutes = _minutes(duration, off=off)
    result = session.control().protect(named(service), [task.rsplit("/", 1)[-1] for task in tasks], minutes=minutes)
    lines = []
    for protected in result.get("protected") or []:
        until = protected.get("until")
        text = f"protected until {when(until, session.now())}" if parse_time(until) else "not protected"
        lines.append(Text(f"{plain(protected.get('taskId', '-'))}: {text}"))
    session.output.result(
        result, *(lines or [Text(f"No task of {plain(result.get('service', service))} is protected.")])
    )


def _minutes(duration: timedelta | None, *, off: bool) -> int:
    """Whole minutes, rounded up: a task must not lose its protection before the time that was asked for."""
    if off and duration:
        raise BadInput("--off and --for contradict each other.", hint="Give one of them.")
    if off:
        return 0
    chosen = duration or timedelta(hours=2)
    if chosen > LONGEST:
        raise BadInput("--for is at most 48h.", hint="Protect the task again later.")
    return math.ceil(chosen.total_seconds() / 60)
