"""``headcount delete``."""

from rich.text import Text

from headcount_cli.commands.arguments import Reason, Service, Timeout, Wait, Yes, named
from headcount_cli.control_client import Document
from headcount_cli.failures import BadInput, Declined
from headcount_cli.session import Session, interruptible
from headcount_cli.views.words import is_native, plain
from headcount_cli.waiting import DEFAULT_TIMEOUT, wait_until_gone

DELETED = "its tasks are stopped, then its name is free again."


def delete(
    session: Session,
    service: Service,
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    reason: Reason = None,
) -> None:
    """Delete a service and stop its tasks. A native service stays as it is in ECS; it is scaled no more.

    Asks first. Where nobody can answer, --yes is required.
    """
    _ask(session, named(service), yes=yes)
    result = session.control().delete(service, reason=reason)
    name = str(result.get("service", service))
    already = " was being deleted already" if result.get("alreadyDeleting") else " is being deleted"
    ends = "ECS keeps it, and nothing scales it any more." if is_native(result) else DELETED
    sentence = f"{plain(name)}{already}: {ends}"
    if wait:
        session.output.note(sentence)
        with interruptible(f"Stopped waiting; {name} goes on being deleted."):
            wait_until_gone(session, name, timeout)
        session.output.result(result)
    else:
        session.output.result(result, Text(sentence))


def _ask(session: Session, service: str, *, yes: bool) -> None:
    """Deleting is not undone by a second command, so silence is not consent."""
    if yes:
        return
    if not session.asks(yes):
        raise BadInput("Deleting a service needs a yes, and nobody is here to ask.", hint="Add --yes.")
    seen = session.control().describe(service)
    if not session.world.confirm(f"Delete {plain(seen.get('service', service))} ({_lost_with(seen)})?"):
        raise Declined("Nothing was changed.")


def _lost_with(seen: Document) -> str:
    if is_native(seen):
        return "ECS keeps it and its tasks, and nothing scales it any more"
    running = seen.get("runningCount", 0)
    return f"stop its {running} running task{'' if running == 1 else 's'}" if running else "it has no running tasks"
