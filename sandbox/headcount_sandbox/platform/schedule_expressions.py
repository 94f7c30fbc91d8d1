"""When a schedule fires: `rate(5 minutes)` and `cron(0 8 ? * MON-FRI *)`, in UTC.

AWS: "Schedule expressions" of EventBridge. The special characters L, W and # of cron are refused.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from headcount_sandbox.errors import HeadcountSandboxError

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\(([^)]*)\)")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_LONGEST_SEARCH = timedelta(days=366 * 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    days_of_month: frozenset[int] | None
    months: frozenset[int]
    days_of_week: frozenset[int] | None
    years: frozenset[int]

    def has_day(self, day: datetime) -> bool:
        return (
            day.year in self.years
            and day.month in self.months
            and (self.days_of_month is None or day.day in self.days_of_month)
            and (self.days_of_week is None or day.isoweekday() % 7 + 1 in self.days_of_week)
        )


def next_time(expression: str, after: datetime) -> datetime | None:
    """The first time after `after` at which the expression fires; None when that is years away or never."""
    if rate := _RATE.fullmatch(expression):
        return after + timedelta(**{f"{rate[2]}s": int(rate[1])})
    if cron := _CRON.fullmatch(expression):
        return _next_of(_parse(expression, cron[1].split()), after)
    raise _unknown(expression)


def _next_of(cron: _Cron, after: datetime) -> datetime | None:
    time = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while time - after < _LONGEST_SEARCH:
        if not cron.has_day(time):
            time = time.replace(hour=0, minute=0) + timedelta(days=1)
        elif time.hour not in cron.hours:
            time = time.replace(minute=0) + timedelta(hours=1)
        elif time.minute not in cron.minutes:
            time += timedelta(minutes=1)
        else:
            return time
    return None


def _parse(expression: str, fields: list[str]) -> _Cron:
    if len(fields) != 6:
        raise _unknown(expression)
    minutes, hours, days_of_month, months, days_of_week, years = fields
    if (days_of_month == "?") == (days_of_week == "?"):
        raise HeadcountSandboxError(f"{expression}: one of day-of-month and day-of-week must be ?, the other not.")
    try:
        return _Cron(
            minutes=_numbers(minutes, 0, 59),
            hours=_numbers(hours, 0, 23),
            days_of_month=None if days_of_month == "?" else _numbers(days_of_month, 1, 31),
            months=_numbers(months, 1, 12, _MONTHS),
            days_of_week=None if days_of_week == "?" else _numbers(days_of_week, 1, 7, _DAYS),
            years=_numbers(years, 1970, 2199),
        )
    except ValueError as error:
        raise _unknown(expression) from error


def _numbers(field: str, smallest: int, largest: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """A field such as `1,5-9,*/15` as the numbers that it allows."""
    allowed: set[int] = set()
    for part in field.upper().split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = smallest if first == "*" else _number(first, names)
        end = _number(last, names) if dash else largest if step or first == "*" else start
        if not smallest <= start <= end <= largest:
            raise ValueError(part)
        allowed.update(range(start, end + 1, int(step or 1)))
    return frozenset(allowed)


def _number(text: str, names: dict[str, int] | None) -> int:
    return (names or {}).get(text) or int(text)


def _unknown(expression: str) -> HeadcountSandboxError:
    return HeadcountSandboxError(
        f"The schedule {expression} is not of a form that the sandbox knows: rate(n minutes), or cron with six fields."
    )
