"""scale, protect, delete, sandbox."""

from pathlib import Path

import pytest

from headcount_cli.failures import BadInput
from headcount_cli.local_sandbox import SandboxOptions, find_template, for_a_while
from unit.cli.fake_control import FakeControl, a_service, a_task
from unit.cli.terminal import Terminal

TASK = a_task()["taskId"]


@pytest.fixture
def control() -> FakeControl:
    return FakeControl(services={"prod/web": a_service()})


def test_scale_says_from_what_to_what(terminal: Terminal) -> None:
    done = terminal.run("scale", "web", "5")
    assert (done.code, done.out) == (0, "prod/web: desired count 1 -> 5\n")
    assert terminal.control.requests[0]["by"] == "alice"


def test_scale_waits_for_the_new_count(terminal: Terminal) -> None:
    def step() -> None:
        terminal.control.services["prod/web"] |= {"runningCount": 5, "state": "STEADY"}

    terminal.sleeping = step
    done = terminal.run("scale", "web", "5", "--wait", "-o", "json")
    assert done.document == {"service": "prod/web", "before": 1, "after": 5}
    assert "prod/web is steady" in done.err


def test_scale_to_the_same_count_says_so(terminal: Terminal) -> None:
    assert "desired count is 1 already" in terminal.run("scale", "web", "1").out


@pytest.mark.parametrize("count", ["-1", "5001", "many", "1.5", ""])
def test_scale_refuses_what_is_no_count(terminal: Terminal, count: str) -> None:
    done = terminal.run("scale", "web", count)
    assert done.code == 2
    assert "'COUNT'" in done.err
    assert terminal.control.requests == []


def test_delete_asks_and_says_what_will_stop(terminal: Terminal) -> None:
    terminal.interactive, terminal.answers = True, [True]
    assert terminal.run("delete", "web").code == 0
    assert terminal.questions == ["Delete prod/web (stop its 1 running task)?"]
    assert terminal.control.services["prod/web"]["state"] == "DELETING"


def test_a_no_to_delete_changes_nothing(terminal: Terminal) -> None:
    terminal.interactive, terminal.answers = True, [False]
    assert terminal.run("delete", "web").code == 1
    assert terminal.control.operations() == ["describe"]


def test_delete_needs_a_yes_where_nobody_can_answer(terminal: Terminal) -> None:
    done = terminal.run("delete", "web")
    assert done.code == 2
    assert "--yes" in done.err
    assert terminal.control.requests == []


def test_delete_waits_until_the_service_is_gone(terminal: Terminal) -> None:
    terminal.sleeping = terminal.control.services.clear
    done = terminal.run("delete", "web", "--yes", "--wait")
    assert done.code == 0
    assert "prod/web is gone" in done.err


def test_delete_that_takes_too_long_tells_why(terminal: Terminal) -> None:
    done = terminal.run("delete", "web", "--yes", "--wait", "--timeout", "3s")
    assert done.code == 1
    assert "DELETING: stopping its tasks" in done.err


@pytest.mark.parametrize(
    ("options", "minutes"), [((), 120), (("--for", "90s"), 2), (("--for", "48h"), 2880), (("--off",), 0)]
)
def test_protect_asks_for_whole_minutes(terminal: Terminal, options: tuple[str, ...], minutes: int) -> None:
    assert terminal.run("protect", "web", TASK, *options).code == 0
    assert terminal.control.requests[0]["expiresInMinutes"] == minutes


def test_protect_says_until_when(terminal: Terminal) -> None:
    assert terminal.run("protect", "web", TASK).out == f"{TASK}: protected until 05:00:00 UTC (in 2h)\n"
    assert terminal.run("protect", "web", TASK, "--off").out == "No task of prod/web is protected.\n"


def test_protect_takes_arns(terminal: Terminal) -> None:
    assert terminal.run("protect", "web", f"arn:aws:ecs:eu-central-1:123456789012:task/prod/{TASK}").code == 0


def test_protect_names_unknown_tasks(terminal: Terminal) -> None:
    done = terminal.run("protect", "web", TASK, "nope")
    assert done.code == 2
    assert "tasks[1] = nope" in done.err
    assert done.err.count("is no task of this service") == 1


@pytest.mark.parametrize("options", [("--for", "49h"), ("--for", "10"), ("--for", "2h", "--off"), ("--for", "-2h")])
def test_protect_refuses_impossible_durations(terminal: Terminal, options: tuple[str, ...]) -> None:
    done = terminal.run("protect", "web", TASK, *options)
    assert done.code == 2
    assert terminal.control.requests == []


def test_sandbox_prints_the_environment_and_stops_with_ctrl_c(terminal: Terminal) -> None:
    done = terminal.run("sandbox", "--port", "5000", "--runtime", "simulated")
    assert done.code == 0
    assert done.out == "export AWS_ENDPOINT_URL=http://127.0.0.1:5000\nexport AWS_REGION='eu central 1'\n"
    options = SandboxOptions(port=5000, runtime="simulated", template=None, clusters=None, stack="headcount")
    assert terminal.sandboxes == [(options, "started"), (options, "stopped")]
    assert "subnet-1 (eu-central-1a)" in done.err
    assert "A load balancer listens: http://127.0.0.1:8000" in done.err


def test_what_people_copy_from_the_sandbox_is_never_broken(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal, which a pipe is not
    monkeypatch.setenv("NO_COLOR", "1")
    done = terminal.run("sandbox")
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:5000\n" in done.out
    assert "For manifests: cluster default; subnets subnet-1 (eu-central-1a).\n" in done.err
    (start,) = [line for line in done.err.splitlines() if line.startswith("To start with: headcount apply -f ")]
    assert start.endswith("web.yaml --wait")


@pytest.mark.parametrize(("names", "wrong"), [("a b", "a b"), ("", ""), ("a,,b", ""), ("x" * 256, "x" * 256)])
def test_a_sandbox_with_clusters_of_impossible_names_is_refused(terminal: Terminal, names: str, wrong: str) -> None:
    done = terminal.run("sandbox", "--clusters", names)
    assert (done.code, terminal.sandboxes) == (2, [])
    assert done.err.startswith(f"Error: Invalid value for '--clusters': '{wrong}' is not the name of a cluster: 1 to ")


def test_a_sandbox_with_several_clusters(terminal: Terminal) -> None:
    terminal.run("sandbox", "--clusters", "prod, staging")
    assert terminal.sandboxes[0][0].clusters == "prod,staging"


def test_sandbox_environment_for_programs(terminal: Terminal) -> None:
    assert terminal.run("sandbox", "-o", "json").document["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5000"


def test_the_example_goes_with_the_sandbox(tmp_path: Path) -> None:
    ours, another = _an_example(tmp_path, "5000"), _an_example(tmp_path, "5001")
    with for_a_while(ours):
        with for_a_while(another):
            assert another.read_text() == "kind: Service\n"
        assert not another.parent.exists()
        assert ours.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("changed", ["web.yaml", "mine.yaml"])
def test_what_somebody_wrote_beside_the_example_or_into_it_outlives_the_sandbox(tmp_path: Path, changed: str) -> None:
    example = _an_example(tmp_path, "5000")
    with for_a_while(example):
        (example.parent / changed).write_text("kind: NativeService\n")
    assert [one.name for one in example.parent.iterdir()] == [changed]


def test_an_example_that_somebody_deleted_is_no_trouble(tmp_path: Path) -> None:
    example = _an_example(tmp_path, "5000")
    with for_a_while(example):
        example.unlink()
    assert list(tmp_path.iterdir()) == []


def _an_example(folder: Path, port: str) -> Path:
    path = folder / ".headcount" / port / "web.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("kind: Service\n")
    return path


def test_sandbox_uses_the_first_template_there_is(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("")
    assert find_template(None, (tmp_path / "none", tmp_path)) == tmp_path / "template.yaml"


@pytest.mark.parametrize("chosen", [None, Path("nowhere.yaml")])
def test_sandbox_without_a_template_says_how_to_name_one(tmp_path: Path, chosen: Path | None) -> None:
    with pytest.raises(BadInput) as refused:
        find_template(chosen, (tmp_path,))
    assert "--template" in refused.value.hint
