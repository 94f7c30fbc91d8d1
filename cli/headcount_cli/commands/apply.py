"""``headcount apply``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import typer

from headcount_cli.commands.arguments import Files, Prune, Reason, Timeout, Wait, Yes
from headcount_cli.control_client import ControlClient, Document
from headcount_cli.dry_runs import Change, dry_runs, undeclared
from headcount_cli.failures import FAILED, BadInput, Declined, NotSteady
from headcount_cli.manifests import is_folder, read_manifests
from headcount_cli.session import Session, interruptible
from headcount_cli.views.changes import difference, prune_view
from headcount_cli.views.words import counted, plain
from headcount_cli.waiting import DEFAULT_TIMEOUT, steady, wait_until_gone, wait_until_steady

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the difference and change nothing.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is to be done: manifests to apply, services to delete. ``alone``: one manifest, by its own file."""

    changes: Sequence[Change]
    doomed: Sequence[Document]
    prunes: bool
    alone: bool

    @property
    def is_empty(self) -> bool:
        return not self.doomed and all(change.is_empty for change in self.changes)

    def document(self, results: Sequence[Document]) -> Document:
        """One document, whatever was asked for: control's own answer for one manifest, a list of them otherwise."""
        if self.alone:
            return dict(results[0])
        pruned: Document = {"prune": [service.get("service") for service in self.doomed]} if self.prunes else {}
        return {"results": list(results), **pruned}


def apply(
    session: Session,
    files: Files,
    dry_run: DryRun = False,
    prune: Prune = False,
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    reason: Reason = None,
) -> None:
    """Create or change services from manifests.

    Shows the difference first and asks, unless --yes is given or nobody is there to answer. With --prune, services
    of the same clusters that no manifest declares are deleted afterwards; where nobody can answer, that needs --yes.
    With --wait, the exit code is 1 when a service is not steady in time, or its load balancing not as declared.
    Ctrl-C while waiting leaves the services applied.
    """
    manifests = read_manifests(files)
    control = session.control()
    proposal = Proposal(
        changes=dry_runs(control, manifests),
        doomed=undeclared(control, manifests) if prune else [],
        prunes=prune,
        alone=not prune and len(manifests) == len(files) == 1 and not is_folder(files[0]),
    )
    _show(session, proposal, quiet=dry_run and session.output.json)
    if dry_run:
        session.output.result(proposal.document([change.answer for change in proposal.changes]))
        return
    _ask(session, proposal, yes=yes)
    results = [_applied(session, control, change, reason) for change in proposal.changes]
    for service in proposal.doomed:
        control.delete(str(service["service"]), reason=reason)
        session.output.note(f"Deleting {plain(service['service'])}.")
    late = _wait_for_all(session, results, proposal.doomed, timeout) if wait else {}
    session.output.result(proposal.document([_with_failure(result, late) for result in results]))
    if late:
        raise typer.Exit(FAILED)


def _show(session: Session, proposal: Proposal, *, quiet: bool) -> None:
    if quiet:
        return
    views = [difference(change.answer, change.manifest.document) for change in proposal.changes]
    session.output.talk.print(*views, *(prune_view(service) for service in proposal.doomed), sep="\n")


def _ask(session: Session, proposal: Proposal, *, yes: bool) -> None:
    """Deleting is not undone by a second command, so silence is not consent to it."""
    if yes or proposal.is_empty:
        return
    doomed = proposal.doomed
    if not session.asks(yes):
        if doomed:
            raise BadInput(
                f"--prune would delete {counted(len(doomed), 'service')}, and nobody is here to ask.",
                hint="Add --yes. Nothing was changed.",
            )
        return
    running = counted(sum(service.get("runningCount") or 0 for service in doomed), "running task")
    and_delete = f", and delete {counted(len(doomed), 'service')} ({running})" if doomed else ""
    if not session.world.confirm(f"Apply{and_delete}?"):
        raise Declined("Nothing was changed.")


def _applied(session: Session, control: ControlClient, change: Change, reason: str | None) -> Document:
    """Without a difference there is nothing to send, and the dry run's answer is the result."""
    if change.is_empty:
        return change.answer
    result = control.apply(change.manifest.document, dry_run=False, reason=reason)
    session.output.note(f"Applied {plain(result.get('service', change.manifest.service))}.")
    return result


def _wait_for_all(
    session: Session, results: Sequence[Document], doomed: Sequence[Document], timeout: timedelta
) -> dict[str, NotSteady]:
    """Who is late, with why. Services start side by side: nobody is held up by the one waited for first."""
    ends = session.now() + timeout
    late: dict[str, NotSteady] = {}
    with interruptible(*_left_applied([str(result["service"]) for result in results])):
        for result in results:
            service = str(result["service"])
            is_done = steady(deployment=result.get("deployment"), generation=result.get("generation"))
            try:
                wait_until_steady(session, service, is_done, ends - session.now())
            except NotSteady as failure:
                late[service] = failure
        for one in doomed:
            try:
                wait_until_gone(session, str(one["service"]), ends - session.now())
            except NotSteady as failure:
                late[str(one["service"])] = failure
    if not session.output.json:
        for one_late in late.values():
            session.output.failure(one_late)
    return late


def _with_failure(result: Document, late: dict[str, NotSteady]) -> Document:
    failure = late.get(str(result.get("service")))
    error: dict[str, Any] = failure.as_document() if failure else {}
    return {**result, **error}


def _left_applied(services: Sequence[str]) -> tuple[str, str]:
    """What to say after Ctrl-C: the message and the hint."""
    if len(services) == 1:
        return f"Stopped waiting; {services[0]} stays applied.", f"Watch it with 'headcount watch {services[0]}'."
    return f"Stopped waiting; {', '.join(services)} stay applied.", "Watch them with 'headcount watch'."
