"""Takes in what AWS said about tasks and the places they run on (EventBridge, asynchronous), and kicks services."""

from typing import Any

from headcount import bootstrap, events

logger = bootstrap.logger()
intake, settings = bootstrap.observer()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """One event, of a task or of a place. What cannot be read raises, and ends in the dead-letter queue."""
    told = events.told(event, settings.install)
    outcome = intake.take_in(told)
    logger.info("observed", outcome=outcome, **events.subject(told))
    return {"outcome": outcome}
