"""What an audit of quiet services calls: the only thing that happens while nothing happens."""

from collections import Counter

from bench.measurement import Detail, Findings, Measurement
from bench.service import Bench, a_bench

_TASKS = 5
_DESCRIBED_AT_ONCE = 100


def measure(*, quick: bool) -> Findings:
    """Audits of more and more services of five tasks, by a warm function that knows the rosters."""
    rows: list[tuple[str, ...]] = []
    measurements: list[Measurement] = []
    with a_bench("simulated", schedule_scale=0.001) as bench:  # only the audits that are asked for
        services = 0
        for wanted in (1, 4) if quick else (1, 10, 40):
            for index in range(services, wanted):
                bench.apply(f"quiet{index}", _TASKS)
            services = wanted
            bench.wait_until_whole(services * _TASKS)
            first, quiet = _audit(bench), _audit(bench)
            measurements.append(_measurement(services, quiet))
            rows += [_row(services, "first", first), _row(services, "quiet", quiet)]
    operations = ("Query", "DescribeTasks", "ListTasks", "UpdateItem", "SendMessage")
    return Findings(
        measurements=tuple(measurements),
        details=(
            Detail(title="Calls of one audit", columns=("services", "audit", "all", *operations), rows=tuple(rows)),
        ),
        notes=(
            "The least: one query of the index, and 100 tasks a DescribeTasks.",
            "The first audit after a change reads the rosters that passes changed; then it knows them.",
        ),
    )


def _audit(bench: Bench) -> Counter[str]:
    """One audit, counted by operation; returns when whatever it caused is over."""
    bench.forget()
    before = bench.sandbox.platform.statistics("AuditClusters").invocations
    bench.sandbox.platform.fire_schedule("AuditClusters")
    bench.wait(lambda: bench.sandbox.platform.statistics("AuditClusters").invocations > before, "the audit has run")
    counted = Counter(call.operation for call in bench.calls_of("AuditClusters"))
    bench.wait_until_whole(len(bench.watch.running()))
    return counted


def _measurement(services: int, quiet: Counter[str]) -> Measurement:
    least = 1 + -(-services * _TASKS // _DESCRIBED_AT_ONCE)
    return Measurement(
        what=f"calls of a quiet audit, services of {_TASKS} tasks: {services}",
        value=quiet.total(),
        unit="",
        note=f"the least is {least}",
    )


def _row(services: int, audit: str, calls: Counter[str]) -> tuple[str, ...]:
    names = ("Query", "DescribeTasks", "ListTasks", "UpdateItem", "SendMessage")
    return (str(services), audit, str(calls.total()), *(str(calls[name]) for name in names))
