"""Manifests from the user's files, all problems of all files together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headcount.model.manifest import Manifest
from headcount.model.manifest_parser import parse_manifest
from headcount.model.problem import Problem
from headcount_cli.documents import STANDARD_INPUT, Document, UnreadableDocument, read_documents
from headcount_cli.failures import InvalidManifests

ProblemRow = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredManifest:
    """One valid manifest: where it stands, which service it declares, and the document as it was written."""

    file: str
    service: str
    document: Mapping[str, Any]


def read_manifests(files: Sequence[Path]) -> list[DeclaredManifest]:
    """Raises ``InvalidManifests`` with every problem of every file; AWS is not asked."""
    manifests: list[DeclaredManifest] = []
    rows: list[ProblemRow] = []
    for file in files:
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
