"""Kinds of value that only the block ``scaling`` has: numbers, times, schedules, periods."""

import re
from datetime import UTC, datetime

from headcount.model.manifest_kinds import INVALID, NOTHING, Block, Reading, Text, Whole, problem
from headcount.model.schedule_expression import parse_schedule, zone_of
from headcount.model.showing import shown
from headcount.model.values import dataclass

LARGEST = 2.0**360  # AWS's bound of numbers in policies

_NAME = Text(allowed="the name of an alarm", pattern=re.compile(r"[^\x00-\x1f]{1,255}"))
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A finite number, or the same in digits. ``least``: the smallest that is allowed."""

    least: float = -LARGEST
    most: float = LARGEST
    why: str = ""

    @property
    def allowed(self) -> str:
        bounded = self.least > -LARGEST
        return f"a number{f' from {self.least:g} to {self.most:g}' if bounded else ''}{self.why and f' ({self.why})'}"

    def read(self, path: str, value: object) -> Reading:
        number = float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
        if isinstance(number, bool) or not isinstance(number, int | float):
            return _not(self.allowed, path, value)
        if not self.least <= number <= self.most:  # False for nan as well
            return _not(self.allowed, path, value)
        return Reading(value=float(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """A point in time: ISO 8601 (UTC unless it says otherwise) or epoch seconds; read as epoch seconds."""

    allowed: str = "a time such as 2026-09-21T08:00:00Z"

    def read(self, path: str, value: object) -> Reading:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
            return Reading(value=float(value))
        try:
            found = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            found = None
        if found is None:
            return _not(self.allowed, path, value)
        return Reading(value=(found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleText:
    """A schedule expression."""

    allowed: str = "at(...), rate(...) or cron(...)"

    def read(self, path: str, value: object) -> Reading:
        if not isinstance(value, str):
            return _not(self.allowed, path, value)
        found = parse_schedule(value)
        if isinstance(found, str):
            return Reading(value=INVALID, problems=(problem(path, value, f"{shown(value)} {found}"),))
        return Reading(value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneName:
    """The name of a time zone."""

    allowed: str = "the IANA name of a time zone, such as Europe/Berlin"

    def read(self, path: str, value: object) -> Reading:
        if not isinstance(value, str) or zone_of(value) is None:
            return _not(self.allowed, path, value)
        return Reading(value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What only AWS's answers say, such as an ARN or when something was made: it may be pasted in, and asks nothing."""

    allowed: str = "left out, or as AWS answers it"

    def read(self, path: str, value: object) -> Reading:  # noqa: ARG002  every kind's signature
        return Reading(value=NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmName:
    """The name of an alarm, or how AWS's answers name it: a mapping with ``alarmName`` and ``alarmARN``."""

    allowed: str = "the name of an alarm"

    def read(self, path: str, value: object) -> Reading:
        if not isinstance(value, dict):
            return _NAME.read(path, value)
        block = Block(fields={"alarmName": _NAME, "alarmARN": Fact()}, required={"alarmName": ""})
        reading = block.read(path, value)
        return Reading(value=reading.value.get("alarmName", INVALID), problems=reading.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneItem:
    """An item of a list that may also be written without its wrapping: told by a key that only the short form has."""

    whole: Block
    short: Block
    told_by: str
    wrapped_in: str

    @property
    def allowed(self) -> str:
        return f"{self.whole.allowed}, or {self.short.allowed}"

    def read(self, path: str, value: object) -> Reading:
        keys = (key[:1].lower() + key[1:] for key in value if isinstance(key, str)) if isinstance(value, dict) else ()
        if self.told_by not in keys:
            return self.whole.read(path, value)
        reading = self.short.read(path, value)
        return Reading(value={self.wrapped_in: reading.value}, problems=reading.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A metric's period in seconds: CloudWatch's own."""

    allowed: str = "10, 20, 30 or a multiple of 60 up to 3600 (seconds)"

    def read(self, path: str, value: object) -> Reading:
        reading = Whole(minimum=10, maximum=3600).read(path, value)
        if reading.problems or (reading.value not in (10, 20, 30) and reading.value % 60):
            return _not(self.allowed, path, value)
        return reading


def _not(allowed: str, path: str, value: object) -> Reading:
    return Reading(value=INVALID, problems=(problem(path, value, f"must be {allowed}, not {shown(value)}"),))
