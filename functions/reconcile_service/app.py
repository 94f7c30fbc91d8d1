"""One pass over one service: gather, plan, apply (SQS FIFO, one message group a service)."""

from typing import Any

from headcount import bootstrap


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    return bootstrap.reconciler().handle(event, context)
