"""Answers what people ask: apply, list, describe, events, why, scale, delete, protect (direct invocation)."""

from typing import Any

from headcount import bootstrap


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    return bootstrap.controller().handle(event, context)
