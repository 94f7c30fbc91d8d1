"""The report renders whatever was found, and says what was not."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

from bench.measurement import Detail, Findings, Measurement, Part
from bench.pages import write_page
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


def a_part(
    findings: Findings = FINDINGS, not_measured: str | None = None, *, name: str = "kills", skipped: bool = False
) -> Part:
    return Part(
        name=name,
        title="A lost task is replaced",
        began_at="2026-11-25T10:00:00+00:00",
        seconds=12.0,
        load_before=0.5,
        load_after=1.5,
        findings=findings,
        not_measured=not_measured,
        skipped=skipped,
    )


ORDER = ["kills", "packages", "peers"]


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


def test_what_the_machine_cannot_measure_is_skipped_and_says_why() -> None:
    assert "Skipped: no engine" in shown(a_part(Findings(measurements=()), "no engine", skipped=True))


def test_the_json_has_the_numbers_and_the_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "out" / "latest.json"
    write(path, "2 CPUs", [a_part()], ORDER)
    document = json.loads(path.read_text())
    assert document["machine"] == "2 CPUs"
    (part,) = document["parts"]
    assert [(one["value"], one["verdict"]) for one in part["findings"]["measurements"]] == [
        (62.5, "met"),
        (50.0, "missed"),
        (12, ""),
    ]


def test_parts_of_earlier_runs_on_such_a_machine_stay_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "latest.json"
    write(path, "2 CPUs", [a_part(name="peers"), a_part(name="kills", not_measured="no network")], ORDER)
    document = write(path, "2 CPUs", [a_part(name="packages"), a_part(name="kills")], ORDER)
    assert [(part["name"], part["not_measured"]) for part in document["parts"]] == [
        ("kills", None),
        ("packages", None),
        ("peers", None),
    ]
    elsewhere = write(path, "64 CPUs", [a_part(name="kills")], ORDER)
    assert [part["name"] for part in elsewhere["parts"]] == ["kills"]


def test_the_page_has_every_number_and_carries_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "zone.png").write_bytes(b"a picture")
    findings = replace(FINDINGS, pictures=("zone.png",), notes=("faster <than> light",))
    skipped = a_part(Findings(measurements=()), "no engine", name="peers", skipped=True)
    document = write(tmp_path / "latest.json", "2 CPUs", [a_part(findings), skipped], ORDER)
    write_page(tmp_path / "report.html", document)
    page = (tmp_path / "report.html").read_text()
    for text in ("62.5 ms", "≤ 100 ms", "0.62", "1.25", "gathered", "12.3", "load average 0.5 before, 1.5 after"):
        assert text in page
    assert "1 of 2 goals met" in page
    assert page.index("layer, unzipped") < page.index("event -&gt; RunTask: median"), "what is missed comes first"
    assert f"data:image/png;base64,{base64.b64encode(b'a picture').decode()}" in page
    assert "faster &lt;than&gt; light" in page
    assert "Skipped: no engine" in page
