"""How cost and computing grow: with the number of services, quiet or failing, and with the size of one service."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.figures import growth_exponent
from bench.measurement import Detail, Findings, Measurement, NotMeasured
from headcount_simulation.accounting import Ledger
from headcount_simulation.losses import Loss, recover
from headcount_simulation.prices import monthly_bill
from headcount_simulation.quiet import METERED, stay_quiet

_MOST = 1.05
_TASKS = 20
_SEEDS = (1, 2, 3)  # when an audit comes is chance, and what it finds in the middle of a loss costs
# what is there whether anything happens or not
_FIXED = (
    "KMS: the table's key",
    "SQS: polling of the queues",
    "CloudWatch: alarms",
    "CloudWatch: dashboard",
    "CloudWatch: metrics",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    size: int
    dollars: float
    cpu: float
    seconds: float


def measure(*, quick: bool) -> Findings:
    """Exponents of a straight line through the logarithms: 1 is linear."""
    quiet = [_quiet(services) for services in ((50, 200) if quick else (100, 300, 1000, 3000))]
    seeds = _SEEDS[:1] if quick else _SEEDS
    failing = [
        _lost({f"prod/s{n}": _TASKS for n in range(services)}, seeds)
        for services in ((5, 20) if quick else (10, 30, 100))
    ]
    one = [_lost({"prod/web": tasks}, seeds) for tasks in ((50, 150) if quick else (100, 300, 1000))]
    series = {
        f"a quiet hour, services of {_TASKS} tasks": quiet,
        f"all services of {_TASKS} tasks lost": failing,
        "all tasks of one service lost": one,
    }
    return Findings(
        measurements=tuple(
            Measurement(
                what=f"{name}: {what}",
                value=growth_exponent([point.size for point in points], [getattr(point, field) for point in points]),
                unit="",
                goal=_MOST,
            )
            for name, points in series.items()
            for what, field in (("cost", "dollars"), ("CPU time", "cpu"), ("time to recover", "seconds"))
            if points is not quiet or field != "seconds"  # a quiet hour is an hour
        ),
        details=tuple(_table(name, points) for name, points in series.items()),
        notes=(
            "CPU time is that of this simulation: the product's code and the world around it, in one process.",
            f"A loss is the median of {len(seeds)} (seeds {', '.join(map(str, seeds))}).",
        ),
    )


def _quiet(services: int) -> _Point:
    began = time.process_time()
    quiet = stay_quiet(services, _TASKS, 3600.0)
    cpu = time.process_time() - began
    return _Point(size=services, dollars=_dollars(quiet.ledger, quiet.table_bytes), cpu=cpu, seconds=quiet.seconds)


def _lost(services: dict[str, int], seeds: Sequence[int]) -> _Point:
    points = [_lost_once(services, seed) for seed in seeds]
    return _Point(
        size=points[0].size,
        dollars=median(one.dollars for one in points),
        cpu=median(one.cpu for one in points),
        seconds=median(one.seconds for one in points),
    )


def _lost_once(services: dict[str, int], seed: int) -> _Point:
    began = time.process_time()
    recovery = recover(Loss(name="all", services=services, seed=seed), METERED)
    if recovery.seconds is None or recovery.ledger is None:
        raise NotMeasured(f"{len(services)} services were not whole again within an hour")
    cpu = time.process_time() - began
    size = sum(services.values())
    return _Point(size=size, dollars=_dollars(recovery.ledger, 0), cpu=cpu, seconds=recovery.seconds)


def _dollars(ledger: Ledger, table_bytes: int) -> float:
    """What the counted hour cost, without what costs the same whether anything happens or not."""
    month = monthly_bill(ledger, 730 * 3600.0, table_bytes)
    return sum(item.dollars for item in month if item.what not in _FIXED)


def _table(name: str, points: list[_Point]) -> Detail:
    rows = tuple((f"{one.size:,}", f"{one.dollars:.5f}", f"{one.cpu:.1f}", f"{one.seconds:.0f}") for one in points)
    return Detail(title=name, columns=("size", "USD", "CPU seconds", "virtual seconds"), rows=rows)
