"""The records of one service, as values in memory."""

import hashlib
from dataclasses import dataclass, field

from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import Capacity, DeclaredService, Launch, OperatorWishes, ServiceStatus
from headcount.model.target import Balancing, GroupTargets, Registration, TargetsSeen
from headcount.model.task import ContainerHealth, ManagedTask, Notice, ObservedTask


def targets_key(group: str) -> str:
    """The sort key of a target group's record; ``group`` is its ARN."""
    return f"targets#{hashlib.sha256(group.encode()).hexdigest()[:32]}"


@dataclass(slots=True)
class TaskRecord:
    """One record ``task#<id>``, each attribute with its own writer. ``expires``: only while ``managed`` is missing."""

    observed: ObservedTask | None = None
    version: int | None = None
    managed: ManagedTask | None = None
    health: ContainerHealth | None = None
    notice: Notice | None = None
    confirmed_at: float | None = None
    expires: int | None = None


@dataclass(slots=True)
class TargetsRecord:
    """One record ``targets#...`` of a target group, each attribute with its own writer."""

    managed: tuple[Registration, ...] | None = None
    observed: TargetsSeen | None = None
    suspect_at: float | None = None

    def targets(self, group: str) -> GroupTargets:
        """The record as passes read it; ``group`` is the ARN that it is of."""
        return GroupTargets(
            group=group, registrations=self.managed or (), seen=self.observed, suspect_at=self.suspect_at
        )


@dataclass(slots=True)
class StatusRecord:
    """The record ``status``; ``document`` is None until a pass has finished."""

    pass_number: int
    document: ServiceStatus | None = None


@dataclass(slots=True)
class Partition:
    """Every record of one service. ``targets`` by the ARN of their group.

    ``newer``: sort keys of records that a newer version of Headcount has written.
    """

    manifest: DeclaredService | None = None
    capacity: tuple[Capacity, int] | None = None
    operator: tuple[OperatorWishes, int] | None = None
    status: StatusRecord | None = None
    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    launches: dict[str, Launch] = field(default_factory=dict)
    balancing: Balancing | None = None
    balancing_revision: int = 0
    targets: dict[str, TargetsRecord] = field(default_factory=dict)
    scaling: ScalingRecord | None = None
    newer: set[str] = field(default_factory=set)

    def is_empty(self) -> bool:
        """Whether there is no record at all."""
        single = self.manifest or self.capacity or self.operator or self.status or self.balancing
        return not (single or self.tasks or self.launches or self.targets)

    def keys(self) -> set[str]:
        """The sort keys of the records."""
        single = {
            "manifest": self.manifest,
            "capacity": self.capacity,
            "operator": self.operator,
            "status": self.status,
            "balancing": self.balancing,
        }
        keys = {name for name, record in single.items() if record is not None}
        keys |= {targets_key(group) for group in self.targets}
        return keys | {f"task#{task}" for task in self.tasks} | {f"launch#{launch}" for launch in self.launches}
