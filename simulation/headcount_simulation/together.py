"""Models of use behind a target group: many tasks that start together, or are lost together, and ELB's limits.

The *least* number of changes is one call for a hundred targets: ``RegisterTargets`` for those that start, and as many
``DeregisterTargets`` for those that were lost. The *lower bound* in time is what no scheduler can beat: each task
starts as early as Fargate lets it, is registered at once, and takes to start and to pass its first health check what
was drawn.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Final

from headcount.model.values import dataclass, replace
from headcount_simulation.characters import CLUSTER
from headcount_simulation.days import Day
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.elb import CHANGES, Elb, TargetGroup
from headcount_simulation.invariants import Violation
from headcount_simulation.losses import ECS_CALLS, a_calm_day, a_service
from headcount_simulation.parts import REAL, Parts
from headcount_simulation.rates import FARGATE_TASKS_A_SECOND, FARGATE_TASKS_AT_ONCE
from headcount_simulation.simulating import has_converged, schedule
from headcount_simulation.traffic import Traffic
from headcount_simulation.world import World

SERVICE: Final = f"{CLUSTER}/web"
TARGETS_A_CALL: Final = 100
CREATED_AT: Final = 1.0
LOST_AT: Final = 2 * 3600.0
WATCHED_SECONDS: Final = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rush:
    """Tasks of one service that start together; ``lost``: once they have long run, they are all lost together."""

    name: str
    tasks: int
    lost: bool = False
    traffic: Traffic = field(default_factory=lambda: Traffic(delay=30, interval=10))
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How it went. Seconds from the beginning until all tasks were healthy in the target group; None: not in time.

    ``calls`` by function and operation until then.
    """

    rush: Rush
    seconds: float | None
    bound: float
    least: int
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    violated: str = ""

    @property
    def changes(self) -> int:
        """``RegisterTargets`` and ``DeregisterTargets``."""
        return self._count(CHANGES)

    @property
    def looks(self) -> int:
        """``DescribeTargetHealth``, that of audits apart."""
        return self._count(("DescribeTargetHealth",))

    @property
    def ecs_calls(self) -> int:
        """Calls of ECS, those of audits apart."""
        return self._count(ECS_CALLS)

    @property
    def over_bound(self) -> float:
        """Times the lower bound."""
        return (self.seconds or float("inf")) / self.bound

    def _count(self, operations: Iterable[str]) -> int:
        return sum(
            count for (function, name), count in self.calls.items() if name in operations and function != "audit"
        )


STARTING: Final = Rush(name="500 tasks start together", tasks=500)
LOSING: Final = Rush(name="1,000 of 1,000 tasks lost", tasks=1000, lost=True)


def go_through(rush: Rush, parts: Parts = REAL) -> Rotation:
    """Let it happen, and watch."""
    begins = LOST_AT if rush.lost else CREATED_AT
    world = World(_day(rush, begins + WATCHED_SECONDS), parts)
    found = Rotation(rush=rush, seconds=None, bound=1.0, least=_least(rush))
    try:
        schedule(world)
        world.run(begins)
        if rush.lost:
            _lose_all(world)
        found = _watch(world, rush, begins)
        world.run(begins + WATCHED_SECONDS)
        has_converged(world, world.state(SERVICE))
    except Violation as violation:
        found = replace(found, violated=str(violation))
    finally:
        world.close()
    return found


def _day(rush: Rush, seconds: float) -> Day:
    day = a_calm_day({SERVICE: rush.tasks}, rush.seed, seconds)
    return replace(day, characters=(replace(a_service(SERVICE, rush.tasks), traffic=rush.traffic),))


def _lose_all(world: World) -> None:
    world.stirred = True
    has_converged(world, world.state(SERVICE))
    world.calls.ledger.clear()
    for task in world.ecs.of(SERVICE):
        world.ecs.end(task, "EssentialContainerExited", "the host was lost", exit_code=137)


def _watch(world: World, rush: Rush, begins: float) -> Rotation:
    """Until all are healthy, looked at every quarter of a second."""
    found = Rotation(rush=rush, seconds=None, bound=1.0, least=_least(rush))
    for quarter in range(1, int(WATCHED_SECONDS) * 4 + 1):
        second = quarter / 4
        world.run(begins + second)
        if all(_is_whole(group, rush.tasks) for group in world.groups(SERVICE)[: rush.traffic.groups]):
            calls = Counter(world.calls.ledger.calls)
            return replace(found, seconds=second, bound=_bound(world, begins), calls=calls)
    return replace(found, calls=Counter(world.calls.ledger.calls))


def _is_whole(group: TargetGroup, tasks: int) -> bool:
    living = [target for target in group.targets.values() if target.task is not None and target.task.answers]
    return sum(target.state == "healthy" for target in living) >= tasks


def _bound(world: World, begins: float) -> float:
    """Seconds until the last of the tasks that run now could have been healthy, had each been registered at once."""
    began = world.scheduler.now - world.second + begins
    tasks = [task for task in world.ecs.of(SERVICE) if task.answers]
    order = sorted(tasks, key=lambda task: task.observed.created_at or 0.0)
    ready: list[float] = []
    for number, task in enumerate(order, start=1):
        earliest = max(0.0, number - FARGATE_TASKS_AT_ONCE) / FARGATE_TASKS_A_SECOND
        start = (task.observed.started_at or began) - (task.observed.created_at or began)
        checks = _first_checks(world.elb, task)
        ready.append(earliest + start + checks)
    return max(ready, default=0.0)


def _first_checks(elb: Elb, task: EcsTask) -> float:
    targets = [target for target in elb.targets(task) if target is not None]
    return max(((target.healthy_at or 0.0) - target.registered_at for target in targets), default=0.0)


def _least(rush: Rush) -> int:
    calls = -(-rush.tasks // TARGETS_A_CALL) * rush.traffic.groups
    return 2 * calls if rush.lost else calls
