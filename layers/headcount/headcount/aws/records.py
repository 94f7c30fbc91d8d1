"""The table's records: which keys they have, and how values become items and values again.

Inside a record's JSON, names are those of the frozen values. A reader ignores fields that it does not know; a change
that an older reader would misread raises ``SCHEMA``, and the older reader then leaves the message for a newer one.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from headcount.errors import NewerSchema, Poisoned
from headcount.model.service import (
    Capacity,
    Decision,
    DeclaredService,
    Launch,
    OperatorWishes,
    ServiceState,
    ServiceStatus,
)
from headcount.model.task import ContainerHealth, ManagedTask, ObservedTask, Task

SCHEMA = 1
MANIFEST, CAPACITY, OPERATOR, STATUS = "manifest", "capacity", "operator", "status"
TASK, LAUNCH = "task#", "launch#"
STRANGER_SECONDS = 24 * 3600  # what a late event leaves of a deleted task goes by itself
DAY_SECONDS = 24 * 3600
REASON_LENGTH = 500

Item = dict[str, dict[str, Any]]
"""A DynamoDB item in the wire's own typed JSON: ``{"pk": {"S": "prod/web"}}``."""

_observed = msgspec.json.Decoder(ObservedTask)
_managed = msgspec.json.Decoder(ManagedTask)
_health = msgspec.json.Decoder(ContainerHealth)
_launch = msgspec.json.Decoder(Launch)
_status = msgspec.json.Decoder(ServiceStatus)
_capacity = msgspec.json.Decoder(Capacity)
_operator = msgspec.json.Decoder(OperatorWishes)
_declared = msgspec.json.Decoder(DeclaredService)


def text(value: str) -> dict[str, str]:
    """A string attribute."""
    return {"S": value}


def number(value: float) -> dict[str, str]:
    """A number attribute. ``repr`` keeps floats exact."""
    return {"N": repr(value)}


def document(value: object) -> dict[str, str]:
    """A value as one JSON attribute."""
    return {"S": msgspec.json.encode(value).decode()}


def key(service: str, sort: str) -> Item:
    """A record's key."""
    return {"pk": text(service), "sk": text(sort)}


def read_number(item: Mapping[str, Any], name: str) -> float | None:
    """A number attribute, None where it is missing."""
    return float(item[name]["N"]) if name in item else None


def read_integer(item: Mapping[str, Any], name: str) -> int | None:
    """A whole number attribute, None where it is missing."""
    return int(item[name]["N"]) if name in item else None


def check_schema(item: Mapping[str, Any]) -> None:
    """Refuse a record that a newer version wrote."""
    schema = read_integer(item, "schema")
    if schema is not None and schema > SCHEMA:
        place = f"{item['pk']['S']} {item['sk']['S']}"
        raise NewerSchema(f"record {place} has schema {schema}, this version reads up to {SCHEMA}")


def read_task(item: Mapping[str, Any]) -> Task | None:
    """A task's record; None if ECS has not spoken of it yet."""
    if "observed" not in item:
        return None
    return Task(
        task_id=item["sk"]["S"].removeprefix(TASK),
        observed=_observed.decode(item["observed"]["S"]),
        managed=_managed.decode(item["managed"]["S"]) if "managed" in item else None,
        health=_health.decode(item["health"]["S"]) if "health" in item else None,
        confirmed_at=read_number(item, "confirmedAt"),
    )


def read_status(item: Mapping[str, Any] | None) -> ServiceStatus:
    """The status; the one of a service never looked at if there is none."""
    return _status.decode(item["doc"]["S"]) if item and "doc" in item else ServiceStatus()


def read_capacity(item: Mapping[str, Any] | None) -> Capacity | None:
    """The capacity, None if there is no record."""
    return _capacity.decode(item["doc"]["S"]) if item else None


def read_operator(item: Mapping[str, Any] | None) -> OperatorWishes:
    """Operators' wishes; none if there is no record."""
    return _operator.decode(item["doc"]["S"]) if item else OperatorWishes()


def read_declared(item: Mapping[str, Any] | None) -> DeclaredService | None:
    """The manifest's record, None if nobody declares the service."""
    return _declared.decode(item["doc"]["S"]) if item else None


def read_state(service: str, install: str, items: Iterable[Mapping[str, Any]]) -> ServiceState:
    """The whole world of a service from the records of its partition."""
    tasks: list[Task] = []
    launches: list[Launch] = []
    single: dict[str, Mapping[str, Any]] = {}
    try:
        for item in items:
            check_schema(item)
            sort = item["sk"]["S"]
            if sort.startswith(TASK):
                task = read_task(item)
                if task is not None:
                    tasks.append(task)
            elif sort.startswith(LAUNCH):
                launches.append(_launch.decode(item["doc"]["S"]))
            else:
                single[sort] = item
        return ServiceState(
            service=service,
            install=install,
            pass_number=read_integer(single.get(STATUS, {}), "pass") or 0,
            declared=read_declared(single.get(MANIFEST)),
            capacity=read_capacity(single.get(CAPACITY)),
            operator=read_operator(single.get(OPERATOR)),
            status=read_status(single.get(STATUS)),
            tasks=tuple(tasks),
            launches=tuple(launches),
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise Poisoned(f"a record of service {service} cannot be read: {type(error).__name__}: {error}") from error


def entry(decision: Decision, pass_number: int, now: float) -> dict[str, Any]:
    """A decision as a history entry (``docs/contracts.md``)."""
    at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    parts = {
        "task": decision.task,
        "launch": decision.launch,
        "deployment": decision.deployment,
        "eventName": decision.event_name,
        "by": decision.by,
    }
    known = {name: value for name, value in parts.items() if value is not None}
    return {
        "at": at,
        "pass": pass_number,
        "kind": decision.kind,
        "level": decision.level,
        "reason": decision.reason[:REASON_LENGTH],  # ECS's reasons can be long, and a record holds 400 KB
        **known,
    }


def history_item(
    service: str, pass_number: int, part: str, decisions: Sequence[Decision], now: float, keep_days: float
) -> Item:
    """One record of the history: what one part of one pass decided."""
    return {
        **key(f"{service}#history", f"event#{now:017.6f}#{pass_number:020d}#{part}"),
        "schema": number(SCHEMA),
        "doc": document([entry(decision, pass_number, now) for decision in decisions]),
        "expires": number(int(now + keep_days * DAY_SECONDS)),
    }
