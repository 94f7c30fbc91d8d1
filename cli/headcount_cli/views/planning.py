"""``headcount plan``: what a pass would do, why, and what it would wait for."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from headcount_cli.times import parse_time, when
from headcount_cli.views.history import sentence
from headcount_cli.views.targets import address_of
from headcount_cli.views.tasks import zone_suffix
from headcount_cli.views.words import bullets, counted, heading, plain, state

Answer = Mapping[str, Any]

# How a sentence about each kind of action begins.
BEGINNINGS = {
    "start": "Start {tasks}",
    "resume": "Send launch {launch} again ({tasks})",
    "lookUp": "Look up launch {launch} ({tasks})",
    "stop": "Stop task {task}",
    "drain": "Take task {task} out of rotation, to be stopped",
    "registerTargets": "Register {addresses} in target group {targetGroup}",
    "deregisterTargets": "Deregister {addresses} from target group {targetGroup}",
    "keepLoadBalancers": "Have load balancers, rules and target groups looked at",
    "keepScaling": "Have the scaling looked at",
    "adopt": "Adopt task {task}",
    "forget": "Forget task {task}",
    "deregister": "Deregister {taskDefinition}",
    "remove": "Remove what is left of the service",
}
MOST_ADDRESSES = 3  # in a sentence
MOST_ALIKE = 5
PLACED = frozenset({"start", "resume", "lookUp"})


def plan_view(answer: Answer, now: datetime) -> RenderableType:
    actions = answer.get("actions") or []
    then = Text.assemble((plain(answer.get("service", "-")), "bold"), ": then ", state(answer.get("state")))
    if answer.get("stateReason"):
        then.append(f", {plain(answer['stateReason'])}")
    parts: list[RenderableType] = [then]
    title = f"The next pass would do {counted(len(actions), 'thing')}" if actions else "The next pass would do nothing"
    parts += [heading(title), bullets(map(_action, actions))] if actions else [heading(title)]
    parts += _decisions(answer, actions)
    parts += [Text(f"\n{_afterwards(answer, now)}")]
    return Group(*parts)


def _action(action: Answer) -> Text:
    """``Start 2 tasks in 1a on FARGATE (dep-3): 2 fewer than desired``"""
    kind = str(action.get("kind", "act"))
    known = {key: plain(value) for key, value in action.items() if value is not None}
    known["addresses"] = _addresses(action.get("targets") or [])
    pattern = BEGINNINGS.get(kind)
    nothing = dict.fromkeys(("task", "launch", "taskDefinition", "targetGroup"), "-")
    fields = {"tasks": counted(action.get("count", "?"), "task"), **nothing}
    text = pattern.format(**{**fields, **known}) if pattern else _words(kind)
    if kind in PLACED or not pattern:
        text += f" in {zone_suffix(known['zone'])}" if known.get("zone") else ""
        text += f" on {known['capacity']}" if known.get("capacity") else ""
    if not pattern:
        text += "".join(f" {known[name]}" for name in ("task", "launch") if name in known)
    deployment = f" ({known['deployment']})" if known.get("deployment") else ""
    return Text.assemble((f"{text}{deployment}", "bold"), f": {known.get('reason', 'no reason was given')}")


def _addresses(targets: Sequence[Answer]) -> str:
    """``10.0.1.17:8080, 10.0.2.9:8080``, ``500 targets (10.0.1.17:8080, 10.0.2.9:8080, 10.0.3.4:8080, ...)``"""
    named = [address_of(target) for target in targets[:MOST_ADDRESSES]]
    if len(targets) <= MOST_ADDRESSES:
        return ", ".join(named) or "no target"
    return f"{len(targets)} targets ({', '.join(named)}, ...)"


def _words(kind: str) -> str:
    """A kind of a newer version: ``moveTask`` as ``Move task``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain(kind)).capitalize()


def _decisions(answer: Answer, actions: Sequence[Answer]) -> list[RenderableType]:
    """What the actions do not say already: mostly decisions not to act."""
    said = {action.get("reason") for action in actions}
    others = [decision for decision in answer.get("decisions") or [] if decision.get("reason") not in said]
    shown = [*_few(others, "register"), *_few(others, "deregister")]
    shown += [sentence(decision) for decision in others if decision.get("kind") not in {"register", "deregister"}]
    return [heading("Because"), bullets(shown)] if shown else []


def _few(decisions: Sequence[Answer], kind: str) -> list[Text]:
    """The first decisions of a kind that comes once a task: a hundred like them say no more."""
    of_kind = [decision for decision in decisions if decision.get("kind") == kind]
    more = [Text(f"... and {len(of_kind) - MOST_ALIKE} more like these")] if len(of_kind) > MOST_ALIKE else []
    return [*map(sentence, of_kind[:MOST_ALIKE]), *more]


def _afterwards(answer: Answer, now: datetime) -> str:
    if answer.get("again"):
        return "Then it would look again at once: there is more to do than one pass does."
    if parse_time(answer.get("wakeAt")):
        return f"Then it would wait for events, until {when(answer['wakeAt'], now)} at the latest."
    return "Then it would wait for events."
