"""The report: for people on the terminal, for programs as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measurement import Detail, Measurement, Part

_COLOURS = {"met": "green", "missed": "bold red", "": "dim"}


def show(console: Console, part: Part) -> None:
    """One part, readable."""
    console.rule(f"[bold]{part.title}", align="left")
    load = f"load average {part.load_before:.1f} before, {part.load_after:.1f} after"
    console.print(f"[dim]python -m bench {part.name}: {part.seconds:.0f} s; {load}", highlight=False)
    if part.not_measured is not None:
        console.print(f"[bold red]Not measured:[/] {part.not_measured}\n")
        return
    findings = part.findings
    console.print(_table_of(findings.measurements))
    for detail in findings.details:
        console.print(_table_of_detail(detail))
    for note in findings.notes:
        console.print(f"[dim]{note}", highlight=False)
    console.print()


def write(path: Path, machine: str, parts: list[Part]) -> None:
    """Everything as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "parts": [_document(part) for part in parts]}
    path.write_text(json.dumps(document, indent=1) + "\n")


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
            _amount(one.value, one.unit),
            "" if one.goal is None else f"≤ {_amount(one.goal, one.unit)}",
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


def _amount(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
