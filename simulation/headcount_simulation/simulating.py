"""Running a day to its end, and what must hold then."""

from dataclasses import dataclass

from headcount.model.percentages import maximum_total, minimum_healthy
from headcount.model.service import ServiceState
from headcount_simulation.days import Day
from headcount_simulation.ecs import EcsTask
from headcount_simulation.happenings import cease, happen
from headcount_simulation.parts import REAL, Parts
from headcount_simulation.watch import Violation
from headcount_simulation.world import STARTS_AT, World


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


def simulate(day: Day, parts: Parts = REAL, *, keep_story: bool = False) -> Outcome:
    """Run a day."""
    world = World(day, parts, keep_story=keep_story)
    world.at(day.quiet_at, world.calls.stop_naming)
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
        one.is_fault and one.kind not in ("call", "events lost", "events doubled", "events late")
        for one in day.happenings
    )


def _live(world: World) -> None:
    day = world.day
    for happening in day.happenings:
        world.at(happening.at, lambda happening=happening: happen(world, happening))  # type: ignore[misc]  # bound early
    world.at(day.quiet_at, lambda: cease(world))
    world.run(day.quiet_at + day.bound)
    for character in day.characters:
        _has_converged(world, world.state(character.service))
    world.watch.settled_at = world.scheduler.now
    world.run(day.ends_at)
    for character in day.characters:
        _has_converged(world, world.state(character.service))


def _has_converged(world: World, state: ServiceState) -> None:
    service, declared = state.service, state.declared
    tasks = world.tasks(service)
    running = [task for task in tasks if task.observed.last_status == "RUNNING"]
    if declared is None:
        if any(task.task_id not in world.watch.unrecorded for task in tasks):
            raise Violation("deleted", f"{service} is not declared and has {len(tasks)} tasks")
        return
    if declared.deleting_at is not None:
        raise Violation("deleted", f"{service} is still being deleted, with {len(tasks)} tasks; {_said(state)}")
    if _deadlocked(state):
        return
    desired = state.capacity.desired_count if state.capacity else declared.manifest.desired_count
    current = [task for task in running if task.observed.task_definition_arn == declared.task_definition_arn]
    if len(current) != desired or len(tasks) != desired:
        detail = (
            f"{service} has {len(tasks)} tasks, {len(current)} running of {declared.deployment}, and wants {desired}"
        )
        raise Violation("converges", f"{detail}; {_said(state)}")
    _records_match(state, tasks)


def _records_match(state: ServiceState, tasks: list[EcsTask]) -> None:
    service = state.service
    known = {task.task_id for task in state.tasks if task.managed is not None}
    if known != {task.task_id for task in tasks} or state.launches:
        detail = f"{service} has {len(tasks)} tasks, {len(known)} on record and {len(state.launches)} open launches"
        raise Violation("records match", f"{detail}; {_said(state)}")
    if state.status.state != "STEADY":
        raise Violation("converges", f"{service} has what it wants; {_said(state)}")


def _deadlocked(state: ServiceState) -> bool:
    """Percentages that allow neither a start nor a stop: the deployment waits, and says so."""
    assert state.declared is not None, "only a declared service deploys"
    manifest = state.declared.manifest
    desired = state.capacity.desired_count if state.capacity else manifest.desired_count
    least, most = manifest.minimum_healthy_percent, manifest.maximum_percent
    stuck = minimum_healthy(desired, least) >= desired >= maximum_total(desired, most)
    return desired > 0 and stuck and state.status.state == "DEPLOYING"


def _said(state: ServiceState) -> str:
    return f"it says {state.status.state}: {state.status.state_reason}"
