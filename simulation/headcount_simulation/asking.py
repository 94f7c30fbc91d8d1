"""What people ask for on a simulated day."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from headcount.operating import LEAST_OVERRIDE_SECONDS
from headcount_simulation.characters import CLUSTER, PERCENTAGES
from headcount_simulation.days import Happening
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.traffic import MOST_GROUPS
from headcount_simulation.world import World

Effect = Callable[[World, Happening], None]
REPAIRED_SECONDS: Final = 300.0  # after a good revision followed a bad one, until its tasks have all places


def target(world: World, happening: Happening) -> EcsTask | None:
    """One of the service's tasks that should run."""
    tasks = [task for task in world.ecs.of(happening.service) if task.observed.desired_status == "RUNNING"]
    return tasks[happening.number % len(tasks)] if tasks else None


def apply(world: World, happening: Happening) -> None:
    """The manifest with the revision and the percentages that people want now."""
    service = happening.service
    character = world.characters[service]
    revision = world.revisions.setdefault(service, 1)
    percentages = world.percentages.setdefault(service, character.percentages)
    manifest = character.manifest(revision, character.desired, percentages, world.balancers.entries(service))
    world.ask({"operation": "apply", "manifest": manifest}, service)


def _deploy(world: World, happening: Happening) -> None:
    world.revisions[happening.service] = world.revisions.get(happening.service, 1) + 1
    apply(world, happening)


def _deploy_bad(world: World, happening: Happening) -> None:
    """A revision whose tasks do not start; after a while a good one follows."""
    service = happening.service
    _deploy(world, happening)
    revision = f"web:{world.revisions[service]}"
    world.ecs.bad_revisions[service, revision] = "never starts"
    world.watch.fails_from_now(service)
    world.bad_until[service] = math.inf

    def repaired() -> None:
        if not world.is_quiet:
            _deploy(world, happening)
            world.bad_until[service] = world.scheduler.now + REPAIRED_SECONDS

    world.scheduler.after(happening.seconds, repaired)


def _balance(world: World, happening: Happening) -> None:
    """Another number of target groups; tasks that run are registered and taken out, none is replaced."""
    if happening.service in world.balancers.counts:
        world.balancers.counts[happening.service] = happening.number % (MOST_GROUPS + 1)
        apply(world, happening)


def _percentages(world: World, happening: Happening) -> None:
    world.percentages[happening.service] = PERCENTAGES[happening.number]
    apply(world, happening)


def _of_service(operation: str, **fields: Any) -> Effect:
    def effect(world: World, happening: Happening) -> None:
        world.ask({"operation": operation, "service": happening.service, **fields}, happening.service)

    return effect


def _scale(world: World, happening: Happening) -> None:
    request = {"operation": "scale", "service": happening.service, "desiredCount": happening.number}
    world.ask(request, happening.service)


def _pause(mode: str) -> Effect:
    """For a while, or until somebody resumes, who may give up."""

    def effect(world: World, happening: Happening) -> None:
        request: dict[str, Any] = {"operation": "pause", "service": happening.service, "mode": mode}
        if happening.number % 2:
            world.ask({**request, "untilSeconds": max(1, int(happening.seconds))}, happening.service)
            return
        world.ask(request, happening.service)
        resume = {"operation": "resume", "service": happening.service}
        world.scheduler.after(happening.seconds - 30.0, lambda: world.ask(resume, happening.service))

    return effect


def _override(world: World, happening: Happening) -> None:
    seconds = max(LEAST_OVERRIDE_SECONDS, int(happening.seconds))
    request = {"operation": "override", "service": happening.service, "count": happening.number, "forSeconds": seconds}
    world.ask(request, happening.service)


def _of_a_task(operation: str, **fields: Any) -> Effect:
    def effect(world: World, happening: Happening) -> None:
        task = target(world, happening)
        if task is not None:
            request = {"operation": operation, "service": happening.service, "tasks": [task.task_id], **fields}
            world.ask(request, happening.service)

    return effect


def _protect(world: World, happening: Happening) -> None:
    _of_a_task("protect", expiresInMinutes=max(1, int(happening.seconds // 60)))(world, happening)


def _standby(world: World, happening: Happening) -> None:
    """Set aside for a while."""
    task = target(world, happening)
    if task is None:
        return
    request: dict[str, Any] = {"operation": "standby", "service": happening.service, "tasks": [task.task_id]}
    world.watch.orders.set_aside.add(task.task_id)
    world.ask(request, happening.service)
    if happening.number % 3:
        world.scheduler.after(happening.seconds - 30.0, lambda: world.ask({**request, "end": True}, happening.service))


def _cordon(*, evacuate: bool) -> Effect:
    """For a while; every other time somebody comes earlier to lift it."""

    def effect(world: World, happening: Happening) -> None:
        request = {"operation": "cordon", "cluster": CLUSTER, "zone": happening.word, "evacuate": evacuate}
        world.ask({**request, "untilSeconds": max(1, int(happening.seconds))}, happening.service)
        if happening.number % 2:
            lift = {"operation": "uncordon", "cluster": CLUSTER, "zone": happening.word}
            world.scheduler.after(happening.seconds / 2.0, lambda: world.ask(lift, happening.service))

    return effect


ASKED: Final[Mapping[str, Effect]] = {
    "create": apply,
    "deploy": _deploy,
    "bad revision": _deploy_bad,
    "percentages": _percentages,
    "balance": _balance,
    "scale": _scale,
    "delete": _of_service("delete"),
    "redeploy": _of_service("redeploy"),
    "rollback": _of_service("rollback"),
    "protect": _protect,
    "pause": _pause("stop"),
    "freeze": _pause("freeze"),
    "override": _override,
    "standby": _standby,
    "stop task": _of_a_task("stopTask"),
    "stop task for good": _of_a_task("stopTask", lowerCount=True),
    "cordon": _cordon(evacuate=False),
    "evacuate": _cordon(evacuate=True),
}
