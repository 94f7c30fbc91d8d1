"""A mishap at every call of a story leaves every invariant standing."""

import pytest

from headcount_simulation.crash_points import STORIES, crash_points, strike_all
from headcount_simulation.stories import verdict


@pytest.mark.parametrize("story", ["a service is created", "a task is taken away"])
def test_a_mishap_at_any_call_is_healed(story: str) -> None:
    for point, outcome in strike_all(story):
        assert outcome.ok, f"{point.mishap} at call {point.call}, {point.name}: {verdict(outcome)}"


def test_every_call_of_every_function_is_a_crash_point() -> None:
    functions = {point.name.partition(":")[0] for story in STORIES for point in crash_points(story)}
    assert functions == {"reconcile", "observe", "audit", "control", "wake"}
