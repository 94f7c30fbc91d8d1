"""What happens to traffic on a simulated day: tasks that live and do not answer, target groups, ELB itself."""

import math
from collections.abc import Callable, Mapping
from typing import Final

from headcount_simulation.asking import Effect, apply, target
from headcount_simulation.days import Happening
from headcount_simulation.ecs_tasks import EcsTask, Sickness
from headcount_simulation.elb import TargetGroup
from headcount_simulation.traffic import Terms
from headcount_simulation.world import World

LONGEST_LAG_SECONDS: Final = 20.0
AT_ONCE: Final = 0.6  # the share of tasks that sicken together
FOREIGN: Final = "192.168.7.7"
MEND_SECONDS: Final = 60.0


def heal(world: World) -> None:
    """The quiet at the end of a day. One task of a service may stay ill, if replacing it is what heals the service."""
    world.ecs.slow_starts.clear()
    world.elb.lag_seconds = 0.0
    for service, character in world.characters.items():
        ill = [task for task in world.ecs.of(service) if _is_ill(task)]
        for task in ill[_stay_ill(world, service, character.terms) :]:
            _set(world, task, "", "HEALTHY")
    _mend(world)


def _stay_ill(world: World, service: str, terms: Terms) -> int:
    """How many may stay ill: one, where that is replaced and is no outage."""
    running = [task for task in world.ecs.of(service) if task.answers]
    return int(terms.replaces and len(running) >= 3)


def _mend(world: World) -> None:
    """Somebody sees to it that every manifest names target groups that exist."""
    for service in world.balancers.counts:
        declared = world.declared(service)
        if declared is None or declared.deleting_at is not None:
            continue
        keys = {one.target_group for one in declared.manifest.load_balancers if one.declared is None}
        if world.balancers.replace(service) or not keys <= world.elb.groups.keys():
            apply(world, Happening(at=world.second, kind="create", service=service))
            world.scheduler.after(MEND_SECONDS, lambda: _mend(world))


def _is_ill(task: EcsTask) -> bool:
    return bool(task.sickness) or task.health == "UNHEALTHY"


def _set(world: World, task: EcsTask, sickness: Sickness, health: str | None = None) -> None:
    world.ecs.sicken(task, sickness)
    if health is not None and task.health is not None:
        world.ecs.feel(task, "UNHEALTHY" if health == "UNHEALTHY" else "HEALTHY")


def _falls_ill(world: World, task: EcsTask, number: int) -> None:
    """It answers with errors or not at all; every third time its containers say so too, if they are asked."""
    told = number % 3 == 0 or not world.balancers.entries(str(task.service))
    _set(world, task, "errors" if number % 2 else "hangs", "UNHEALTHY" if told else None)


def _sicken_one(world: World, happening: Happening) -> None:
    """For a while, or until it is replaced."""
    task = target(world, happening)
    if task is None or not task.answers:
        return
    _falls_ill(world, task, happening.number)
    world.tell(f"{happening.service}: #{int(task.task_id, 16)} {task.sickness}, its containers: {task.health}")
    if happening.number % 2 or not world.characters[happening.service].terms.replaces:
        world.scheduler.after(happening.seconds, lambda: _set(world, task, "", "HEALTHY"))


def _sicken_many(world: World, happening: Happening) -> None:
    """Most of the tasks at once: what they all need is gone for a while."""
    tasks = [task for task in world.ecs.of(happening.service) if task.answers]
    ill = tasks[: math.ceil(len(tasks) * AT_ONCE)]
    for task in ill:
        _falls_ill(world, task, happening.number)

    def over() -> None:
        for task in ill:
            _set(world, task, "", "HEALTHY")

    world.scheduler.after(happening.seconds, over)


def _flap(world: World, happening: Happening) -> None:
    """Ill and well by turns, each for longer than the checks need to notice, or not."""
    task = target(world, happening)
    if task is None or not task.answers:
        return
    each = 10.0 + 15.0 * happening.number
    ends = world.scheduler.now + happening.seconds

    def turn(*, ill: bool) -> None:
        if world.is_quiet or world.scheduler.now > ends:
            _set(world, task, "", "HEALTHY")
            return
        _set(world, task, "errors" if ill else "", "UNHEALTHY" if ill else "HEALTHY")
        world.scheduler.after(each, lambda: turn(ill=not ill))

    turn(ill=True)


def _start_slowly(world: World, happening: Happening) -> None:
    """Tasks that begin to run answer with errors at first."""
    service = happening.service
    world.ecs.slow_starts[service] = 20.0 + 20.0 * happening.number

    def over() -> None:
        world.ecs.slow_starts.pop(service, None)

    world.scheduler.after(happening.seconds, over)


def _on_group(act: Callable[[World, TargetGroup, Happening], None]) -> Effect:
    def effect(world: World, happening: Happening) -> None:
        groups = world.balancers.current(happening.service, world.table)
        if groups:
            act(world, groups[happening.number % len(groups)], happening)

    return effect


def _delete_group(world: World, group: TargetGroup, happening: Happening) -> None:
    """Somebody deletes it. Where people keep the groups, there is another one later, and the manifest says so."""
    world.balancers.lose(group)
    service = happening.service

    def again() -> None:
        if world.balancers.replace(service) and not world.is_quiet:
            apply(world, happening)

    world.scheduler.after(happening.seconds, again)


def _register_foreign(world: World, group: TargetGroup, happening: Happening) -> None:
    """Somebody registers a target of his own in the group."""
    if group.target_type == "ip":
        world.elb.put(group, (FOREIGN, 8000 + happening.number), foreign=True)


def _take_out(world: World, group: TargetGroup, happening: Happening) -> None:
    """Somebody takes one of ours out."""
    targets = [target for target in group.targets.values() if not target.foreign and target.is_registered]
    if targets:
        world.elb.take_out(group, targets[happening.number % len(targets)].endpoint)


def _lag(seconds: float) -> Callable[[World, Happening], None]:
    return lambda world, _: setattr(world.elb, "lag_seconds", seconds)


def _for_a_while(on: Effect, off: Effect) -> Effect:
    def effect(world: World, happening: Happening) -> None:
        on(world, happening)
        world.scheduler.after(happening.seconds, lambda: off(world, happening))

    return effect


TO_TRAFFIC: Final[Mapping[str, Effect]] = {
    "task sickens": _sicken_one,
    "tasks sicken": _sicken_many,
    "task flaps": _flap,
    "tasks start slowly": _start_slowly,
    "target group deleted": _on_group(_delete_group),
    "foreign target": _on_group(_register_foreign),
    "target taken out": _on_group(_take_out),
    "ELB lags": _for_a_while(_lag(LONGEST_LAG_SECONDS), _lag(0.0)),
}
