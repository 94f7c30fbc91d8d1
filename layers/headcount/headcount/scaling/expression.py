"""Expression: the user's formula in CEL gives the count.

It may speak of ``desired``, ``running``, ``minimum`` and ``maximum`` (ints) and of its metrics by their ids (doubles:
the newest value). A fraction is rounded up. A formula that has no value (a metric without recent data, a division by
zero, an infinite result) changes nothing, and nothing is scaled in meanwhile.
"""

import math

from headcount.model.cel import Flaw, names_in, parse_formula
from headcount.model.scaling import Expression
from headcount.model.scaling_state import Ask, Reading
from headcount.scaling.absolute import asks_for, holds
from headcount.scaling.cel_values import Undefined, Value, value_of
from headcount.scaling.counts import Counts
from headcount.scaling.series import RECENT_PERIODS, latest
from headcount.scaling.words import number

MOST_TASKS = 1_000_000  # beyond any bound: keeps absurd results finite


def ask_expression(policy: Expression, reading: Reading, counts: Counts, now: float) -> Ask:
    """What an expression asks for."""
    formula = parse_formula(policy.formula)
    if isinstance(formula, Flaw):  # was checked when it was declared
        return holds(policy.name, f"the formula {formula}")
    values = _values(reading, counts, now)
    result = value_of(formula, values)
    count, why = _counted(result)
    if count is None:
        return holds(policy.name, f"{policy.formula} has no value: {why}")
    named = sorted(names_in(formula) & values.keys())
    shown = ", ".join(f"{name} {number(values[name])}" for name in named)
    return asks_for(policy.name, count, counts, f"{policy.formula} = {count}{shown and f' with {shown}'}")


def _values(reading: Reading, counts: Counts, now: float) -> dict[str, float]:
    newest = {name: latest(series, RECENT_PERIODS, now) for name, series in reading.series.items()}
    return {
        **{name: float(found[1]) for name, found in newest.items() if found is not None},
        "desired": counts.desired,
        "running": counts.running,
        "minimum": counts.target.minimum,
        "maximum": counts.target.maximum,
    }


def _counted(result: Value) -> tuple[int | None, str]:
    if isinstance(result, Undefined):
        return None, result.reason
    if not math.isfinite(result):
        return None, f"it is {result}"
    return math.ceil(round(min(max(result, 0), MOST_TASKS), 9)), ""
