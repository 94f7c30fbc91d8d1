"""Who goes first when there are too many: the service's own order of named rules (``scaleIn.prefer``)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from headcount.model.task import Task, zone_of
from headcount.planning.backoff import launched_at
from headcount.planning.stock import deployment_of

CROWDED_ZONE = "crowdedZone"

# Smaller goes first. The zone rule is not here: it changes with every task that goes.
_KEYS: dict[str, Callable[[Task, str], float]] = {
    "notRunning": lambda task, _: task.observed.last_status == "RUNNING",
    "unhealthy": lambda task, _: not (task.health is not None and task.health.status == "UNHEALTHY"),
    "oldRevision": lambda task, current: deployment_of(task) == current,
    "newest": lambda task, _: -launched_at(task),
    "oldest": lambda task, _: launched_at(task),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleInOrder:
    """The rules in force, first one first, and the deployment that counts as the new one."""

    prefer: tuple[str, ...]
    deployment: str


def choose_victims(
    candidates: Iterable[Task], count: int, order: ScaleInOrder, crowd: Counter[str] | None = None
) -> tuple[Task, ...]:
    """The ``count`` tasks to stop, first victim first. The same input gives the same victims, in any order of tasks.

    ``crowd`` counts the tasks of each zone, those that may not be chosen too; without it only the candidates count.
    """
    tasks = list(candidates)
    if count <= 0 or not tasks:
        return ()
    before, after = _around_zone_rule(order.prefer)
    ranked = [(_key(task, before, order), _key(task, after, order), task.task_id, task) for task in tasks]
    ranked.sort(key=itemgetter(0, 1, 2))
    if CROWDED_ZONE not in order.prefer:
        return tuple(task for *_, task in ranked[:count])
    zones = Counter(zone_of(task) for task in tasks) if crowd is None else crowd.copy()
    victims: list[Task] = []
    for _, alike in groupby(ranked, key=itemgetter(0)):
        victims.extend(_from_the_fullest_zones([task for *_, task in alike], count - len(victims), zones))
        if len(victims) >= count:
            break
    return tuple(victims)


def _from_the_fullest_zones(tasks: list[Task], count: int, zones: Counter[str]) -> list[Task]:
    """The first of the fullest zone, again and again; ``zones`` is kept up to date."""
    queues: dict[str, list[Task]] = defaultdict(list)
    for task in reversed(tasks):
        queues[zone_of(task)].append(task)
    victims: list[Task] = []
    while len(victims) < count and any(queues.values()):
        zone = max((zone for zone, queue in queues.items() if queue), key=lambda zone: (zones[zone], zone))
        victims.append(queues[zone].pop())
        zones[zone] -= 1
    return victims


def _around_zone_rule(prefer: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if CROWDED_ZONE not in prefer:
        return prefer, ()
    at = prefer.index(CROWDED_ZONE)
    return prefer[:at], prefer[at + 1 :]


def _key(task: Task, rules: tuple[str, ...], order: ScaleInOrder) -> tuple[float, ...]:
    return tuple(_KEYS[rule](task, order.deployment) for rule in rules)
