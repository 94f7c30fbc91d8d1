"""Running a day to its end, and what must hold then."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.service import ANY_ZONE, DeclaredService, ServiceState
from headcount.model.values import dataclass
from headcount.planning.sharing import share
from headcount.planning.wishes import wanted_count
from headcount_simulation.days import DAY, Day
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.happenings import cease, happen
from headcount_simulation.instants import STARTS_AT
from headcount_simulation.invariants import Violation
from headcount_simulation.parts import REAL, Parts
from headcount_simulation.world import World

AGE_GRACE_SECONDS: Final = 1800.0
JUDGED_AGAIN_SECONDS: Final = 10.0
LONGEST_AGING_SECONDS: Final = 1800.0  # in so long there is a moment in which no task is replaced for its age
MOST_AT_REST: Final = 10  # where there are not more tasks than that


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a day went. ``violation`` is None if everything held; ``settled``: seconds from the last fault to rest."""

    day: Day
    violation: Violation | None
    story: tuple[tuple[float, str], ...]
    calls: int
    passes: int
    tasks: int
    struck: int
    settled: float
    names: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every invariant held."""
        return self.violation is None


def simulate(
    day: Day, parts: Parts = REAL, *, keep_story: bool = False, at_midnight: Callable[[World], None] | None = None
) -> Outcome:
    """Run a day, or several. ``at_midnight`` is called after each."""
    world = World(day, parts, keep_story=keep_story)
    world.at(day.quiet_at, world.calls.stop_naming)
    if at_midnight is not None:
        for number in range(1, int(day.ends_at // DAY) + 1):
            world.at(number * DAY, lambda: at_midnight(world))
    violation = None
    try:
        _live(world)
    except Violation as found:
        violation = found
        world.tell(f"VIOLATED: {found}")
    finally:
        world.close()
    return Outcome(
        day=day,
        violation=violation,
        story=tuple(world.story or ()),
        calls=world.calls.made,
        passes=world.watch.passes_total,
        tasks=world.ecs.created,
        struck=world.calls.struck + world.bus.mishaps + _others(day),
        names=tuple(world.calls.names),
        settled=max((at - STARTS_AT - day.quiet_at for at in world.watch.acted_at.values()), default=0.0),
    )


def _others(day: Day) -> int:
    """Faults that need no call to strike."""
    return sum(
        one.is_fault and one.kind not in ("call", "keeper's call", "events lost", "events doubled", "events late")
        for one in day.happenings
    )


def schedule(world: World) -> None:
    """Let the day's happenings happen."""
    for happening in world.day.happenings:
        world.at(happening.at, lambda happening=happening: happen(world, happening))  # type: ignore[misc]  # bound early


def _live(world: World) -> None:
    day = world.day
    schedule(world)
    world.at(day.quiet_at, lambda: cease(world))
    world.run(day.quiet_at + day.bound)
    _judge(world)
    world.watch.settled_at = world.scheduler.now
    world.run(day.ends_at)
    if world.dead_garbage() != world.garbled:
        raise Violation("poison", f"{world.dead_garbage()} of {world.garbled} garbled messages are dead letters")
    _judge(world)


def _judge(world: World) -> None:
    """Every service. While tasks are replaced for their age it may lack one; then there is a moment without that."""
    services = [character.service for character in world.day.characters]
    for service in sorted(services, key=world.watch.replaces_for_age):
        _judge_in_time(world, service, at_rest=False)
    for service in services:
        if _comes_to_rest(world, world.state(service)):
            _judge_in_time(world, service, at_rest=True)


def _judge_in_time(world: World, service: str, *, at_rest: bool) -> None:
    """A service must be what it should be now or, if a task's age may be why it is not, soon."""
    until = world.second + LONGEST_AGING_SECONDS
    while True:
        try:
            return has_converged(world, world.state(service), at_rest=at_rest)
        except Violation:
            if world.second >= until or not (at_rest or world.watch.replaces_for_age(service)):
                raise
        world.run(world.second + JUDGED_AGAIN_SECONDS)


def _comes_to_rest(world: World, state: ServiceState) -> bool:
    """Whether tasks are replaced for their age, and not so many that one always is."""
    declared = state.declared
    if declared is None or declared.manifest.maximum_age is None:
        return False
    desired = wanted_count(state, declared, world.scheduler.now).count
    return desired <= MOST_AT_REST and not _stuck(declared, desired)


def has_converged(world: World, state: ServiceState, *, at_rest: bool = False) -> None:
    """A ``Violation`` if the service is not exactly what it should be. ``at_rest``: no task is replaced for its age."""
    service, declared = state.service, state.declared
    tasks = world.tasks(service)
    running = [task for task in tasks if task.observed.last_status == "RUNNING"]
    if service in world.scaling_watch.scaled:
        world.scaling_watch.has_converged(service, state)
    if declared is None:
        if any(task.task_id not in world.watch.unrecorded for task in tasks):
            raise Violation("deleted", f"{service} is not declared and has {len(tasks)} tasks")
        if left := world.balancers.kept_for(service):
            raise Violation("deleted", f"{service} is not declared, and Headcount left {', '.join(left)}")
        return
    if declared.deleting_at is not None:
        raise Violation("deleted", f"{service} is still being deleted, with {len(tasks)} tasks; {_said(state)}")
    if _deadlocked(state):
        return
    wanted = wanted_count(state, declared, world.scheduler.now)
    if wanted.pause is not None and wanted.pause.mode == "freeze":
        return
    aside = {one.task for one in state.operator.standbys}
    counting = [task for task in tasks if task.task_id not in aside]
    fresh = {one.task_id for one in state.tasks if one.managed and one.managed.deployment == declared.deployment}
    current = [task for task in running if task in counting and task.task_id in fresh]
    desired = wanted.count
    aging = declared.manifest.maximum_age is not None and not at_rest
    most = maximum_total(desired, declared.manifest.maximum_percent) if aging else desired
    if not desired <= len(counting) <= most or len(current) < min(desired, len(counting)):
        has = f"{service} has {len(counting)} tasks, {len(current)} running of {declared.deployment}"
        raise Violation("converges", f"{has}, and wants {desired}; {_said(state)}")
    if aging:
        if not _stuck(declared, desired):
            _none_too_old(world, state, counting)
        return
    _check_traffic(world, state, counting)
    _records_match(state, tasks, "STEADY" if wanted.pause is None else "PAUSED")
    if maximum_total(desired, declared.manifest.maximum_percent) > desired:
        lost = world.ecs.capacity.lost_zones
        _check_places(state, declared, counting, desired, lost)


def _check_traffic(world: World, state: ServiceState, tasks: list[EcsTask]) -> None:
    """All that count take traffic and are well, and nothing else takes any."""
    service = state.service
    groups = world.balancers.current(service, world.table)
    ill = [task for task in tasks if (task.sickness and groups) or task.health == "UNHEALTHY"]
    if ill and world.characters[service].terms.replaces:
        raise Violation("sickness ends", f"{len(ill)} tasks of {service} are unhealthy; {_said(state)}")
    world.watch.routing.check_rest(service, groups, tasks)


def _none_too_old(world: World, state: ServiceState, tasks: list[EcsTask]) -> None:
    assert state.declared is not None, "only a declared service has tasks of its own"
    limit = state.declared.manifest.maximum_age
    protected = {one.task for one in state.operator.protections}
    for task in tasks:
        age = world.scheduler.now - (task.observed.started_at or world.scheduler.now)
        if limit is not None and age > limit.seconds + AGE_GRACE_SECONDS and task.task_id not in protected:
            raise Violation("age", f"a task of {state.service} has run for {age:.0f} s")


def _records_match(state: ServiceState, tasks: list[EcsTask], steady: str) -> None:
    service = state.service
    known = {task.task_id for task in state.tasks if task.managed is not None}
    if known != {task.task_id for task in tasks} or state.launches:
        detail = f"{service} has {len(tasks)} tasks, {len(known)} on record and {len(state.launches)} open launches"
        raise Violation("records match", f"{detail}; {_said(state)}")
    if state.status.state != steady:
        raise Violation("converges", f"{service} has what it wants; {_said(state)}")


def _check_places(
    state: ServiceState, declared: DeclaredService, tasks: list[EcsTask], desired: int, lost_zones: set[str]
) -> None:
    """Zones are even and providers carry their shares."""
    manifest = declared.manifest
    carried = Counter(task.observed.capacity_provider or manifest.sources[0].name for task in tasks)
    shares = {name: count for name, count in share(desired, manifest.sources).items() if count}
    if len(manifest.sources) + len(manifest.fallback) > 1 and dict(carried) != shares:
        raise Violation("shares", f"{state.service} has {dict(carried)} where {shares} are meant; {_said(state)}")
    closed = lost_zones | {one.zone for one in state.cordons}
    zones = [zone for zone, _ in declared.zones if zone not in closed]
    crowds = Counter(task.observed.availability_zone for task in tasks)
    spread = [crowds[zone] for zone in zones]
    if ANY_ZONE not in zones and manifest.zone_rebalancing and spread and max(spread) - min(spread) > 1:
        raise Violation("zones", f"{state.service} has {dict(crowds)}; {_said(state)}")


def _deadlocked(state: ServiceState) -> bool:
    """Percentages that allow neither a start nor a stop: the deployment waits, and says so."""
    assert state.declared is not None, "only a declared service deploys"
    desired = state.capacity.desired_count if state.capacity else state.declared.manifest.starting_count
    return _stuck(state.declared, desired) and state.status.state in ("DEPLOYING", "RECONCILING")


def _stuck(declared: DeclaredService, desired: int) -> bool:
    """Whether nothing can start before something stops, and nothing may stop before something has started."""
    least, most = declared.manifest.minimum_healthy_percent, declared.manifest.maximum_percent
    return desired > 0 and minimum_healthy(desired, least) >= desired >= maximum_total(desired, most)


def _said(state: ServiceState) -> str:
    return f"it says {state.status.state}: {state.status.state_reason}"
