import json
import subprocess
import sys
from pathlib import Path

from unit.cli.manifest_files import write_manifest
from unit.cli.terminal import Terminal


def test_says_which_service_a_valid_file_declares_and_asks_nobody(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.run("validate", write_manifest(tmp_path))
    assert done.code == 0
    assert "prod/web is valid" in done.out.replace("\n", " ")
    assert terminal.connections == []


def test_files_may_be_named_as_apply_wants_them(terminal: Terminal, tmp_path: Path) -> None:
    first, second = write_manifest(tmp_path, "a.json"), write_manifest(tmp_path, "b.json", serviceName="api")
    done = terminal.run("validate", first, "-f", second, "-o", "json")
    assert [one["service"] for one in done.document["manifests"]] == ["prod/web", "prod/api"]
    assert terminal.run("validate", "-f", first).code == 0


def test_some_file_is_needed(terminal: Terminal) -> None:
    done = terminal.run("validate")
    assert (done.code, done.err.splitlines()[0]) == (2, "Error: Missing argument 'FILE'.")


def test_shows_every_problem_of_every_file_at_once(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "nonsense.yaml").write_text("a: [1\nb")
    (tmp_path / "empty.yaml").write_text("")
    done = terminal.run(
        "validate",
        write_manifest(tmp_path, "one.json", desiredCount=-1, launchTyp="FARGATE"),
        str(tmp_path / "nonsense.yaml"),
        str(tmp_path / "empty.yaml"),
        str(tmp_path / "missing.yaml"),
        write_manifest(tmp_path, "good.json"),
        "-o",
        "json",
    )
    assert done.code == 2
    assert done.document["error"]["type"] == "InvalidManifest"
    problems = done.document["error"]["problems"]
    found = {(Path(problem["file"]).name, problem["path"]) for problem in problems}
    assert {("one.json", "desiredCount"), ("one.json", "launchTyp"), ("missing.yaml", "")} <= found
    assert {Path(problem["file"]).name for problem in problems} == {
        "one.json",
        "nonsense.yaml",
        "empty.yaml",
        "missing.yaml",
    }
    assert all(set(problem) == {"file", "path", "value", "message"} for problem in problems)


def test_problems_are_readable_on_a_narrow_terminal(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.run("validate", write_manifest(tmp_path, desiredCount=-1))
    assert done.out == ""
    assert "desiredCount = -1" in done.err
    assert all(len(line) <= 80 for line in done.err.splitlines())


def test_problems_are_a_table_where_it_fits(terminal: Terminal, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = terminal.run("validate", write_manifest(tmp_path, desiredCount=-1))
    header, row = done.err.splitlines()[1:3]
    assert header.split() == ["FILE", "PATH", "VALUE", "PROBLEM"]
    assert row.split()[1:3] == ["desiredCount", "-1"]


def test_refuses_one_service_declared_twice(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.run("validate", write_manifest(tmp_path, "a.json"), write_manifest(tmp_path, "b.json"))
    assert done.code == 2
    assert "serviceName = prod/web" in done.err


def test_names_the_document_of_a_file_with_several(terminal: Terminal, tmp_path: Path) -> None:
    several = tmp_path / "several.yaml"
    several.write_text("kind: Service\n---\nkind: Service\ncluster: 7 7\n")
    done = terminal.run("validate", str(several), "--output", "json")
    files = {Path(problem["file"]).name for problem in done.document["error"]["problems"]}
    assert files == {"several.yaml (document 1)", "several.yaml (document 2)"}


def test_standard_input_is_a_file_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headcount_cli", "validate", "-", "-o", "json"]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=30, check=False)
    (problem,) = json.loads(done.stdout)["error"]["problems"]
    assert done.returncode == 2
    assert (problem["file"], problem["path"]) == ("standard input", "")


def test_a_binary_file_and_a_folder_are_problems_not_crashes(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    done = terminal.run("validate", str(tmp_path / "binary"), str(tmp_path), "-o", "json")
    assert done.code == 2
    assert len({problem["file"] for problem in done.document["error"]["problems"]}) == 2


def test_values_of_environment_variables_are_not_shown(terminal: Terminal, tmp_path: Path) -> None:
    overrides = {"containerOverrides": [{"name": "web", "environment": [{"name": "PASSWORD", "value": ["hunter2"]}]}]}
    done = terminal.run("validate", write_manifest(tmp_path, overrides=overrides))
    assert done.code == 2
    assert "hunter2" not in done.out + done.err


def test_a_name_that_no_file_can_have_is_a_problem(terminal: Terminal) -> None:
    for name in ("x" * 300, "x/" * 3000):
        done = terminal.run("validate", name)
        assert done.code == 2
        assert "cannot be read" in done.err
