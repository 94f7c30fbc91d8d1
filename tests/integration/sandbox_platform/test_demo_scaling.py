from io import StringIO
from pathlib import Path

from rich.console import Console

from headcount_sandbox.demo_scaling_picture import Course, Decision, Moment, draw, in_text

COURSE = Course(
    moments=tuple(
        Moment(minute=minute, requests=20.0 if 3 <= minute < 9 else 3.0, desired=count, running=count)
        for minute, count in enumerate((1, 1, 1, 1, 1, 1, 2, 4, 4, 4, 4, 1, 1))
    ),
    cpu=((1.0, 22.0), (4.0, 100.0), (7.0, 55.0), (8.0, 48.0), (10.0, 6.0)),
    decisions=(
        Decision(minute=6.2, reason="cpu scales out from 1 to 2"),
        Decision(minute=10.9, reason="cpu scales in from 4 to 1"),
    ),
    target=50.0,
    scale=30.0,
)


def test_the_course_is_told_line_by_line_with_what_was_decided() -> None:
    console = Console(width=80, record=True, file=StringIO())
    console.print(in_text(COURSE))
    lines = [line.rstrip() for line in console.export_text().splitlines()[1:]]
    assert [line.split()[0] for line in lines] == ["2", "4", "6", "8", "10", "12"]
    assert "100 %" in lines[1]
    assert "■■■■ 4" in lines[3]
    assert [line.endswith("◀") for line in lines] == [False, False, False, True, False, True]


def test_the_course_is_drawn(tmp_path: Path) -> None:
    draw(COURSE, tmp_path / "new" / "scaling.png")
    assert (tmp_path / "new" / "scaling.png").read_bytes().startswith(b"\x89PNG")
