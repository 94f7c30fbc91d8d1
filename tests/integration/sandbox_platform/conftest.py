import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from headcount_sandbox import Sandbox
from headcount_sandbox.platform.deployment import Place

STACK = Path(__file__).parent / "stack" / "template.yaml"


def pytest_itemcollected(item: pytest.Item) -> None:
    if "shelf" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.sandbox)


@pytest.fixture(scope="session")
def template() -> Path:
    return STACK


@pytest.fixture
def place() -> Place:
    return Place(account="123456789012", region="eu-west-1", endpoint_url="http://127.0.0.1:4566")


class Shelf:
    """The one sandbox that runs in this process: tests that follow each other and need the same get the same."""

    def __init__(self, template: Path) -> None:
        self._template = template
        self._settings: Mapping[str, Any] | None = None
        self._running = ExitStack()
        self._sandbox: Sandbox | None = None

    def get(self, **settings: Any) -> Sandbox:
        if self._sandbox is None or settings != self._settings:
            self.close()
            self._settings = settings
            sandbox = Sandbox(template=self._template, task_runtime="simulated", **settings)
            self._sandbox = self._running.enter_context(sandbox)
        return self._sandbox

    def close(self) -> None:
        self._sandbox = None
        self._running.close()


@pytest.fixture(scope="session")
def shelf(template: Path) -> Iterator[Shelf]:
    shelf = Shelf(template)
    yield shelf
    shelf.close()


@pytest.fixture
def sandbox(shelf: Shelf) -> Sandbox:
    """The usual one, for all tests: a test looks for what it caused, not for what is there."""
    return shelf.get(retry_delays=(0.05, 0.05))


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for a condition to become true and returns its value."""

    def wait(condition: Callable[[], Any], deadline: float = 60.0) -> Any:
        end = time.monotonic() + deadline
        while not (value := condition()):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)
        return value

    return wait


@pytest.fixture
def ask(sandbox: Sandbox) -> Callable[..., Any]:
    """Invokes Echo through boto3: its answer and whether it failed."""

    def invoke(event: object, function: str = "headcount-Echo") -> tuple[Any, bool]:
        answer = sandbox.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read()), "FunctionError" in answer

    return invoke
