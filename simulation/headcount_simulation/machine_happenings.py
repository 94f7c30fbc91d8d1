"""What happens to machines on a simulated day."""

from collections.abc import Callable, Mapping
from typing import Final

from headcount.noticing import SpotInterruption
from headcount_simulation.asking import Effect
from headcount_simulation.characters import CLUSTER
from headcount_simulation.days import Happening
from headcount_simulation.ecs_tasks import SPOT_NOTICE_SECONDS
from headcount_simulation.instances import SPOT_MACHINES, Instance
from headcount_simulation.machines import reconnect, terminate
from headcount_simulation.world import World


def restore(world: World) -> None:
    """All machines are well again."""
    for instance in list(world.ecs.fleet.instances.values()):
        if instance.status == "DRAINING":
            world.ecs.fleet.change(instance, status="ACTIVE")
        if instance.status == "ACTIVE" and not instance.connected:
            reconnect(world.ecs, instance)


def _on_instance(act: Callable[[World, Instance, Happening], None]) -> Effect:
    def effect(world: World, happening: Happening) -> None:
        there = [one for one in world.ecs.fleet.instances.values() if one.status == "ACTIVE" and one.connected]
        if there:
            act(world, there[happening.number % len(there)], happening)

    return effect


def _drain(world: World, instance: Instance, happening: Happening) -> None:
    """Afterwards it is used again, or it goes with whatever still runs on it."""
    world.ecs.fleet.change(instance, status="DRAINING")

    def over() -> None:
        if instance.status != "DRAINING":
            return
        if happening.number % 2:
            world.ecs.fleet.change(instance, status="ACTIVE")
        else:
            _replace(world, instance, told=True)

    world.scheduler.after(happening.seconds, over)


def _go(world: World, instance: Instance, happening: Happening) -> None:
    """It is terminated with or without a word, or deregistered while its tasks run on; later another one comes."""
    if happening.number % 3 < 2:
        _replace(world, instance, told=happening.number % 3 == 1, after=happening.seconds)
        return
    world.ecs.fleet.change(instance, status="INACTIVE", connected=False)
    _add_later(world, instance, happening.seconds)


def _replace(world: World, instance: Instance, *, told: bool, after: float = 90.0) -> None:
    terminate(world.ecs, instance, told=told)
    _add_later(world, instance, after)


def _add_later(world: World, instance: Instance, after: float) -> None:
    def add() -> None:
        world.ecs.fleet.add(CLUSTER, instance.zone, instance.provider)

    world.scheduler.after(after, add)


def _disconnect(world: World, instance: Instance, happening: Happening) -> None:
    world.ecs.fleet.change(instance, connected=False)

    def over() -> None:
        if instance.status in ("ACTIVE", "DRAINING"):
            reconnect(world.ecs, instance)

    world.scheduler.after(happening.seconds, over)


def _interrupt(world: World, instance: Instance, happening: Happening) -> None:
    """EC2 takes it back two minutes after the warning; with managed draining, ECS drains it meanwhile."""
    if instance.provider != SPOT_MACHINES:
        return
    warning = SpotInterruption(ec2_instance=instance.ec2_instance, action="terminate", at=world.scheduler.now)
    world.bus.emit(warning)
    if happening.number % 2:
        world.ecs.fleet.change(instance, status="DRAINING")

    def over() -> None:
        if instance.arn in world.ecs.fleet.instances and instance.status != "INACTIVE":
            _replace(world, instance, told=True)

    world.scheduler.after(SPOT_NOTICE_SECONDS, over)


TO_MACHINES: Final[Mapping[str, Effect]] = {
    "instance drains": _on_instance(_drain),
    "instance goes": _on_instance(_go),
    "agent disconnects": _on_instance(_disconnect),
    "Spot machine interrupted": _on_instance(_interrupt),
}
