"""What ``control`` reads and writes, and whom it asks about the names in manifests.

Every method may raise ``TransientError`` (``Throttled`` among them): the call may or may not have taken effect.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from headcount.model.manifest import Manifest
from headcount.model.scaling import Scaling
from headcount.model.scaling_record import ScalingRecord
from headcount.model.service import (
    Capacity,
    ClusterWishes,
    Decision,
    DeclaredService,
    OperatorWishes,
    ServiceState,
    ServiceStatus,
)
from headcount.model.values import dataclass
from headcount.ports import ServiceMark


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecords:
    """A service as ``control`` reads it, with the revisions its compare-and-set writes need."""

    state: ServiceState
    capacity_revision: int | None
    operator_revision: int | None


class ControlStore(Protocol):
    """What ``control`` reads and writes. Writes raise ``Conflict`` when somebody else was first."""

    def read(self, service: str) -> ServiceRecords | None:
        """The whole service; None if nobody declares it and nothing is left of it."""
        ...

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        """As in ``AuditStore``."""
        ...

    def overview(
        self, services: Sequence[str]
    ) -> Mapping[str, tuple[ServiceStatus, Capacity | None, DeclaredService | None]]:
        """Status, capacity and manifest of many services, without their tasks."""
        ...

    def scaling(self, services: Sequence[str]) -> Mapping[str, ScalingRecord]:
        """What ``decide_scaling`` keeps of services; those that it has not looked at are missing."""
        ...

    def put_service(
        self,
        records: ServiceRecords | None,
        declared: DeclaredService,
        capacity: Capacity,
        entry: Decision,
        now: float,
        wishes: OperatorWishes | None = None,
    ) -> None:
        """Write manifest, capacity and, if given, what operators wish together, and the entry in the history."""
        ...

    def cluster_wishes(self, cluster: str) -> tuple[ClusterWishes, int | None]:
        """What operators wish of all services of a cluster, and the revision that writing it needs."""
        ...

    def put_cluster_wishes(
        self, cluster: str, revision: int | None, wishes: ClusterWishes, entry: Decision, now: float
    ) -> None:
        """Write what operators wish of a cluster, and the entry in the cluster's history."""
        ...

    def history(self, service: str, limit: int, before: str | None) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
        """Entries, newest first, and the cursor for the ones before (None: no more)."""
        ...

    def whereabouts(self, task_id: str) -> tuple[str, str] | None:
        """The service that a task belongs or belonged to, and the launch that started it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What AWS knows of the names in a manifest, or the problems with them."""

    task_definition_arn: str
    zones: tuple[tuple[str, tuple[str, ...]], ...]
    container_health_check: bool
    network_mode: str = "awsvpc"
    registered: bool = False
    container_health_interval: float = 30.0


class Registry(Protocol):
    """Task definitions and subnets, as ``control`` checks them when a manifest is applied."""

    def resolve(self, manifest: Manifest, *, dry_run: bool = False, retiring: Collection[str] = ()) -> Resolved:
        """Look up the names of a manifest. ``Refused`` with every problem: not found, not for Fargate, not awsvpc.

        An inline task definition is registered, once for each content (``dry_run``: only looked up, and named
        ``<family>:new`` where it would be registered), but for those that are ``retiring`` (ARNs): a pass may be
        about to deregister them. ``registered``: whether it is one that Headcount registered.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is there of the things that policies look at. None: it could not be found out.

    ``container_insights``: whether the cluster publishes them. ``missing_alarms``: named by step policies, and none of
    the account's. ``forbidden_functions``: of the users' own, those that the stack may not invoke.
    """

    container_insights: bool | None = None
    missing_alarms: tuple[str, ...] | None = None
    forbidden_functions: tuple[str, ...] = ()


class ScalingSurroundings(Protocol):
    """Looks around before a manifest's policies are left to themselves."""

    def look(self, cluster: str, scaling: Scaling) -> Surroundings:
        """Never raises: what cannot be found out must not stop an apply."""
        ...
