"""gather -> plan -> apply: one pass over one service.

A pass takes a number, reads the whole world of the service, decides, records the decision, carries it out, and records
what came of it. Killed between any two calls, the next pass finds what is recorded and finishes it.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

from headcount.errors import Superseded, TransientError
from headcount.looking import Looker
from headcount.messages import Request
from headcount.model.plan import (
    AdoptTask,
    DeregisterTargets,
    DeregisterTaskDefinition,
    DrainTask,
    ForgetTask,
    KeepLoadBalancers,
    KeepScaling,
    LookUpLaunch,
    Plan,
    RegisterTargets,
    RemoveService,
    ResumeLaunch,
    StartTasks,
    StopTask,
)
from headcount.model.service import Decision, Launch, ServiceState, ServiceStatus
from headcount.model.target import GroupTargets, Registration, TargetsSeen
from headcount.model.values import dataclass, replace
from headcount.planning.ledgers import with_answers
from headcount.planning.outcomes import Absorbed, LaunchOutcome, absorb, absorb_refusals, absorb_targets
from headcount.planning.plan import plan
from headcount.planning.rotation import next_look_at
from headcount.planning.situation import hold
from headcount.ports import LONGEST_TIMER_SECONDS, Clock, Kicks, ScalingRequests, Spread
from headcount.ports.reconciling import LoadBalancerRequests, Measured, ReconcileStore, Telling, Timers
from headcount.ports.targets import TargetGroups, TargetsAnswer
from headcount.ports.tasks import Sighting, TaskRuntime

RESERVE_SECONDS = (
    6.0  # a pass starts nothing new with less time left: a call to ECS may take 5 s, its record comes after
)
CLOCK_SKEW_SECONDS = 0.2
OVERLAP_SECONDS = 30.0  # a pass ends within 20 s: so long after a launch was recorded its calls are over
CARRY_OUT_SECONDS = 60.0  # a plan that was recorded and not finished is looked at again after this, whatever was lost
DECISIONS_SHOWN = 10


@dataclasses.dataclass(slots=True)
class _Applied:
    """What became of a plan's actions. ``has_looked``: the pass asked AWS before, which its status remembers."""

    outcomes: list[LaunchOutcome]
    stopped: int = 0
    stops_unknown: str | None = None
    deregistered: list[str] = dataclasses.field(default_factory=list)
    is_definition_left: bool = False
    ledgers: dict[str, GroupTargets] = dataclasses.field(default_factory=dict)
    elb_calls: int = 0
    elb_says: list[str] = dataclasses.field(default_factory=list)
    refused: list[tuple[str, Registration]] = dataclasses.field(default_factory=list)
    unasked: list[str] = dataclasses.field(default_factory=list)
    has_looked: bool = False
    out_of_time: bool = False
    first_launch_at: float | None = None

    @property
    def started(self) -> int:
        return sum(outcome.started for outcome in self.outcomes)

    @property
    def is_unanswered(self) -> bool:
        """Whether AWS left a call without an answer, or asked for patience."""
        lost = any(outcome.kind == "unknown" for outcome in self.outcomes)
        return lost or self.stops_unknown is not None or self.is_definition_left or bool(self.elb_says)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """One pass of one service at a time; everything that it needs of the world is given."""

    runtime: TaskRuntime
    target_groups: TargetGroups
    load_balancers: LoadBalancerRequests
    scaling: ScalingRequests
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

    @property
    def _looker(self) -> Looker:
        return Looker(
            runtime=self.runtime,
            target_groups=self.target_groups,
            store=self.store,
            clock=self.clock,
            jitter=self.jitter,
        )

    def _pass(self, service: str, measured: Measured, remaining: Callable[[], float]) -> Measured:
        number = self.store.begin_pass(service)
        recorded = self.store.gather(service, number)
        state = self._looker.look(recorded)
        gathered_at = now = self.clock()
        decided = plan(state, now, self.jitter())
        planned_at = self.clock()
        news = _news(decided.decisions, state.status)
        status = _remember(decided, state.status, now)
        if decided.actions or decided.ledgers:
            self.store.commit(state, replace(decided, status=status), news, now)
        committed_at = self.clock()
        applied = self._apply(state, decided, remaining)
        applied.has_looked = state.status != recorded.status
        absorbed = self._absorb(state, status, applied)
        self._finish(state, decided, absorbed, news, applied)
        return replace(
            measured,
            pass_number=number,
            gathered_at=gathered_at,
            planned_at=planned_at,
            committed_at=committed_at if decided.actions or decided.ledgers else None,
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
        """Carry out the plan: targets out and in, starts before stops, deletions of records last."""
        applied = _Applied(outcomes=[], ledgers={one.group: one for one in (*state.targets, *decided.ledgers)})
        if not decided.actions:
            return applied
        launches: list[StartTasks | ResumeLaunch | LookUpLaunch] = []
        stops: list[StopTask] = []
        forgotten: list[str] = []
        definitions: list[str] = []
        targets: list[RegisterTargets | DeregisterTargets] = []
        asks = False
        looks_at_scaling: str | None = None
        for action in decided.actions:
            match action:
                case StartTasks() | ResumeLaunch() | LookUpLaunch():
                    launches.append(action)
                case StopTask():
                    stops.append(action)
                case ForgetTask():
                    forgotten.append(action.task_id)
                case DeregisterTaskDefinition():
                    definitions.append(action.task_definition_arn)
                case RegisterTargets() | DeregisterTargets():
                    targets.append(action)
                case KeepLoadBalancers():
                    asks = True
                case KeepScaling():
                    looks_at_scaling = action.reason
                case AdoptTask() | DrainTask() | RemoveService():
                    pass  # the first two are done by recording the plan; removing a service is the last thing of a pass
                case _:
                    assert_never(action)
        self._call_groups(state, targets, applied, remaining)
        self._launch_all(state, launches, applied, remaining)
        self._stop_all(state, stops, applied, remaining)
        if forgotten:
            self.store.forget(state.service, forgotten)
        if asks:
            _ask("load balancers", lambda: self.load_balancers.ask(state.service), applied)
        if looks_at_scaling is not None:
            _ask("scaling", lambda: self.scaling.ask(state.service, looks_at_scaling), applied)
        self._deregister_all(definitions, applied)
        return applied

    def _call_groups(
        self,
        state: ServiceState,
        actions: Sequence[RegisterTargets | DeregisterTargets],
        applied: _Applied,
        remaining: Callable[[], float],
    ) -> None:
        """One call a group and direction; what is out of rotation first. Unanswered ones are made again by a pass."""

        def call(action: RegisterTargets | DeregisterTargets) -> TargetsAnswer | None:
            calls = self.target_groups
            if remaining() < RESERVE_SECONDS:
                applied.out_of_time = True
                return None
            try:
                send = calls.register if isinstance(action, RegisterTargets) else calls.deregister
                return send(action.group, action.targets)
            except TransientError as error:
                applied.elb_says.append(str(error))
                return None

        for kind in (DeregisterTargets, RegisterTargets):
            several = [action for action in actions if isinstance(action, kind)]
            applied.elb_calls += len(several)
            for action, answer in zip(several, list(self.spread(call, several)), strict=True):
                if answer is not None:
                    self._take_answer(state, action, answer, applied)

    def _take_answer(
        self,
        state: ServiceState,
        action: RegisterTargets | DeregisterTargets,
        answer: TargetsAnswer,
        applied: _Applied,
    ) -> None:
        now = self.clock()
        ledger = applied.ledgers[action.group]
        if answer.gone:
            self.store.record_targets_seen(state.service, action.group, TargetsSeen(seen_at=now, gone=True))
        said = answer.refused
        refused = {} if said is None else dict.fromkeys(answer.refused_targets or action.targets, said)
        taken = tuple(target for target in action.targets if target not in refused)
        into, out = (taken, ()) if isinstance(action, RegisterTargets) else ((), taken)
        runs = {task.task_id for task in state.tasks if task.observed.desired_status == "RUNNING"}
        applied.ledgers[action.group] = with_answers(
            ledger, registered=into, deregistered=out, refused=refused, gone=answer.gone, awaited=runs, now=now
        )
        after = applied.ledgers[action.group].registrations
        applied.refused += [(action.group, entry) for entry in after if entry.endpoint in refused]

    def _deregister_all(self, definitions: Iterable[str], applied: _Applied) -> None:
        """One that is not answered stays on the record, and a later pass tries again."""
        for definition in definitions:
            try:
                self.runtime.deregister(definition)
            except TransientError:
                applied.is_definition_left = True
                return
            applied.deregistered.append(definition)

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
                if self.clock() - launch.at < OVERLAP_SECONDS:
                    # a call that started nothing leaves no token: the first try, still on its way, could start tasks
                    said = answer.shortfall or answer.refused or "no tasks"
                    return LaunchOutcome(launch=launch, kind="unknown", reason=f"{said}; an earlier call may be late")
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
        absorbed = Absorbed(status=status, decisions=(), wake_at=None, again=False)
        if state.declared is not None and (applied.outcomes or applied.stopped or applied.stops_unknown):
            outcomes = tuple(applied.outcomes)
            absorbed = absorb(status, state.declared, outcomes, applied.stops_unknown, self.clock(), self.jitter())
        if applied.elb_calls:
            absorbed = absorb_targets(absorbed, tuple(applied.elb_says), self.clock(), self.jitter())
        if applied.refused:
            absorbed = absorb_refusals(absorbed, applied.refused, self.clock())
        return replace(absorbed, decisions=(*absorbed.decisions, *(hold(one, level="WARN") for one in applied.unasked)))

    def _finish(
        self, state: ServiceState, decided: Plan, absorbed: Absorbed, news: Sequence[Decision], applied: _Applied
    ) -> None:
        """Record what came of the plan, ask to be woken, tell the world, and go on at once if there is more to do."""
        now = self.clock()
        outcome_news = _news(absorbed.decisions, state.status)
        self.telling.decided(state, (*news, *outcome_news))
        removed = any(isinstance(action, RemoveService) for action in decided.actions)
        forgotten = {action.task_id for action in decided.actions if isinstance(action, ForgetTask)}
        left = state.launches or any(task.task_id not in forgotten for task in state.tasks)
        leftover = state.declared is None and not left
        if removed or leftover:
            self.store.remove_service(state, outcome_news, now)
        else:
            self._write_status(state, decided, absorbed, applied, (news, outcome_news), now)
        self.telling.publish(state.service, [*news, *outcome_news, *_in_ecs_words(state.service, applied)], now)
        # where ECS asked for patience, looking again at once can do nothing: the wake that was recorded does the rest
        more = decided.again or absorbed.again or applied.out_of_time or _is_deregistered(state, decided, applied)
        if more and not (removed or applied.is_unanswered):
            self.kicks.kick(state.service, state.pass_number, "more to do")

    def _write_status(
        self,
        state: ServiceState,
        decided: Plan,
        absorbed: Absorbed,
        applied: _Applied,
        all_news: tuple[Sequence[Decision], Sequence[Decision]],
        now: float,
    ) -> None:
        news, outcome_news = all_news
        ledgers = tuple(one for one in applied.ledgers.values() if one not in (*state.targets, *decided.ledgers))
        after = replace(state, targets=tuple(applied.ledgers.values()), status=absorbed.status)
        is_unseen = after.targets != state.targets or after.status.elb_throttle != state.status.elb_throttle
        look = next_look_at(after, now) if is_unseen else None  # else the plan's wake heeds it
        wakes = [at for at in (decided.wake_at, absorbed.wake_at, look) if at is not None]
        wake, is_new = _next_wake(state.status.next_wake, min(wakes, default=None), now)
        shown = tuple(dict.fromkeys((*absorbed.status.decisions, *absorbed.decisions)))[:DECISIONS_SHOWN]
        gone = (*absorbed.status.deregistered, *applied.deregistered)
        status = replace(absorbed.status, next_wake=wake, decisions=shown, deregistered=gone)
        if decided.actions or decided.ledgers or ledgers:
            self.store.finish(state, status, outcome_news, now, ledgers)
        elif status != state.status or applied.has_looked:
            self.store.finish(state, status, (*news, *outcome_news), now)
        if is_new and wake is not None:
            self.timers.wake(state.service, wake, now)


def _is_deregistered(state: ServiceState, decided: Plan, applied: _Applied) -> bool:
    """Whether the last target of a service that is deleted is out: its end waits for nothing else."""
    deleting = state.declared is not None and state.declared.deleting_at is not None
    before = (*state.targets, *decided.ledgers)
    there = any(one.registrations for one in before)
    return deleting and there and not any(one.registrations for one in applied.ledgers.values())


def _next_wake(recorded: float | None, wanted: float | None, now: float) -> tuple[float | None, bool]:
    """The wake time to record, and whether a timer must be sent for it: only when it is earlier than a pending one.

    One that is almost due may be the one that woke this pass, on a machine whose clock is ahead: it is not pending. One
    that nobody wants any more is forgotten, unless what is wanted instead is so near that it would cost a timer.
    """
    if recorded is None or recorded <= now + CLOCK_SKEW_SECONDS:
        return wanted, wanted is not None
    if wanted is None or wanted > now + LONGEST_TIMER_SECONDS:
        return wanted, False
    return min(recorded, wanted), wanted < recorded


def _ask(what: str, ask: Callable[[], None], applied: _Applied) -> None:
    """Have another function look. The plan's wake asks again if it cannot be asked now: tasks do not wait for that."""
    try:
        ask()
    except TransientError as error:
        applied.unasked.append(f"a look at {what} cannot be asked for: {error}")


def _news(decisions: Iterable[Decision], before: ServiceStatus) -> tuple[Decision, ...]:
    """The decisions that are not just the same as last time: waiting, or sending a launch yet again."""
    known = {decision for decision in before.decisions if decision.kind in ("hold", "launch")}
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
        next_wake=min(before.next_wake or look, look) if decided.actions or decided.ledgers else before.next_wake,
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
