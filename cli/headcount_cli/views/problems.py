"""Problems: where, what stands there, and what is allowed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from headcount_cli.views.secrets import masked
from headcount_cli.views.words import columns, plain, short

TABLE_WIDTH = 110  # columns below which a table would break every sentence into a tower of words


@dataclass(frozen=True, slots=True)
class ProblemsView:
    """A table where it fits, else a paragraph a problem. Rows may name a ``file`` each."""

    rows: tuple[Mapping[str, Any], ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from (_table(self.rows) if options.max_width >= TABLE_WIDTH else _paragraphs(self.rows))


def _table(rows: tuple[Mapping[str, Any], ...]) -> Iterable[RenderableType]:
    with_file = any("file" in row for row in rows)
    table = columns(*(["FILE"] if with_file else []), "PATH", "VALUE", "PROBLEM")
    for row in rows:
        file = [plain(row.get("file", "-"))] if with_file else []
        table.add_row(*file, _path(row) or "-", "-" if _is_own_key(row) else _value(row), plain(row.get("message", "")))
    yield table


def _paragraphs(rows: tuple[Mapping[str, Any], ...]) -> Iterable[RenderableType]:
    for file, problems in groupby(rows, key=lambda row: row.get("file")):
        if file:
            yield Text(plain(file), style="bold")
        for problem in problems:
            place = Text(_path(problem) or "the whole document", style="cyan")
            if problem.get("value") is not None and not _is_own_key(problem):
                place.append(f" = {_value(problem)}", style="default")
            yield Padding(place, (0, 0, 0, 2))
            yield Padding(Text(plain(problem.get("message", ""))), (0, 0, 0, 6))


def _path(row: Mapping[str, Any]) -> str:
    return plain(row.get("path") or "")


def _is_own_key(row: Mapping[str, Any]) -> bool:
    """Of a key that nobody knows the key itself is what is wrong, and the path ends with it."""
    key = row.get("value")
    return isinstance(key, str) and re.split(r"[.\[]", str(row.get("path") or ""))[-1].strip("'\"]") == key


def _value(row: Mapping[str, Any]) -> str:
    return short(masked(_path(row), row.get("value")))
