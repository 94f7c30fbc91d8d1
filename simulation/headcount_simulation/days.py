"""What happens in a simulated day: what people do, and what goes wrong. Drawn from a seed, or written down."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

from headcount.model.values import dataclass, replace
from headcount_simulation.calls import EFFECTS
from headcount_simulation.characters import (
    CLUSTER,
    PERCENTAGES,
    WITNESS,
    ZONES,
    Character,
    draw_character,
    with_traffic,
)
from headcount_simulation.instances import MACHINES, SPOT_MACHINES
from headcount_simulation.instants import HOUR
from headcount_simulation.scaled import draw_scaled
from headcount_simulation.traffic import Traffic

DAY: Final = 24 * HOUR
QUIET_AT: Final = 21 * HOUR  # nothing goes wrong after that
GIVES_UP: Final = 0.5  # how likely a person who got no answer leaves it at that
ASKS_TWICE: Final = 0.1  # how likely a person sends a request again although it was answered
EVENING: Final = 0.5  # how likely a zone is lost at the end of a day, so that all is uneven then
BOUND: Final = 45 * 60.0  # within which everything has converged
FUNCTIONS: Final = ("reconcile", "reconcile", "reconcile", "reconcile", "observe", "audit", "control", "wake")
WITNESS_BALANCED: Final = 0.7  # how likely it has a target group
LAST_LOAD_AT: Final = QUIET_AT - HOUR  # what comes of it is there when everything is at rest
FAULTS_OF_SCALING: Final = 5  # a service that scales, at least
FALLS_TWICE: Final = 0.5  # how often a load falls again when what came of its first change has just been done
FALLS_AGAIN: Final = (16 * 60.0, 22 * 60.0)
WITNESSED: Final = 0.25  # how likely a day has a witness
COMPANY: Final = 0.8  # how likely a fault strikes near something else
# people's doings; everything else that happens is a fault
DOINGS: Final = frozenset(
    {
        *("create", "scale", "deploy", "percentages", "delete", "protect", "pause", "freeze", "override"),
        *("standby", "stop task", "stop task for good", "redeploy", "rollback", "bad revision", "cordon", "evacuate"),
        *("balance", "load"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happens ``at`` seconds into the day. ``happenings.py`` says what the fields mean to a kind."""

    at: float
    kind: str
    service: str = ""
    number: int = 0
    seconds: float = 0.0
    word: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether it goes wrong, rather than being asked for."""
        return self.kind not in DOINGS

    def __str__(self) -> str:
        parts = [self.kind, self.service, self.word]
        said = " ".join(part for part in parts if part)
        return f"{said} number={self.number}" + (f" for {self.seconds:.0f} s" if self.seconds else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of some services. ``seed`` decides every delay that the happenings leave open."""

    seed: int
    characters: tuple[Character, ...]
    happenings: tuple[Happening, ...]
    quiet_at: float = QUIET_AT
    ends_at: float = DAY
    bound: float = BOUND
    gives_up: float = GIVES_UP
    asks_twice: float = 0.0

    @property
    def faults(self) -> int:
        """How much goes wrong."""
        return sum(one.is_fault for one in self.happenings)


def draw_day(seed: int, faults_a_service: int = 20) -> Day:
    """A day of one to four services with at least so many faults for each.

    One day in four has a witness too: a service to which nothing happens but that its tasks are taken away now and
    then, while everything goes wrong with its neighbours.
    """
    random = Random(seed)
    services = [f"{CLUSTER}/s{number}" for number in range(random.randint(1, 4))]
    characters = [draw_character(random, service) for service in services]
    traffic = Random(f"{seed} traffic")  # apart, so that what else is drawn stays
    characters = [with_traffic(traffic, character) for character in characters]
    scaling = Random(f"{seed} scaling")
    characters = [replace(character, scaled=draw_scaled(scaling)) for character in characters]
    targeted = random.random() < WITNESSED
    doings = (_OF_A_SERVICE, 0) if targeted else (_OF_A_SERVICE, CORDONS)
    happenings = [one for service in services for one in _doings(random, service, *doings)]
    busy = [one.at for one in happenings]
    number = faults_a_service * len(services)
    weights = _weights(characters, targeted=targeted)
    happenings += [_fault(random, random.choice(services), busy, weights) for _ in range(number)]
    if not targeted and random.random() < EVENING:
        at = QUIET_AT - random.uniform(60.0, HOUR / 2)
        zone = random.choice(sorted(ZONES.values()))
        happenings.append(Happening(at=at, kind="zone goes", service=services[0], word=zone, seconds=QUIET_AT - at))
    for character in characters:
        happenings += _traffic(traffic, character, busy, faults_a_service // 3, targeted=targeted)
    for character in characters:
        happenings += _scaling(scaling, character, busy, targeted=targeted)
    if targeted:
        balanced = traffic.random() < WITNESS_BALANCED
        characters.append(replace(_WITNESS, traffic=_WITNESSED_TRAFFIC if balanced else None))
        happenings += _sickness_of_the_witness(traffic) if balanced else []
        happenings += _life_of_the_witness(random, faults_a_service)
    in_order = tuple(sorted(happenings, key=lambda one: one.at))
    return Day(seed=seed, characters=tuple(characters), happenings=in_order, asks_twice=ASKS_TWICE)


def _weights(characters: Sequence[Character], *, targeted: bool) -> Mapping[str, int]:
    """Only what can befall one of the services, and on a day with a witness nothing that can befall that."""
    if targeted:
        return {kind: weight for kind, weight in _WEIGHTS.items() if kind in _ONE_SERVICE}
    machines = any(character.uses_machines for character in characters)
    return {kind: weight for kind, weight in _WEIGHTS.items() if machines or kind not in OF_MACHINES}


def _life_of_the_witness(random: Random, count: int) -> list[Happening]:
    """Losses come in pairs, the second while the first is being healed. For some hours a bad revision is deployed."""
    life = [Happening(at=10.0, kind="create", service=WITNESS)]
    apart = (QUIET_AT - HOUR) / count
    for number in range(count):
        at = HOUR / 2 + apart * number + random.uniform(0.0, apart / 2)
        for when in (at, at + random.uniform(6.0, 60.0)):
            kind = random.choice(("foreign stop", "spot notice", "retirement"))
            life.append(Happening(at=when, kind=kind, service=WITNESS, number=random.randint(0, 9), seconds=HOUR))
    begins = random.uniform(2 * HOUR, 12 * HOUR)
    life.append(Happening(at=begins, kind="bad revision", service=WITNESS, seconds=random.uniform(HOUR / 2, 2 * HOUR)))
    return life


def _sickness_of_the_witness(random: Random) -> list[Happening]:
    """A task of it hangs for good, in the morning, at noon and in the evening."""
    times = [random.uniform(begins * HOUR, (begins + 4) * HOUR) for begins in (2, 8, 14)]
    hangs = 4  # what the number means stands in ``traffic_happenings.py``
    return [Happening(at=at, kind="task sickens", service=WITNESS, number=hangs, seconds=HOUR) for at in times]


def _doings(random: Random, service: str, kinds: Sequence[str], cordons: int) -> list[Happening]:
    """Applied in the first minutes; then scaled, deployed, paused, deleted and created again over the day."""
    doings = [Happening(at=random.uniform(0.0, 300.0), kind="create", service=service)]
    for _ in range(random.randint(4, 7)):
        at = random.uniform(HOUR / 4, QUIET_AT - 60.0)
        doings.append(_doing(random, service, at, random.choice(kinds)))
        if random.random() < 0.4:  # people do two things at once
            kind, number = random.choice((("scale", 3), ("deploy", 0), ("scale", 1)))
            doings.append(Happening(at=at + random.uniform(0.0, 45.0), kind=kind, service=service, number=number))
    for _ in range(random.randint(0, cordons)):
        at = random.uniform(HOUR / 4, QUIET_AT - 60.0)
        doings.append(_doing(random, service, at, random.choice(("cordon", "evacuate"))))
    return doings


def _traffic(random: Random, character: Character, busy: list[float], count: int, *, targeted: bool) -> list[Happening]:
    """What befalls the traffic of a service, and people who change its target groups."""
    if character.traffic is None and not character.checks_health:
        return []
    weights = _TRAFFIC if character.traffic is not None else {kind: _TRAFFIC[kind] for kind in _SICKNESS}
    if targeted:
        weights = {kind: weight for kind, weight in weights.items() if kind not in _OF_ELB}
    life = [_fault(random, character.service, busy, weights) for _ in range(count)]
    for _ in range(random.randint(0, 3)):
        at = random.uniform(HOUR / 4, QUIET_AT - 60.0)
        life.append(Happening(at=at, kind="balance", service=character.service, number=random.randint(0, 3)))
    return life


def _scaling(random: Random, character: Character, busy: list[float], *, targeted: bool) -> list[Happening]:
    """The load of a service over the day, and what befalls those who look after its count."""
    if character.scaled is None:
        return []
    life: list[Happening] = []
    for _ in range(random.randint(2, 6)):
        at, number = random.uniform(HOUR / 2, LAST_LOAD_AT), random.randint(10, 100 * character.scaled.maximum)
        life.append(Happening(at=at, kind="load", service=character.service, number=number))
        if random.random() < FALLS_TWICE:
            again = replace(life[-1], at=min(at + random.uniform(*FALLS_AGAIN), LAST_LOAD_AT), number=number // 3)
            life.append(again)
    weights = {kind: weight for kind, weight in _SCALING.items() if not (targeted and kind in _OF_CLOUDWATCH)}
    return life + [
        _fault(random, character.service, [*busy, *(one.at for one in life)], weights) for _ in range(FAULTS_OF_SCALING)
    ]


def _doing(random: Random, service: str, at: float, kind: str) -> Happening:
    number = random.choice((0, 1, 2, 3, 4, 5, 6, 12)) if kind != "percentages" else random.randrange(len(PERCENTAGES))
    longest = HOUR / 2 if kind in ("protect", "bad revision") else 2 * HOUR
    seconds = min(random.uniform(60.0, longest), max(60.0, QUIET_AT - at))
    zone = random.choice(sorted(ZONES.values())) if kind in ("cordon", "evacuate") else ""
    return Happening(at=at, kind=kind, service=service, number=number, seconds=seconds, word=zone)


def _fault(random: Random, service: str, busy: list[float], weights: Mapping[str, int]) -> Happening:
    """Most faults strike around the time of something else: alone they are harmless."""
    kind = random.choices(list(weights), weights=list(weights.values()))[0]
    at = random.uniform(60.0, QUIET_AT - 60.0)
    if random.random() < COMPANY:
        at = min(max(1.0, random.choice(busy) + random.gauss(0.0, 120.0)), QUIET_AT - 60.0)
    busy.append(at)
    fault = Happening(at=at, kind=kind, service=service, number=random.randint(0, 9))
    return _DETAILS.get(kind, _plain)(random, fault)


def _plain(random: Random, fault: Happening) -> Happening:
    del random
    return fault


def _lasting(least: float, most: float) -> Callable[[Random, Happening], Happening]:
    def detail(random: Random, fault: Happening) -> Happening:
        seconds = min(random.uniform(least, most), QUIET_AT - fault.at)
        return replace(fault, seconds=seconds)

    return detail


def _call(random: Random, fault: Happening) -> Happening:
    effect = random.choice(EFFECTS)
    seconds = random.uniform(25.0, 200.0) if effect.startswith("freeze") else random.uniform(0.5, 24.0)
    return replace(fault, seconds=seconds, word=f"{random.choice(FUNCTIONS)}:{effect}")


def _keepers_call(random: Random, fault: Happening) -> Happening:
    """The next look at the load balancing of a service meets with it."""
    drawn = _call(random, fault)
    return replace(drawn, word=f"balance:{drawn.word.partition(':')[2]}")


def _deciders_call(random: Random, fault: Happening) -> Happening:
    """The next look at the count of a service meets with it."""
    drawn = _call(random, fault)
    return replace(drawn, word=f"scale:{drawn.word.partition(':')[2]}")


def _outage(random: Random, fault: Happening) -> Happening:
    seconds = min(random.choice((20.0, 120.0, 600.0, 3600.0)) * random.random(), QUIET_AT - fault.at)
    return replace(fault, seconds=seconds, word=random.choice(("ecs", "table", "queues", "all")))


def _zone(random: Random, fault: Happening) -> Happening:
    return replace(_lasting(60.0, HOUR)(random, fault), word=random.choice(sorted(ZONES.values())))


def _no_capacity(random: Random, fault: Happening) -> Happening:
    """``FARGATE_SPOT@eu-west-1a``: refused in a zone, by a provider, by one in one, everywhere."""
    zone = random.choice(("*", *sorted(ZONES.values())))
    capacity = random.choice(("*", "*", "FARGATE_SPOT", "FARGATE_SPOT", "FARGATE", SPOT_MACHINES, MACHINES))
    return replace(_lasting(60.0, HOUR)(random, fault), word=f"{capacity}@{zone}")


_WEIGHTS: Final = {
    "call": 40,
    "task crashes": 10,
    "foreign stop": 5,
    "spot notice": 6,
    "task vanishes": 2,
    "tasks crash": 2,
    "tasks never start": 2,
    "tasks get stuck": 1,
    "tasks are slow": 2,
    "no capacity": 5,
    "zone goes": 1,
    "RunTask refused": 1,
    "events lost": 3,
    "events doubled": 3,
    "events late": 4,
    "outage": 3,
    "all functions end": 2,
    "clock skew": 1,
    "kicks delivered twice": 6,
    "timer lost": 3,
    "timer doubled": 1,
    "index is stale": 2,
    "ECS lags": 2,
    "foreign task": 2,
    "record lost": 2,
    "records of a newer version": 2,
    "records of the previous version": 2,
    "retirement": 3,
    "garbled messages": 2,
    "instance drains": 4,
    "instance goes": 4,
    "agent disconnects": 4,
    "Spot machine interrupted": 3,
}
_TRAFFIC: Final[Mapping[str, int]] = {
    "task sickens": 6,
    "tasks sicken": 3,
    "task flaps": 2,
    "tasks start slowly": 2,
    "target group deleted": 1,
    "foreign target": 2,
    "target taken out": 2,
    "ELB lags": 1,
    "ELB fails": 3,
    "keeper's call": 4,
}
_SCALING: Final[Mapping[str, int]] = {
    "decider's call": 5,
    "metrics missing": 2,
    "metrics late": 1,
    "look lost": 2,
    "look doubled": 1,
    "look's timer lost": 2,
    "schedule lost": 1,
    "CloudWatch fails": 2,
}
_OF_CLOUDWATCH: Final = ("CloudWatch fails",)
_SICKNESS: Final = ("task sickens", "tasks sicken", "task flaps")
_OF_ELB: Final = ("ELB lags", "ELB fails", "keeper's call")
OF_MACHINES: Final = ("instance drains", "instance goes", "agent disconnects", "Spot machine interrupted")
_ONE_SERVICE: Final = (
    "call",
    "task crashes",
    "foreign stop",
    "spot notice",
    "task vanishes",
    "tasks crash",
    "tasks never start",
    "tasks get stuck",
    "tasks are slow",
    "RunTask refused",
    "kicks delivered twice",
    "foreign task",
    "records of a newer version",
    "records of the previous version",
    "retirement",
    "garbled messages",
)
_OF_A_SERVICE: Final = (
    *("scale", "scale", "scale", "deploy", "deploy", "percentages", "protect", "delete", "create", "create"),
    *("pause", "freeze", "override", "standby", "stop task", "stop task for good", "redeploy", "rollback"),
    "bad revision",
)
CORDONS: Final = 1  # a service and day, at most
_WITNESS: Final = Character(
    service=WITNESS,
    desired=3,
    percentages=(100, 200),
    subnets=("subnet-a", "subnet-b"),
    restarts={},
    deadlines={},
    checks_health=False,
)
_WITNESSED_TRAFFIC: Final = Traffic(groups=1, delay=5, interval=5)
_DETAILS: Final[Mapping[str, Callable[[Random, Happening], Happening]]] = {
    "call": _call,
    "outage": _outage,
    "no capacity": _no_capacity,
    "zone goes": _zone,
    "retirement": _lasting(1200.0, 3 * HOUR),
    "instance drains": _lasting(300.0, HOUR),
    "instance goes": _lasting(60.0, HOUR / 2),
    "agent disconnects": _lasting(20.0, HOUR),
    "tasks crash": _lasting(120.0, 2 * HOUR),
    "tasks never start": _lasting(120.0, 2 * HOUR),
    "tasks get stuck": _lasting(60.0, HOUR),
    "tasks are slow": _lasting(60.0, HOUR),
    "RunTask refused": _lasting(60.0, HOUR),
    "events lost": _lasting(60.0, HOUR),
    "events doubled": _lasting(60.0, HOUR),
    "events late": _lasting(60.0, HOUR),
    "clock skew": _lasting(60.0, HOUR),
    "index is stale": _lasting(60.0, HOUR),
    "records of a newer version": _lasting(30.0, HOUR / 4),
    "ECS lags": _lasting(60.0, HOUR),
    "task sickens": _lasting(30.0, HOUR / 2),
    "tasks sicken": _lasting(30.0, HOUR / 2),
    "task flaps": _lasting(120.0, HOUR / 2),
    "tasks start slowly": _lasting(60.0, HOUR),
    "target group deleted": _lasting(60.0, HOUR / 4),
    "ELB lags": _lasting(60.0, HOUR / 2),
    "ELB fails": _lasting(10.0, HOUR / 2),
    "keeper's call": _keepers_call,
    "decider's call": _deciders_call,
    "metrics missing": _lasting(300.0, 2 * HOUR),
    "metrics late": _lasting(300.0, 2 * HOUR),
    "CloudWatch fails": _lasting(30.0, HOUR),
}


def without(day: Day, dropped: Sequence[Happening]) -> Day:
    """The same day without some of its happenings."""
    gone = set(map(id, dropped))
    return replace(day, happenings=tuple(one for one in day.happenings if id(one) not in gone))
