"""Kicks the services whose timer fell due, and has scaling looked at where that set it (SQS)."""

from typing import Any

from headcount import bootstrap, handlers, triggers

logger = bootstrap.logger()
waker, _ = bootstrap.waker()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Each message names a service and the time its timer was set for."""
    return handlers.each_record(event, logger, lambda record: waker.wake(triggers.timer(record)))
