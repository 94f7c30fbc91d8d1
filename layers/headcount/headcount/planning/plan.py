"""What to do for one service now: the function that everything else serves.

``plan(state, now, jitter)`` reads from top to bottom as the scheduler's rules: take stock of the tasks, slow down what fails,
finish what an earlier pass left, start what is missing, stop what is too much, forget what is gone, and say when to look
again. Each rule stands in the module that bears its name.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from headcount.model.plan import (
    Action,
    AdoptTask,
    ForgetTask,
    LookUpLaunch,
    Plan,
    RemoveService,
    ResumeLaunch,
    StartTasks,
    StopTask,
)
from headcount.model.service import (
    Counts,
    Decision,
    DeclaredService,
    Level,
    OperatorWishes,
    ServiceState,
    ServiceStatus,
    ZoneRefusal,
)
from headcount.model.task import ManagedTask, StopIntent, Task, how_it_ended, zone_of
from headcount.planning.backoff import Slowdown, has_failed, lacks_capacity, launched_at, slow_down
from headcount.planning.deadlines import start_deadline, stop_deadline
from headcount.planning.health import healthy_at, is_healthy
from headcount.planning.launching import TASKS_PER_CALL, new_launches
from headcount.planning.placement import refuse_zone, spread, still_known, with_refusal
from headcount.planning.rollout import Tally, old_tasks_to_stop, surplus_new, tasks_to_start
from headcount.planning.stock import Stock, deployment_of, take_stock
from headcount.planning.telling import STEADY_AGAIN_SECONDS, announce, describe_state, note_deployments
from headcount.planning.victims import ScaleInOrder, choose_victims
from headcount.planning.words import clock_time, some

ACTIONS_PER_PASS = 40  # launches, and as many stops: both fit in one transaction of the table, and in a pass's time
RESEND_SECONDS = 30 * 60.0  # an older launch is looked up, never sent again: its token may have run out


def plan(state: ServiceState, now: float, jitter: float) -> Plan:
    """Decide one pass. ``now`` in epoch seconds, ``jitter`` between 0 and 1. Never raises; "cannot" is a reason."""
    if state.declared is None:
        return _nobody_declares(state)
    return _Planner(state, state.declared, now, jitter).plan()


def _nobody_declares(state: ServiceState) -> Plan:
    """Tasks without a manifest are reported and never touched: a lost table must not stop a fleet."""
    alive = [task for task in state.tasks if task.confirmed_at is not None and task.observed.last_status != "STOPPED"]
    decisions = tuple(
        Decision(
            kind="hold",
            level="ERROR",
            task=task.task_id,
            reason="this task is Headcount's, but no manifest declares its service: left alone, stop it by hand",
        )
        for task in alive
    )
    gone = [task for task in state.tasks if task.observed.last_status == "STOPPED"]
    return Plan(
        actions=tuple(
            ForgetTask(task_id=task.task_id, reason="stopped, and no manifest declares its service") for task in gone
        ),
        decisions=decisions,
        status=replace(state.status, decisions=decisions),
        wake_at=None,
    )


@dataclass(slots=True)
class _Work:
    """What the planner has decided so far."""

    actions: list[Action]
    decisions: list[Decision]
    wakes: list[float]
    again: bool = False


class _Planner:
    """The steps of one decision. Each step reads what the earlier ones found and appends what it decides."""

    def __init__(self, state: ServiceState, declared: DeclaredService, now: float, jitter: float) -> None:
        self.state = state
        self.declared = declared
        self.manifest = declared.manifest
        self.now = now
        self.jitter = jitter
        self.deleting = declared.deleting_at is not None
        self.desired = 0 if self.deleting or state.capacity is None else state.capacity.desired_count
        self.stock: Stock = take_stock(state, declared, now)
        self.work = _Work(actions=[], decisions=[], wakes=[])

    def plan(self) -> Plan:
        slowdown = self._slow_down_what_fails()
        zones = self._zones_that_refused()
        throttled = self.state.status.throttle is not None and self.now < self.state.status.throttle.until
        tally = self._count(slowdown)
        if throttled:
            self._wait_for_ecs()
        else:
            self._finish_open_launches()
            self._start(tally, slowdown, zones)
            self._stop_the_stuck()
            self._stop_what_is_too_much(tally)
            self._stop_again_what_was_told()
        self._adopt_orphans()
        self._report_the_undead()
        self._forget_the_gone(slowdown)
        if self.deleting:
            self._finish_deletion()
        return self._conclude(tally, slowdown, zones)

    # -- what fails ---------------------------------------------------------------------------------------------------

    def _slow_down_what_fails(self) -> Slowdown:
        failed = [task for task in self._lost() if self._failed_new(task)]
        before = self.state.status.backoff
        slowdown = slow_down(before, self.declared.deployment, failed, self.manifest.restarts, self.now, self.jitter)
        backoff = slowdown.backoff
        if backoff is not None and self.now < backoff.until:
            self.work.wakes.append(backoff.until)
            self.work.decisions.append(
                Decision(
                    kind="hold",
                    level="WARN",
                    event_name="SERVICE_TASK_START_IMPAIRED",
                    deployment=backoff.deployment,
                    reason=backoff.reason,
                )
            )
        return slowdown

    def _lost(self) -> Iterable[Task]:
        """Dead, dying and stuck tasks: what the service has lost."""
        return (*self.stock.gone, *self.stock.dying, *self._told_to_stop(self.stock.stuck))

    def _told_to_stop(self, stuck: Iterable[Task]) -> Iterable[Task]:
        """The stuck tasks as they will be once this plan is recorded."""
        for task in stuck:
            yield replace(task, managed=replace(_managed(task), stop=self._stuck_intent(task)))

    def _stuck_intent(self, task: Task) -> StopIntent:
        deadline = start_deadline(task, self.manifest.deadlines) or self.now
        reason = f"stuck in {task.observed.last_status}: should have left it by {clock_time(deadline)}"
        return StopIntent(at=self.now, reason=reason, failed=True)

    def _failed_new(self, task: Task) -> bool:
        return (
            task.managed is not None
            and task.managed.deployment == self.declared.deployment
            and has_failed(task, self.manifest.restarts)
        )

    def _zones_that_refused(self) -> tuple[ZoneRefusal, ...]:
        """Zones to skip: those that refused, and those whose tasks ECS could not place after all."""
        names = [zone for zone, _ in self.declared.zones]
        refusals = still_known(self.state.status.zones, names, self.now)
        for task in self._lost():
            zone = zone_of(task)
            before = next((refusal for refusal in refusals if refusal.zone == zone), None)
            fresh = before is None or launched_at(task) >= before.since
            if fresh and zone in names and lacks_capacity(task):
                reason = task.observed.stopped_reason or "no capacity"
                refusals = with_refusal(refusals, refuse_zone(before, zone, reason, self.now, self.jitter))
        return refusals

    # -- counting -----------------------------------------------------------------------------------------------------

    def _count(self, slowdown: Slowdown) -> Tally:
        check = self.declared.container_health_check
        new, old = self._new(), self._old()
        in_flight_new = self.stock.in_flight_of(self.declared.deployment)
        in_flight_old = self.stock.all_in_flight - in_flight_new
        backoff = slowdown.backoff
        refused = backoff is not None and backoff.refused and self.now < backoff.until
        return Tally(
            desired=self.desired,
            live_new=len(new) + in_flight_new,
            live_old=len(old) + in_flight_old,
            healthy_new=sum(is_healthy(task, check, self.now) for task in new),
            running_old=sum(task.observed.last_status == "RUNNING" for task in old),
            healthy_old=sum(is_healthy(task, check, self.now) for task in old),
            stopping=self.stock.stopping,
            held=self.desired if refused else len(slowdown.held),
        )

    def _new(self) -> list[Task]:
        return [task for task in self.stock.present if deployment_of(task) == self.declared.deployment]

    def _old(self) -> list[Task]:
        return [task for task in self.stock.present if deployment_of(task) != self.declared.deployment]

    # -- starting -----------------------------------------------------------------------------------------------------

    def _wait_for_ecs(self) -> None:
        throttle = self.state.status.throttle
        if throttle is None:
            return
        self.work.wakes.append(throttle.until)
        self.work.decisions.append(
            Decision(kind="hold", level="WARN", reason=throttle.reason, event_name="ECS_OPERATION_THROTTLED")
        )

    def _finish_open_launches(self) -> None:
        for launch in self.stock.launches[:ACTIONS_PER_PASS]:
            age = self.now - launch.at
            if age >= RESEND_SECONDS:
                reason = "launched more than 30 minutes ago without an answer on record: asking ECS what became of it"
                self._act(LookUpLaunch(launch=launch, reason=reason), "launch", launch=launch.launch_id)
            else:
                reason = "an earlier pass did not record the answer: the same request again, same token"
                self._act(ResumeLaunch(launch=launch, reason=reason), "launch", launch=launch.launch_id)
        self.work.again |= len(self.stock.launches) > ACTIONS_PER_PASS

    def _start(self, tally: Tally, slowdown: Slowdown, refusals: tuple[ZoneRefusal, ...]) -> None:
        allowed = tasks_to_start(tally, self.manifest)
        missing = max(0, tally.desired - tally.live_new)
        if allowed.count < missing and allowed.because not in (None, "backoff"):
            self._hold(f"{some(missing - allowed.count, 'task')} not started yet: {allowed.because}")
        if not allowed.count:
            return
        open_zones = self._open_zones(refusals)
        if not open_zones:
            self._hold_for_zones(allowed.count, refusals)
            return
        count = min(allowed.count, ACTIONS_PER_PASS * TASKS_PER_CALL // 2)
        self.work.again |= count < allowed.count
        present = Counter(zone_of(task) for task in self._new())
        for launch in self.stock.launches:
            if launch.deployment == self.declared.deployment:
                present[launch.zone] += self.stock.in_flight[launch.launch_id]
        reason = self._why_start(tally, slowdown)
        zones = spread(count, open_zones, present)
        for launch in new_launches(self.state, self.declared, zones, reason, self.now):
            text = f"start {some(launch.count, 'task')} in {launch.zone}: {reason}"
            self._act(
                StartTasks(launch=launch, reason=text), "launch", launch=launch.launch_id, deployment=launch.deployment
            )

    def _open_zones(self, refusals: tuple[ZoneRefusal, ...]) -> list[str]:
        skipped = {refusal.zone for refusal in refusals if self.now < refusal.until}
        return [zone for zone, _ in self.declared.zones if zone not in skipped]

    def _hold_for_zones(self, count: int, refusals: tuple[ZoneRefusal, ...]) -> None:
        first = min((refusal for refusal in refusals), key=lambda refusal: refusal.until)
        self.work.wakes.append(first.until)
        self._hold(
            f"{some(count, 'task')} not started: no zone has capacity; {first.zone} said {first.reason!r}, "
            f"next try at {clock_time(first.until)}",
            level="ERROR",
            event_name="SERVICE_TASK_PLACEMENT_FAILURE",
        )

    def _why_start(self, tally: Tally, slowdown: Slowdown) -> str:
        missing = f"{tally.live_new} of {tally.desired} there"
        lost = [
            task
            for task in self._lost()
            if task not in slowdown.held and deployment_of(task) == self.declared.deployment
        ]
        lost = [task for task in lost if task.managed is None or task.managed.stop is None or task.managed.stop.failed]
        if lost:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            return f"{missing}; lost {lost[0].task_id}{more}: {how_it_ended(lost[0])}"
        if tally.live_old:
            return f"{missing}; {self.declared.deployment} replaces older ones"
        return missing

    # -- stopping -----------------------------------------------------------------------------------------------------

    def _stop_the_stuck(self) -> None:
        for task in self.stock.stuck[:ACTIONS_PER_PASS]:
            self._stop(task, self._stuck_intent(task), kind="stuck")

    def _stop_what_is_too_much(self, tally: Tally) -> None:
        order = ScaleInOrder(prefer=self.manifest.scale_in_prefer, deployment=self.declared.deployment)
        for group, count, reason in self._too_many(tally):
            free = [task for task in group if task.task_id not in self._protected()]
            victims = choose_victims(free, count, order)
            if len(victims) < count and len(free) < len(group):
                self._hold(f"{some(count - len(victims), 'task')} too many, but {len(group) - len(free)} are protected")
                self.work.wakes.extend(self._protected().values())
            room = ACTIONS_PER_PASS - sum(isinstance(action, StopTask) for action in self.work.actions)
            self.work.again |= len(victims) > max(0, room)
            for task in victims[: max(0, room)]:
                self._stop(task, StopIntent(at=self.now, reason=reason))

    def _too_many(self, tally: Tally) -> Iterable[tuple[list[Task], int, str]]:
        """Groups of tasks of which some must go: (tasks, how many, why)."""
        word = "service is being deleted" if self.deleting else f"scale in to {tally.desired}"
        yield self._new(), surplus_new(tally), word
        old = old_tasks_to_stop(tally, self.manifest)
        check = self.declared.container_health_check
        running = [task for task in self._old() if task.observed.last_status == "RUNNING"]
        replaced = "service is being deleted" if self.deleting else f"replaced by {self.declared.deployment}"
        yield [task for task in self._old() if task.observed.last_status != "RUNNING"], old.starting, replaced
        yield [task for task in running if not is_healthy(task, check, self.now)], old.settling, replaced
        yield [task for task in running if is_healthy(task, check, self.now)], old.healthy, replaced
        if old.because:
            self._hold(old.because)

    def _protected(self) -> dict[str, float]:
        return {} if self.deleting else _unexpired(self.state.operator, self.now)

    def _stop_again_what_was_told(self) -> None:
        """Stops that were decided, but whose answer is not on record."""
        for task in self.stock.leaving:
            managed = _managed(task)
            if managed.stop is not None:
                self._act(
                    StopTask(task_id=task.task_id, reason=managed.stop.reason, managed=managed, recorded=True),
                    "stop",
                    task=task.task_id,
                )

    def _stop(self, task: Task, intent: StopIntent, kind: str = "stop") -> None:
        managed = replace(_managed(task), stop=intent)
        action = StopTask(task_id=task.task_id, reason=intent.reason, managed=managed)
        self._act(action, kind, task=task.task_id, deployment=managed.deployment)

    def _report_the_undead(self) -> None:
        """Tasks that were told to stop long ago and are still there: ECS alone can end them."""
        for task in (*self.stock.dying, *self.stock.leaving):
            deadline = stop_deadline(task, self.manifest.deadlines)
            if deadline is not None and deadline <= self.now:
                self._hold(
                    f"told to stop, and still there after {clock_time(deadline)}", level="WARN", task=task.task_id
                )
            elif deadline is not None:
                self.work.wakes.append(deadline)

    # -- records ------------------------------------------------------------------------------------------------------

    def _adopt_orphans(self) -> None:
        for task in self.stock.orphans[:ACTIONS_PER_PASS]:
            managed = _managed(task)
            reason = "alive in ECS, started by Headcount, and on no record: taken over"
            stopping = any(
                isinstance(action, StopTask) and action.task_id == task.task_id for action in self.work.actions
            )
            if not stopping:  # a stop records the task as well
                self._act(AdoptTask(task_id=task.task_id, managed=managed, reason=reason), "adopt", task=task.task_id)

    def _forget_the_gone(self, slowdown: Slowdown) -> None:
        """Stopped tasks, but not those whose slot is held, nor those of a launch that is not closed yet."""
        held = {task.task_id for task in slowdown.held}
        for task in self.stock.gone:
            if task.task_id in held or task.observed.launch in self.stock.in_flight:
                continue
            self._act(
                ForgetTask(task_id=task.task_id, reason=how_it_ended(task)),
                "forget" if task.managed and task.managed.stop else "lost",
                task=task.task_id,
                deployment=deployment_of(task),
            )

    def _finish_deletion(self) -> None:
        stock = self.stock
        gone = not (stock.present or stock.dying or stock.leaving or stock.stuck or stock.launches or stock.strangers)
        if gone:
            self._act(RemoveService(reason="the service was deleted and its tasks are gone"), "remove")
        else:
            self.work.wakes.append(self.now + 60.0)

    # -- the end ------------------------------------------------------------------------------------------------------

    def _conclude(self, tally: Tally, slowdown: Slowdown, zones: tuple[ZoneRefusal, ...]) -> Plan:
        status = self._status(tally, slowdown, zones)
        announced, decisions = announce(status, self.state.status, self.declared, self.now)
        self.work.decisions.extend(decisions)
        self.work.wakes.extend(self._natural_wakes(tally))
        wakes = [at for at in self.work.wakes if at > self.now]
        return Plan(
            actions=tuple(self.work.actions),
            decisions=tuple(self.work.decisions),
            status=announced,
            wake_at=min(wakes, default=None),
            again=self.work.again,
        )

    def _status(self, tally: Tally, slowdown: Slowdown, zones: tuple[ZoneRefusal, ...]) -> ServiceStatus:
        before = self.state.status
        running = sum(task.observed.last_status == "RUNNING" for task in self.stock.present)
        counts = Counts(
            desired=tally.desired,
            running=running,
            pending=tally.live_new + tally.live_old - running,
            stopping=tally.stopping,
        )
        failed = sum(self._failed_new(task) and task not in slowdown.held for task in self.stock.gone)
        deployments = note_deployments(before.deployments, self.declared, tally, failed, self.now)
        status = replace(
            before,
            generation=self.declared.generation,
            counts=counts,
            deployments=deployments,
            backoff=slowdown.backoff,
            zones=zones,
        )
        state, reason = describe_state(status, tally, self.declared, len(self.stock.launches), self.now)
        steady_since = (before.steady_since or self.now) if state == "STEADY" else None
        return replace(status, state=state, state_reason=reason, steady_since=steady_since)

    def _natural_wakes(self, tally: Tally) -> Iterable[float]:
        """When waiting alone changes something: deadlines, and tasks that become healthy while a deployment waits."""
        for task in self.stock.present:
            deadline = start_deadline(task, self.manifest.deadlines)
            if deadline is not None:
                yield deadline + 0.001
        if tally.live_old or tally.healthy_new < tally.desired:
            check = self.declared.container_health_check
            yield from (at for task in self._new() if (at := healthy_at(task, check)) is not None)
        if self.state.status.announced_at is not None:
            yield self.state.status.announced_at + STEADY_AGAIN_SECONDS

    def _hold(
        self, reason: str, *, level: Level = "INFO", event_name: str | None = None, task: str | None = None
    ) -> None:
        decision = Decision(kind="hold", reason=reason, level=level, event_name=event_name, task=task)
        self.work.decisions.append(decision)

    def _act(
        self,
        action: Action,
        kind: str,
        *,
        task: str | None = None,
        launch: str | None = None,
        deployment: str | None = None,
    ) -> None:
        self.work.actions.append(action)
        self.work.decisions.append(
            Decision(kind=kind, reason=action.reason, task=task, launch=launch, deployment=deployment)
        )


def _managed(task: Task) -> ManagedTask:
    """The managed part that taking stock filled in."""
    return task.managed or ManagedTask(deployment="unknown", launched_at=0.0)


def _unexpired(wishes: OperatorWishes, now: float) -> dict[str, float]:
    """Protected tasks and until when."""
    return {protection.task: protection.until for protection in wishes.protections if protection.until > now}
