"""The stories of ``events/``: what a function is sent, the scene it finds, and the outcome it is held to.

``events/<function>/expected.yaml`` names, for every story of the function:

``event``    the file that is sent, without ``.json``; the story's own name unless it is said
``given``    the scene before (``scenes.py`` says what each holds); ``empty`` unless it is said
``answers``  what the function answers; fields that are not named may be anything
``fails``    the error instead of an answer: its ``type``, and what its message says among other things
``writes``   every record that it writes, changes or forgets, in words (``changes.py``); none unless it is said
``kicks``    the services it kicks, each with the cause; ``timers``: the services for which it sets one
``looks``    the services whose load balancing it asks to have looked at
``scaling``  the services whose scaling it asks to have looked at, each with the cause
``starts``   how many tasks ECS starts; ``stops``: the tasks that ECS is asked to stop
``creates``  load balancing resources, alarms and schedules that it creates, by name; ``deletes``: that it deletes
``publishes``  the names of the events it puts on the bus
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
FUNCTIONS = (
    "observe_tasks", "reconcile_service", "audit_clusters", "wake_services", "keep_load_balancers", "decide_scaling",
    "control",
)  # fmt: skip

Json = dict[str, Any]
Invoke = Callable[[str, bytes], Any]  # a function's folder and a payload; what it answered, or Lambda's error document


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a call left behind, in words."""

    writes: tuple[str, ...] = ()
    kicks: Mapping[str, str] = field(default_factory=dict)
    timers: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
    scaling: Mapping[str, str] = field(default_factory=dict)
    starts: int = 0
    stops: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    publishes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One call of a function, with the outcome that it is held to."""

    function: str
    name: str
    event: Path
    given: str
    answers: Any
    fails: Mapping[str, Any] | None
    effects: Effects

    def __str__(self) -> str:
        return f"{self.function}/{self.name}"

    @property
    def payload(self) -> bytes:
        return self.event.read_bytes()

    def problems(self, answer: Any, effects: Effects) -> list[str]:
        """Everything in which a call differs from the outcome expected; empty if nothing does."""
        return [*self._wrong_answer(answer), *self._wrong_effects(effects)]

    def _wrong_answer(self, answer: Any) -> Iterator[str]:
        failed = isinstance(answer, Mapping) and "errorMessage" in answer
        if self.fails is None:
            yield from [f"it failed: {answer}"] if failed else differences(self.answers, answer, "answers")
        elif not failed:
            yield f"it should fail with {self.fails['type']}, and answered {answer}"
        elif answer.get("errorType") != self.fails["type"]:
            yield f"it should fail with {self.fails['type']}, and failed with {answer}"
        else:
            said = answer["errorMessage"]
            yield from (f"its error does not say {part!r}: {said}" for part in self.fails["says"] if part not in said)

    def _wrong_effects(self, effects: Effects) -> Iterator[str]:
        for name in Effects.__slots__:
            expected, seen = getattr(self.effects, name), getattr(effects, name)
            if seen != expected:
                yield f"{name}: {seen or 'nothing'} instead of {expected or 'nothing'}"


def differences(expected: Any, seen: Any, where: str) -> Iterator[str]:
    """Where ``seen`` is not what is expected; of objects, only the fields that are named are looked at."""
    if isinstance(expected, Mapping) and isinstance(seen, Mapping):
        for name, value in expected.items():
            if name in seen:
                yield from differences(value, seen[name], f"{where}.{name}")
            else:
                yield f"{where}.{name} is missing in {json.dumps(seen)[:500]}"
    elif isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        for number, (one, other) in enumerate(zip(expected, seen, strict=True)):
            yield from differences(one, other, f"{where}[{number}]")
    elif expected != seen:
        yield f"{where} is {json.dumps(seen)[:500]} instead of {json.dumps(expected)}"


def stories(*functions: str, events: Path = EVENTS) -> list[Story]:
    """The stories of these functions (of all, if none is named), in the order in which they are written down."""
    return [
        _story(events / function, name, outcome or {})
        for function in functions or FUNCTIONS
        for name, outcome in yaml.safe_load((events / function / "expected.yaml").read_text(encoding="utf-8")).items()
    ]


def _story(folder: Path, name: str, outcome: Json) -> Story:
    known = {"event", "given", "answers", "fails", *Effects.__slots__}
    if unknown := outcome.keys() - known:
        raise ValueError(f"{folder.name}/{name} expects {sorted(unknown)}: {sorted(known)} are known")
    if ("answers" in outcome) == ("fails" in outcome):
        raise ValueError(f"{folder.name}/{name} expects either an answer or a failure")
    return Story(
        function=folder.name,
        name=name,
        event=folder / f"{outcome.get('event', name)}.json",
        given=outcome.get("given", "empty"),
        answers=outcome.get("answers"),
        fails=outcome.get("fails"),
        effects=Effects(
            writes=tuple(sorted(outcome.get("writes", ()))),
            kicks=outcome.get("kicks", {}),
            timers=tuple(outcome.get("timers", ())),
            looks=tuple(outcome.get("looks", ())),
            scaling=outcome.get("scaling", {}),
            starts=outcome.get("starts", 0),
            stops=tuple(sorted(outcome.get("stops", ()))),
            creates=tuple(sorted(outcome.get("creates", ()))),
            deletes=tuple(sorted(outcome.get("deletes", ()))),
            publishes=tuple(outcome.get("publishes", ())),
        ),
    )
