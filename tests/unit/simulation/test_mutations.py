"""The simulation notices when something that keeps Headcount's promises is left out."""

from typing import Final

import pytest

from headcount_simulation.mutations import MUTATIONS, Mutation, catch
from headcount_simulation.shrinking import shrink

NOTICED: Final = {  # the seeds of days that notice it; the first days notice all others
    "backoff": 4,
    "overdue": 5,
    "in flight": 41,
    "dying": 8,
    "pass number": 21,
    "adoption": 74,
    "notices": 8,
    "protection": 6,
    "shares": 4,
    "return": 102,
    "age": 32,
    "own revision": 7,
    "definitions": 4,
    "drain": 3,
    "delay": 3,
    "freeze": 3,
    "ledger": 3,
    "others' targets": 6,
    "reused address": 7,
    "target health": 7,
    "poison": 4,
    "no data": 3,
    "compare and set": 30,
    "cooldown": 93,
}
DAYS = 20  # as soon as something else is drawn: `headcount-sim mutate` tells the seeds anew


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_safeguard_that_is_left_out_is_noticed(mutation: Mutation) -> None:
    assert catch(mutation, NOTICED.get(mutation.name, 0), most_days=DAYS).outcome is not None


def test_a_failing_day_shrinks_to_a_short_story_of_the_same_failure() -> None:
    mutation = next(one for one in MUTATIONS if one.name == "stop intent")
    caught = catch(mutation).outcome
    assert caught is not None
    shrunk = shrink(caught, mutation.parts)
    assert shrunk.violation is not None
    assert shrunk.violation.invariant == "stop on record"
    assert len(shrunk.day.happenings) <= 3
    assert any("VIOLATED" in line for _, line in shrunk.story)
