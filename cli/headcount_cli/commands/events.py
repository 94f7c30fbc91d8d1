"""``headcount events``."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any

import typer

from headcount_cli.commands.arguments import OptionalService, named
from headcount_cli.control_client import Document
from headcount_cli.failures import BadInput, Failure
from headcount_cli.session import Session
from headcount_cli.views.history import events_view, line

FOLLOW_SECONDS = 2.0
PAGE = 100
MOST_PAGES = 20  # of one look: after a long silence, tell the newest 2,000 and go on

Entry = Mapping[str, Any]
Ask = Callable[..., Document]  # ``control.events``, of what was named
OfCluster = Annotated[str | None, typer.Option("--cluster", help="Of this cluster itself.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many, the newest first.")]
Follow = Annotated[bool, typer.Option("--follow", help="Go on printing new ones, the newest last, until Ctrl-C.")]


def events(
    session: Session,
    service: OptionalService = None,
    cluster: OfCluster = None,
    limit: Limit = 50,
    follow: Follow = False,
) -> None:
    """Show what was decided for a service, with reasons; or for a cluster, who cordoned what."""
    if (service is None) == (cluster is None):
        raise BadInput("Name either a SERVICE or a --cluster.", hint="See 'headcount events --help'.")
    control, name = session.control(), named(service) if service else str(cluster)
    ask = partial(control.events, service, cluster=cluster)
    answer = ask(limit=limit)
    entries = list(answer.get("events") or [])  # control answers in whole passes, so there may be a few more
    if follow:
        _follow(session, ask, entries, limit)
    else:
        session.output.result(answer, events_view(name, entries[:limit], session.now()))


def _follow(session: Session, ask: Ask, entries: list[Entry], limit: int) -> None:
    """Ends with Ctrl-C, which is no failure here. With JSON: one entry a line."""
    seen = {identity(entry) for entry in entries}
    new = entries[:limit]
    try:
        while True:
            for entry in reversed(new):
                _print_entry(session, entry)
            session.world.sleep(FOLLOW_SECONDS)
            new = _unseen(ask, seen)
            seen.update(map(identity, new))
    except KeyboardInterrupt:
        return


def _unseen(ask: Ask, seen: set[str]) -> list[Entry]:
    """New entries, the newest first; none while the control function cannot be reached."""
    new: list[Entry] = []
    try:
        for page in _pages(ask):
            unseen = [entry for entry in page if identity(entry) not in seen]
            new += unseen
            if len(unseen) < len(page):
                break  # not at the first seen entry: a slow writer may have put one behind it
    except Failure as failure:
        if not failure.is_passing:
            raise
        return []  # asked again two seconds later; a half-read page would leave a gap
    return new


def _pages(ask: Ask) -> Iterator[list[Entry]]:
    before: str | None = None
    for _ in range(MOST_PAGES):
        answer = ask(limit=PAGE, before=before)
        yield list(answer.get("events") or [])
        before = answer.get("next")
        if not before:
            return


def identity(entry: Entry) -> str:
    return json.dumps(entry, sort_keys=True, default=str)


def _print_entry(session: Session, entry: Entry) -> None:
    if session.output.json:
        session.output.document(entry, indent=None)
    else:
        session.output.console.print(line(entry))
