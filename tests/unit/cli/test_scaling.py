"""scaling, and what other commands tell of it: bounds in list and describe, scale for a while, native services."""

import io
import re

import pytest
from rich.console import Console

from headcount_cli.views.watch import WatchView
from headcount_cli.watching import Seen
from unit.cli.fake_control import NOW, Document, FakeControl, a_scaling, a_service, an_event
from unit.cli.terminal import Terminal


@pytest.fixture
def control() -> FakeControl:
    scaled = a_service(desiredCount=7, runningCount=4, scaling=a_scaling())
    history = [
        an_event("control", "apply, generation 3: scaling", at="2026-11-23T02:00:00Z"),
        an_event("scaling", "cpu50 scales out from 4 to 7: 80 with 4 tasks", at="2026-11-23T02:59:00Z"),
    ]
    native = a_service("prod/api", kind="NativeService", desiredCount=4, tasks=[], scaling=a_scaling())
    services = {"prod/web": scaled, "prod/api": native, "staging/api": a_service("staging/api")}
    return FakeControl(services=services, histories={"prod/web": history})


def words(text: str) -> str:
    """Without what only the width of the terminal decides."""
    return re.sub(r"\s+", " ", text)


def test_scaling_tells_everything_on_one_screen(terminal: Terminal) -> None:
    done = terminal.run("scaling", "web")
    assert done.code == 0
    told = words(done.out)
    for said in (
        "prod/web STEADY",
        "7 desired, 4 running; scaled from 2 to 40",
        "last change 4 -> 7 by cpu50, 02:59:00 UTC (1m ago): 80 with 4 tasks, target 50: needs 7",
        "80 50 7, more",
        "measured 02:58:00 UTC (2m ago)",
        "alarm headcount/main/scaling/web/cpu50/high/0123",
        "scale-out of cpu50 (4 -> 7): 4m left",
        "morning min 10",
        "Scaling: cpu50 scales out from 4 to 7",
        "Looked at 02:59:00 UTC (1m ago), again at 03:00:10 UTC (in 10s)",
    ):
        assert said in told, told
    assert "2026-11-24 08:00" in told
    assert "apply, generation 3" not in told
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_each_alarm_has_a_line_of_its_own(terminal: Terminal) -> None:
    alarms = [f"headcount/main/scaling/a-long-name/cpu50/{way}/0123456789" for way in ("high", "low")]
    terminal.control.services["prod/web"]["scaling"] = a_scaling(
        policies=[{**a_scaling()["policies"][0], "alarms": alarms}]
    )
    lines = [line.strip() for line in terminal.run("scaling", "web").out.splitlines()]
    assert [line for line in lines if line.startswith("alarm headcount")] == [f"alarm {name}" for name in alarms]
    assert "," not in lines


def test_scaling_tells_what_stands_against_it(terminal: Terminal) -> None:
    terminal.control.services["prod/web"]["scaling"] = a_scaling(
        because="set by the scheduled action morning at 2026-11-22T23:00:00Z",
        minCapacity=10,
        suspendedState={"dynamicScalingInSuspended": True},
        override={"count": 12, "until": "2026-11-23T05:00:00Z", "by": "alice", "reason": "sale"},
        problems=["no data from Container Insights"],
        lastChange=None,
        cooldowns=[],
    )
    told = words(terminal.run("scaling", "web").out)
    assert (
        "scaled from 10 to 40, set by the scheduled action morning at 2026-11-22T23:00:00Z (declared: 2 to 40)" in told
    )
    assert "overridden: 12 tasks until 05:00:00 UTC (in 2h), by alice: sale" in told
    assert "suspended: policies may not scale in" in told
    assert "no data from Container Insights" in told
    assert "scaling has not changed the count yet" in told
    assert "Cooldowns" not in told


def test_scaling_before_anybody_has_looked(terminal: Terminal) -> None:
    unasked = dict.fromkeys(("outcome", "count", "value", "measuredAt", "reason", "notScaledReason", "limited"))
    policy = {**a_scaling()["policies"][0], **unasked, "alarms": []}
    terminal.control.services["prod/web"]["scaling"] = a_scaling(
        policies=[policy], lastChange=None, cooldowns=[], scheduledActions=[], lookedAt=None, nextLookAt=None
    )
    told = words(terminal.run("scaling", "web").out)
    assert "not asked yet" in told
    assert "Not looked at yet, and whenever an alarm or a schedule tells." in told


def test_scaling_for_a_program(terminal: Terminal) -> None:
    document = terminal.run("scaling", "web", "-o", "json").document
    assert document["policies"][0]["value"] == 80.0
    assert [one["kind"] for one in document["decisions"]] == ["scaling"]


def test_scaling_of_a_service_that_is_not_scaled(terminal: Terminal) -> None:
    done = terminal.run("scaling", "staging/api")
    assert done.code == 2
    assert "staging/api is not scaled: its manifest has no scaling" in done.err


def test_list_shows_the_bounds_where_any_service_is_scaled(terminal: Terminal) -> None:
    head, *lines = terminal.run("list").out.splitlines()
    assert head.split()[:4] == ["SERVICE", "STATE", "RUNNING", "SCALED"]
    assert [line.split()[3] for line in lines[:3]] == ["2-40", "2-40", "-"]
    terminal.control.services["prod/web"]["scaling"]["problems"] = ["x"]
    assert "Scaling has problems: prod/web." in terminal.run("list").out
    assert "SCALED" not in terminal.run("list", "--cluster", "staging").out


def test_describe_tells_of_scaling(terminal: Terminal) -> None:
    terminal.control.services["prod/web"]["scaling"]["problems"] = ["no data from Container Insights"]
    told = words(terminal.run("describe", "web").out)
    assert "scaling 2 to 40" in told
    assert "Problems of scaling - no data from Container Insights" in told
    assert "headcount scaling prod/web" in told


def test_describe_a_native_service(terminal: Terminal) -> None:
    told = words(terminal.run("describe", "prod/api").out)
    assert "kept by ECS itself (a native service)" in told
    assert "4 desired, 1 running" in told
    assert "Tasks" not in told


def test_tasks_of_a_native_service_are_for_ecs_to_list(terminal: Terminal) -> None:
    done = terminal.run("tasks", "prod/api")
    assert done.code == 1
    assert "prod/api is a native service: ECS itself keeps its tasks." in words(done.err)
    assert "aws ecs list-tasks --cluster prod --service-name api" in words(done.err)


def test_waiting_for_a_count_does_not_wait_for_what_scaling_has_changed_since(terminal: Terminal) -> None:
    def scaled_further(control: FakeControl) -> None:
        control.services["prod/web"] |= {"desiredCount": 9, "runningCount": 9, "state": "STEADY"}

    terminal.sleeping = lambda: scaled_further(terminal.control)
    done = terminal.run("scale", "web", "8", "--wait")
    assert done.code == 0
    assert "prod/web is steady" in done.err


def test_scale_for_a_while_is_an_override(terminal: Terminal) -> None:
    done = terminal.run("scale", "web", "12", "--for", "2h", "--reason", "sale")
    assert done.code == 0
    assert terminal.control.requests[-1]["operation"] == "override"
    assert (terminal.control.requests[-1]["count"], terminal.control.requests[-1]["forSeconds"]) == (12, 7200)
    assert "prod/web is overridden: 12 tasks until" in done.out
    assert "the desired count stays 7" in words(done.out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scale", "web", "12", "--for", "30s"), "'30s' is out of range: from 1m to 365d."),
        (("scale", "web", "12", "--for", "0s"), "'0s' is out of range: from 1m to 365d."),
        (("override", "web", "12", "--for", "366d"), "'366d' is out of range: from 1m to 365d."),
        (("pause", "web", "--for", "0s"), "'0s' is out of range: from 1s to 365d."),
        (("protect", "0f3a9c1d2b4e4f6a8b7c0d1e2f3a4b5c", "--for", "3d"), "'3d' is out of range: from 1s to 2d."),
    ],
)
def test_there_is_one_truth_about_how_long_something_holds(
    terminal: Terminal, arguments: tuple[str, ...], said: str
) -> None:
    done = terminal.run(*arguments)
    assert (done.code, done.err.splitlines()[0]) == (2, f"Error: Invalid value for '--for': {said}")
    assert terminal.control.requests == []


def test_scale_for_a_while_can_be_waited_for(terminal: Terminal) -> None:
    def arrived(control: FakeControl) -> None:
        control.services["prod/web"] |= {"keptCount": 12, "runningCount": 12}

    terminal.sleeping = lambda: arrived(terminal.control)
    done = terminal.run("scale", "web", "12", "--for", "2h", "--wait")
    assert done.code == 0
    assert "prod/web is steady" in done.err


def test_delete_of_a_native_service_says_what_stays(terminal: Terminal) -> None:
    terminal.interactive, terminal.answers = True, [True]
    done = terminal.run("delete", "prod/api")
    assert terminal.questions == ["Delete prod/api (ECS keeps it and its tasks, and nothing scales it any more)?"]
    assert "prod/api is being deleted: ECS keeps it, and nothing scales it any more." in words(done.out)


def test_list_does_not_know_what_runs_of_a_native_service(terminal: Terminal) -> None:
    unknown = dict.fromkeys(("runningCount", "keptCount", "pendingCount", "stoppingCount"))
    terminal.control.services["prod/api"] |= unknown
    (line,) = [line for line in terminal.run("list").out.splitlines() if line.startswith("prod/api")]
    assert line.split()[:6] == ["prod/api", "STEADY", "-/4", "2-40", "-", "-"]
    who = "ECS itself keeps these tasks; how many of them run, 'headcount describe SERVICE' asks it."
    assert who in words(terminal.run("list").out)
    assert "ECS itself" not in terminal.run("list", "--cluster", "staging").out


def test_watch_shows_bounds_and_what_stands_against_scaling(terminal: Terminal) -> None:
    terminal.control.services["prod/web"]["scaling"]["problems"] = ["there is no alarm high"]
    told = words(drawn(terminal.control.services["prod/web"]))
    assert "7 desired 4 running 0 pending 0 stopping 2-40 scaled dep-3 web:12" in told
    assert "scaling: there is no alarm high" in told


def test_watch_of_a_native_service_shows_no_tasks(terminal: Terminal) -> None:
    unknown = dict.fromkeys(("keptCount", "pendingCount", "stoppingCount"))
    told = words(drawn(terminal.control.services["prod/api"] | unknown))
    assert "4 desired 1 running 2-40 scaled" in told
    assert "None" not in told
    assert "Tasks" not in told


def drawn(answer: Document) -> str:
    """What ``watch`` draws on a terminal of 24 lines."""
    console = Console(width=90, record=True, file=io.StringIO())
    console.print(WatchView(name="watched", seen=Seen(answer=answer, at=NOW), now=NOW, height=24))
    return console.export_text()
