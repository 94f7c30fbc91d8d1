"""Operations whose input is checked against botocore's own model before they see it."""

from collections.abc import Callable, Mapping
from typing import Any

from headcount_sandbox.world.api import Answer, ApiRequest, ApiResponse, json_answer
from headcount_sandbox.world.ecs.validation import check_types


def checked(operation: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Answer:
    """An operation on parameters as an answer to requests."""

    def answer(request: ApiRequest) -> ApiResponse:
        check_types(request.operation, request.parameters)
        return json_answer(operation(request.parameters))

    return answer
