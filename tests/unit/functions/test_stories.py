"""Every story of ``events/`` in this process: what a function answers, and what it writes, kicks, starts and stops."""

from collections.abc import Iterator

import pytest

from samlocal.in_process import functions_in_process
from samlocal.place import a_place
from samlocal.story import FUNCTIONS, Invoke, Story, stories
from samlocal.theatre import Theatre


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    with a_place() as place:
        yield Theatre(place)


@pytest.fixture(scope="module")
def invoke(theatre: Theatre) -> Iterator[Invoke]:
    with functions_in_process(theatre.place) as functions:
        yield functions


@pytest.mark.parametrize("story", stories(), ids=str)
def test_comes_to_what_is_expected(story: Story, theatre: Theatre, invoke: Invoke) -> None:
    assert theatre.play(story, invoke) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_file_is_sent_in_a_story_and_no_story_lacks_its_file(function: str) -> None:
    sent = {story.event for story in stories(function)}
    assert sent == set(next(iter(sent)).parent.glob("*.json"))
