"""``headcount delete``."""

from rich.text import Text

from headcount_cli.commands.arguments import Service, Timeout, Wait, Yes, named
from headcount_cli.failures import BadInput, Declined
from headcount_cli.session import Session, interruptible
from headcount_cli.views.words import plain
from headcount_cli.waiting import DEFAULT_TIMEOUT, wait_until_gone


def delete(
    session: Session, service: Service, yes: Yes = False, wait: Wait = False, timeout: Timeout = DEFAULT_TIMEOUT
) -> None:
    """Delete a service and stop its tasks.

    Asks first. Where nobody can answer, --yes is required.
    """
    _ask(session, named(service), yes=yes)
    result = session.control().delete(service)
    name = str(result.get("service", service))
    already = " was being deleted already" if result.get("alreadyDeleting") else " is being deleted"
    sentence = f"{plain(name)}{already}: its tasks are stopped, then its name is free again."
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
    running = seen.get("runningCount", 0)
    tasks = f"stop its {running} running task{'' if running == 1 else 's'}" if running else "it has no running tasks"
    if not session.world.confirm(f"Delete {plain(seen.get('service', service))} ({tasks})?"):
        raise Declined("Nothing was changed.")
