"""Answers what people ask: apply, list, describe, events, why, scale, delete, protect (direct invocation)."""

from typing import Any

from headcount import bootstrap

logger = bootstrap.logger()
controller, _ = bootstrap.controller()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Requests and answers are those of docs/contracts.md, version 1."""
    answer: dict[str, Any] = controller.answer(event)
    logger.info("answered", operation=str(event.get("operation")), by=str(event.get("by")), ok=answer["ok"])
    return answer
