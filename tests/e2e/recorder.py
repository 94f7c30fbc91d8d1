"""Writes down every call of a function with its parameters, which the sandbox's own ledger leaves out."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from e2e.needed_permissions import RecordedCall
from headcount_sandbox import Sandbox
from headcount_sandbox.world.api import Answer, ApiRequest, ApiResponse
from headcount_sandbox.world.wire import read

_QUERY = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}  # whose parameters are no JSON document


class Recorder:
    """The calls of functions, in the order of their arrival."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.calls: list[RecordedCall] = []
        self._world = sandbox.world

    @contextmanager
    def recording(self, operations: Iterable[tuple[str, str]]) -> Iterator[None]:
        """Stands before the answers of these operations while it lasts."""
        answers = self._world._answers
        before = dict(answers)
        try:
            for service, operation in operations:
                original = before.get((service, operation), self._world._moto.answer)
                self._world.answer(service, operation, partial(self._record, original))
            yield
        finally:
            answers.clear()
            answers.update(before)

    def _record(self, original: Answer, request: ApiRequest) -> ApiResponse:
        caller = self._world.callers.get(request.access_key or "")
        if caller is not None:
            parameters = self._parameters(request)
            self.calls.append(
                RecordedCall(
                    function=caller.function_name,
                    service=request.service,
                    operation=request.operation,
                    parameters=parameters,
                    tags=self._tags(parameters) if request.service == "elasticloadbalancing" else {},
                )
            )
        return original(request)

    def _parameters(self, request: ApiRequest) -> Mapping[str, Any]:
        if request.service in _QUERY:
            return read(_QUERY[request.service], request)
        return {**request.parameters, **request.path_parameters, **dict(parse_qsl(request.query))}

    def _tags(self, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Those of the resource that a call names, at the time of the call."""
        names = (value for name, value in parameters.items() if name.endswith("Arn") and isinstance(value, str))
        tagging = self._world._moto.elb_records().tagging_service
        return {key: value for arn in names for key, value in tagging.get_tag_dict_for_resource(arn).items()}
