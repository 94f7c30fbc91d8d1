"""What of an answer still holds. A pass leaves its reasons for the next one to change, and time passes them by."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headcount_cli.times import parse_time

Answer = Mapping[str, Any]


def backoff(answer: Answer, now: datetime) -> Answer | None:
    """The backoff that holds starts back now, if one does."""
    held: Answer | None = answer.get("backoff")
    return held if held and held.get("active", True) and _is_ahead(held.get("until"), now) else None


def refusing_zones(answer: Answer, now: datetime) -> list[Answer]:
    """Zones that are skipped at present, because they refused to take tasks."""
    return [zone for zone in answer.get("zones") or [] if _is_ahead(zone.get("skippedUntil"), now)]


def decisions(answer: Answer, now: datetime) -> list[Answer]:
    """The last pass's decisions, without those that only waited for a time that is over."""
    held = backoff(answer, now)
    over = {one.get("reason") for one in [answer.get("backoff")] if one and one is not held}
    refusing = refusing_zones(answer, now)
    over |= {zone.get("reason") for zone in answer.get("zones") or [] if zone not in refusing}
    return [one for one in answer.get("decisions") or [] if one.get("kind") != "hold" or one.get("reason") not in over]


def _is_ahead(value: Any, now: datetime) -> bool:
    at = parse_time(value)
    return at is not None and at > now
