"""``headcount why``."""

from typing import Annotated

import typer

from headcount_cli.commands.arguments import named
from headcount_cli.session import Session
from headcount_cli.views.history import why_view

Target = Annotated[
    str, typer.Argument(metavar="SERVICE|TASK", help="A service, or the id of one task.", show_default=False)
]


def why(session: Session, target: Target) -> None:
    """Tell why a service, or one task, is as it is.

    What holds now, then the decisions that led here, oldest first, each with its reason.
    """
    answer = session.control().why(named(_task_id(target)))
    session.output.result(answer, why_view(answer, session.now()))


def _task_id(target: str) -> str:
    """A task's ARN may be pasted as it is: its last part is the id."""
    return target.rsplit("/", 1)[-1] if target.startswith("arn:") else target
