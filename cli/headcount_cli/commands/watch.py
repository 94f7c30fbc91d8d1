"""``headcount watch``."""

from collections.abc import Iterable, Mapping
from typing import Any

from headcount_cli.commands.arguments import Cluster, OptionalService, named
from headcount_cli.commands.events import identity
from headcount_cli.control_client import ControlClient, Document
from headcount_cli.failures import BadInput
from headcount_cli.session import Session
from headcount_cli.times import clock, day
from headcount_cli.views.history import line
from headcount_cli.views.watch import WatchView, foot_line, summary_line
from headcount_cli.watching import Seen, Subject, Watching, full_screen

LAST_EVENTS = 10
CALM = ("STEADY", "PAUSED")


def watch(session: Session, service: OptionalService = None, cluster: Cluster = None) -> None:
    """Show a service as it changes, or all services, until Ctrl-C.

    Counts, tasks by zone and capacity, what takes traffic, deployments, what it waits for, and the last decisions.
    Throttling, failures and new versions of Headcount do not end it: it says how old the picture is and goes on
    looking. Where the output is no terminal, a line is printed whenever something changes; with --output json, a
    document a line.
    """
    if service and cluster:
        raise BadInput("SERVICE and --cluster contradict each other.", hint="Give one of them.")
    watching = Watching(session, _one(named(service)) if service else _all(cluster))
    console = session.output.console
    try:
        if session.output.json or not console.is_terminal or console.is_dumb_terminal:
            _print_changes(session, watching)
        else:
            _draw(session, watching, service or (f"Services of {cluster}" if cluster else "All services"))
    except KeyboardInterrupt:
        return


def _one(service: str) -> Subject:
    """``describe``, and the newest entries of the history whenever there was a new pass."""
    last: dict[str, Any] = {}

    def ask(control: ControlClient) -> Document:
        answer = control.describe(service)
        look = (answer.get("pass"), answer.get("generation"), answer.get("incarnation"))
        if last.get("look") != look:
            last["events"] = control.events(service, limit=LAST_EVENTS).get("events") or []
            last["look"] = look
        return {**answer, "events": last["events"][:LAST_EVENTS]}

    return Subject(ask=ask, is_calm=lambda answer: answer.get("state") in CALM)


def _all(cluster: str | None) -> Subject:
    def ask(control: ControlClient) -> Document:
        return {"services": [], **control.list_services(cluster)}

    return Subject(ask=ask, is_calm=lambda answer: all(one.get("state") in CALM for one in answer["services"]))


def _draw(session: Session, watching: Watching, name: str) -> None:
    """In the terminal's other screen, so that what stood there comes back; the last state is left behind as a line."""
    console = session.output.console

    def view() -> WatchView:
        return WatchView(name=name, seen=watching.seen, now=session.now(), height=console.size.height)

    try:
        with full_screen(console, view) as draw:
            for _ in watching.looks():
                draw()
    except KeyboardInterrupt:
        for text in _summaries(watching.seen):
            console.print(text)


def _print_changes(session: Session, watching: Watching) -> None:
    said: set[str] = set()
    known: set[str] = set()
    for seen in watching.looks():
        now = session.now()
        stamp = f"{day(now)} {clock(now)}"
        if session.output.json:
            if not seen.failures and _is_new(identity(seen.answer or {}), said):
                session.output.document(seen.answer or {}, indent=None)
            continue
        if seen.failures:
            if _is_new(seen.failure, said):
                session.output.note(f"{stamp}  {foot_line(seen, now).plain}")
            continue
        for entry in reversed(_unseen((seen.answer or {}).get("events") or [], known)):
            session.output.console.print(line(entry))
        summaries = _summaries(seen)
        if _is_new("\n".join(summaries), said):
            for text in summaries:
                session.output.console.print(f"{stamp}  {text}")


def _summaries(seen: Seen) -> list[str]:
    if seen.answer is None:
        return []
    services = seen.answer.get("services")
    return [summary_line(one) for one in (services if services is not None else [seen.answer])]


def _is_new(text: str, said: set[str]) -> bool:
    """Whether this is not what was said last."""
    if text in said:
        return False
    said.clear()
    said.add(text)
    return True


def _unseen(entries: Iterable[Mapping[str, Any]], known: set[str]) -> list[Mapping[str, Any]]:
    new = [entry for entry in entries if identity(entry) not in known]
    known.update(map(identity, new))
    return new
