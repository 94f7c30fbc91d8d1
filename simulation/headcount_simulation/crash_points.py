"""Every crash point of a story, one after the other: the same day once for each call that it makes and each mishap."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from headcount_simulation.calls import Effect
from headcount_simulation.days import CLUSTER, Character, Day, Happening
from headcount_simulation.parts import REAL, Parts
from headcount_simulation.simulating import Outcome, simulate

MISHAPS: Final[tuple[Effect, ...]] = ("crash_before", "crash_after", "lost_answer", "throttle", "freeze_before")
FROZEN_SECONDS: Final = 60.0
MINUTES: Final = 60.0
QUIET: Final = 20 * MINUTES
WEB: Final = f"{CLUSTER}/web"


def _story(*happenings: Happening, desired: int = 3, percentages: tuple[int, int] = (100, 200)) -> Day:
    character = Character(
        service=WEB,
        desired=desired,
        percentages=percentages,
        subnets=("subnet-a", "subnet-b"),
        restarts={},
        deadlines={},
        checks_health=False,
    )
    create = Happening(at=1.0, kind="create", service=WEB)
    return Day(
        seed=1,
        characters=(character,),
        happenings=(create, *happenings),
        quiet_at=QUIET,
        ends_at=QUIET + 60 * MINUTES,
        gives_up=1.0,
    )


def _then(minute: float, kind: str, number: int = 0) -> Happening:
    return Happening(at=minute * MINUTES, kind=kind, service=WEB, number=number)


STORIES: Final[Mapping[str, Day]] = {
    "a service is created": _story(),
    "a task is taken away": _story(_then(12, "foreign stop", 1)),
    "a task crashes": _story(_then(12, "task crashes", 1)),
    "a task gets a Spot notice": _story(_then(12, "spot notice", 1)),
    "a service is scaled out": _story(_then(12, "scale", 5)),
    "a service is scaled in": _story(_then(12, "scale", 1)),
    "a revision is deployed, new tasks first": _story(_then(12, "deploy")),
    "a revision is deployed, old tasks first": _story(_then(12, "deploy"), desired=2, percentages=(50, 100)),
    "a service is deleted": _story(_then(12, "delete")),
    "a service is deleted and created again": _story(_then(12, "delete"), _then(15, "create")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """One mishap at one call of a story."""

    story: str
    call: int
    name: str
    mishap: Effect


def crash_points(story: str) -> tuple[CrashPoint, ...]:
    """Every mishap at every call that the story makes before its quiet end."""
    names = simulate(STORIES[story]).names
    return tuple(
        CrashPoint(story=story, call=call, name=name, mishap=mishap)
        for call, name in enumerate(names)
        for mishap in MISHAPS
    )


def strike(point: CrashPoint, parts: Parts = REAL, *, keep_story: bool = False) -> Outcome:
    """The story with the mishap."""
    day = STORIES[point.story]
    fault = Happening(at=0.0, kind="call", number=point.call, seconds=FROZEN_SECONDS, word=f":{point.mishap}")
    return simulate(replace(day, happenings=(fault, *day.happenings)), parts, keep_story=keep_story)


def strike_all(story: str) -> Iterator[tuple[CrashPoint, Outcome]]:
    """Every crash point of a story, and how it went."""
    for point in crash_points(story):
        yield point, strike(point)
