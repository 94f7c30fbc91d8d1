"""``headcount list``."""

from headcount_cli.commands.arguments import Cluster
from headcount_cli.session import Session
from headcount_cli.views.services import services_view


def list_services(session: Session, cluster: Cluster = None) -> None:
    """List services with their counts and states."""
    answer = session.control().list_services(cluster)
    session.output.result(answer, services_view(answer.get("services") or [], session.now()))
