"""Documents that fuzzing found: refused with a place and a sentence, and soon."""

import json
import time
from pathlib import Path

import pytest

from headcount.model.manifest_parser import MOST_VALUES, parse_manifest
from headcount_cli.documents import MOST_REPEATED, UnreadableDocument, read_documents

SOON_SECONDS = 5.0  # it is milliseconds; the machine that runs this may be busy


@pytest.mark.parametrize(
    "text",
    [
        r'serviceName: "\UFFFFFFFF"',
        r'serviceName: "\U7fffffff"',
        f"%YAML 1.{'1' * 5000}\n---\nserviceName: web\n",
    ],
    ids=["far beyond Unicode", "beyond Unicode", "a version of 5000 digits"],
)
def test_yaml_that_its_library_stumbles_over_is_no_valid_yaml(tmp_path: Path, text: str):
    file = tmp_path / "web.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableDocument, match="is not valid YAML"):
        read_documents(file)


def test_many_keys_that_stand_twice_are_told_soon(tmp_path: Path):
    file = tmp_path / "web.json"
    file.write_text("{" + ",\n".join(f'"{key}":1,\n"{key}":1' for key in range(12_000)) + "}", encoding="utf-8")
    began_at = time.monotonic()
    with pytest.raises(UnreadableDocument) as raised:
        read_documents(file)
    assert time.monotonic() - began_at < SOON_SECONDS
    assert len(raised.value.problems) == MOST_REPEATED


@pytest.mark.parametrize("name", ["web.json", "web.yaml"])
def test_a_repeated_key_of_half_characters_can_be_printed(tmp_path: Path, name: str):
    file = tmp_path / name
    file.write_text('{"\\ud800": 1, "\\ud800": 2}', encoding="utf-8")
    with pytest.raises(UnreadableDocument) as raised:
        read_documents(file)
    for problem in raised.value.problems:
        json.dumps(problem.as_document(), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "text",
    [f"? {'a' * 100_000}\n: 1\n? {'a' * 100_000}\n: 2\n", f"a: !{'t' * 1000} 1", f"a: *{'b' * 10_000}"],
    ids=["key", "tag", "alias"],
)
def test_what_is_wrong_is_told_in_few_words(tmp_path: Path, text: str):
    file = tmp_path / "web.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableDocument) as raised:
        read_documents(file)
    assert all(len(json.dumps(problem.as_document())) < 2000 for problem in raised.value.problems)


@pytest.mark.parametrize(
    "document",
    [
        {f"key{number}": 1 for number in range(600_000)},
        {"overrides": {"containerOverrides": [{"environment": [{"nam": "x", "valeu": ""}] * 1000}] * 10}},
        [[[0] * 1000] * 1000],
    ],
    ids=["keys", "variables", "lists"],
)
def test_a_document_of_too_many_values_is_refused_soon(document: object):
    began_at = time.monotonic()
    (problem,) = parse_manifest(document)
    assert f"more than {MOST_VALUES} values" in problem.message
    assert time.monotonic() - began_at < SOON_SECONDS
