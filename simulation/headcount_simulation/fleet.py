"""A fleet over days: services of 1 to 500 tasks that are deployed, scaled, scheduled and hit, under the invariants."""

import math
from random import Random
from typing import Final

from headcount_simulation.characters import CLUSTER
from headcount_simulation.days import DAY, Day, Happening
from headcount_simulation.instants import HOUR
from headcount_simulation.losses import a_service

LARGEST: Final = 500
TAIL: Final = 0.5  # the exponent of the distribution of sizes
CREATED_WITHIN: Final = 2 * HOUR
QUIET_SECONDS: Final = 2 * HOUR  # at the end of the last day, in which nothing happens and all must be at rest
SCHEDULED: Final = 0.2  # how many services have more tasks by day
DEPLOYMENTS_A_DAY: Final = 0.3
SCALINGS_A_DAY: Final = 1.0
HITS_A_DAY: Final = 2.0
HITS: Final = ("task crashes", "foreign stop", "spot notice", "task vanishes")


def draw_fleet(services: int, days: float, seed: int) -> Day:
    """Most services are small and few are large: of those with more than *n* tasks, half have more than 4 *n*."""
    random = Random(seed)
    quiet_at = max(days * DAY - QUIET_SECONDS, CREATED_WITHIN + HOUR)
    sizes = {f"{CLUSTER}/fleet-{number:04}": _size(random) for number in range(services)}
    happenings = [one for service, size in sizes.items() for one in _life(random, service, size, quiet_at)]
    return Day(
        seed=seed,
        characters=tuple(a_service(service, size) for service, size in sizes.items()),
        happenings=tuple(sorted(happenings, key=lambda one: one.at)),
        quiet_at=quiet_at,
        ends_at=quiet_at + QUIET_SECONDS,
    )


def _size(random: Random) -> int:
    """A bounded Pareto distribution, by its inverse."""
    beyond = 1.0 - random.random() * (1.0 - math.pow(LARGEST, -TAIL))
    return round(math.pow(beyond, -1.0 / TAIL))


def _life(random: Random, service: str, size: int, quiet_at: float) -> list[Happening]:
    days = quiet_at / DAY
    life = [Happening(at=random.uniform(0.0, CREATED_WITHIN), kind="create", service=service)]
    for kind, a_day in (("deploy", DEPLOYMENTS_A_DAY), ("scale", SCALINGS_A_DAY), ("hit", HITS_A_DAY)):
        for _ in range(round(a_day * days + random.random() - 0.5)):
            at = random.uniform(CREATED_WITHIN, quiet_at)
            life.append(_event(random, kind, service, size, at))
    if random.random() < SCHEDULED:
        life += _schedule(service, size, quiet_at)
    return life


def _event(random: Random, kind: str, service: str, size: int, at: float) -> Happening:
    if kind == "scale":
        return Happening(at=at, kind=kind, service=service, number=max(1, round(size * random.uniform(0.8, 1.2))))
    if kind == "hit":
        return Happening(at=at, kind=random.choice(HITS), service=service, number=random.randrange(LARGEST))
    return Happening(at=at, kind=kind, service=service)


def _schedule(service: str, size: int, quiet_at: float) -> list[Happening]:
    """Half as many more by day: at 8 and at 20 o'clock."""
    times = [(day * DAY + hour * HOUR, hour) for day in range(math.ceil(quiet_at / DAY)) for hour in (8, 20)]
    by_day = round(size * 1.5)
    return [
        Happening(at=at, kind="scale", service=service, number=by_day if hour == 8 else size)
        for at, hour in times
        if CREATED_WITHIN < at < quiet_at
    ]
