"""pause, resume, override, redeploy, rollback, stop-task, standby, cordon, uncordon, cordons."""

import pytest

from unit.cli.fake_control import FakeControl, a_service, a_task
from unit.cli.terminal import Terminal

TASK = a_task()["taskId"]
ARN = f"arn:aws:ecs:eu-central-1:123456789012:task/prod/{TASK}"
BY_ALICE = {"by": "alice", "reason": "the night"}

ACTING: dict[str, tuple[tuple[str, ...], dict[str, object]]] = {
    "pause": (("pause", "web", "--for", "12h"), {"service": "web", "mode": "stop", "untilSeconds": 43200}),
    "freeze": (("pause", "web", "--freeze"), {"service": "web", "mode": "freeze"}),
    "resume": (("resume", "web"), {"service": "web"}),
    "override": (("override", "web", "12", "--for", "2h"), {"service": "web", "count": 12, "forSeconds": 7200}),
    "override ends": (("override", "web", "--end"), {"service": "web", "count": 0, "forSeconds": 0}),
    "redeploy": (("redeploy", "web"), {"service": "web"}),
    "rollback": (("rollback", "web"), {"service": "web"}),
    "scale": (("scale", "web", "2"), {"service": "web", "desiredCount": 2}),
    "delete": (("delete", "web", "--yes"), {"service": "web"}),
    "protect": (("protect", "web", TASK), {"service": "web", "tasks": [TASK], "expiresInMinutes": 120}),
    "stop-task": (("stop-task", "web", TASK), {"service": "web", "tasks": [TASK], "lowerCount": False}),
    "standby": (("standby", "web", TASK), {"service": "web", "tasks": [TASK], "end": False}),
    "cordon": (
        ("cordon", "eu-central-1a", "--cluster", "prod", "--evacuate", "--for", "1h"),
        {"cluster": "prod", "zone": "eu-central-1a", "evacuate": True, "untilSeconds": 3600},
    ),
    "uncordon": (("uncordon", "eu-central-1a", "--cluster", "prod"), {"cluster": "prod", "zone": "eu-central-1a"}),
}


@pytest.fixture
def control() -> FakeControl:
    return FakeControl(services={"prod/web": a_service(desiredCount=3, runningCount=3)})


@pytest.mark.parametrize("name", ACTING)
def test_whoever_acts_says_what_who_and_why(terminal: Terminal, name: str) -> None:
    arguments, fields = ACTING[name]
    done = terminal.run(*arguments, "--reason", "the night")
    assert (done.code, done.err) == (0, "")
    (request,) = terminal.control.requests
    assert {key: request[key] for key in request.keys() - {"version", "operation"}} == {**fields, **BY_ALICE}


@pytest.mark.parametrize("name", ACTING)
def test_the_answer_is_one_document_for_programs(terminal: Terminal, name: str) -> None:
    arguments, _ = ACTING[name]
    assert set(terminal.run(*arguments, "-o", "json").document) & {"service", "cluster"}


def test_a_reason_is_left_out_where_none_is_given_and_bounded_where_one_is(terminal: Terminal) -> None:
    assert terminal.run("resume", "web").code == 0
    assert "reason" not in terminal.control.requests[0]
    done = terminal.run("resume", "web", "--reason", "x" * 257)
    assert done.code == 2
    assert "256 are allowed" in done.err


def test_pause_that_stops_tasks_asks_and_names_the_gentler_way(terminal: Terminal) -> None:
    terminal.interactive, terminal.answers = True, [False]
    done = terminal.run("pause", "web")
    assert done.code == 1
    assert terminal.questions == ["Stop all tasks of prod/web (3 running)? --freeze would leave them as they are."]
    assert terminal.control.operations() == ["describe"]


def test_a_frozen_native_service_is_not_said_to_be_kept_still(terminal: Terminal) -> None:
    terminal.control.services["prod/web"]["kind"] = "NativeService"
    told = "paused: nothing scales it, until somebody resumes it, by alice"
    assert " ".join(terminal.run("pause", "web", "--freeze").out.split()) == f"prod/web is {told}"
    assert told in " ".join(terminal.run("describe", "web").out.split())


def test_pause_that_freezes_asks_nobody(terminal: Terminal) -> None:
    terminal.interactive = True
    done = terminal.run("pause", "web", "--freeze", "--reason", "looking")
    told = "prod/web is paused: nothing is started or stopped, until somebody resumes it, by alice: looking"
    assert " ".join(done.out.split()) == told


def test_pause_says_until_when(terminal: Terminal) -> None:
    assert "no task runs, until 15:00:00 UTC (in 12h)" in " ".join(
        terminal.run("pause", "web", "--for", "12h").out.split()
    )


def test_resume_of_what_was_not_paused_says_so(terminal: Terminal) -> None:
    assert terminal.run("resume", "web").out == "prod/web was not paused: 3 tasks\n"
    terminal.run("pause", "web")
    assert terminal.run("resume", "web").out == "prod/web resumed: 3 tasks\n"


def test_override_tells_the_count_that_is_kept(terminal: Terminal) -> None:
    told = "prod/web is overridden: 0 tasks until 05:00:00 UTC (in 2h), by alice; the desired count stays 3"
    assert " ".join(terminal.run("override", "web", "0", "--for", "2h").out.split()) == told
    told = "prod/web is no longer overridden; the desired count stays 3"
    assert terminal.run("override", "web", "--end").out.strip() == told


@pytest.mark.parametrize(
    "arguments",
    [
        ("web",),
        ("web", "3"),
        ("web", "--for", "2h"),
        ("web", "3", "--end"),
        ("web", "--end", "--for", "1h"),
        ("web", "3", "--for", "59s"),
        ("web", "3", "--for", "366d"),
        ("web", "-1", "--for", "2h"),
        ("web", "5001", "--for", "2h"),
    ],
)
def test_override_refuses_what_makes_no_sense(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    done = terminal.run("override", *arguments)
    assert (done.code, done.out) == (2, "")
    assert terminal.control.requests == []


@pytest.mark.parametrize("command", ["redeploy", "rollback"])
def test_a_deployment_can_be_waited_for(terminal: Terminal, command: str) -> None:
    terminal.sleeping = lambda: terminal.control.services["prod/web"].update(state="STEADY")
    done = terminal.run(command, "web", "--wait", "-o", "json")
    assert done.document["deployment"] == "dep-4"
    assert "prod/web is steady after 1s" in done.err


def test_rollback_shows_what_it_changes_back(terminal: Terminal) -> None:
    done = terminal.run("rollback", "web")
    assert "~ taskDefinition: web:12 -> web:11" in done.out
    assert "prod/web: back to web:11, as dep-4" in done.out


@pytest.mark.parametrize("command", ["stop-task", "standby", "protect"])
@pytest.mark.parametrize("word", [TASK, ARN])
def test_a_task_alone_is_enough_for_its_service_is_known(terminal: Terminal, command: str, word: str) -> None:
    assert terminal.run(command, word).code == 0
    looked, acted = terminal.control.requests
    assert (looked["operation"], looked["target"]) == ("why", TASK)
    assert (acted["service"], acted["tasks"]) == ("prod/web", [TASK])


@pytest.mark.parametrize("command", ["stop-task", "standby", "protect"])
def test_a_service_without_tasks_is_bad_input(terminal: Terminal, command: str) -> None:
    done = terminal.run(command, "web")
    assert done.code == 2
    assert "headcount tasks SERVICE" in done.err
    assert terminal.control.requests == []


def test_stop_task_says_whether_it_is_replaced(terminal: Terminal) -> None:
    assert "desired count 3 stays, so they are replaced" in terminal.run("stop-task", "web", TASK).out
    assert "desired count 2 now" in terminal.run("stop-task", "web", TASK, "--lower-count").out


def test_standby_and_its_end(terminal: Terminal) -> None:
    told = " ".join(terminal.run("standby", "web", TASK, "--reason", "heap dump").out.split())
    assert told == f"{TASK} stands by out of rotation since 02:59:00 UTC (1m ago), by alice: heap dump"
    assert terminal.run("standby", "web", TASK, "--end").out == "No task of prod/web stands by.\n"


def test_cordons_are_listed_with_who_and_why(terminal: Terminal) -> None:
    assert terminal.run("cordons").out == "No zone is cordoned.\n"
    terminal.run("cordon", "eu-central-1a", "--cluster", "prod", "--reason", "power")
    done = terminal.run("cordons")
    told = "prod eu-central-1a no 03:00:00 UTC (now) - alice power"
    assert " ".join(done.out.splitlines()[1].split()) == told
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_cordon_says_what_it_means_and_whom_it_concerns(terminal: Terminal) -> None:
    done = terminal.run("cordon", "eu-central-1a", "--cluster", "prod", "--evacuate")
    told = " ".join(done.out.split())
    assert "no task is started there and those that run are moved away, by alice" in told
    assert "prod: 2 services will look again" in told
    assert "No zone is cordoned." in terminal.run("uncordon", "eu-central-1a", "--cluster", "prod").out


@pytest.mark.parametrize("arguments", [("cordon", "eu-central-1a"), ("cordon", "", "--cluster", "prod"), ("uncordon",)])
def test_a_cordon_needs_a_zone_and_a_cluster(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    assert terminal.run(*arguments).code == 2
    assert terminal.control.requests == []


@pytest.mark.parametrize("arguments", [("scale", "web", "5"), ("redeploy", "web")])
def test_nobody_waits_for_a_service_that_is_paused(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    terminal.run("pause", "web", "--reason", "the night")
    terminal.control.services["prod/web"]["state"] = "PAUSED"
    started = terminal.now
    done = terminal.run(*arguments, "--wait")
    assert done.code == 1
    assert "prod/web is paused: no task runs, until somebody resumes it, by alice: the night" in done.err
    assert "headcount resume prod/web" in done.err
    assert terminal.now == started


def test_resume_waits_though_the_state_is_still_that_of_the_pause(terminal: Terminal) -> None:
    terminal.run("pause", "web")
    terminal.control.services["prod/web"]["state"] = "PAUSED"
    terminal.sleeping = lambda: terminal.control.services["prod/web"].update(state="STEADY")
    assert terminal.run("resume", "web", "--wait").code == 0
