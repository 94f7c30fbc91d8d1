"""Records of whole services: what was declared and wished, how it stands, and all of it as one state."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from headcount.aws.records import (
    BALANCING,
    CAPACITY,
    LAUNCH,
    MANIFEST,
    OPERATOR,
    SCALING,
    STATUS,
    TARGETS,
    TASK,
    check_schema,
    read_integer,
    readable,
)
from headcount.aws.target_records import read_targets
from headcount.aws.task_records import read_task
from headcount.model.manifest import CapacitySource
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import (
    Capacity,
    ClusterWishes,
    Cordon,
    DeclaredService,
    Launch,
    OperatorWishes,
    ServiceState,
    ServiceStatus,
)
from headcount.model.target import Balancing, GroupTargets
from headcount.model.task import Task
from headcount.model.values import replace

_launch = msgspec.json.Decoder(Launch)
_status = msgspec.json.Decoder(ServiceStatus)
_capacity = msgspec.json.Decoder(Capacity)
_operator = msgspec.json.Decoder(OperatorWishes)
_cluster = msgspec.json.Decoder(ClusterWishes)
_declared = msgspec.json.Decoder(DeclaredService)
_scaling = msgspec.json.Decoder(ScalingRecord)
_balancing = msgspec.json.Decoder(Balancing)


class _EarlierManifest(msgspec.Struct):
    capacity_provider: str | None = None


class _Earlier(msgspec.Struct):
    manifest: _EarlierManifest


_earlier = msgspec.json.Decoder(_Earlier)


def read_balancing(item: Mapping[str, Any] | None) -> Balancing | None:
    """The target groups as they are; None while nobody has looked."""
    return _balancing.decode(item["balancing"]["S"]) if item else None


def read_scaling(item: Mapping[str, Any] | None) -> ScalingRecord | None:
    """What ``decide_scaling`` keeps; None while it has not looked."""
    return _scaling.decode(item["scaling"]["S"]) if item and "scaling" in item else None


def read_status(item: Mapping[str, Any] | None) -> ServiceStatus:
    """The status; the one of a service never looked at if there is none."""
    return _status.decode(item["doc"]["S"]) if item and "doc" in item else ServiceStatus()


def read_capacity(item: Mapping[str, Any] | None) -> Capacity | None:
    """The capacity, None if there is no record."""
    return _capacity.decode(item["doc"]["S"]) if item else None


def read_operator(item: Mapping[str, Any] | None) -> OperatorWishes:
    """Operators' wishes; none if there is no record."""
    return _operator.decode(item["doc"]["S"]) if item else OperatorWishes()


def read_cluster(item: Mapping[str, Any] | None) -> ClusterWishes:
    """What operators wish of a cluster; nothing if there is no record."""
    if not item:
        return ClusterWishes()
    check_schema(item)
    return _cluster.decode(item["doc"]["S"])


def read_declared(item: Mapping[str, Any] | None) -> DeclaredService | None:
    """The manifest's record, None if nobody declares the service."""
    if not item:
        return None
    said = item["doc"]["S"]
    declared = _declared.decode(said)
    if '"sources"' in said:
        return declared
    # written before services had several sources: one capacity provider, or Fargate's launch type
    provider = _earlier.decode(said).manifest.capacity_provider
    if provider is None:
        return declared
    return replace(declared, manifest=replace(declared.manifest, sources=(CapacitySource(capacity_provider=provider),)))


def read_state(
    service: str, install: str, items: Iterable[Mapping[str, Any]], cordons: tuple[Cordon, ...] = ()
) -> ServiceState:
    """The whole world of a service from the records of its partition, and the cordons of its cluster."""
    tasks: list[Task] = []
    launches: list[Launch] = []
    targets: list[GroupTargets] = []
    single: dict[str, Mapping[str, Any]] = {}
    with readable(f"a record of service {service}"):
        for item in items:
            check_schema(item)
            sort = item["sk"]["S"]
            if sort.startswith(TASK):
                task = read_task(item)
                if task is not None:
                    tasks.append(task)
            elif sort.startswith(LAUNCH):
                launches.append(_launch.decode(item["doc"]["S"]))
            elif sort.startswith(TARGETS):
                targets.append(read_targets(item))
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
            cordons=cordons,
            balancing=read_balancing(single.get(BALANCING)),
            scaling=read_scaling(single.get(SCALING)),
            targets=tuple(targets),
        )
