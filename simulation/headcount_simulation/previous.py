"""What the version before wrote: the same records without the fields that came since, read by today's code."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from headcount.model.service import DeclaredService, Launch, ServiceStatus
from headcount.model.target import Balancing, Registration
from headcount.model.task import ManagedTask, ObservedTask
from headcount_simulation.partitions import Partition

Record = TypeVar("Record")
Version = Mapping[type, frozenset[str]]
"""The fields that came since a version, by the record that has them at any depth."""

BEFORE_SCALING: Final[Version] = {
    ObservedTask: frozenset(),
    ManagedTask: frozenset(),
    Launch: frozenset(),
    Registration: frozenset({"because", "refused", "refused_at"}),
    Balancing: frozenset({"fingerprint"}),
    ServiceStatus: frozenset({"scaling_asked_at"}),
    DeclaredService: frozenset({"scaling", "native"}),
}
BEFORE_LOAD_BALANCING: Final[Version] = {
    ObservedTask: frozenset({"container_instance"}),
    ManagedTask: frozenset({"capacity"}),
    Launch: frozenset({"capacity"}),
    Registration: frozenset(),
    Balancing: frozenset(),
    ServiceStatus: frozenset({"deregistered", "launches_paid_at", "capacity", "scaling_asked_at"}),
    DeclaredService: frozenset(
        {
            *("network_mode", "registered", "previous", "sources", "fallback", "capacity_return", "maximum_age"),
            *("zone_rebalancing", "strict_zone_spread", "inline_task_definition", "disconnected_seconds"),
            *("scaling", "native"),
        }
    ),
}


def rewrite(partition: Partition, version: Version) -> None:
    """As if that version had written every record of a service, which it could have had.

    What operators wish stays: nobody could have wished for more then.
    """
    if partition.manifest is not None:
        partition.manifest = _before(partition.manifest, version)
    if partition.status is not None and partition.status.document is not None:
        partition.status.document = _before(partition.status.document, version)
    if partition.balancing is not None:
        partition.balancing = _before(partition.balancing, version)
    for ledger in partition.targets.values():
        ledger.managed = ledger.managed and tuple(_before(entry, version) for entry in ledger.managed)
    for launch_id, launch in partition.launches.items():
        partition.launches[launch_id] = _before(launch, version)
    for record in partition.tasks.values():
        record.notice = None if version is BEFORE_LOAD_BALANCING else record.notice
        record.observed = record.observed and _before(record.observed, version)
        record.managed = record.managed and _before(record.managed, version)


def _before(value: Record, version: Version) -> Record:
    kind = type(value)
    document = msgspec.json.decode(msgspec.json.encode(value))
    return msgspec.json.decode(msgspec.json.encode(_without(document, version[kind])), type=kind)


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(part, names) for name, part in value.items() if name not in names}
    return [_without(part, names) for part in value] if isinstance(value, list) else value
