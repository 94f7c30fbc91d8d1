"""The decision of one pass, as a value."""

from dataclasses import dataclass

from headcount.model.service import Decision, Launch, ServiceStatus
from headcount.model.task import ManagedTask


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
class RemoveService:
    """Delete what is left of a service whose tasks are gone; the manifest last."""

    reason: str


Action = StartTasks | ResumeLaunch | LookUpLaunch | StopTask | AdoptTask | ForgetTask | RemoveService


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do, why, what to remember, and when to look again.

    ``decisions`` holds the reason of every action and of every decision not to act. ``wake_at`` (epoch seconds) is the
    earliest time at which waiting alone changes the decision. ``again``: more is to be done than one pass may do.
    """

    actions: tuple[Action, ...]
    decisions: tuple[Decision, ...]
    status: ServiceStatus
    wake_at: float | None
    again: bool = False
