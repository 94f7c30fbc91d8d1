"""Options, exit codes and failures that are the same for every command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headcount_cli.catalogue import COMMANDS
from headcount_cli.reference import reference
from unit.cli.fake_control import FakeControl, Refusal, a_service
from unit.cli.terminal import Terminal

NAMES = [command.name for command in COMMANDS]
READING = {"describe": ("web",), "events": ("web",), "why": ("web",), "list": ()}
CHANGING = {"scale": ("web", "2"), "delete": ("web", "--yes"), "protect": ("web", "task")}
ASKING = {**READING, **CHANGING}


@pytest.fixture
def control() -> FakeControl:
    return FakeControl(services={"prod/web": a_service()})


@pytest.mark.parametrize("name", NAMES)
def test_help_has_examples_and_the_shared_options(terminal: Terminal, name: str) -> None:
    done = terminal.run(name, "--help")
    assert done.code == 0
    assert "Examples" in done.out
    assert f"headcount {name}" in done.out
    assert "--endpoint-url" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scale", "web", "3.5"), "Invalid value for 'COUNT': '3.5' is not a whole number from 0 to 5000."),
        (("scale", "web", "-1"), "Invalid value for 'COUNT': '-1' is not a whole number from 0 to 5000."),
        (("events", "web", "-n", "x"), "Invalid value for '--limit' / '-n': 'x' is not a whole number from 1 to 1000."),
        (("list", "-o", "yaml"), "Invalid value for '--output' / '-o': 'yaml' is not one of 'table', 'json'."),
    ],
)
def test_a_wrong_value_is_named(terminal: Terminal, arguments: tuple[str, ...], said: str) -> None:
    done = terminal.run(*arguments)
    assert (done.code, done.err.splitlines()[0]) == (2, f"Error: {said}")


@pytest.mark.parametrize(
    "arguments", [("scale", "web", "2"), ("delete", "web", "--yes"), ("resume", "web"), ("apply", "-f", "web.yaml")]
)
def test_a_timeout_without_anything_that_waits_is_refused(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    done = terminal.run(*arguments, "--timeout", "10m")  # as long as where none is written
    assert (done.code, terminal.control.requests) == (2, [])
    assert done.err == "Error: --timeout says how long --wait waits, and --wait is not given.\nAdd --wait.\n"


def test_without_a_command_the_help_is_shown(terminal: Terminal) -> None:
    done = terminal.run()
    assert done.code == 0
    assert all(name in done.out for name in NAMES)


@pytest.mark.parametrize(
    "arguments", [("--wat",), ("lisst",), ("list", "--wat"), ("list", "-o", "xml"), ("apply",), ("scale", "web")]
)
def test_wrong_usage_ends_with_two_and_says_where_help_is(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    done = terminal.run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: ")
    assert "--help" in done.err
    assert len(done.err.splitlines()) == 2


@pytest.mark.parametrize("name", NAMES)
def test_wrong_usage_is_json_for_programs(terminal: Terminal, name: str) -> None:
    done = terminal.run(name, "--wat", "--wat", "--output", "json")
    assert done.code == 2
    assert done.document["error"]["type"] == "InvalidRequest"


@pytest.mark.parametrize("service", ["", "a/b/c", "/web", "web/", " web"])
def test_what_cannot_be_a_service_is_refused(terminal: Terminal, service: str) -> None:
    assert terminal.run("describe", service).code == 2
    assert terminal.control.requests == []


@pytest.mark.parametrize(("name", "arguments"), ASKING.items())
def test_an_error_of_control_is_passed_on_to_programs_as_it_is(
    terminal: Terminal, name: str, arguments: tuple[str, ...]
) -> None:
    terminal.control.refusals = [Refusal("UnsupportedVersion", "Version 1 is no longer spoken.")]
    done = terminal.run(name, *arguments, "-o", "json")
    assert done.code == 1
    assert done.document == {
        "error": {"type": "UnsupportedVersion", "message": "Version 1 is no longer spoken.", "problems": []}
    }


@pytest.mark.parametrize("message", ["web is in two clusters", "service: web is in two clusters"])
def test_nothing_is_said_twice(terminal: Terminal, message: str) -> None:
    problem = {"path": "service", "value": "web", "message": "web is in two clusters"}
    terminal.control.refusals = [Refusal("InvalidRequest", message, [problem])]
    done = terminal.run("describe", "web")
    assert done.code == 2
    assert done.err.count("web is in two clusters") == 1


def test_shared_options_stand_before_or_after_the_command_and_the_nearer_wins(terminal: Terminal) -> None:
    terminal.run("--region", "a", "--profile", "p", "list", "--region", "b", "--stack", "mine")
    (connection,) = terminal.connections
    assert (connection.region, connection.profile, connection.stack) == ("b", "p", "mine")
    assert terminal.run("-o", "json", "list").document["services"]


@pytest.mark.parametrize("answer", [None, [], "hello", {}, {"version": "1"}, {"ok": True}])
def test_an_answer_that_is_not_the_protocol(terminal: Terminal, answer: object) -> None:
    terminal.control.invoke = lambda request: answer
    done = terminal.run("list")
    assert done.code == 1
    assert "not Headcount's protocol" in done.err


def test_an_answer_of_a_newer_version(terminal: Terminal) -> None:
    terminal.control.invoke = lambda request: {"version": 2, "ok": True, "result": {}}
    done = terminal.run("list", "-o", "json")
    assert done.code == 1
    assert "Upgrade the headcount command" in done.document["error"]["message"]


def test_a_mistake_of_our_own_is_no_traceback(terminal: Terminal) -> None:
    terminal.control.step = lambda control: 1 / 0
    done = terminal.run("list")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "ZeroDivisionError" in done.err


def test_interrupted_anywhere(terminal: Terminal) -> None:
    def interrupt(control: FakeControl) -> None:
        raise KeyboardInterrupt

    terminal.control.step = interrupt
    done = terminal.run("list")
    assert (done.code, done.err) == (1, "Interrupted.\n")


def test_the_reference_in_the_docs_is_current() -> None:
    page = Path(__file__).parents[3] / "docs" / "guides" / "cli.md"
    assert page.read_text() == reference(), "run: python -m headcount_cli.reference > docs/guides/cli.md"


def test_a_reader_that_stops_reading_gets_no_traceback(tmp_path: Path) -> None:
    command = f"{sys.executable} -m headcount_cli validate {tmp_path}/none -o json 2>&1 >&3 | cat"
    script = f"exec 3> >(exec true); wait $!; {command}"  # standard output is a pipe whose reader has gone
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "The output was closed before everything was written.\n"


@pytest.mark.parametrize("arguments", [("validate", "nothing-here.yaml"), ("list", "--wat")])
def test_the_installed_command_ends_with_two_for_bad_input(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headcount_cli", *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_output_is_ascii_safe_for_programs(terminal: Terminal) -> None:
    terminal.control.services["prod/web"]["stateReason"] = "caf\u00e9"
    done = terminal.run("list", "-o", "json")
    assert done.out.isascii()
    assert json.loads(done.out)["services"][0]["stateReason"] == "caf\u00e9"
