"""Kicks the services whose timer fell due (SQS)."""

from typing import Any

from headcount import bootstrap


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    return bootstrap.waker().handle(event, context)
