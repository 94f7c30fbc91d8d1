"""The decision of one pass, as a value."""

from headcount.model.service import Decision, Launch, ServiceStatus
from headcount.model.target import Endpoint, GroupTargets
from headcount.model.task import ManagedTask
from headcount.model.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTasks:
    """Record a launch, then send its ``RunTask``."""

    launch: Launch
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeLaunch:
    """Send the recorded request of an earlier pass again, verbatim: the token makes it the same launch."""

    launch: Launch
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpLaunch:
    """Ask ECS which tasks an old launch started: its token may have run out, so it must not be sent again."""

    launch: Launch
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTask:
    """Record ``managed.stop`` unless it is recorded already, then ``StopTask``."""

    task_id: str
    reason: str
    managed: ManagedTask
    recorded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainTask:
    """Record ``managed.stop``: the task leaves rotation first, and a later pass stops it when it has drained."""

    task_id: str
    reason: str
    managed: ManagedTask


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterTargets:
    """Put targets into a target group (its ARN), in one call. They are in the plan's ledgers."""

    group: str
    targets: tuple[Endpoint, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeregisterTargets:
    """Take targets out of a target group (its ARN), in one call. They are in the plan's ledgers."""

    group: str
    targets: tuple[Endpoint, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepLoadBalancers:
    """Ask ``keep_load_balancers`` to look at the target groups, rules and load balancers of the service."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepScaling:
    """Ask ``decide_scaling`` to look at the scaling of the service."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptTask:
    """Write down a task of ours that the audit found alive and no launch accounts for."""

    task_id: str
    managed: ManagedTask
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetTask:
    """Delete the record of a stopped task that nothing needs any more."""

    task_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeregisterTaskDefinition:
    """Deregister a task definition that Headcount registered from an inline one and that nothing uses any more."""

    task_definition_arn: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveService:
    """Delete what is left of a service whose tasks are gone; the manifest last."""

    reason: str


Action = (
    StartTasks
    | ResumeLaunch
    | LookUpLaunch
    | StopTask
    | DrainTask
    | RegisterTargets
    | DeregisterTargets
    | KeepLoadBalancers
    | KeepScaling
    | AdoptTask
    | ForgetTask
    | DeregisterTaskDefinition
    | RemoveService
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do, why, what to remember, and when to look again.

    ``decisions`` holds the reason of every action and of every decision not to act. ``wake_at`` (epoch seconds) is the
    earliest time at which waiting alone changes the decision. ``again``: more is to be done than one pass may do.
    ``ledgers``: the target groups' ledgers that differ from those on record, recorded before ELB is called.
    """

    actions: tuple[Action, ...]
    decisions: tuple[Decision, ...]
    status: ServiceStatus
    wake_at: float | None
    again: bool = False
    ledgers: tuple[GroupTargets, ...] = ()
