"""What each happening of a day does to the world."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from headcount_simulation.calls import CallFault, Effect
from headcount_simulation.days import CLUSTER, PERCENTAGES, WITNESS, Happening
from headcount_simulation.ecs import SPOT_NOTICE_SECONDS, EcsTask, Fate
from headcount_simulation.world import World

FATES: Final[Mapping[str, Fate]] = {
    "tasks crash": "crashes",
    "tasks never start": "never starts",
    "tasks get stuck": "gets stuck",
    "tasks are slow": "slow",
}
_Effect = Callable[[World, Happening], None]
PROMPT_SECONDS: Final = 5.0
LONGEST_LAG_SECONDS: Final = 45.0
LARGEST_SKEW_SECONDS: Final = 3.0


def happen(world: World, happening: Happening) -> None:
    """Let it happen now."""
    world.stirred = True
    world.tell(f"{'fault' if happening.is_fault else 'person'}: {happening}")
    _EFFECTS[happening.kind](world, happening)
    if happening.service == WITNESS and happening.is_fault:
        world.scheduler.after(PROMPT_SECONDS, lambda: world.watch.check_prompt(WITNESS))


def cease(world: World) -> None:
    """The quiet at the end of a day: nothing goes wrong any more."""
    world.tell("all faults cease")
    world.calls.faults.clear()
    world.calls.outages.clear()
    world.bus.lost = world.bus.doubled = world.bus.late = 0.0
    world.queue.doubled.clear()
    world.timers.lose_next = world.timers.repeat_next = 0
    world.ecs.moods.clear()
    world.ecs.full_zones.clear()
    world.ecs.refusals.clear()
    world.ecs.lag_seconds = 1.0
    world.store.index_is_stale = False
    for partition in world.table.partitions.values():
        partition.newer = False
    world.functions.skews.clear()
    world.stirred = True


# -- people ------------------------------------------------------------------------------------------------------------


def _apply(world: World, happening: Happening) -> None:
    service = happening.service
    character = world.characters[service]
    revision = world.revisions.setdefault(service, 1)
    percentages = world.percentages.setdefault(service, character.percentages)
    manifest = character.manifest(revision, character.desired, percentages)
    world.ask({"operation": "apply", "manifest": manifest}, service)


def _deploy(world: World, happening: Happening) -> None:
    world.revisions[happening.service] = world.revisions.get(happening.service, 1) + 1
    _apply(world, happening)


def _percentages(world: World, happening: Happening) -> None:
    world.percentages[happening.service] = PERCENTAGES[happening.number]
    _apply(world, happening)


def _scale(world: World, happening: Happening) -> None:
    request = {"operation": "scale", "service": happening.service, "desiredCount": happening.number}
    world.ask(request, happening.service)


def _delete(world: World, happening: Happening) -> None:
    world.ask({"operation": "delete", "service": happening.service}, happening.service)


def _protect(world: World, happening: Happening) -> None:
    task = _target(world, happening)
    if task is None:
        return
    minutes = max(1, int(happening.seconds // 60))
    request: dict[str, Any] = {"operation": "protect", "service": happening.service, "tasks": [task.task_id]}
    world.ask({**request, "expiresInMinutes": minutes}, happening.service)


# -- tasks -------------------------------------------------------------------------------------------------------------


def _target(world: World, happening: Happening) -> EcsTask | None:
    """One of the service's tasks that should run."""
    tasks = [task for task in world.ecs.of(happening.service) if task.observed.desired_status == "RUNNING"]
    return tasks[happening.number % len(tasks)] if tasks else None


def _on_task(act: Callable[[World, EcsTask], None]) -> Callable[[World, Happening], None]:
    def effect(world: World, happening: Happening) -> None:
        task = _target(world, happening)
        if task is not None:
            act(world, task)

    return effect


def _lose_record(world: World, task: EcsTask) -> None:
    """Somebody restores an old table and starts the functions anew: a task is on no record."""
    records = world.table.partition(str(task.service)).tasks
    record = records.get(task.task_id)
    if record is not None and record.managed is not None:
        del records[task.task_id]
        world.functions.end_all()
        world.watch.unrecorded.add(task.task_id)


def _spot(world: World, task: EcsTask) -> None:
    reason = "Your Spot Task was interrupted."
    world.ecs.tell_to_stop(task, "SpotInterruption", reason, SPOT_NOTICE_SECONDS)


def _mood(world: World, happening: Happening) -> None:
    service, fate = happening.service, FATES[happening.kind]
    world.ecs.moods[service] = fate
    if fate != "slow":
        world.watch.fails_from_now(service)

    def over() -> None:
        if world.ecs.moods.get(service) == fate:
            del world.ecs.moods[service]

    world.scheduler.after(happening.seconds, over)


def _foreign(world: World, happening: Happening) -> None:
    """Somebody else's task, one in our group, and one of another install."""
    group = f"headcount:{happening.service.partition('/')[2]}"
    started_by = ("somebody", "hc/other/aaaaaaaaaaaaaaaaaaaa", "ecs-svc/123")[happening.number % 3]
    world.ecs.run_foreign(CLUSTER, group, started_by)


# -- AWS ---------------------------------------------------------------------------------------------------------------


def _call(world: World, happening: Happening) -> None:
    function, _, effect = happening.word.partition(":")
    service = "" if function == "audit" else happening.service
    fault = CallFault(
        function=function,
        service=service,
        effect=cast("Effect", effect),
        spared=happening.number if function in ("reconcile", "") else happening.number % 4,
        seconds=happening.seconds,
    )
    world.calls.faults.append(fault)


def _for_a_while(on: Callable[[World, Happening], None], off: Callable[[World, Happening], None]) -> _Effect:
    def effect(world: World, happening: Happening) -> None:
        on(world, happening)
        world.scheduler.after(happening.seconds, lambda: off(world, happening))

    return effect


def _outage(world: World, happening: Happening) -> None:
    until = world.scheduler.now + happening.seconds
    outages = world.calls.outages
    outages[happening.word] = max(until, outages.get(happening.word, 0.0))

    def over() -> None:
        if outages.get(happening.word, 0.0) <= world.scheduler.now:
            outages.pop(happening.word, None)

    world.scheduler.at(until, over)


def _set_bus(name: str, likely: float) -> Callable[[World, Happening], None]:
    return lambda world, _: setattr(world.bus, name, likely)


def _set_lag(seconds: float) -> Callable[[World, Happening], None]:
    return lambda world, _: setattr(world.ecs, "lag_seconds", seconds)


def _skew(world: World, happening: Happening) -> None:
    function = ("reconcile", "audit", "control")[happening.number % 3]
    world.functions.skews[function] = (happening.number - 4.5) / 4.5 * LARGEST_SKEW_SECONDS


def _lose_timer(world: World, _: Happening) -> None:
    world.timers.lose_next += 1


def _repeat_timer(world: World, _: Happening) -> None:
    world.timers.repeat_next += 1


def _newer(newer: bool) -> Callable[[World, Happening], None]:
    return lambda world, one: setattr(world.table.partition(one.service), "newer", newer)


def _stale_index(stale: bool) -> Callable[[World, Happening], None]:
    return lambda world, _: setattr(world.store, "index_is_stale", stale)


_EFFECTS: Final[Mapping[str, _Effect]] = {
    "create": _apply,
    "deploy": _deploy,
    "percentages": _percentages,
    "scale": _scale,
    "delete": _delete,
    "protect": _protect,
    "task crashes": _on_task(lambda world, task: world.ecs.crash(task)),
    "foreign stop": _on_task(lambda world, task: world.ecs.tell_to_stop(task, "UserInitiated", "stopped by hand")),
    "spot notice": _on_task(_spot),
    "record lost": _on_task(_lose_record),
    "task vanishes": _on_task(lambda world, task: world.ecs.vanish(task)),
    "tasks crash": _mood,
    "tasks never start": _mood,
    "tasks get stuck": _mood,
    "tasks are slow": _mood,
    "zone is full": _for_a_while(
        lambda world, one: world.ecs.full_zones.add(one.word), lambda world, one: world.ecs.full_zones.discard(one.word)
    ),
    "RunTask refused": _for_a_while(
        lambda world, one: world.ecs.refusals.add(one.service),
        lambda world, one: world.ecs.refusals.discard(one.service),
    ),
    "events lost": _for_a_while(_set_bus("lost", 0.7), _set_bus("lost", 0.0)),
    "events doubled": _for_a_while(_set_bus("doubled", 0.7), _set_bus("doubled", 0.0)),
    "events late": _for_a_while(_set_bus("late", 0.7), _set_bus("late", 0.0)),
    "outage": _outage,
    "all functions end": lambda world, _: world.functions.end_all(),
    "clock skew": _for_a_while(_skew, lambda world, _: world.functions.skews.clear()),
    "kicks delivered twice": lambda world, one: world.queue.doubled.update({one.service: one.number + 1}),
    "timer lost": _lose_timer,
    "timer doubled": _repeat_timer,
    "index is stale": _for_a_while(_stale_index(stale=True), _stale_index(stale=False)),
    "records of a newer version": _for_a_while(_newer(newer=True), _newer(newer=False)),
    "ECS lags": _for_a_while(_set_lag(LONGEST_LAG_SECONDS), _set_lag(1.0)),
    "call": _call,
    "foreign task": _foreign,
}
