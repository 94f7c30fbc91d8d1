"""Every test of a ``story`` runs for each of those that begin with a side effect."""

import pytest

from .stories import STORIES


@pytest.fixture(params=[story for story in STORIES if story.name != "an orphan is adopted"], ids=str)
def story(request):
    return request.param
