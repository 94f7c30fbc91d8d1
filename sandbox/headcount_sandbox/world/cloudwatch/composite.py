"""Rules of composite alarms: `ALARM("a") AND NOT (OK(b) OR FALSE)`. Pure functions.

AWS: "Create a composite alarm". Python's parser reads it, after the conditions have become names.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

from headcount_sandbox.world.api import ApiError

_CONDITION = re.compile(r"\b(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(\"[^\"]*\"|'[^']*'|[^)\s]+)\s*\)")
_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "TRUE": "True", "FALSE": "False"}
_WORD = re.compile(r"\b(AND|OR|NOT|TRUE|FALSE)\b")


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether an alarm (its name) is in a state."""

    alarm: str
    state: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was understood."""

    conditions: tuple[Condition, ...]
    tree: ast.expr

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms that it looks at, in its order."""
        return tuple(dict.fromkeys(condition.alarm for condition in self.conditions))

    def holds(self, state_of: Callable[[str], str | None]) -> bool:
        """Whether it is true of alarms whose states are these (None: there is no such alarm)."""
        return self._is_true(self.tree, state_of)

    def _is_true(self, node: ast.expr, state_of: Callable[[str], str | None]) -> bool:
        match node:
            case ast.Constant(value=value):
                return bool(value)
            case ast.Name(id=name):
                condition = self.conditions[int(name[1:])]
                return state_of(condition.alarm) == condition.state
            case ast.UnaryOp(operand=operand):
                return not self._is_true(operand, state_of)
            case ast.BoolOp(op=ast.And(), values=values):
                return all(self._is_true(value, state_of) for value in values)
            case ast.BoolOp(values=values):
                return any(self._is_true(value, state_of) for value in values)
        raise AssertionError(node)  # the parser below lets nothing else through


def parse_rule(text: str) -> Rule:
    """The rule; raises `ApiError` for what CloudWatch would not understand."""
    conditions: list[Condition] = []

    def named(found: re.Match[str]) -> str:
        name = found[2].strip("\"'")
        conditions.append(Condition(name.rpartition(":alarm:")[2], found[1]))
        return f"c{len(conditions) - 1}"

    python = _WORD.sub(lambda found: _WORDS[found[1]], _CONDITION.sub(named, text))
    try:
        tree = ast.parse(python.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise _refused(text) from None
    for node in ast.walk(tree):
        _check(node, text, len(conditions))
    return Rule(tuple(conditions), tree)


def _check(node: ast.AST, text: str, conditions: int) -> None:
    match node:
        case ast.BoolOp() | ast.And() | ast.Or() | ast.Not() | ast.Load() | ast.UnaryOp(op=ast.Not()):
            return
        case ast.Constant(value=True | False):
            return
        case ast.Name(id=name) if name in {f"c{number}" for number in range(conditions)}:
            return
    raise _refused(text)


def _refused(text: str) -> ApiError:
    return ApiError("ValidationError", f"Could not parse the AlarmRule: {text}")
