"""Keeps the alarms and schedules of one service as its scaling needs them, and who is woken by the user's alarms.

Names are on record before anything of them exists, so that nothing is ever forgotten. What cannot be done now is a
problem, and no reason not to decide.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from headcount.errors import Conflict, TransientError
from headcount.model.scaling_record import ScalingRecord
from headcount.model.scaling_resources import FoundAlarm, ScalingAlarm, WantedSchedule
from headcount.model.values import dataclass, replace
from headcount.ports import Clock
from headcount.ports.scaling import Alarms, ScalingRecords, ScalingStore, ScalingWrite, Schedules
from headcount.scaling.own_alarms import is_as_wanted, is_ours

COMPARED_EVERY_SECONDS = 3600.0
TROUBLED_SECONDS = 300.0  # while AWS refuses something
UNFINISHED_SECONDS = 60.0  # while AWS asks for patience
RESERVE_SECONDS = 15.0  # nothing new is made with less: the decision comes after


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What there should be; nothing, once nothing is declared any more. ``watched``: names of the user's alarms."""

    alarms: tuple[ScalingAlarm, ...] = ()
    schedules: tuple[WantedSchedule, ...] = ()
    watched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What came of it: the records with what there is now, and what was done, a sentence each. ``compared``: it was
    looked what there is.
    """

    records: ScalingRecords
    done: tuple[str, ...] = ()
    compared: bool = False

    def after(self, done: tuple[str, ...]) -> "Kept":
        """The same, when that much had been done before."""
        return replace(self, done=tuple(dict.fromkeys((*done, *self.done))))

    @contextmanager
    def unless_overtaken(self) -> Iterator[None]:
        """Write down what came of it: a ``Conflict`` is ``Overtaken`` if there is something that may be left."""
        try:
            yield
        except Conflict as conflict:
            if not self.compared:
                raise
            raise Overtaken(self.records.scaling, self.done) from conflict


class Overtaken(Conflict):
    """Somebody else wrote the record after this look had begun to make things, and may not know of them.

    ``left``: the record with the names of all that there may be. ``done``: what was done, and stands in no history yet.
    """

    def __init__(self, left: ScalingRecord, done: tuple[str, ...]) -> None:
        super().__init__("the record changed while alarms and schedules were kept")
        self.left = left
        self.done = done


@dataclasses.dataclass(slots=True)
class _Work:
    """What was done, what AWS refused, and whether it asked for patience."""

    remaining: Callable[[], float]
    done: list[str] = dataclasses.field(default_factory=list)
    refused: list[str] = dataclasses.field(default_factory=list)
    unfinished: bool = False

    def make(self, what: str, verb: str, call: Callable[[], str | None]) -> bool:
        """Make one call; whether it was made and not refused."""
        if self.remaining() < RESERVE_SECONDS:
            return self._not_yet(f"{what} is not {verb} yet: no time is left")
        try:
            refusal = call()
        except TransientError as error:
            return self._not_yet(f"{what} is not {verb} yet: {error}")
        if refusal is not None:
            self.refused.append(f"{what} is not {verb}: AWS refuses: {refusal}")
        return refusal is None

    def _not_yet(self, problem: str) -> bool:
        self.unfinished = True
        self.refused.append(problem)
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmKeeper:
    """Keeps for one service at a time."""

    alarms: Alarms
    schedules: Schedules
    store: ScalingStore
    clock: Clock

    def keep(self, records: ScalingRecords, wanted: Wanted, remaining: Callable[[], float]) -> Kept:
        """Make what is missing, correct what differs, delete what nobody wants any more. ``Conflict`` as in writing."""
        service, before = records.declared.manifest.service, records.scaling
        records = self._recorded(records, wanted)
        work = _Work(remaining=remaining)
        alarms, schedules, watched = self._keep_all(service, wanted, records.scaling, before.schedules, work)
        wait = TROUBLED_SECONDS if work.refused else COMPARED_EVERY_SECONDS
        kept = replace(
            records.scaling,
            alarms=alarms,
            schedules=schedules,
            watched=watched,
            unkept=tuple(work.refused),
            keep_at=self.clock() + (UNFINISHED_SECONDS if work.unfinished else wait),
        )
        return Kept(records=replace(records, scaling=kept), done=tuple(work.done), compared=True)

    def forget(self, service: str, left: ScalingRecord, remaining: Callable[[], float]) -> None:
        """Delete what is left of a service that has no records any more. ``TransientError`` names what stays."""
        work = _Work(remaining=remaining)
        self._keep_all(service, Wanted(), left, (), work)
        if work.refused:
            raise TransientError(f"{service} is gone, but not all of its scaling: {'; '.join(work.refused)}")

    def _keep_all(
        self, service: str, wanted: Wanted, known: ScalingRecord, before: tuple[str, ...], work: _Work
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The names of alarms, schedules and watched alarms that there are, or may be."""
        return (
            self._keep_alarms(service, wanted.alarms, known.alarms, work),
            self._keep_schedules(wanted.schedules, known.schedules, before, work),
            self._keep_watching(service, wanted.watched, known.watched, work),
        )

    def _recorded(self, records: ScalingRecords, wanted: Wanted) -> ScalingRecords:
        """Write down what is about to be made."""
        record = records.scaling
        coming = replace(
            record,
            alarms=_with(record.alarms, (one.name for one in wanted.alarms)),
            schedules=_with(record.schedules, (one.name for one in wanted.schedules)),
            watched=_with(record.watched, wanted.watched),
            removed=False,
        )
        return records if coming == record else self.store.write(records, ScalingWrite(scaling=coming), self.clock())

    def _keep_alarms(
        self, service: str, wanted: Iterable[ScalingAlarm], known: tuple[str, ...], work: _Work
    ) -> tuple[str, ...]:
        """The names of the alarms that there are, or may be."""
        found: Mapping[str, FoundAlarm] = {}

        def look() -> None:
            nonlocal found
            found = self.alarms.describe(known)

        if not known or not work.make("the state of its alarms", "known", look):
            return known
        names = [one.name for one in wanted]
        for one in wanted:
            self._keep_alarm(service, one, found.get(one.name), work)
        gone = [name for name in known if name not in names]
        ours = [name for name in gone if name in found and is_ours(found[name], service)]
        if ours and not work.make(f"alarm {', '.join(ours)}", "deleted", lambda: self.alarms.delete(ours)):
            return (*names, *ours)
        work.done.extend(f"deleted alarm {name}: nothing needs it any more" for name in ours)
        return tuple(names)

    def _keep_alarm(self, service: str, wanted: ScalingAlarm, found: FoundAlarm | None, work: _Work) -> None:
        what = f"alarm {wanted.name}"
        if found is not None and not is_ours(found, service):
            work.refused.append(f"{what} exists and is not Headcount's for this service: delete it")
        elif found is None or not is_as_wanted(wanted, found):
            verb = "created" if found is None else "corrected"
            if work.make(what, verb, lambda: self.alarms.put(wanted)):
                work.done.append(f"{verb} {what}")

    def _keep_schedules(
        self, wanted: Iterable[WantedSchedule], known: tuple[str, ...], before: tuple[str, ...], work: _Work
    ) -> tuple[str, ...]:
        """The names of the schedules that there are, or may be."""
        by_name = {one.name: one for one in wanted}
        for name, one in by_name.items():
            put = self._putting(one)
            if work.make(f"the schedule of {one.action}", "set", put) and name not in before:
                work.done.append(f"created the schedule of {one.action}: {one.expression}")
        gone = [name for name in known if name not in by_name]
        left = [name for name in gone if not work.make(f"schedule {name}", "deleted", self._deleting(name))]
        return (*by_name, *left)

    def _putting(self, schedule: WantedSchedule) -> Callable[[], str | None]:
        return lambda: self.schedules.put(schedule)

    def _deleting(self, name: str) -> Callable[[], str | None]:
        return lambda: self.schedules.delete(name)

    def _keep_watching(
        self, service: str, wanted: tuple[str, ...], known: tuple[str, ...], work: _Work
    ) -> tuple[str, ...]:
        """The user's alarms that wake the service."""
        if not known:
            return ()
        told = work.make("who is woken by its alarms", "set", lambda: self.store.watch(service, wanted, known))
        return wanted if told else known


def with_leftovers(records: ScalingRecords, left: ScalingRecord | None) -> ScalingRecords:
    """The records as they are, and what a look that was overtaken has left besides: all of it is to be compared."""
    if left is None:
        return records
    record = records.scaling
    known = replace(
        record,
        alarms=_with(record.alarms, left.alarms),
        schedules=_with(record.schedules, left.schedules),
        watched=_with(record.watched, left.watched),
        keep_at=0.0,
        removed=False,
    )
    return replace(records, scaling=known)


def _with(known: tuple[str, ...], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *names)))
