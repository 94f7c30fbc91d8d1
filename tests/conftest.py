"""What holds for whole folders of tests."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# A shell without job control starts what it puts into the background with SIGINT ignored; processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_HERE = Path(__file__).parent
# They run the same lines thousands of times, or lines that are not measured: tracing makes them three times as slow
# and tells nothing that the other tests do not tell.
_UNMEASURED = (
    "fuzzing",
    "integration",
    "properties",
    "unit/bench",
    "unit/cli/test_any_words.py",
    "unit/loop/test_crash_points.py",
    "unit/loop/test_keeping_crash_points.py",
    "unit/loop/test_scaling_crash_points.py",
    "unit/planning/test_rotation_histories.py",
    "unit/simulation",
)
# `make test` looks for the sandbox nowhere else.
_SANDBOXES = ("e2e", "integration")


def pytest_itemcollected(item: pytest.Item) -> None:
    if _is_in(item, _UNMEASURED):
        item.add_marker(pytest.mark.no_cover)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("sandbox") and not _is_in(item, _SANDBOXES):
            raise pytest.UsageError(f"{item.nodeid} starts a sandbox: `make test` looks for such tests in {_SANDBOXES}")


def _is_in(item: pytest.Item, folders: tuple[str, ...]) -> bool:
    return any(item.path.is_relative_to(_HERE / folder) for folder in folders)
