"""The kinds of value a manifest is made of: what each allows, and how it is read.

A kind reads what a person or CloudFormation wrote into what the rest of Headcount uses: keys in AWS's lower camel case,
numbers and booleans as such even if they came as strings. It never raises: what is wrong becomes a ``Problem`` and the
value becomes ``INVALID``, so that one reading finds everything. How deep a reading goes is bounded by the declared
shape, never by the document.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import field
from difflib import get_close_matches
from typing import Any, Final, Protocol

from headcount.model.problem import Problem
from headcount.model.showing import shown, small
from headcount.model.values import dataclass

INVALID: Final = object()  # stands where a value was given that is not allowed
NOTHING: Final = object()  # stands where a value was given that asks for nothing

SUGGESTED_KEYS = 20  # nearest keys are looked up for so many unknown ones of a block: the search is slow
LISTED_KEYS = 8  # of a block, where a message lists them
LONGEST_KEY = 64  # of AWS's; nothing longer resembles one

UNSUPPORTED = "not supported by this version of Headcount"

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: no UTF-8 can carry it
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was understood (or ``INVALID``, ``NOTHING``) and what was wrong."""

    value: Any
    problems: tuple[Problem, ...] = ()


class Kind(Protocol):
    """One kind of value. ``allowed`` completes "must be ..."."""

    @property
    def allowed(self) -> str: ...

    def read(self, path: str, value: object) -> Reading: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string that matches ``pattern`` as a whole; a group called ``value`` in it is the part that is kept."""

    allowed: str
    pattern: re.Pattern[str] | None = None

    def read(self, path: str, value: object) -> Reading:
        if not isinstance(value, str):
            return _not(self.allowed, path, value, hint=" (put it in quotes)" if _is_scalar(value) else "")
        if _SURROGATE.search(value):
            return _not("text that UTF-8 can carry", path, value)
        if self.pattern is None:
            return Reading(value=value)
        match = self.pattern.fullmatch(value)
        if match is None:
            return _not(self.allowed, path, value)
        return Reading(value=match["value"] if "value" in self.pattern.groupindex else value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """An integer within bounds, or its decimal digits as a string. Never a float: 2.9 tasks are a mistake."""

    minimum: int
    maximum: int
    why: str = ""

    @property
    def allowed(self) -> str:
        bounds = f"a whole number from {self.minimum} to {self.maximum}"
        bounds = str(self.minimum) if self.minimum == self.maximum else bounds
        return f"{bounds}{self.why and f' ({self.why})'}"

    def read(self, path: str, value: object) -> Reading:
        number = int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value
        if isinstance(number, bool) or not isinstance(number, int) or not self.minimum <= number <= self.maximum:
            return _not(self.allowed, path, value)
        return Reading(value=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """A duration within bounds; fractions are allowed, and a whole number stays an integer."""

    minimum: int
    maximum: int

    @property
    def allowed(self) -> str:
        return f"a number of seconds from {self.minimum} to {self.maximum}"

    def read(self, path: str, value: object) -> Reading:
        number = float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value
        if isinstance(number, bool) or not isinstance(number, int | float):
            return _not(self.allowed, path, value)
        if not self.minimum <= number <= self.maximum:  # False for nan as well
            return _not(self.allowed, path, value)
        return Reading(value=int(number) if number == int(number) else number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A boolean, or ``"true"``/``"false"`` as CloudFormation sends it."""

    allowed: str = "true or false"

    def read(self, path: str, value: object) -> Reading:
        if isinstance(value, bool):
            return Reading(value=value)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return Reading(value=value.lower() == "true")
        return _not(self.allowed, path, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """One of a few words. ``refused`` are other words of AWS, each with the reason why this version refuses it.

    ``others`` is the reason for words that only the user's account could explain, such as names of capacity providers.
    """

    values: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    others: str = ""

    @property
    def allowed(self) -> str:
        return self.values[0] if len(self.values) == 1 else f"one of {', '.join(self.values)}"

    def read(self, path: str, value: object) -> Reading:
        if isinstance(value, str) and value in self.values:
            return Reading(value=value)
        reason = self.refused.get(value, self.others) if isinstance(value, str) else ""
        if reason:
            return _unsupported(path, value, f"{reason}; allowed: {self.allowed}")
        return _not(self.allowed, path, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A field that exists and that this version does not honour. An empty list asks for nothing and may stay."""

    reason: str
    allowed: str = "left out"

    def read(self, path: str, value: object) -> Reading:
        if value == []:
            return Reading(value=NOTHING)
        return Reading(value=INVALID, problems=(problem(path, value, f"is {UNSUPPORTED}: {self.reason}"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A field that other mappings have. ``of`` says what this one is."""

    of: str
    reason: str
    allowed: str = "left out"

    def read(self, path: str, value: object) -> Reading:
        message = f"must be left out of {self.of}: {self.reason}"
        return Reading(value=INVALID, problems=(problem(path, value, message),))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """A list of one kind. ``identity`` gives what no two items may share; None allows repeats."""

    item: Kind
    minimum: int = 0
    maximum: int
    identity: Callable[[Any], Hashable] | None = None
    why: str = ""

    @property
    def allowed(self) -> str:
        size = f"at most {self.maximum}" if self.minimum == 0 else f"{self.minimum} to {self.maximum}"
        size = str(self.minimum) if self.minimum == self.maximum else size
        return f"a list of {size}{self.why and f' ({self.why})'}, each {self.item.allowed}"

    def read(self, path: str, value: object) -> Reading:
        if not isinstance(value, list):
            return _not(self.allowed, path, value)
        wrong_size = not self.minimum <= len(value) <= self.maximum
        problems = [problem(path, value, f"must be {self.allowed}, not {shown(value)}")] if wrong_size else []
        readings = [self.item.read(f"{path}[{index}]", item) for index, item in enumerate(value[: self.maximum])]
        problems += [found for reading in readings for found in reading.problems]
        problems += self._repeats(path, readings)
        return Reading(value=[reading.value for reading in readings], problems=tuple(problems))

    def _repeats(self, path: str, readings: list[Reading]) -> list[Problem]:
        if self.identity is None:
            return []
        first: dict[Hashable, int] = {}
        problems = []
        for index, reading in enumerate(readings):
            if reading.problems:
                continue
            identity = self.identity(reading.value)
            if first.setdefault(identity, index) != index:
                message = f"{shown(identity)} must not be repeated: it already stands at {path}[{first[identity]}]"
                problems.append(problem(f"{path}[{index}]", identity, message))
        return problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A mapping with declared keys. ``required`` gives for each key that must be there the reason, or ``""``."""

    fields: Mapping[str, Kind]
    required: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed(self) -> str:
        return f"a mapping with {self._supported()}"

    def read(self, path: str, value: object) -> Reading:
        if not isinstance(value, dict):
            return _not(self.allowed, path or "manifest", value)
        written, problems = self._spelled(path, value)
        understood: dict[str, Any] = {}
        for name, key in written.items():
            reading = self._read_field(name, joined(path, key), value[key])
            problems += reading.problems
            if reading.value is not NOTHING:
                understood[name] = reading.value
        problems += [
            problem(joined(path, name), None, f"is required: {self._requirement(name)}")
            for name in self.required
            if name not in written
        ]
        return Reading(value=understood, problems=tuple(problems))

    def _read_field(self, name: str, path: str, value: object) -> Reading:
        if value is None:
            message = "has no value (null): give it one or leave the key out"
            return Reading(value=INVALID, problems=(problem(path, None, message),))
        return self.fields[name].read(path, value)

    def _requirement(self, name: str) -> str:
        why = self.required[name]
        return f"{self.fields[name].allowed}{why and f'; {why}'}"

    def _spelled(self, path: str, value: dict[Any, Any]) -> tuple[dict[str, Any], list[Problem]]:
        """Declared name -> key as written, for every key that is known; the others as problems."""
        written: dict[str, Any] = {}
        problems: list[Problem] = []
        for key, item in value.items():
            name = key[:1].lower() + key[1:] if isinstance(key, str) else None
            if name is None or name not in self.fields:
                problems.append(self._unknown(path, key, suggest=len(problems) < SUGGESTED_KEYS))
            elif name in written:
                message = f"stands twice, as {written[name]} and as {key}: keep one"
                problems.append(problem(joined(path, key), item, message))
            else:
                written[name] = key
        return written, problems

    def _unknown(self, path: str, key: object, *, suggest: bool) -> Problem:
        near: list[str] = []
        if suggest and isinstance(key, str) and len(key) <= LONGEST_KEY:
            near = get_close_matches(key[:1].lower() + key[1:], self.fields, n=1)
        meant = f": did you mean {near[0]}?" if near else f"; known here: {self._supported()}"
        return problem(joined(path, key), key, f"is not a key that Headcount knows{meant}")

    def _supported(self) -> str:
        names = [name for name, kind in self.fields.items() if not isinstance(kind, Unsupported | LeftOut)]
        return ", ".join(names if len(names) <= LISTED_KEYS else [*names[:LISTED_KEYS], "..."])


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """A mapping with keys of the user's own, such as labels; their spelling is kept."""

    item: Kind
    maximum: int

    @property
    def allowed(self) -> str:
        return f"a mapping of at most {self.maximum} keys, each {self.item.allowed}"

    def read(self, path: str, value: object) -> Reading:
        if not isinstance(value, dict) or len(value) > self.maximum:
            return _not(self.allowed, path, value)
        odd = [problem(path, key, f"{shown(key)} is no key: keys are strings") for key in value if not _is_text(key)]
        readings = {key: self.item.read(joined(path, key), item) for key, item in value.items() if _is_text(key)}
        problems = (*odd, *(found for reading in readings.values() for found in reading.problems))
        return Reading(value={key: reading.value for key, reading in readings.items()}, problems=problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameOr:
    """A name, or a mapping that says what the name would stand for."""

    name: Text
    mapping: Kind

    @property
    def allowed(self) -> str:
        return f"{self.name.allowed}, or {self.mapping.allowed}"

    def read(self, path: str, value: object) -> Reading:
        return self.mapping.read(path, value) if isinstance(value, dict) else self.name.read(path, value)


def has_invalid(value: object) -> bool:
    """Whether something in a value that was read is ``INVALID``."""
    if isinstance(value, dict):
        return any(has_invalid(item) for item in value.values())
    if isinstance(value, list):
        return any(has_invalid(item) for item in value)
    return value is INVALID


def problem(path: str, value: object, message: str) -> Problem:
    """A ``Problem`` whose value is small enough to print and to send."""
    return Problem(path=path, value=small(value), message=message)


def joined(path: str, key: object) -> str:
    """The path of a key, as a person would write it; keys that are no words are quoted."""
    if isinstance(key, str) and _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{shown(key)}]"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _SURROGATE.search(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool | int | float)


def _not(allowed: str, path: str, value: object, hint: str = "") -> Reading:
    message = f"must be {allowed}, not {shown(value)}{hint}"
    return Reading(value=INVALID, problems=(problem(path, value, message),))


def _unsupported(path: str, value: object, reason: str) -> Reading:
    message = f"{shown(value)} is {UNSUPPORTED}: {reason}"
    return Reading(value=INVALID, problems=(problem(path, value, message),))
