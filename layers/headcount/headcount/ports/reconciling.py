"""What ``reconcile_service`` needs of the world, apart from tasks and targets.

Every method may raise ``TransientError`` (``Throttled`` among them): the call may or may not have taken effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from headcount.model.plan import Plan
from headcount.model.service import Decision, Launch, ServiceState, ServiceStatus
from headcount.model.target import GroupTargets, TargetsSeen
from headcount.model.task import ContainerHealth
from headcount.model.values import dataclass
from headcount.ports.tasks import Recorded, Sighting


class ReconcileStore(Protocol):
    """The records of one service, as a pass reads and writes them. Writes of a plan are fenced by the pass number."""

    def begin_pass(self, service: str) -> int:
        """Raise the pass number and take it."""
        ...

    def gather(self, service: str, pass_number: int) -> ServiceState:
        """The whole world of the service, read consistently. ``Superseded`` if a newer pass has begun."""
        ...

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Decision], now: float) -> None:
        """Record the plan before its first side effect, all or nothing, as the newest pass (else ``Superseded``)."""
        ...

    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
        """Write down the tasks of an answered launch and close it, at once. Doing it twice changes nothing."""
        ...

    def record_sighting(self, service: str, sighting: Sighting) -> Recorded | None:
        """Write down what ECS said unless something newer is on record: None then."""
        ...

    def record_health(self, service: str, task_id: str, health: ContainerHealth) -> None:
        """The health of a task that is on record; one that is gone is not revived."""
        ...

    def record_targets_seen(self, service: str, group: str, seen: TargetsSeen) -> None:
        """Write what ELB said of a target group, unless something newer is on record."""
        ...

    def forget(self, service: str, task_ids: Sequence[str]) -> None:
        """Delete the records of stopped tasks."""
        ...

    def finish(
        self,
        state: ServiceState,
        status: ServiceStatus,
        history: Sequence[Decision],
        now: float,
        ledgers: Sequence[GroupTargets] = (),
    ) -> None:
        """Write the status that the next pass starts from (``Superseded`` if that has begun), and changed ledgers."""
        ...

    def remove_service(self, state: ServiceState, history: Sequence[Decision], now: float) -> None:
        """Delete what is left of a service, the manifest last. Its history stays."""
        ...


class Timers(Protocol):
    """Messages that come back later."""

    def wake(self, service: str, at: float, now: float) -> None:
        """Ask to be woken at ``at`` (epoch seconds). Beyond ``LONGEST_TIMER_SECONDS`` the audit does it instead."""
        ...


class LoadBalancerRequests(Protocol):
    """Messages that say: the load balancer resources of service X, look again."""

    def ask(self, service: str) -> None:
        """Send one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One pass in numbers. Times are epoch seconds, in order; None where a pass did not come so far."""

    service: str
    pass_number: int
    event_at: float | None
    received_at: float
    began_at: float
    gathered_at: float | None = None
    planned_at: float | None = None
    committed_at: float | None = None
    launched_at: float | None = None
    ended_at: float | None = None
    tasks: int = 0
    launches: int = 0
    tasks_started: int = 0
    tasks_stopped: int = 0
    failures: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


class Telling(Protocol):
    """Where decisions and numbers are told: logs, metrics, EventBridge."""

    def decided(self, state: ServiceState, decisions: Sequence[Decision]) -> None:
        """One structured log line a decision."""
        ...

    def publish(self, service: str, decisions: Sequence[Decision], now: float) -> None:
        """The decisions that have an event name, as events. Never fails a pass."""
        ...

    def measured(self, measured: Measured) -> None:
        """The numbers of one pass, as metrics and one log line."""
        ...
