"""Import and init of each function, against bare boto3 with the same clients, in fresh interpreters.

What is timed lies between the first line of a program and the moment the handler (or the last client) is there; the
start of the interpreter, the same for both, is left out, so the ratio is not flattered.
"""

import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.fresh import CLIENTS, FUNCTION, boto3_alone, python
from bench.measurement import Detail, Findings, Measurement, milliseconds

GOAL = 1.3
_TIMED = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{work}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
import json
print(json.dumps([wall, cpu]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Seconds from nothing to ready."""

    wall: float
    cpu: float


def measure(*, quick: bool) -> Findings:
    """Function and bare boto3 in turn, again and again; the medians of their ratios."""
    found = {name: _starts(name, 1 if quick else 15) for name in CLIENTS}
    measurements: list[Measurement] = []
    for name, (bare, function) in found.items():
        ratio = statistics.median(own.cpu / base.cpu for base, own in zip(bare, function, strict=True))
        measurements.append(Measurement(what=f"{name}: CPU over bare boto3", value=ratio, unit="x", goal=GOAL))
    details = [_table(found)]
    if not quick:
        details.append(_what_costs("reconcile_service"))
    return Findings(measurements=tuple(measurements), details=tuple(details))


def _starts(name: str, repeats: int) -> tuple[list[Start], list[Start]]:
    """The first of each writes byte code and is not counted."""
    bare: list[Start] = []
    function: list[Start] = []
    for _ in range(repeats + 1):
        bare.append(_start(name, boto3_alone(name)))
        function.append(_start(name, FUNCTION))
    return bare[1:], function[1:]


def _start(name: str, work: str) -> Start:
    done = python(name, _TIMED.format(work=work))
    wall, cpu = json.loads(done.stdout.splitlines()[-1])
    return Start(wall=wall, cpu=cpu)


def _table(found: Mapping[str, tuple[Sequence[Start], Sequence[Start]]]) -> Detail:
    return Detail(
        title="Import and init, milliseconds (medians)",
        columns=("", "bare: CPU", "function: CPU", "ratio", "bare: wall", "function: wall", "ratio"),
        rows=tuple(_row(name, *starts) for name, starts in found.items()),
    )


def _row(name: str, bare: Sequence[Start], function: Sequence[Start]) -> tuple[str, ...]:
    def median(starts: Sequence[Start], clock: str) -> float:
        return statistics.median(float(getattr(start, clock)) for start in starts)

    cells = [name]
    for clock in ("cpu", "wall"):
        ratios = [getattr(own, clock) / getattr(base, clock) for base, own in zip(bare, function, strict=True)]
        cells += [
            milliseconds(median(bare, clock)),
            milliseconds(median(function, clock)),
            f"{statistics.median(ratios):.2f}",
        ]
    return tuple(cells)


# -- where it goes ----------------------------------------------------------------------------------------------------


def _what_costs(name: str) -> Detail:
    """Modules that the function imports and bare boto3 does not, by package (``-X importtime``, own time)."""
    extra = _import_times(name, FUNCTION)
    for module in _import_times(name, boto3_alone(name)):
        extra.pop(module, None)
    packages: dict[str, list[float]] = defaultdict(list)
    for module, seconds in extra.items():
        packages[_package(module)].append(seconds)
    by_cost = sorted(packages.items(), key=lambda item: -sum(item[1]))
    return Detail(
        title=f"What {name} imports beyond bare boto3, milliseconds (one run under -X importtime, which slows it)",
        columns=("package", "modules", "own time"),
        rows=tuple((package, str(len(times)), milliseconds(sum(times))) for package, times in by_cost[:12]),
    )


def _package(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] in ("aws_lambda_powertools", "headcount") else parts[0]


def _import_times(name: str, work: str) -> dict[str, float]:
    """Own seconds of each module that a program imports."""
    stderr = python(name, work, "-X", "importtime").stderr
    times: dict[str, float] = {}
    for line in stderr.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if own.strip().isdigit():
            times[rest.rpartition("|")[2].strip()] = int(own) / 1e6
    return times
