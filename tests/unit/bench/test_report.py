"""The report renders whatever was found, and says what was not."""

import io
import json
from pathlib import Path

from bench.measurement import Detail, Findings, Measurement, Part
from bench.report import show, write
from rich.console import Console

FINDINGS = Findings(
    measurements=(
        Measurement(what="event -> RunTask: median", value=62.5, unit="ms", goal=100.0),
        Measurement(what="layer, unzipped", value=50.0, unit="MB", goal=40.0, note="made by pip"),
        Measurement(what="passes", value=12, unit=""),
    ),
    details=(Detail(title="Stages", columns=("stage", "median"), rows=(("gathered", "12.3"),)),),
    notes=("A note.",),
)


def a_part(findings: Findings = FINDINGS, not_measured: str | None = None) -> Part:
    return Part(
        name="kills",
        title="A lost task is replaced",
        seconds=12.0,
        load_before=0.5,
        load_after=1.5,
        findings=findings,
        not_measured=not_measured,
    )


def shown(part: Part) -> str:
    out = io.StringIO()
    show(Console(file=out, width=160), part)
    return out.getvalue()


def line_with(text: str, words: str) -> str:
    return next(line for line in text.splitlines() if words in line)


def test_each_measurement_stands_beside_its_goal() -> None:
    text = shown(a_part())
    for part in ("62.5 ms", "≤ 100 ms", "0.62", "met"):
        assert part in line_with(text, "event -> RunTask")
    for part in ("50 MB", "≤ 40 MB", "1.25", "missed", "made by pip"):
        assert part in line_with(text, "layer, unzipped")
    assert "12.3" in line_with(text, "gathered")
    assert "A note." in text


def test_the_load_of_the_machine_is_shown() -> None:
    assert "load average 0.5 before, 1.5 after" in shown(a_part())


def test_what_could_not_be_measured_is_said() -> None:
    assert "Not measured: no network" in shown(a_part(Findings(measurements=()), "no network"))


def test_the_json_has_the_numbers_and_the_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "out" / "latest.json"
    write(path, "2 CPUs", [a_part()])
    document = json.loads(path.read_text())
    assert document["machine"] == "2 CPUs"
    (part,) = document["parts"]
    assert [(one["value"], one["verdict"]) for one in part["findings"]["measurements"]] == [
        (62.5, "met"),
        (50.0, "missed"),
        (12, ""),
    ]
