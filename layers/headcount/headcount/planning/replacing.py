"""Tasks that live and should be replaced all the same: what AWS announced, sickness, age, a zone that is evacuated.

Such tasks are treated as those of an old deployment are: the replacement starts first where maximum percent allows.
"""

import zlib
from collections.abc import Callable, Iterable

from headcount.model.service import Cordon, DeclaredService
from headcount.model.task import Task, zone_of
from headcount.model.values import dataclass
from headcount.planning.sickness import NOBODY, Sick
from headcount.planning.words import clock_time

# What protection cannot hold off: the place under the task goes away whatever we decide.
_UNSTOPPABLE = frozenset({"SPOT", "GONE", "RETIREMENT", "DISCONNECTED"})

REPLACED_BEFORE_SECONDS = 6 * 3600.0  # a retirement is days away: until so long before it, a protected task may finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Why a task is to be replaced. ``unstoppable``: protection does not keep it, now or from ``unstoppable_at`` on.

    ``can_wait``: where it has to stop first, it stays while no place takes its replacement.
    """

    reason: str
    unstoppable: bool = False
    unstoppable_at: float | None = None
    can_wait: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """The tasks to be replaced by id, and when waiting alone makes it more."""

    moves: dict[str, Move]
    wakes: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    declared: DeclaredService
    evacuated: dict[str, Cordon]
    sick: Sick
    now: float


def find_moves(
    tasks: Iterable[Task], declared: DeclaredService, cordons: Iterable[Cordon], now: float, sick: Sick = NOBODY
) -> Moves:
    """Look at each task once; the first rule that speaks decides."""
    evacuated = {one.zone: one for one in cordons if one.evacuate and (one.until is None or one.until > now)}
    view = _View(declared=declared, evacuated=evacuated, sick=sick, now=now)
    moves: dict[str, Move] = {}
    wakes: list[float] = list(sick.wakes)
    rules = [rule for rule, applies in RULES if applies(view)]
    for task in tasks:
        if task.notice is None and not rules:
            continue  # most tasks, at every look
        for rule in (announced, *rules):
            said = rule(task, view)
            if isinstance(said, Move):
                moves[task.task_id] = said
                break
            if said is not None:
                wakes.append(said)
    return Moves(moves=moves, wakes=tuple(wakes))


def announced(task: Task, view: _View) -> Move | float | None:
    """AWS announced that the place of the task goes away, or has lost sight of it."""
    notice = task.notice
    if notice is None:
        return None
    if notice.kind == "DISCONNECTED":
        due = notice.at + view.declared.manifest.deadlines.disconnected_seconds
        if view.now < due:
            return due
    ends = f"; AWS ends it at {clock_time(notice.deadline)}" if notice.deadline is not None else ""
    at = notice.deadline - REPLACED_BEFORE_SECONDS if notice.kind == "RETIREMENT" and notice.deadline else None
    in_time = at is not None and view.now < at
    unstoppable = notice.kind in _UNSTOPPABLE and not in_time
    return Move(
        reason=notice.reason + ends,
        unstoppable=unstoppable,
        unstoppable_at=at if in_time else None,
        can_wait=not unstoppable,
    )


def unhealthy(task: Task, view: _View) -> Move | None:
    """It is unhealthy, and its turn has come. Protection is for scale-in and deployments (ECS), not for the sick."""
    reason = view.sick.to_replace.get(task.task_id)
    return None if reason is None else Move(reason=reason, unstoppable=True)


def in_evacuated_zone(task: Task, view: _View) -> Move | None:
    """Its zone is cordoned, and to be evacuated."""
    cordon = view.evacuated.get(zone_of(task))
    if cordon is None:
        return None
    by = f" by {cordon.by}" if cordon.by else ""
    why = f": {cordon.reason}" if cordon.reason else ""
    return Move(reason=f"{cordon.zone} is evacuated{by}{why}")


def too_old(task: Task, view: _View) -> Move | float | None:
    """It has run as long as the manifest allows. Each task draws its age from its id: they do not all go at once."""
    limit, started = view.declared.manifest.maximum_age, task.observed.started_at
    if limit is None or started is None:
        return None
    drawn = zlib.crc32(task.task_id.encode()) / 2**32
    due = started + limit.seconds * (1.0 - drawn * limit.jitter_percent / 100.0)
    if view.now < due:
        return due
    return Move(reason=f"it has run since {clock_time(started)}, as long as maximumAge allows")


# What a notice does not speak of, and whether the rule speaks of any task of this service.
RULES: tuple[tuple[Callable[[Task, _View], Move | float | None], Callable[[_View], bool]], ...] = (
    (unhealthy, lambda view: bool(view.sick.to_replace)),
    (in_evacuated_zone, lambda view: bool(view.evacuated)),
    (too_old, lambda view: view.declared.manifest.maximum_age is not None),
)
