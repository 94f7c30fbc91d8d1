import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headcount_sandbox import Sandbox
from headcount_sandbox.platform.deployment import Place

STACK = Path(__file__).parent / "stack" / "template.yaml"


def pytest_itemcollected(item: pytest.Item) -> None:
    if "sandbox" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.sandbox)


@pytest.fixture(scope="session")
def template() -> Path:
    return STACK


@pytest.fixture
def place() -> Place:
    return Place(account="123456789012", region="eu-west-1", endpoint_url="http://127.0.0.1:4566")


@pytest.fixture(scope="session")
def sandbox(template: Path) -> Iterator[Sandbox]:
    """One for all tests: a test looks for what it caused, not for what is there."""
    with Sandbox(template=template, task_runtime="simulated", retry_delays=(0.05, 0.05)) as running:
        yield running


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for a condition to become true and returns its value."""

    def wait(condition: Callable[[], Any], deadline: float = 10.0) -> Any:
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
