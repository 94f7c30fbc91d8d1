"""list, describe, why, events: what an operator reads."""

import json

import pytest

from unit.cli.fake_control import FakeControl, Refusal, a_service, a_task, an_event
from unit.cli.terminal import Terminal

OLD_TASK = "1f3a9c1d2b4e4f6a8b7c5d3e1f2a4b6c"


@pytest.fixture
def control() -> FakeControl:
    backing_off = a_service(
        desiredCount=3,
        runningCount=1,
        pendingCount=1,
        state="BACKING_OFF",
        stateReason="3 tasks stopped soon after starting",
        steadySince=None,
        deployment="dep-4",
        nextWake=1795402840.0,
        tasks=[
            a_task(deployment="dep-4"),
            a_task(OLD_TASK, deployment="dep-3", desiredStatus="STOPPED", stopping="replaced by dep-4"),
        ],
        launches=[
            {
                "launch": "abcdefghij234567abcd",
                "count": 1,
                "zone": "eu-central-1b",
                "at": 1795402790.0,
                "reason": "1 missing",
            }
        ],
        backoff={
            "deployment": "dep-4",
            "round": 3,
            "until": "2026-11-23T03:00:40Z",
            "active": True,
            "reason": "3 tasks failed",
        },
        deployments=[
            {"deployment": "dep-4", "taskDefinition": "web:13", "rolloutState": "IN_PROGRESS", "failedTasks": 3},
            {"deployment": "dep-3", "taskDefinition": "web:12", "rolloutState": "COMPLETED", "failedTasks": 0},
        ],
        zones=[{"zone": "eu-central-1b", "refusals": 1, "skippedUntil": 1795402990.0, "reason": "no capacity"}],
        decisions=[{"kind": "hold", "reason": "waiting 40 s before the next try"}],
        orphans=["9f3a9c1d2b4e4f6a8b7c5d3e1f2a4b6c"],
    )
    history = [
        an_event("control", "desired count 2 -> 3", by="alice", at="2026-11-22T23:58:03Z"),
        an_event("launch", "1 task fewer than desired", launch="abcdefghij234567abcd", deployment="dep-4"),
        an_event("lost", "essential container exited (exit code 1)", task=OLD_TASK, level="WARN"),
    ]
    return FakeControl(
        services={"prod/web": backing_off, "staging/api": a_service("staging/api")}, histories={"prod/web": history}
    )


def test_list_shows_counts_states_and_why_one_is_not_steady(terminal: Terminal) -> None:
    done = terminal.run("list")
    assert done.code == 0
    web, api = done.out.splitlines()[1:3]
    assert web.split() == ["prod/web", "BACKING_OFF", "1/3", "1", "0", "-"]
    assert api.split() == ["staging/api", "STEADY", "1/1", "0", "0", "2h", "ago"]
    assert "prod/web: 3 tasks stopped soon after starting" in done.out


def test_list_of_one_cluster(terminal: Terminal) -> None:
    done = terminal.run("list", "--cluster", "staging", "-o", "json")
    assert [service["service"] for service in done.document["services"]] == ["staging/api"]


def test_an_empty_list_says_what_to_do(terminal: Terminal) -> None:
    terminal.control.services = {}
    assert "headcount apply" in terminal.run("list").out


def test_describe_puts_the_state_and_its_reason_first(terminal: Terminal) -> None:
    done = terminal.run("describe", "web")
    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["prod/web", "BACKING_OFF"]
    assert done.out.splitlines()[1].strip() == "3 tasks stopped soon after starting"
    assert "03:00:40 UTC (in 40s)" in done.out
    assert "Waiting: waiting 40 s before the next try" in done.out
    assert "abcdefghij234567abcd" in done.out
    assert "9f3a9c1d2b4e4f6a8b7c5d3e1f2a4b6c" in done.out
    assert "eu-central-1b: skipped until 03:03:10 UTC (in 3m 10s). no capacity" in " ".join(done.out.split())
    assert "dep-4, round 3: the next start is at 03:00:40 UTC (in 40s). 3 tasks failed" in " ".join(done.out.split())
    assert ["dep-4", "web:13", "IN_PROGRESS", "-", "3"] in [text.split() for text in done.out.splitlines()]


def test_describe_shows_what_is_unusual_about_each_task_the_unusual_first(terminal: Terminal) -> None:
    lines = terminal.run("describe", "web").out.splitlines()
    first = next(index for index, text in enumerate(lines) if OLD_TASK in text)
    usual = next(index for index, text in enumerate(lines) if a_task()["taskId"] in text)
    assert first < usual
    assert "stopping:" in lines[first + 1]


def test_describe_fits_eighty_columns(terminal: Terminal) -> None:
    assert all(len(text) <= 80 for text in terminal.run("describe", "web").out.splitlines())


def test_describe_survives_an_answer_with_little_in_it(terminal: Terminal) -> None:
    terminal.control.services = {"prod/web": {"service": "prod/web", "serviceName": "web"}}
    done = terminal.run("describe", "web")
    assert (done.code, done.err) == (0, "")


def test_describe_of_thousands_of_tasks_stays_readable(terminal: Terminal) -> None:
    terminal.control.services["prod/web"]["tasks"] = [a_task(f"{number:032x}") for number in range(200)]
    done = terminal.run("describe", "web")
    assert "... and 150 more" in done.out


def test_why_tells_what_holds_now_then_what_led_here(terminal: Terminal) -> None:
    done = terminal.run("why", "prod/web")
    assert done.code == 0
    told = " ".join(done.out.split())
    now = told.index("1 of 3 tasks are running.")
    asked = told.index("alice asked: desired count 2 -> 3")
    launched = told.index("Launch: 1 task fewer than desired")
    lost = told.index(f"Lost task {OLD_TASK}: essential container exited (exit code 1)")
    assert now < asked < launched < lost
    assert "2026-11-22 (UTC)" in told


def test_why_understands_a_task_and_its_arn(terminal: Terminal) -> None:
    done = terminal.run("why", f"arn:aws:ecs:eu-central-1:123456789012:task/prod/{OLD_TASK}")
    assert f"task {OLD_TASK}" in done.out
    assert terminal.control.requests[-1]["target"] == OLD_TASK


def test_events_are_the_newest_first_and_no_more_than_asked_for(terminal: Terminal) -> None:
    done = terminal.run("events", "web", "--limit", "2", "-o", "json")
    assert [entry["kind"] for entry in done.document["events"]] == ["lost", "launch"]


def test_follow_prints_each_event_once_in_order_until_interrupted(terminal: Terminal) -> None:
    history = terminal.control.histories["prod/web"]
    looks: list[int] = []

    def step() -> None:
        looks.append(1)
        if len(looks) == 1:  # more than a page while nobody looked
            history.extend(an_event("launch", f"number {number}") for number in range(250))
        elif len(looks) == 2:
            terminal.control.refusals = [Refusal("Unavailable", "throttled")] * 3
        elif len(looks) == 6:
            raise KeyboardInterrupt

    terminal.sleeping = step
    done = terminal.run("events", "web", "--follow", "-o", "json")
    assert done.code == 0
    printed = [json.loads(text)["reason"] for text in done.out.splitlines()]
    assert printed[:3] == [entry["reason"] for entry in history[:3]]
    assert printed[3:] == [f"number {number}" for number in range(250)]


def test_follow_is_readable(terminal: Terminal) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    terminal.sleeping = interrupt
    done = terminal.run("events", "web", "--follow", "--limit", "1")
    assert done.out.startswith("2026-11-23 02:00:00  Lost task")


@pytest.mark.parametrize("command", ["describe", "events", "why"])
def test_an_unknown_service_is_said_so(terminal: Terminal, command: str) -> None:
    done = terminal.run(command, "nope")
    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: There is no service 'nope'.\nSee the services with 'headcount list'.\n"


@pytest.mark.parametrize("arguments", [("list",), ("describe", "web"), ("events", "web"), ("why", "web")])
def test_json_is_exactly_the_answer(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    answers = []
    invoke = terminal.control.invoke

    def recording(request: dict[str, object]) -> dict[str, object]:
        answers.append(invoke(request))
        return answers[-1]

    terminal.control.invoke = recording
    assert terminal.run(*arguments, "--output", "json").document == answers[0]["result"]


def test_reasons_cannot_drive_the_terminal(terminal: Terminal) -> None:
    terminal.control.services["prod/web"]["stateReason"] = "[bold]\x1b]0;owned\x07 reason"
    done = terminal.run("describe", "web")
    assert "\x1b" not in done.out
    assert "[bold]" in done.out


def test_a_backoff_that_is_the_reason_of_the_state_is_told_once(terminal: Terminal) -> None:
    service = terminal.control.services["prod/web"]
    service["backoff"]["reason"] = service["stateReason"]
    assert "Backoff" not in terminal.run("describe", "web").out


def test_a_task_that_ended_says_how(terminal: Terminal) -> None:
    ended = a_task(OLD_TASK, lastStatus="STOPPED", desiredStatus="STOPPED", stopping="exit code 1", deployment="dep-4")
    terminal.control.services["prod/web"]["tasks"] = [ended]
    lines = terminal.run("describe", "web").out.splitlines()
    row = next(index for index, text in enumerate(lines) if OLD_TASK in text)
    assert lines[row].split()[1:] == ["STOPPED", "1a", "FARGATE", "59m", "ago"]
    assert lines[row + 1].strip() == "ended: exit code 1"


def test_follow_does_not_miss_what_a_slow_writer_put_behind_the_newest(terminal: Terminal) -> None:
    looks: list[int] = []

    def step() -> None:
        looks.append(1)
        if len(looks) == 1:
            terminal.control.histories["prod/web"].insert(2, an_event("hold", "written late"))
        elif len(looks) == 3:
            raise KeyboardInterrupt

    terminal.sleeping = step
    done = terminal.run("events", "web", "--follow")
    assert done.out.count("written late") == 1
    assert done.out.count("Lost task") == 1


def test_events_shows_no_more_than_the_limit_though_control_answers_in_whole_passes(terminal: Terminal) -> None:
    invoke = terminal.control.invoke
    terminal.control.invoke = lambda request: invoke(request | {"limit": 3})
    assert len(terminal.run("events", "web", "--limit", "1").out.splitlines()) == 2 + 1  # the day, and one that wraps


def test_events_of_a_cluster_say_who_cordoned_what(terminal: Terminal) -> None:
    terminal.control.histories["cluster#prod"] = [an_event("control", "cordon eu-central-1a: power", by="bob")]
    assert "bob asked: cordon eu-central-1a: power" in terminal.run("events", "--cluster", "prod").out
    assert terminal.run("events").code == 2
    assert terminal.run("events", "web", "--cluster", "prod").code == 2
