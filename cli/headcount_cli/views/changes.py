"""What an apply would change, before it is asked for."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headcount_cli.views.secrets import masked
from headcount_cli.views.words import counted, plain, short

Answer = Mapping[str, Any]


def difference(answer: Answer, written: Answer) -> RenderableType:
    """The answer of a dry run: a headline, one line a change, then warnings.

    Of a new service everything is new; only what stands in the manifest as ``written`` is worth a line.
    """
    changes = list(answer.get("changes") or [])
    shown = [change for change in changes if _is_written(change, written)] if answer.get("created") else changes
    parts: list[RenderableType] = [Text(headline(answer), style="bold"), changes_grid(shown)]
    if len(changes) > len(shown):
        parts.append(Text(f"    and {len(changes) - len(shown)} more at their defaults", style="dim"))
    parts += [_warning(warning) for warning in answer.get("warnings") or []]
    return Group(*parts)


def _warning(warning: Any) -> RenderableType:
    """Wrapped under its own beginning."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, style="yellow")
    grid.add_column(overflow="fold", style="yellow")
    grid.add_row("  Warning:", plain(warning))
    return grid


def _is_written(change: Answer, written: Answer) -> bool:
    """Whether the change's outermost field stands in the manifest, whose keys may begin with a capital."""
    field = re.split(r"[.\[]", str(change.get("path", "")), maxsplit=1)[0]  # a.b, a[0].b
    return any(field[:1].lower() + field[1:] == str(key)[:1].lower() + str(key)[1:] for key in written)


def headline(answer: Answer) -> str:
    service = plain(answer.get("service", "-"))
    if answer.get("created"):
        return f"{service}: new service, desired count {answer.get('desiredCount', '-')}"
    if not answer.get("changes"):
        return f"{service}: no changes"
    deployment = "a new deployment replaces its tasks" if answer.get("newDeployment") else "its tasks stay"
    return f"{service}: changes; {deployment}"


def prune_view(service: Answer) -> RenderableType:
    """A service that no manifest declares, as ``list`` tells it."""
    running = counted(service.get("runningCount") or 0, "running task")
    return Text(f"{plain(service.get('service', '-'))}: declared nowhere; it is deleted ({running})", style="bold red")


def changes_grid(changes: Iterable[Answer]) -> Table:
    """A line a change: ``+`` new, ``-`` gone, ``~`` different."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, no_wrap=True)
    grid.add_column(overflow="fold")
    for change in changes:
        path = plain(change.get("path", ""))
        before, after = (masked(path, change.get(side)) for side in ("before", "after"))
        if before == after:
            grid.add_row("  ~", Text.assemble(f"{path}: ", (short(after), "green"), "; what is hidden has changed"))
        elif before is None:
            grid.add_row("  +", Text.assemble(f"{path}: ", (short(after), "green")))
        elif after is None:
            grid.add_row("  -", Text.assemble(f"{path}: ", (short(before), "red")))
        else:
            grid.add_row("  ~", Text.assemble(f"{path}: ", (short(before), "red"), " -> ", (short(after), "green")))
    return grid
