"""What must hold between the keys of step scaling: AWS's own rules of StepScalingPolicyConfiguration."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from headcount.model.manifest_kinds import INVALID, has_invalid, joined, problem
from headcount.model.problem import Problem

_EVERYTHING = (float("-inf"), float("inf"))
Block = Mapping[str, Any]


def check_steps(path: str, block: Block, steps: Sequence[tuple[str, Block]]) -> Iterator[Problem]:
    """Everything wrong with the configuration of step scaling. ``steps``: those that were understood, with paths."""
    kind = block.get("adjustmentType", INVALID)
    if kind not in ("PercentChangeInCapacity", INVALID) and "minAdjustmentMagnitude" in block:
        message = f"must be left out: it is for PercentChangeInCapacity, not {kind}"
        yield problem(joined(path, "minAdjustmentMagnitude"), block["minAdjustmentMagnitude"], message)
    if kind == "ExactCapacity":
        for item, step in steps:
            if step.get("scalingAdjustment", INVALID) is not INVALID and step["scalingAdjustment"] < 0:
                yield problem(item, step["scalingAdjustment"], "an exact capacity must not be negative")
    if steps and not has_invalid(block["stepAdjustments"]):
        yield from _intervals(joined(path, "stepAdjustments"), steps)


def _intervals(path: str, steps: Sequence[tuple[str, Block]]) -> Iterator[Problem]:
    """AWS's own rules: nothing overlaps, nothing is left out, and what begins or ends beyond zero is open there."""
    bounds = [(item, _lower(step), _upper(step)) for item, step in steps]
    if len(bounds) == 1 and bounds[0][1:] == _EVERYTHING:  # + for composite alarms, which have no metric to compare
        return
    wrong = [found for one in bounds if (found := _interval(*one)) is not None]
    if wrong:
        yield from wrong
        return
    bounds.sort(key=lambda one: one[1:])
    for (_, _, upper), (item, lower, _) in pairwise(bounds):
        if lower != upper:
            word = "overlaps the step before it" if lower < upper else "leaves a gap to the step before it"
            yield problem(item, lower, f"{word}, which ends at {upper:g}")
    if 0 > bounds[0][1] > float("-inf"):
        yield problem(path, bounds[0][1], "needs a step without metricIntervalLowerBound, since one begins below 0")
    if 0 < bounds[-1][2] < float("inf"):
        yield problem(path, bounds[-1][2], "needs a step without metricIntervalUpperBound, since one ends above 0")


def _interval(item: str, lower: float, upper: float) -> Problem | None:
    if (lower, upper) == _EVERYTHING:
        message = (
            "needs metricIntervalLowerBound, metricIntervalUpperBound or both: only a single step may have neither"
        )
        return problem(item, None, message)
    if lower >= upper:
        return problem(item, upper, f"metricIntervalUpperBound must be above metricIntervalLowerBound, {lower:g}")
    return None


def _lower(step: Block) -> float:
    return float(step.get("metricIntervalLowerBound", "-inf"))


def _upper(step: Block) -> float:
    return float(step.get("metricIntervalUpperBound", "inf"))
