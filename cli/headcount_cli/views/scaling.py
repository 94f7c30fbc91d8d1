"""``headcount scaling``: between which counts a service is scaled, what each policy asks for, and what comes next."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from headcount_cli.durations import format_seconds
from headcount_cli.times import parse_time, relative, when
from headcount_cli.views.history import story
from headcount_cli.views.wishes import wishes
from headcount_cli.views.words import bullets, columns, heading, plain, short, state

Answer = Mapping[str, Any]
INDENT = (0, 0, 0, 2)
SUSPENDED = {
    "dynamicScalingOutSuspended": "policies may not scale out",
    "dynamicScalingInSuspended": "policies may not scale in",
    "scheduledScalingSuspended": "scheduled actions do nothing",
}
OUTCOMES = {"out": "more", "in": "fewer", "keep": "the same", "hold": "cannot tell"}


def scaling_view(answer: Answer, now: datetime) -> RenderableType:
    title = Text.assemble((plain(answer.get("service", "-")), "bold"), "  ", state(answer.get("state")))
    counts = f"{short(answer.get('desiredCount'))} desired, {short(answer.get('runningCount'))} running"
    parts: list[RenderableType] = [title, Padding(Text(f"{counts}; scaled from {bounds(answer)}"), INDENT)]
    parts += [Padding(Text(wish, style="yellow"), INDENT) for wish in _held(answer, now)]
    parts += [Padding(Text(_last_change(answer, now)), INDENT)]
    parts += _section("Problems", answer.get("problems") or [])
    parts += _policies(answer.get("policies") or [], now)
    parts += _section("Cooldowns that run", [_cooldown(one, now) for one in answer.get("cooldowns") or []])
    parts += _actions(answer.get("scheduledActions") or [], now)
    decisions = answer.get("decisions") or []
    parts += [heading("Last decisions"), story(decisions, now)] if decisions else []
    parts.append(Text(f"\n{_looks(answer, now)}", style="dim"))
    return Group(*parts)


def bounds(answer: Answer) -> str:
    """``2 to 40``, ``10 to 40, set by the scheduled action morning at ... (declared: 2 to 40)``"""
    said, declared = _between(answer), answer.get("declared")
    if not declared or _between(declared) == said:
        return said
    return f"{said}, {plain(answer.get('because') or '-')} (declared: {_between(declared)})"


def _between(bounds: Answer) -> str:
    return f"{bounds.get('minCapacity', '?')} to {bounds.get('maxCapacity', '?')}"


def bounds_in_short(bounds: Answer | None) -> str:
    """``2-40``; ``-`` for a service that is not scaled."""
    if not bounds:
        return "-"
    return f"{bounds.get('minCapacity', '?')}-{bounds.get('maxCapacity', '?')}"


def problems_of(answer: Answer) -> list[str]:
    """What stands against the scaling of a service, for screens that tell of more than that."""
    return [plain(problem) for problem in (answer.get("scaling") or {}).get("problems") or []]


def _held(answer: Answer, now: datetime) -> Iterator[str]:
    yield from (plain(wish) for wish in wishes(answer, now))
    suspended = answer.get("suspendedState") or {}
    said = [words for key, words in SUSPENDED.items() if suspended.get(key)]
    if said:
        yield f"suspended: {', '.join(said)}"


def _last_change(answer: Answer, now: datetime) -> str:
    change = answer.get("lastChange")
    if not change:
        return "scaling has not changed the count yet"
    who = f" by {plain(change['policyName'])}" if change.get("policyName") else ""
    counts = f"{change.get('before', '-')} -> {change.get('after', '-')}"
    return f"last change {counts}{who}, {when(change.get('at'), now)}: {plain(change.get('reason') or '-')}"


# -- policies ---------------------------------------------------------------------------------------------------------


def _policies(policies: Sequence[Answer], now: datetime) -> list[RenderableType]:
    if not policies:
        return [heading("Policies"), Text("  none: only scheduled actions and people change the count")]
    table = columns("POLICY", "METRIC", "VALUE", "TARGET", "ASKS FOR")
    for policy in policies:
        table.add_row(
            plain(policy.get("policyName") or "-"),
            plain(policy.get("metric") or "-"),
            _number(policy.get("value")),
            _number(policy.get("target")),
            _asks_for(policy),
        )
    return [heading("Policies"), table, bullets(_reason(policy, now) for policy in policies)]


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else short(value)


def _asks_for(policy: Answer) -> str:
    """``7, more``"""
    outcome = policy.get("outcome")
    if outcome is None:
        return "not asked yet"
    words = OUTCOMES.get(str(outcome), plain(outcome))
    return words if policy.get("count") is None else f"{policy['count']}, {words}"


def _reason(policy: Answer, now: datetime) -> str:
    parts = [plain(policy.get("reason") or "not looked at yet")]
    parts += [plain(one) for one in policy.get("limited") or []]
    if policy.get("notScaledReason"):
        parts.append(plain(policy["notScaledReason"]))
    if policy.get("disableScaleIn"):
        parts.append("its scale-in is disabled")
    if policy.get("panicUntil"):
        parts.append(f"panic: nothing is scaled in until {when(policy['panicUntil'], now)}")
    if policy.get("measuredAt"):
        parts.append(f"measured {when(policy['measuredAt'], now)}")
    alarms = "".join(f"\nalarm {plain(name)}" for name in policy.get("alarms") or [])
    return f"{plain(policy.get('policyName') or '-')}: {'; '.join(parts)}{alarms}"


def _cooldown(cooldown: Answer, now: datetime) -> str:
    until = parse_time(cooldown.get("until"))
    left = format_seconds((until - now).total_seconds()) if until else "?"
    counts = f"{cooldown.get('before', '-')} -> {cooldown.get('after', '-')}"
    direction, policy = plain(cooldown.get("direction") or "-"), plain(cooldown.get("policyName") or "-")
    return f"scale-{direction} of {policy} ({counts}): {left} left"


# -- what comes -------------------------------------------------------------------------------------------------------


def _actions(actions: Sequence[Answer], now: datetime) -> list[RenderableType]:
    if not actions:
        return []
    table = columns("SCHEDULED ACTION", "SETS", "NEXT", "SCHEDULE")
    for action in actions:
        table.add_row(
            plain(action.get("scheduledActionName") or "-"),
            _sets(action),
            _next(action, now),
            plain(action.get("schedule") or "-"),
        )
    return [heading("Scheduled actions"), table]


def _sets(action: Answer) -> str:
    names = {"min": action.get("minCapacity"), "max": action.get("maxCapacity")}
    return ", ".join(f"{name} {count}" for name, count in names.items() if count is not None) or "-"


def _next(action: Answer, now: datetime) -> str:
    """``2026-11-26 08:00 Asia/Seoul (in 5h 2m)``: as the clock on the wall says it where the action was meant."""
    at, local = parse_time(action.get("nextAt")), action.get("nextLocalTime")
    if at is None:
        return "never again"
    wall = plain(local)[:16].replace("T", " ") if local else plain(action["nextAt"])
    return f"{wall} {plain(action.get('timezone') or 'UTC')} ({relative(at, now)})"


def _looks(answer: Answer, now: datetime) -> str:
    seen = f"Looked at {when(answer['lookedAt'], now)}" if answer.get("lookedAt") else "Not looked at yet"
    after = f", again at {when(answer['nextLookAt'], now)}" if answer.get("nextLookAt") else ""
    return f"{seen}{after}, and whenever an alarm or a schedule tells."


def _section(title: str, sentences: Sequence[Any]) -> list[RenderableType]:
    return [heading(title), bullets(sentences)] if sentences else []
