"""gather -> plan -> apply: one pass over one service.

A pass takes a number, reads the whole world of the service, decides, records the decision, carries it out, and records
what came of it. Killed between any two calls, the next pass finds what is recorded and finishes it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from headcount.errors import Superseded, TransientError
from headcount.model.plan import (
    AdoptTask,
    ForgetTask,
    LookUpLaunch,
    Plan,
    RemoveService,
    ResumeLaunch,
    StartTasks,
    StopTask,
)
from headcount.model.service import Decision, Launch, ServiceState, ServiceStatus
from headcount.planning.outcomes import Absorbed, LaunchOutcome, absorb
from headcount.planning.plan import plan
from headcount.ports import Clock, Kicks, Measured, ReconcileStore, Sighting, Spread, TaskRuntime, Telling, Timers

RESERVE_SECONDS = (
    6.0  # a pass starts nothing new with less time left: a call to ECS may take 5 s, its record comes after
)
CLOCK_SKEW_SECONDS = 0.2
CARRY_OUT_SECONDS = 60.0  # a plan that was recorded and not finished is looked at again after this, whatever was lost
DECISIONS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Look at this service again. ``event_at`` and ``sent_at`` (epoch seconds) only measure."""

    service: str
    event_at: float | None = None
    sent_at: float | None = None


@dataclass(slots=True)
class _Applied:
    """What became of a plan's actions."""

    outcomes: list[LaunchOutcome]
    stopped: int = 0
    stops_unknown: str | None = None
    out_of_time: bool = False
    first_launch_at: float | None = None

    @property
    def started(self) -> int:
        return sum(outcome.started for outcome in self.outcomes)

    @property
    def is_unanswered(self) -> bool:
        """Whether ECS left a call without an answer, or asked for patience."""
        return self.stops_unknown is not None or any(outcome.kind == "unknown" for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """One pass of one service at a time; everything that it needs of the world is given."""

    runtime: TaskRuntime
    store: ReconcileStore
    kicks: Kicks
    timers: Timers
    telling: Telling
    clock: Clock
    jitter: Callable[[], float]
    spread: Spread

    def reconcile(self, request: Request, remaining: Callable[[], float]) -> None:
        """Bring the service nearer to what it should be. ``remaining``: seconds this invocation may still take."""
        began_at = self.clock()
        measured = Measured(
            service=request.service,
            pass_number=0,
            event_at=request.event_at,
            received_at=request.sent_at or began_at,
            began_at=began_at,
        )
        try:
            measured = self._pass(request.service, measured, remaining)
        except Superseded:
            measured = replace(measured, extra={"superseded": True})
        self.telling.measured(replace(measured, ended_at=self.clock()))

    def _pass(self, service: str, measured: Measured, remaining: Callable[[], float]) -> Measured:
        number = self.store.begin_pass(service)
        state = self.store.gather(service, number)
        gathered_at = now = self.clock()
        decided = plan(state, now, self.jitter())
        planned_at = self.clock()
        news = _news(decided.decisions, state.status)
        status = _remember(decided, state.status, now)
        if decided.actions:
            self.store.commit(state, replace(decided, status=status), news, now)
        committed_at = self.clock()
        applied = self._apply(state, decided, remaining)
        absorbed = self._absorb(state, status, applied)
        self._finish(state, decided, absorbed, news, applied)
        return replace(
            measured,
            pass_number=number,
            gathered_at=gathered_at,
            planned_at=planned_at,
            committed_at=committed_at if decided.actions else None,
            launched_at=applied.first_launch_at,
            tasks=len(state.tasks),
            launches=len(applied.outcomes),
            tasks_started=applied.started,
            tasks_stopped=applied.stopped,
            failures=_failures(state, decided, absorbed),
            extra={"state": absorbed.status.state, "reason": absorbed.status.state_reason},
        )

    # -- apply --------------------------------------------------------------------------------------------------------

    def _apply(self, state: ServiceState, decided: Plan, remaining: Callable[[], float]) -> _Applied:
        """Carry out the plan: starts before stops, deletions of records last."""
        applied = _Applied(outcomes=[])
        launches: list[StartTasks | ResumeLaunch | LookUpLaunch] = []
        stops: list[StopTask] = []
        forgotten: list[str] = []
        for action in decided.actions:
            match action:
                case StartTasks() | ResumeLaunch() | LookUpLaunch():
                    launches.append(action)
                case StopTask():
                    stops.append(action)
                case ForgetTask():
                    forgotten.append(action.task_id)
                case AdoptTask() | RemoveService():
                    pass  # adopting is done by recording the plan; removing a service is the last thing a pass does
                case _:
                    assert_never(action)
        self._launch_all(state, launches, applied, remaining)
        self._stop_all(state, stops, applied, remaining)
        if forgotten:
            self.store.forget(state.service, forgotten)
        return applied

    def _launch_all(
        self,
        state: ServiceState,
        actions: Sequence[StartTasks | ResumeLaunch | LookUpLaunch],
        applied: _Applied,
        remaining: Callable[[], float],
    ) -> None:
        """Send the launches, several at once, until ECS asks for patience or time runs out."""

        def launch(action: StartTasks | ResumeLaunch | LookUpLaunch) -> LaunchOutcome | None:
            if remaining() < RESERVE_SECONDS or any(outcome.kind == "unknown" for outcome in applied.outcomes):
                return None
            if applied.first_launch_at is None:
                applied.first_launch_at = self.clock()
            outcome = self._launch(state, action)
            applied.outcomes.append(outcome)
            return outcome

        results = list(self.spread(launch, actions))
        applied.out_of_time |= None in results and not any(outcome.kind == "unknown" for outcome in applied.outcomes)

    def _launch(self, state: ServiceState, action: StartTasks | ResumeLaunch | LookUpLaunch) -> LaunchOutcome:
        launch = action.launch
        try:
            if isinstance(action, LookUpLaunch):
                self._look_up(state, launch)
                return LaunchOutcome(launch=launch, kind="answered", started=launch.count)
            answer = self.runtime.launch(launch.request)
            if isinstance(action, ResumeLaunch) and not answer.tasks:
                # the first try may have started tasks; what is refused now says nothing about them
                found = self._look_up(state, launch)
            else:
                self.store.record_launch(state.service, launch, answer.tasks)
                found = len(answer.tasks)
        except TransientError as error:
            return LaunchOutcome(launch=launch, kind="unknown", reason=str(error))
        if answer.refused is not None and not found:
            return LaunchOutcome(launch=launch, kind="refused", reason=answer.refused)
        return LaunchOutcome(
            launch=launch, kind="answered", started=found, reason=answer.shortfall or answer.refused or ""
        )

    def _look_up(self, state: ServiceState, launch: Launch) -> int:
        """Record the tasks that ECS says a launch started, and close it; how many there are."""
        found = self.runtime.started_by(launch.request["cluster"], launch.launch_id)
        self.store.record_launch(state.service, launch, found)
        return len(found)

    def _stop_all(
        self, state: ServiceState, actions: Sequence[StopTask], applied: _Applied, remaining: Callable[[], float]
    ) -> None:
        cluster = state.service.partition("/")[0]

        def stop(action: StopTask) -> Sighting | None:
            if applied.stops_unknown is not None:
                return None
            if remaining() < RESERVE_SECONDS:
                applied.out_of_time = True
                return None
            try:
                seen = self.runtime.stop(cluster, action.task_id, action.reason)
            except TransientError as error:
                applied.stops_unknown = str(error)
                return None
            applied.stopped += 1
            return seen

        for seen in list(self.spread(stop, actions)):
            if seen is not None:
                self.store.record_sighting(state.service, seen)

    # -- afterwards ---------------------------------------------------------------------------------------------------

    def _absorb(self, state: ServiceState, status: ServiceStatus, applied: _Applied) -> Absorbed:
        if state.declared is None or not (applied.outcomes or applied.stopped or applied.stops_unknown):
            return Absorbed(status=status, decisions=(), wake_at=None, again=False)
        outcomes = tuple(applied.outcomes)
        return absorb(status, state.declared, outcomes, applied.stops_unknown, self.clock(), self.jitter())

    def _finish(
        self, state: ServiceState, decided: Plan, absorbed: Absorbed, news: Sequence[Decision], applied: _Applied
    ) -> None:
        """Record what came of the plan, ask to be woken, tell the world, and go on at once if there is more to do."""
        now = self.clock()
        outcome_news = _news(absorbed.decisions, state.status)
        self.telling.decided(state, (*news, *outcome_news))
        removed = any(isinstance(action, RemoveService) for action in decided.actions)
        leftover = state.declared is None and not state.tasks and not state.launches
        if removed or leftover:
            self.store.remove_service(state, outcome_news, now)
        else:
            self._write_status(state, decided, absorbed, news, outcome_news, now)
        self.telling.publish(state.service, [*news, *outcome_news, *_in_ecs_words(state.service, applied)], now)
        # where ECS asked for patience, looking again at once can do nothing: the wake that was recorded does the rest
        if (decided.again or absorbed.again or applied.out_of_time) and not (removed or applied.is_unanswered):
            self.kicks.kick(state.service, state.pass_number, "more to do")

    def _write_status(
        self,
        state: ServiceState,
        decided: Plan,
        absorbed: Absorbed,
        news: Sequence[Decision],
        outcome_news: Sequence[Decision],
        now: float,
    ) -> None:
        wakes = [at for at in (decided.wake_at, absorbed.wake_at) if at is not None]
        wake, is_new = _next_wake(state.status.next_wake, min(wakes, default=None), now)
        shown = (*absorbed.status.decisions, *outcome_news)[:DECISIONS_SHOWN]
        status = replace(absorbed.status, next_wake=wake, decisions=shown)
        if decided.actions:
            self.store.finish(state, status, outcome_news, now)
        elif status != state.status:
            self.store.finish(state, status, (*news, *outcome_news), now)
        if is_new and wake is not None:
            self.timers.wake(state.service, wake, now)


def _next_wake(recorded: float | None, wanted: float | None, now: float) -> tuple[float | None, bool]:
    """The wake time to record, and whether a timer must be sent for it: only when it is earlier than a pending one.

    One that is almost due may be the one that woke this pass, on a machine whose clock is ahead: it is not pending.
    """
    if recorded is not None and recorded > now + CLOCK_SKEW_SECONDS and (wanted is None or recorded <= wanted):
        return recorded, False
    return wanted, wanted is not None


def _news(decisions: Iterable[Decision], before: ServiceStatus) -> tuple[Decision, ...]:
    """The decisions that are not just the same waiting as last time."""
    known = {decision for decision in before.decisions if decision.kind == "hold"}
    return tuple(decision for decision in decisions if decision not in known)


def _remember(decided: Plan, before: ServiceStatus, now: float) -> ServiceStatus:
    """The plan's status with its decisions, for people; what was decided last stays until something else is."""
    fresh = decided.decisions[:DECISIONS_SHOWN]
    stale = any(decision.kind == "hold" for decision in before.decisions)
    decisions = fresh if fresh or stale else before.decisions
    look = now + CARRY_OUT_SECONDS
    return replace(
        decided.status,
        decisions=decisions,
        next_wake=min(before.next_wake or look, look) if decided.actions else before.next_wake,
    )


def _failures(state: ServiceState, decided: Plan, absorbed: Absorbed) -> int:
    """Tasks that failed by their own doing, got stuck, or were refused, each counted by one pass."""
    before = {one.deployment_id: one.failed_tasks for one in state.status.deployments}
    failed = sum(one.failed_tasks - before.get(one.deployment_id, 0) for one in decided.status.deployments)
    kinds = [decision.kind for decision in (*decided.decisions, *absorbed.decisions)]
    return failed + kinds.count("stuck") + kinds.count("refused")


def _in_ecs_words(service: str, applied: _Applied) -> Iterable[Decision]:
    name = service.partition("/")[2]
    if applied.started:
        reason = f"(service {name}) has started {applied.started} tasks"
        yield Decision(kind="launch", event_name="TASKS_STARTED", reason=reason)
    if applied.stopped:
        reason = f"(service {name}) has stopped {applied.stopped} running tasks"
        yield Decision(kind="stop", event_name="TASKS_STOPPED", reason=reason)
