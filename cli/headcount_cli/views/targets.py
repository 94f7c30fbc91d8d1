"""Targets: whether tasks take traffic, by target group, in ELB's words."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from headcount_cli.durations import format_seconds
from headcount_cli.times import ago, parse_time, relative, when
from headcount_cli.views.words import aligned, bullets, columns, counted, heading, plain, short

Answer = Mapping[str, Any]
TABLE_WIDTH = 120  # columns below which reasons get a line of their own
REASON_INDENT = 4
STYLES = {"healthy": "green", "initial": "cyan", "draining": "yellow"}
STATES = ("unhealthy", "initial", "draining", "unused", "unavailable")
NOT_IN_USE = "Target.NotInUse"
CHECKS_ARE_OFF = "Target.HealthCheckDisabled"


# -- one task ---------------------------------------------------------------------------------------------------------


def is_well(target: Answer) -> bool:
    """Whether a target takes traffic, as it does too where health checks are off and ELB knows nothing of health."""
    is_taking = target.get("state") == "healthy" or target.get("reason") == CHECKS_ARE_OFF
    return is_taking and not target.get("leavingAt")


def is_in_rotation(task: Answer) -> bool:
    """Whether a task takes traffic wherever it is registered."""
    targets = targets_of(task)
    return bool(targets) and all(map(is_well, targets))


def targets_of(task: Answer) -> Sequence[Answer]:
    return task.get("targets") or []


def is_balanced(answer: Answer) -> bool:
    """Whether tasks of a service are registered anywhere, as far as that is wished for: functions are no tasks."""
    return any(group.get("targetType") != "lambda" for group in answer.get("targetGroups") or [])


def in_rotation(answer: Answer) -> int | None:
    """How many tasks of a service take traffic; None where there are no load balancers."""
    if not is_balanced(answer):
        return None
    return sum(map(is_in_rotation, answer.get("tasks") or []))


def of_task(task: Answer, now: datetime) -> Text:
    """``healthy``, ``1/2 healthy``, ``draining 12s``, ``none``: all targets of a task in one cell."""
    targets = targets_of(task)
    if not targets:
        is_up = task.get("lastStatus") == task.get("desiredStatus") == "RUNNING"
        return Text("none", style="yellow") if is_up else Text("-")
    well = sum(map(is_well, targets))
    if 0 < well < len(targets):
        return Text(f"{well}/{len(targets)} healthy", style="yellow")
    words = [_word(target, now) for target in targets]
    word, count = Counter(words).most_common(1)[0]
    others = f" +{len(targets) - count}" if count < len(targets) else ""
    return Text(f"{word}{others}", style=_style(targets[words.index(word)]))


def _word(target: Answer, now: datetime) -> str:
    """``draining 12s``: how long it still takes."""
    state, until = _state(target), parse_time(target.get("drainedAt"))
    is_draining = state == "draining" and until is not None and until > now
    return f"draining {format_seconds((until - now).total_seconds(), 1)}" if is_draining and until else state


def _state(target: Answer) -> str:
    """ELB's word; ``leaving`` until ELB was told to take it out, ``gone`` when it has."""
    state = plain(target.get("state") or "-")
    if not target.get("leavingAt") or state == "draining":
        return state
    if not target.get("drainedAt"):
        return "leaving"
    return "gone" if state == "unused" else state


def _style(target: Answer) -> str:
    return "yellow" if target.get("leavingAt") else STYLES.get(str(target.get("state")), "red")


def notes_on(task: Answer) -> list[tuple[str, str]]:
    """Why the targets of a task that should take traffic do not, with styles."""
    return [
        (f"{plain(one.get('state') or '-')} in {plain(one.get('targetGroup') or '-')}: {reason}", _style(one))
        for one in targets_of(task)
        if not is_well(one) and not one.get("leavingAt") and one.get("state") != "initial" and (reason := why(one))
    ]


def why(target: Answer) -> str:
    """``Target.ResponseCodeMismatch (Health checks failed with these codes: [500])``; empty for nothing to say."""
    reason, said = plain(target.get("reason") or ""), plain(target.get("description") or "")
    if reason == NOT_IN_USE:
        return "no listener forwards here"
    return f"{reason} ({said})" if reason and said else reason or said


# -- the groups of a service ------------------------------------------------------------------------------------------


def groups_section(answer: Answer, now: datetime) -> list[RenderableType]:
    """A line a target group, then everything that stands against load balancing."""
    groups, problems = answer.get("targetGroups") or [], list(problems_of(answer, now))
    parts: list[RenderableType] = [heading("Target groups"), groups_table(groups, now)] if groups else []
    return [*parts, heading("What stands against load balancing"), bullets(problems)] if problems else parts


def groups_table(groups: Sequence[Answer], now: datetime) -> RenderableType:
    table = columns("TARGET GROUP", "HEALTHY", "OTHERS", "UNCHANGED")
    table.columns[0].no_wrap = True
    for group in groups:
        name, unchanged = plain(group.get("name") or "-"), _unchanged_for(group, now) or "-"
        table.add_row(name, _healthy(group), _others(group), unchanged)
    return table


def _unchanged_for(group: Answer, now: datetime) -> str:
    """``10m``; empty before the first look. ``lastSeen`` moves only when a look has shown something else."""
    seen = parse_time(group.get("lastSeen"))
    return format_seconds(max(0.0, (now - seen).total_seconds()), 1) if seen else ""


def problems_of(answer: Answer, now: datetime) -> Iterator[str]:
    """Sentences: of groups, of what ``keep_load_balancers`` found, of ELB that asks for patience."""
    for group in answer.get("targetGroups") or []:
        if group.get("problem"):
            yield f"{group.get('name', '-')}: {group['problem']}"
    yield from (answer.get("loadBalancing") or {}).get("problems") or []
    throttle = answer.get("elbThrottle")
    until = parse_time(throttle.get("until")) if throttle else None
    if throttle and until and until > now:
        yield f"nothing is registered or taken out until {when(throttle['until'], now)}. {throttle.get('reason') or ''}"


def _healthy(group: Answer) -> Text:
    """``2/3``: of those that are registered, how many are healthy."""
    healthy, registered = group.get("healthy") or 0, registered_in(group)
    if not registered:
        return Text("-")
    return Text(f"{healthy}/{registered}", style="green" if healthy == registered else "yellow" if healthy else "red")


def registered_in(group: Answer) -> int:
    """The service's targets that are meant to take traffic, as far as counts tell."""
    return sum(group.get(state) or 0 for state in ("healthy", *STATES) if state != "draining")


def _others(group: Answer) -> str:
    counts = [f"{group[state]} {state}" for state in STATES if group.get(state)]
    foreign = [f"{group['foreign']} foreign"] if group.get("foreign") else []
    return ", ".join([*counts, *foreign]) or "-"


# -- every target -----------------------------------------------------------------------------------------------------


def targets_in(answer: Answer, group: Answer) -> list[Answer]:
    """Every target of the service in a group, each with its ``task``; those that do not take traffic first."""
    own = [
        {"task": task.get("taskId"), **target}
        for task in answer.get("tasks") or []
        for target in targets_of(task)
        if target.get("targetGroup") == group.get("name")
    ]
    return sorted([*own, *(group.get("ofGoneTasks") or [])], key=lambda one: (is_well(one), str(one.get("since"))))


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsView:
    """One target group: a headline, then a table with reasons where it fits; else lines, and reasons below them."""

    group: Answer
    targets: Sequence[Answer]
    now: datetime

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._headline()
        if self.group.get("problem"):
            yield Padding(Text(plain(self.group["problem"]), style="red"), (0, 0, 0, REASON_INDENT))
        if not self.targets:
            return
        several = len({target.get("container") for target in self.targets}) > 1
        if options.max_width >= TABLE_WIDTH:
            yield from self._table(several=several)
        else:
            yield from self._lines(several=several)

    def _headline(self) -> Text:
        """``web (ip, HTTP): 2 of 3 healthy, 1 draining, 2 foreign; unchanged for 12s``"""
        group = self.group
        made = ", ".join(plain(group[name]) for name in ("targetType", "protocol") if group.get(name))
        counts = [f"{group.get('healthy') or 0} of {counted(registered_in(group), 'target')} healthy"]
        others = _others(group)
        unchanged = _unchanged_for(group, self.now)
        looked = f"unchanged for {unchanged}" if unchanged else "not looked at yet"
        told = ", ".join([*counts, *([] if others == "-" else [others])])
        return Text.assemble(
            (plain(group.get("name") or "-"), "bold"),
            f"{f' ({made})' if made else ''}: {told}; {looked}",
        )

    def _table(self, *, several: bool) -> RenderResult:
        table = columns("TASK", "TARGET", *(["CONTAINER"] if several else []), "STATE", "SINCE", "REASON")
        for column in table.columns[:-1]:
            column.no_wrap = True
        for target in self.targets:
            task, address, *facts = _facts(target, self.now)
            container = [Text(short(target.get("container")))] if several else []
            table.add_row(task, address, *container, *facts, Text(_reason(target, self.now)))
        yield table

    def _lines(self, *, several: bool) -> RenderResult:
        titles = [Text(title, style="bold") for title in ("TASK", "TARGET", "STATE", "SINCE")]
        title, *lines = aligned([titles, *(_facts(target, self.now) for target in self.targets)])
        yield title
        for target, line in zip(self.targets, lines, strict=True):
            yield line
            container = f"container {plain(target['container'])}" if several and target.get("container") else ""
            if below := ": ".join(part for part in (container, _reason(target, self.now)) if part):
                yield Padding(Text(below), (0, 0, 0, REASON_INDENT))


def _facts(target: Answer, now: datetime) -> tuple[Text, ...]:
    return (
        Text(plain(target.get("task") or "-")),
        Text(address_of(target)),
        Text(_state(target), style=_style(target)),
        Text(ago(target.get("since"), now)),
    )


def address_of(target: Answer) -> str:
    """``10.0.1.17:8080``, ``[fd00::17]:8080``, ``i-0123456789abcdef0:32768``"""
    host = plain(target.get("target") or "-")
    return f"{f'[{host}]' if ':' in host else host}:{target.get('port', '-')}"


def _reason(target: Answer, now: datetime) -> str:
    """ELB's reason; of one that leaves, why it was taken out and how long it still takes."""
    if not target.get("leavingAt"):
        return why(target)
    because = plain(target.get("because") or "taken out")
    until = parse_time(target.get("drainedAt"))
    if until is None or target.get("state") != "draining":
        return because
    return f"{because}; drained {relative(until, now)}"
