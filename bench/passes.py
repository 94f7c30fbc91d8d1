"""A pass's own CPU: decoding the records, building the state, planning. Against ``json.loads`` of the same records.

Records are made by the encoders that write the table, and read as DynamoDB's client gives them. What a pass waits for
(the network, botocore) is not in here; ``kills`` measures that.
"""

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import growth_exponent
from bench.measurement import Detail, Findings, Measurement, milliseconds
from bench.records import a_partition, loses_everything, scales_in_by_half, stays_as_it_is
from headcount.aws.service_records import read_state
from headcount.planning.plan import plan

SIZES = (10, 100, 1000, 5000)
RATIO_GOAL, EXPONENT_GOAL = 3.0, 1.05
STORIES = {
    "steady": stays_as_it_is,
    "all tasks lost": loses_everything,
    "scaled in by half": scales_in_by_half,
}
_NOW = 1_790_000_000.0
_SERVICE, _INSTALL = "prod/web", "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU seconds for one size of one story: medians over the repeats."""

    tasks: int
    json_loads: float
    decode: float
    plan: float

    @property
    def own(self) -> float:
        return self.decode + self.plan

    @property
    def ratio(self) -> float:
        return self.own / self.json_loads


def measure(*, quick: bool) -> Findings:
    """Every story at every size."""
    measurements: list[Measurement] = []
    rows: list[tuple[str, ...]] = []
    for story, tell in STORIES.items():
        costs = [_cost(a_partition(size, tell, _NOW), size, 2_000 if quick else 100_000) for size in SIZES]
        worst = max(costs, key=lambda cost: cost.ratio)
        measurements += [
            Measurement(
                what=f"{story}: CPU over json.loads, worst size",
                value=worst.ratio,
                unit="x",
                goal=RATIO_GOAL,
                note=f"at {worst.tasks:,} tasks",
            ),
            Measurement(
                what=f"{story}: exponent of growth",
                value=growth_exponent([cost.tasks for cost in costs], [cost.own for cost in costs]),
                unit="",
                goal=EXPONENT_GOAL,
            ),
        ]
        rows += [_row(story, cost) for cost in costs]
    columns = ("", "tasks", "json.loads", "decode, build", "plan", "a task", "over json.loads")
    title = "CPU time of one pass, milliseconds (a task: microseconds)"
    return Findings(
        measurements=tuple(measurements),
        details=(Detail(title=title, columns=columns, rows=tuple(rows)),),
        notes=("Medians of interleaved repeats in one process, garbage collection on as in the functions.",),
    )


def _cost(items: Sequence[Mapping[str, Any]], tasks: int, budget: int) -> Cost:
    """As many repeats as ``budget`` allows, counted in tasks; the three things in turn, so that they share bad luck."""
    texts = [value["S"] for item in items for value in item.values() if value.get("S", "").startswith("{")]
    times: dict[str, list[float]] = {"json": [], "decode": [], "plan": []}
    for _ in range(max(7, min(500, budget // tasks))):
        times["json"].append(_cpu(lambda: [json.loads(text) for text in texts])[0])
        decoding, state = _cpu(lambda: read_state(_SERVICE, _INSTALL, items))
        planning, _ = _cpu(lambda state=state: plan(state, _NOW, 0.5))  # type: ignore[misc]  # bound here, called here
        times["decode"].append(decoding)
        times["plan"].append(planning)
    median = {name: statistics.median(values) for name, values in times.items()}
    return Cost(
        tasks=tasks,
        json_loads=median["json"],
        decode=median["decode"],
        plan=median["plan"],
    )


def _cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def _row(story: str, cost: Cost) -> tuple[str, ...]:
    return (
        story,
        f"{cost.tasks:,}",
        milliseconds(cost.json_loads),
        milliseconds(cost.decode),
        milliseconds(cost.plan),
        f"{cost.own / cost.tasks * 1e6:.1f}",
        f"{cost.ratio:.2f}",
    )
