"""``headcount diff``."""

import typer

from headcount_cli.commands.arguments import Files, Prune
from headcount_cli.dry_runs import dry_runs, undeclared
from headcount_cli.failures import BAD_INPUT, Failure
from headcount_cli.manifests import read_manifests
from headcount_cli.session import Session, interruptible
from headcount_cli.views.changes import difference, prune_view

DIFFERENT = 1


def diff(session: Session, files: Files, prune: Prune = False) -> None:
    """Show what apply would change, and change nothing.

    The exit code is that of diff: 0 where nothing differs, 1 where something does, 2 for trouble of any kind.
    """
    try:
        with interruptible():
            differs = _show(session, files, prune=prune)
    except Failure as failure:
        failure.exit_code = BAD_INPUT
        raise
    if differs:
        raise typer.Exit(DIFFERENT)


def _show(session: Session, files: Files, *, prune: bool) -> bool:
    manifests = read_manifests(files)
    control = session.control()
    changes = dry_runs(control, manifests)
    doomed = undeclared(control, manifests) if prune else []
    differs = bool(doomed) or not all(change.is_empty for change in changes)
    document = {
        "different": differs,
        "results": [change.answer for change in changes],
        "prune": [service.get("service") for service in doomed],
    }
    views = [difference(change.answer, change.manifest.document) for change in changes]
    session.output.result(document, *views, *(prune_view(service) for service in doomed))
    return differs
