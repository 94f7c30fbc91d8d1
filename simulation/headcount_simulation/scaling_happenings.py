"""What happens to load, to what is measured of it, and to those who look after the count."""

from collections.abc import Callable, Mapping
from typing import Final

from headcount_simulation.asking import Effect
from headcount_simulation.days import Happening
from headcount_simulation.scaled import FULL
from headcount_simulation.world import World


def measure_again(world: World) -> None:
    """The quiet at the end of a day."""
    world.scaling_asks.lose_next = world.scaling_asks.repeat_next = 0
    world.scaling_timers.lose_next = world.scheduled.lose_next = 0
    world.cloudwatch.silent.clear()
    world.cloudwatch.late.clear()
    for service in world.cloudwatch.demands:
        world.cloudwatch.changed(service)


def _load(world: World, happening: Happening) -> None:
    """So many hundredths of a task are busy with it from now on."""
    service = happening.service
    if service in world.cloudwatch.demands:
        world.cloudwatch.changed(service)
        world.cloudwatch.demands[service] = happening.number / FULL


def _without(name: str) -> Effect:
    """For a while the values of a service do not come, or come late."""

    def effect(world: World, happening: Happening) -> None:
        services: set[str] = getattr(world.cloudwatch, name)
        world.cloudwatch.changed(happening.service)
        services.add(happening.service)

        def over() -> None:
            services.discard(happening.service)
            world.cloudwatch.changed(happening.service)

        world.scheduler.after(happening.seconds, over)

    return effect


def _add(act: Callable[[World], None]) -> Effect:
    return lambda world, _: act(world)


def _lose_look(world: World) -> None:
    world.scaling_asks.lose_next += 1


def _double_look(world: World) -> None:
    world.scaling_asks.repeat_next += 1


def _lose_timer(world: World) -> None:
    world.scaling_timers.lose_next += 1


def _lose_schedule(world: World) -> None:
    world.scheduled.lose_next += 1


TO_SCALING: Final[Mapping[str, Effect]] = {
    "load": _load,
    "metrics missing": _without("silent"),
    "metrics late": _without("late"),
    "look lost": _add(_lose_look),
    "look doubled": _add(_double_look),
    "look's timer lost": _add(_lose_timer),
    "schedule lost": _add(_lose_schedule),
}
