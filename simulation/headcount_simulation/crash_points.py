"""Every crash point of a story, one after the other: the same day once for each call that it makes and each mishap."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from headcount.model.values import dataclass, replace
from headcount_simulation.calls import Effect
from headcount_simulation.characters import CLUSTER, Character
from headcount_simulation.days import Day, Happening
from headcount_simulation.parts import REAL, Parts
from headcount_simulation.scaled import Scaled
from headcount_simulation.simulating import Outcome, simulate
from headcount_simulation.traffic import Traffic

MISHAPS: Final[tuple[Effect, ...]] = ("crash_before", "crash_after", "lost_answer", "throttle", "freeze_before")
FROZEN_SECONDS: Final = 60.0
MINUTES: Final = 60.0
QUIET: Final = 20 * MINUTES
WEB: Final = f"{CLUSTER}/web"


def _story(*happenings: Happening, desired: int = 3, percentages: tuple[int, int] = (100, 200), **changes: Any) -> Day:
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
        characters=(replace(character, **changes),),
        happenings=(create, *happenings),
        quiet_at=QUIET,
        ends_at=QUIET + 60 * MINUTES,
        gives_up=1.0,
    )


def _then(minute: float, kind: str, number: int = 0, word: str = "") -> Happening:
    return Happening(at=minute * MINUTES, kind=kind, service=WEB, number=number, seconds=SECONDS, word=word)


SECONDS: Final = 6 * MINUTES  # how long what lasts does
_ON_MACHINES: Final = {"launchType": "EC2"}
_BALANCED: Final = Traffic(delay=30, interval=5, few_addresses=True, one_port=True)
_KEPT: Final = Traffic(delay=5, interval=5, declared=True)
_SCALED: Final = Scaled(minimum=1, maximum=6, target=50, cooldown_out=60, cooldown_in=60, demand=0.4)
_SPOT_FIRST: Final = {
    "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
    "capacityFallback": [{"capacityProvider": "FARGATE"}],
    "capacityReturn": {"afterSeconds": 60, "atOncePercent": 50},
}


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
    "a task retires": _story(_then(12, "retirement", 1)),
    "a machine drains": _story(_then(12, "instance drains", 1), capacity=_ON_MACHINES, network="bridge"),
    "a machine vanishes": _story(_then(12, "instance goes", 0), capacity=_ON_MACHINES),
    "Spot refuses for a while": _story(_then(0.1, "no capacity", word="FARGATE_SPOT@*"), capacity=_SPOT_FIRST),
    "a zone is evacuated": _story(_then(12, "evacuate", word="eu-west-1a")),
    "a service is paused": _story(_then(12, "pause")),
    "a task is put on standby": _story(_then(12, "standby", 1)),
    "a task is stopped for good": _story(_then(12, "stop task for good", 1)),
    "a rollback": _story(_then(5, "deploy"), _then(12, "rollback")),
    "a service comes behind two target groups": _story(traffic=Traffic(groups=2, delay=30, interval=5)),
    "a task behind a target group is scaled in": _story(_then(12, "scale", 2), traffic=_BALANCED),
    "a revision is deployed behind a target group": _story(_then(12, "deploy"), traffic=_BALANCED),
    "a service scales out with its load": _story(_then(6, "load", 180), scaled=_SCALED),
    "a service that scales is deleted": _story(_then(12, "delete"), scaled=_SCALED),
    "a sick task is replaced": _story(_then(10, "task sickens", 4), traffic=_BALANCED),
    "another target group comes": _story(_then(12, "balance", 2), traffic=_BALANCED),
    "a service with a target group of its own is deleted": _story(_then(12, "delete"), traffic=_KEPT),
    "an inline task definition is replaced twice": _story(_then(6, "deploy"), _then(12, "deploy"), inline=True),
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
