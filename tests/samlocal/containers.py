"""The stories of ``events/`` in containers, by `sam local`: ``make sam-local``.

Not collected with the other tests, because it builds and starts an engine: name this file to pytest. `sam local invoke`
takes seconds for a call, so it gets one story of each function, one that fails, and another of the audit; all others
are told to `sam local start-lambda`, whose containers stay warm: too warm for the audit, which remembers things.
"""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import FrameType
from typing import NoReturn

import pytest

from samlocal.emulator import REMEMBERING
from samlocal.engine import Engine, an_engine, reachable
from samlocal.image import make_image
from samlocal.place import a_place
from samlocal.sam_local import SamLocal, sam_local
from samlocal.story import FUNCTIONS, Invoke, Story, stories
from samlocal.theatre import Theatre
from samlocal.tools import Missing, Tools, get_tools

FAILING = "observe_tasks/missing-fields"
FINDING = "audit_clusters/an-event-was-lost"
FIRST = {str(stories(function)[0]) for function in FUNCTIONS}
ALONE = [story for story in stories() if str(story) in FIRST | {FAILING, FINDING}]
TOGETHER = [story for story in stories() if story.function not in REMEMBERING or str(story) in FIRST]


@pytest.fixture(scope="session", autouse=True)
def _sigterm_ends_in_order() -> Iterator[None]:
    """As Ctrl-C does: fixtures are torn down, so that nothing of the engine stays."""
    before = signal.signal(signal.SIGTERM, _exit)
    yield
    signal.signal(signal.SIGTERM, before)


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def theatre() -> Iterator[Theatre]:
    with a_place() as place:
        yield Theatre(place)


@pytest.fixture(scope="session")
def local(theatre: Theatre) -> Iterator[SamLocal]:
    with ExitStack() as running:
        try:
            tools, engine = _both(running)
        except Missing as reason:
            pytest.skip(f"no containers: {reason}")
        make_image(engine, tools)
        address = running.enter_context(reachable(engine, theatre.place.world.port))
        yield sam_local(tools, engine, theatre.place, address)


def _both(running: ExitStack) -> tuple[Tools, Engine]:
    """The build and the engine, made at the same time; the engine belongs to this thread, and ends with it."""
    with ThreadPoolExecutor() as beside:
        tools = beside.submit(get_tools)
        engine = running.enter_context(an_engine())
        return tools.result(), engine


@pytest.fixture(scope="session")
def started(local: SamLocal) -> Iterator[Invoke]:
    with local.start_lambda() as invoke:
        yield invoke


@pytest.mark.parametrize("story", ALONE, ids=str)
def test_sam_local_invoke(story: Story, theatre: Theatre, local: SamLocal) -> None:
    assert theatre.play(story, lambda _folder, _payload: local.invoke(story)) == []


@pytest.mark.parametrize("story", TOGETHER, ids=str)
def test_sam_local_start_lambda(story: Story, theatre: Theatre, started: Invoke) -> None:
    assert theatre.play(story, started) == []
