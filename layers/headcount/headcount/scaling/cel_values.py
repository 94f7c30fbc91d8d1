"""What a formula is worth. Never raises: what has no value in CEL (an int divided by 0, an overflow) is ``Undefined``.

As in CEL, ints are of 64 bits and are cut towards zero when they are divided, doubles follow IEEE 754 (a double divided
by 0.0 is infinite), and ``&&`` and ``||`` do not care for an undefined side where the other one decides.
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from headcount.model.cel import LARGEST_INT, Call, Constant, Formula, Name
from headcount.model.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Undefined:
    """Why a formula has no value."""

    reason: str


Value = float | bool | Undefined


def value_of(formula: Formula, values: Mapping[str, float]) -> Value:
    """The value of a checked formula; ``values`` has counts as int and metrics as float."""
    match formula:
        case Constant(value=value):
            return value
        case Name(name=name):
            return values[name] if name in values else Undefined(reason=f"{name} has no recent data")
        case Call(function="_?_:_", arguments=(condition, chosen, other)):
            decided = value_of(condition, values)
            return decided if isinstance(decided, Undefined) else value_of(chosen if decided else other, values)
        case Call(function="_&&_" | "_||_" as function, arguments=(left, right)):
            return _either(value_of(left, values), value_of(right, values), decisive=function == "_||_")
    return _called(formula.function, [value_of(one, values) for one in formula.arguments])


def _either(left: Value, right: Value, *, decisive: bool) -> Value:
    """``decisive``: the truth value that settles it whatever the other side is."""
    if decisive in (left, right):
        return decisive
    return next((side for side in (left, right) if isinstance(side, Undefined)), not decisive)


def _called(function: str, arguments: list[Value]) -> Value:
    for argument in arguments:
        if isinstance(argument, Undefined):
            return argument
    result: Value = _FUNCTIONS[function](*arguments)
    if isinstance(result, int) and not -LARGEST_INT - 1 <= result <= LARGEST_INT:
        return Undefined(reason="a whole number is out of range")
    return result


def _divided(left: Any, right: Any) -> Value:
    if isinstance(left, int):
        if right == 0:
            return Undefined(reason="division by zero")
        quotient = int(abs(left) // abs(right))
        return quotient if (left < 0) == (right < 0) else -quotient
    if right != 0:
        return float(left / right)
    return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)


def _remainder(left: Any, right: Any) -> Value:
    if right == 0:
        return Undefined(reason="division by zero")
    rest = abs(left) % abs(right)
    return int(rest if left >= 0 else -rest)


def _whole(value: Any) -> Value:
    return int(value) if math.isfinite(value) else Undefined(reason=f"int({value}) is out of range")


def _sign_of(value: float) -> int:
    return (value > 0) - (value < 0)


def _sign(value: Any) -> Value:
    if isinstance(value, int):
        return _sign_of(value)
    return float(value if math.isnan(value) else _sign_of(value))


def _extreme(choose: Callable[..., Any]) -> Callable[..., Value]:
    return lambda *values: math.nan if any(map(math.isnan, values)) else choose(values)


def _rounded(value: Any) -> Value:
    """Halves away from zero."""
    if not math.isfinite(value):
        return float(value)
    whole = math.trunc(value)
    return float(whole + _sign_of(value) if abs(value - whole) >= 0.5 else whole)


def _cut(how: Callable[[float], int]) -> Callable[[Any], Value]:
    return lambda value: float(how(value)) if math.isfinite(value) else value


_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "_+_": operator.add,
    "_-_": operator.sub,
    "_*_": operator.mul,
    "_/_": _divided,
    "_%_": _remainder,
    "-_": operator.neg,
    "!_": operator.not_,
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
    "_==_": operator.eq,
    "_!=_": operator.ne,
    "int": _whole,
    "double": float,
    "math.ceil": _cut(math.ceil),
    "math.floor": _cut(math.floor),
    "math.trunc": _cut(math.trunc),
    "math.round": _rounded,
    "math.abs": abs,
    "math.sign": _sign,
    "math.greatest": _extreme(max),
    "math.least": _extreme(min),
}
