"""Manifests from the user's files, all problems of all files together."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headcount.model.manifest import Manifest
from headcount.model.problem import Problem
from headcount_cli.documents import STANDARD_INPUT, Document, UnreadableDocument, read_documents
from headcount_cli.failures import InvalidManifests

SUFFIXES = (".yaml", ".yml", ".json")

ProblemRow = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredManifest:
    """One valid manifest: where it stands, which service it declares, and the document as it was written."""

    file: str
    service: str
    document: Mapping[str, Any]


def read_manifests(files: Sequence[Path]) -> list[DeclaredManifest]:
    """Of files, and of folders all in them. Raises ``InvalidManifests`` with every problem; AWS is not asked."""
    # botocore's model of ECS, which few commands need
    from headcount.model.manifest_parser import parse_manifest  # noqa: PLC0415  see above

    manifests: list[DeclaredManifest] = []
    rows: list[ProblemRow] = []
    names, folder_rows = _expanded(files)
    rows += folder_rows
    for file in names:
        try:
            documents = read_documents(file)
        except UnreadableDocument as unreadable:
            source = "standard input" if str(file) == STANDARD_INPUT else str(file)
            rows += [_row(source, problem) for problem in unreadable.problems]
            continue
        for document in documents:
            name = _name(document, len(documents))
            parsed = parse_manifest(document.content)
            if isinstance(parsed, Manifest):
                manifests.append(DeclaredManifest(file=name, service=parsed.service, document=document.content))
            else:
                rows += [_row(name, problem) for problem in parsed]
    rows += _declared_twice(manifests)
    if rows:
        raise InvalidManifests(_headline(rows), problems=rows)
    return manifests


def _expanded(files: Sequence[Path]) -> tuple[list[Path], list[ProblemRow]]:
    """Folders replaced by the manifests in them, at any depth; hidden files and folders are left out.

    A link to a folder is a problem rather than left out: what is not read counts as not declared, and --prune deletes.
    """
    names: list[Path] = []
    rows: list[ProblemRow] = []
    for file in files:
        if str(file) == STANDARD_INPUT or not is_folder(file):
            names.append(file)
            continue
        found, problems = _in_folder(file)
        names += found
        rows += problems
    return names, rows


def is_folder(path: Path) -> bool:
    """False for whatever cannot be looked at: reading it as a file says why."""
    return os.path.isdir(path)  # noqa: PTH112  # Path.is_dir raises for names that are too long


def _in_folder(folder: Path) -> tuple[list[Path], list[ProblemRow]]:
    found: list[Path] = []
    rows: list[ProblemRow] = []

    def refuse(error: OSError) -> None:
        rows.append(_of_folder(error.filename, f"cannot be read: {error.strerror}"))

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        linked = [path for name in folders if (path := Path(place, name)).is_symlink()]
        rows += [_of_folder(path, "is a link to a folder: name the folder itself") for path in linked]
        shown = sorted(name for name in files if not name.startswith("."))
        found += [Path(place, name) for name in shown if name.endswith(SUFFIXES)]
    if not found and not rows:
        rows.append(_of_folder(folder, f"is a folder without manifests: no file in it ends in {', '.join(SUFFIXES)}"))
    return found, rows


def _of_folder(folder: Path | str, message: str) -> ProblemRow:
    return {"file": str(folder), "path": "", "value": None, "message": message}


def _name(document: Document, count: int) -> str:
    return document.source if count == 1 else f"{document.source} (document {document.index + 1})"


def _row(file: str, problem: Problem) -> ProblemRow:
    """A problem of the file itself has the file, or a line and column of it, as its path."""
    row = problem.as_document()
    path = str(row["path"]).removeprefix(file).removeprefix(":")
    return {"file": file, **row, "path": path}


def _declared_twice(manifests: Iterable[DeclaredManifest]) -> list[ProblemRow]:
    first: dict[str, str] = {}
    rows: list[ProblemRow] = []
    for manifest in manifests:
        if manifest.service in first:
            message = f"is declared in {first[manifest.service]} already: which one should hold?"
            rows.append({"file": manifest.file, "path": "serviceName", "value": manifest.service, "message": message})
        first.setdefault(manifest.service, manifest.file)
    return rows


def _headline(rows: Sequence[ProblemRow]) -> str:
    files = len({row["file"] for row in rows})
    count = "1 problem" if len(rows) == 1 else f"{len(rows)} problems"
    return f"{count} in {'1 manifest' if files == 1 else f'{files} manifests'}. Nothing was sent."
