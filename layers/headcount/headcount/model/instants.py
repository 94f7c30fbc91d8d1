"""Points in time as people and machines read them."""

from datetime import UTC, datetime

FIRST, LAST = -62_135_596_800, 253_402_300_799  # the years 1 to 9999; a broken record's times may lie beyond


def iso(at: float) -> str:
    """ISO 8601 in UTC, to the millisecond: ``2026-09-21T14:13:20.000Z``. ``at`` in epoch seconds."""
    shown = datetime.fromtimestamp(min(max(at, FIRST), LAST), UTC)
    return shown.isoformat(timespec="milliseconds").replace("+00:00", "Z")
