"""Who goes first when there are too many: the service's own order of named rules (``scaleIn.prefer``)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from heapq import heapify, heappop, heapreplace

from headcount.model.task import Task, capacity_of, zone_of
from headcount.model.values import dataclass
from headcount.planning.backoff import launched_at
from headcount.planning.stock import deployment_of

_Places = tuple[tuple[str, str], ...]
_Queue = list[tuple[tuple[float, ...], str, Task]]
_Said = tuple[float | str, ...]

# Smaller goes first.
_RANKS: Mapping[str, Callable[[Task, "ScaleInOrder"], float]] = {
    "notRunning": lambda task, _: task.observed.last_status == "RUNNING",
    "unhealthy": lambda task, order: (
        task.task_id not in order.sick and not (task.health is not None and task.health.status == "UNHEALTHY")
    ),
    "oldRevision": lambda task, order: deployment_of(task) == order.deployment,
    "newest": lambda task, _: -launched_at(task),
    "oldest": lambda task, _: launched_at(task),
}

# The fullest place goes first. How full it is changes with every task that goes.
_PLACES: Mapping[str, Callable[[Task], str]] = {
    "crowdedCapacityProvider": capacity_of,
    "crowdedZone": zone_of,
    "crowdedInstance": lambda task: task.observed.container_instance or "",
}
_SHARED = frozenset({"crowdedCapacityProvider", "crowdedZone"})  # there are few of them, and many tasks in each


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleInOrder:
    """The rules in force, first one first, and the deployment that counts as the new one.

    ``shares``: how many tasks each capacity provider should keep, so that base and weights stay true. ``sick``: the ids
    of tasks that are unhealthy.
    """

    prefer: tuple[str, ...]
    deployment: str
    shares: Mapping[str, int] = field(default_factory=dict)
    sick: frozenset[str] = frozenset()


def choose_victims(
    candidates: Iterable[Task], count: int, order: ScaleInOrder, staying: Iterable[Task] = ()
) -> tuple[Task, ...]:
    """The ``count`` tasks to stop, first victim first. The same input gives the same victims, in any order of tasks.

    ``staying``: tasks that may not be chosen, and take up room in their zone all the same.
    """
    tasks = list(candidates)
    if count <= 0 or not tasks:
        return ()
    crowded = [rule for rule in order.prefer if rule in _PLACES]
    crowds = Counter((rule, _PLACES[rule](task)) for task in (*tasks, *staying) for rule in crowded)
    for capacity, tasks_kept in order.shares.items():
        crowds["crowdedCapacityProvider", capacity] -= tasks_kept
    # Tasks in the same places differ only by rank, so the first of each queue stands for all of it.
    queues: dict[_Places, _Queue] = defaultdict(list)
    for task in tasks:
        places = tuple((rule, _PLACES[rule](task)) for rule in crowded)
        queues[places].append((_ranks(task, order), task.task_id, task))
    for queue in queues.values():
        queue.sort(key=lambda ranked: ranked[:2], reverse=True)
    return _drawn(queues, count, order, crowds)


def _drawn(
    queues: Mapping[_Places, _Queue], count: int, order: ScaleInOrder, crowds: Counter[tuple[str, str]]
) -> tuple[Task, ...]:
    """One victim after the other off the queues.

    There may be thousands of instances, so queues that differ only by instance share a heap. What is said of a task
    only ever grows less urgent, as places empty: a heap is right as soon as what is on top of it is.
    """
    within, everything = _slots(order, shared=False), _slots(order, shared=True)
    heaps: dict[_Places, list[tuple[_Said, _Places]]] = defaultdict(list)
    for places, queue in queues.items():
        shared = tuple(place for place in places if place[0] in _SHARED)
        heaps[shared].append((_urgency(places, queue, within, crowds), places))
    for heap in heaps.values():
        heapify(heap)

    def full(places: _Places) -> _Said:
        return _urgency(places, queues[places], everything, crowds)

    victims: list[Task] = []
    while len(victims) < count and heaps:
        tops: dict[_Places, _Places] = {}
        for shared, heap in heaps.items():
            while (said := _urgency(heap[0][1], queues[heap[0][1]], within, crowds)) != heap[0][0]:
                heapreplace(heap, (said, heap[0][1]))
            tops[shared] = heap[0][1]
        chosen = next(iter(tops)) if len(tops) == 1 else min(tops, key=lambda shared: full(tops[shared]))
        places = tops[chosen]
        victims.append(queues[places].pop()[-1])
        for place in places:
            crowds[place] -= 1
        if not queues[places]:
            heappop(heaps[chosen])
            if not heaps[chosen]:
                del heaps[chosen]
    return tuple(victims)


def _ranks(task: Task, order: ScaleInOrder) -> tuple[float, ...]:
    return tuple(_RANKS[rule](task, order) for rule in order.prefer if rule in _RANKS)


def _slots(order: ScaleInOrder, *, shared: bool) -> list[tuple[bool, int]]:
    """Where the answer of each rule is found, in the rules' order: (whether among the places, index)."""
    slots: list[tuple[bool, int]] = []
    places = ranks = 0
    for rule in order.prefer:  # a newer record may name others
        if rule in _PLACES:
            slots += [(True, places)] if shared or rule not in _SHARED else []
            places += 1
        elif rule in _RANKS:
            slots.append((False, ranks))
            ranks += 1
    return slots


def _urgency(
    places: _Places, queue: _Queue, slots: Sequence[tuple[bool, int]], crowds: Mapping[tuple[str, str], int]
) -> _Said:
    """What the rules say of the first task of a queue; its id decides between equals."""
    ranks, task_id, _ = queue[-1]
    return (*[-crowds[places[index]] if is_place else ranks[index] for is_place, index in slots], task_id)
