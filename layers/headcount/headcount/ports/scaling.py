"""What ``decide_scaling`` needs of the world, apart from what every function needs (``headcount.ports``).

Every method may raise ``TransientError`` (``Throttled`` among them): the call may or may not have taken effect.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headcount.model.metrics import MetricSeries
from headcount.model.scaling_record import ScalingRecord
from headcount.model.scaling_resources import FoundAlarm, MetricsWanted, ScalingAlarm, WantedSchedule
from headcount.model.scaling_state import ScalingDecision
from headcount.model.service import Capacity, Decision, DeclaredService, OperatorWishes
from headcount.model.values import dataclass

# -- CloudWatch --------------------------------------------------------------------------------------------------------


class Metrics(Protocol):
    """CloudWatch's metrics."""

    def read(self, wanted: Sequence[MetricsWanted], now: float) -> Mapping[str, Mapping[str, MetricSeries] | str]:
        """The series by policy and query id, in one ``GetMetricData`` call as far as AWS allows (500 queries a call).

        Instead of the series, why they cannot be had: a query that CloudWatch refuses concerns its own policy only.
        """
        ...


class Alarms(Protocol):
    """CloudWatch's alarms."""

    def describe(self, names: Sequence[str]) -> Mapping[str, FoundAlarm]:
        """Metric and composite alarms by name; what does not exist is missing."""
        ...

    def put(self, alarm: ScalingAlarm) -> str | None:
        """Create it or make it so again. None: done; else AWS's words why it refuses."""
        ...

    def delete(self, names: Sequence[str]) -> str | None:
        """Delete them; what is gone is no error."""
        ...


# -- EventBridge Scheduler ---------------------------------------------------------------------------------------------


class Schedules(Protocol):
    """EventBridge Scheduler, the group of schedules that is the install's own."""

    def put(self, schedule: WantedSchedule) -> str | None:
        """Create it or make it so again. None: done; else AWS's words why it refuses."""
        ...

    def delete(self, name: str) -> str | None:
        """Delete it; one that is gone is no error."""
        ...


# -- others ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionAnswer:
    """What the user's function answered (any JSON); ``failed``: why there is no answer (too late, error, refused)."""

    answer: Any = None
    failed: str = ""


class UserFunctions(Protocol):
    """The users' own Lambda functions."""

    def ask(self, function: str, question: Mapping[str, Any], timeout_seconds: float) -> FunctionAnswer:
        """Invoke it and wait for its answer, no longer than that. ``function``: a name or an ARN."""
        ...


class Queues(Protocol):
    """SQS, as ``Backlog`` asks it."""

    def backlog(self, queue: str) -> tuple[int, int] | str:
        """Messages that wait (delayed ones are not ready, and not counted) and that are in flight; else AWS's words."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeCounts:
    """A native ECS service now. ``rival``: why Headcount must leave its count alone (Application Auto Scaling has it,
    it is no replica service, or another controller deploys it); empty if it may set it.
    """

    desired: int
    running: int
    deploying: bool
    rival: str = ""
    family: str = ""


class NativeServices(Protocol):
    """Services that ECS itself keeps: ``kind: NativeService``."""

    def counts(self, cluster: str, service: str) -> NativeCounts | None:
        """None: there is no such (active) service."""
        ...

    def seen(self, cluster: str, services: Sequence[str]) -> Mapping[str, NativeCounts]:
        """Those that there are (and active), without asking whether somebody else scales them."""
        ...

    def set_count(self, cluster: str, service: str, count: int) -> str | None:
        """``UpdateService`` with nothing but the count. None: done; else AWS's words why it refuses."""
        ...


# -- records -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRecords:
    """The records of a service that decide about its scaling, read consistently.

    ``revision``: of the record ``scaling``, ``capacity_revision``: of ``capacity``; None where there is none.
    ``running``: tasks of any revision that ran at the last pass; ``leaving``: those told to stop and not gone yet;
    ``deploying``: the newest deployment is in progress; ``settled_at``: since when the last pass has found it steady.
    ``seen_count``: the desired count that the last pass saw; ``next_wake``: when the next one is due anyway.
    """

    declared: DeclaredService
    capacity: Capacity
    operator: OperatorWishes
    scaling: ScalingRecord
    running: int = 0
    leaving: int = 0
    deploying: bool = False
    settled_at: float | None = None
    seen_count: int | None = None
    next_wake: float | None = None
    revision: int | None = None
    capacity_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingWrite:
    """What one look writes, together or not at all. ``capacity``: None if the count stays."""

    scaling: ScalingRecord
    capacity: Capacity | None = None
    history: tuple[Decision, ...] = ()

    def depends_on_manifest(self, before: ScalingRecords) -> bool:
        """Whether it must not be written for a manifest that has changed: it changes the count, tells people
        something, or is about to make what somebody would have to remove.
        """
        news = self.capacity is not None or bool(self.history)
        return news or before.revision is None or not self.scaling.names <= before.scaling.names


class ScalingStore(Protocol):
    """What ``decide_scaling`` reads and writes. It alone writes the record ``scaling``."""

    def read(self, service: str) -> ScalingRecords | None:
        """The records; None if nobody declares the service."""
        ...

    def write(self, before: ScalingRecords, write: ScalingWrite, now: float) -> ScalingRecords:
        """Write it, and give the records as they are then.

        ``Conflict`` if ``scaling`` changed since it was read, or ``capacity`` if a count is written, or the manifest
        where that matters (``depends_on_manifest``).
        """
        ...

    def watchers(self, alarm: str) -> tuple[str, ...]:
        """The services that a user's alarm wakes."""
        ...

    def watch(self, service: str, alarms: Sequence[str], before: Sequence[str]) -> None:
        """Have alarms wake a service from now on, and those of ``before`` that are not among them no longer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingLooked:
    """What one look came to, for a log line. ``decisions``: of scheduled actions and of the policies, in that order.

    ``held``: why nothing was decided; ``kept``: what was created, corrected or deleted beside it.
    """

    service: str
    cause: str = ""
    decisions: tuple[ScalingDecision, ...] = ()
    held: str = ""
    kept: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    next_look_at: float | None = None
    removed: bool = False
    kicked: bool = False


class ScalingLog(Protocol):
    """Where decisions are told."""

    def looked(self, looked: ScalingLooked) -> None:
        """One structured log line a look: the inputs, what each policy asked for, what was applied and why."""
        ...


class ScalingTimers(Protocol):
    """Messages that come back later, and make ``decide_scaling`` look."""

    def wake(self, service: str, at: float, now: float) -> None:
        """As in ``Timers``. It is dropped if ``at`` is not the record's ``next_look_at`` any more."""
        ...
