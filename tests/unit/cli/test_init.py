"""init by questions, and how manifests are written."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headcount_cli.manifest_writing import manifest_text
from headcount_cli.manifests import read_manifests
from headcount_cli.yaml_reading import read_yaml
from unit.cli.terminal import Terminal

OPTIONS = (
    "--cluster",
    "prod",
    "--name",
    "web",
    "--task-definition",
    "web:12",
    "--subnets",
    "subnet-0a1b2c3d, subnet-b2",
)


def manifest_of(path: Path) -> Any:
    (manifest,) = read_manifests([path])
    return manifest.document


def test_the_questions_make_a_valid_commented_manifest(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    terminal.interactive = True
    terminal.texts = ["prod", "web", "web:12", "3", "", "subnet-0a1b2c3d", ""]
    done = terminal.run("init", "--to", str(path))
    assert done.code == 0
    assert f"headcount diff -f {path}" in done.out.splitlines()[-1]
    assert len(terminal.questions) == 7
    assert manifest_of(path) == {
        "kind": "Service",
        "cluster": "prod",
        "serviceName": "web",
        "taskDefinition": "web:12",
        "desiredCount": 3,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"]}},
    }
    assert "# restarts: {initialSeconds: 5" in path.read_text()


def test_what_cannot_be_meant_is_asked_again(terminal: Terminal, tmp_path: Path) -> None:
    terminal.interactive = True
    terminal.texts = ["no good", "prod", "", "web", "web:12", "-1", "many", "5001", "2", "LAPTOP", "FARGATE"]
    terminal.texts += ["net-1", "subnet-0a1b2c3d", ""]
    done = terminal.run("init", "--to", str(tmp_path / "web.yaml"))
    assert done.code == 0
    assert len(terminal.questions) == 14
    assert "An answer is needed." in done.err
    assert "One of FARGATE and EC2 is allowed, not 'LAPTOP'." in done.err


def test_on_instances_the_network_may_be_left_out(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    terminal.interactive = True
    terminal.texts = ["prod", "web", "web", "2", "EC2", ""]
    assert terminal.run("init", "--to", str(path)).code == 0
    assert "networkConfiguration" not in manifest_of(path)


def test_where_nobody_can_answer_options_do(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    done = terminal.run("init", *OPTIONS, "--count", "4", "--to", str(path), "-o", "json")
    assert done.code == 0
    assert done.document["file"] == str(path)
    assert manifest_of(path)["desiredCount"] == 4
    assert manifest_of(path)["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == [
        "subnet-0a1b2c3d",
        "subnet-b2",
    ]


def test_what_is_missing_is_named_at_once(terminal: Terminal) -> None:
    done = terminal.run("init", "--cluster", "prod")
    assert (done.code, done.out) == (2, "")
    assert "--name, --task-definition, --subnets missing" in done.err


def test_wrong_options_are_problems_of_the_manifest(terminal: Terminal, tmp_path: Path) -> None:
    done = terminal.run("init", *OPTIONS, "--count", "-1", "--launch-type", "LAPTOP", "--to", str(tmp_path / "x"))
    assert done.code == 2
    assert "desiredCount = -1" in done.err
    assert "launchType = LAPTOP" in done.err
    assert not (tmp_path / "x").exists()


def test_a_file_that_is_there_is_kept(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text("mine")
    done = terminal.run("init", *OPTIONS, "--to", str(path))
    assert done.code == 2
    assert "is there already" in " ".join(done.err.split())
    terminal.interactive, terminal.answers, terminal.texts = True, [False], [""] * 9
    assert terminal.run("init", *OPTIONS, "--to", str(path)).code == 1
    assert path.read_text() == "mine"
    assert terminal.run("init", *OPTIONS, "--to", str(path), "--force").code == 0
    assert path.read_text() != "mine"


@pytest.mark.parametrize("place", ["no/such/folder/web.yaml", "", "."])
def test_a_place_that_cannot_be_written(terminal: Terminal, tmp_path: Path, place: str) -> None:
    done = terminal.run("init", *OPTIONS, "--to", str(tmp_path / place))
    assert done.code == 2
    assert "Traceback" not in done.err


def test_the_name_of_the_file_is_that_of_the_service(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert terminal.run("init", *OPTIONS).code == 0
    assert (tmp_path / "web.yaml").exists()


def test_standard_output_is_a_place_too(terminal: Terminal) -> None:
    done = terminal.run("init", *OPTIONS, "--to", "-")
    assert (done.code, done.err) == (0, "")
    assert yaml.safe_load(done.out)["serviceName"] == "web"


scalars = st.one_of(
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.text(st.characters(codec="utf-8", exclude_categories=("C",))),
    st.sampled_from(
        ["1e5", "012", "on", "no", "~", "1:30", "2026-01-01", "0x1f", "- a", "a: b", "#", "!Ref", "1_000", ""]
    ),
)
documents = st.dictionaries(
    st.from_regex(r"[a-z][A-Za-z]{0,9}", fullmatch=True),
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("a"), inner), max_leaves=8
    ),
    min_size=1,
)


@given(documents, st.text())
def test_what_is_written_is_read_as_it_was(document: dict[str, Any], said: str) -> None:
    text = manifest_text(document, head=[said], comments=dict.fromkeys(document, said))
    assert read_yaml("written", text) == [document]
    assert yaml.safe_load(text) == document


def test_what_stands_in_comments_is_right_when_they_are_taken_away(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    assert terminal.run("init", *OPTIONS, "--to", str(path)).code == 0
    kept, _, further = path.read_text().partition("# More, at its defaults")
    settings = [line.removeprefix("# ") for line in further.splitlines()[1:]]
    assert len(settings) > 3
    path.write_text(kept + "\n".join(settings))
    assert "maximumAge" in manifest_of(path)
