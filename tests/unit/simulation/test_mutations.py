"""The simulation notices when something that keeps Headcount's promises is left out."""

import pytest

from headcount_simulation.mutations import MUTATIONS, Mutation, catch
from headcount_simulation.shrinking import shrink

QUICK = [one for one in MUTATIONS if one.name not in ("adoption", "backoff", "dying", "pass number")]


@pytest.mark.parametrize("mutation", QUICK, ids=lambda mutation: mutation.name)
def test_a_safeguard_that_is_left_out_is_noticed(mutation: Mutation) -> None:
    assert catch(mutation, most_days=20).outcome is not None


def test_a_failing_day_shrinks_to_a_short_story_of_the_same_failure() -> None:
    mutation = next(one for one in MUTATIONS if one.name == "stop intent")
    caught = catch(mutation).outcome
    assert caught is not None
    shrunk = shrink(caught, mutation.parts)
    assert shrunk.violation is not None
    assert shrunk.violation.invariant == "stop on record"
    assert len(shrunk.day.happenings) <= 3
    assert any("VIOLATED" in line for _, line in shrunk.story)
