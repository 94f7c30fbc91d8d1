"""``headcount pause``, ``resume``, ``override``, ``redeploy`` and ``rollback``: a service as a whole, for a while."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.text import Text

from headcount.model.manifest import MAXIMUM_TASKS
from headcount_cli.commands.arguments import For, OverrideFor, Reason, Service, Timeout, Wait, Yes, named, whole_seconds
from headcount_cli.control_client import Document
from headcount_cli.failures import BadInput, Declined
from headcount_cli.session import Session, interruptible
from headcount_cli.views.changes import changes_grid
from headcount_cli.views.wishes import override_sentence, pause_sentence
from headcount_cli.views.words import counted, plain
from headcount_cli.waiting import DEFAULT_TIMEOUT, IsDone, steady, wait_until_steady

Freeze = Annotated[bool, typer.Option("--freeze", help="Leave tasks as they are: start none and stop none.")]
Count = Annotated[
    int | None,
    typer.Argument(metavar="COUNT", min=0, max=MAXIMUM_TASKS, help="How many tasks.", show_default=False),
]
End = Annotated[bool, typer.Option("--end", help="Back to the desired count, now.")]


def pause(
    session: Session,
    service: Service,
    freeze: Freeze = False,
    duration: For = None,
    yes: Yes = False,
    reason: Reason = None,
) -> None:
    """Switch a service off, or freeze it, without losing its count.

    Without --freeze all its tasks are stopped: asks first. The desired count is kept, and holds again once somebody
    resumes the service or the time is over.
    """
    control, name = session.control(), named(service)
    if not freeze and session.asks(yes):
        seen = control.describe(name)
        running = seen.get("runningCount", 0)
        what = f"Stop all tasks of {plain(seen.get('service', service))} ({running} running)"
        if not session.world.confirm(f"{what}? --freeze would leave them as they are."):
            raise Declined("Nothing was changed.")
    mode = "freeze" if freeze else "stop"
    result = control.pause(name, mode=mode, seconds=whole_seconds(duration), reason=reason)
    session.output.warnings(result)
    sentence = pause_sentence({"paused": {"mode": mode}, **result}, session.now())
    session.output.result(result, Text(f"{_service(result, service)} is {sentence}"))


def resume(
    session: Session,
    service: Service,
    wait: Wait = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    reason: Reason = None,
) -> None:
    """End a pause: the service returns to its desired count."""
    result = session.control().resume(named(service), reason=reason)
    count = result.get("desiredCount")  # an override's, while one holds
    was = "resumed" if result.get("wasPaused", True) else "was not paused"
    sentence = f"{_service(result, service)} {was}: {counted(count, 'task')}"
    _finish(session, result, Text(sentence), wait=wait, is_done=steady(kept_count=count), timeout=timeout)


def override(
    session: Session,
    service: Service,
    count: Count = None,
    duration: OverrideFor = None,
    end: End = False,
    reason: Reason = None,
) -> None:
    """Run another count until a time, then return to the desired count by itself.

    The desired count is kept: apply and scale go on changing it, and it holds again when the time is over.
    """
    if end:
        if count is not None or duration is not None:
            raise BadInput("--end takes neither a count nor --for.", hint="headcount override SERVICE --end")
        result, sentence = _overridden(session, named(service), 0, 0, reason)
    elif count is None or duration is None:
        raise BadInput("A count and --for are needed.", hint="headcount override SERVICE COUNT --for 2h")
    else:
        result, sentence = override_for(session, named(service), count, duration, reason)
    session.output.result(result, Text(sentence))


def override_for(
    session: Session, service: str, count: int, duration: timedelta, reason: str | None
) -> tuple[Document, str]:
    """Another count for a while: control's answer, and what to say of it."""
    return _overridden(session, service, count, whole_seconds(duration) or 0, reason)


def _overridden(session: Session, service: str, count: int, seconds: int, reason: str | None) -> tuple[Document, str]:
    result = session.control().override(service, count, seconds=seconds, reason=reason)
    session.output.warnings(result)
    name, held = _service(result, service), result.get("override")
    sentence = override_sentence(held, session.now()) if held else "no longer overridden"
    desired = f"; the desired count stays {result['desiredCount']}" if "desiredCount" in result else ""
    return result, f"{name} is {sentence}{desired}"


def redeploy(
    session: Session,
    service: Service,
    wait: Wait = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    reason: Reason = None,
) -> None:
    """Replace all tasks of a service, as a deployment does, without changing anything."""
    result = session.control().redeploy(named(service), reason=reason)
    sentence = f"{_service(result, service)}: {plain(result.get('deployment', '-'))} replaces its tasks"
    _finish(session, result, Text(sentence), wait=wait, is_done=_announced(result), timeout=timeout)


def rollback(
    session: Session,
    service: Service,
    wait: Wait = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    reason: Reason = None,
) -> None:
    """Return to the deployment before, the last that was completed.

    Everything that was declared then holds again, but the desired count stays. The file it came from does not know of
    it: apply that again, and it is changed back.
    """
    result = session.control().rollback(named(service), reason=reason)
    definition = plain(result.get("taskDefinition") or "-").rsplit("task-definition/", 1)[-1]
    sentence = f"{_service(result, service)}: back to {definition}, as {plain(result.get('deployment', '-'))}"
    session.output.talk.print(changes_grid(result.get("changes") or []))
    _finish(session, result, Text(sentence), wait=wait, is_done=_announced(result), timeout=timeout)


def _finish(
    session: Session, result: Document, sentence: Text, *, wait: bool, is_done: IsDone, timeout: timedelta
) -> None:
    session.output.warnings(result)
    if not wait:
        session.output.result(result, sentence)
        return
    session.output.note(sentence.plain)
    with interruptible("Stopped waiting; what was asked for goes on."):
        wait_until_steady(session, str(result.get("service")), is_done, timeout)
    session.output.result(result)


def _announced(result: Document) -> IsDone:
    return steady(deployment=result.get("deployment"), generation=result.get("generation"))


def _service(result: Document, written: str) -> str:
    return plain(result.get("service", written))
