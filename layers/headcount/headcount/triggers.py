"""Raw Lambda events into typed requests: strict about the few fields that are read, blind to all others."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from headcount.aws.ecs import sighting_of
from headcount.control_loop import Request
from headcount.errors import NewerSchema, Poisoned
from headcount.model.task import ObservedTask
from headcount.ports import Sighting

MESSAGE_SCHEMA = 1
_SERVICE_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,245}")
_TASK_FIELDS = ("taskArn", "clusterArn", "lastStatus", "desiredStatus", "version")


def task_event(event: object, install: str) -> Sighting:
    """An "ECS Task State Change" as a sighting. ``Poisoned`` names every field that is missing or wrong."""
    detail = event.get("detail") if isinstance(event, Mapping) else None
    if not isinstance(detail, Mapping):
        raise Poisoned(f"detail is {type(detail).__name__}: an ECS Task State Change event has an object there")
    problems = [f"detail.{name} is missing" for name in _TASK_FIELDS if name not in detail]
    problems += [
        f"detail.{name} is {detail[name]!r}: a string is allowed"
        for name in _TASK_FIELDS[:4]
        if name in detail and not isinstance(detail[name], str)
    ]
    version = detail.get("version", 0)
    if isinstance(version, bool) or not isinstance(version, int):
        problems.append(f"detail.version is {version!r}: a whole number is allowed")
    if problems:
        raise Poisoned("; ".join(problems))
    try:
        sighting = sighting_of(detail, install)
        msgspec.convert(msgspec.to_builtins(sighting.observed), ObservedTask)  # what no pass could read is not recorded
    except (ValueError, TypeError, AttributeError, msgspec.MsgspecError) as error:
        raise Poisoned(f"detail cannot be read as an ECS task: {error}") from error
    return sighting


def kick(record: Mapping[str, Any]) -> Request:
    """A message of the reconcile queue."""
    body = _body(record)
    return Request(service=_service(body), event_at=_seconds(body, "eventAt"), sent_at=_seconds(body, "sentAt"))


def timer(record: Mapping[str, Any]) -> tuple[str, float]:
    """A message of the timer queue: the service, and the time it was set for."""
    body = _body(record)
    at = _seconds(body, "at")
    if at is None:
        raise Poisoned("at is missing: epoch seconds are allowed")
    return _service(body), at


def _body(record: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        body = json.loads(record["body"])
    except (KeyError, TypeError, ValueError) as error:
        raise Poisoned(f"body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Poisoned(f"body is {type(body).__name__}: an object is allowed")
    schema = body.get("schema")
    if not isinstance(schema, int) or schema < 1:
        raise Poisoned(f"schema is {schema!r}: a whole number from 1 is allowed")
    if schema > MESSAGE_SCHEMA:
        raise NewerSchema(f"schema is {schema}: this version reads up to {MESSAGE_SCHEMA}")
    return cast("Mapping[str, Any]", body)


def _service(body: Mapping[str, Any]) -> str:
    service = body.get("service")
    if not isinstance(service, str) or not _SERVICE_KEY.fullmatch(service):
        raise Poisoned(f"service is {service!r}: <cluster>/<serviceName> is allowed")
    return service


def _seconds(body: Mapping[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Poisoned(f"{name} is {value!r}: epoch seconds are allowed")
    return float(value)
