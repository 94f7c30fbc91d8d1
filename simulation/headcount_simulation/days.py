"""What happens in a simulated day: what people do, and what goes wrong. Drawn from a seed, or written down."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from headcount_simulation.calls import EFFECTS

CLUSTER: Final = "prod"
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
QUIET_AT: Final = 21 * HOUR  # nothing goes wrong after that
GIVES_UP: Final = 0.5  # how likely a person who got no answer leaves it at that
BOUND: Final = 45 * 60.0  # within which everything has converged
ZONES: Final = {"subnet-a": "zone-a", "subnet-b": "zone-b", "subnet-c": "zone-c"}
FUNCTIONS: Final = ("reconcile", "reconcile", "reconcile", "reconcile", "observe", "audit", "control", "wake")
WITNESS: Final = f"{CLUSTER}/witness"
WITNESSED: Final = 0.25  # how likely a day has a witness
COMPANY: Final = 0.8  # how likely a fault strikes near something else
LARGE: Final = 0.02  # how likely a service is large
PERCENTAGES: Final = ((100, 200), (0, 100), (50, 200), (0, 200), (0, 150), (50, 100))
# people's doings; everything else that happens is a fault
DOINGS: Final = frozenset({"create", "scale", "deploy", "percentages", "delete", "protect"})


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
class Character:
    """What a service is like for the whole day, beside what people change."""

    service: str
    desired: int
    percentages: tuple[int, int]
    subnets: tuple[str, ...]
    restarts: Mapping[str, float]
    deadlines: Mapping[str, float]
    checks_health: bool

    def manifest(self, revision: int, desired: int, percentages: tuple[int, int]) -> dict[str, Any]:
        """The manifest that is applied."""
        return {
            "kind": "Service",
            "cluster": CLUSTER,
            "serviceName": self.service.partition("/")[2],
            "taskDefinition": f"web:{revision}",
            "desiredCount": desired,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": list(self.subnets)}},
            "deploymentConfiguration": {"minimumHealthyPercent": percentages[0], "maximumPercent": percentages[1]},
            "restarts": dict(self.restarts),
            "deadlines": dict(self.deadlines),
        }


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

    @property
    def faults(self) -> int:
        """How much goes wrong."""
        return sum(one.is_fault for one in self.happenings)


def draw_day(seed: int, faults_a_service: int = 24) -> Day:
    """A day of one to four services with at least so many faults for each.

    One day in four has a witness too: a service to which nothing happens but that its tasks are taken away now and
    then, while everything goes wrong with its neighbours.
    """
    random = Random(seed)
    services = [f"{CLUSTER}/s{number}" for number in range(random.randint(1, 4))]
    weights = _TARGETED if random.random() < WITNESSED else _WEIGHTS
    happenings = [one for service in services for one in _doings(random, service)]
    busy = [one.at for one in happenings]
    number = faults_a_service * len(services)
    happenings += [_fault(random, random.choice(services), busy, weights) for _ in range(number)]
    characters = [_character(random, service) for service in services]
    if weights is _TARGETED:
        characters.append(_WITNESS)
        happenings += _losses_of_the_witness(random, faults_a_service)
    return Day(seed=seed, characters=tuple(characters), happenings=tuple(sorted(happenings, key=lambda one: one.at)))


def _losses_of_the_witness(random: Random, count: int) -> list[Happening]:
    """Losses come in pairs, the second while the first is being healed."""
    losses = [Happening(at=10.0, kind="create", service=WITNESS)]
    apart = (QUIET_AT - HOUR) / count
    for number in range(count):
        at = HOUR / 2 + apart * number + random.uniform(0.0, apart / 2)
        for when in (at, at + random.uniform(6.0, 60.0)):
            kind = random.choice(("foreign stop", "spot notice"))
            losses.append(Happening(at=when, kind=kind, service=WITNESS, number=random.randint(0, 9)))
    return losses


def _character(random: Random, service: str) -> Character:
    return Character(
        service=service,
        desired=random.randint(20, 60) if random.random() < LARGE else random.randint(0, 5),
        percentages=random.choice(PERCENTAGES),
        subnets=tuple(sorted(random.sample(sorted(ZONES), random.randint(1, 3)))),
        restarts={"initialSeconds": random.choice((5, 10)), "maximumSeconds": random.choice((200, 300))},
        deadlines=random.choice(({}, {"provisioningSeconds": 120, "pendingSeconds": 240, "activatingSeconds": 60})),
        checks_health=random.random() < 0.3,
    )


def _doings(random: Random, service: str) -> list[Happening]:
    """Applied in the first minutes; then scaled, deployed, deleted and created again over the day."""
    doings = [Happening(at=random.uniform(0.0, 300.0), kind="create", service=service)]
    for _ in range(random.randint(4, 9)):
        kind = random.choice(
            ("scale", "scale", "scale", "deploy", "deploy", "percentages", "protect", "delete", "create")
        )
        number = (
            random.choice((0, 1, 2, 3, 4, 5, 6, 12)) if kind != "percentages" else random.randrange(len(PERCENTAGES))
        )
        at = random.uniform(HOUR / 4, QUIET_AT - 60.0)
        doings.append(Happening(at=at, kind=kind, service=service, number=number, seconds=random.uniform(60, 1800)))
        if random.random() < 0.4:  # people do two things at once
            kind, number = random.choice((("scale", 3), ("deploy", 0), ("scale", 1)))
            doings.append(Happening(at=at + random.uniform(0.0, 45.0), kind=kind, service=service, number=number))
    return doings


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


def _outage(random: Random, fault: Happening) -> Happening:
    seconds = min(random.choice((20.0, 120.0, 600.0, 3600.0)) * random.random(), QUIET_AT - fault.at)
    return replace(fault, seconds=seconds, word=random.choice(("ecs", "table", "queues", "all")))


def _zone(random: Random, fault: Happening) -> Happening:
    return replace(_lasting(60.0, 3600.0)(random, fault), word=random.choice(sorted(ZONES.values())))


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
    "zone is full": 3,
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
}
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
)
_TARGETED: Final = {kind: _WEIGHTS[kind] for kind in _ONE_SERVICE}
_WITNESS: Final = Character(
    service=WITNESS,
    desired=3,
    percentages=(100, 200),
    subnets=("subnet-a", "subnet-b"),
    restarts={},
    deadlines={},
    checks_health=False,
)
_DETAILS: Final[Mapping[str, Callable[[Random, Happening], Happening]]] = {
    "call": _call,
    "outage": _outage,
    "zone is full": _zone,
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
}


def without(day: Day, dropped: Sequence[Happening]) -> Day:
    """The same day without some of its happenings."""
    gone = set(map(id, dropped))
    return replace(day, happenings=tuple(one for one in day.happenings if id(one) not in gone))
