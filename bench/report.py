"""The report: for people on the terminal, for programs as JSON. As a page with its pictures: ``pages.py``."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measurement import OUT, Detail, Measurement, Part

_COLOURS = {"met": "green", "missed": "bold red", "": "dim"}


def show(console: Console, part: Part) -> None:
    """One part, readable."""
    console.rule(f"[bold]{part.title}", align="left")
    load = f"load average {part.load_before:.1f} before, {part.load_after:.1f} after"
    console.print(f"[dim]python -m bench {part.name}: {part.seconds:.0f} s; {load}", highlight=False)
    if part.not_measured is not None:
        console.print(f"{'[yellow]Skipped:' if part.skipped else '[bold red]Not measured:'}[/] {part.not_measured}\n")
        return
    findings = part.findings
    console.print(_table_of(findings.measurements))
    for detail in findings.details:
        console.print(_table_of_detail(detail))
    for picture in findings.pictures:
        console.print(f"Drawn: {os.path.relpath(OUT / picture)}", highlight=False)
    for note in findings.notes:
        console.print(f"[dim]{note}", highlight=False)
    console.print()


def write(path: Path, machine: str, parts: list[Part], order: list[str]) -> dict[str, Any]:
    """Everything as JSON, in that order; returns it. Other parts that were measured on such a machine before stay."""
    found = {part["name"]: part for part in _before(path, machine)} | {part.name: _document(part) for part in parts}
    in_order = sorted(found.values(), key=lambda part: order.index(part["name"]))
    document = {"machine": machine, "parts": in_order}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
    return document


def _before(path: Path, machine: str) -> list[dict[str, Any]]:
    document = json.loads(path.read_text()) if path.exists() else {}
    parts: list[dict[str, Any]] = document.get("parts", []) if document.get("machine") == machine else []
    return parts


def _document(part: Part) -> dict[str, Any]:
    document = asdict(part)
    for found, measurement in zip(document["findings"]["measurements"], part.findings.measurements, strict=True):
        found |= {"ofGoal": measurement.of_goal, "verdict": measurement.verdict}
    return document


def _table_of(measurements: tuple[Measurement, ...]) -> Table:
    table = Table("what", pad_edge=False)
    for column in ("measured", "goal", "of goal"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    table.add_column("")
    for one in measurements:
        table.add_row(
            one.what,
            amount(one.value, one.unit),
            "" if one.goal is None else f"≤ {amount(one.goal, one.unit)}",
            "" if one.of_goal is None else f"{one.of_goal:.2f}",
            f"[{_COLOURS[one.verdict]}]{one.verdict or '-'}",
            f"[dim]{one.note}",
        )
    return table


def _table_of_detail(detail: Detail) -> Table:
    table = Table(title=detail.title, title_justify="left", pad_edge=False)
    for index, column in enumerate(detail.columns):
        table.add_column(column, justify="right" if index else "left")
    for row in detail.rows:
        table.add_row(*row)
    return table


def amount(value: float, unit: str) -> str:
    """A number as precise as it deserves, with its unit."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
