"""``headcount protect``, ``stop-task`` and ``standby``: what is asked of single tasks."""

import math
from datetime import timedelta
from typing import Annotated

import typer
from rich.text import Text

from headcount_cli.commands.arguments import Reason, Tasks, service_and_tasks
from headcount_cli.durations import SECOND, duration_parser
from headcount_cli.failures import BadInput
from headcount_cli.session import Session
from headcount_cli.times import parse_time, when
from headcount_cli.views.wishes import standby_sentence
from headcount_cli.views.words import plain

LONGEST = timedelta(minutes=2880)  # ECS's own limit for task protection

ProtectFor = Annotated[
    timedelta | None,
    typer.Option(
        "--for",
        metavar="DURATION",
        parser=duration_parser(SECOND, LONGEST),
        help="For how long, up to 48h.",
        show_default="2h",
    ),
]
Off = Annotated[bool, typer.Option("--off", help="Protect no longer.")]
LowerCount = Annotated[bool, typer.Option("--lower-count", help="Lower the desired count by them: no replacement.")]
End = Annotated[bool, typer.Option("--end", help="Take them back into the count and into rotation.")]


def protect(
    session: Session, tasks: Tasks, duration: ProtectFor = None, off: Off = False, reason: Reason = None
) -> None:
    """Protect tasks from being stopped by scale-in or a deployment."""
    minutes = _minutes(duration, off=off)
    control = session.control()
    service, ids = service_and_tasks(control, tasks)
    result = control.protect(service, ids, minutes=minutes, reason=reason)
    lines = []
    for protected in result.get("protected") or []:
        until = protected.get("until")
        text = f"protected until {when(until, session.now())}" if parse_time(until) else "not protected"
        lines.append(Text(f"{plain(protected.get('taskId', '-'))}: {text}"))
    session.output.result(
        result, *(lines or [Text(f"No task of {plain(result.get('service', service))} is protected.")])
    )


def stop_task(session: Session, tasks: Tasks, lower_count: LowerCount = False, reason: Reason = None) -> None:
    """Stop these tasks. Others take their places, unless the count is lowered with them."""
    control = session.control()
    service, ids = service_and_tasks(control, tasks)
    result = control.stop_task(service, ids, lower=lower_count, reason=reason)
    session.output.warnings(result)
    name, stopping = plain(result.get("service", service)), result.get("stopping") or []
    desired = f"desired count {result.get('desiredCount', '-')}"
    replaced = f"{desired} now" if lower_count else f"{desired} stays, so they are replaced"
    lines = [Text(f"{plain(task)}: stopping") for task in stopping]
    session.output.result(result, *lines, Text(f"{name}: {replaced}" if stopping else f"{name}: nothing to stop"))


def standby(session: Session, tasks: Tasks, end: End = False, reason: Reason = None) -> None:
    """Set tasks aside for inspection: they run on, count for nothing, and others take their places.

    They leave rotation, too: load balancers send them no new requests, and what they have begun they may finish.
    """
    control = session.control()
    service, ids = service_and_tasks(control, tasks)
    result = control.standby(service, ids, end=end, reason=reason)
    session.output.warnings(result)
    standing = result.get("standby") or []
    lines = [Text(standby_sentence(one, session.now())) for one in standing]
    session.output.result(result, *(lines or [Text(f"No task of {plain(result.get('service', service))} stands by.")]))


def _minutes(duration: timedelta | None, *, off: bool) -> int:
    """Whole minutes, rounded up: a task must not lose its protection before the time that was asked for."""
    if off and duration:
        raise BadInput("--off and --for contradict each other.", hint="Give one of them.")
    if off:
        return 0
    return math.ceil((duration or timedelta(hours=2)).total_seconds() / 60)
