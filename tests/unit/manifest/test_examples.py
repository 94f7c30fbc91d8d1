"""The examples are manifests to copy, and the guide describes every key."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headcount.model.manifest_balancing_attributes import OF_TARGET_GROUPS
from headcount.model.manifest_balancing_health import TABLE, GroupKind
from headcount.model.manifest_fields import SERVICE
from headcount.model.manifest_kinds import Block, Kind, ListOf, OneOf, Unsupported, Whole
from headcount.model.manifest_scaling_kinds import OneItem
from headcount.model.scaling import Function, ScalableTarget
from headcount.model.scaling_state import Reading
from headcount.scaling.counts import Counts
from headcount.scaling.function import ask_function
from headcount_cli.documents import read_documents
from unit.manifest.documents_of import a_document, manifest_of

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
GUIDE = (ROOT / "docs" / "guides" / "manifest.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_example_is_valid(example: Path):
    for document in read_documents(example):
        manifest_of(document.content)


def test_all_examples_may_be_applied_together():
    declared = [str(manifest_of(one.content).service) for example in EXAMPLES for one in read_documents(example)]
    assert sorted(declared) == sorted(set(declared))


def test_the_sandbox_example_is_what_the_demo_applies():
    (document,) = read_documents(ROOT / "examples" / "sandbox.yaml")
    manifest = manifest_of(document.content)
    assert (manifest.service, manifest.desired_count, len(manifest.subnets)) == ("demo/web", 3, 3)


@pytest.mark.parametrize(
    ("kind", "protocol"), [(kind, protocol) for kind, checks in TABLE.items() for protocol in checks]
)
def test_the_guide_has_every_row_of_the_health_check_table(kind: GroupKind, protocol: str):
    check = TABLE[kind][protocol]
    path = f"`{check.defaults['healthCheckPath']}`" if "healthCheckPath" in check.defaults else "-"
    limit = "at most" if check.may_last else "less than"
    codes = check.codes
    matcher = f"`{codes.key}`: `{codes.default}`, of {codes.least} to {codes.most}" if codes else "-"
    row = f"| {path} | {check.defaults['healthCheckTimeoutSeconds']}, {limit} the interval | {matcher} |"
    wanted = f"`{protocol}`" if protocol else "| a function |"
    assert any(line.endswith(row) and wanted in line for line in GUIDE.splitlines()), row


@pytest.mark.parametrize("key", OF_TARGET_GROUPS)
def test_the_guide_names_every_attribute_of_target_groups(key: str):
    stem, _, last = key.rpartition(".")
    assert f"`{key}`" in GUIDE or (f"`{stem}." in GUIDE and f"`.{last}`" in GUIDE)


def _keys(kind: Kind) -> Iterator[tuple[str, Kind]]:
    if isinstance(kind, Block):
        for name, field in kind.fields.items():
            yield name, field
            yield from _keys(field)
    elif isinstance(kind, ListOf):
        yield from _keys(kind.item)
    elif isinstance(kind, OneItem):
        yield from _keys(kind.whole)


@pytest.mark.parametrize(("name", "kind"), list(_keys(SERVICE)))
def test_the_guide_describes_every_key_with_its_bounds(name: str, kind: Kind):
    assert f"`{name}`" in GUIDE
    match kind:
        case Unsupported():
            pass
        case OneOf(values=values):
            assert all(value in GUIDE for value in values)
        case Whole(maximum=maximum) | ListOf(maximum=maximum):
            assert str(maximum) in GUIDE


SCALING = (ROOT / "docs" / "guides" / "scaling.md").read_text(encoding="utf-8")


def _shown(language: str) -> list[str]:
    """What the guide of scaling shows in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", SCALING, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("written", _shown("yaml"))
def test_what_the_guide_of_scaling_shows_is_valid(written: str, tmp_path: Path):
    file = tmp_path / "shown.yaml"
    file.write_text(written, encoding="utf-8")
    (document,) = read_documents(file)
    shown = document.content
    assert manifest_of(shown if "kind" in shown else a_document(**shown)).scaling is not None


def test_the_function_that_the_guide_shows_answers_the_question_that_it_shows():
    (question,), (source, _) = _shown("json"), _shown("python")
    names: dict[str, Any] = {}
    exec(source, names)
    asked = json.loads(question)
    policy = Function(name=asked["policy"], function="headcount-scaling-renderer")
    counts = Counts(desired=4, running=4, target=ScalableTarget(minimum=1, maximum=60))
    ask = ask_function(policy, Reading(answer=names["handler"](asked, None)), counts)
    assert (ask.outcome, ask.count, ask.reason) == ("out", 13, "1250 frames wait, 100 a task")
    with pytest.raises(ValueError, match="no frames are reported"):
        names["handler"]({**asked, "metrics": {}}, None)


def test_the_history_that_the_guide_replays_comes_to_what_it_says(capsys: pytest.CaptureFixture[str]):
    _, replay = _shown("python")
    exec(replay, {})
    assert [capsys.readouterr().out] == _shown("text")
