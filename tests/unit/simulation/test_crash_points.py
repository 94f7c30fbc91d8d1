"""A mishap at every call of a story leaves every invariant standing."""

import pytest

from headcount_simulation.crash_points import STORIES, crash_points, strike, strike_all
from headcount_simulation.stories import verdict

EVERY = 7  # of the crash points of long stories, so that each mishap strikes; headcount-sim crash-points has them all


@pytest.mark.parametrize("story", ["a service is created", "a task is taken away"])
def test_a_mishap_at_any_call_is_healed(story: str) -> None:
    for point, outcome in strike_all(story):
        assert outcome.ok, f"{point.mishap} at call {point.call}, {point.name}: {verdict(outcome)}"


@pytest.mark.parametrize(
    "story", ["a task behind a target group is scaled in", "a service with a target group of its own is deleted"]
)
def test_mishaps_on_the_way_into_rotation_and_out_of_it_are_healed(story: str) -> None:
    for point in crash_points(story)[::EVERY]:
        outcome = strike(point)
        assert outcome.ok, f"{point.mishap} at call {point.call}, {point.name}: {verdict(outcome)}"


def test_every_call_of_every_function_is_a_crash_point() -> None:
    functions = {point.name.partition(":")[0] for story in STORIES for point in crash_points(story)}
    assert functions == {"reconcile", "observe", "audit", "control", "wake", "balance", "scale"}
