"""``headcount scale``."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.text import Text

from headcount.model.manifest import MAXIMUM_TASKS
from headcount_cli.commands.arguments import OverrideFor, Reason, Service, Timeout, Wait, named
from headcount_cli.commands.operators import override_for
from headcount_cli.session import Session, interruptible
from headcount_cli.views.words import plain
from headcount_cli.waiting import DEFAULT_TIMEOUT, steady, wait_until_steady

Count = Annotated[
    int, typer.Argument(metavar="COUNT", min=0, max=MAXIMUM_TASKS, help="The new desired count.", show_default=False)
]


def scale(
    session: Session,
    service: Service,
    count: Count,
    duration: OverrideFor = None,
    wait: Wait = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    reason: Reason = None,
) -> None:
    """Set a service's desired count; with --for only until a time, as override does.

    Scaling policies go on from the new count. With --for they wait, and the desired count underneath returns by itself.
    """
    if duration is None:
        _scale(session, named(service), count, reason, wait=wait, timeout=timeout)
    else:
        _scale_for(session, named(service), count, duration, reason, wait=wait, timeout=timeout)


def _scale(session: Session, service: str, count: int, reason: str | None, *, wait: bool, timeout: timedelta) -> None:
    result = session.control().scale(service, count, reason=reason)
    name, before, after = str(result.get("service", service)), result.get("before"), result.get("after")
    sentence = (
        f"{plain(name)}: desired count is {after} already"
        if before == after
        else f"{plain(name)}: desired count {before} -> {after}"
    )
    session.output.warnings(result)
    if wait:
        session.output.note(sentence)
        with interruptible(f"Stopped waiting; the desired count of {name} stays {after}."):
            wait_until_steady(session, name, steady(desired_count=after), timeout)
        session.output.result(result)
    else:
        session.output.result(result, Text(sentence))


def _scale_for(
    session: Session,
    service: str,
    count: int,
    duration: timedelta,
    reason: str | None,
    *,
    wait: bool,
    timeout: timedelta,
) -> None:
    result, sentence = override_for(session, service, count, duration, reason)
    name = str(result.get("service", service))
    if wait:
        session.output.note(sentence)
        with interruptible(f"Stopped waiting; {name} keeps {count} tasks for that time."):
            wait_until_steady(session, name, steady(kept_count=count), timeout)
        session.output.result(result)
    else:
        session.output.result(result, Text(sentence))
