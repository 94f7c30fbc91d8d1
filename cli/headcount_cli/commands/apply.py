"""``headcount apply``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from headcount_cli.commands.arguments import Timeout, Wait, Yes
from headcount_cli.control_client import ControlClient
from headcount_cli.failures import FAILED, Declined, Failure, InvalidManifests, NotSteady, Refused
from headcount_cli.manifests import DeclaredManifest, read_manifests
from headcount_cli.session import Session, interruptible
from headcount_cli.views.changes import difference
from headcount_cli.views.words import plain
from headcount_cli.waiting import DEFAULT_TIMEOUT, steady, wait_until_steady

Files = Annotated[
    list[Path],
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="A manifest, YAML or JSON; - is standard input. May be repeated.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the difference and change nothing.")]
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One manifest, and control's answer to its dry run."""

    manifest: DeclaredManifest
    answer: Answer

    @property
    def is_empty(self) -> bool:
        return not self.answer.get("created") and not self.answer.get("changes")


def apply(
    session: Session,
    files: Files,
    dry_run: DryRun = False,
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Create or change services from manifests.

    Shows the difference first and asks, unless --yes is given or nobody is there to answer. With --wait, the exit
    code is 1 when a service is not steady in time. Ctrl-C while waiting leaves the services applied.
    """
    manifests = read_manifests(files)
    control = session.control()
    changes = _dry_runs(control, manifests)
    if not (dry_run and session.output.json):
        session.output.talk.print(
            *(difference(change.answer, change.manifest.document) for change in changes), sep="\n"
        )
    if dry_run:
        _print_results(session, [change.answer for change in changes])
        return
    if session.asks(yes) and not all(change.is_empty for change in changes) and not session.world.confirm("Apply?"):
        raise Declined("Nothing was changed.")
    results = [_applied(session, control, change) for change in changes]
    if wait:
        _wait_for_all(session, results, timeout)
    else:
        _print_results(session, results)


def _dry_runs(control: ControlClient, manifests: Sequence[DeclaredManifest]) -> list[Change]:
    """Asks about every manifest before the first is applied, so that one refused manifest changes nothing."""
    changes: list[Change] = []
    refusals: list[tuple[DeclaredManifest, Refused]] = []
    for manifest in manifests:
        try:
            changes.append(Change(manifest=manifest, answer=control.apply(manifest.document, dry_run=True)))
        except Refused as refused:
            refusals.append((manifest, refused))
    if len(refusals) == 1:
        raise refusals[0][1]
    if refusals:
        raise _all_refusals(refusals)
    return changes


def _all_refusals(refusals: Sequence[tuple[DeclaredManifest, Refused]]) -> Failure:
    rows: list[dict[str, Any]] = []
    for manifest, refused in refusals:
        problems = refused.problems or ({"path": "", "value": None, "message": refused.message},)
        rows += [{"file": manifest.file, **problem} for problem in problems]
    failure = InvalidManifests(f"{len(refusals)} manifests were refused. Nothing was changed.", problems=rows)
    failure.exit_code = max(refused.exit_code for _, refused in refusals)
    return failure


def _applied(session: Session, control: ControlClient, change: Change) -> Answer:
    """Without a difference there is nothing to send, and the dry run's answer is the result."""
    if change.is_empty:
        return change.answer
    result = control.apply(change.manifest.document, dry_run=False)
    session.output.note(f"Applied {plain(result.get('service', change.manifest.service))}.")
    return result


def _print_results(session: Session, results: Sequence[Answer]) -> None:
    """The difference was the view already; for programs, one document a manifest."""
    for result in results:
        session.output.result(result)


def _wait_for_all(session: Session, results: Sequence[Answer], timeout: timedelta) -> None:
    """Services start side by side: whoever is late was not held up by the one waited for first."""
    ends = session.now() + timeout
    is_late = False
    with interruptible(*_left_applied([str(result["service"]) for result in results])):
        for result in results:
            try:
                _wait_for(session, result, ends - session.now())
            except NotSteady as failure:
                session.output.failure(failure)
                is_late = True
            else:
                session.output.result(result)
    if is_late:
        raise typer.Exit(FAILED)


def _left_applied(services: Sequence[str]) -> tuple[str, str]:
    """What to say after Ctrl-C: the message and the hint."""
    if len(services) == 1:
        return f"Stopped waiting; {services[0]} stays applied.", f"Watch it with 'headcount describe {services[0]}'."
    return f"Stopped waiting; {', '.join(services)} stay applied.", "Watch them with 'headcount list'."


def _wait_for(session: Session, result: Answer, timeout: timedelta) -> None:
    is_done = steady(deployment=result.get("deployment"), generation=result.get("generation"))
    wait_until_steady(session, str(result["service"]), is_done, timeout)
