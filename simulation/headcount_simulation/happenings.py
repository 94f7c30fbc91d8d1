"""What each happening of a day does to the world. What people do stands in ``asking.py``."""

from collections.abc import Callable, Mapping
from typing import Final, cast

from headcount.model.values import replace
from headcount.noticing import Retirement
from headcount_simulation.asking import ASKED, Effect, target
from headcount_simulation.calls import CallFault
from headcount_simulation.calls import Effect as CallEffect
from headcount_simulation.characters import CLUSTER, WITNESS
from headcount_simulation.days import Happening
from headcount_simulation.ecs_tasks import SPOT_NOTICE_SECONDS, EcsTask, Fate
from headcount_simulation.machine_happenings import TO_MACHINES, restore
from headcount_simulation.messaging import Garbage, Kick
from headcount_simulation.previous import BEFORE_LOAD_BALANCING, BEFORE_SCALING, rewrite
from headcount_simulation.scaling_happenings import TO_SCALING, measure_again
from headcount_simulation.traffic_happenings import TO_TRAFFIC, heal
from headcount_simulation.world import World

FATES: Final[Mapping[str, Fate]] = {
    "tasks crash": "crashes",
    "tasks never start": "never starts",
    "tasks get stuck": "gets stuck",
    "tasks are slow": "slow",
}
PROMPT_SECONDS: Final = 5.0
PATIENCE: Final = 8
NOTICED_SECONDS: Final = 240.0
HEALED_SECONDS: Final = 300.0
LONGEST_LAG_SECONDS: Final = 45.0
LARGEST_SKEW_SECONDS: Final = 3.0


def happen(world: World, happening: Happening) -> None:
    """Let it happen now."""
    world.stirred = True
    world.tell(f"{'fault' if happening.is_fault else 'person'}: {happening}")
    _EFFECTS[happening.kind](world, happening)
    if happening.service == WITNESS and happening.is_fault:
        world.scheduler.after(PROMPT_SECONDS, lambda: _check_witness(world, PATIENCE))
        world.scheduler.after(PROMPT_SECONDS, lambda: world.watch.routing.check_left(WITNESS))
    if happening.service == WITNESS and happening.kind == "task sickens":
        world.scheduler.after(HEALED_SECONDS, lambda: _check_well(world))


def _check_well(world: World) -> None:
    """While a bad revision is deployed nothing can take the place of a task that hangs."""
    if not _has_bad_revision(world):
        world.watch.check_well(WITNESS)


def _check_witness(world: World, patience: int) -> None:
    """Its loss is made good. Tasks of a bad revision come and go besides, so then it is looked again."""
    if not _has_bad_revision(world) or not world.watch.is_short(WITNESS):
        world.watch.check_prompt(WITNESS, PROMPT_SECONDS)
    elif patience:
        world.scheduler.after(1.0, lambda: _check_witness(world, patience - 1))
    else:
        world.watch.check_prompt(WITNESS, PROMPT_SECONDS, "kept alive")


def _has_bad_revision(world: World) -> bool:
    return world.scheduler.now < world.bad_until.get(WITNESS, 0.0)


def cease(world: World) -> None:
    """The quiet at the end of a day: nothing goes wrong any more."""
    world.tell("all faults cease")
    world.is_quiet = True
    world.calls.faults.clear()
    world.calls.outages.clear()
    world.bus.lost = world.bus.doubled = world.bus.late = 0.0
    world.queue.doubled.clear()
    world.timers.lose_next = world.timers.repeat_next = 0
    world.ecs.moods.clear()
    world.ecs.capacity.restore()
    world.ecs.bad_revisions.clear()
    restore(world)
    world.ecs.refusals.clear()
    world.ecs.lag_seconds = 1.0
    world.store.index_is_stale = False
    for partition in world.table.partitions.values():
        partition.newer.clear()
    world.functions.skews.clear()
    heal(world)
    measure_again(world)
    world.stirred = True


# -- tasks -------------------------------------------------------------------------------------------------------------


def _on_task(act: Callable[[World, EcsTask], None]) -> Callable[[World, Happening], None]:
    def effect(world: World, happening: Happening) -> None:
        task = target(world, happening)
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
        effect=cast("CallEffect", effect),
        spared=happening.number if function in ("reconcile", "") else happening.number % 4,
        seconds=happening.seconds,
    )
    world.calls.faults.append(fault)


def _for_a_while(on: Callable[[World, Happening], None], off: Callable[[World, Happening], None]) -> Effect:
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


def _write_newer(world: World, happening: Happening) -> None:
    partition = world.table.partition(happening.service)
    partition.newer |= partition.keys()


def _stale_index(stale: bool) -> Callable[[World, Happening], None]:
    return lambda world, _: setattr(world.store, "index_is_stale", stale)


def _shorten(change: int) -> Callable[[World, Happening], None]:
    """``FARGATE_SPOT@eu-west-1a`` takes no more tasks, or does again."""

    def effect(world: World, happening: Happening) -> None:
        capacity, _, zone = happening.word.partition("@")
        world.ecs.capacity.change(capacity, zone, change)

    return effect


def _lose_zone(world: World, happening: Happening) -> None:
    """All that runs there ends, and for a while nothing starts there."""
    zone = happening.word
    world.ecs.capacity.lost_zones.add(zone)
    for task in list(world.ecs.tasks.values()):
        if task.observed.availability_zone == zone and task.observed.last_status != "STOPPED":
            world.ecs.end(task, "EssentialContainerExited", "the host was lost", exit_code=137)


def _retire(world: World, happening: Happening) -> None:
    """AWS Health announces it; at its time Fargate ends the task."""
    task = target(world, happening)
    if task is None or task.instance is not None:
        return
    now = world.scheduler.now
    world.bus.emit(Retirement(tasks=((CLUSTER, task.task_id),), starts_at=now + happening.seconds, at=now))
    said = "ECS is performing maintenance on the underlying infrastructure hosting the task."
    world.scheduler.after(happening.seconds, lambda: world.ecs.end(task, "TerminationNotice", said))
    if happening.service == WITNESS:
        world.scheduler.after(NOTICED_SECONDS, lambda: _check_noticed(world, task))


def _check_noticed(world: World, task: EcsTask) -> None:
    """While a bad revision is deployed nothing can take the task's place before its time."""
    if not _has_bad_revision(world):
        world.watch.check_noticed(task)


def _previous_version(world: World, happening: Happening) -> None:
    """An upgrade: everything starts anew, over what an earlier version wrote of a service that it could have."""
    character = world.characters[happening.service]
    if character.scaled is None:
        version = BEFORE_LOAD_BALANCING if character.is_plain else BEFORE_SCALING
        rewrite(world.table.partition(happening.service), version)
        world.functions.end_all()


def _garble(world: World, happening: Happening) -> None:
    """A kick, a timer and an event that nobody can read."""
    service, now = happening.service, world.scheduler.now
    world.queue.send(Kick(service=service, cause="garbage", event_at=None, sent_at=now, garbled=True), None)
    world.timers.send_garbage(service)
    world.bus.deliver(Garbage(service))
    world.garbled += 3


_EFFECTS: Final[Mapping[str, Effect]] = {
    **ASKED,
    "task crashes": _on_task(lambda world, task: world.ecs.crash(task)),
    "foreign stop": _on_task(lambda world, task: world.ecs.tell_to_stop(task, "UserInitiated", "stopped by hand")),
    "spot notice": _on_task(_spot),
    "record lost": _on_task(_lose_record),
    "task vanishes": _on_task(lambda world, task: world.ecs.vanish(task)),
    "tasks crash": _mood,
    "tasks never start": _mood,
    "tasks get stuck": _mood,
    "tasks are slow": _mood,
    "no capacity": _for_a_while(_shorten(1), _shorten(-1)),
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
    "records of a newer version": _for_a_while(
        _write_newer, lambda world, one: world.table.partition(one.service).newer.clear()
    ),
    "ECS lags": _for_a_while(_set_lag(LONGEST_LAG_SECONDS), _set_lag(1.0)),
    "call": _call,
    "zone goes": _for_a_while(_lose_zone, lambda world, one: world.ecs.capacity.lost_zones.discard(one.word)),
    "foreign task": _foreign,
    "records of the previous version": _previous_version,
    "garbled messages": _garble,
    "retirement": _retire,
    **TO_MACHINES,
    **TO_TRAFFIC,
    "keeper's call": _call,
    **TO_SCALING,
    "decider's call": _call,
    "CloudWatch fails": lambda world, one: _outage(world, replace(one, word="cloudwatch")),
    "ELB fails": lambda world, one: _outage(world, replace(one, word="elb")),
}
