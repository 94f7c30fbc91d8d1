"""``headcount list``."""

from typing import Annotated

import typer

from headcount_cli.session import Session
from headcount_cli.views.services import services_view

Cluster = Annotated[str | None, typer.Option("--cluster", help="Only this cluster's services.", show_default=False)]


def list_services(session: Session, cluster: Cluster = None) -> None:
    """List services with their counts and states."""
    answer = session.control().list_services(cluster)
    session.output.result(answer, services_view(answer.get("services") or [], session.now()))
