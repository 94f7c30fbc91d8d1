"""gather -> decide -> apply, for the count of one service.

Level-triggered: whatever woke it (an alarm, a schedule, a timer, a pass that saw a new declaration), it reads what is
on record and what is measured now, and decides. Killed between any two calls, the next look finds everything again.
"""

from collections.abc import Callable, Sequence

from headcount.errors import Conflict, HeadcountError, TransientError
from headcount.keeping_alarms import AlarmKeeper, Kept, Overtaken, Wanted, with_leftovers
from headcount.messages import AlarmChanged, ScalingRequest
from headcount.model.fingerprints import scaling_fingerprint
from headcount.model.manifest_scaling_values import declared_scaling
from headcount.model.scaling import Scaling
from headcount.model.scaling_record import ScalingRecord, UnsetCount
from headcount.model.service import Capacity
from headcount.model.values import dataclass, replace
from headcount.ports import Clock, Kicks, Spread
from headcount.ports.scaling import (
    Alarms,
    Metrics,
    NativeServices,
    Queues,
    ScalingLog,
    ScalingLooked,
    ScalingRecords,
    ScalingStore,
    ScalingTimers,
    ScalingWrite,
    Schedules,
    UserFunctions,
)
from headcount.reading_metrics import Asked, MetricReader
from headcount.scaled_services import NativeSetter, ScaledService, ServiceReader
from headcount.scaling.decide import bounds_in_force, decide_scaling
from headcount.scaling.outcome import Outcome, look_again, outcome_of
from headcount.scaling.own_alarms import wanted_alarms
from headcount.scaling.own_schedules import known_actions, wanted_schedules
from headcount.scaling.readings import problems_of, user_alarms
from headcount.scaling.setting_bounds import Moved, set_bounds
from headcount.scaling.telling import count_reason, history_of, holding, new_problems

RESERVE_SECONDS = 5.0  # no look is begun with less
TRIES = 3  # looks that begin anew because somebody changed the records meanwhile

Remaining = Callable[[], float]
"""Seconds that the invocation may still take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingDecider:
    """What ``decide_scaling`` does for whatever wakes it."""

    store: ScalingStore
    metrics: Metrics
    alarms: Alarms
    schedules: Schedules
    functions: UserFunctions
    queues: Queues
    native: NativeServices
    kicks: Kicks
    timers: ScalingTimers
    log: ScalingLog
    clock: Clock
    spread: Spread
    install: str

    def decide(self, woken: ScalingRequest | AlarmChanged, remaining: Remaining) -> None:
        """Look at every service that is meant, each whatever becomes of the others."""
        services: Sequence[str]
        if isinstance(woken, ScalingRequest):
            services, cause = (woken.service,), woken.cause or f"scheduled action {woken.action}"
        else:
            services = self.store.watchers(woken.alarm) if woken.service is None else (woken.service,)
            cause = f"alarm {woken.alarm} is {woken.state}"
        failures: list[HeadcountError] = []
        for service in self._in_turn(services):
            try:
                if remaining() < RESERVE_SECONDS:
                    failures.append(TransientError(f"no time is left to look at {service}"))
                    break
                self._look(service, cause, remaining, told=isinstance(woken, AlarmChanged) and woken.state == "ALARM")
            except HeadcountError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _in_turn(self, services: Sequence[str]) -> Sequence[str]:
        """Not always the same first, so that whoever follows an alarm of many is come to when Lambda repeats it."""
        first = int(self.clock()) % max(1, len(services))
        return (*services[first:], *services[:first])

    def _look(self, service: str, cause: str, remaining: Remaining, *, told: bool) -> None:
        left: ScalingRecord | None = None
        done: tuple[str, ...] = ()
        for _ in range(TRIES):
            records = self.store.read(service)
            if records is None:
                if left is not None:
                    self._keeper.forget(service, left, remaining)
                return
            try:
                looked = self._looked(with_leftovers(records, left), done, remaining, told=told)
            except Overtaken as overtaken:
                left, done = overtaken.left, overtaken.done
                continue
            except Conflict:
                continue
            self.log.looked(replace(looked, cause=cause))
            return
        raise TransientError("; ".join((f"the records of {service} changed during every look", *done)))

    def _looked(
        self, records: ScalingRecords, done: tuple[str, ...], remaining: Remaining, *, told: bool
    ) -> ScalingLooked:
        """``done``: by looks before this one that came to nothing else, to be told with what this one does."""
        declared, now = records.declared, self.clock()
        scaling = None if declared.deleting_at is not None else declared_scaling(declared.manifest)
        if scaling is None:
            return self._remove(records, done, remaining)
        service = ServiceReader(native=self.native).read(records, now)
        kept = self._keep(records, scaling, service, now, remaining).after(done)
        record = replace(
            kept.records.scaling,
            declared=scaling_fingerprint(declared),
            held=service.held,
            problems=(*kept.records.scaling.unkept, *service.problems),
            unset=None,
            looked_at=now,
        )
        moved = set_bounds(scaling, record, service.present.desired, now, stays=bool(service.stays))
        outcome = self._ask_policies(scaling, service, moved, now, remaining)
        after = look_again(outcome, scaling, now, told=told, stays_until=service.stays_until(now))
        with kept.unless_overtaken():
            return self._apply(kept, replace(outcome, record=after), service)

    # -- alarms and schedules -----------------------------------------------------------------------------------------

    def _keep(
        self, records: ScalingRecords, scaling: Scaling, service: ScaledService, now: float, remaining: Remaining
    ) -> Kept:
        """When the declaration is new, and every so often."""
        record, key = records.scaling, service.key
        if record.declared == scaling_fingerprint(records.declared) and now < record.keep_at:
            return Kept(records=records)
        actions = known_actions(scaling.scheduled_actions, record.actions, now)
        wanted = Wanted(
            alarms=wanted_alarms(scaling, key, self.install, service.measured),
            schedules=wanted_schedules(scaling.scheduled_actions, actions, key, now),
            watched=user_alarms(scaling.policies),
        )
        return self._keeper.keep(records, wanted, remaining)

    def _remove(self, records: ScalingRecords, done: tuple[str, ...], remaining: Remaining) -> ScalingLooked:
        """Nothing is declared, or nothing will be: what was made goes, and a pass is told when it is gone; again, if
        somebody asks again, for who told it first may have died before it did.
        """
        service, before = records.declared.manifest.service, records.scaling
        if records.revision is None and not before.names:
            return ScalingLooked(service=service)
        if before.removed:
            return self._tell_removed(records, done)
        kept = self._keeper.keep(records, Wanted(), remaining).after(done)
        left, now = kept.records.scaling, self.clock()
        is_gone = not (left.alarms or left.schedules or left.watched)
        after = replace(left, declared="", problems=left.unkept, looked_at=now, next_look_at=left.keep_at)
        if is_gone:
            after = ScalingRecord(looked_at=now, removed=True)
        news = tuple(history_of((), None, new_problems(after.problems, before.problems), kept.done))
        with kept.unless_overtaken():
            self.store.write(kept.records, ScalingWrite(scaling=after, history=news), now)
        if after.next_look_at is not None:
            self.timers.wake(service, after.next_look_at, now)
        if is_gone:
            return self._tell_removed(records, kept.done)
        return ScalingLooked(service=service, kept=kept.done, problems=after.problems, next_look_at=after.next_look_at)

    def _tell_removed(self, records: ScalingRecords, done: tuple[str, ...]) -> ScalingLooked:
        service = records.declared.manifest.service
        self.kicks.kick(service, None, "scaling is removed")
        return ScalingLooked(service=service, kept=done, removed=True, kicked=True)

    @property
    def _keeper(self) -> AlarmKeeper:
        return AlarmKeeper(alarms=self.alarms, schedules=self.schedules, store=self.store, clock=self.clock)

    # -- the policies -------------------------------------------------------------------------------------------------

    def _ask_policies(
        self, scaling: Scaling, service: ScaledService, moved: Moved, now: float, remaining: Remaining
    ) -> Outcome:
        """What they come to, unless the count must stay."""
        if service.stays:
            return outcome_of(moved, None, now)
        present = replace(service.present, desired=moved.count)
        asked = Asked(
            service=service.key,
            scaling=scaling,
            measured=service.measured,
            target=bounds_in_force(scaling.target, moved.record.state),
            present=present,
            now=now,
        )
        read = self._reader.read(asked, remaining)
        decision = decide_scaling(scaling, moved.record.state, read.readings, present, now)
        problems = (
            *moved.record.problems,
            *(() if isinstance(read.alarms, str) else problems_of(scaling.policies, read.alarms)),
            *holding(scaling.policies, read.readings, decision.asked),
        )
        return outcome_of(replace(moved, record=replace(moved.record, problems=problems)), decision, now)

    @property
    def _reader(self) -> MetricReader:
        return MetricReader(
            metrics=self.metrics,
            alarms=self.alarms,
            queues=self.queues,
            functions=self.functions,
            spread=self.spread,
        )

    # -- apply --------------------------------------------------------------------------------------------------------

    def _apply(self, kept: Kept, outcome: Outcome, service: ScaledService) -> ScalingLooked:
        """Record all of it at once; then have it carried out, and ask to be woken."""
        now, record, before = self.clock(), outcome.record, service.record
        changed = outcome.count != service.present.desired
        if changed and service.is_native:
            record = replace(record, unset=UnsetCount(before=service.present.desired, count=outcome.count))
        news = history_of(outcome.moves, outcome.policies, new_problems(record.problems, before.problems), kept.done)
        capacity = _capacity(kept.records, outcome, now) if changed and not service.is_native else None
        write = ScalingWrite(scaling=record, capacity=capacity, history=tuple(news))
        records = self.store.write(kept.records, write, now)
        if record.next_look_at is not None and record.next_look_at != before.next_look_at:
            self.timers.wake(service.key, record.next_look_at, now)
        if record.unset is not None:
            setter = NativeSetter(native=self.native, store=self.store, clock=self.clock)
            records = setter.set(records, record.unset.count)
        kicked = service.concerns_passes(records)
        if kicked:
            self.kicks.kick(service.key, None, "scaling")
        return ScalingLooked(
            service=service.key,
            decisions=outcome.decisions,
            held=service.stays,
            kept=kept.done,
            problems=records.scaling.problems,
            next_look_at=record.next_look_at,
            kicked=kicked,
        )


def _capacity(records: ScalingRecords, outcome: Outcome, now: float) -> Capacity:
    reason = count_reason(outcome.changes)
    return replace(records.capacity, desired_count=outcome.count, reason=reason, changed_at=now)
