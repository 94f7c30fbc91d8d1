"""One sandbox a file: its functions are warm, its services have names of their own, its faults end with each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from headcount_sandbox import Sandbox

from e2e.install import CLUSTER, DEAD_LETTER_QUEUES, Install

ROOT = Path(__file__).parents[2]


@contextmanager
def an_install(**settings: Any) -> Iterator[Install]:
    """The repository's template in a sandbox; at the end nothing may have become a dead letter unnoticed."""
    parameters = {"Clusters": CLUSTER, "PassableRoles": "arn:aws:iam::123456789012:role/task"}
    with Sandbox(template=ROOT / "template.yaml", parameters=parameters, **settings) as sandbox:
        install = Install(sandbox)
        yield install
        letters = {output: install.dead_letters(output) for output in DEAD_LETTER_QUEUES}
        assert not any(letters.values()), install.story(f"There are dead letters: {letters}")


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest) -> Iterator[Install]:
    """A file says what it needs with `SANDBOX = {...}`; simulated tasks unless it does."""
    settings: dict[str, Any] = {"task_runtime": "simulated", **getattr(request.module, "SANDBOX", {})}
    with an_install(**settings) as install:
        yield install


@pytest.fixture
def install(installed: Install) -> Iterator[Install]:
    """Headcount without faults; those that a test switches on end with it."""
    yield installed
    installed.faults.clear()
