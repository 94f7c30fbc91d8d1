"""``headcount describe``."""

from headcount_cli.commands.arguments import Service, named
from headcount_cli.session import Session
from headcount_cli.views.describe import describe_view


def describe(session: Session, service: Service) -> None:
    """Show one service: state and why, tasks, last decisions."""
    answer = session.control().describe(named(service))
    session.output.result(answer, describe_view(answer, session.now()))
