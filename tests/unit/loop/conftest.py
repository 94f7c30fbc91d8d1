"""What the tests of the loop begin with. A test of a ``story`` runs for each that begins with a side effect."""

import pytest

from .asking import Asking
from .keeping import Keeping
from .stories import STORIES


@pytest.fixture(params=[story for story in STORIES if story.name != "an orphan is adopted"], ids=str)
def story(request):
    return request.param


@pytest.fixture
def asking():
    return Asking()


@pytest.fixture
def keeping():
    return Keeping()


@pytest.fixture
def steady():
    """A service of three running tasks, declared through control."""
    asking = Asking()
    asking.apply()
    asking.loop.settle()
    asking.loop.assert_exactly(3)
    return asking
