"""Where a command's words go: results to standard output, everything said beside them to standard error."""

import json
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NoReturn

from rich.console import Console, RenderableType
from rich.text import Text

from headcount_cli.failures import Failure
from headcount_cli.views.problems import ProblemsView
from headcount_cli.views.words import plain

UNBOUNDED_WIDTH = 160  # for files and pipes: wide enough that `grep` finds whole lines


class OutputFormat(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"


class OutputClosed(Exception):  # not an error: a reader like `head` had enough
    """Whoever read standard output is gone."""


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Rich would end the process without a word."""
        raise OutputClosed


class Output:
    """Prints results in the chosen format; ``notes`` is for what is no result: progress, questions, warnings."""

    def __init__(self, *, output_format: OutputFormat = OutputFormat.TABLE, color: bool = True) -> None:
        self.json = output_format is OutputFormat.JSON
        colorless = not color or bool(os.environ.get("NO_COLOR"))
        self.console = _console(colorless=colorless, stderr=False)
        self.notes = _console(colorless=colorless, stderr=True)

    @property
    def talk(self) -> Console:
        """Where to show what belongs to the conversation: beside the result, unless the result is for a program."""
        return self.notes if self.json else self.console

    def result(self, document: Mapping[str, Any], *views: RenderableType, whole: bool = False) -> None:
        """Prints the answer: as JSON exactly what control answered, else the views in order.

        ``whole``: lines that people copy, which are as long as they are.
        """
        if self.json:
            self.document(document)
        else:
            for view in views:
                self.console.print(view, soft_wrap=whole)

    def document(self, document: Mapping[str, Any], *, indent: int | None = 2) -> None:
        sys.stdout.write(json.dumps(document, indent=indent, default=str) + "\n")
        sys.stdout.flush()

    def raw(self, text: str) -> None:
        """A text that is a file by itself, to be piped into one."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def note(self, message: str, style: str = "", *, whole: bool = False) -> None:
        """Says something beside the result. ``whole``: a line that people copy, which is as long as it is."""
        sys.stdout.flush()  # where both go to one file, the order should be that of the events
        soft_wrap = whole or not self.notes.is_terminal
        self.notes.print(Text(plain(message), style=style), soft_wrap=soft_wrap)

    def warnings(self, document: Mapping[str, Any]) -> None:
        """What is allowed and may surprise, as control says it of a change."""
        for warning in document.get("warnings") or []:
            self.note(f"Warning: {plain(warning)}", style="yellow")

    def failure(self, failure: Failure) -> None:
        """The one place that tells a user what went wrong."""
        if self.json:
            self.document(failure.as_document())
            return
        sys.stdout.flush()
        self.notes.print(
            Text.assemble((failure.label, "bold red"), plain(failure.message)), soft_wrap=not self.notes.is_terminal
        )
        if failure.problems:
            self.notes.print(ProblemsView(failure.problems))
        if failure.hint:
            self.note(failure.hint)


def _console(*, colorless: bool, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else UNBOUNDED_WIDTH
    return _Console(
        stderr=stderr,
        width=width,
        color_system=None if colorless else "auto",
        markup=False,  # names and reasons come from elsewhere: a bracket in them is a bracket
        highlight=False,
        emoji=False,
    )
