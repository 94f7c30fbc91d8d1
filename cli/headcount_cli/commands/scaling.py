"""``headcount scaling``."""

from headcount_cli.commands.arguments import Service, named
from headcount_cli.session import Session
from headcount_cli.views.scaling import scaling_view


def scaling(session: Session, service: Service) -> None:
    """Show how a service is scaled: bounds, policies, cooldowns, scheduled actions, last decisions.

    What each policy measured and asked for last, and why no more and no less was done.
    """
    answer = session.control().scaling(named(service))
    session.output.result(answer, scaling_view(answer, session.now()))
