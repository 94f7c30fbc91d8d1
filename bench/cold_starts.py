"""Import and init of each function, against bare boto3 with the same clients, in fresh interpreters.

What is timed lies between the first line of a program and the moment the handler (or the last client) is there; the
start of the interpreter, the same for both, is left out, so the ratio is not flattered.
"""

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measurement import Detail, Findings, Measurement, NotMeasured, milliseconds

GOAL = 1.3
CLIENTS: dict[str, tuple[str, ...]] = {
    "observe_tasks": ("dynamodb", "sqs"),
    "reconcile_service": ("dynamodb", "ecs", "events", "sqs"),
    "audit_clusters": ("dynamodb", "ecs", "sqs"),
    "wake_services": ("dynamodb", "sqs"),
    "keep_load_balancers": ("dynamodb", "sqs"),
    "decide_scaling": ("dynamodb", "sqs"),
    "control": ("dynamodb", "ec2", "ecs", "sqs"),
}
_ROOT = Path(__file__).parents[1]
_TIMED = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{work}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
import json
print(json.dumps([wall, cpu]))
"""
_FUNCTION = "import app"
_BARE = """
import boto3
from botocore.config import Config
patience = Config(connect_timeout=2, read_timeout=5, retries={{"mode": "standard", "total_max_attempts": 2}})
for service in {clients!r}:
    boto3.client(service, config=patience)
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
        bare.append(_start(name, _bare(name)))
        function.append(_start(name, _FUNCTION))
    return bare[1:], function[1:]


def _bare(name: str) -> str:
    return _BARE.format(clients=CLIENTS[name])


def _start(name: str, work: str) -> Start:
    done = _python(name, _TIMED.format(work=work))
    wall, cpu = json.loads(done.stdout.splitlines()[-1])
    return Start(wall=wall, cpu=cpu)


def _python(name: str, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program as the function ``name`` would be run: its folder first on the path, its environment."""
    done = subprocess.run(
        [sys.executable, *options, "-c", program],
        cwd=_ROOT / "functions" / name,
        env=_environment(name),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotMeasured(f"{name} does not start: {done.stderr.strip().splitlines()[-1]}")
    return done


def _environment(name: str) -> Mapping[str, str]:
    """What Lambda and the template give a function; credentials from the environment, as on Lambda."""
    queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/bench"
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(_ROOT / "layers" / "headcount"),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "HEADCOUNT_TABLE": "bench",
        "HEADCOUNT_INSTALL": "main",
        "HEADCOUNT_CLUSTERS": "bench",
        "HEADCOUNT_RECONCILE_QUEUE_URL": f"{queue}.fifo",
        "HEADCOUNT_TIMER_QUEUE_URL": queue,
        "HEADCOUNT_BALANCER_FUNCTION": "bench-KeepLoadBalancers",
        "HEADCOUNT_SCALING_FUNCTION": "bench-DecideScaling",
        "HEADCOUNT_SCHEDULE_GROUP": "bench",
        "HEADCOUNT_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/bench",
        "HEADCOUNT_EVENT_DEAD_LETTERS_ARN": "arn:aws:sqs:eu-west-1:123456789012:bench",
        "POWERTOOLS_SERVICE_NAME": name,
        "POWERTOOLS_METRICS_NAMESPACE": "Headcount",
    }


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
    extra = _import_times(name, _FUNCTION)
    for module in _import_times(name, _bare(name)):
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
    stderr = _python(name, work, "-X", "importtime").stderr
    times: dict[str, float] = {}
    for line in stderr.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if own.strip().isdigit():
            times[rest.rpartition("|")[2].strip()] = int(own) / 1e6
    return times
