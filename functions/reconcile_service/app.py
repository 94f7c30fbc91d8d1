"""One pass over one service: gather, plan, apply (SQS FIFO, one message group a service)."""

from typing import Any

from headcount import bootstrap, handlers, triggers

logger = bootstrap.logger()
reconciler, _ = bootstrap.reconciler()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Each message names a service to look at."""
    remaining = handlers.remaining_seconds(context)
    return handlers.each_record(event, logger, lambda record: reconciler.reconcile(triggers.kick(record), remaining))
