"""The cluster query language: which container instances an expression means.

    expression = subject operator [argument]  |  not E  |  E and E  |  E or E  |  (E)

Subjects and operators: ECS Developer Guide, "Create expressions to define container instances for Amazon ECS tasks".
An attribute that an instance does not have equals nothing, so `!=` and `not_in` hold for it.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol


class Queryable(Protocol):
    """What an expression may ask of a container instance."""

    @property
    def attributes(self) -> Mapping[str, str | None]: ...
    @property
    def ec2_instance_id(self) -> str: ...
    @property
    def agent_connected(self) -> bool: ...
    @property
    def agent_version(self) -> str: ...
    @property
    def registered_at(self) -> float: ...
    @property
    def running_tasks_count(self) -> int: ...
    @property
    def groups(self) -> AbstractSet[str]:
        """The groups of its live tasks."""
        ...


Predicate = Callable[[Queryable], bool]
_Parse = Callable[[str], Any]
_Argument = str | Sequence[str] | None


class ExpressionError(ValueError):
    """The text is no expression; the message says where it stops being one."""


_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>'[^']*'|"[^"]*")|(?P<sign>!exists\b|!in\b|==|!=|>=|<=|=~|!~|&&|\|\||[()\[\],<>!])"""
    r"""|(?P<word>[^\s()\[\],'"=!<>&|~]+))"""
)
_NAMES = {
    "equals": "==",
    "not_equals": "!=",
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
    "not_in": "!in",
    "not_exists": "!exists",
    "matches": "=~",
    "not_matches": "!~",
    "&&": "and",
    "||": "or",
    "!": "not",
}
_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TEXTUAL = frozenset({"==", "!=", "in", "!in", "=~", "!~"})
_ATTRIBUTE = "attribute:"


@lru_cache(maxsize=256)  # a constraint is asked of every instance
def compile_expression(text: str) -> Predicate:
    """The expression as a predicate; raises ExpressionError."""
    parser = _Parser(_tokens(text))
    predicate = parser.either()
    parser.expect_end()
    return predicate


def _tokens(text: str) -> list[tuple[str, bool]]:
    """Tokens in ECS's short spelling, each with whether it stood in quotes."""
    tokens, position = [], 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None:
            raise ExpressionError(f"unexpected text at {text[position:].strip()!r}")
        quoted, token = found["quoted"], found[found.lastgroup or 0]
        tokens.append((quoted[1:-1], True) if quoted else (_NAMES.get(token, token), False))
        position = found.end()
    return tokens


class _Parser:
    def __init__(self, tokens: Sequence[tuple[str, bool]]) -> None:
        self._tokens = tokens
        self._next = 0

    def either(self) -> Predicate:
        parts = [self._both()]
        while self._takes("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda instance: any(part(instance) for part in parts)

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise ExpressionError(f"unexpected {self._tokens[self._next][0]!r}")

    def _both(self) -> Predicate:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda instance: all(part(instance) for part in parts)

    def _one(self) -> Predicate:
        if self._takes("not"):
            negated = self._one()
            return lambda instance: not negated(instance)
        if self._takes("("):
            inner = self.either()
            self._expect(")")
            return inner
        subject, sign = self._word("a subject"), self._word("an operator")
        return _comparison(subject, sign, self._argument(sign))

    def _argument(self, sign: str) -> _Argument:
        if sign in ("exists", "!exists"):
            return None
        if sign not in ("in", "!in"):
            return self._word("an argument")
        self._expect("[")
        listed = [self._word("an argument")]
        while self._takes(","):
            listed.append(self._word("an argument"))
        self._expect("]")
        return listed

    def _takes(self, token: str) -> bool:
        taken = self._next < len(self._tokens) and self._tokens[self._next] == (token, False)
        self._next += taken
        return taken

    def _expect(self, token: str) -> None:
        if not self._takes(token):
            raise ExpressionError(f"{token!r} is missing")

    def _word(self, what: str) -> str:
        if self._next >= len(self._tokens) or self._tokens[self._next] in ((sign, False) for sign in "()[],"):
            raise ExpressionError(f"{what} is missing")
        self._next += 1
        return self._tokens[self._next - 1][0]


def _comparison(subject: str, sign: str, argument: _Argument) -> Predicate:
    match subject:
        case "agentConnected":
            return _textual(lambda instance: str(instance.agent_connected).lower(), subject, sign, argument)
        case "ec2InstanceId":
            return _textual(lambda instance: instance.ec2_instance_id, subject, sign, argument)
        case "task:group":
            return _grouped(sign, argument)
        case "runningTasksCount":
            return _ordered(lambda instance: instance.running_tasks_count, subject, sign, (argument, int))
        case "agentVersion":
            return _ordered(lambda instance: _version(instance.agent_version), subject, sign, (argument, _version))
        case "registeredAt":
            return _ordered(lambda instance: instance.registered_at, subject, sign, (argument, _moment))
        case _ if subject.startswith(_ATTRIBUTE) and subject != _ATTRIBUTE:
            return _attribute(subject.removeprefix(_ATTRIBUTE), sign, argument)
        case _:
            raise ExpressionError(f"unknown subject {subject!r}")


def _attribute(name: str, sign: str, argument: _Argument) -> Predicate:
    if sign == "exists":
        return lambda instance: name in instance.attributes
    if sign == "!exists":
        return lambda instance: name not in instance.attributes
    return _textual(lambda instance: instance.attributes.get(name), f"{_ATTRIBUTE}{name}", sign, argument)


def _grouped(sign: str, argument: _Argument) -> Predicate:
    """An instance is meant when one of its tasks is in such a group; the negations mean that none is."""
    negative = sign in ("!=", "!in", "!~")
    positive = {"!=": "==", "!in": "in", "!~": "=~"}.get(sign, sign)
    holds = _text_test("task:group", positive, argument)
    return lambda instance: any(map(holds, instance.groups)) is not negative


def _textual(value: Callable[[Queryable], str | None], subject: str, sign: str, argument: _Argument) -> Predicate:
    holds = _text_test(subject, sign, argument)
    return lambda instance: holds(value(instance))


def _text_test(subject: str, sign: str, argument: _Argument) -> Callable[[str | None], bool]:
    if sign not in _TEXTUAL:
        raise ExpressionError(f"{subject} cannot be compared by {sign!r}")
    if sign in ("=~", "!~"):
        pattern = _pattern(str(argument))
        return lambda value: bool(pattern.fullmatch(value or "")) is (sign == "=~")
    wanted = (argument,) if isinstance(argument, str) else tuple(argument or ())
    return lambda value: (value in wanted) is (sign in ("==", "in"))


def _ordered(
    value: Callable[[Queryable], Any], subject: str, sign: str, argument: tuple[_Argument, _Parse]
) -> Predicate:
    compare = _ORDERED.get(sign)
    if compare is None:
        raise ExpressionError(f"{subject} cannot be compared by {sign!r}")
    text, parse = argument
    try:
        wanted = parse(str(text))
    except ValueError as error:
        raise ExpressionError(f"{subject} cannot be {text!r}") from error
    return lambda instance: compare(value(instance), wanted)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ExpressionError(f"{text!r} is no pattern: {error}") from error


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _moment(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
