"""Many days, on several processes."""

import dataclasses
import multiprocessing
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from headcount.model.values import dataclass
from headcount_simulation.days import draw_day
from headcount_simulation.simulating import simulate
from headcount_simulation.values import hasten

SEEDS_AHEAD = 10  # of each process: nobody waits for a long day of another's


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One day in numbers; ``violated`` is empty if everything held."""

    seed: int
    service_days: int
    faults: int
    calls: int
    passes: int
    tasks: int
    settled: float
    violated: str


@dataclasses.dataclass(slots=True)
class Total:
    """Many days in numbers."""

    service_days: int = 0
    faults: int = 0
    calls: int = 0
    passes: int = 0
    tasks: int = 0
    settled: float = 0.0
    seconds: float = 0.0
    failed: list[Report] = dataclasses.field(default_factory=list)

    def add(self, report: Report) -> None:
        """Count one more day."""
        self.service_days += report.service_days
        self.faults += report.faults
        self.calls += report.calls
        self.passes += report.passes
        self.tasks += report.tasks
        self.settled = max(self.settled, report.settled)
        if report.violated:
            self.failed.append(report)


def run_seed(seed: int) -> Report:
    """One drawn day."""
    outcome = simulate(draw_day(seed))
    return Report(
        seed=seed,
        service_days=len(outcome.day.characters),
        faults=outcome.day.faults,
        calls=outcome.calls,
        passes=outcome.passes,
        tasks=outcome.tasks,
        settled=outcome.settled,
        violated=str(outcome.violation or ""),
    )


def begin_process() -> None:
    """Called here, and not directly, because a process imports what its initializer needs: everything."""
    hasten()


def run_days(service_days: int, first_seed: int, jobs: int, most_failures: int = 3) -> Total:
    """Days of consecutive seeds until there are that many service-days, or so many of them failed."""
    total = Total()
    began = time.perf_counter()
    for report in _reports(first_seed, jobs, service_days):
        total.add(report)
        if total.service_days >= service_days or len(total.failed) >= most_failures:
            break
    total.seconds = time.perf_counter() - began
    return total


def run_seeds(seeds: Iterable[int]) -> Total:
    """Days of given seeds, in this process."""
    total = Total()
    for seed in seeds:
        total.add(run_seed(seed))
    return total


def _reports(first_seed: int, jobs: int, most: int) -> Iterator[Report]:
    seeds = range(first_seed, first_seed + most)
    if jobs == 1:
        yield from map(run_seed, seeds)
        return
    # a fresh interpreter each: forking a process that has threads is asking for trouble
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=begin_process) as pool:
        try:
            rest = iter(seeds)
            waiting = deque(pool.submit(run_seed, seed) for seed in islice(rest, jobs * SEEDS_AHEAD))
            while waiting:
                report = waiting.popleft().result()
                waiting.extend(pool.submit(run_seed, seed) for seed in islice(rest, 1))
                yield report
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
