"""One service through a trouble that lasts: what is drawn as a picture."""

from collections.abc import Callable
from random import Random
from typing import Final

from headcount.model.values import dataclass
from headcount_simulation.invariants import Violation
from headcount_simulation.losses import a_calm_day
from headcount_simulation.recording import Life, record
from headcount_simulation.simulating import has_converged, schedule
from headcount_simulation.world import MINUTE, World

SERVICE: Final = "prod/web"
BEGINS_AT: Final = 2 * 3600.0  # the service is long steady by then
ZONE: Final = "eu-west-1a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What goes wrong: from ``BEGINS_AT`` for ``seconds``, watched for ``watched`` seconds in all."""

    name: str
    tasks: int
    seconds: float
    watched: float
    begins: Callable[[World], None]
    ends: Callable[[World], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How it went: the lives of all tasks, and the violated invariant if there is one."""

    trouble: Trouble
    lives: tuple[Life, ...]
    violated: str


def go_through(trouble: Trouble, seed: int = 1) -> Course:
    """Let it happen."""
    ends = BEGINS_AT + trouble.watched
    world = World(a_calm_day({SERVICE: trouble.tasks}, seed, ends))
    recording = record(world)
    violated = ""
    try:
        schedule(world)
        world.at(BEGINS_AT, lambda: trouble.begins(world))
        world.at(BEGINS_AT + trouble.seconds, lambda: trouble.ends(world))
        world.run(ends)
        has_converged(world, world.state(SERVICE))
    except Violation as violation:
        violated = str(violation)
    finally:
        world.close()
    return Course(trouble=trouble, lives=tuple(recording.lives.values()), violated=violated)


def _lose_zone(world: World) -> None:
    world.stirred = True
    world.ecs.capacity.lost_zones.add(ZONE)
    for task in world.ecs.of(SERVICE):
        if task.observed.availability_zone == ZONE:
            world.ecs.end(task, "EssentialContainerExited", "the host was lost", exit_code=137)


def _break_calls(world: World) -> None:
    world.stirred = True
    world.calls.outages["ecs"] = world.scheduler.now + ERROR_HOUR.seconds
    random = Random("tasks that end meanwhile")
    for minute in range(int(ERROR_HOUR.seconds // MINUTE)):
        world.scheduler.after((minute + random.random()) * MINUTE, lambda: _lose_one(world, random))


def _lose_one(world: World, random: Random) -> None:
    tasks = [task for task in world.ecs.of(SERVICE) if task.observed.desired_status == "RUNNING"]
    world.ecs.end(random.choice(tasks), "EssentialContainerExited", "the host was lost", exit_code=137)


ZONE_HALF_HOUR: Final = Trouble(
    name="a zone is lost for half an hour",
    tasks=900,
    seconds=30 * MINUTE,
    watched=45 * MINUTE,
    begins=_lose_zone,
    ends=lambda world: world.ecs.capacity.lost_zones.clear(),
)
ERROR_HOUR: Final = Trouble(
    name="ECS answers with errors for an hour, and a task ends each minute",
    tasks=200,
    seconds=60 * MINUTE,
    watched=80 * MINUTE,
    begins=_break_calls,
    ends=lambda world: world.calls.outages.clear(),
)
