"""Takes in what ECS said about a task (EventBridge, asynchronous) and kicks its service."""

from typing import Any

from headcount import bootstrap


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    return bootstrap.observer().handle(event, context)
