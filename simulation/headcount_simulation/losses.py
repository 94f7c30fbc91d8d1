"""Models of use in which many tasks are lost at once: how long until all are healthy again, and with how many calls.

The *lower bound* is what no scheduler can beat: Fargate starts 100 tasks of an account at once and 20 a second from
then on (ECS developer guide, "AWS Fargate throttling quotas"), and each task takes to become healthy what was drawn.
The *least* number of calls is one ``RunTask`` for ten tasks of one service.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from random import Random
from typing import Final

from headcount.model.values import dataclass, replace
from headcount.planning.health import SETTLING_SECONDS
from headcount_simulation.accounting import Ledger
from headcount_simulation.characters import ZONES, Character
from headcount_simulation.days import Day, Happening
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.invariants import Violation
from headcount_simulation.parts import REAL, Parts
from headcount_simulation.rates import FARGATE_TASKS_A_SECOND, FARGATE_TASKS_AT_ONCE
from headcount_simulation.recording import Life, Recording, record
from headcount_simulation.simulating import has_converged, schedule
from headcount_simulation.world import World

TASKS_A_CALL: Final = 10
STARTING_SECONDS: Final = 3600.0  # by then everything has started, and another hour later it is as old as it need be
LOST_AT: Final = 2 * 3600.0
AUDITED_EVERY_SECONDS: Final = 60.0
WATCHED_SECONDS: Final = 3600.0
ECS_CALLS: Final = ("RunTask", "StopTask", "DescribeTasks", "ListTasks", "ListTasks startedBy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Services (name -> tasks) that lose all their tasks, or those in one zone, all in the same instant."""

    name: str
    services: Mapping[str, int]
    zone: str | None = None
    seed: int = 1

    @property
    def at(self) -> float:
        """When, in seconds of the day. The seed decides where between two audits."""
        return LOST_AT + Random(f"{self.seed} lost").uniform(0.0, AUDITED_EVERY_SECONDS)

    def loses(self, task: EcsTask) -> bool:
        """Whether this task is lost: all are, or those in the zone, which takes no others from then on."""
        return self.zone in (None, task.observed.availability_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How a loss was made good. Seconds from the loss; None for what did not happen in the time watched.

    ``bound``: the least seconds that the limits and the drawn start delays allow. ``slowest``: the service that was
    last. ``calls`` by function and operation, from the loss to health; ``ledger``: from the loss to the end.
    """

    loss: Loss
    lost: int
    seconds: float | None
    bound: float
    running: float | None
    least_calls: int
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    whole_after: Mapping[str, float] = field(default_factory=dict)
    violated: str = ""
    lives: Sequence[Life] = ()
    ledger: Ledger | None = None

    @property
    def ecs_calls(self) -> int:
        """Calls of ECS, those of audits apart."""
        return sum(count for (function, name), count in self.calls.items() if name in ECS_CALLS and function != "audit")

    @property
    def over_bound(self) -> float:
        """Times the lower bound."""
        return (self.seconds or float("inf")) / self.bound


MASS_LOSS: Final = Loss(name="all tasks of one service", services={"prod/web": 1000})
ALL_FAILING: Final = Loss(
    name="all services of an account", services={f"prod/service-{number:02}": 20 for number in range(50)}
)
ZONE_LOSS: Final = Loss(
    name="a whole zone",
    services={f"prod/service-{number}": tasks for number, tasks in enumerate((3, 10, 30, 100, 200))},
    zone="eu-west-1a",
)


def a_service(service: str, tasks: int) -> Character:
    """A service in three zones, with ECS's defaults."""
    return Character(
        service=service,
        desired=tasks,
        percentages=(100, 200),
        subnets=tuple(sorted(ZONES)),
        restarts={},
        deadlines={},
        checks_health=False,
    )


def a_calm_day(services: Mapping[str, int], seed: int, seconds: float) -> Day:
    """A day on which services are created, one a second, and nothing else happens."""
    return Day(
        seed=seed,
        characters=tuple(a_service(service, tasks) for service, tasks in services.items()),
        happenings=tuple(
            Happening(at=1.0 + index, kind="create", service=service) for index, service in enumerate(services)
        ),
        quiet_at=seconds,
        ends_at=seconds,
    )


def recover(loss: Loss, parts: Parts = REAL) -> Recovery:
    """Let it happen, and watch."""
    world = World(a_calm_day(loss.services, loss.seed, loss.at + WATCHED_SECONDS), parts)
    recording = record(world)
    violated = ""
    lost = 0
    calls: Counter[tuple[str, str]] = Counter()
    try:
        lost = _lose(world, loss)
        calls = _count_until_whole(world, recording, loss)
        for service in loss.services:
            has_converged(world, world.state(service))
    except Violation as violation:
        violated = str(violation)
    finally:
        world.close()
    return replace(_told(loss, recording, lost, calls, violated), ledger=world.calls.ledger)


def _lose(world: World, loss: Loss) -> int:
    """Everything is there; then the loss."""
    schedule(world)
    world.run(loss.at)
    tasks = [task for service in loss.services for task in world.ecs.of(service) if loss.loses(task)]
    if sum(len(world.ecs.of(service)) for service in loss.services) != sum(loss.services.values()):
        raise Violation("converges", "the services were not whole before the loss")
    if loss.zone is not None:
        world.ecs.capacity.lost_zones.add(loss.zone)
    world.stirred = True
    world.calls.ledger.clear()
    for task in tasks:
        world.ecs.end(task, "EssentialContainerExited", "the host was lost", exit_code=137)
    return len(tasks)


def _count_until_whole(world: World, recording: Recording, loss: Loss) -> Counter[tuple[str, str]]:
    """Calls until every service is whole; time is watched to its end, for what happens afterwards counts too."""
    calls: Counter[tuple[str, str]] | None = None
    for second in range(1, int(WATCHED_SECONDS) + 1):
        world.run(loss.at + second)
        if calls is None and second % 5 == 0 and _is_whole(recording, loss, loss.at + second):
            calls = Counter(world.calls.ledger.calls)
    return calls or Counter(world.calls.ledger.calls)


def _is_whole(recording: Recording, loss: Loss, at: float) -> bool:
    healthy = Counter(life.service for life in recording.lives.values() if life.is_healthy(at))
    return all(healthy[service] >= tasks for service, tasks in loss.services.items())


def _told(loss: Loss, recording: Recording, lost: int, calls: Mapping[tuple[str, str], int], violated: str) -> Recovery:
    lives = [life for life in recording.lives.values() if life.created_at >= loss.at]
    whole_after = {service: _last_healthy(lives, service, loss.at) for service in loss.services}
    times = [at for at in whole_after.values() if at is not None]
    seconds = max(times, default=0.0) if len(times) == len(whole_after) else None
    return Recovery(
        loss=loss,
        lost=lost,
        seconds=seconds,
        bound=lower_bound(lives) + SETTLING_SECONDS,
        running=None if seconds is None else seconds - SETTLING_SECONDS,
        least_calls=_least_calls(lives),
        calls=dict(calls),
        whole_after={service: at for service, at in whole_after.items() if at is not None},
        violated=violated,
        lives=tuple(recording.lives.values()),
    )


def _last_healthy(lives: Iterable[Life], service: str, lost_at: float) -> float | None:
    own = [life for life in lives if life.service == service and life.ended_at is None]
    if any(life.running_at is None for life in own):
        return None
    return max((life.running_at + SETTLING_SECONDS - lost_at for life in own if life.running_at), default=0.0)


def lower_bound(lives: Sequence[Life]) -> float:
    """Seconds until the last of these tasks can run, if each starts as early as Fargate lets it, in their order."""
    order = sorted((life for life in lives if life.running_at is not None), key=lambda life: life.created_at)
    earliest = (
        max(0.0, number - FARGATE_TASKS_AT_ONCE) / FARGATE_TASKS_A_SECOND for number in range(1, len(order) + 1)
    )
    return max(
        (at + (life.running_at or 0.0) - life.created_at for at, life in zip(earliest, order, strict=True)), default=0.0
    )


def _least_calls(lives: Iterable[Life]) -> int:
    started = Counter(life.service for life in lives)
    return sum(-(-count // TASKS_A_CALL) for count in started.values())
