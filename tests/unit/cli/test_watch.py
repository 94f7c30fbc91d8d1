"""watch: on a terminal of any size, and as lines where there is none."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from headcount_cli.views.fitting import share
from headcount_cli.views.watch import WatchView
from headcount_cli.watching import Seen
from unit.cli.fake_aws import fake_aws
from unit.cli.fake_control import NOW, FakeControl, Refusal, a_service, a_task, an_event
from unit.cli.terminal import Finished, Terminal

ZONES = ("eu-central-1a", "eu-central-1b", "eu-central-1c")
TELLS_WHEN_IT_BEGINS = """
import sys
from headcount_cli.main import main

class Tell:
    def find_spec(name, *others):
        if name == "headcount_cli.running":
            print("begins", flush=True)

sys.meta_path.insert(0, Tell)
main()
"""
ENTER, LEAVE, SHOW_CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


@pytest.fixture
def control() -> FakeControl:
    return FakeControl(services={"prod/web": a_service()}, histories={"prod/web": [an_event()]})


def watch(terminal: Terminal, *looks: object, arguments: tuple[str, ...] = ("web",)) -> Finished:
    """Runs what is in ``looks``, one by one, before each look after the first; then presses Ctrl-C."""
    waiting = list(looks)

    def between() -> None:
        if not waiting:
            raise KeyboardInterrupt
        change = waiting.pop(0)
        if callable(change):
            change()

    terminal.sleeping = between
    return terminal.run("watch", *arguments)


def busy(count: int) -> dict[str, object]:
    """A service in the middle of everything, with so many tasks."""
    tasks = [
        a_task(f"{number:032x}", availabilityZone=ZONES[number % 3], deployment="dep-4") for number in range(count)
    ]
    tasks[0] |= {"stopping": "dep-4 replaces dep-3", "notice": {"kind": "SPOT", "reason": "interrupted"}}
    return a_service(
        desiredCount=count,
        runningCount=count,
        state="BACKING_OFF",
        stateReason="3 tasks stopped soon after starting " * 3,
        deployment="dep-4",
        tasks=tasks,
        deployments=[
            {"deployment": "dep-4", "taskDefinition": "web:13", "rolloutState": "IN_PROGRESS", "failedTasks": 3},
            {"deployment": "dep-3", "taskDefinition": "web:12", "rolloutState": "COMPLETED", "failedTasks": 0},
        ],
        backoff={"deployment": "dep-4", "round": 3, "until": "2026-11-23T03:00:40Z", "reason": "3 tasks failed"},
        zones=[{"zone": ZONES[1], "skippedUntil": "2026-11-23T03:05:00Z", "reason": "no capacity"}],
        events=[an_event("lost", "essential container exited (exit code 1)", task=f"{one:032x}") for one in range(10)],
        paused={"mode": "freeze", "until": None, "by": "alice", "reason": "looking into it"},
        cordons=[{"zone": ZONES[2], "evacuate": True, "until": None, "by": "bob", "reason": "power"}],
        nextWake="2026-11-23T03:00:40Z",
    )


def drawn(answer: object, width: int, height: int, **seen: object) -> list[str]:
    console = Console(width=width, height=height, force_terminal=False, color_system=None, legacy_windows=False)
    view = WatchView(
        name="web",
        seen=Seen(answer=answer, at=NOW - timedelta(seconds=34), **seen),
        now=NOW,
        height=height,
    )
    with console.capture() as capture:
        console.print(view)
    return capture.get().removesuffix("\n").split("\n")


@pytest.mark.parametrize("count", [3, 500])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 50), (80, 60), (40, 10), (20, 4)])
def test_the_view_has_exactly_the_size_of_the_screen(count: int, width: int, height: int) -> None:
    lines = drawn(busy(count), width, height)
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)
    assert "Ctrl-C leaves." in " ".join(" ".join(lines[-3:]).split())


def test_the_view_tells_counts_places_waits_deployments_decisions_and_tasks() -> None:
    lines = drawn(busy(500), 100, 60)
    told = " ".join(" ".join(lines).split())
    assert lines[0].startswith("web  BACKING_OFF") or lines[0].startswith("prod/web  BACKING_OFF")
    assert "500 desired 500 running" in told
    assert "paused: nothing is started or stopped, until somebody resumes it, by alice: looking into it" in told
    assert ["1a", "FARGATE", "166", "1", "#" * 20] in [line.split() for line in lines]
    assert "the next start at 03:00:40 UTC (in 40s): 3 tasks failed" in told
    assert f"{ZONES[1]}: skipped until 03:05:00 UTC (in 5m). no capacity" in told
    assert "dep-4 web:13 IN_PROGRESS" in told
    assert "02:00:00 Lost task" in told
    assert "SPOT: interrupted" in told
    assert "... 500 in all: headcount tasks prod/web" in told


def test_a_failure_is_told_with_the_age_of_what_stands_there() -> None:
    next_look = NOW + timedelta(seconds=8)
    lines = drawn(busy(3), 120, 30, failure="AWS throttled the request.", failures=3, next_look=next_look)
    told = "AWS throttled the request. What stands here was seen 34s ago; tried 3 times, again in 8s."
    assert lines[-1].strip() == told
    assert "prod/web" in lines[0]


def test_before_anything_is_seen_the_failure_is_all_there_is() -> None:
    console = Console(width=80, height=5, color_system=None)
    view = WatchView(name="web", seen=Seen(failure="AWS could not be reached.", failures=1), now=NOW, height=5)
    with console.capture() as capture:
        console.print(view)
    assert "AWS could not be reached. Nothing was seen yet" in capture.get()


@pytest.mark.parametrize("answer", [{"tasks": 7}, {"state": []}, {"tasks": [None]}, {"services": [None]}, {}])
def test_an_answer_of_another_version_does_not_end_the_view(answer: object) -> None:
    lines = drawn(answer, 80, 24)
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9))), st.integers(-3, 90))
def test_room_is_given_out_without_waste_and_never_twice(sections: list[tuple[int, int]], room: int) -> None:
    wants, leasts = [want for want, _ in sections], [least for _, least in sections]
    given_out = share(wants, leasts, room)
    assert all(0 <= one <= want for one, want in zip(given_out, wants, strict=True))
    assert sum(given_out) == min(sum(wants), max(room, 0))


def test_without_a_terminal_a_line_is_printed_whenever_something_changes(terminal: Terminal) -> None:
    service = terminal.control.services["prod/web"]

    def scaled() -> None:
        service.update({"desiredCount": 2, "state": "RECONCILING", "stateReason": "1 task fewer", "pass": 18})
        terminal.control.histories["prod/web"].append(an_event("launch", "1 task fewer", at="2026-11-23T03:00:01Z"))

    done = watch(terminal, None, scaled, None)
    assert (done.code, done.err) == (0, "")
    assert [line.partition("  ")[2] for line in done.out.splitlines()] == [
        "Launch: 1 task fewer than desired",
        "prod/web: 1/1 running. STEADY: as many tasks run as desired",
        "Launch: 1 task fewer",
        "prod/web: 1/2 running. RECONCILING: 1 task fewer",
    ]


def test_the_history_is_asked_for_only_after_a_new_pass(terminal: Terminal) -> None:
    watch(terminal, None, None)
    assert terminal.control.operations() == ["describe", "events", "describe", "describe"]


def test_a_steady_service_is_looked_at_less_often(terminal: Terminal) -> None:
    started = terminal.now
    watch(terminal)
    assert (terminal.now - started).total_seconds() == 5
    terminal.control.services["prod/web"]["state"] = "DEPLOYING"
    started = terminal.now
    watch(terminal)
    assert (terminal.now - started).total_seconds() == 2


def test_failures_do_not_end_it_and_a_new_connection_is_made_after_each(terminal: Terminal) -> None:
    def throttled() -> None:
        terminal.control.refusals = [Refusal("Unavailable", "AWS throttled.")] * 3

    done = watch(terminal, throttled, *[None] * 4)
    assert done.code == 0
    assert done.err.count("AWS throttled. What stands here was seen 7s ago") == 1
    assert len(terminal.connections) == 2


def test_a_new_version_that_answers_nonsense_for_a_moment_does_not_end_it(terminal: Terminal) -> None:
    invoke = terminal.control.invoke

    def deployed() -> None:
        terminal.control.invoke = lambda request: "<html>"

    def ready() -> None:
        terminal.control.invoke = invoke
        terminal.control.services["prod/web"]["stateReason"] = "seen again"

    done = watch(terminal, deployed, ready, None)
    assert done.code == 0
    assert "not Headcount's protocol" in done.err
    assert "seen again" in done.out


def test_what_nobody_thought_of_does_not_end_it(terminal: Terminal) -> None:
    def broken() -> None:
        terminal.control.step = lambda control: 1 / 0

    done = watch(terminal, broken, None)
    assert done.code == 0
    assert "ZeroDivisionError" in done.err


def test_looks_that_fail_become_rare(terminal: Terminal) -> None:
    times: list[float] = []

    def failing() -> None:
        terminal.control.refusals = [Refusal("UnsupportedVersion", "older")] * 99

    watch(terminal, failing, *[lambda: times.append(terminal.now.timestamp())] * 9)
    assert [round(later - earlier) for earlier, later in pairwise(times)][-3:] == [60, 60, 60]


def test_a_deleted_service_is_said_to_be_gone_and_seen_when_it_is_back(terminal: Terminal) -> None:
    service = terminal.control.services["prod/web"]

    def back() -> None:
        terminal.control.services["prod/web"] = service | {"stateReason": "declared again"}

    done = watch(terminal, terminal.control.services.clear, back, None)
    assert done.code == 0
    assert "The service is gone." in done.err
    assert "declared again" in done.out


def test_a_name_that_is_wrong_from_the_start_is_said_at_once(terminal: Terminal) -> None:
    done = terminal.run("watch", "nope")
    assert done.code == 1
    assert "There is no service 'nope'." in done.err


def test_throttling_from_the_start_is_waited_out(terminal: Terminal) -> None:
    terminal.control.refusals = [Refusal("Unavailable", "AWS throttled.")] * 3
    looks: list[int] = []

    def between() -> None:
        looks.append(1)
        if len(looks) > 6:
            raise KeyboardInterrupt

    terminal.sleeping = between
    done = terminal.run("watch", "web")
    assert done.code == 0
    assert "AWS throttled. Nothing was seen yet" in done.err
    assert "prod/web: 1/1 running" in done.out


def test_for_programs_it_is_a_document_a_line(terminal: Terminal) -> None:
    service = terminal.control.services["prod/web"]
    done = watch(terminal, None, lambda: service.update(runningCount=0), None, arguments=("web", "-o", "json"))
    documents = [json.loads(line) for line in done.out.splitlines()]
    assert [document["runningCount"] for document in documents] == [1, 0]
    assert documents[0]["events"][0]["kind"] == "launch"


def test_all_services_can_be_watched(terminal: Terminal) -> None:
    terminal.control.services["staging/api"] = a_service("staging/api")
    assert watch(terminal, arguments=()).out.count(" running. STEADY") == 2
    assert watch(terminal, arguments=("--cluster", "staging")).out.count(" running. STEADY") == 1
    assert terminal.run("watch", "web", "--cluster", "prod").code == 2


def _until(condition: Callable[[], bool], seen: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {seen()}"
        time.sleep(0.02)


def test_on_a_terminal_the_screen_is_given_back_after_ctrl_c(tmp_path: Path) -> None:
    describe = {"version": 1, "ok": True, "result": {**a_service(), "events": [], "services": None}}
    describe["result"].pop("services")
    with fake_aws() as aws:
        aws.answers["Invoke"] = (200, json.dumps(describe), {})
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        credentials = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-central-1"}
        kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        watcher = subprocess.Popen(
            [sys.executable, "-m", "headcount_cli", "watch", "web", "--endpoint-url", aws.url],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**kept, **credentials, "TERM": "xterm", "AWS_CONFIG_FILE": str(tmp_path / "none")},
        )
        os.close(theirs)
        os.set_blocking(ours, False)
        written = bytearray()

        def has(text: bytes) -> bool:
            with suppress(BlockingIOError, OSError):  # nothing yet; or the other end is closed
                written.extend(os.read(ours, 65536))
            return text in written

        _until(lambda: has(b"prod/web"), lambda: written)
        watcher.send_signal(signal.SIGINT)
        _until(lambda: has(b"running. STEADY"), lambda: written)
        assert watcher.wait(timeout=30) == 0
        os.close(ours)
    assert written.index(ENTER) < written.index(LEAVE)
    assert SHOW_CURSOR in written[written.index(ENTER) :]
    assert b"Traceback" not in written


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.25, 0.5, 1.0])
def test_ctrl_c_in_the_first_moments_shows_no_traceback(seconds: float) -> None:
    started = subprocess.Popen(
        [sys.executable, "-c", TELLS_WHEN_IT_BEGINS, "list", "--endpoint-url", "http://127.0.0.1:9"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "begins\n"  # until then it is Python that starts
    with suppress(subprocess.TimeoutExpired):
        started.wait(timeout=seconds)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=30)
    assert started.returncode != 0
    assert "Traceback" not in err
