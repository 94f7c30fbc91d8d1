"""Every parser, fuzzed: valid inputs a little damaged, and inputs that are nothing at all.

The checks say what must hold (``tests/fuzzing/checks.py``); ``make fuzz`` runs the same ones with atheris, for longer.
"""

import os
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzing.families import FAMILIES, Family

MANY = os.environ.get("HYPOTHESIS_PROFILE") == "many"
MANY_TIMES = 20 if MANY else 1


def examples(count: int) -> settings:
    return settings(max_examples=count * MANY_TIMES)


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES, scope="module")
def family(request: pytest.FixtureRequest) -> Family:
    found: Family = request.param
    return found


@pytest.fixture(scope="module")
def seeds(family: Family) -> list[bytes]:
    return family.seeds()


def test_what_the_fuzzing_begins_with_keeps_every_promise(family: Family, seeds: list[bytes]) -> None:
    assert seeds
    for seed in seeds:
        family.check(seed)


def test_damaged_inputs_break_no_promise(family: Family, seeds: list[bytes]) -> None:
    @examples(family.examples)
    @given(data=st.sampled_from(seeds), damages=st.lists(st.integers(0, 2**32), min_size=1, max_size=4))
    def damaged(data: bytes, damages: list[int]) -> None:
        for damage in damages:
            data = family.damage(data, Random(damage))
        family.check(data)

    damaged()


def test_nothing_at_all_breaks_no_promise(family: Family) -> None:
    @examples(100)
    @given(data=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
    def nothing_at_all(data: bytes) -> None:
        family.check(data)

    nothing_at_all()
