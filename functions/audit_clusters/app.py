"""Compares the table with ECS once a minute and repairs what events missed (EventBridge schedule)."""

from typing import Any

from headcount import bootstrap


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    return bootstrap.auditor().handle(event, context)
