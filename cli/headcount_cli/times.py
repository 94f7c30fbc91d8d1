"""Points in time for people: absolute in UTC (to compare with logs), relative beside it (to grasp at once)."""

from datetime import UTC, datetime
from typing import Any

from headcount_cli.durations import format_seconds


def parse_time(value: Any) -> datetime | None:
    """ISO 8601 or epoch seconds, as answers carry them; ``None`` for anything else."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value)
            return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def relative(at: datetime, now: datetime, units: int = 2) -> str:
    """``5m ago``, ``in 1h 38s``, ``now``."""
    seconds = (now - at).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{format_seconds(seconds, units)} ago" if seconds > 0 else f"in {format_seconds(-seconds, units)}"


def ago(value: Any, now: datetime) -> str:
    """The relative form alone, in one unit, for narrow columns; ``-`` when there is no time."""
    at = parse_time(value)
    return relative(at, now, units=1) if at else "-"


def clock(at: datetime) -> str:
    return at.strftime("%H:%M:%S")


def day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d")


def when(value: Any, now: datetime) -> str:
    """``03:12:40 UTC (5m ago)``, with the date unless it is today; ``-`` when there is no time."""
    at = parse_time(value)
    if at is None:
        return "-"
    date = "" if day(at) == day(now) else f"{day(at)} "
    return f"{date}{clock(at)} UTC ({relative(at, now)})"
