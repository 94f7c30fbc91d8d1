"""Taking stock: what each task is to the service right now, as an ordered table of rules. The first match wins."""

from collections.abc import Callable, Mapping
from enum import IntEnum, auto

from headcount.model.manifest import Deadlines
from headcount.model.service import DeclaredService, Launch, ServiceState
from headcount.model.task import ManagedTask, Task
from headcount.model.values import dataclass, replace
from headcount.planning.deadlines import start_deadline
from headcount.planning.launching import managed_by


class Standing(IntEnum):
    """What a task is to its service. (Hashing a plain Enum costs more than any rule below.)"""

    ECHO = auto()
    GONE = auto()
    STRANGER = auto()
    ORPHAN = auto()
    DYING = auto()
    LEAVING = auto()
    STANDBY = auto()
    ASKED = auto()
    STUCK = auto()
    LIVE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    launches: Mapping[str, Launch]
    deadlines: Deadlines
    standbys: frozenset[str]
    stops: frozenset[str]
    now: float

    def is_ours(self, task: Task) -> bool:
        return task.managed is not None or task.observed.launch in self.launches

    def is_overdue(self, task: Task) -> bool:
        deadline = start_deadline(task, self.deadlines)
        return deadline is not None and self.now > deadline


RULES: tuple[tuple[Standing, Callable[[Task, _View], bool]], ...] = (
    # The end of a task that nobody recorded: a late event of one that was forgotten. It was counted when it was lost.
    (
        Standing.ECHO,
        lambda task, view: (
            task.observed.last_status == "STOPPED" and not view.is_ours(task) and task.confirmed_at is None
        ),
    ),
    # ECS is done with it. Nothing revives a stopped task.
    (Standing.GONE, lambda task, _: task.observed.last_status == "STOPPED"),
    # An event speaks of a task that nobody recorded: it may be an old echo, so it counts for nothing until the audit
    # has seen it alive.
    (Standing.STRANGER, lambda task, view: not view.is_ours(task) and task.confirmed_at is None),
    # Dying counts as dead, whoever decided it: Spot, a foreign StopTask, retirement, or we ourselves.
    (Standing.DYING, lambda task, _: task.observed.desired_status == "STOPPED"),
    # We decided to stop it, but ECS has not confirmed that it was told.
    (Standing.LEAVING, lambda task, _: task.managed is not None and task.managed.stop is not None),
    # Somebody took it out for inspection, or asked for its end.
    (Standing.STANDBY, lambda task, view: task.task_id in view.standbys and task.task_id not in view.stops),
    (Standing.ASKED, lambda task, view: task.task_id in view.stops),
    # The audit has seen it alive, and no record tells how it came to be.
    (Standing.ORPHAN, lambda task, view: not view.is_ours(task)),
    (Standing.STUCK, lambda task, view: view.is_overdue(task)),
    (Standing.LIVE, lambda _task, _view: True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The tasks of a service by standing, each with its ``managed`` part filled in, and the launches in flight.

    ``present`` are those that count towards the desired count: live ones, and orphans that are not on standby.
    ``in_flight`` says for each open launch how many of its tasks nobody has heard of yet.
    """

    present: tuple[Task, ...]
    orphans: tuple[Task, ...] = ()
    strangers: tuple[Task, ...] = ()
    dying: tuple[Task, ...] = ()
    leaving: tuple[Task, ...] = ()
    standby: tuple[Task, ...] = ()
    asked: tuple[Task, ...] = ()
    stuck: tuple[Task, ...] = ()
    gone: tuple[Task, ...] = ()
    echoes: tuple[Task, ...] = ()
    launches: tuple[Launch, ...]
    in_flight: Mapping[str, int]

    @property
    def stopping(self) -> int:
        """Tasks on their way out that still take up room."""
        return len(self.dying) + len(self.leaving) + len(self.asked) + len(self.stuck)

    def in_flight_of(self, deployment: str) -> int:
        """Tasks of a deployment that were asked for and not yet heard of."""
        return sum(self.in_flight[launch.launch_id] for launch in self.launches if launch.deployment == deployment)

    @property
    def all_in_flight(self) -> int:
        """Tasks that were asked for and not yet heard of."""
        return sum(self.in_flight.values())


def take_stock(state: ServiceState, declared: DeclaredService, now: float) -> Stock:
    """Sort the tasks of a service by what they are to it. One look at each task."""
    launches = {launch.launch_id: launch for launch in state.launches}
    deleting = declared.deleting_at is not None  # then no task is set aside, and all are stopped anyway
    view = _View(
        launches=launches,
        deadlines=declared.manifest.deadlines,
        standbys=frozenset() if deleting else frozenset(one.task for one in state.operator.standbys),
        stops=frozenset() if deleting else frozenset(one.task for one in state.operator.stops),
        now=now,
    )
    unheard = {launch.launch_id: launch.count for launch in state.launches}
    live: list[Task] = []
    piles: dict[Standing, list[Task]] = {}
    for task in state.tasks:
        if task.observed.launch in unheard:
            unheard[task.observed.launch] -= 1
        if _is_plainly_live(task, view):
            live.append(task)
            continue
        standing = Standing.GONE if _is_plainly_gone(task) else _standing(task, view)
        pile = live if standing is Standing.LIVE else piles.setdefault(standing, [])
        pile.append(_managed(task, launches, declared))
    in_flight = {launch_id: max(0, count) for launch_id, count in unheard.items()}
    if not piles:  # most services, at most looks
        return Stock(present=tuple(live), launches=state.launches, in_flight=in_flight)
    aside, orphans = piles.get(Standing.STANDBY, ()), piles.get(Standing.ORPHAN, ())
    unrecorded = {task.task_id for task in state.tasks if not view.is_ours(task)} if aside else set()
    return Stock(
        present=(*live, *orphans),
        orphans=(*orphans, *(task for task in aside if task.task_id in unrecorded)),
        strangers=tuple(piles.get(Standing.STRANGER, ())),
        dying=tuple(piles.get(Standing.DYING, ())),
        leaving=tuple(piles.get(Standing.LEAVING, ())),
        standby=tuple(aside),
        asked=tuple(piles.get(Standing.ASKED, ())),
        stuck=tuple(piles.get(Standing.STUCK, ())),
        gone=tuple(piles.get(Standing.GONE, ())),
        echoes=tuple(piles.get(Standing.ECHO, ())),
        launches=state.launches,
        in_flight=in_flight,
    )


def _standing(task: Task, view: _View) -> Standing:
    return next(standing for standing, matches in RULES if matches(task, view))


def _is_plainly_gone(task: Task) -> bool:
    """What becomes of most tasks that are not live. The table of rules says the same of them."""
    return task.observed.last_status == "STOPPED" and task.managed is not None


def _is_plainly_live(task: Task, view: _View) -> bool:
    """What most tasks are at every look. The table of rules says the same of them, more slowly."""
    observed, managed = task.observed, task.managed
    return (
        observed.last_status == "RUNNING"
        and observed.desired_status == "RUNNING"
        and managed is not None
        and managed.stop is None
        and task.task_id not in view.standbys
        and task.task_id not in view.stops
    )


def _managed(task: Task, launches: Mapping[str, Launch], declared: DeclaredService) -> Task:
    """The task with its deployment: recorded, or that of the launch it names, or the one it looks like."""
    if task.managed is not None:
        return task
    launch = launches.get(task.observed.launch)
    if launch is not None:
        managed = managed_by(launch)
    else:
        same = task.observed.task_definition_arn == declared.task_definition_arn
        managed = ManagedTask(
            deployment=declared.deployment if same else "unknown", launched_at=task.observed.created_at or 0.0
        )
    return replace(task, managed=managed)


def deployment_of(task: Task) -> str:
    """The deployment a task in stock belongs to."""
    return task.managed.deployment if task.managed else "unknown"
