"""What the simulation must notice: each mutation leaves out one thing that keeps Headcount's promises.

Nothing is edited: a mutation is a subclass of one part of the world that behaves as if the real code lacked the thing.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from headcount.control_loop import Reconciler
from headcount.model.manifest import CapacityReturn, Manifest, Restarts
from headcount.model.plan import AdoptTask, DrainTask, Plan, StartTasks, StopTask
from headcount.model.service import Launch, ServiceState
from headcount.model.target import Endpoint, TargetHealth
from headcount.model.task import Task
from headcount.model.values import dataclass, replace
from headcount.ports import ServiceMark
from headcount.ports.targets import TargetsAnswer
from headcount.ports.tasks import LaunchAnswer, Recorded, Sighting
from headcount_simulation.clients import KicksClient, RuntimeClient, StoreClient, TargetGroupsClient
from headcount_simulation.days import draw_day
from headcount_simulation.functions import Functions
from headcount_simulation.partitions import Partition, TaskRecord
from headcount_simulation.parts import Parts
from headcount_simulation.scaling_mutations import (
    AlarmsStay,
    AnyCount,
    MissingIsZero,
    NoAlarms,
    NoBounds,
    NoCooldowns,
)
from headcount_simulation.simulating import Outcome, simulate
from headcount_simulation.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A named defect. ``expected``: invariants that may notice it."""

    name: str
    says: str
    parts: Parts
    expected: frozenset[str]


class _NothingRecorded(StoreClient):
    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Any], now: float) -> None:
        kept = tuple(action for action in plan.actions if not isinstance(action, StartTasks))
        super().commit(state, replace(plan, actions=kept), history, now)


class _StopsNotRecorded(StoreClient):
    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Any], now: float) -> None:
        kept = tuple(action for action in plan.actions if not isinstance(action, StopTask))
        super().commit(state, replace(plan, actions=kept), history, now)


class _NewTokens(RuntimeClient):
    _numbers = itertools.count()

    def launch(self, request: Mapping[str, Any]) -> LaunchAnswer:
        token = f"{request['clientToken']}{next(self._numbers)}"
        return self.calls.make("ecs", "RunTask", lambda: self.ecs.run_task(request, token))


class _NoFence(Table):
    def fenced(self, state: ServiceState) -> Partition:
        partition = self.partition(state.service)
        if partition.status is None:
            return super().fenced(state)
        return partition

    def gather(self, service: str, pass_number: int) -> ServiceState:
        return replace(self.state(service), pass_number=pass_number)


class _AnyVersion(Table):
    def record_sighting(self, service: str, sighting: Sighting) -> Recorded | None:
        record = self.partition(service).tasks.setdefault(sighting.task_id, TaskRecord())
        record.observed, record.version = sighting.observed, sighting.observed.version
        return Recorded()


class _InFlightForgotten(StoreClient):
    def gather(self, service: str, pass_number: int) -> ServiceState:
        return replace(super().gather(service, pass_number), launches=())


class _LaunchesStayOpen(Table):
    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
        super().record_launch(service, launch, sightings)
        self.partition(service).launches[launch.launch_id] = launch


class _AnswersDropped(Table):
    def record_launch(self, service: str, launch: Launch, sightings: Sequence[Sighting]) -> None:
        super().record_launch(service, launch, sightings[:0])


class _OtherManifest(StoreClient):
    """Passes see a manifest that says something else."""

    def gather(self, service: str, pass_number: int) -> ServiceState:
        state = super().gather(service, pass_number)
        if state.declared is None:
            return state
        return replace(state, declared=replace(state.declared, manifest=self.changed(state.declared.manifest)))

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Any], now: float) -> None:
        super().commit(replace(state, declared=self.table.state(state.service).declared), plan, history, now)

    def changed(self, manifest: Manifest) -> Manifest:
        """What passes see."""
        return manifest


class _NoBackoff(_OtherManifest):
    def changed(self, manifest: Manifest) -> Manifest:
        return replace(manifest, restarts=Restarts(initial_seconds=0))


class _NoMaximum(_OtherManifest):
    def changed(self, manifest: Manifest) -> Manifest:
        return replace(manifest, maximum_percent=10_000)


class _NoMinimum(_OtherManifest):
    def changed(self, manifest: Manifest) -> Manifest:
        return replace(manifest, minimum_healthy_percent=0)


class _DyingCounts(StoreClient):
    def gather(self, service: str, pass_number: int) -> ServiceState:
        state = super().gather(service, pass_number)
        return replace(state, tasks=tuple(_as_if_alive(task) for task in state.tasks))


def _as_if_alive(task: Task) -> Task:
    if task.observed.last_status == "STOPPED":
        return task
    return replace(task, observed=replace(task.observed, desired_status="RUNNING"))


class _EverythingIsOurs(RuntimeClient):
    def _describe(self, cluster: str, task_ids: Sequence[str]) -> tuple[Sighting, ...]:
        seen = super()._describe(cluster, task_ids)
        return tuple(replace(one, service=one.service or self._by_group(one)) for one in seen)

    def _by_group(self, sighting: Sighting) -> str:
        task = self.ecs.tasks[sighting.task_id]
        return f"{task.cluster}/{task.group.partition(':')[2]}"


class _NumberReadFirst(KicksClient):
    """The pass number is never raised for kicks, so that SQS drops those of the last five minutes."""

    def kick(self, service: str, pass_number: int | None, cause: str, event_at: float | None = None) -> None:
        super().kick(service, None if pass_number is None else 0, cause, event_at)


class _ForgetsTooMuch(StoreClient):
    def forget(self, service: str, task_ids: Sequence[str]) -> None:
        others = [one for one in self.table.partition(service).tasks if one not in task_ids]
        super().forget(service, [*task_ids, *others[:1]])


class _NoAdoption(Table):
    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Any], now: float) -> None:
        kept = tuple(action for action in plan.actions if not isinstance(action, AdoptTask))
        super().commit(state, replace(plan, actions=kept), history, now)


class _NoReasons(RuntimeClient):
    def stop(self, cluster: str, task_id: str, reason: str) -> Sighting | None:
        del reason
        return super().stop(cluster, task_id, "")


class _GenerationUnseen(StoreClient):
    """The audit does not compare generations, nor look at overdue timers."""

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        marks = super().services(cluster)
        return tuple(replace(mark, seen_generation=mark.generation, next_wake=None) for mark in marks)


class _OtherState(StoreClient):
    """Passes see another state."""

    def gather(self, service: str, pass_number: int) -> ServiceState:
        return self.changed(super().gather(service, pass_number))

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Any], now: float) -> None:
        truth = self.table.state(state.service)
        super().commit(replace(truth, pass_number=state.pass_number), plan, history, now)

    def changed(self, state: ServiceState) -> ServiceState:
        """What passes see."""
        return state


class _NoNotices(_OtherState):
    def changed(self, state: ServiceState) -> ServiceState:
        return replace(state, tasks=tuple(replace(task, notice=None) for task in state.tasks))


class _NoCordons(_OtherState):
    def changed(self, state: ServiceState) -> ServiceState:
        return replace(state, cordons=())


class _NoPause(_OtherState):
    def changed(self, state: ServiceState) -> ServiceState:
        return replace(state, operator=replace(state.operator, pause=None))


class _NoStandby(_OtherState):
    def changed(self, state: ServiceState) -> ServiceState:
        return replace(state, operator=replace(state.operator, standbys=()))


class _NoProtection(_OtherState):
    def changed(self, state: ServiceState) -> ServiceState:
        return replace(state, operator=replace(state.operator, protections=()))


class _RefusalsForgotten(_OtherState):
    def changed(self, state: ServiceState) -> ServiceState:
        return replace(state, status=replace(state.status, zones=()))


class _NothingBefore(_OtherState):
    def changed(self, state: ServiceState) -> ServiceState:
        return replace(state, declared=state.declared and replace(state.declared, previous=None))


class _OneZoneSeen(_OtherState):
    """Wherever tasks are moved to, they seem to stand where they stood."""

    def changed(self, state: ServiceState) -> ServiceState:
        zone = state.declared.zones[0][0] if state.declared else None
        tasks = (replace(task, observed=replace(task.observed, availability_zone=zone)) for task in state.tasks)
        return replace(state, tasks=tuple(tasks))


class _NoSharing(_OtherManifest):
    def changed(self, manifest: Manifest) -> Manifest:
        first, *others = manifest.sources
        return replace(manifest, sources=(first, *(replace(one, weight=0) for one in others)))


class _NoReturn(_OtherManifest):
    def changed(self, manifest: Manifest) -> Manifest:
        return replace(manifest, capacity_return=CapacityReturn(after_seconds=1e9))


class _NoRebalancing(_OtherManifest):
    def changed(self, manifest: Manifest) -> Manifest:
        return replace(manifest, zone_rebalancing=False)


class _NoAge(_OtherManifest):
    def changed(self, manifest: Manifest) -> Manifest:
        return replace(manifest, maximum_age=None)


class _NeverAlone(_OtherManifest):
    def changed(self, manifest: Manifest) -> Manifest:
        return replace(manifest, maximum_percent=max(200, manifest.maximum_percent))


class _GarbageSwallowed(Functions):
    def refuse_garbage(self) -> None:
        return None


class _StopsAtOnce(Reconciler):
    """A task that should drain is stopped in the same pass."""

    def _apply(self, state: ServiceState, decided: Plan, remaining: Callable[[], float]) -> Any:
        stops = tuple(
            StopTask(task_id=one.task_id, reason=one.reason, managed=one.managed)
            for one in decided.actions
            if isinstance(one, DrainTask)
        )
        return super()._apply(state, replace(decided, actions=(*decided.actions, *stops)), remaining)


class _NoDrain(Functions):
    reconciler_class = _StopsAtOnce


class _NoDelay(_OtherState):
    """Passes believe that nothing has to be waited for when a target has left."""

    def changed(self, state: ServiceState) -> ServiceState:
        balancing = state.balancing
        if balancing is None:
            return state
        groups = tuple(replace(one, delay_seconds=0.0) for one in balancing.groups)
        return replace(state, balancing=replace(balancing, groups=groups))


class _NothingDrains(TargetGroupsClient):
    """ELB seems not to show draining targets."""

    def health(self, group: str) -> tuple[TargetHealth, ...] | None:
        seen = super().health(group)
        return None if seen is None else tuple(one for one in seen if one.state != "draining")


class _NoFreeze(_OtherManifest):
    def changed(self, manifest: Manifest) -> Manifest:
        return replace(manifest, unhealthy_tasks=replace(manifest.unhealthy_tasks, freeze_above_percent=100))


class _LedgersLater(StoreClient):
    """Ledgers are written when ELB has answered, not before it is called."""

    def commit(self, state: ServiceState, plan: Plan, history: Sequence[Any], now: float) -> None:
        super().commit(state, replace(plan, ledgers=()), history, now)


class _EverythingLeaves(TargetGroupsClient):
    """Whatever is in a group beside the tasks that are known leaves with them."""

    def deregister(self, group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
        known = self.elb.groups.get(group)
        others = [one.endpoint for one in known.targets.values() if one.foreign] if known is not None else []
        return super().deregister(group, [*targets, *others])


class _OldTargetLeavesLate(Reconciler):
    """An entry whose address another task has now leaves like any other, when that task has been registered."""

    def _apply(self, state: ServiceState, decided: Plan, remaining: Callable[[], float]) -> Any:
        applied = super()._apply(state, decided, remaining)
        before = {ledger.group: ledger.registrations for ledger in state.targets}
        for ledger in decided.ledgers:
            owners = {entry.endpoint: entry.task for entry in ledger.registrations}
            for entry in before.get(ledger.group, ()):
                if owners.get(entry.endpoint, entry.task) != entry.task:
                    self.target_groups.deregister(ledger.group, [entry.endpoint])
        return applied


class _NoAddressIsUsedAgain(Functions):
    reconciler_class = _OldTargetLeavesLate


class _AllHealthy(TargetGroupsClient):
    """Whatever ELB says of a target, it counts as healthy."""

    def health(self, group: str) -> tuple[TargetHealth, ...] | None:
        seen = super().health(group)
        well = [replace(one, state="healthy", reason="") if one.state != "draining" else one for one in seen or ()]
        return None if seen is None else tuple(well)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """How a mutation was noticed: ``outcome`` is the first day that broke one of the expected invariants."""

    mutation: Mutation
    outcome: Outcome | None
    days: int


def catch(mutation: Mutation, first_seed: int = 0, most_days: int = 200) -> Catch:
    """Simulate days until one breaks an expected invariant; others that break may have another cause."""
    for number in range(most_days):
        outcome = simulate(draw_day(first_seed + number), mutation.parts)
        if outcome.violation is not None and outcome.violation.invariant in mutation.expected:
            return Catch(mutation=mutation, outcome=outcome, days=number + 1)
    return Catch(mutation=mutation, outcome=None, days=most_days)


def _mutation(name: str, says: str, parts: Parts, *expected: str) -> Mutation:
    return Mutation(name=name, says=says, parts=parts, expected=frozenset(expected))


MUTATIONS: Final = (
    _mutation(
        "intent",
        "launches are sent without being recorded",
        Parts(store=_NothingRecorded),
        "no task without a launch",
    ),
    _mutation("stop intent", "stops are told without being recorded", Parts(store=_StopsNotRecorded), "stop on record"),
    _mutation("token", "every try has a token of its own", Parts(runtime=_NewTokens), "launched once"),
    _mutation("fence", "any pass may write", Parts(table=_NoFence), "no start too many", "maximum percent"),
    _mutation(
        "version", "the last event wins, not the newest", Parts(table=_AnyVersion), "newest wins", "never below desired"
    ),
    _mutation("backoff", "failing tasks are replaced at once", Parts(store=_NoBackoff), "no hot loop"),
    _mutation(
        "audit", "nobody compares the table with ECS", Parts(audits=False), "converges", "records match", "deleted"
    ),
    _mutation(
        "overdue",
        "the audit does not see what nobody came back for",
        Parts(store=_GenerationUnseen),
        "converges",
        "deleted",
    ),
    _mutation("in flight", "launches in flight count for nothing", Parts(store=_InFlightForgotten), "maximum percent"),
    _mutation(
        "closing",
        "an answered launch stays open",
        Parts(table=_LaunchesStayOpen),
        "launched once",
        "passes bounded",
        "records match",
    ),
    _mutation("answer", "the tasks of an answer are not recorded", Parts(table=_AnswersDropped), "maximum percent"),
    _mutation("maximum percent", "starts know no maximum", Parts(store=_NoMaximum), "maximum percent"),
    _mutation("minimum healthy percent", "stops know no minimum", Parts(store=_NoMinimum), "minimum healthy percent"),
    _mutation("dying", "a dying task counts until it is gone", Parts(store=_DyingCounts), "neighbours"),
    _mutation("ownership", "a task's group makes it ours", Parts(runtime=_EverythingIsOurs), "not ours"),
    _mutation("pass number", "kicks have the same id for ever", Parts(kicks=_NumberReadFirst), "neighbours"),
    _mutation("forgetting", "one record more is deleted", Parts(store=_ForgetsTooMuch), "forgotten only when gone"),
    _mutation("adoption", "orphans are not taken over", Parts(table=_NoAdoption), "records match", "converges"),
    _mutation("notices", "what AWS announces is not read", Parts(store=_NoNotices), "notices"),
    _mutation("cordons", "cordoned zones take tasks", Parts(store=_NoCordons), "cordon"),
    _mutation("pause", "pauses are not read", Parts(store=_NoPause), "paused"),
    _mutation("standby", "tasks on standby count", Parts(store=_NoStandby), "standby"),
    _mutation("protection", "protection is not read", Parts(store=_NoProtection), "protected"),
    _mutation(
        "refusals", "a place that refused is asked again at once", Parts(store=_RefusalsForgotten), "refused places"
    ),
    _mutation("shares", "the first provider has all the weight", Parts(store=_NoSharing), "shares"),
    _mutation("return", "what fell back to another provider stays there", Parts(store=_NoReturn), "shares"),
    _mutation("zones", "zones are not made even", Parts(store=_NoRebalancing), "zones"),
    _mutation(
        "rebalancing",
        "rebalancing never ends: what was moved seems to stand where it stood",
        Parts(store=_OneZoneSeen),
        *("no start too many", "stays", "converges", "passes bounded"),
    ),
    _mutation("age", "tasks grow old", Parts(store=_NoAge), "age"),
    _mutation("singleton", "the new task starts first always", Parts(store=_NeverAlone), "singleton"),
    _mutation("own revision", "old tasks are not replaced by old ones", Parts(store=_NothingBefore), "kept alive"),
    _mutation("definitions", "the revision before is not kept", Parts(store=_NothingBefore), "definitions"),
    _mutation("drain", "tasks are stopped while they take traffic", Parts(functions=_NoDrain), "drained"),
    _mutation(
        "delay",
        "the deregistration delay is not waited for",
        Parts(store=_NoDelay, target_groups=_NothingDrains),
        "drained",
    ),
    _mutation("freeze", "too many unhealthy tasks are no reason to wait", Parts(store=_NoFreeze), "frozen"),
    _mutation("ledger", "ELB is called before the ledger is written", Parts(store=_LedgersLater), "targets on record"),
    _mutation(
        "others' targets",
        "what is in a target group counts as ours",
        Parts(target_groups=_EverythingLeaves),
        "others' targets",
    ),
    _mutation(
        "reused address",
        "a dead task's target leaves though its address is another task's",
        Parts(functions=_NoAddressIsUsedAgain),
        "kept in rotation",
    ),
    _mutation(
        "target health",
        "unhealthy targets count as healthy",
        Parts(target_groups=_AllHealthy),
        *("in rotation", "sickness ends"),
    ),
    _mutation("poison", "what cannot be read is dropped", Parts(functions=_GarbageSwallowed), "poison"),
    _mutation("reasons", "ECS is told no reason", Parts(runtime=_NoReasons), "reasons"),
    _mutation("cooldown", "what scaling did last is forgotten", Parts(scaling_store=NoCooldowns), "cooldowns"),
    _mutation(
        "no data", "a minute without data counts as an idle one", Parts(metrics=MissingIsZero), "no blind scale-in"
    ),
    _mutation("compare and set", "a count is written over any other", Parts(scaling_table=AnyCount), "count not lost"),
    _mutation("alarms", "alarms of scaling are never made", Parts(alarms=NoAlarms), "alarms stand"),
    _mutation("alarms' end", "alarms of scaling are never deleted", Parts(alarms=AlarmsStay), "deleted"),
    _mutation(
        "bounds", "a count of scaling is one more than it may be", Parts(scaling_store=NoBounds), "within bounds"
    ),
)
