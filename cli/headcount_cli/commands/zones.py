"""``headcount cordon``, ``uncordon`` and ``cordons``: an Availability Zone of a cluster, for all its services."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from headcount_cli.commands.arguments import Cluster, For, Reason, whole_seconds
from headcount_cli.control_client import Document
from headcount_cli.failures import BadInput
from headcount_cli.session import Session
from headcount_cli.times import when
from headcount_cli.views.wishes import cordon_sentence
from headcount_cli.views.words import columns, plain

Zone = Annotated[
    str, typer.Argument(metavar="ZONE", help="An Availability Zone, for example eu-central-1a.", show_default=False)
]
OfCluster = Annotated[str, typer.Option("--cluster", help="The cluster.", show_default=False)]
Evacuate = Annotated[
    bool, typer.Option("--evacuate", help="Replace the tasks that run there, starting elsewhere first.")
]


def cordon(
    session: Session,
    zone: Zone,
    cluster: OfCluster,
    evacuate: Evacuate = False,
    duration: For = None,
    reason: Reason = None,
) -> None:
    """Start no task of a cluster in a zone any more, and with --evacuate move those that run there."""
    result = session.control().cordon(
        cluster, _named(zone), evacuate=evacuate, seconds=whole_seconds(duration), reason=reason
    )
    _show(session, result, cluster)


def uncordon(session: Session, zone: Zone, cluster: OfCluster, reason: Reason = None) -> None:
    """Let tasks of a cluster start in a zone again."""
    result = session.control().uncordon(cluster, _named(zone), reason=reason)
    _show(session, result, cluster)


def cordons(session: Session, cluster: Cluster = None) -> None:
    """List the zones that are cordoned."""
    result = session.control().cordons(cluster)
    rows = [
        (one.get("cluster", "-"), held) for one in result.get("clusters") or [] for held in one.get("cordons") or []
    ]
    session.output.result(result, _table(session, rows) if rows else Text("No zone is cordoned."))


def _table(session: Session, rows: Sequence[tuple[str, Document]]) -> RenderableType:
    table = columns("CLUSTER", "ZONE", "EVACUATE", "SINCE", "UNTIL", "BY", "REASON")
    for cluster, held in rows:
        table.add_row(
            plain(cluster),
            plain(held.get("zone", "-")),
            "yes" if held.get("evacuate") else "no",
            when(held.get("since"), session.now()),
            when(held.get("until"), session.now()),
            plain(held.get("by") or "-"),
            plain(held.get("reason") or "-"),
        )
    return table


def _show(session: Session, result: Document, cluster: str) -> None:
    session.output.warnings(result)
    held: list[Any] = result.get("cordons") or []
    lines = [Text(cordon_sentence(one, session.now())) for one in held] or [Text("No zone is cordoned.")]
    count = result.get("services", 0)
    looked = f"{plain(result.get('cluster', cluster))}: {count} service{'' if count == 1 else 's'} will look again"
    session.output.result(result, *lines, Text(looked))


def _named(zone: str) -> str:
    if not zone.strip() or zone != zone.strip():
        raise BadInput(f"'{zone}' is not an Availability Zone.", hint="For example eu-central-1a.")
    return zone
