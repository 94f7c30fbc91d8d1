"""Requests, answers and errors of the AWS APIs, as values between the HTTP server and whoever answers."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

JSON_TYPE = "application/x-amz-json-1.1"
_SQS_SHAPES = {
    "AWS.SimpleQueueService.NonExistentQueue": "QueueDoesNotExist",
    "AWS.SimpleQueueService.BatchRequestTooLong": "BatchRequestTooLong",
}
_SIGNING_NAMES = {"elbv2": "elasticloadbalancing", "cloudwatch": "monitoring"}
_XML_SERVICES = frozenset({"sts", "cloudformation", "iam", "sns", "elasticloadbalancing", "autoscaling", "monitoring"})


def signing_name(service: str) -> str:
    """The name by which requests are known here: boto3 calls some services otherwise."""
    return _SIGNING_NAMES.get(service, service)


@dataclass(frozen=True, kw_only=True)
class ApiRequest:
    """One HTTP request, with the service and the operation that it means; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    service: str
    operation: str
    access_key: str | None
    path_parameters: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The input of the operation; raises `ApiError` where the body cannot be read."""
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        try:
            parsed = json.loads(self.body or b"{}")
        except ValueError as error:
            raise ApiError("SerializationException", f"The request body is not JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise ApiError("SerializationException", "The request body is not a JSON object.")
        return parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """One HTTP answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Answer = Callable[[ApiRequest], ApiResponse]


class ApiError(Exception):
    """An error of an AWS API: the code that clients match on, words for people, the HTTP status, further fields."""

    def __init__(self, code: str, message: str, *, status: int = 400, fields: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})


def json_answer(document: Mapping[str, Any], *, status: int = 200, content_type: str = JSON_TYPE) -> ApiResponse:
    """An answer of the JSON protocols."""
    headers = {"Content-Type": content_type, "x-amzn-RequestId": str(uuid.uuid4())}
    return ApiResponse(status=status, headers=headers, body=json.dumps(document, separators=(",", ":")).encode())


def error_answer(request: ApiRequest, error: ApiError) -> ApiResponse:
    """The error in the protocol of the request's service, or of the request where its service speaks several."""
    service = request.service
    if service == "ec2":
        return _xml_error(error, "<Response><Errors><Error>{}</Error></Errors><RequestID>{}</RequestID></Response>")
    if service in _XML_SERVICES and "x-amz-target" not in request.headers:
        return _xml_error(error, "<ErrorResponse><Error>{}</Error><RequestId>{}</RequestId></ErrorResponse>")
    document = {"__type": _qualified(service, error.code), "message": error.message, **error.fields}
    if service == "lambda":  # Lambda's clients read the capital form
        document["Message"] = error.message
    answer = json_answer(document, status=error.status)
    extra = {"x-amzn-ErrorType": error.code}
    if service in ("sqs", "monitoring"):  # the codes that they had before they spoke JSON; clients match on these
        extra["x-amzn-query-error"] = f"{error.code};{'Sender' if error.status < 500 else 'Receiver'}"
    return ApiResponse(status=answer.status, headers={**answer.headers, **extra}, body=answer.body)


def _qualified(service: str, code: str) -> str:
    prefixes = {"dynamodb": "com.amazonaws.dynamodb.v20120810#", "sqs": "com.amazonaws.sqs#"}
    return prefixes.get(service, "") + _SQS_SHAPES.get(code, code)


def _xml_error(error: ApiError, frame: str) -> ApiResponse:
    inner = f"<Type>Sender</Type><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    text = '<?xml version="1.0" encoding="UTF-8"?>' + frame.format(inner, uuid.uuid4())
    return ApiResponse(status=error.status, headers={"Content-Type": "text/xml"}, body=text.encode())
