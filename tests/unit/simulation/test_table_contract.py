"""The simulated table keeps the contract that holds the fake and the DynamoDB adapter together."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from builders import INSTALL
from contract import test_passes, test_sightings
from fakes.clock import SettableClock
from headcount_simulation.clients import StoreClient
from headcount_simulation.table import Table

HISTORY = {  # the simulation keeps its own story, and no history
    "test_a_removed_service_leaves_its_history_alone",
    "test_more_than_a_thousand_decisions_of_one_pass_fit_into_the_history",
    "test_the_history_is_paged_without_loss_or_repetition",
}
PAGES = {"test_twelve_hundred_tasks_are_read_to_the_last"}  # a dictionary has no pages

for _module in (test_passes, test_sightings):
    globals().update(
        {name: test for name, test in vars(_module).items() if name.startswith("test_") and name not in HISTORY | PAGES}
    )

_numbers = itertools.count(1)


class _StraightCalls:
    """Calls without time and faults."""

    def make(self, api: str, operation: str, effect: Callable[[], Any]) -> Any:
        return effect()


def _unwatched() -> Any:
    silent = ("recorded", "gathered", "committed", "finished", "forgot", "removed", "wanted")
    return SimpleNamespace(**dict.fromkeys(silent, lambda *_: None))


@dataclass(frozen=True, slots=True)
class _SimulatedStore:
    store: StoreClient
    clock: SettableClock
    service: str

    @property
    def cluster(self) -> str:
        return self.service.partition("/")[0]

    def expires(self, task_id: str) -> int | None:
        record = self.store.table.partition(self.service).tasks.get(task_id)
        return int(record.expires) if record and record.expires is not None else None

    def make_newer(self, sort_key: str) -> None:
        self.store.table.partition(self.service).newer = True


@pytest.fixture
def table() -> _SimulatedStore:
    clock = SettableClock()
    store = StoreClient(Table(clock, INSTALL), _StraightCalls(), _unwatched())
    return _SimulatedStore(store, clock, f"c{next(_numbers)}/web")
