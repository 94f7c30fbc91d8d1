"""Raw messages into typed requests: strict about the few fields that are read, blind to all others."""

import json
from collections.abc import Mapping
from typing import Any, cast

from headcount.errors import NewerSchema, Poisoned
from headcount.messages import DueTimer, LookRequest, Request
from headcount.model.instants import LAST
from headcount.model.names import SERVICE_KEY
from headcount.model.showing import shown

MESSAGE_SCHEMA = 1
OF_SCALING = "scaling"


def kick(record: Mapping[str, Any]) -> Request:
    """A message of the reconcile queue."""
    body = _body(record)
    return Request(service=service_of(body), event_at=_seconds(body, "eventAt"), sent_at=_seconds(body, "sentAt"))


def timer(record: Mapping[str, Any]) -> DueTimer:
    """A message of the timer queue: the service, the time it was set for, and by whom."""
    body = _body(record)
    at = _seconds(body, "at")
    if at is None:
        raise Poisoned("at is missing: epoch seconds are allowed")
    meant = body.get("for")
    if meant not in (None, OF_SCALING):
        raise Poisoned(f"for is {shown(meant)}: {OF_SCALING} is allowed, or nothing")
    return DueTimer(service=service_of(body), at=at, of_scaling=meant == OF_SCALING)


def load_balancer_request(event: object) -> LookRequest:
    """What ``keep_load_balancers`` is invoked with: the service whose load balancer resources are to be looked at."""
    return LookRequest(service=service_of(message(event)))


def _body(record: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        body = json.loads(record["body"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise Poisoned(f"body is not JSON: {error}") from error
    return message(body)


def message(body: object) -> Mapping[str, Any]:
    """A message of a schema that this version reads."""
    if not isinstance(body, dict):
        raise Poisoned(f"body is {type(body).__name__}: an object is allowed")
    schema = body.get("schema")
    if isinstance(schema, bool) or not isinstance(schema, int) or schema < 1:
        raise Poisoned(f"schema is {shown(schema)}: a whole number from 1 is allowed")
    if schema > MESSAGE_SCHEMA:
        raise NewerSchema(f"schema is {shown(schema)}: this version reads up to {MESSAGE_SCHEMA}")
    return cast("Mapping[str, Any]", body)


def service_of(body: Mapping[str, Any]) -> str:
    """The key of the service that a message names."""
    service = body.get("service")
    if not isinstance(service, str) or not SERVICE_KEY.fullmatch(service):
        raise Poisoned(f"service is {shown(service)}: <cluster>/<serviceName> is allowed")
    return service


def _seconds(body: Mapping[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LAST:
        raise Poisoned(f"{name} is {shown(value)}: epoch seconds are allowed")
    return float(value)
