"""Every story of ``events/`` under Lambda's native runtime, from what `sam build` makes: ``make native``.

Not collected with the other tests, because it builds: name this file to pytest.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from samlocal.emulator import functions_under_emulators
from samlocal.place import a_place
from samlocal.story import Invoke, Story, stories
from samlocal.theatre import Theatre
from samlocal.tools import Missing, Tools, get_tools


@pytest.fixture(scope="session")
def tools() -> Tools:
    try:
        return get_tools()
    except Missing as reason:
        pytest.skip(f"no native runtime: {reason}")


@pytest.fixture(scope="session")
def theatre() -> Iterator[Theatre]:
    with a_place() as place:
        yield Theatre(place)


@pytest.fixture(scope="session")
def invoke(tools: Tools, theatre: Theatre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invoke]:
    logs: Path = tmp_path_factory.mktemp("logs")
    with functions_under_emulators(tools, theatre.place, logs) as functions:
        yield functions


@pytest.mark.parametrize("story", stories(), ids=str)
def test_comes_to_what_is_expected(story: Story, theatre: Theatre, invoke: Invoke) -> None:
    assert theatre.play(story, invoke) == []
