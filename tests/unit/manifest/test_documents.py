"""Reading files: what is accepted, and that nothing hostile or sloppy gets through without a clear sentence."""

import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from headcount.model.problem import Problem
from headcount_cli.documents import Document, UnreadableDocument, read_documents


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web.yaml"


def contents(file: Path, text: str) -> list[Any]:
    file.write_text(text, encoding="utf-8")
    return [document.content for document in read_documents(file)]


def problems(path: Path, content: str | bytes | None = None) -> list[Problem]:
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UnreadableDocument) as raised:
        read_documents(path)
    assert all(problem.path.startswith(str(path)) for problem in raised.value.problems)
    return list(raised.value.problems)


def place_and_message(path: Path, content: str | bytes | None = None) -> tuple[str, str]:
    (problem,) = problems(path, content)
    return problem.path.removeprefix(str(path)), problem.message


def test_reads_several_documents_and_skips_empty_ones(file: Path):
    file.write_text("---\na: 1\n---\n# only a comment\n---\nb: [x, true]\n---\n")
    assert read_documents(file) == [
        Document(source=str(file), index=0, content={"a": 1}),
        Document(source=str(file), index=1, content={"b": ["x", True]}),
    ]


def test_reads_json(tmp_path: Path):
    document = {"cluster": "prod", "emoji": "\U0001f600", "desiredCount": 3}
    assert contents(tmp_path / "web.json", json.dumps(document, indent="\t")) == [document]


def test_json_without_its_name_may_have_what_yaml_may_not(file: Path):
    assert contents(file, '{\n\t"a": "\\ud83d\\ude00"\n}') == [{"a": "\U0001f600"}]


def test_yaml_in_one_line_is_not_json(file: Path):
    assert contents(file, '{cluster: demo, "b": [1]}') == [{"cluster": "demo", "b": [1]}]


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\n")))
    assert read_documents("-") == [Document(source="standard input", index=0, content={"a": 1})]


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(file: Path, tmp_path: Path):
    assert contents(tmp_path / "web.json", '\ufeff{"a": 1}\r\n') == [{"a": 1}]
    assert contents(file, "\ufeffa: 1\r\nb: two\r\n") == [{"a": 1, "b": "two"}]


def test_only_true_and_false_are_booleans_and_nothing_is_a_date_or_octal(file: Path):
    text = (
        "[on, off, yes, no, y, true, False, 012, 0o14, 0x1F, 1_000, 1:30, 2026-01-01, 1e3, 1.5, -7, .5, ~, null, 1.4.0]"
    )
    assert contents(file, text) == [
        [
            *("on", "off", "yes", "no", "y", True, False, "012", "0o14", "0x1F", "1_000", "1:30", "2026-01-01"),
            *(1000.0, 1.5, -7, ".5", None, None, "1.4.0"),
        ]
    ]


def test_numbers_of_thousands_of_digits_stay_text(file: Path):
    assert contents(file, f"a: {'9' * 5000}") == [{"a": "9" * 5000}]


def test_plain_anchors_and_merge_keys_are_fine(file: Path):
    text = "base: &base {cpu: 1, memory: 2}\nweb:\n  <<: *base\n  memory: 3\nagain: *base\n"
    assert contents(file, text) == [
        {"base": {"cpu": 1, "memory": 2}, "web": {"cpu": 1, "memory": 3}, "again": {"cpu": 1, "memory": 2}}
    ]


def billion_laughs(levels: int) -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_anchors_that_explode_are_refused_before_anything_is_built(file: Path):
    started = time.process_time()
    place, message = place_and_message(file, billion_laughs(levels=40))
    assert time.process_time() - started < 1
    assert place.startswith(":4:")
    assert "more than 10000 values once aliases are written out" in message


def test_merge_keys_that_explode_are_refused(file: Path):
    lines = ["a0: &a0 {k: 1}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 20)]
    assert "once aliases are written out" in place_and_message(file, "\n".join(lines))[1]


def test_an_anchor_counts_only_in_its_own_document(file: Path):
    large = f"a: &a [{', '.join(['x'] * 3000)}]\n"
    again = "---\na: &a 1\nb: [" + ", ".join(["*a"] * 1000) + "]\n"
    assert len(contents(file, large + again)) == 2
    assert "undefined alias" in place_and_message(file, "a: &a 1\n---\nb: *a\n")[1]


def test_an_anchor_that_contains_itself_is_refused(file: Path):
    assert place_and_message(file, "a: &a [1, *a]") == (":1:11", "*a contains itself")


def test_an_anchor_that_nobody_defined(file: Path):
    assert "undefined alias 'b'" in place_and_message(file, "a: *b")[1]


def test_a_megabyte_of_yaml_is_refused_unread(file: Path):
    assert place_and_message(file, "a: 1\n" * 200_000) == (
        "",
        "is larger than 256 KiB: no manifest needs that much",
    )


@pytest.mark.parametrize(
    "text", ["- 1\n" * 50_000, "[" * 200_000, "a:\n" + " a:\n" * 50_000, "? " * 100_000, "a: " * 80_000]
)
def test_a_quarter_megabyte_is_refused_within_seconds(file: Path, text: str):
    started = time.process_time()
    assert problems(file, text)
    assert time.process_time() - started < 5


def test_nesting_is_bounded(file: Path, tmp_path: Path):
    deepest = "[" * 50 + "]" * 50
    assert contents(file, deepest)
    assert contents(tmp_path / "web.json", deepest)
    for path in (file, tmp_path / "web.json"):
        assert "50 levels deep" in place_and_message(path, f"[{deepest}]")[1]
    assert "50 levels deep" in place_and_message(tmp_path / "web.json", "[" * 100_000)[1]


def test_repeated_keys_are_all_found_with_their_lines(file: Path):
    text = "cluster: a\nnested:\n  - {x: 1, y: 2, x: 3}\ncluster: b\ncluster: c\n"
    assert [str(problem).removeprefix(str(file)) for problem in problems(file, text)] == [
        ":4:1: the key 'cluster' stands twice in one mapping, first on line 1: keep one",
        ":5:1: the key 'cluster' stands twice in one mapping, first on line 1: keep one",
        ":3:18: the key 'x' stands twice in one mapping, first on line 3: keep one",
    ]


def test_repeated_keys_of_json(tmp_path: Path):
    text = '{\n"cluster": 1,\n"a": {"b": 1, "b": 2},\n"cluster": 2\n}'
    assert [str(problem).removeprefix(str(tmp_path)) for problem in problems(tmp_path / "a.json", text)] == [
        '/a.json:3: the key "b" stands twice in one mapping (it is written on line 3): keep one',
        '/a.json:4: the key "cluster" stands twice in one mapping (it is written on line 2, 4): keep one',
    ]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\n\tb: 2\n", ":2:1", "indent with spaces"),
        ("a: [1, 2\nb: 3\n", ":2:2", "is not valid YAML"),
        ("a: b: c", ":1:5", "mapping values are not allowed here"),
        ("a: 'open", ":1:9", "unexpected end of stream"),
        ("a: 1\nb: \x07\n", ":2", "U+0007"),
        ("a: !Ref Cluster", ":1:4", "the tag !Ref is not understood"),
        ("a: !!python/object/apply:os.system [ls]", ":1:4", "is not understood"),
        ("? [1]\n: 2", ":1:3", "unhashable key"),
        ("a: {<<: 5}", ":1:9", "is not valid YAML"),
    ],
)
def test_faults_are_named_with_line_and_column(file: Path, text: str, place: str, message: str):
    found_place, found_message = place_and_message(file, text)
    assert found_place == place
    assert message in found_message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1,}', ":1:9"),
        ("{'a': 1}", ":1:2"),
        ('{"a": NaN}', ""),
        ('{"a": ' + "9" * 5000 + "}", ""),
        ('{"a"', ":1:5"),
    ],
)
def test_json_that_is_none(tmp_path: Path, text: str, place: str):
    found_place, message = place_and_message(tmp_path / "web.json", text)
    assert found_place == place
    assert message.startswith("is not valid JSON")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n---\n", "~"])
def test_an_empty_file(file: Path, text: str):
    assert place_and_message(file, text) == ("", "is empty: a manifest was expected")


def test_text_that_is_not_utf_8(file: Path):
    assert place_and_message(file, b"a: 1\nb: \xff\n") == (":2", "is not UTF-8: byte 8 is 0xff")
    assert "is not UTF-8" in place_and_message(file, "a: 1".encode("utf-16"))[1]


def test_a_file_that_is_not_there(file: Path):
    assert place_and_message(file) == ("", "does not exist")


def test_a_directory(tmp_path: Path):
    assert place_and_message(tmp_path) == ("", "is a directory: name a file in it")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(file: Path):
    file.write_text("a: 1")
    file.chmod(0)
    assert place_and_message(file) == ("", "cannot be read: Permission denied")


def test_a_name_that_no_file_can_have(tmp_path: Path):
    assert "cannot be read" in place_and_message(tmp_path / "a\0b")[1]
    assert "cannot be read" in place_and_message(tmp_path / ("x" * 300))[1]
