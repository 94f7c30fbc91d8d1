"""What an apply would change, before it is asked for."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headcount_cli.views.secrets import masked
from headcount_cli.views.words import plain, short


def difference(answer: Mapping[str, Any]) -> RenderableType:
    """The answer of a dry run: a headline, one line a change, then warnings."""
    parts: list[RenderableType] = [Text(headline(answer), style="bold")]
    changes = answer.get("changes") or []
    if changes:
        parts.append(_changes(changes))
    parts += [Text(f"  Warning: {plain(warning)}", style="yellow") for warning in answer.get("warnings") or []]
    return Group(*parts)


def headline(answer: Mapping[str, Any]) -> str:
    service = plain(answer.get("service", "-"))
    if answer.get("created"):
        return f"{service}: new service, desired count {answer.get('desiredCount', '-')}"
    if not answer.get("changes"):
        return f"{service}: no changes"
    deployment = "a new deployment replaces its tasks" if answer.get("newDeployment") else "its tasks stay"
    return f"{service}: changes; {deployment}"


def _changes(changes: Iterable[Mapping[str, Any]]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for change in changes:
        path = plain(change.get("path", ""))
        before, after = (masked(path, change.get(side)) for side in ("before", "after"))
        if before is None:
            grid.add_row("  +", path, Text(short(after), style="green"))
        elif after is None:
            grid.add_row("  -", path, Text(short(before), style="red"))
        else:
            value = Text.assemble((short(before), "red"), " -> ", (short(after), "green"))
            grid.add_row("  ~", path, value)
    return grid
