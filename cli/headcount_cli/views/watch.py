"""``headcount watch``: a service, or all of them, on one screen of any size."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from headcount_cli.durations import format_seconds
from headcount_cli.times import ago, parse_time, relative, when
from headcount_cli.views import current
from headcount_cli.views.describe import (
    deployments_table,
    is_kept_elsewhere,
    is_rolling,
    task_definition,
    zone_sentence,
)
from headcount_cli.views.fitting import Fitted, Section
from headcount_cli.views.history import line
from headcount_cli.views.scaling import bounds_in_short
from headcount_cli.views.scaling import problems_of as scaling_problems_of
from headcount_cli.views.services import running, services_view
from headcount_cli.views.targets import groups_table, in_rotation, is_balanced, problems_of
from headcount_cli.views.tasks import TasksView, is_stopping, zone_suffix
from headcount_cli.views.wishes import wishes
from headcount_cli.views.words import aligned, bullets, is_native, plain, short, state
from headcount_cli.watching import Seen

Answer = Mapping[str, Any]
INDENT = (0, 0, 0, 2)
BAR = 20  # columns of the longest bar
STATUSES = ("RUNNING", "STARTING", "STOPPING", "ENDED")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchView:
    """What is seen at ``now``. Never raises: an answer of a version that nobody knows yet is said to be one."""

    name: str
    seen: Seen
    now: datetime
    height: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        try:
            lines = console.render_lines(self._whole(), options.update(height=self.height), pad=False)
        except Exception as error:  # noqa: BLE001  # drawn by a thread of its own, whose end nobody would notice
            lines = console.render_lines(
                Text(f"The answer cannot be shown ({type(error).__name__}): is this command as new as the install?"),
                options.update(height=None),
                pad=False,
            )
        for index, segments in enumerate(lines):
            if index:
                yield Text("\n", end="")
            yield from segments

    def _whole(self) -> RenderableType:
        answer, foot = self.seen.answer, foot_line(self.seen, self.now)
        if answer is None:
            return Fitted(head=Text(self.name, style="bold"), sections=(), foot=foot)
        if "services" in answer:
            services = Section(body=services_view(answer["services"] or [], self.now), what="lines")
            return Fitted(head=Text(self.name, style="bold"), sections=(services,), foot=foot)
        return Fitted(head=_head(answer, self.now), sections=_sections(answer, self.now, self.height), foot=foot)


def foot_line(seen: Seen, now: datetime) -> Text:
    """How old the picture is; and what stands in the way of a newer one, if anything does."""
    again = _again(seen, now)
    if not seen.failures:
        return Text(f"Seen {_age(seen, now)}; {again}. Ctrl-C leaves.", style="dim")
    tried = f"; tried {seen.failures} times" if seen.failures > 1 else ""
    if seen.is_gone:
        text = f"The service is gone. Its last state was seen {_age(seen, now)}; {again}, should it be declared again."
    elif seen.at is None:
        text = f"{plain(seen.failure)} Nothing was seen yet{tried}, {again}."
    else:
        text = f"{plain(seen.failure)} What stands here was seen {_age(seen, now)}{tried}, {again}."
    return Text(text, style="bold red")


def _again(seen: Seen, now: datetime) -> str:
    wait = (seen.next_look - now).total_seconds() if seen.next_look else 0
    return f"again in {format_seconds(wait, 1)}" if wait >= 1 else "looking"


def _age(seen: Seen, now: datetime) -> str:
    return relative(seen.at, now, units=1) if seen.at else "never"


def summary_line(answer: Answer) -> str:
    """``prod/web: 2/3 running, 2 in rotation, 1 pending. DEPLOYING: dep-4 replaces dep-3``"""
    taking = in_rotation(answer)
    counts = f"{running(answer)} running" + ("" if taking is None else f", {taking} in rotation")
    others = [f"{answer[f'{name}Count']} {name}" for name in ("pending", "stopping") if answer.get(f"{name}Count")]
    why = f": {plain(answer['stateReason'])}" if answer.get("stateReason") else ""
    return (
        f"{plain(answer.get('service', '-'))}: {', '.join([counts, *others])}. {plain(answer.get('state', '-'))}{why}"
    )


def _head(answer: Answer, now: datetime) -> RenderableType:
    title = Text.assemble((plain(answer.get("service", "-")), "bold"), "  ", state(answer.get("state")))
    since = parse_time(answer.get("steadySince"))
    if since:
        title.append(f" for {relative(since, now).removesuffix(' ago')}", style="dim")
    counts = Text("  ")
    names = ["desired", *(["kept"] if is_kept_elsewhere(answer) else []), "running", "pending", "stopping"]
    for name in ("desired", "running") if is_native(answer) else names:
        counts.append(short(answer.get(f"{name}Count")), style="bold").append(f" {name}   ")
        if name == "running" and (taking := in_rotation(answer)) is not None:
            counts.append(f"{taking}", style="bold").append(" in rotation   ")
    if scaling := answer.get("scaling"):
        counts.append(bounds_in_short(scaling), style="bold").append(" scaled   ")
    if not is_native(answer):
        counts.append(
            f"{plain(answer.get('deployment') or '-')} {task_definition(answer.get('taskDefinition'))}", style="dim"
        )
    reason = Padding(Text(plain(answer.get("stateReason") or "")), INDENT)
    wished = [Padding(Text(plain(wish), style="yellow"), INDENT) for wish in wishes(answer, now)]
    return Group(title, reason, counts, *wished)


def _sections(answer: Answer, now: datetime, height: int) -> list[Section]:
    """The most important first: what there is room for is given out in this order."""
    tasks = answer.get("tasks") or []
    sections = []
    if tasks:
        sections.append(Section(title="Places", body=Group(*_places(tasks)), least=4, what="places"))
    if waits := _waits(answer, now):
        sections.append(Section(title="Waits for", body=bullets(waits), least=2))
    if groups := answer.get("targetGroups") or []:
        sections.append(Section(title="Target groups", body=groups_table(groups, now), least=3, what="target groups"))
    if is_rolling(answer.get("deployments") or []):
        body = deployments_table(answer["deployments"], now)
        sections.append(Section(title="Deployments", body=body, least=3, what="deployments"))
    if events := answer.get("events") or []:
        body = Group(*(_one_line(line(entry, today=now)) for entry in events))
        sections.append(Section(title="Last decisions", body=body, least=4, what="decisions"))
    return sections if is_native(answer) else [*sections, _tasks(answer, tasks, now, height)]


def _tasks(answer: Answer, tasks: Sequence[Answer], now: datetime, height: int) -> Section:
    """What the other sections leave. No more are drawn than a screen can hold: they may be thousands."""
    view = TasksView(
        tasks=tasks, deployment=answer.get("deployment"), now=now, most=height, balanced=is_balanced(answer)
    )
    rest = f"{len(tasks)} in all: headcount tasks {plain(answer.get('service', 'SERVICE'))}"
    return Section(title="Tasks", body=view if tasks else Text("  none"), least=4, rest=rest)


def _waits(answer: Answer, now: datetime) -> list[str]:
    waits = []
    if held := current.backoff(answer, now):
        waits.append(f"the next start at {when(held.get('until'), now)}: {held.get('reason') or 'tasks failed'}")
    waits += [zone_sentence(zone, now) for zone in current.refusing_zones(answer, now)]
    waits += [*problems_of(answer, now), *(f"scaling: {problem}" for problem in scaling_problems_of(answer))]
    said = " ".join(waits)
    holds = [one for one in current.decisions(answer, now) if one.get("kind") == "hold"]
    waits += [str(one.get("reason")) for one in holds if str(one.get("reason")) not in said]
    for launch in answer.get("launches") or []:
        since = ago(launch.get("at"), now)
        place = " ".join(part for part in (zone_suffix(launch.get("zone")), launch.get("capacity")) if part)
        waits.append(f"{launch.get('count', '?')} asked of ECS in {place} {since}: {launch.get('reason') or '-'}")
    next_wake = parse_time(answer.get("nextWake"))
    if next_wake and next_wake > now and answer.get("state") != "STEADY":
        waits.append(f"the next look at {when(answer['nextWake'], now)}, or whatever happens before")
    return waits


def _places(tasks: Sequence[Answer]) -> list[Text]:
    """Tasks by zone and capacity, with a bar that shows where they are uneven."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for task in tasks:
        counts[zone_suffix(task.get("availabilityZone")), plain(task.get("capacity") or "-"), _phase(task)] += 1
    places = sorted({(zone, capacity) for zone, capacity, _ in counts})
    shown = [status for status in STATUSES if status == "RUNNING" or any(phase == status for *_, phase in counts)]
    most = max(counts[(*place, "RUNNING")] for place in places)
    rows = [[Text(title, style="bold") for title in ("ZONE", "CAPACITY", *shown, "")]]
    for zone, capacity in places:
        up = counts[zone, capacity, "RUNNING"]
        numbers = [Text(str(counts[zone, capacity, status]).rjust(len(status))) for status in shown]
        bar = "#" * max(round(BAR * up / most), 1) if up else ""
        rows.append([Text(zone), Text(capacity), *numbers, Text(bar, style="green")])
    return aligned(rows)


def _phase(task: Answer) -> str:
    status = task.get("lastStatus")
    if status == "STOPPED":
        return "ENDED"
    if is_stopping(task) or status in {"DEACTIVATING", "STOPPING", "DEPROVISIONING"}:
        return "STOPPING"
    return "RUNNING" if status == "RUNNING" else "STARTING"


def _one_line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
