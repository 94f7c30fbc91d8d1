"""Decides how many tasks a service has by its scaling policies and scheduled actions (asynchronous)."""

from typing import Any

from headcount import bootstrap, handlers, scaling_triggers

logger = bootstrap.logger()
decider, settings = bootstrap.decider()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An alarm that changed, the input of a schedule, or a request. What fails raises: Lambda tries it again."""
    woken = scaling_triggers.woken(event, settings.install)
    decider.decide(woken, handlers.remaining_seconds(context))
    return scaling_triggers.subject(woken)
