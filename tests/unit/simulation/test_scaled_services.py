"""Services that scale, in simulation: the count follows the load, and what would break it is noticed."""

import pytest

from headcount.model.values import replace
from headcount_simulation.characters import CLUSTER, Character
from headcount_simulation.days import Day, Happening
from headcount_simulation.parts import Parts
from headcount_simulation.scaled import Scaled
from headcount_simulation.scaling_mutations import MissingIsZero, NoAlarms, NoCooldowns
from headcount_simulation.simulating import Outcome, simulate

WEB = f"{CLUSTER}/web"
MINUTE = 60.0
SCALED = Scaled(minimum=1, maximum=10, target=70, cooldown_out=60, cooldown_in=300, demand=6.0)
FALLS = ((40.0, 310), (56.2, 90))
"""The load falls, and again just after what came of it was done: minutes, hundredths of a busy task."""


def a_day(*happenings: Happening, scaled: Scaled = SCALED) -> Day:
    character = Character(
        service=WEB,
        desired=1,
        percentages=(100, 200),
        subnets=("subnet-a", "subnet-b"),
        restarts={},
        deadlines={},
        checks_health=False,
        scaled=scaled,
    )
    create = Happening(at=1.0, kind="create", service=WEB)
    quiet_at = 100 * MINUTE
    return Day(seed=1, characters=(character,), happenings=(create, *happenings), quiet_at=quiet_at, ends_at=9600.0)


def then(minute: float, kind: str, *, number: int = 0, seconds: float = 0.0) -> Happening:
    return Happening(at=minute * MINUTE, kind=kind, service=WEB, number=number, seconds=seconds)


def loads() -> tuple[Happening, ...]:
    return tuple(then(minute, "load", number=number) for minute, number in FALLS)


def scalings(outcome: Outcome) -> list[str]:
    return [line.rpartition(": ")[2] for _, line in outcome.story if ": scaling (" in line]


def test_the_count_follows_the_load() -> None:
    outcome = simulate(a_day(*loads()), keep_story=True)
    assert outcome.ok, str(outcome.violation)
    assert scalings(outcome) == [f"needs {count}" for count in (2, 3, 5, 8, 9, 5, 2)]


def test_scheduled_actions_move_the_count() -> None:
    terms = replace(SCALED, demand=0.1, more_from=30 * MINUTE, less_from=60 * MINUTE)
    outcome = simulate(a_day(scaled=terms), keep_story=True)
    assert outcome.ok, str(outcome.violation)
    assert any("scaling" in line and "noon" in line for _, line in outcome.story)


@pytest.mark.parametrize(
    "kind", ["metrics missing", "metrics late", "look lost", "look's timer lost", "CloudWatch fails"]
)
def test_whatever_befalls_the_looks_the_count_follows_in_the_end(kind: str) -> None:
    mishaps = [then(minute, kind, seconds=20 * MINUTE) for minute in (5.0, 39.0, 57.0)]
    outcome = simulate(a_day(*sorted((*loads(), *mishaps), key=lambda one: one.at)))
    assert outcome.ok, str(outcome.violation)


@pytest.mark.parametrize(
    ("parts", "invariant"),
    [(Parts(scaling_store=NoCooldowns), "cooldowns"), (Parts(alarms=NoAlarms), "alarms stand")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_left_out_of_scaling_is_noticed(parts: Parts, invariant: str) -> None:
    outcome = simulate(a_day(*loads()), parts)
    assert outcome.violation is not None
    assert outcome.violation.invariant == invariant


def test_a_minute_without_data_is_not_an_idle_one() -> None:
    day = a_day(then(40, "metrics missing", seconds=40 * MINUTE))
    assert simulate(day).ok
    blind = simulate(day, Parts(metrics=MissingIsZero)).violation
    assert blind is not None
    assert blind.invariant == "no blind scale-in"
