"""How reasons are worded, so that they read alike everywhere."""

from datetime import UTC, datetime
from functools import lru_cache

from headcount.model.instants import FIRST, LAST


@lru_cache
def clock_time(at: float) -> str:
    """``12:00:05Z``: reasons name points in time, never time left, so that the same decision reads the same."""
    return datetime.fromtimestamp(min(max(at, FIRST), LAST), UTC).strftime("%H:%M:%SZ")


def some(count: int, noun: str) -> str:
    """``1 task``, ``3 tasks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
