"""Peak memory: of each function when it is ready, against bare boto3 with the same clients, and of passes.

The kernel keeps the most that a process ever had in memory (``VmHWM`` of ``/proc/self/status``). ``getrusage`` has the
same number, but a child begins with its parent's there. Interpreters are fresh, and written byte code is left to them.
"""

import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from bench.fresh import CLIENTS, FUNCTION, ROOT, boto3_alone, python
from bench.measurement import Detail, Findings, Measurement, NotMeasured
from bench.records import SERVICE, a_partition, loses_everything

SIZES = (10, 1000, 5000)
SHARE_GOAL = 0.5  # of the memory that the template gives: the other half is for what was not foreseen
_NOW = 1_790_000_000.0
_PAGE = 1000  # records; a query answers a megabyte at a time
_PEAK = """
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""
_LOOK = """
import json
from pathlib import Path
from headcount.aws.service_records import read_state
from headcount.planning.plan import plan
items = [item for page in sorted(Path({folder!r}).iterdir()) for item in json.loads(page.read_bytes())["Items"]]
assert plan(read_state({service!r}, "main", items), {now!r}, 0.5).actions
"""


def measure(*, quick: bool) -> Findings:
    """Medians of a few interpreters each: what a process takes is nearly the same each time."""
    repeats = 1 if quick else 5
    given = _given()
    ready = {name: _ready(name, repeats) for name in CLIENTS}
    ratios = {name: own / base for name, (base, own) in ready.items()}
    worst = max(ratios, key=lambda name: ratios[name])
    passes = {size: _pass(size, repeats) for size in SIZES}
    largest = passes[SIZES[-1]]
    return Findings(
        measurements=(
            Measurement(what="ready, over bare boto3, worst function", value=ratios[worst], unit="x", note=worst),
            Measurement(
                what=f"a pass over {SIZES[-1]:,} lost tasks, share of MemorySize",
                value=largest / given["reconcile_service"],
                unit="",
                goal=SHARE_GOAL,
            ),
        ),
        details=(_table_of_functions(ready, given), _table_of_passes(passes, given["reconcile_service"])),
    )


def _ready(name: str, repeats: int) -> tuple[float, float]:
    """Megabytes: bare boto3, and the function."""
    return _peak(name, boto3_alone(name), repeats), _peak(name, FUNCTION, repeats)


def _pass(tasks: int, repeats: int) -> float:
    """Megabytes of ``reconcile_service`` after it read a service that lost all of its tasks, and planned."""
    items = a_partition(tasks, loses_everything, _NOW)
    with tempfile.TemporaryDirectory(prefix="headcount-memory-") as folder:
        for first in range(0, len(items), _PAGE):
            page = {"Items": items[first : first + _PAGE]}
            Path(folder, f"{first:06}.json").write_text(json.dumps(page), encoding="utf-8")
        work = _LOOK.format(folder=folder, service=SERVICE, now=_NOW)
        return _peak("reconcile_service", f"{FUNCTION}\n{work}", repeats)


def _peak(name: str, work: str, repeats: int) -> float:
    """Megabytes, the median."""
    peaks = [int(python(name, work + _PEAK).stdout.splitlines()[-1]) for _ in range(repeats)]
    return statistics.median(peaks) * 1024 / 1e6


def _given() -> Mapping[str, float]:
    """What the template gives each function, in megabytes."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    template: dict[str, Any] = yaml_parse(text)  # type: ignore[no-untyped-call]  # the translator has no types here
    functions = (one["Properties"] for one in template["Resources"].values() if one["Type"].endswith("::Function"))
    given = {Path(one["CodeUri"]).name: one["MemorySize"] * 1024**2 / 1e6 for one in functions if "CodeUri" in one}
    if missing := CLIENTS.keys() - given.keys():
        raise NotMeasured(f"the template has no MemorySize for {', '.join(sorted(missing))}")
    return given


def _table_of_functions(ready: Mapping[str, Sequence[float]], given: Mapping[str, float]) -> Detail:
    return Detail(
        title="Ready to serve, megabytes (medians of peaks)",
        columns=("", "bare boto3", "function", "ratio", "MemorySize", "share"),
        rows=tuple(
            (name, f"{base:.1f}", f"{own:.1f}", f"{own / base:.2f}", f"{given[name]:.0f}", f"{own / given[name]:.2f}")
            for name, (base, own) in ready.items()
        ),
    )


def _table_of_passes(passes: Mapping[int, float], given: float) -> Detail:
    return Detail(
        title="reconcile_service after a pass over a service that lost all tasks, megabytes (medians of peaks)",
        columns=("tasks", "peak", "MemorySize", "share"),
        rows=tuple(
            (f"{tasks:,}", f"{peak:.1f}", f"{given:.0f}", f"{peak / given:.2f}") for tasks, peak in passes.items()
        ),
    )
