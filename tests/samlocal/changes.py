"""What changed in the table, in words that an expectation can hold."""

import json
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

Item = Mapping[str, Any]
Records = Mapping[tuple[str, str], Item]


def in_words(before: Records, after: Records, new_tasks: AbstractSet[str]) -> tuple[str, ...]:
    """What became of each record that was written, changed or forgotten, without what differs from run to run."""
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    names = {f"task {short(task_id)}": "new task" for task_id in new_tasks}  # ECS has just chosen their ids
    told = Counter(_renamed(_change(*key, before.get(key), after.get(key)), names) for key in changed)
    return tuple(sorted(text if count == 1 else f"{text}, {count} times" for text, count in told.items()))


def short(task_id: str) -> str:
    """As much of a task's id as tells it from others in a story."""
    return task_id[:8]


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for name, other in names.items():
        text = text.replace(name, other)
    return text


def _change(partition: str, sort: str, was: Item | None, now: Item | None) -> str:
    kind, _, identity = sort.partition("#")
    match kind:
        case "task":
            return f"{partition} task {short(identity)} {_task(was or {}, now)}"
        case "launch":
            return f"{partition} launch of {_tasks(was or now or {})} {'recorded' if now else 'closed'}"
        case "targets":
            group = (now or was or {})["group"]["S"].split("/")[1]
            return f"{partition} targets of {group} {_targets(was or {}, now)}"
        case "event":
            entries = Counter(entry["kind"] for entry in _document(now or {}))
            told = ", ".join(f"{count} {kind}" for kind, count in sorted(entries.items()))
            return f"{partition.replace('#history', '')} history tells of {told}"
        case "where":
            return f"task {short(partition.removeprefix('task#'))} belongs to {(now or {})['service']['S']}"
        case _:
            return f"{partition.replace('#', ' ')} {kind} {'written' if now else 'removed'}"


def _task(was: Item, now: Item | None) -> str:
    if now is None:
        return "forgotten"
    parts = [
        _told(name, now)
        for name in ("observed", "notice", "health", "managed", "confirmedAt")
        if was.get(name) != now.get(name)
    ]
    return ", ".join(parts) or "touched"


def _told(name: str, now: Item) -> str:
    if name not in now:
        return f"no {name} any more"
    if name == "confirmedAt":
        return "confirmed"
    value = json.loads(now[name]["S"])
    match name:
        case "observed":
            return f"{value['last_status']}, version {value['version']}"
        case "managed":
            return "to be stopped" if value.get("stop") else "managed"
        case "notice":
            return f"notice {value['kind']}"
        case _:
            return str(value["status"])


def _targets(was: Item, now: Item | None) -> str:
    """What became of the ledger of a target group, of what ELB said of it, and of what an alarm did."""
    if now is None:
        return "forgotten"
    parts: list[str] = []
    if was.get("managed") != now.get("managed"):
        ledger = json.loads(now["managed"]["S"])
        leaving = sum(one["leaving_at"] is not None for one in ledger)
        parts.append(f"{len(ledger) - leaving} registered" + (f", {leaving} leaving" if leaving else ""))
    if was.get("observed") != now.get("observed"):
        seen = json.loads(now["observed"]["S"])
        states = Counter(target["state"] for target in seen["targets"])
        told = [f"{count} {state}" for state, count in sorted(states.items())]
        parts.append("gone" if seen["gone"] else ", ".join(told) or "none seen")
    if was.get("suspectAt") != now.get("suspectAt"):
        parts.append("suspect")
    return "; ".join(parts) or "touched"


def _tasks(item: Item) -> str:
    count = json.loads(item["doc"]["S"])["count"]
    return f"{count} task{'s' * (count != 1)}"


def _document(item: Item) -> Any:
    return json.loads(item["doc"]["S"]) if item else []
