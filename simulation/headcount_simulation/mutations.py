"""What the simulation must notice: each mutation leaves out one thing that keeps Headcount's promises.

Nothing is edited: a mutation is a subclass of one part of the world that behaves as if the real code lacked the thing.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from headcount.model.manifest import Manifest, Restarts
from headcount.model.plan import AdoptTask, Plan, StartTasks, StopTask
from headcount.model.service import Launch, ServiceState
from headcount.model.task import Task
from headcount.ports import LaunchAnswer, ServiceMark, Sighting
from headcount_simulation.clients import KicksClient, RuntimeClient, StoreClient
from headcount_simulation.days import draw_day
from headcount_simulation.parts import Parts
from headcount_simulation.simulating import Outcome, simulate
from headcount_simulation.table import Partition, Table, TaskRecord


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
    def record_sighting(self, service: str, sighting: Sighting) -> bool:
        record = self.partition(service).tasks.setdefault(sighting.task_id, TaskRecord())
        record.observed, record.version = sighting.observed, sighting.observed.version
        return True


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
    def commit(self, state: ServiceState, plan: Plan) -> None:
        kept = tuple(action for action in plan.actions if not isinstance(action, AdoptTask))
        super().commit(state, replace(plan, actions=kept))


class _NoReasons(RuntimeClient):
    def stop(self, cluster: str, task_id: str, reason: str) -> Sighting | None:
        del reason
        return super().stop(cluster, task_id, "")


class _GenerationUnseen(StoreClient):
    """The audit does not compare generations, nor look at overdue timers."""

    def services(self, cluster: str) -> tuple[ServiceMark, ...]:
        marks = super().services(cluster)
        return tuple(replace(mark, seen_generation=mark.generation, next_wake=None) for mark in marks)


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
    _mutation("adoption", "orphans are not taken over", Parts(table=_NoAdoption), "records match"),
    _mutation("reasons", "ECS is told no reason", Parts(runtime=_NoReasons), "reasons"),
)
