"""``headcount why``."""

from typing import Annotated

import typer

from headcount_cli.commands.arguments import named, task_id
from headcount_cli.session import Session
from headcount_cli.views.history import why_view

Target = Annotated[
    str, typer.Argument(metavar="SERVICE|TASK", help="A service, or the id of one task.", show_default=False)
]


def why(session: Session, target: Target) -> None:
    """Tell why a service, or one task, is as it is.

    What holds now, then the decisions that led here, oldest first, each with its reason.
    """
    answer = session.control().why(named(task_id(target)))
    session.output.result(answer, why_view(answer, session.now()))
