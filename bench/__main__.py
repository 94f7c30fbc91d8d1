"""``python -m bench [--quick] [PART...]``: measure, report, write ``latest.json`` and ``report.html`` in ``bench/out``.

Both also keep what was measured before of the parts that are not measured now. The exit code is 0 unless something
could not be measured: a slow machine is no failure, and neither is one on which a part has to be skipped.
"""

import argparse
import importlib
import os
import platform
import sys
import time
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console

from bench import (
    bill,
    cold_starts,
    growth,
    idle,
    kills,
    memory,
    out_of_rotation,
    packages,
    passes,
    pictures,
    recovery,
    rotation,
    storm,
)
from bench.measurement import OUT, Findings, NotMeasured, Part, Skipped
from bench.pages import write_page
from bench.report import show, write

_WIDTH = 130


class Measure(Protocol):
    """A part: what it measures, for real or quickly."""

    def __call__(self, *, quick: bool) -> Findings: ...


def measure_peers(*, quick: bool) -> Findings:
    """Imported only here: it needs what starts a container engine."""
    findings: Findings = importlib.import_module("bench.peers.beside").measure(quick=quick)
    return findings


PARTS: dict[str, tuple[str, Measure]] = {
    "kills": ("A lost task is replaced at once: ECS's event to RunTask, a service of 10 tasks", kills.measure),
    "out-of-rotation": (
        "Out of rotation at once: kill -9 behind a load balancer to DeregisterTargets, a service of 5 tasks",
        out_of_rotation.measure,
    ),
    "passes": ("A pass is linear: its own CPU, against json.loads of the same records", passes.measure),
    "cold-starts": ("Quick to start: import and init of each function, against bare boto3", cold_starts.measure),
    "memory": ("Small: memory of each function and of passes", memory.measure),
    "packages": ("Small: the layer and what each function is packaged as, unzipped", packages.measure),
    "storm": ("Few calls: every task of a service lost at once", storm.measure),
    "recovery": ("Recovery at the account's limit, in simulation: 1,000 of 1,000 tasks lost", recovery.measure),
    "rotation": ("Into rotation at ELB's limits, in simulation: 500 tasks that start together", rotation.measure),
    "bill": ("Idle costs next to nothing: the whole bill of quiet services, in simulation", bill.measure),
    "growth": ("Cost and computing grow linearly, in simulation", growth.measure),
    "pictures": ("Recovery drawn: a zone lost, an hour of errors", pictures.measure),
    "idle": ("Idle costs next to nothing: what an audit of quiet services calls", idle.measure),
    "peers": ("Beside Docker Swarm: a lost task, a higher count", measure_peers),
}
ONLY_ASKED_FOR = frozenset({"peers"})


def main(arguments: list[str] | None = None) -> int:
    """Run the parts that are asked for; by default all that need nothing but this machine's Python."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    names = asked.parts or [name for name in PARTS if name not in ONLY_ASKED_FOR]
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
        document = write(OUT / "latest.json", machine, parts, order=list(PARTS))
        write_page(OUT / "report.html", document)
    console.print(f"Written to {os.path.relpath(OUT / 'report.html')} and latest.json beside it", highlight=False)
    return int(any(part.not_measured is not None and not part.skipped for part in parts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures what Headcount promises.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, about half a minute in all")
    return parser


def _run(name: str, *, quick: bool) -> Part:
    title, measure = PARTS[name]
    load_before, began = os.getloadavg()[0], time.monotonic()
    began_at = datetime.now(UTC).isoformat(timespec="seconds")
    findings, not_measured, skipped = Findings(measurements=()), None, False
    try:
        findings = measure(quick=quick)
    except NotMeasured as reason:
        not_measured, skipped = str(reason), isinstance(reason, Skipped)
    return Part(
        name=name,
        title=title,
        began_at=began_at,
        seconds=time.monotonic() - began,
        load_before=load_before,
        load_after=os.getloadavg()[0],
        findings=findings,
        not_measured=not_measured,
        skipped=skipped,
    )


if __name__ == "__main__":
    sys.exit(main())
