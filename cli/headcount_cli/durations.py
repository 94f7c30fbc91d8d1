"""Durations as people write them: ``90s``, ``10m``, ``2h``, ``1h30m``."""

import re
from collections.abc import Callable
from datetime import timedelta

import typer

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"([0-9]{1,9})([smhd])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LONGEST = timedelta(days=7)
YEAR = timedelta(days=365)


def duration_parser(shortest: timedelta, longest: timedelta) -> Callable[[str | timedelta], timedelta]:
    """A parser of an option's durations. It raises ``typer.BadParameter``, so that the option is named in the message.

    An option has one parser that knows all its bounds, so that there is one truth about what is allowed.
    """

    def parse(text: str | timedelta) -> timedelta:
        if isinstance(text, timedelta):  # a default passes through the same parser
            return text
        written = text.strip().lower()
        if not _WHOLE.fullmatch(written):
            raise typer.BadParameter(f"'{text}' is not a duration. Write a number with a unit: 90s, 10m, 2h or 1h30m.")
        seconds = sum(int(part[1]) * UNITS[part[2]] for part in _PART.finditer(written))
        if not shortest.total_seconds() <= seconds <= longest.total_seconds():
            least, most = format_seconds(shortest.total_seconds()), format_seconds(longest.total_seconds())
            raise typer.BadParameter(f"'{text}' is out of range: from {least} to {most}.")
        return timedelta(seconds=seconds)

    return parse


def format_seconds(seconds: float, units: int = 2) -> str:
    """The largest units first, no more than ``units`` of them: ``38s``, ``5m``, ``2h 10m``, ``3d 4h``."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in reversed(UNITS.items()):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break  # "3d 5s" would pretend a precision that nobody reads
    return " ".join(parts[:units]) or "0s"


parse_duration = duration_parser(SECOND, LONGEST)
