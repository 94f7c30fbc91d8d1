"""Records of the history: what was decided, when and why."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headcount.aws.dynamodb import ServiceTable
from headcount.aws.records import DAY_SECONDS, SCHEMA, Item, document, key, number
from headcount.model.instants import iso
from headcount.model.service import Decision

REASON_LENGTH = 500

_entries = msgspec.json.Decoder(list[dict[str, Any]])


def entry(decision: Decision, pass_number: int, now: float) -> dict[str, Any]:
    """A decision as a history entry (``docs/contracts.md``)."""
    parts = {
        "task": decision.task,
        "launch": decision.launch,
        "deployment": decision.deployment,
        "eventName": decision.event_name,
        "by": decision.by,
    }
    known = {name: value for name, value in parts.items() if value is not None}
    return {
        "at": iso(now),
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


def history_put(
    table: ServiceTable, service: str, pass_number: int, part: str, decisions: Sequence[Decision], now: float
) -> dict[str, Any]:
    """A history record as part of a transaction."""
    item = history_item(service, pass_number, part, decisions, now, table.history_days)
    return {"Put": {"TableName": table.table, "Item": item}}


def read_entries(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of one record of the history, the newest first."""
    return list(reversed(_entries.decode(item["doc"]["S"])))
