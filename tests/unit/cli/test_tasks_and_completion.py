"""tasks, what still holds of an answer, names for the shell, and the version."""

import os
import subprocess
import sys

import pytest
from rich.console import Console

from headcount_cli.completion import VARIABLE
from headcount_cli.views.tasks import TasksView
from unit.cli.fake_aws import fake_aws
from unit.cli.fake_control import NOW, FakeControl, a_service, a_task
from unit.cli.terminal import Terminal

SICK, MOVING, USUAL = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture
def control() -> FakeControl:
    tasks = [
        a_task(USUAL),
        a_task(MOVING, availabilityZone="eu-central-1b", capacity="FARGATE_SPOT", lastStatus="PENDING"),
        a_task(SICK, healthStatus="UNHEALTHY", deployment="dep-2"),
    ]
    return FakeControl(services={"prod/web": a_service(tasks=tasks), "staging/web": a_service("staging/web")})


def ids(text: str) -> list[str]:
    return [word for word in text.split() if len(word) == 32]


def test_tasks_are_listed_the_unusual_first(terminal: Terminal) -> None:
    done = terminal.run("tasks", "prod/web")
    assert done.out.splitlines()[0] == "prod/web: 3 tasks (2 RUNNING, 1 PENDING)"
    assert ids(done.out)[-1] == USUAL
    assert "UNHEALTHY, of dep-2" in done.out


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--zone", "1b"), [MOVING]),
        (("--zone", "eu-central-1b"), [MOVING]),
        (("--status", "running"), [USUAL, SICK]),
        (("--capacity", "FARGATE_SPOT"), [MOVING]),
        (("--deployment", "dep-2"), [SICK]),
        (("--deployment", "dep-2", "--zone", "1b"), []),
    ],
)
def test_tasks_can_be_picked_and_their_ids_piped_on(
    terminal: Terminal, options: tuple[str, ...], found: list[str]
) -> None:
    assert terminal.run("tasks", "prod/web", *options, "-q").out.split() == found
    document = terminal.run("tasks", "prod/web", *options, "-o", "json").document
    assert [task["taskId"] for task in document["tasks"]] == found


def test_a_status_that_no_task_ever_has_is_refused(terminal: Terminal) -> None:
    done = terminal.run("tasks", "web", "--status", "FOO")
    assert (done.code, terminal.control.requests) == (2, [])
    assert done.err.startswith("Error: Invalid value for '--status': 'FOO' is not one of 'provisioning', 'pending', ")
    assert "'running'" in done.err


@pytest.mark.parametrize("width", [80, 119, 120, 160])
@pytest.mark.parametrize("count", [3, 500])
def test_ids_are_never_broken_and_nothing_is_wider_than_the_terminal(width: int, count: int) -> None:
    provider = "a-capacity-provider-with-quite-a-long-name"
    tasks = [
        a_task(
            f"{number:032x}", lastStatus="DEPROVISIONING", capacity=provider, stopping="essential container exited " * 5
        )
        for number in range(count)
    ]
    console = Console(width=width, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(TasksView(tasks=tasks, deployment="dep-3", now=NOW))
    assert len(ids(capture.get())) == count
    assert all(len(line.rstrip()) <= width for line in capture.get().splitlines())


@pytest.mark.parametrize(("active", "until"), [(False, "2026-11-23T04:00:00Z"), (True, "2026-11-23T02:59:59Z")])
def test_what_is_over_is_no_longer_told(terminal: Terminal, active: bool, until: str) -> None:
    service = terminal.control.services["prod/web"]
    over = {
        "backoff": {"deployment": "dep-3", "round": 1, "until": until, "active": active, "reason": "was"},
        "zones": [{"zone": "eu-central-1b", "skippedUntil": "2026-11-23T02:59:59Z", "reason": "no capacity"}],
        "decisions": [
            {"kind": "hold", "reason": "was"},
            {"kind": "hold", "reason": "no capacity"},
            {"kind": "hold", "reason": "1 protected task stays"},
        ],
        "override": {"count": 5, "until": "2026-11-23T02:59:59Z"},
        "paused": {"mode": "stop", "until": "2026-11-23T02:59:59Z"},
        "cordons": [{"zone": "eu-central-1b", "evacuate": False, "until": "2026-11-23T02:59:59Z"}],
    }
    service |= over
    told = terminal.run("describe", "prod/web").out
    for word in ("Backoff", "refuse", "no capacity", ": was", "overridden", "paused", "cordoned"):
        assert word not in told
    assert "1 protected task stays" in told


def test_what_holds_is_told(terminal: Terminal) -> None:
    terminal.control.services["prod/web"] |= {
        "override": {"count": 5, "until": "2026-11-23T05:00:00Z", "by": "alice", "reason": "sale"},
        "standby": [{"taskId": SICK, "since": "2026-11-23T02:00:00Z", "by": "bob", "reason": "dump"}],
        "keptCount": 5,
        "capacity": [
            {"capacity": "FARGATE", "count": 2, "share": 2, "level": 0},
            {"capacity": "FARGATE_SPOT", "count": 1, "share": None, "level": 1},
            {"capacity": "old", "count": 1, "share": None, "level": None},
        ],
        "previous": {"deployment": "dep-2", "taskDefinition": "web:11"},
    }
    told = " ".join(terminal.run("describe", "prod/web").out.split())
    assert "overridden: 5 tasks until 05:00:00 UTC (in 2h), by alice: sale" in told
    assert f"{SICK} stands by out of rotation since 02:00:00 UTC (1h ago), by bob: dump" in told
    assert "1 desired, 5 kept, 1 running" in told
    assert "FARGATE_SPOT 1 - fallback 1" in told
    assert "old 1 - not in the manifest" in told
    assert "rollback returns to web:11 of dep-2" in told
    assert "1/5 (1)" in terminal.run("list").out


def test_an_unknown_key_is_not_shown_as_its_own_value(terminal: Terminal, tmp_path) -> None:
    (tmp_path / "web.yaml").write_text("kind: Service\nlaunchTyp: FARGATE\ndeadlines: {pendingSecond: 5}\n")
    done = terminal.run("validate", str(tmp_path / "web.yaml"))
    assert "launchTyp\n" in done.err.replace(" \n", "\n").replace(" ", "")
    assert "= launchTyp" not in done.err
    assert "= pendingSecond" not in done.err


def test_the_version(terminal: Terminal) -> None:
    assert terminal.run("--version").out.startswith("headcount ")
    assert set(terminal.run("--version", "-o", "json").document) == {"version"}
    assert set(terminal.run("-o", "json", "--version").document) == {"version"}


def complete(line: str, url: str, **environment: str) -> list[str]:
    """What bash is told when Tab is pressed at the end of ``line``."""
    settings = {
        "_HEADCOUNT_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - (not line.endswith(" "))),
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": url,
    }
    script = "import sys; sys.argv[0] = 'headcount'; from headcount_cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | settings | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_names_of_services_are_completed() -> None:
    with fake_aws() as aws:
        services = [{"service": "prod/web"}, {"service": "staging/web"}, {"service": "prod/worker"}]
        aws.services(services)
        assert complete("headcount describe wo", aws.url) == ["worker"]
        assert complete("headcount describe ", aws.url) == ["worker", "prod/web", "prod/worker", "staging/web"]
        assert complete("headcount describe st", aws.url, **{VARIABLE: "0"}) == []


def test_completion_is_silent_where_nothing_answers() -> None:
    assert complete("headcount describe w", "http://127.0.0.1:9") == []


def test_commands_are_completed_without_asking_anybody() -> None:
    assert complete("headcount stop", "http://127.0.0.1:9") == ["stop-task"]
