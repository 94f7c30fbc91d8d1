"""The table's records: which keys they have, and how values become attributes and values again.

Inside a record's JSON, names are those of the frozen values. A reader ignores fields that it does not know; a change
that an older reader would misread raises ``SCHEMA``, and the older reader then leaves the message for a newer one.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from headcount.errors import NewerSchema, Poisoned

SCHEMA = 1
MANIFEST, CAPACITY, OPERATOR, STATUS = "manifest", "capacity", "operator", "status"
BALANCING, SCALING = "balancing", "scaling"
TASK, LAUNCH, TARGETS = "task#", "launch#", "targets#"
ALARM, WATCH = "alarm#", "watch#"
STRANGER_SECONDS = 24 * 3600  # what a late event leaves of a deleted task goes by itself
DAY_SECONDS = 24 * 3600

Item = dict[str, dict[str, Any]]
"""A DynamoDB item in the wire's own typed JSON: ``{"pk": {"S": "prod/web"}}``."""


def text(value: str) -> dict[str, str]:
    """A string attribute."""
    return {"S": value}


def number(value: float) -> dict[str, str]:
    """A number attribute. ``repr`` keeps floats exact."""
    return {"N": repr(value)}


def document(value: object) -> dict[str, str]:
    """A value as one JSON attribute."""
    return {"S": msgspec.json.encode(value).decode()}


def cluster_key(cluster: str) -> str:
    """The partition of what concerns a whole cluster. No service key has a ``#``."""
    return f"cluster#{cluster}"


def key(service: str, sort: str) -> Item:
    """A record's key."""
    return {"pk": text(service), "sk": text(sort)}


def targets_sort(group: str) -> str:
    """The sort key of a target group's record: ARNs are longer than keys should be."""
    return TARGETS + hashlib.sha256(group.encode()).hexdigest()[:32]


def read_number(item: Mapping[str, Any], name: str) -> float | None:
    """A number attribute, None where it is missing."""
    return float(item[name]["N"]) if name in item else None


def read_integer(item: Mapping[str, Any], name: str) -> int | None:
    """A whole number attribute, None where it is missing."""
    return int(item[name]["N"]) if name in item else None


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Whatever the decoders say of a record that is broken: it is ``Poisoned``."""
    try:
        yield
    except (
        msgspec.DecodeError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise Poisoned(f"{what} cannot be read: {type(error).__name__}: {error}") from error


def check_schema(item: Mapping[str, Any]) -> None:
    """Refuse a record that a newer version wrote."""
    schema = read_integer(item, "schema")
    if schema is not None and schema > SCHEMA:
        place = f"{item['pk']['S']} {item['sk']['S']}"
        raise NewerSchema(f"record {place} has schema {schema}, this version reads up to {SCHEMA}")
