"""Reads manifests from files: YAML (several documents allowed) or JSON, from a path or from standard input.

Files come from people and pipelines, so reading is bounded and unsurprising: small files only, no key twice, aliases
only as far as they stay small when written out. What a document means is not decided here
(``headcount.model.manifest_parser``).
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

from headcount.model.manifest_kinds import problem
from headcount.model.problem import Problem
from headcount.model.showing import SHOWN_CHARACTERS, shown
from headcount_cli.yaml_reading import DEEPEST_NESTING, TOO_DEEP, UnreadableDocument, read_yaml

__all__ = ["LARGEST_FILE", "STANDARD_INPUT", "Document", "UnreadableDocument", "read_documents"]

MOST_REPEATED = 20  # keys that stand twice, and lines of each: to look for more takes long and helps nobody
LARGEST_FILE = 256 * 1024  # bytes; a manifest is a page or two
STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file. ``index`` counts the file's documents from 0, empty ones left out."""

    source: str
    index: int
    content: Any


def read_documents(path: str | Path) -> list[Document]:
    """The documents of a file, at least one; ``-`` is standard input. Raises ``UnreadableDocument``."""
    source = "standard input" if str(path) == STANDARD_INPUT else str(path)
    text = _decoded(source, _bytes(source, path))
    contents = [content for content in _contents(source, text) if content is not None]
    if not contents:
        _refuse(source, "is empty: a manifest was expected")
    return [Document(source=source, index=index, content=content) for index, content in enumerate(contents)]


def _bytes(source: str, path: str | Path) -> bytes:
    try:
        if str(path) == STANDARD_INPUT:
            content = sys.stdin.buffer.read(LARGEST_FILE + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(LARGEST_FILE + 1)
    except IsADirectoryError:
        _refuse(source, "is a directory: name a file in it")
    except FileNotFoundError:
        _refuse(source, "does not exist")
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        _refuse(source, f"cannot be read: {getattr(error, 'strerror', None) or error}")
    if len(content) > LARGEST_FILE:
        _refuse(source, f"is larger than {LARGEST_FILE // 1024} KiB: no manifest needs that much")
    return content


def _decoded(source: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _refuse(f"{source}:{line}", f"is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}")


def _contents(source: str, text: str) -> list[Any]:
    if source.endswith(".json") or _is_json(text):
        return [_json(source, text)]
    return read_yaml(source, text)


def _is_json(text: str) -> bool:
    """Whether text without a telling name is JSON: not all of JSON is YAML (tabs, surrogate pairs)."""
    if not text.lstrip().startswith("{"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json(source: str, text: str) -> Any:
    repeated: dict[str, None] = {}

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        unique: dict[str, Any] = {}
        for key, value in pairs:
            if key in unique:
                repeated[key] = None
            unique[key] = value
        return unique

    try:
        content = json.loads(text, object_pairs_hook=mapping, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        _refuse(f"{source}:{error.lineno}:{error.colno}", f"is not valid JSON: {error.msg}")
    except RecursionError:
        _refuse(source, TOO_DEEP)
    except ValueError as error:  # a constant such as NaN, or a number of thousands of digits
        _refuse(source, f"is not valid JSON: {error}")
    if repeated:
        lines = text.splitlines()
        raise UnreadableDocument(*(_repeated_in_json(source, lines, key) for key in [*repeated][:MOST_REPEATED]))
    if _is_too_deep(content):
        _refuse(source, TOO_DEEP)
    return content


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON number")


def _repeated_in_json(source: str, text: Sequence[str], key: str) -> Problem:
    """The json module tells no positions: say on which lines the key is written."""
    written = json.dumps(key, ensure_ascii=False)
    lines = [str(number) for number, line in enumerate(text, start=1) if written in line]
    place = f"{source}:{lines[-1]}" if lines else source
    where = f" (it is written on line {', '.join(lines[:MOST_REPEATED])})" if lines else ""
    name = written if written.isprintable() and len(written) <= SHOWN_CHARACTERS else shown(key)
    return problem(place, key, f"the key {name} stands twice in one mapping{where}: keep one")


def _is_too_deep(content: Any) -> bool:
    level = _collections([content])
    for _ in range(DEEPEST_NESTING):
        level = [child for collection in level for child in _collections(collection)]
    return bool(level)


def _collections(value: dict[str, Any] | list[Any]) -> list[dict[str, Any] | list[Any]]:
    items = value.values() if isinstance(value, dict) else value
    return [item for item in items if isinstance(item, dict | list)]


def _refuse(path: str, message: str) -> Never:
    raise UnreadableDocument(Problem(path=path, message=message))
