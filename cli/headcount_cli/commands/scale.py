"""``headcount scale``."""

from typing import Annotated

import typer
from rich.text import Text

from headcount.model.manifest import MAXIMUM_TASKS
from headcount_cli.commands.arguments import Service, Timeout, Wait, named
from headcount_cli.session import Session, interruptible
from headcount_cli.views.words import plain
from headcount_cli.waiting import DEFAULT_TIMEOUT, steady, wait_until_steady

Count = Annotated[
    int, typer.Argument(metavar="COUNT", min=0, max=MAXIMUM_TASKS, help="The new desired count.", show_default=False)
]


def scale(
    session: Session, service: Service, count: Count, wait: Wait = False, timeout: Timeout = DEFAULT_TIMEOUT
) -> None:
    """Set a service's desired count."""
    result = session.control().scale(named(service), count)
    name, before, after = str(result.get("service", service)), result.get("before"), result.get("after")
    sentence = (
        f"{plain(name)}: desired count is {after} already"
        if before == after
        else f"{plain(name)}: desired count {before} -> {after}"
    )
    for warning in result.get("warnings") or []:
        session.output.note(f"Warning: {plain(str(warning))}")
    if wait:
        session.output.note(sentence)
        with interruptible(f"Stopped waiting; the desired count of {name} stays {after}."):
            wait_until_steady(session, name, steady(desired_count=after), timeout)
        session.output.result(result)
    else:
        session.output.result(result, Text(sentence))
