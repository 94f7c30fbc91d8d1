"""Takes in what ECS said about a task (EventBridge, asynchronous) and kicks its service."""

from typing import Any

from headcount import bootstrap, triggers

logger = bootstrap.logger()
observer, settings = bootstrap.observer()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """One event is one sighting. What cannot be read raises, and ends in the dead-letter queue."""
    sighting = triggers.task_event(event, settings.install)
    outcome = observer.observe(sighting)
    logger.info("observed", task=sighting.task_id, service_key=sighting.service, outcome=outcome)
    return {"outcome": outcome}
