"""moto's DynamoDB answers items in 0.3 ms each, nearly all of it in a general serializer for what is JSON already.

Answers that hold items are written with `json.dumps` instead: a query of 300 tasks takes 10 ms rather than 70.
"""

import base64
import json
from typing import Any

from moto.core.responses import ActionContext, ActionResult
from moto.dynamodb.responses import DynamoResult

_WITH_ITEMS = frozenset({"Query", "Scan", "GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem"})


def answer_items_quickly() -> None:
    """Replaces the serializer of operations that answer items; the rest stays moto's."""
    DynamoResult.execute_result = _execute_result  # type: ignore[method-assign, assignment] # there is no setting for it


def _execute_result(self: DynamoResult, context: ActionContext) -> Any:
    result = self.result
    if context.operation_model.name not in _WITH_ITEMS or not isinstance(result, dict):
        return ActionResult.execute_result(self, context)
    present = {name: value for name, value in result.items() if value is not None}
    body = json.dumps(present, default=_binary, separators=(",", ":"))
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, body


def _binary(value: object) -> str:
    """Binary values travel as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{value!r} is no part of a DynamoDB item")
