"""In steady state: moving tasks to where they should be. Zones made even, providers brought back to their shares, tasks
returned from a fallback, a few at a time.

Which tasks these are is read off where all are now: while a replacement starts there is one task too many, and it is
the one in the wrong place. Only that moves are under way is remembered (``ServiceStatus.moving``), for a count that was
lowered leaves tasks over as well.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from headcount.model.manifest import CapacitySource, Manifest
from headcount.model.percentages import maximum_total
from headcount.model.service import ZoneRefusal
from headcount.model.task import Task
from headcount.model.values import dataclass, replace
from headcount.planning.placement import Place, Places
from headcount.planning.replacing import Move, Moves
from headcount.planning.victims import ScaleInOrder, choose_victims

NOTHING = Moves(moves={}, wakes=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What rebalancing looks at. ``tasks``: those of the declared deployment that may be moved; ``staying``: those
    that may not. ``present``: how many of both, and of launches in flight, are in each place. ``refusals``: also those
    that are over, as long as they are remembered.
    """

    tasks: Sequence[Task]
    staying: Sequence[Task]
    present: Counter[Place]
    places: Places
    refusals: Sequence[ZoneRefusal]
    manifest: Manifest
    order: ScaleInOrder
    desired: int
    now: float

    @property
    def surplus(self) -> int:
        """Tasks too many: the replacements of moves under way, those in flight among them."""
        return max(0, self.present.total() - self.desired)

    def at_once(self, room: int) -> int:
        """How many tasks may be on the move: those that are on it already, and as many as make it a tenth by default,
        while there is ``room`` for them.
        """
        allowed = max(1, self.desired * self.manifest.capacity_return.at_once_percent // 100)
        return self.surplus + max(0, min(allowed - self.surplus, room))

    def carried(self) -> Counter[str]:
        """How many tasks each provider carries."""
        return _summed(self.present, lambda place: place.capacity)

    def choose(self, candidates: Sequence[Task], count: int) -> tuple[Task, ...]:
        """The candidates to be moved, by the service's own order; the others count for how full a place is.

        The crowded go first, whatever the order says: one that prefers the newest must not choose the replacement.
        """
        if count <= 0:
            return ()
        crowded = ("crowdedCapacityProvider", "crowdedZone")
        order = replace(self.order, prefer=(*crowded, *(one for one in self.order.prefer if one not in crowded)))
        chosen_from = {task.task_id for task in candidates}
        others = [task for task in (*self.tasks, *self.staying) if task.task_id not in chosen_from]
        return choose_victims(candidates, count, order, others)


def rebalance(balance: Balance) -> Moves:
    """The tasks to be moved now: the first of the three that finds any."""
    if maximum_total(balance.desired, balance.manifest.maximum_percent) <= balance.desired:
        return NOTHING  # nothing can start before something stops, and what runs is better than what may come
    wakes: tuple[float, ...] = ()
    for find in (return_from_fallback, restore_shares, even_out_zones):
        found = find(balance)
        wakes += found.wakes
        if found.moves:
            return Moves(moves=found.moves, wakes=wakes)
    return Moves(moves={}, wakes=wakes)


def return_from_fallback(balance: Balance) -> Moves:
    """Tasks on a fallback return once what they fell from has refused nothing for a while."""
    places = balance.places
    levels = places.levels
    if not any(levels.get(place.capacity, 1) for place in balance.present):
        return NOTHING
    away = [task for task in balance.tasks if levels.get(places.place_of(task).capacity, 1) > 0]
    names = " and ".join(source.name for source in places.sources)
    return Moves(
        moves={
            task.task_id: Move(reason=f"back from {places.place_of(task).capacity}: {names} takes tasks again")
            for task in balance.choose(away, balance.at_once(_room(balance)))
        },
        wakes=_trusted_again(balance),
    )


def restore_shares(balance: Balance) -> Moves:
    """Providers that carry more than base and weight give them, while another one carries less."""
    places, carried = balance.places, balance.carried()
    if len(places.sources) == 1:
        return NOTHING
    count = balance.at_once(_room(balance))
    moves: dict[str, Move] = {}
    for source in places.sources:
        excess = min(carried[source.name] - places.shares[source.name], count - len(moves))
        there = [task for task in balance.tasks if places.place_of(task).capacity == source.name] if excess > 0 else []
        for task in balance.choose(there, excess):
            moves[task.task_id] = Move(
                reason=f"{source.name} carries {carried[source.name]} tasks, its share is {places.shares[source.name]}"
            )
    return Moves(moves=moves, wakes=_trusted_again(balance))


def even_out_zones(balance: Balance) -> Moves:
    """Zones that have more tasks than others that take some (ECS: Availability Zone rebalancing).

    While a provider lacks tasks, what starts would go there first: the zones wait until it has its share.
    """
    places = balance.places
    if not balance.manifest.zone_rebalancing or len(places.zones) == 1 or _lacking(balance):
        return NOTHING
    even = [zone for zone in places.zones if all(zone in places.open_to(source) for source in places.sources)]
    crowds = _summed(balance.present, lambda place: place.zone)
    elsewhere = sum(tasks for zone, tasks in crowds.items() if zone not in even)
    quotas = _quotas(balance.desired - elsewhere, even, crowds)
    count = balance.at_once(room=balance.desired)
    moves: dict[str, Move] = {}
    for zone in even:
        excess = min(crowds[zone] - quotas[zone], count - len(moves))
        there = [task for task in balance.tasks if places.place_of(task).zone == zone] if excess > 0 else []
        for task in balance.choose(there, excess):
            moves[task.task_id] = Move(reason=f"{zone} has {crowds[zone]} tasks, {quotas[zone]} would be even")
    usable = {zone for source in places.sources for zone in places.usable(source)}
    uneven = usable and max(crowds[zone] for zone in usable) - min(crowds[zone] for zone in usable) > 1
    closed = [one.until for place, one in places.refusals.items() if uneven and place.zone in usable]
    return Moves(moves=moves, wakes=tuple(closed))


def _quotas(count: int, zones: Sequence[str], crowds: Counter[str]) -> dict[str, int]:
    """How many tasks each zone should have: equally many, and what is left over where most are already."""
    if not zones:
        return {}
    each, left = divmod(max(0, count), len(zones))
    fullest = sorted(zones, key=lambda zone: (-crowds[zone], zone))
    return {zone: each + (index < left) for index, zone in enumerate(fullest)}


def _lacking(balance: Balance) -> Mapping[CapacitySource, int]:
    """The providers that carry less than their share, and by how much."""
    carried, shares = balance.carried(), balance.places.shares
    missing = ((source, shares[source.name] - carried[source.name]) for source in balance.places.sources)
    return {source: tasks for source, tasks in missing if tasks > 0}


def _room(balance: Balance) -> int:
    """How many tasks the providers that lack some take now: those that are open and are trusted again."""
    return sum(
        tasks
        for source, tasks in _lacking(balance).items()
        if balance.places.open_to(source) and _quiet_at(source.name, balance) <= balance.now
    )


def _trusted_again(balance: Balance) -> tuple[float, ...]:
    """When providers that lack tasks, and refused some lately, are trusted again."""
    return tuple(at for source in _lacking(balance) if (at := _quiet_at(source.name, balance)) > balance.now)


def _quiet_at(capacity: str, balance: Balance) -> float:
    """From when on a provider that refused is trusted with tasks that run elsewhere."""
    after = balance.manifest.capacity_return.after_seconds
    return max((one.until + after for one in balance.refusals if one.capacity == capacity), default=0.0)


def _summed(present: Counter[Place], by: Callable[[Place], str]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for place, tasks in present.items():
        sums[by(place)] += tasks
    return sums
