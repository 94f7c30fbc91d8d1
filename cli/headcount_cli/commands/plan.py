"""``headcount plan``."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from headcount_cli.commands.arguments import OptionalService, named
from headcount_cli.failures import BadInput
from headcount_cli.offline_plan import plan_offline, read_export
from headcount_cli.session import Session
from headcount_cli.times import parse_time
from headcount_cli.views.planning import plan_view

FromFile = Annotated[
    Path | None,
    typer.Option(
        "--from-file",
        metavar="FILE",
        help="A state that export wrote, instead of AWS; - is standard input.",
        show_default=False,
    ),
]


def _parse_at(text: str | datetime) -> datetime:
    at = text if isinstance(text, datetime) else parse_time(text)
    if at is None:
        raise typer.BadParameter(f"'{text}' is not a time. Write it as 2026-01-31T03:00:00Z.")
    return at


At = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        metavar="TIME",
        parser=_parse_at,
        help="When the pass would be, with --from-file; ISO 8601.",
        show_default="when it was exported",
    ),
]


def plan(session: Session, service: OptionalService = None, file: FromFile = None, at: At = None) -> None:
    """Show what the next pass would do to a service, and why. Nothing is done.

    Asks the installed Headcount; with --from-file decides on this machine, without AWS, what it would decide.
    """
    if file is not None:
        if service is not None:
            raise BadInput("SERVICE and --from-file contradict each other.", hint="Give one of them.")
        document = read_export(file)
        answer = plan_offline(document, at)
        now = at or parse_time(document.get("exportedAt")) or session.now()
        session.output.result(answer, plan_view(answer, now))
        return
    if service is None:
        raise BadInput("Name a SERVICE, or an exported state with --from-file.", hint="See 'headcount plan --help'.")
    if at is not None:
        raise BadInput("--at is for --from-file.", hint="Export the state first: 'headcount export SERVICE --to FILE'.")
    answer = session.control().plan(named(service))
    session.output.result(answer, plan_view(answer, session.now()))
