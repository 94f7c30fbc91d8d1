"""AWS's query and JSON protocols as moto reads and writes them, for operations that the sandbox answers itself."""

import gzip
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from botocore.validate import ParamValidator
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse

Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


def spoken(service: str, operation: Operation) -> Answer:
    """An operation on parameters (in the shapes of botocore's model of `service`) as an answer to requests.

    Refuses with ValidationError what the model does not allow.
    """

    def answer(request: ApiRequest) -> ApiResponse:
        return written(service, request, operation(read(service, request)))

    return answer


def read(service: str, request: ApiRequest) -> dict[str, Any]:
    """The parameters of a request; raises `ApiError` for those that the model of its operation does not allow."""
    model = _operation(service, request.operation)
    shape = model.input_shape
    assert shape is not None, f"{request.operation} has no input"
    values = {} if _protocol(service, request) == "json" else request.parameters
    try:
        parameters: dict[str, Any] = PROTOCOL_PARSERS[_protocol(service, request)](model).parse(
            {
                "method": request.method,
                "values": MultiDict(values),
                "headers": Headers(request.headers),
                "body": _unpacked(request),
                "url_path": request.path,
                "url_params": {},
            }
        )
    except ValueError as error:
        raise ApiError("ValidationError", str(error)) from error
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise ApiError("ValidationError", report.generate_report())
    problems = list(_problems(shape, parameters, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ApiError("ValidationError", count + "; ".join(problems))
    return parameters


def _problems(shape: Any, value: Any, where: str) -> Iterator[str]:
    """What the model says of values and botocore leaves to the service: upper bounds, lengths and words."""
    match shape.type_name:
        case "structure":
            for name, member in value.items():
                at = f"{where}.{name}" if where else name[0].lower() + name[1:]
                yield from _problems(shape.members[name], member, at)
        case "list":
            for number, member in enumerate(value, 1):
                yield from _problems(shape.member, member, f"{where}.{number}.member")
        case "string" | "integer" | "long" | "double" | "float":
            wrong = _wrong(shape.metadata, value)
            if wrong:
                yield f"Value '{value}' at '{where}' failed to satisfy constraint: Member must {wrong}"


def _wrong(metadata: Mapping[str, Any], value: Any) -> str | None:
    words = metadata.get("enum")
    if words and value not in words:
        return f"satisfy enum value set: [{', '.join(words)}]"
    most = metadata.get("max")
    if isinstance(value, str):
        return f"have length less than or equal to {most}" if most is not None and len(value) > most else None
    return f"have value less than or equal to {most}" if most is not None and value > most else None


def _unpacked(request: ApiRequest) -> bytes:
    """Clients compress long requests."""
    return gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body


def written(service: str, request: ApiRequest, result: Mapping[str, Any]) -> ApiResponse:
    """A result in the protocol of its request."""
    serializer = get_serializer_class(service, _protocol(service, request))
    answer = serializer(_operation(service, request.operation)).serialize(result)
    body = answer["body"]
    return ApiResponse(
        status=answer["status_code"],
        headers=dict(answer["headers"]),
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def _protocol(service: str, request: ApiRequest) -> str:
    return str(determine_request_protocol(_model(service), request.headers.get("content-type")))


@cache
def _model(service: str) -> ServiceModel:
    return get_service_model(service)


@cache
def _operation(service: str, name: str) -> OperationModel:
    found: OperationModel = _model(service).operation_model(name)
    return found
