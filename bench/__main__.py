"""``python -m bench [--quick] [PART...]``: measure, report, write ``bench/out/<time>.json``.

The exit code is 0 unless something could not be measured: a slow machine is no failure.
"""

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from typing import Protocol

from rich.console import Console

from bench import cold_starts, idle, kills, layer_size, passes, storm
from bench.measurement import Findings, NotMeasured, Part
from bench.report import show, write

_WIDTH = 130
_OUT = Path(__file__).parent / "out"


class Measure(Protocol):
    """A part: what it measures, for real or quickly."""

    def __call__(self, *, quick: bool) -> Findings: ...


PARTS: dict[str, tuple[str, Measure]] = {
    "kills": ("A lost task is replaced at once: ECS's event to RunTask, a service of 10 tasks", kills.measure),
    "passes": ("A pass is linear: its own CPU, against json.loads of the same records", passes.measure),
    "cold-starts": ("Quick to start: import and init of each function, against bare boto3", cold_starts.measure),
    "layer-size": ("Small: the layer, unzipped", layer_size.measure),
    "storm": ("Few calls: every task of a service lost at once", storm.measure),
    "idle": ("Idle costs next to nothing: what an audit of quiet services calls", idle.measure),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the parts that are asked for, all of them by default."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    names = asked.parts or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    machine = f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    console.print(f"[bold]Headcount's measurements[/] on {machine}\n", highlight=False)
    parts: list[Part] = []
    for name in names:
        parts.append(_run(name, quick=asked.quick))
        show(console, parts[-1])
        write(_OUT / "latest.json", machine, parts)
    console.print(f"Written to {os.path.relpath(_OUT / 'latest.json')}", highlight=False)
    return int(any(part.not_measured is not None for part in parts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures what Headcount promises.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, about half a minute in all")
    return parser


def _run(name: str, *, quick: bool) -> Part:
    title, measure = PARTS[name]
    load_before, began = os.getloadavg()[0], time.monotonic()
    findings, not_measured = Findings(measurements=()), None
    try:
        findings = measure(quick=quick)
    except NotMeasured as reason:
        not_measured = str(reason)
    return Part(
        name=name,
        title=title,
        seconds=time.monotonic() - began,
        load_before=load_before,
        load_after=os.getloadavg()[0],
        findings=findings,
        not_measured=not_measured,
    )


if __name__ == "__main__":
    sys.exit(main())
