"""How large the records are, as DynamoDB counts: the names of the attributes and what they hold, in UTF-8.

A number takes a byte for two digits and one more (DynamoDB developer guide, "DynamoDB item sizes and formats"). The
adapters' layout of the records is told here a second time, because the simulation stands above the ports;
``tests/unit/simulation/test_sizes.py`` holds both against each other.
"""

from collections.abc import Sequence
from operator import is_
from typing import Any

import msgspec

from headcount.model.service import Capacity, Decision, DeclaredService, Launch, OperatorWishes
from headcount.model.target import Balancing
from headcount.model.values import without_defaults
from headcount_simulation.partitions import Partition, StatusRecord, TargetsRecord, TaskRecord, targets_key

NUMBER_BYTES = 10  # an epoch time with a fraction; most others are smaller
_tasks: dict[tuple[str, str], tuple[tuple[Any, ...], int]] = {}  # what a record held when it was measured
TIME_BYTES = len("2026-11-23T06:57:24.000Z")


def record_bytes(service: str, sort_key: str, *attributes: tuple[str, Any]) -> int:
    """A record of the attributes that are not None; numbers are any ``int`` or ``float``, the rest is JSON."""
    size = len("pk") + len(service) + len("sk") + len(sort_key)
    return size + sum(len(name) + _value_bytes(value) for name, value in attributes if value is not None)


def _value_bytes(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, int | float):
        digits = len(repr(value).replace(".", "").replace("-", "").strip("0"))
        return (digits + 1) // 2 + 1
    return len(msgspec.json.encode(value))


def manifest_bytes(service: str, declared: DeclaredService) -> int:
    """The record ``manifest``."""
    return record_bytes(
        service,
        "manifest",
        ("schema", 1),
        ("doc", declared),
        ("generation", declared.generation),
        ("cluster", declared.manifest.cluster),
        ("deleting", declared.deleting_at),
    )


def status_bytes(service: str, status: StatusRecord) -> int:
    """The record ``status``."""
    document = status.document
    return record_bytes(
        service,
        "status",
        ("schema", 1),
        ("pass", status.pass_number),
        ("cluster", service.partition("/")[0]),
        ("doc", without_defaults(document)),
        ("generation", document.generation if document else None),
        ("nextWake", document.next_wake if document else None),
    )


def capacity_bytes(service: str, capacity: Capacity, revision: int) -> int:
    """The record ``capacity``."""
    return record_bytes(service, "capacity", ("schema", 1), ("doc", capacity), ("revision", revision))


def operator_bytes(service: str, wishes: OperatorWishes, revision: int) -> int:
    """The record ``operator``."""
    return record_bytes(service, "operator", ("schema", 1), ("doc", wishes), ("revision", revision))


def task_bytes(service: str, task_id: str, record: TaskRecord | None) -> int:
    """A record ``task#<id>``; 0 for one that is not there."""
    if record is None:
        return 0
    parts = (
        record.observed,
        record.version,
        record.managed,
        record.health,
        record.notice,
        record.confirmed_at,
        record.expires,
    )
    known = _tasks.get((service, task_id))
    if known is None or not all(map(is_, known[0], parts)):
        names = ("observed", "version", "managed", "health", "notice", "confirmedAt", "expires")
        attributes = zip(names, parts, strict=True)
        known = parts, record_bytes(service, f"task#{task_id}", ("schema", 1), *attributes)
        _tasks[service, task_id] = known
    return known[1]


def targets_bytes(service: str, group: str, record: TargetsRecord | None) -> int:
    """A record ``targets#...``; 0 for one that is not there."""
    if record is None:
        return 0
    return record_bytes(
        service,
        targets_key(group),
        ("schema", 1),
        ("group", group),
        ("managed", record.managed),
        ("observed", record.observed),
        ("seenAt", record.observed.seen_at if record.observed else None),
        ("suspectAt", record.suspect_at),
    )


def balancing_bytes(service: str, balancing: Balancing) -> int:
    """The record ``balancing``."""
    return record_bytes(
        service, "balancing", ("schema", 1), ("balancing", balancing), ("checkedAt", balancing.checked_at)
    )


def launch_bytes(service: str, launch: Launch) -> int:
    """A record ``launch#<id>``."""
    return record_bytes(service, f"launch#{launch.launch_id}", ("schema", 1), ("doc", launch))


def where_bytes(service: str, task_id: str, launch: str) -> int:
    """The record that tells whose task an id is."""
    return record_bytes(
        f"task#{task_id}",
        "where",
        ("schema", 1),
        ("service", service),
        ("launch", launch),
        ("expires", 1_790_000_000),
    )


def history_bytes(service: str, part: str, decisions: Sequence[Decision]) -> int:
    """One record of the history."""
    entries = [_entry(decision) for decision in decisions]
    sort_key = f"event#{0.0:017.6f}#{0:020d}#{part}"
    return record_bytes(f"{service}#history", sort_key, ("schema", 1), ("doc", entries), ("expires", 1_790_000_000))


def _entry(decision: Decision) -> dict[str, Any]:
    parts = {
        "task": decision.task,
        "launch": decision.launch,
        "deployment": decision.deployment,
        "eventName": decision.event_name,
        "by": decision.by,
    }
    known = {name: value for name, value in parts.items() if value is not None}
    always = {"at": "." * TIME_BYTES, "pass": 1_790_000_000_000, "kind": decision.kind, "level": decision.level}
    return {**always, "reason": decision.reason[:500], **known}


def mark_bytes(service: str, partition: Partition) -> int:
    """What the index ``services`` holds of a service: its keys and the attributes that it projects."""
    cluster, size = service.partition("/")[0], 0
    if partition.manifest is not None:
        generation = ("generation", partition.manifest.generation)
        size += record_bytes(service, "manifest", ("cluster", cluster), generation)
    if partition.status is not None:
        document = partition.status.document
        size += record_bytes(
            service,
            "status",
            ("cluster", cluster),
            ("pass", partition.status.pass_number),
            ("generation", document.generation if document else None),
            ("nextWake", document.next_wake if document else None),
        )
    return size


def partition_sizes(service: str, partition: Partition) -> list[int]:
    """Every record of a service."""
    sizes = [task_bytes(service, task_id, record) for task_id, record in partition.tasks.items()]
    sizes += [launch_bytes(service, launch) for launch in partition.launches.values()]
    sizes += [targets_bytes(service, group, record) for group, record in partition.targets.items()]
    if partition.balancing is not None:
        sizes.append(balancing_bytes(service, partition.balancing))
    if partition.manifest is not None:
        sizes.append(manifest_bytes(service, partition.manifest))
    if partition.status is not None:
        sizes.append(status_bytes(service, partition.status))
    if partition.capacity is not None:
        sizes.append(capacity_bytes(service, *partition.capacity))
    if partition.operator is not None:
        sizes.append(operator_bytes(service, *partition.operator))
    return sizes
