"""Which AWS service and operation an HTTP request means, and who signed it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, unquote

from botocore.session import get_session

from headcount_sandbox.world.api import ApiRequest

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/[^/]+/([^/]+)/aws4_request")
_TARGET_SERVICES = {
    "AmazonEC2ContainerServiceV20141113": "ecs",
    "DynamoDB_20120810": "dynamodb",
    "AmazonSQS": "sqs",
    "AWSEvents": "events",
    "Logs_20140328": "logs",
}
_RPC_PATH = re.compile(r"^/service/[^/]+/operation/(\w+)$")
_REST_SERVICES = frozenset({"lambda", "scheduler"})


def recognise(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> ApiRequest:
    """The request with its service, operation and access key; what cannot be told has service `unknown`."""
    access_key, signed_for = _credential(headers, query)
    target_prefix, _, target_operation = headers.get("x-amz-target", "").partition(".")
    service = signed_for or _TARGET_SERVICES.get(target_prefix, "unknown")
    operation, parameters = target_operation, dict[str, str]()
    if not operation:
        operation, parameters = _operation_of(service, method, path, query, headers, body)
    return ApiRequest(
        method=method,
        path=path,
        query=query,
        headers=headers,
        body=body,
        service=service,
        operation=operation,
        access_key=access_key,
        path_parameters=parameters,
    )


def _credential(headers: Mapping[str, str], query: str) -> tuple[str | None, str | None]:
    found = _CREDENTIAL.search(headers.get("authorization", ""))
    if found is None and "X-Amz-Credential=" in query:
        credential = dict(parse_qsl(query)).get("X-Amz-Credential", "")
        found = _CREDENTIAL.search(f"Credential={credential}")
    return (found[1], found[2].lower()) if found else (None, None)


def _operation_of(
    service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> tuple[str, dict[str, str]]:
    rpc = _RPC_PATH.match(path)
    if rpc:
        return rpc[1], {}
    if service in _REST_SERVICES:
        for route in _routes(service):
            found = route.pattern.match(path) if route.method == method else None
            if found:
                return route.operation, {name: unquote(value) for name, value in found.groupdict().items()}
    form = body if headers.get("content-type", "").startswith("application/x-www-form-urlencoded") else b""
    action = re.search(r"(?:^|&)Action=(\w+)", f"{query}&{form.decode(errors='replace')}")
    return (action[1] if action else f"{method} {path}"), {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    operation: str
    method: str
    pattern: re.Pattern[str]


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    """The routes of a REST service from botocore's model, the most particular first."""
    model = get_session().get_service_model(service)
    routes = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        uri = http["requestUri"].partition("?")[0].rstrip("/")
        parts = re.split(r"\{(\w+)\+?\}", uri)
        pattern = "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
        routes.append(_Route(operation=name, method=http["method"], pattern=re.compile(f"^{pattern}/?$")))
    return tuple(sorted(routes, key=lambda route: -len(route.pattern.pattern)))
