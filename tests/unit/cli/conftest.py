import pytest

from unit.cli.fake_control import FakeControl
from unit.cli.terminal import Terminal


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], control: FakeControl, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal(capture=capsys, control=control)
