"""What the demo says at its end."""

from rich.console import Console

from headcount_sandbox.demo import summary


def test_the_summary_of_the_demo_fits_eighty_columns() -> None:
    seen = [("scaled", "3 -> 5 -> 3"), ("traffic meanwhile", "as many requests as nobody has ever counted " * 3)]
    console = Console(width=80, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(summary(seen))
    first, second, *more = [line.rstrip() for line in capture.get().splitlines()]
    assert first == "  scaled             3 -> 5 -> 3"
    assert second.startswith("  traffic meanwhile  as many")
    assert more
    assert {len(line) - len(line.lstrip()) for line in more} == {len("  traffic meanwhile  ")}
    assert all(len(line) <= 80 for line in (second, *more))
