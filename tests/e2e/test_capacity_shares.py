"""Base and weights of a capacity provider strategy, through kills and scalings of many tasks, in their own sandbox."""

import random
from collections.abc import Mapping

import pytest

from e2e.install import Install
from e2e.strategies import by_capacity, declare

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]
SANDBOX = {"seed": 6}
BASE_AND_WEIGHTS = [
    {"capacityProvider": "FARGATE", "base": 2, "weight": 1},
    {"capacityProvider": "FARGATE_SPOT", "weight": 4},
]
KILLS = 500  # in batches, each healed before the next


def test_base_and_weights_stay_true_through_kills_and_scalings(install: Install) -> None:
    draw = random.Random(7)
    declare(install, "shared", 52, BASE_AND_WEIGHTS)
    _shares_are_true(install, 52)
    count, killed = 52, 0
    while killed < KILLS:
        killed += _kill(install, "shared", draw.sample(install.ids("shared"), draw.randint(count // 2, count)))
        _shares_are_true(install, count)
        count = draw.choice([number for number in (37, 52, 67, 82) if number != count])
        install.ask("scale", service="demo/shared", desiredCount=count)
        _shares_are_true(install, count)
    install.steady("shared", count)
    told = {one["capacity"]: (one["count"], one["share"]) for one in install.describe("shared")["capacity"]}
    assert told == {name: (number, number) for name, number in by_capacity(install, "shared").items()}


def _kill(install: Install, service: str, victims: list[str]) -> int:
    for victim in victims:
        install.sandbox.kill_task(victim)
    install.wait(lambda: not set(victims) & set(install.ids(service)), "they are dead", service)
    return len(victims)


def _shares_are_true(install: Install, count: int) -> None:
    """Two on demand, then one in five."""
    install.exactly("shared", count, within=180.0)
    expected: Mapping[str, int] = {"FARGATE": 2 + (count - 2) // 5, "FARGATE_SPOT": (count - 2) * 4 // 5}
    assert by_capacity(install, "shared") == expected, install.story(f"{count} tasks", ["shared"])
