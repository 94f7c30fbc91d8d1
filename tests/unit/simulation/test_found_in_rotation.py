"""What the simulation found of load balancing, each as the shortest story that shows it."""

from typing import Any

from headcount.model.values import replace
from headcount_simulation.characters import Character
from headcount_simulation.days import Day, Happening
from headcount_simulation.losses import a_service
from headcount_simulation.simulating import Outcome, simulate
from headcount_simulation.stories import verdict
from headcount_simulation.traffic import Terms, Traffic

WEB = "prod/web"
MINUTE = 60.0
HOUR = 3600.0


def a_character(**changes: Any) -> Character:
    return replace(a_service(WEB, 4), **{"traffic": Traffic(delay=30, interval=10), **changes})


def told(character: Character, *happenings: Happening) -> Outcome:
    create = Happening(at=1.0, kind="create", service=WEB)
    day = Day(seed=1, characters=(character,), happenings=(create, *happenings), quiet_at=HOUR, ends_at=2 * HOUR)
    outcome = simulate(day, keep_story=True)
    assert outcome.ok, verdict(outcome)
    return outcome


def then(minute: float, kind: str, **details: Any) -> Happening:
    return Happening(at=minute * MINUTE, kind=kind, service=WEB, **{"seconds": 600.0, **details})


def lines(outcome: Outcome, *words: str) -> list[str]:
    return [line for _, line in outcome.story if all(word in line for word in words)]


def test_targets_on_container_instances_stay_though_nobody_asked_for_the_instances_again() -> None:
    """They were taken out by the pass after the one that had registered them, and so on, for ever."""
    outcome = told(a_character(network="bridge", capacity={"launchType": "EC2"}))
    assert lines(outcome, "web-0 takes")
    assert not lines(outcome, "web-0 lets")


def test_a_task_that_is_on_record_and_gone_does_not_take_its_address_back_from_the_next() -> None:
    """The dead one got the target of the living one, which was then stopped while it took traffic."""
    few = Traffic(delay=30, interval=10, few_addresses=True)
    for minute in (20.0, 20.3, 20.7):  # whatever is left until the next audit
        told(a_character(traffic=few), then(minute, "task vanishes", number=1))


def test_a_task_is_not_judged_by_the_checks_of_the_one_that_had_its_address_before() -> None:
    """ELB had the address as unhealthy for long, so the new task was replaced as soon as it ran, and so on."""
    few = Traffic(delay=30, interval=10, few_addresses=True)
    outcome = told(a_character(traffic=few), then(20, "task vanishes", number=1))
    assert outcome.tasks == 5


def test_a_task_that_is_ill_for_long_and_left_alone_is_not_asked_about_every_few_seconds() -> None:
    """It cost 360 passes an hour for as long as it was ill."""
    character = a_character(terms=Terms(unhealthy={"action": "ignore"}))
    quiet = told(character).passes
    ill = told(character, then(15, "task sickens", number=1, seconds=40 * MINUTE)).passes
    assert ill - quiet <= 60
