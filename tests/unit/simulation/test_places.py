"""The simulated world has places that take tasks, refuse them and go, and everything that people ask of them."""

from collections import Counter

import pytest

from headcount.model.values import replace
from headcount_simulation.characters import CLUSTER, FARGATE, ZONES, Character
from headcount_simulation.days import DOINGS, Day, Happening, draw_day
from headcount_simulation.happenings import _EFFECTS
from headcount_simulation.instances import MACHINES, SPOT_MACHINES
from headcount_simulation.simulating import Outcome, simulate
from headcount_simulation.stories import verdict

WEB = f"{CLUSTER}/web"
MINUTE = 60.0
ZONE = "eu-west-1a"
SPOT_FIRST = {
    "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
    "capacityFallback": [{"capacityProvider": "FARGATE"}],
    "capacityReturn": {"afterSeconds": 60, "atOncePercent": 50},
}
ON_MACHINES = {
    "capacityProviderStrategy": [
        {"capacityProvider": MACHINES, "base": 1, "weight": 1},
        {"capacityProvider": SPOT_MACHINES, "weight": 1},
    ]
}


def a_character(**changes: object) -> Character:
    character = Character(
        service=WEB,
        desired=4,
        percentages=(100, 200),
        subnets=tuple(ZONES),
        restarts={},
        deadlines={},
        checks_health=False,
    )
    return replace(character, **changes)


def then(minute: float, kind: str, **details: object) -> Happening:
    return Happening(at=minute * MINUTE, kind=kind, service=WEB, **details)


def told(character: Character, *happenings: Happening) -> Outcome:
    create = Happening(at=1.0, kind="create", service=WEB)
    day = Day(seed=1, characters=(character,), happenings=(create, *happenings), quiet_at=7200.0, ends_at=4 * 3600.0)
    outcome = simulate(day, keep_story=True)
    assert outcome.ok, verdict(outcome)
    return outcome


def lines(outcome: Outcome, *words: str) -> list[str]:
    return [line for _, line in outcome.story if all(word in line for word in words)]


def test_what_falls_back_while_spot_refuses_returns_when_it_takes_tasks_again() -> None:
    refused = then(0, "no capacity", word="FARGATE_SPOT@*", seconds=1800.0)
    outcome = told(a_character(capacity=SPOT_FIRST), refused)
    assert lines(outcome, "on FARGATE in")
    assert lines(outcome, "back from FARGATE")


@pytest.mark.parametrize("network", ["awsvpc", "bridge"])
@pytest.mark.parametrize("kind", ["instance drains", "instance goes", "agent disconnects", "Spot machine interrupted"])
def test_tasks_leave_a_machine_that_goes(kind: str, network: str) -> None:
    character = a_character(capacity=ON_MACHINES, network=network, desired=6, deadlines={"disconnectedSeconds": 120})
    outcome = told(character, *(then(20 + number, kind, number=number, seconds=1200.0) for number in range(4)))
    assert outcome.tasks > 6


def test_an_evacuated_zone_is_left_and_filled_again() -> None:
    outcome = told(a_character(), then(20, "evacuate", word=ZONE, seconds=1800.0, number=2))
    assert lines(outcome, f"{ZONE} is evacuated")
    assert lines(outcome, "would be even")


@pytest.mark.parametrize("kind", sorted(DOINGS - {"delete", "cordon", "evacuate"}))
def test_whatever_people_ask_for_a_service_comes_to_rest(kind: str) -> None:
    character = a_character(inline=kind == "rollback", capacity=FARGATE)
    told(
        character, then(20, "deploy"), then(40, kind, number=2, seconds=1200.0), then(41, kind, number=2, seconds=600.0)
    )


def test_an_inline_definition_is_registered_once_and_ends_with_its_last_use() -> None:
    outcome = told(a_character(inline=True), then(20, "deploy"), then(50, "deploy"))
    assert len(lines(outcome, "no deployment uses it any more")) == 1


def test_every_kind_of_service_is_drawn() -> None:
    drawn = [one for seed in range(60) for one in draw_day(seed).characters]
    kinds = Counter(
        (
            "machines" if one.uses_machines else "fargate",
            one.network,
            "capacityFallback" in one.capacity,
            bool(one.extras),
            one.inline,
        )
        for one in drawn
    )
    assert len(kinds) > 12


def test_everything_that_can_happen_happens_on_some_day() -> None:
    drawn = {one.kind for seed in range(150) for one in draw_day(seed).happenings}
    assert drawn == set(_EFFECTS)
