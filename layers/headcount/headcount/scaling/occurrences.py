"""When a schedule falls due: in local time, through clock changes, between its start and its end.

As EventBridge Scheduler has it: a local time that a clock change skips does not occur, one that comes twice occurs the
first time. A day of ``rate`` is 24 hours. One-shot schedules know no start and no end.
"""

import math
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from headcount.model.instants import iso
from headcount.model.scaling import ScheduledAction
from headcount.model.schedule_expression import LAST_YEAR, At, Cron, Days, Rate, Weekdays, parse_schedule, zone_of

MOST_YEARS = 41  # are searched: a 29 February of a given weekday comes round within 40
_SATURDAY, _SUNDAY = 5, 6


def next_occurrence(action: ScheduledAction, after: float, created_at: float = 0.0) -> float | None:
    """The first time after ``after`` at which an action falls due; None: never again. Epoch seconds.

    A recurring one also falls due at its start. ``created_at``: what a rate without a start counts from.
    """
    schedule, zone = parse_schedule(action.schedule), zone_of(action.timezone)
    if isinstance(schedule, str) or zone is None:  # was checked when it was declared
        return None
    if isinstance(schedule, At):
        at: float | None = schedule.local.replace(tzinfo=zone).timestamp()
        return at if at is not None and at > after else None
    if action.start_at is not None and after < action.start_at:
        at = action.start_at
    elif isinstance(schedule, Rate):
        at = _next_of_rate(schedule, created_at if action.start_at is None else action.start_at, after)
    else:
        at = _next_of_cron(schedule, zone, after)
    return None if at is None or (action.end_at is not None and at > action.end_at) else at


def occurrence_id(action: ScheduledAction, at: float) -> str:
    """One name for one occurrence, whoever computes it: ``morning@2026-09-21T08:00:00.000Z``."""
    return f"{action.name}@{iso(at)}"


def _next_of_rate(schedule: Rate, anchor: float, after: float) -> float:
    passed = math.floor((after - anchor) / schedule.seconds) + 1
    return anchor + max(0, passed) * schedule.seconds


def _next_of_cron(cron: Cron, zone: ZoneInfo, after: float) -> float | None:
    today = datetime.fromtimestamp(after, zone).date()
    for day in _days_of(cron, today):
        for at in _times_of(cron, zone, day):
            if at > after:
                return at
    return None


def _days_of(cron: Cron, first: date) -> Iterator[date]:
    """The days of a cron from ``first`` on."""
    for year in islice((year for year in range(first.year, LAST_YEAR + 1) if year in cron.years), MOST_YEARS):
        for month in sorted(cron.months):
            if (year, month) >= (first.year, first.month):
                yield from (day for day in _days_of_month(cron, year, month) if day >= first)


@lru_cache
def _days_of_month(cron: Cron, year: int, month: int) -> tuple[date, ...]:
    length = monthrange(year, month)[1]
    every = set(range(1, length + 1))
    days = every if cron.days is None else _by_number(cron.days, year, month, length)
    days &= every if cron.weekdays is None else _by_weekday(cron.weekdays, year, month, length)
    return tuple(date(year, month, number) for number in sorted(days))


def _by_number(days: Days, year: int, month: int, length: int) -> set[int]:
    nearest = {
        _nearest_weekday(number or length, year, month, length) for number in days.nearest_weekday if number <= length
    }
    return {number for number in days.numbers if number <= length} | nearest | ({length} if days.last else set())


def _nearest_weekday(number: int, year: int, month: int, length: int) -> int:
    """Monday to Friday nearest to a day, within its month."""
    weekday = date(year, month, number).weekday()
    if weekday == _SATURDAY:
        return number - 1 if number > 1 else number + 2
    if weekday == _SUNDAY:
        return number + 1 if number < length else number - 2
    return number


def _by_weekday(weekdays: Weekdays, year: int, month: int, length: int) -> set[int]:
    found = set()
    for number in range(1, length + 1):
        weekday = date(year, month, number).isoweekday() % 7 + 1
        is_last, nth = number + 7 > length, (weekday, (number + 6) // 7)
        if weekday in weekdays.numbers or nth in weekdays.nth or (is_last and weekday in weekdays.last):
            found.add(number)
    return found


@lru_cache
def _times_of(cron: Cron, zone: ZoneInfo, day: date) -> tuple[float, ...]:
    """Its times on a day that exist, each the first time that it comes."""
    times: list[float] = []
    for hour in sorted(cron.hours):
        for minute in sorted(cron.minutes):
            local = datetime.combine(day, time(hour, minute), zone)
            at = local.timestamp()
            if datetime.fromtimestamp(at, UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                times.append(at)
    return tuple(times)
