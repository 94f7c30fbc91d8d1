"""Whatever is typed ends with a message and an exit code, never with a traceback."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headcount_cli.catalogue import COMMANDS
from unit.cli.fake_control import FakeControl, a_service, a_task, an_event
from unit.cli.terminal import Terminal

TASK = a_task()["taskId"]
NAMES = [command.name for command in COMMANDS if command.name != "sandbox"]
ENDLESS = {"watch", "events"}  # a document a line
OPTIONS = sorted(
    {
        *("--cluster", "--zone", "--for", "--end", "--yes", "--wait", "--reason", "-f", "--from-file", "--as", "--to"),
        *("--at", "--limit", "--status", "-q", "--off", "--lower-count", "--evacuate", "--freeze", "--prune"),
        *("--count", "--name", "--subnets", "--task-definition", "--launch-type", "--from-ecs-service", "--force"),
        *("--dry-run", "--output=json", "--cluster=prod", "--follow", "--timeout"),
    }
)
WORDS = [
    *("web", "prod/web", "nope", "", TASK, f"arn:x/{TASK}", "2h", "1m", "0", "3", "-1", "9" * 20, "\x1b[2J", "a/b/c"),
    *("\u00e9", "eu-central-1a", "state", "manifest", "ecs-service", "/nowhere/at/all", "[bold]", "x" * 300, "."),
    *("2026-01-01T00:00:00Z", "RUNNING", "--", "EC2"),
]


def stop() -> None:
    raise KeyboardInterrupt


# All examples write to one folder and one captured stream: each reads out what it wrote, and a file of another is fair.
@settings(
    max_examples=150,
    suppress_health_check=[*settings.default.suppress_health_check, HealthCheck.function_scoped_fixture],
)
@given(name=st.sampled_from(NAMES), words=st.lists(st.sampled_from(OPTIONS) | st.sampled_from(WORDS), max_size=6))
def test_any_words(
    name: str,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    services = {"prod/web": a_service()}
    planned = {"actions": [], "decisions": []}
    control = FakeControl(services=services, histories={"prod/web": [an_event()]}, planned=planned)
    done = Terminal(capture=capsys, control=control, sleeping=stop).run(name, *words)
    assert done.code in {0, 1, 2}
    assert "mistake in headcount" not in done.out + done.err
    assert "\x1b" not in done.out + done.err
    if "--output=json" in words and "--" not in words and name not in ENDLESS:
        json.loads(done.out)
