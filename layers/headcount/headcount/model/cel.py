"""Formulas in CEL, the Common Expression Language: from text to a tree. ``cel_types`` checks it.

A subset in which every formula is an expression over numbers: literals, names, ``+ - * / %``, comparisons, ``&& || !``,
``? :``, ``int()``, ``double()`` and the functions for numbers of CEL's math extension. What is accepted means the same
to every implementation of CEL. Nothing loops, so that the cost of a formula is its length, which is bounded.
"""

import math
import re

from headcount.model.values import dataclass

LONGEST_FORMULA = 2048  # characters, as AWS's metric math
MOST_TOKENS = 200  # bounds how deep and how costly a formula can be
DEEPEST = 32  # parentheses and conditions within each other
LARGEST_INT = 2**63 - 1

_TOKEN = re.compile(
    r"[ \t\n\f\r]*(?:(?P<number>[0-9.][A-Za-z_0-9.]*(?:(?<=[0-9][eE])[+-][0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"|(?P<operator>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:(),])|(?P<wrong>[^ \t\n\f\r]))"
)
_INT = re.compile(r"[0-9]+")
_DOUBLE = re.compile(r"[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+")
_LEVELS = (("||",), ("&&",), ("<", "<=", ">", ">=", "==", "!="), ("+", "-"), ("*", "/", "%"))
_LITERALS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A number or truth value as written. ``at``: its place in the text, from 0."""

    value: float | bool
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A metric or a count."""

    name: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function or operator, by CEL's own name of it: ``_+_``, ``_?_:_``, ``-_``, ``math.ceil``."""

    function: str
    arguments: tuple["Formula", ...]
    at: int


Formula = Constant | Name | Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong with a formula, and where: ``at`` characters from its beginning."""

    message: str
    at: int = 0

    def __str__(self) -> str:
        return f"{self.message} (character {self.at + 1})"


def parse_formula(text: str) -> Formula | Flaw:
    """The tree of a formula, or the first thing that is wrong with it."""
    if len(text) > LONGEST_FORMULA:
        return Flaw(message=f"is longer than {LONGEST_FORMULA} characters")
    tokens = [
        (match.lastgroup or "", match[match.lastgroup or 0], match.start(match.lastgroup or 0))
        for match in _TOKEN.finditer(text)
    ]
    if len(tokens) > MOST_TOKENS:
        return Flaw(message=f"has more than {MOST_TOKENS} numbers, names and signs", at=tokens[MOST_TOKENS][2])
    try:
        return _Parser([*tokens, ("end", "", len(text))]).whole()
    except _FlawedError as flawed:
        return flawed.flaw


def names_in(formula: Formula) -> frozenset[str]:
    """The metrics and counts that a formula speaks of."""
    match formula:
        case Constant():
            return frozenset()
        case Name():
            return frozenset({formula.name})
        case Call():
            return frozenset().union(*map(names_in, formula.arguments))


class _FlawedError(Exception):
    """Ends the parsing; never leaves this module."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.flaw = Flaw(message=message, at=at)


class _Parser:
    """Recursive descent by CEL's grammar."""

    def __init__(self, tokens: list[tuple[str, str, int]]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def whole(self) -> Formula:
        formula = self._expression()
        self._expect("end", "the end of the formula")
        return formula

    def _expression(self) -> Formula:
        self._deeper()
        condition, at = self._binary(0), self._at
        if self._take("?"):
            chosen = self._binary(0)
            self._expect(":", "':'")
            condition = Call(function="_?_:_", arguments=(condition, chosen, self._expression()), at=at)
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> Formula:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while (sign := self._text) in _LEVELS[level]:
            at = self._at
            self._next += 1
            left = Call(function=f"_{sign}_", arguments=(left, self._binary(level + 1)), at=at)
        return left

    def _unary(self) -> Formula:
        at = self._at
        if self._take("!"):
            return self._signed("!_", 1 + self._taken("!"), self._primary(), at)
        if self._take("-"):
            signs = 1 + self._taken("-")
            # one sign belongs to its number: -9223372036854775808 is an int, and without the sign it is none
            alone = signs == 1 and self._kind == "number"
            return self._number("-") if alone else self._signed("-_", signs, self._primary(), at)
        return self._primary()

    def _signed(self, function: str, signs: int, formula: Formula, at: int) -> Formula:
        """Signs that undo each other are left out, but for two: they still say which type it must be."""
        for _ in range(2 - signs % 2):
            formula = Call(function=function, arguments=(formula,), at=at)
        return formula

    def _taken(self, sign: str) -> int:
        count = 0
        while self._take(sign):
            count += 1
        return count

    def _primary(self) -> Formula:
        at, text = self._at, self._text
        if self._kind == "number":
            return self._number()
        if self._kind == "name":
            self._next += 1
            if self._take("("):
                return Call(function=text, arguments=self._arguments(), at=at)
            return Constant(value=_LITERALS[text], at=at) if text in _LITERALS else Name(name=text, at=at)
        if self._take("("):
            inner = self._expression()
            self._expect(")", "')'")
            return inner
        raise self._unexpected("a number, a name or '('")

    def _arguments(self) -> tuple[Formula, ...]:
        if self._take(")"):
            return ()
        arguments = [self._expression()]
        while self._take(","):
            arguments.append(self._expression())
        self._expect(")", "',' or ')'")
        return tuple(arguments)

    def _number(self, sign: str = "") -> Constant:
        text, at = self._text, self._at
        self._next += 1
        if _INT.fullmatch(text) and -LARGEST_INT - 1 <= (whole := int(sign + text)) <= LARGEST_INT:
            return Constant(value=whole, at=at)
        if _DOUBLE.fullmatch(text) and math.isfinite(double := float(sign + text)):
            return Constant(value=double, at=at)
        raise _FlawedError(f"{text} is no number: write 3 or 0.5 or 1e6", at)

    @property
    def _kind(self) -> str:
        return self._tokens[self._next][0]

    @property
    def _text(self) -> str:
        return self._tokens[self._next][1]

    @property
    def _at(self) -> int:
        return self._tokens[self._next][2]

    def _take(self, sign: str) -> bool:
        taken = self._text == sign and self._kind == "operator"
        self._next += taken
        return taken

    def _expect(self, sign: str, words: str) -> None:
        if self._kind == sign == "end" or self._take(sign):
            return
        raise self._unexpected(words)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _FlawedError(f"is more than {DEEPEST} levels deep", self._at)

    def _unexpected(self, words: str) -> _FlawedError:
        found = repr(self._text) if self._text else "the end"
        return _FlawedError(f"{words} is expected, not {found}", self._at)
