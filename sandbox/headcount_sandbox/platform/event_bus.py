"""EventBridge: events to the targets of every rule that matches them.

Patterns are matched by moto's implementation; it does not look into arrays of objects, so those are laid out first.
"""

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from moto.events.models import EventPattern

from headcount_sandbox.platform.deployment import Rule, Target
from headcount_sandbox.world.timers import Timers

Event = dict[str, Any]
# Hands a target what it is to receive: the target, the input as text, and the event that it was made from.
Deliver = Callable[[Target, str, Event], None]
_KEPT_EVENTS = 10_000
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")


class EventFaults(Protocol):
    """What may happen to an event on its way: it is lost, doubled or delayed (seconds)."""

    def events(self, event: Event) -> list[tuple[float, Event]]: ...

    def copies_of_invocation(self, function: str) -> int: ...


class EventBus:
    """The default event bus."""

    def __init__(self, rules: tuple[Rule, ...], *, faults: EventFaults, deliver: Deliver, timers: Timers) -> None:
        self._rules = [(rule, EventPattern(None, dict(rule.pattern))) for rule in rules]
        self._faults = faults
        self._deliver = deliver
        self._timers = timers
        self._lock = threading.Lock()
        self._published: deque[Event] = deque(maxlen=_KEPT_EVENTS)

    def published_events(self) -> list[Event]:
        """The newest events of PutEvents, oldest first."""
        with self._lock:
            return list(self._published)

    def publish(self, event: Event) -> None:
        """Takes an entry of PutEvents, as a whole envelope."""
        with self._lock:
            self._published.append(event)
        self._match(event)

    def route(self, event: Event) -> None:
        """Takes an event of an AWS service, which may be lost, doubled or late as the faults say."""
        for delay, copy in self._faults.events(event):
            if delay <= 0:
                self._match(copy)
            else:
                self._timers.after(delay, partial(self._match, copy))

    def _match(self, event: Event) -> None:
        rules = [(rule, pattern) for rule, pattern in self._rules if _may_match(rule, event)]
        if not rules:
            return
        flat = _with_arrays_laid_out(event)
        for rule, pattern in rules:
            if pattern.matches_event(flat):
                for target in rule.targets:
                    self._deliver(target, target_input(target, event, rule_arn=rule.arn), event)


def _may_match(rule: Rule, event: Event) -> bool:
    """Whether an event is of a source and kind that a rule names; moto's implementation takes its time to say so."""
    for name in ("source", "detail-type"):
        wanted = rule.pattern.get(name, [])
        if wanted and all(isinstance(one, str) for one in wanted) and event.get(name) not in wanted:
            return False
    return True


def target_input(target: Target, event: Event, *, rule_arn: str) -> str:
    """What a target receives of an event: all of it, a part, a constant, or a transformed one."""
    if target.input is not None:
        return target.input
    if target.input_path is not None:
        return json.dumps(at_path(event, target.input_path))
    if target.input_transformer is not None:
        return _transformed(target.input_transformer, event, rule_arn)
    return json.dumps(event)


def at_path(event: Event, path: str) -> Any:
    """The value at a JSON path of the form that EventBridge allows (`$.detail.state`), or None."""
    value: Any = event
    for step in path.removeprefix("$").split("."):
        if step:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _transformed(transformer: Mapping[str, Any], event: Event, rule_arn: str) -> str:
    """Values stand in the template as JSON, but bare inside of quotes, as on AWS."""
    values = {name: at_path(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.event.ingestion-time": event.get("time"),
        "aws.events.event.json": event,
        "aws.events.event": event,
    }
    template = str(transformer["InputTemplate"])

    def replacement(match: re.Match[str]) -> str:
        value = values.get(match[1])
        in_quotes = template[: match.start()].replace('\\"', "").count('"') % 2 == 1
        return json.dumps(value)[1:-1] if in_quotes and isinstance(value, str) else json.dumps(value)

    return _PLACEHOLDER.sub(replacement, template)


def _with_arrays_laid_out(value: Any) -> Any:
    """`[{"a": 1}, {"a": 2}]` as `{"a": [1, 2]}`: a pattern matches when one element of an array does."""
    match value:
        case dict():
            return {key: _with_arrays_laid_out(item) for key, item in value.items()}
        case [dict(), *_]:
            keys = {key: None for item in value if isinstance(item, dict) for key in item}
            return _with_arrays_laid_out({key: [item[key] for item in value if key in item] for key in keys})
        case _:
            return value
