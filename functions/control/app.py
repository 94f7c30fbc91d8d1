"""Answers what people ask, and takes down what they declare and wish (direct invocation)."""

from typing import Any

from headcount import bootstrap, handlers

logger = bootstrap.logger()
controller, _ = bootstrap.controller()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Requests and answers are those of docs/contracts.md, version 1."""
    answer: dict[str, Any] = controller.answer(event)
    logger.info("answered", ok=answer["ok"], **handlers.asked(event))
    return answer
