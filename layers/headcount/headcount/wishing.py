"""What operators wish of a service and of a cluster, changed: from the wishes on record to those to record."""

from collections.abc import Collection, Iterable, Sequence

from headcount.model.service import (
    ClusterWishes,
    Cordon,
    OperatorWishes,
    Override,
    Pause,
    Protection,
    Standby,
    StopWish,
)
from headcount.model.task import Task
from headcount.model.values import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who wishes, when (epoch seconds) and why."""

    at: float
    by: str = ""
    reason: str = ""


# -- wishes that are over ---------------------------------------------------------------------------------------------


def in_force(wishes: OperatorWishes, tasks: Iterable[Task], now: float) -> OperatorWishes:
    """The wishes without those that are past their time or of tasks that are gone."""
    there = {task.task_id for task in tasks if task.observed.last_status != "STOPPED"}
    return OperatorWishes(
        protections=tuple(one for one in wishes.protections if one.until > now and one.task in there),
        standbys=tuple(one for one in wishes.standbys if one.task in there),
        stops=tuple(one for one in wishes.stops if one.task in there),
        pause=pause_in_force(wishes, now),
        override=override_in_force(wishes, now),
    )


def pause_in_force(wishes: OperatorWishes, now: float) -> Pause | None:
    """The pause, unless it is over."""
    pause = wishes.pause
    return pause if pause is not None and (pause.until is None or pause.until > now) else None


def effect_of(pause: Pause, *, native: bool) -> str:
    """What a pause does to a service; the tasks of a native one are ECS's to start and stop."""
    if native:
        return "nothing scales it"
    return "no task runs" if pause.mode == "stop" else "nothing is started or stopped"


def override_in_force(wishes: OperatorWishes, now: float) -> Override | None:
    """The override, unless it is over."""
    override = wishes.override
    return override if override is not None and override.until > now else None


def cordons_in_force(cordons: Iterable[Cordon], now: float) -> tuple[Cordon, ...]:
    """The cordons that are not over, by zone."""
    holding = (one for one in cordons if one.until is None or one.until > now)
    return tuple(sorted(holding, key=lambda one: one.zone))


# -- of a service -----------------------------------------------------------------------------------------------------


def with_protection(wishes: OperatorWishes, tasks: Sequence[str], until: float, by: str) -> OperatorWishes:
    """Tasks that are left alone until then."""
    new = (Protection(task=task, until=until, by=by) for task in tasks)
    return replace(wishes, protections=(*without_protection(wishes, tasks).protections, *new))


def without_protection(wishes: OperatorWishes, tasks: Collection[str]) -> OperatorWishes:
    """Tasks that may be chosen again."""
    return replace(wishes, protections=tuple(one for one in wishes.protections if one.task not in tasks))


def with_pause(wishes: OperatorWishes, pause: Pause, now: float) -> OperatorWishes:
    """Paused so. A pause of the same mode that holds already keeps its beginning."""
    before = pause_in_force(wishes, now)
    same = before is not None and before.mode == pause.mode
    return replace(wishes, pause=replace(pause, at=before.at) if before and same else pause)


def without_pause(wishes: OperatorWishes) -> OperatorWishes:
    """Not paused."""
    return replace(wishes, pause=None)


def with_override(wishes: OperatorWishes, override: Override, now: float) -> OperatorWishes:
    """Another count for a while. An override by the same count that holds already keeps its beginning."""
    before = override_in_force(wishes, now)
    same = before is not None and before.count == override.count
    return replace(wishes, override=replace(override, at=before.at) if before and same else override)


def without_override(wishes: OperatorWishes) -> OperatorWishes:
    """The desired count holds again."""
    return replace(wishes, override=None)


def with_standby(wishes: OperatorWishes, tasks: Iterable[str], asker: Asker) -> OperatorWishes:
    """Tasks set aside. Those that are on standby already stay so, since they were."""
    known = {one.task for one in wishes.standbys}
    new = (
        Standby(task=task, at=asker.at, by=asker.by, reason=asker.reason)
        for task in dict.fromkeys(tasks)
        if task not in known
    )
    return replace(wishes, standbys=(*wishes.standbys, *new))


def without_standby(wishes: OperatorWishes, tasks: Collection[str]) -> OperatorWishes:
    """Tasks back in the count."""
    return replace(wishes, standbys=tuple(one for one in wishes.standbys if one.task not in tasks))


def with_stops(wishes: OperatorWishes, tasks: Sequence[str], asker: Asker) -> OperatorWishes:
    """Tasks to be stopped; who is to be stopped is set aside no longer."""
    known = {one.task for one in wishes.stops}
    new = (
        StopWish(task=task, at=asker.at, by=asker.by, reason=asker.reason)
        for task in dict.fromkeys(tasks)
        if task not in known
    )
    return replace(without_standby(wishes, tasks), stops=(*wishes.stops, *new))


# -- of a cluster -----------------------------------------------------------------------------------------------------


def with_cordon(wishes: ClusterWishes, cordon: Cordon, now: float) -> ClusterWishes:
    """A zone in which nothing is started. One that is cordoned already stays so since it was."""
    holding = cordons_in_force(wishes.cordons, now)
    before = next((one for one in holding if one.zone == cordon.zone), None)
    others = tuple(one for one in holding if one.zone != cordon.zone)
    return ClusterWishes(cordons=(*others, replace(cordon, at=before.at) if before else cordon))


def without_cordon(wishes: ClusterWishes, zone: str, now: float) -> ClusterWishes:
    """A zone in which tasks may be started again."""
    return ClusterWishes(cordons=tuple(one for one in cordons_in_force(wishes.cordons, now) if one.zone != zone))
