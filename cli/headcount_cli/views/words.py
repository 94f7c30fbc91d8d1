"""Pieces that all views share: safe text, columns, the colours of states."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

STATE_STYLES = {
    "STEADY": "green",
    "NEW": "cyan",
    "RECONCILING": "cyan",
    "DEPLOYING": "cyan",
    "BACKING_OFF": "yellow",
    "BLOCKED": "bold red",
    "PAUSED": "blue",
    "DELETING": "magenta",
}
LONGEST_VALUE = 200


def plain(value: Any) -> str:
    """Text from elsewhere, without control characters: a reason must not be able to drive the terminal."""
    text = value if isinstance(value, str) else str(value)
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def state(name: Any) -> Text:
    return Text(plain(name or "-"), style=STATE_STYLES.get(str(name), ""))


def short(value: Any) -> str:
    """A JSON value in little room; ``-`` for nothing."""
    if value is None or value == "":
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return plain(text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}...")


def columns(*headings: str) -> Table:
    """A table without lines, whose columns fold rather than lose anything."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def aligned(rows: Sequence[Sequence[Text]], gap: int = 2) -> list[Text]:
    """Rows as lines whose columns stand below each other; what is too long for the terminal ends in an ellipsis."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        line = Text(no_wrap=True, overflow="ellipsis")
        for cell, width in zip(row, widths, strict=True):
            line.append_text(cell).append(" " * (width - _width(cell) + gap))
        line.rstrip()
        lines.append(line)
    return lines


def _width(cell: Text) -> int:
    return cell_len(cell.plain)


def counted(count: Any, noun: str) -> str:
    """``1 task``, ``3 tasks``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def bullets(sentences: Iterable[Any], indent: int = 2) -> Table:
    """Sentences one below the other, each wrapped under its own beginning."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=indent, no_wrap=True)
    grid.add_column(overflow="fold")
    for sentence in sentences:
        grid.add_row(" " * (indent - 1) + "-", sentence if isinstance(sentence, Text) else plain(sentence))
    return grid


def heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def is_native(answer: Mapping[str, Any]) -> bool:
    """Whether ECS itself keeps the service, and Headcount only scales it."""
    return answer.get("kind") == "NativeService"
