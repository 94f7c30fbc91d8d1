"""What people asked for, apart from the count: pauses, overrides, standbys, cordons. One sentence each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from headcount_cli.times import parse_time, when
from headcount_cli.views.words import is_native, plain

Answer = Mapping[str, Any]
PAUSED = {"stop": "no task runs", "freeze": "nothing is started or stopped"}


def pause_sentence(answer: Answer, now: datetime) -> str:
    """``paused: no task runs, until 05:00:00 UTC (in 2h), by alice: night``; an answer with the pause in it."""
    pause = answer.get("paused") or {}
    what = PAUSED.get(str(pause.get("mode")), plain(pause.get("mode") or "-"))
    if is_native(answer):
        what = "nothing scales it"  # its tasks are ECS's to start and stop
    until = when(pause["until"], now) if pause.get("until") else "somebody resumes it"
    return f"paused: {what}, until {until}{asked(pause)}"


def override_sentence(override: Answer, now: datetime) -> str:
    return f"overridden: {override.get('count', '-')} tasks until {when(override.get('until'), now)}{asked(override)}"


def standby_sentence(standby: Answer, now: datetime) -> str:
    since = f" since {when(standby['since'], now)}" if standby.get("since") else ""
    return f"{plain(standby.get('taskId', '-'))} stands by out of rotation{since}{asked(standby)}"


def cordon_sentence(cordon: Answer, now: datetime) -> str:
    what = "no task is started there and those that run are moved away" if cordon.get("evacuate") else "none starts"
    until = f", until {when(cordon['until'], now)}" if cordon.get("until") else ""
    return f"{plain(cordon.get('zone', '-'))} is cordoned: {what}{until}{asked(cordon)}"


def asked(wish: Answer) -> str:
    """``, by alice: the night``; nothing where nobody said either."""
    by = f", by {plain(wish['by'])}" if wish.get("by") else ""
    return f"{by}: {plain(wish['reason'])}" if wish.get("reason") else by


def holds_still(wish: Answer | None, now: datetime) -> bool:
    """Whether a wish that may end by itself has not."""
    until = parse_time(wish.get("until")) if wish else None
    return bool(wish) and (until is None or until > now)


def wishes(answer: Answer, now: datetime) -> list[str]:
    """All that hold for a service at present, from ``describe``'s answer; not what its state says already."""
    said: list[str] = []
    is_said = answer.get("state") == "PAUSED" and str(answer.get("stateReason")).startswith("paused")
    if (pause := answer.get("paused")) and holds_still(pause, now) and not is_said:
        said.append(pause_sentence(answer, now))
    if (override := answer.get("override")) and holds_still(override, now):
        said.append(override_sentence(override, now))
    said += [cordon_sentence(one, now) for one in _these(answer, "cordons") if holds_still(one, now)]
    said += [f"task {plain(one.get('taskId', '-'))} is to stop{asked(one)}" for one in _these(answer, "stops")]
    return said + [standby_sentence(one, now) for one in _these(answer, "standby")]


def _these(answer: Answer, name: str) -> Sequence[Answer]:
    return answer.get(name) or []
