"""What ``audit_clusters`` reads and writes.

Every method may raise ``TransientError`` (``Throttled`` among them): the call may or may not have taken effect.
"""

from typing import Protocol

from headcount.model.target import GroupTargets, TargetsSeen
from headcount.model.task import ContainerHealth, Notice, Task
from headcount.model.values import dataclass
from headcount.ports import ServiceMark
from headcount.ports.tasks import Recorded, Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What is on record of a service, as the audit compares it with what AWS says."""

    tasks: tuple[Task, ...] = ()
    targets: tuple[GroupTargets, ...] = ()


class AuditStore(Protocol):
    """What ``audit_clusters`` reads and writes."""

    def record_targets_seen(self, service: str, group: str, seen: TargetsSeen) -> None:
        """As in ``ReconcileStore``."""
        ...

    def record_sighting(self, service: str, sighting: Sighting) -> Recorded | None:
        """As in ``ReconcileStore``."""
        ...

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        """Every service of a cluster, from the index."""
        ...

    def roster(self, service: str) -> Roster:
        """The tasks and target groups on record of a service, read consistently."""
        ...

    def record_notice(self, service: str, task_id: str, notice: Notice | None) -> bool:
        """As in ``ObserveStore``."""
        ...

    def record_health(self, service: str, task_id: str, health: ContainerHealth) -> None:
        """Write the health of a task's containers."""
        ...

    def confirm(self, service: str, sighting: Sighting, now: float) -> None:
        """Write that the audit saw a task alive that nobody had written down."""
        ...

    def record_vanished(self, service: str, task: Task, reason: str, now: float) -> bool:
        """Write that ECS no longer knows a task, unless something newer is on record."""
        ...
