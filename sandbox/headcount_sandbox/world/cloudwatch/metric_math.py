"""CloudWatch's metric math: expressions over time series. Pure functions.

AWS: "Using math expressions with CloudWatch metrics". The syntax is Python's but for `^`, `AND`, `OR`, `&&` and `||`,
so Python's parser reads it. A value that is no number (a division by nothing) is no data.
"""

import ast
import math
import operator
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Series = dict[float, float]  # beginning of a period in epoch seconds, its value
Value = float | Series | list[Series]

_WORDS = re.compile(r"""("[^"]*"|'[^']*')|\^|&&|\|\||\bAND\b|\bOR\b""")
_PYTHONS = {"^": "**", "&&": " and ", "||": " or ", "AND": "and", "OR": "or"}
_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.And: lambda one, other: bool(one) and bool(other),
    ast.Or: lambda one, other: bool(one) or bool(other),
}
_EACH: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
    "LOG": math.log,
    "LOG10": math.log10,
}
_OVER: dict[str, Callable[[Sequence[float]], float]] = {
    "AVG": statistics.fmean,
    "MAX": max,
    "MIN": min,
    "STDDEV": statistics.pstdev,
    "SUM": math.fsum,
}


class MetricMathError(ValueError):
    """An expression that CloudWatch would not calculate; the message completes "Error in expression ...: "."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What an expression can see: other queries by their ids, all metrics of the request (by name), periods in seconds.

    `starts`: when the periods of the range begin, oldest first.
    """

    value_of: Callable[[str], Value]
    period_of: Callable[[str], float]
    metrics: Callable[[], Mapping[str, Series]]
    starts: tuple[float, ...]


def calculate(expression: str, around: Around) -> Value:
    """The value of an expression; raises `MetricMathError`."""
    return _Calculation(around).value(_parsed(expression))


def names_in(expression: str) -> frozenset[str]:
    """The ids that an expression mentions; raises `MetricMathError` for what cannot be read."""
    return frozenset(
        node.id for node in ast.walk(_parsed(expression)) if isinstance(node, ast.Name) and node.id[0].islower()
    )


def _parsed(expression: str) -> ast.expr:
    text = _WORDS.sub(lambda found: found[1] or _PYTHONS[found[0]], expression)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise MetricMathError("it cannot be parsed") from None


class _Calculation:
    """Walks one expression."""

    def __init__(self, around: Around) -> None:
        self._around = around

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=bool() | int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return self._around.value_of(name)
            case ast.List(elts=elements):
                return [self._series(element) for element in elements]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _each(operator.neg, self.value(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
                return _both(_OPERATORS[type(sign)], self.value(left), self.value(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _OPERATORS:
                return _both(_OPERATORS[type(sign)], self.value(left), self.value(right))
            case ast.BoolOp(op=sign, values=[first, *others]):
                found = self.value(first)
                for other in others:
                    found = _both(_OPERATORS[type(sign)], found, self.value(other))
                return found
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._function(name, arguments)
        raise MetricMathError(f"{ast.unparse(node)} is no metric math")

    def _function(self, name: str, arguments: list[ast.expr]) -> Value:
        match name, arguments:
            case _, [one] if name in _EACH:
                return _each(_EACH[name], self.value(one))
            case _, [*several] if name in _OVER and several:
                return self._over(_OVER[name], several)
            case "FILL", [one, filling]:
                return self._fill(one, filling)
            case "IF", [condition, *choices] if len(choices) in (1, 2):
                return _chosen(self.value(condition), *map(self.value, choices))
            case "METRICS", []:
                return list(self._around.metrics().values())
            case "METRICS", [ast.Constant(value=str(part))]:
                return [series for metric, series in self._around.metrics().items() if part in metric]
            case "METRIC_COUNT", [one]:
                found = self.value(one)
                return float(len(found)) if isinstance(found, list) else 1.0
            case "PERIOD", [ast.Name(id=metric)]:
                return float(self._around.period_of(metric))
            case "TIME_SERIES", [one]:
                number = self.value(one)
                return self._constant(number) if isinstance(number, float) else number
            case (("DIFF" | "RATE" | "RUNNING_SUM" | "FIRST" | "LAST"), [one]):
                return _in_time(name, self.value(one))
        raise MetricMathError(f"{name} is not known with {len(arguments)} arguments")

    def _series(self, node: ast.expr) -> Series:
        found = self.value(node)
        if isinstance(found, dict):
            return found
        if isinstance(found, float):
            return self._constant(found)
        raise MetricMathError("an array holds single time series")

    def _constant(self, number: float) -> Series:
        return _kept((at, number) for at in self._around.starts)

    def _over(self, function: Callable[[Sequence[float]], float], nodes: list[ast.expr]) -> Value:
        """Over all values of one series: a number. Over several series: a series of what there is at each time."""
        found = self.value(nodes[0]) if len(nodes) == 1 else [self._series(node) for node in nodes]
        if isinstance(found, float):
            return found
        if isinstance(found, dict):
            return function(list(found.values())) if found else 0.0
        times = sorted({at for series in found for at in series})
        return {at: function([series[at] for series in found if at in series]) for at in times}

    def _fill(self, node: ast.expr, filling: ast.expr) -> Value:
        found = self.value(node)
        if isinstance(found, float):
            return found
        how: Callable[[Series], Series]
        match filling:
            case ast.Name(id="REPEAT"):
                how = self._repeated
            case ast.Name(id="LINEAR"):
                how = self._drawn_through
            case _:
                other = self.value(filling)
                if isinstance(other, list):
                    raise MetricMathError("FILL takes a number, a time series, REPEAT or LINEAR")
                filler = self._constant(other) if isinstance(other, float) else other
                how = filler.__or__
        return how(found) if isinstance(found, dict) else [how(series) for series in found]

    def _repeated(self, series: Series) -> Series:
        filled: Series = {}
        last: float | None = None
        for at in sorted({*self._around.starts, *series}):
            last = series.get(at, last)
            if last is not None:
                filled[at] = last
        return filled

    def _drawn_through(self, series: Series) -> Series:
        filled, known = dict(series), sorted(series)
        for at in self._around.starts:
            before = [time for time in known if time < at][-1:]
            after = [time for time in known if time > at][:1]
            if at not in series and before and after:
                share = (at - before[0]) / (after[0] - before[0])
                filled[at] = series[before[0]] + share * (series[after[0]] - series[before[0]])
        return filled


def _each(function: Callable[[float], float], value: Value) -> Value:
    match value:
        case float():
            return _number(function, value)
        case dict():
            return _kept((at, _number(function, one)) for at, one in value.items())
    return [_kept((at, _number(function, one)) for at, one in series.items()) for series in value]


def _both(function: Callable[[float, float], float], one: Value, other: Value) -> Value:
    """Series are combined where both have data."""
    match one, other:
        case list(), list():
            raise MetricMathError("two arrays of time series cannot be combined")
        case list(), _:
            return [_single(_both(function, series, other)) for series in one]
        case _, list():
            return [_single(_both(function, one, series)) for series in other]
        case dict(), dict():
            return _kept((at, _number(function, one[at], other[at])) for at in one if at in other)
        case dict(), float():
            return _kept((at, _number(function, value, other)) for at, value in one.items())
        case float(), dict():
            return _kept((at, _number(function, one, value)) for at, value in other.items())
        case float(), float():
            return _number(function, one, other)
    raise MetricMathError("it mixes what cannot be mixed")


def _chosen(condition: Value, then: Value, otherwise: Value | None = None) -> Value:
    if isinstance(condition, float):
        chosen = then if condition else otherwise
        return {} if chosen is None else chosen
    if isinstance(condition, list) or isinstance(then, list) or isinstance(otherwise, list):
        raise MetricMathError("IF takes single time series and numbers")
    found: Series = {}
    for at, holds in condition.items():
        branch = then if holds else otherwise
        value = branch.get(at) if isinstance(branch, dict) else branch
        if value is not None:
            found[at] = value
    return found


def _in_time(name: str, value: Value) -> Value:
    if isinstance(value, list) and name not in ("FIRST", "LAST"):
        return [_single(_in_time(name, series)) for series in value]
    if isinstance(value, float):
        raise MetricMathError(f"{name} takes a time series")
    if isinstance(value, list):
        if not value:
            raise MetricMathError(f"{name} of nothing")
        return value[0] if name == "FIRST" else value[-1]
    times, total, found = sorted(value), 0.0, Series()
    match name:
        case "FIRST" | "LAST":
            return value[times[0 if name == "FIRST" else -1]] if times else 0.0
        case "RUNNING_SUM":
            for at in times:
                total += value[at]
                found[at] = total
        case _:
            for before, at in pairwise(times):
                found[at] = (value[at] - value[before]) / (at - before if name == "RATE" else 1.0)
    return found


def _number(function: Callable[..., Any], *operands: float) -> float:
    try:
        found = function(*operands)
        return math.nan if isinstance(found, complex) else float(found)
    except (ZeroDivisionError, OverflowError, ValueError):
        return math.nan


def _kept(points: Iterable[tuple[float, float]]) -> Series:
    return {at: value for at, value in points if math.isfinite(value)}


def _single(value: Value) -> Series:
    assert isinstance(value, dict)
    return value
