"""What events of AWS have in common: their envelope, their times, and what CloudWatch tells of an alarm.

Strict about the few fields that are read; every problem is named at once.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from headcount.errors import Poisoned
from headcount.model.instants import LAST
from headcount.model.showing import shown
from headcount.model.values import dataclass

ALARM_CHANGE = "CloudWatch Alarm State Change"
DESCRIPTION = "detail.configuration.description"
_LONGEST_ALARM_NAME = 255
_ALARM_STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, halves of characters


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """The state that an alarm has ``at`` a time (epoch seconds) and from then on. ``description``: raw."""

    name: str
    value: str
    at: float
    description: Any = None


def detail_of(event: object, kind: str) -> Mapping[str, Any]:
    """The object in which an event of this kind says everything."""
    detail = event.get("detail") if isinstance(event, Mapping) else None
    if not isinstance(detail, Mapping):
        raise Poisoned(f"detail is {type(detail).__name__}: an {kind} event has an object there")
    return detail


def missing(detail: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """The fields that are not there, as problems."""
    return [f"detail.{name} is missing" for name in names if name not in detail]


def refuse(problems: list[str]) -> None:
    """Raise ``Poisoned`` with all problems, if there are any."""
    if problems:
        raise Poisoned("; ".join(problems))


def is_name(text: str, longest: int) -> bool:
    """Whether it may be a name that people gave: AWS takes any character, such as the wide space of Japanese."""
    return 0 < len(text) <= longest and _NO_TEXT.search(text) is None


def of_this_age(moment: datetime) -> float:
    """Epoch seconds; ``ValueError`` for what is no instant that people can be shown."""
    at = moment.timestamp()
    if moment.tzinfo is None or not 0 <= at <= LAST:
        raise ValueError("no instant that people can be shown")
    return at


def alarm_state(event: object, problems: list[str]) -> AlarmState:
    """A "CloudWatch Alarm State Change".

    The time is that of ``state``: the envelope has whole seconds only, and others may have looked in this very one.
    """
    detail = detail_of(event, ALARM_CHANGE)
    problems += missing(detail, ("alarmName", "state"))
    name = detail.get("alarmName", "")
    if name != "" and not (isinstance(name, str) and is_name(name, _LONGEST_ALARM_NAME)):
        problems.append(f"detail.alarmName is {shown(name)}: at most {_LONGEST_ALARM_NAME} characters are allowed")
        name = ""
    value, at = _state(detail["state"], problems) if "state" in detail else ("", 0.0)
    configuration = detail.get("configuration")
    description = configuration.get("description") if isinstance(configuration, Mapping) else None
    return AlarmState(name=name, value=value, at=at, description=description)


def _state(state: object, problems: list[str]) -> tuple[str, float]:
    """The alarm's new state, and since when it has it."""
    if not isinstance(state, Mapping):
        problems.append(f"detail.state is {shown(state)}: an object is allowed")
        return "", 0.0
    value = state.get("value")
    if value not in _ALARM_STATES:
        problems.append(f"detail.state.value is {shown(value)}: one of {', '.join(_ALARM_STATES)} is allowed")
    try:
        return str(value), of_this_age(datetime.fromisoformat(str(state.get("timestamp"))))
    except (ValueError, OverflowError):
        said = shown(state.get("timestamp"))
        problems.append(f"detail.state.timestamp is {said}: a time like 2026-03-02T10:17:12.345+0000 is allowed")
        return "", 0.0


def meant_by(alarm: AlarmState, allowed: str, problems: list[str]) -> Mapping[str, Any] | None:
    """What an alarm of Headcount's own says of itself in its description, as JSON under ``headcount``."""
    said = alarm.description
    try:
        document = json.loads(said) if isinstance(said, str) else None
    except (ValueError, RecursionError):
        document = None
    meant = document.get("headcount") if isinstance(document, Mapping) else None
    if isinstance(meant, Mapping):
        return meant
    problems.append(f'{DESCRIPTION} is {shown(said)}: JSON is allowed, {{"headcount": {allowed}}}')
    return None
