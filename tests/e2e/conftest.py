"""Sandboxes that files share: functions stay warm, services have names of their own, faults end with each test."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.install import CLUSTER, DEAD_LETTER_QUEUES, ROOT, Install
from e2e.rolling import RollingDeployment
from e2e.scaled import Meters
from headcount_sandbox import Sandbox

# Files are handed out in this order (`--no-loadscope-reorder`), the longest first, so that the workers end together;
# files of one sandbox follow each other, so that most find it running.
ORDER = (
    "test_permissions",
    "test_capacity_shares",
    "test_in_rotation",
    "test_unhealthy",
    "test_killed_functions",
    "test_capacity",
    "test_operators",
    "test_moves",
    "test_container_instances",
    "test_scaling_killed",
    "test_scaling",
    "test_scaling_by_people",
    "test_scaling_native",
    "test_scaling_in_trouble",
    "test_scaling_over_hours",
    "test_two_hundred_tasks",
    "test_crashes_and_refusals",
    "test_declared_balancing",
    "test_events_and_notices",
)
NO_AUDITS = 0.001  # a minute of a schedule takes most of a day: what heals, heals by events, or by the audit of a test
USUAL: Mapping[str, Any] = {
    "task_runtime": "simulated",
    "retry_delays": (0.1, 0.2),
    "schedule_scale": NO_AUDITS,
    "health_check_scale": 10.0,  # load balancers check ten times as often as they are told
    "metrics_scale": 30.0,  # CloudWatch's minute lasts two seconds
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """Files that are not named come last, tests of other folders stay before all."""
    if item.path.parent != Path(__file__).parent:
        return -1
    return ORDER.index(item.path.stem) if item.path.stem in ORDER else len(ORDER)


@contextmanager
def an_install(**settings: Any) -> Iterator[Install]:
    """The repository's template in a sandbox; at the end nothing may have become a dead letter unnoticed."""
    parameters = {
        "Clusters": CLUSTER,
        "PassableRoles": "arn:aws:iam::123456789012:role/task",
        "ManageLoadBalancers": "true",
    }
    with Sandbox(template=ROOT / "template.yaml", parameters=parameters, **settings) as sandbox:
        install = Install(sandbox)
        yield install
        letters = {output: install.dead_letters(output) for output in DEAD_LETTER_QUEUES}
        assert not any(letters.values()), install.story(f"There are dead letters: {letters}")


class Shelf:
    """The one sandbox that runs; files that follow each other and need the same get the same."""

    def __init__(self) -> None:
        self._settings: Mapping[str, Any] | None = None
        self._running = ExitStack()
        self._install: Install | None = None
        self.rolling: RollingDeployment | None = None

    def get(self, settings: Mapping[str, Any]) -> Install:
        if self._install is None or settings != self._settings:
            self.close()
            self._install = self._running.enter_context(an_install(**settings))
            self._settings = settings
            self.rolling = RollingDeployment.begin(self._install) if settings == USUAL else None
        return self._install

    def close(self) -> None:
        self._install = None
        self._running.close()


@pytest.fixture(scope="session")
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()
    yield shelf
    shelf.close()


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest, shelf: Shelf) -> Install:
    """A file says what it needs with `SANDBOX = {...}`; the usual one unless it does."""
    return shelf.get({**USUAL, **getattr(request.module, "SANDBOX", {})})


@pytest.fixture(scope="module")
def meters(installed: Install) -> Iterator[Meters]:
    """The metrics that a file's services scale by."""
    with Meters(installed).running() as meters:
        yield meters


@pytest.fixture
def install(installed: Install) -> Iterator[Install]:
    """Headcount without faults; those that a test switches on end with it."""
    yield installed
    installed.faults.clear()


@pytest.fixture
def rolling(installed: Install, shelf: Shelf) -> RollingDeployment:
    """The deployment that began with the usual sandbox."""
    assert shelf.rolling is not None, "only the usual sandbox has it"
    return shelf.rolling
