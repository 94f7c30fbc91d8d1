"""Which places the next tasks go to. A place is a capacity provider (or launch type) in a zone.

With ``awsvpc`` the zone is our choice: one zone's subnets a ``RunTask`` call. A place that refuses capacity is skipped
for a while. Where a provider refuses everywhere, the fallbacks follow in their order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from headcount.model.manifest import CapacitySource
from headcount.model.service import ANY_ZONE, Cordon, DeclaredService, ZoneRefusal
from headcount.model.task import Task, capacity_of, zone_of
from headcount.model.values import dataclass
from headcount.planning.sharing import furthest_behind, share

FIRST_SKIP_SECONDS = 15.0
LONGEST_SKIP_SECONDS = 300.0


class Place(NamedTuple):
    """A capacity provider or launch type, and a zone (``ANY_ZONE`` where ECS chooses it)."""

    capacity: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Every place that a service's tasks may go to, and what stands against it now.

    ``refusals`` are those in force. ``shares``: how many tasks each provider of the strategy should carry.
    """

    sources: tuple[CapacitySource, ...]
    fallback: tuple[CapacitySource, ...]
    zones: tuple[str, ...]
    strict: bool
    cordoned: frozenset[str]
    refusals: Mapping[Place, ZoneRefusal]
    shares: Mapping[str, int]

    def place_of(self, task: Task) -> Place:
        """Where a task is. One of which nobody wrote down the capacity is taken for the strategy's first."""
        return self._place_at(capacity_of(task), zone_of(task))

    def _place_at(self, capacity: str, zone: str) -> Place:
        anywhere = ANY_ZONE in self.zones
        return Place(self.sources[0].name if capacity == "unknown" else capacity, ANY_ZONE if anywhere else zone)

    def count(self, tasks: Sequence[Task]) -> Counter[Place]:
        """So many of the tasks in each place. A place is made for each place, not for each task: services are large."""
        crowds: dict[tuple[str, str], int] = {}
        for task in tasks:
            crowd = capacity_of(task), zone_of(task)
            crowds[crowd] = crowds.get(crowd, 0) + 1
        counted: Counter[Place] = Counter()
        for (capacity, zone), number in crowds.items():
            place = self._place_at(capacity, zone)
            counted[place] = counted.get(place, 0) + number
        return counted

    def usable(self, source: CapacitySource) -> list[str]:
        """The zones that a source is meant for, whether they refuse for now or not."""
        return [zone for zone in self.zones if zone not in self.cordoned and (not source.zones or zone in source.zones)]

    def open_to(self, source: CapacitySource) -> list[str]:
        """The zones in which a source takes tasks, as far as is known."""
        return [zone for zone in self.usable(source) if Place(source.name, zone) not in self.refusals]

    @property
    def are_open(self) -> bool:
        """Whether any place takes tasks, as far as is known."""
        return any(self.open_to(source) for source in (*self.sources, *self.fallback))

    @property
    def levels(self) -> Mapping[str, int]:
        """0 for the providers of the strategy, 1 and up for the fallbacks in their order."""
        levels = {source.name: index + 1 for index, source in reversed(list(enumerate(self.fallback)))}
        return levels | {source.name: 0 for source in self.sources}


def places_of(
    declared: DeclaredService, cordons: Iterable[Cordon], refusals: Iterable[ZoneRefusal], desired: int, now: float
) -> Places:
    """The places of a service as they stand at ``now``."""
    manifest = declared.manifest
    return Places(
        sources=manifest.sources,
        fallback=manifest.fallback,
        zones=tuple(zone for zone, _ in declared.zones),
        strict=manifest.strict_zone_spread,
        cordoned=frozenset(one.zone for one in cordons if one.until is None or one.until > now),
        refusals={
            Place(one.capacity, one.zone): one
            for one in refusals
            if now < one.until and one.deployment in (None, declared.deployment)
        },
        shares=share(desired, manifest.sources),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """How many tasks go to each place, and how many have none. ``blocked``: the sources that take none now."""

    tasks: Mapping[Place, int]
    short: int
    blocked: tuple[CapacitySource, ...] = ()


def place_tasks(count: int, places: Places, present: Counter[Place]) -> Placed:
    """Find a place for ``count`` tasks, one after the other. ``present`` counts those that are there.

    The source that is furthest behind its share comes first, in it the emptiest zone (by name where they are equal).
    """
    carried = Counter({source.name: 0 for source in places.sources})
    for place, tasks in present.items():
        carried[place.capacity] += tasks
    crowds = Counter(dict.fromkeys(places.zones, 0))
    for place, tasks in present.items():
        crowds[place.zone] += tasks
    placed: Counter[Place] = Counter()
    blocked: dict[str, CapacitySource] = {}
    takes = _Takes(places)
    for _ in range(count):
        chosen = _next_place(takes, carried, crowds, blocked)
        if chosen is None:
            break
        placed[chosen] += 1
        carried[chosen.capacity] += 1
        crowds[chosen.zone] += 1
        if places.strict:
            blocked.clear()  # the zones are filled otherwise now
    return Placed(tasks=dict(placed), short=count - placed.total(), blocked=tuple(blocked.values()))


class _Takes(dict[CapacitySource, list[str]]):
    """The zones that take tasks of a source, found out when it is asked for first: the same for all tasks of a plan."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places = places

    def __missing__(self, source: CapacitySource) -> list[str]:
        self[source] = zones = sorted(self.places.open_to(source))
        return zones


def _next_place(
    takes: _Takes, carried: Counter[str], crowds: Counter[str], blocked: dict[str, CapacitySource]
) -> Place | None:
    """Where the next task goes. A fallback takes only what no provider of the strategy takes: one that is short and
    open is filled before, however far another one is behind, or a task that returns might land on the fallback again.
    """
    while (source := _next_source(takes.places, carried, blocked)) is not None:
        zone = _zone_for(source, takes, crowds)
        if zone is not None:
            return Place(source.name, zone)
        blocked[source.name] = source
    if not blocked:
        return None
    fallback = ((source, _zone_for(source, takes, crowds)) for source in takes.places.fallback)
    return next((Place(source.name, zone) for source, zone in fallback if zone is not None), None)


def _next_source(places: Places, carried: Counter[str], blocked: Mapping[str, CapacitySource]) -> CapacitySource | None:
    """Of the sources that are short of their share the one furthest behind."""
    short = [
        source
        for source in places.sources
        if source.name not in blocked and carried[source.name] < places.shares[source.name]
    ]
    return (furthest_behind(carried, short) or short[0]) if len(short) > 1 else next(iter(short), None)


def _zone_for(source: CapacitySource, takes: _Takes, crowds: Counter[str]) -> str | None:
    """The emptiest zone that takes tasks of a source. With strict spread no other than the emptiest one will do."""
    best = min(takes[source], key=crowds.__getitem__, default=None)  # of equal ones the first by name
    if best is None or not takes.places.strict:
        return best
    emptiest = min(crowds[zone] for zone in takes.places.usable(source))
    return best if crowds[best] <= emptiest else None


def refuse_place(before: ZoneRefusal | None, place: Place, reason: str, now: float, jitter: float) -> ZoneRefusal:
    """The place refused capacity: skip it, twice as long each time in a row, less up to half by ``jitter`` (0 to 1)."""
    again = before is not None and now - before.until < LONGEST_SKIP_SECONDS
    refusals = before.refusals + 1 if before is not None and again else 1
    skip = min(LONGEST_SKIP_SECONDS, FIRST_SKIP_SECONDS * 2.0 ** min(refusals - 1, 60)) * (1.0 - jitter / 2.0)
    return ZoneRefusal(
        zone=place.zone, capacity=place.capacity, refusals=refusals, since=now, until=now + skip, reason=reason
    )


def refusal_at(refusals: Iterable[ZoneRefusal], place: Place) -> ZoneRefusal | None:
    """What is remembered of a place."""
    return next((one for one in refusals if (one.capacity, one.zone) == (place.capacity, place.zone)), None)


def with_refusal(refusals: tuple[ZoneRefusal, ...], refusal: ZoneRefusal) -> tuple[ZoneRefusal, ...]:
    """The refusals with one place's replaced."""
    place = (refusal.capacity, refusal.zone)
    return (*(other for other in refusals if (other.capacity, other.zone) != place), refusal)


def places_used(declared: DeclaredService) -> frozenset[Place]:
    """Every place that tasks of a service may start in: of the declared deployment, and of the one before, whose tasks
    are kept alive while new ones fail.
    """
    return frozenset(
        Place(source.name, zone)
        for one in (declared, declared.previous)
        if one is not None
        for source in (*one.manifest.sources, *one.manifest.fallback)
        for zone, _ in one.zones
    )


def still_known(
    refusals: tuple[ZoneRefusal, ...], declared: DeclaredService, used: frozenset[Place], now: float
) -> tuple[ZoneRefusal, ...]:
    """The refusals worth remembering: of places still used, not of a forgotten deployment's requests, not long past."""
    if not refusals:
        return ()
    remember_seconds = max(LONGEST_SKIP_SECONDS, declared.manifest.capacity_return.after_seconds)
    deployments = (None, declared.deployment, declared.previous.deployment if declared.previous else None)
    return tuple(
        refusal
        for refusal in refusals
        if Place(refusal.capacity, refusal.zone) in used
        and refusal.deployment in deployments
        and now - refusal.until < remember_seconds
    )
