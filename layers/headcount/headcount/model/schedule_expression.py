"""AWS's schedule expressions: ``at(...)``, ``rate(...)`` and ``cron(...)`` with six fields, from text to values.

Source: "Cron expressions" of Application Auto Scaling and EventBridge. Lenient where AWS's own examples are: ``*`` may
stand in both fields for days, and a seventh field (seconds, in front) is read and not heeded.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from headcount.model.values import dataclass

_AT = re.compile(r"at\(([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\)")
_RATE = re.compile(r"rate\(([1-9][0-9]{0,8}) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((.*)\)")
LAST_YEAR = 2199
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_FORMS = "at(yyyy-mm-ddThh:mm:ss), rate(5 minutes) or cron(minutes hours day-of-month month day-of-week year)"


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Once, at a local time."""

    local: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Again and again, so many seconds apart."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Days of a month: by number, the last (``L``), the weekdays nearest to some (``15W``; 0 is the last weekday)."""

    numbers: frozenset[int] = frozenset()
    last: bool = False
    nearest_weekday: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekdays:
    """Days of a week, 1 is Sunday: all, the last ones of a month (``6L``), the nth ones (``3#2``: day, n)."""

    numbers: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    nth: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """At the local times whose parts are all in these sets. None: any day."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: Days | None
    months: frozenset[int]
    weekdays: Weekdays | None
    years: frozenset[int]


Schedule = At | Rate | Cron


@lru_cache
def parse_schedule(text: str) -> Schedule | str:
    """The schedule, or what is wrong with it: completes "schedule ..."."""
    if found := _AT.fullmatch(text):
        try:
            return At(local=datetime.fromisoformat(found[1]))
        except ValueError:
            return f"names a day or time that does not exist: {found[1]}"
    if found := _RATE.fullmatch(text):
        return Rate(seconds=int(found[1]) * _UNITS[found[2]])
    if found := _CRON.fullmatch(text):
        return _cron(found[1].upper().split())
    return f"must be {_FORMS}"


def strict_expression(text: str) -> str:
    """What ``parse_schedule`` reads, as EventBridge Scheduler takes it: six fields, ``?`` for one of the days."""
    if found := _RATE.fullmatch(text):
        return f"rate({found[1]} {found[2]}{'' if found[1] == '1' else 's'})"
    found = _CRON.fullmatch(text)
    if found is None:
        return text
    minutes, hours, days, months, weekdays, years = found[1].upper().split()[-6:]
    if "?" not in (days, weekdays):
        days, weekdays = (days, "?") if weekdays == "*" else ("?", weekdays)
    return f"cron({minutes} {hours} {days} {months} {weekdays} {years})"


def zone_of(name: str) -> ZoneInfo | None:
    """The rules of a time zone by its IANA name, as data; None if there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name, or a folder of names
        return None


class _WrongFieldError(Exception):
    """Ends the reading of a field; never leaves this module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """What a field of numbers may hold. ``wraps``: whether a range may go over its end, as FRI-MON does."""

    name: str
    smallest: int
    largest: int
    names: Mapping[str, int]
    wraps: bool = True

    def numbers(self, text: str) -> frozenset[int]:
        """``1,5-9,*/15`` as the numbers that it allows."""
        return frozenset().union(*map(self._part, text.split(",")))

    def number(self, text: str) -> int:
        found = self.names.get(text, int(text) if re.fullmatch(r"[0-9]{1,4}", text) else None)
        if found is None or not self.smallest <= found <= self.largest:
            names = f" or {'-'.join((next(iter(self.names)), list(self.names)[-1]))}" if self.names else ""
            raise _WrongFieldError(f"{self.name}: {text!r} is not one of {self.smallest}-{self.largest}{names}")
        return found

    def _part(self, part: str) -> frozenset[int]:
        span, slash, step_text = part.partition("/")
        first, dash, last = span.partition("-")
        step = self._step(step_text) if slash else 1
        if first == "*" and not dash:
            return frozenset(range(self.smallest, self.largest + 1, step))
        start = self.number(first)
        end = self.number(last) if dash else self.largest if slash else start
        if start <= end:
            return frozenset(range(start, end + 1, step))
        if not self.wraps:
            raise _WrongFieldError(f"{self.name}: {part!r} ends before it begins")
        size = self.largest - self.smallest + 1
        return frozenset((one - self.smallest) % size + self.smallest for one in range(start, end + size + 1, step))

    def _step(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) == 0:
            raise _WrongFieldError(f"{self.name}: the step after / must be a positive whole number, not {text!r}")
        return int(text)


_SECONDS = _Field(name="seconds", smallest=0, largest=59, names={})
_MINUTES = _Field(name="minutes", smallest=0, largest=59, names={})
_HOURS = _Field(name="hours", smallest=0, largest=23, names={})
_DAYS = _Field(name="day-of-month", smallest=1, largest=31, names={})
_MONTH = _Field(name="month", smallest=1, largest=12, names=_MONTHS)
_WEEKDAY = _Field(name="day-of-week", smallest=1, largest=7, names=_WEEKDAYS)
_YEARS = _Field(name="year", smallest=1970, largest=LAST_YEAR, names={}, wraps=False)


def _cron(fields: list[str]) -> Cron | str:
    if len(fields) not in (6, 7):
        return f"must have six fields (minutes hours day-of-month month day-of-week year), not {len(fields)}"
    *seconds, minutes, hours, days, months, weekdays, years = fields
    if days == weekdays == "?" or not {days, weekdays} & {"?", "*"}:
        return "must have ? for one of day-of-month and day-of-week, and a value for the other"
    try:
        for one in seconds:
            _SECONDS.numbers(one)
        return Cron(
            minutes=_MINUTES.numbers(minutes),
            hours=_HOURS.numbers(hours),
            days=None if days in ("?", "*") else _days(days),
            months=_MONTH.numbers(months),
            weekdays=None if weekdays in ("?", "*") else _weekdays(weekdays),
            years=_YEARS.numbers(years),
        )
    except _WrongFieldError as wrong:
        return f"is wrong in {wrong}"


def _days(text: str) -> Days:
    plain, nearest, last = set[int](), set[int](), False
    for part in text.split(","):
        if part == "L":
            last = True
        elif part == "LW":
            nearest.add(0)
        elif part.endswith("W"):
            nearest.add(_DAYS.number(part[:-1]))
        else:
            plain |= _DAYS.numbers(part)
    return Days(numbers=frozenset(plain), last=last, nearest_weekday=frozenset(nearest))


def _weekdays(text: str) -> Weekdays:
    plain, last, nth = set[int](), set[int](), set[tuple[int, int]]()
    for part in text.split(","):
        day, sign, week = part.partition("#")
        if sign:
            nth.add((_WEEKDAY.number(day), _week(week)))
        elif part == "L":
            plain.add(7)  # alone it is the last day of the week
        elif part.endswith("L"):
            last.add(_WEEKDAY.number(part[:-1]))
        else:
            plain |= _WEEKDAY.numbers(part)
    return Weekdays(numbers=frozenset(plain), last=frozenset(last), nth=frozenset(nth))


def _week(text: str) -> int:
    if text not in ("1", "2", "3", "4", "5"):
        raise _WrongFieldError(f"day-of-week: after # stands which one of a month, 1-5, not {text!r}")
    return int(text)
