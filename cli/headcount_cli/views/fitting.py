"""Sections that share the height of a screen: each says how little it can do with."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

Lines = list[list[Segment]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """``least``: lines that it gets before any other section gets more. ``what`` the lines are, in plural."""

    body: RenderableType
    title: str = ""
    least: int = 3
    what: str = "lines"
    rest: str = ""  # what to say instead of how many lines are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """``head``, sections as far as there is room, ``foot`` on the last lines. Without a height everything is shown."""

    head: RenderableType
    sections: Sequence[Section]
    foot: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height
        free = options.update(height=None)
        head = console.render_lines(self.head, free, pad=False)
        foot = console.render_lines(self.foot, free, pad=False)
        bodies = [_lines(console, free, section) for section in self.sections]
        if height is None:
            yield from _printed([*head, *(line for body in bodies for line in body), *foot])
            return
        head = head[: max(1, height - len(foot))]
        rooms = share(
            [len(body) for body in bodies], [_least(one) for one in self.sections], height - len(head) - len(foot)
        )
        middle = [
            line
            for section, body, room in zip(self.sections, bodies, rooms, strict=True)
            for line in _cut(console, free, section, body, room)
        ]
        blank: Lines = [[] for _ in range(height - len(head) - len(middle) - len(foot))]
        yield from _printed([*head, *middle, *blank, *foot])


def share(wants: Sequence[int], leasts: Sequence[int], room: int) -> list[int]:
    """How many lines each may have: first what each needs at least, then what is left over, in order."""
    given: list[int] = []
    for want, least in zip(wants, leasts, strict=True):
        given.append(min(want, least, max(room - sum(given), 0)))
    for index, want in enumerate(wants):
        given[index] += min(want - given[index], max(room - sum(given), 0))
    return given


def _least(section: Section) -> int:
    return section.least + (2 if section.title else 0)  # a blank line and the title


def _lines(console: Console, options: ConsoleOptions, section: Section) -> Lines:
    body = console.render_lines(section.body, options, pad=False)
    if not section.title:
        return body
    return [[], *console.render_lines(Text(section.title, style="bold"), options, pad=False), *body]


def _cut(console: Console, options: ConsoleOptions, section: Section, body: Lines, room: int) -> Lines:
    """The last line says that there is more; a title alone would say nothing."""
    if len(body) <= room:
        return body
    if room <= (2 if section.title else 0):
        return []
    rest = section.rest or f"{len(body) - room + 1} more {section.what}"
    more = Text(f"... {rest}", style="dim", no_wrap=True, overflow="ellipsis")
    return [*body[: room - 1], *console.render_lines(more, options, pad=False)]


def _printed(lines: Lines) -> RenderResult:
    for index, line in enumerate(lines):
        if index:
            yield Segment.line()
        yield from line
