"""What the rules decide on: the state of a service, looked at once and counted once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from headcount.model.plan import Action
from headcount.model.service import Decision, DeclaredService, Level, ServiceState, ZoneRefusal
from headcount.model.task import ManagedTask, StopIntent, Task
from headcount.planning.backoff import Slowdown, has_failed, lacks_capacity, launched_at, slow_down
from headcount.planning.deadlines import start_deadline
from headcount.planning.health import is_healthy
from headcount.planning.placement import refuse_zone, still_known, with_refusal
from headcount.planning.rollout import Tally
from headcount.planning.stock import Stock, deployment_of, take_stock
from headcount.planning.words import clock_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A service at one moment.

    ``lost``: dead, dying and stuck tasks, also those that were told to stop because they were stuck. ``new`` and
    ``old``: the tasks present, by deployment. ``failed``: the ids of lost tasks of this deployment that failed by their
    own doing. ``refusals``: zones known to refuse capacity, those that are to be
    skipped now among them.
    """

    state: ServiceState
    declared: DeclaredService
    now: float
    jitter: float
    desired: int
    stock: Stock
    lost: tuple[Task, ...]
    new: tuple[Task, ...]
    old: tuple[Task, ...]
    failed: frozenset[str]
    slowdown: Slowdown
    refusals: tuple[ZoneRefusal, ...]
    tally: Tally

    @property
    def deleting(self) -> bool:
        """Whether the service is being deleted."""
        return self.declared.deleting_at is not None

    @property
    def throttled(self) -> bool:
        """Whether ECS asked for patience, and it is not over."""
        throttle = self.state.status.throttle
        return throttle is not None and self.now < throttle.until

    @property
    def held(self) -> frozenset[str]:
        """The ids of failed tasks whose places stay empty for now."""
        return frozenset(task.task_id for task in self.slowdown.held)

    @property
    def protected(self) -> dict[str, float]:
        """Tasks that must not be chosen as victims, and until when. Deleting a service overrides protection."""
        wishes = () if self.deleting else self.state.operator.protections
        return {one.task: one.until for one in wishes if one.until > self.now}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one rule decided: actions, each with a decision; when to look again; whether more is to be done at once."""

    actions: tuple[Action, ...] = ()
    decisions: tuple[Decision, ...] = ()
    wakes: tuple[float, ...] = ()
    again: bool = False


def assess(state: ServiceState, declared: DeclaredService, now: float, jitter: float) -> Situation:
    """Look at the service once."""
    stock = take_stock(state, declared, now)
    told = (
        replace(task, managed=replace(managed_of(task), stop=stuck_intent(task, declared, now))) for task in stock.stuck
    )
    leaving = (task for task in stock.leaving if (stop := managed_of(task).stop) is not None and stop.failed)
    lost = (*stock.gone, *stock.dying, *leaving, *told)
    restarts = declared.manifest.restarts
    failed = [task for task in lost if deployment_of(task) == declared.deployment and has_failed(task, restarts)]
    slowdown = slow_down(state.status.backoff, declared.deployment, failed, restarts, now, jitter)
    desired = 0 if declared.deleting_at is not None else _desired_count(state, declared)
    new = tuple(task for task in stock.present if deployment_of(task) == declared.deployment)
    old = tuple(task for task in stock.present if deployment_of(task) != declared.deployment)
    return Situation(
        state=state,
        declared=declared,
        now=now,
        jitter=jitter,
        desired=desired,
        stock=stock,
        lost=lost,
        new=new,
        old=old,
        failed=frozenset(task.task_id for task in failed),
        slowdown=slowdown,
        refusals=_refusals(state, declared, lost, now, jitter),
        tally=_tally(declared, stock, new, old, slowdown, desired, now),
    )


def _desired_count(state: ServiceState, declared: DeclaredService) -> int:
    """The count on record; the declared one if that record was lost, for a lost record must not stop a fleet."""
    return declared.manifest.desired_count if state.capacity is None else state.capacity.desired_count


def managed_of(task: Task) -> ManagedTask:
    """The managed part that taking stock filled in."""
    return task.managed or ManagedTask(deployment="unknown", launched_at=0.0)


def stuck_intent(task: Task, declared: DeclaredService, now: float) -> StopIntent:
    """Why a stuck task is stopped. It counts as failed."""
    deadline = start_deadline(task, declared.manifest.deadlines) or now
    reason = f"stuck in {task.observed.last_status}: should have left it by {clock_time(deadline)}"
    return StopIntent(at=now, reason=reason, failed=True)


def hold(reason: str, *, level: Level = "INFO", event_name: str | None = None, task: str | None = None) -> Decision:
    """A decision not to act, or not yet."""
    return Decision(kind="hold", reason=reason, level=level, event_name=event_name, task=task)


def _refusals(
    state: ServiceState, declared: DeclaredService, lost: Iterable[Task], now: float, jitter: float
) -> tuple[ZoneRefusal, ...]:
    """Zones that refused in ``RunTask``'s answer, and those whose tasks ECS could not place after all."""
    names = [zone for zone, _ in declared.zones]
    refusals = still_known(state.status.zones, names, declared.deployment, now)
    for task in lost:
        zone = task.observed.availability_zone or managed_of(task).zone
        if zone not in names or not lacks_capacity(task):
            continue
        before = next((refusal for refusal in refusals if refusal.zone == zone), None)
        if before is None or launched_at(task) >= before.since:
            reason = task.observed.stopped_reason or "no capacity"
            refusals = with_refusal(refusals, refuse_zone(before, zone, reason, now, jitter))
    return refusals


def _tally(
    declared: DeclaredService,
    stock: Stock,
    new: tuple[Task, ...],
    old: tuple[Task, ...],
    slowdown: Slowdown,
    desired: int,
    now: float,
) -> Tally:
    check = declared.container_health_check
    in_flight_new = stock.in_flight_of(declared.deployment)
    backoff = slowdown.backoff
    refused = backoff is not None and backoff.refused and now < backoff.until
    return Tally(
        desired=desired,
        live_new=len(new) + in_flight_new,
        live_old=len(old) + stock.all_in_flight - in_flight_new,
        healthy_new=sum(is_healthy(task, check, now) for task in new),
        running_old=sum(task.observed.last_status == "RUNNING" for task in old),
        healthy_old=sum(is_healthy(task, check, now) for task in old),
        stopping=stock.stopping,
        held=desired if refused else len(slowdown.held),
    )
