"""Days of the real loop on virtual time: a fresh seed each time (printed), and the seeds that once found something."""

import secrets

import pytest

from headcount_simulation.days import draw_day
from headcount_simulation.seeds import known_seeds
from headcount_simulation.simulating import simulate
from headcount_simulation.stories import verdict

DAYS = 8
LASTING = {"outage", "no capacity", "tasks crash", "events late", "RunTask refused", "ECS lags", "agent disconnects"}


def test_every_invariant_holds_on_fresh_days() -> None:
    first = secrets.randbelow(1_000_000_000)
    for seed in range(first, first + DAYS):
        outcome = simulate(draw_day(seed))
        assert outcome.ok, f"headcount-sim replay {seed} --shrunk: {verdict(outcome)}"


@pytest.mark.parametrize("seed", [seed for seed, _ in known_seeds()])
def test_a_seed_that_once_found_something_finds_nothing_now(seed: int) -> None:
    outcome = simulate(draw_day(seed))
    assert outcome.ok, verdict(outcome)


def test_a_seed_decides_everything() -> None:
    once, again = (simulate(draw_day(7), keep_story=True) for _ in range(2))
    assert once.story == again.story
    assert once.calls == again.calls


def test_a_drawn_day_has_at_least_twenty_faults_for_each_service() -> None:
    days = [draw_day(seed) for seed in range(30)]
    assert all(day.faults >= 20 * len(day.characters) for day in days)


def test_what_lasts_lasts() -> None:
    lasting = [one for seed in range(30) for one in draw_day(seed).happenings if one.kind in LASTING]
    assert {one.kind for one in lasting} == LASTING
    assert all(one.seconds > 0 for one in lasting)
