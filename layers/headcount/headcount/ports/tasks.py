"""Tasks: ECS as far as they go, and who writes down what it says of them.

Every method may raise ``TransientError`` (``Throttled`` among them): the call may or may not have taken effect.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headcount.model.task import Health, Notice, ObservedTask
from headcount.model.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A task that ECS spoke of, and the service its group and cluster name. ``service`` is None for a foreign task."""

    task_id: str
    observed: ObservedTask
    service: str | None
    health: Health | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """That a sighting is what is on record now.

    ``before``: what it took the place of; None if it is the first, or if it was on record already (its kick may have
    been lost).
    """

    before: ObservedTask | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchAnswer:
    """What ``RunTask`` said. ``refused``: ECS will not start these tasks as asked; no retry of this request helps."""

    tasks: tuple[Sighting, ...] = ()
    shortfall: str = ""
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSighting:
    """A container instance that ECS spoke of. ``status``: ACTIVE, DRAINING, DEREGISTERING, INACTIVE, ..."""

    instance: str
    status: str
    agent_connected: bool
    ec2_instance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """A page of a list of tasks. ``goes_on``: the mark to ask for the next page with; None on the last one."""

    task_ids: tuple[str, ...] = ()
    goes_on: str | None = None


class TaskRuntime(Protocol):
    """ECS, as far as tasks go."""

    def launch(self, request: Mapping[str, Any]) -> LaunchAnswer:
        """``RunTask``, verbatim. The same token gives the same tasks."""
        ...

    def stop(self, cluster: str, task_id: str, reason: str) -> Sighting | None:
        """``StopTask``; None when ECS does not know the task (any more)."""
        ...

    def describe(self, cluster: str, task_ids: Sequence[str]) -> tuple[Sighting, ...]:
        """Those of the tasks that ECS knows, in pages of ECS's own size. The others are missing from the answer."""
        ...

    def started_by(self, cluster: str, launch_id: str) -> tuple[Sighting, ...]:
        """The tasks of one launch that should run: ECS lists no others by their launch."""
        ...

    def sweep(self, cluster: str, after: str | None = None) -> TaskPage:
        """A page of the ids of all tasks of a cluster that should run, whoever started them: one call.

        ``after``: the mark of the page before; ``TransientError`` if it is no longer good.
        """
        ...

    def instances(self, cluster: str, instances: Sequence[str]) -> tuple[InstanceSighting, ...]:
        """Those of the container instances (ARNs) that ECS knows; the others are missing from the answer."""
        ...

    def on_instance(self, cluster: str, instance: str) -> tuple[Sighting, ...]:
        """The tasks that should run on a container instance (its ARN)."""
        ...

    def instances_of(self, cluster: str, ec2_instance: str) -> tuple[str, ...]:
        """The container instances (ARNs) of a cluster that an EC2 instance (``i-...``) is."""
        ...

    def deregister(self, task_definition_arn: str) -> None:
        """``DeregisterTaskDefinition``. One that is unknown or deregistered already is no error."""
        ...


class ObserveStore(Protocol):
    """What ``observe_tasks`` writes and reads."""

    def record_sighting(self, service: str, sighting: Sighting) -> Recorded | None:
        """As in ``ReconcileStore``."""
        ...

    def record_notice(self, service: str, task_id: str, notice: Notice | None) -> bool:
        """Write what AWS announced about the place of a task, or take it back; False if the task is on no record."""
        ...

    def record_suspects(self, service: str, group: str, at: float) -> bool:
        """Write that an alarm said at ``at`` that a group has unhealthy targets; False if the group is on no record."""
        ...

    def pass_number(self, service: str) -> int | None:
        """The pass number, read consistently; None before the first pass."""
        ...
