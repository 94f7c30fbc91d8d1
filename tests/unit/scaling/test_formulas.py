"""Formulas in CEL: what they are worth, and what is refused of them when they are declared.

The values are the answers of Google's own implementation (cel-expr-python 0.1.3) to the same formulas.
"""

import math
from typing import Any, Final

import pytest

from headcount.model.cel import Flaw, names_in, parse_formula
from headcount.model.cel_types import COUNTS, FUNCTIONS, Type, check_formula
from headcount.scaling.cel_values import Undefined, value_of

NAMES: Final[dict[str, Type]] = {**COUNTS, "backlog": "double"}
VALUES: Final = {"backlog": 250.0, "running": 4}
ANSWERS: Final[tuple[tuple[str, Any], ...]] = (
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("10 - 4 - 3", 3),
    ("100 / 10 / 2", 5),
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("7 / -2", -3),
    ("-7 % 3", -1),
    ("7 % -3", 1),
    ("7.0 / 2.0", 3.5),
    ("backlog / 100.0", 2.5),
    ("1.0 / 0.0", math.inf),
    ("-1.0 / 0.0", -math.inf),
    ("0.0 / 0.0", math.nan),
    ("1 / 0", None),
    ("1 % 0", None),
    ("9223372036854775807 + 1", None),
    ("-9223372036854775808", -9223372036854775808),
    ("9223372036854775807", 9223372036854775807),
    ("-9223372036854775808 / -1", None),
    ("running * 2", 8),
    ("double(running) * backlog", 1000.0),
    ("int(2.9)", 2),
    ("int(-2.9)", -2),
    ("int(1e30)", None),
    ("int(0.0/0.0)", None),
    ("double(7)", 7.0),
    ("int(7)", 7),
    ("math.ceil(2.1)", 3.0),
    ("math.ceil(-2.1)", -2.0),
    ("math.floor(-2.1)", -3.0),
    ("math.round(2.5)", 3.0),
    ("math.round(-2.5)", -3.0),
    ("math.round(0.49999999999999994)", 0.0),
    ("math.trunc(-2.9)", -2.0),
    ("math.abs(-3)", 3),
    ("math.abs(-3.5)", 3.5),
    ("math.sign(-3)", -1),
    ("math.sign(0.0)", 0.0),
    ("math.greatest(1, 5, 3)", 5),
    ("math.least(2.5, 1.5)", 1.5),
    ("math.greatest(running)", 4),
    ("running > 3 ? 1 : 2", 1),
    ("running > 3 && backlog > 1.0 ? 1 : 2", 1),
    ("true || 1 / 0 > 0 ? 1 : 2", 1),
    ("1 / 0 > 0 || true ? 1 : 2", 1),
    ("false && 1 / 0 > 0 ? 1 : 2", 2),
    ("1 / 0 > 0 && false ? 1 : 2", 2),
    ("1 / 0 > 0 && true ? 1 : 2", None),
    ("1 / 0 > 0 ? 1 : 2", None),
    ("running > 3 ? 1 : 1 / 0", 1),
    ("false ? 1 : true ? 2 : 3", 2),
    ("1 < 2 == true ? 1 : 2", 1),
    ("!(running > 3) ? 1 : 2", 2),
    ("!!(running > 3) ? 1 : 2", 1),
    ("--3", 3),
    ("- 3", -3),
    ("2 - -3", 5),
    ("1e3", 1000.0),
    (".5", 0.5),
    ("1.5E-1", 0.15),
    ("007", 7),
)


def value(formula: str) -> Any:
    parsed = parse_formula(formula)
    assert not isinstance(parsed, Flaw), parsed
    return value_of(parsed, VALUES)


@pytest.mark.parametrize(("formula", "expected"), ANSWERS, ids=[formula for formula, _ in ANSWERS])
def test_a_formula_is_worth_what_cel_says(formula: str, expected: float | None) -> None:
    assert check_formula(formula, NAMES) == ()
    found = value(formula)
    if expected is None:
        assert isinstance(found, Undefined)
    elif math.isnan(expected):
        assert math.isnan(found)
    else:
        assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("", "a number, a name or '(' is expected, not the end (character 1)"),
        ("running +", "a number, a name or '(' is expected, not the end (character 10)"),
        ("(running", "')' is expected, not the end (character 9)"),
        ("running)", "the end of the formula is expected, not ')' (character 8)"),
        ("1 2", "the end of the formula is expected, not '2' (character 3)"),
        ("running @ 2", "the end of the formula is expected, not '@' (character 9)"),
        ("true ? 2", "':' is expected, not the end (character 9)"),
        ("math.least(1 2)", "',' or ')' is expected, not '2' (character 14)"),
        ("1.", "1. is no number: write 3 or 0.5 or 1e6 (character 1)"),
        ("1e999", "1e999 is no number: write 3 or 0.5 or 1e6 (character 1)"),
        ("3x + 1", "3x is no number: write 3 or 0.5 or 1e6 (character 1)"),
        ("9223372036854775808", "9223372036854775808 is no number: write 3 or 0.5 or 1e6 (character 1)"),
        ("-9223372036854775809", "9223372036854775809 is no number: write 3 or 0.5 or 1e6 (character 2)"),
        ("baklog / 2.0", "baklog is neither a metric nor a count: did you mean backlog? (character 1)"),
        ("running.size", "running.size is neither a metric nor a count: did you mean running? (character 1)"),
        ("ceil(backlog)", "ceil() is no function here: did you mean math.ceil? (character 1)"),
        ("running > 3", "is true or false: a count is a number (use condition ? a : b) (character 1)"),
        ("true + 1", "+ is not for bool and int (character 6)"),
        ("math.ceil(running)", "math.ceil is not for int (character 1)"),
        ("math.floor()", "math.floor is not for nothing (character 1)"),
        ("!running", "! is not for int (character 1)"),
        ("running ? 1 : 2", "? : is not for int and int and int (character 9)"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(formula: str, said: str) -> None:
    assert [str(flaw) for flaw in check_formula(formula, NAMES)] == [said]


@pytest.mark.parametrize(
    "formula",
    [
        "backlog / 100",
        "1 + 1.0",
        "running > 1.5",
        "running == 1.0",
        "true ? 1 : 2.0",
        "math.greatest(1, backlog)",
        "backlog % 2.0",
        "-true",
    ],
)
def test_types_are_not_mixed(formula: str) -> None:
    assert len(check_formula(formula, NAMES)) == 1


def test_a_mix_of_ints_and_doubles_is_told_how_to_mend() -> None:
    (flaw,) = check_formula("backlog / 100", NAMES)
    mend = "CEL does not mix them; write whole numbers as 2.0 and counts as double(running)"
    assert flaw.message == f"/ is not for double and int: {mend}"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    flaws = check_formula("(nope + 1) * ceil(backlog) + other > 3 ? backlog : 2", NAMES)
    assert [flaw.message.split(" ")[0] for flaw in flaws] == ["nope", "ceil()", "other"]


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("1 + " * 600 + "1", "is longer than 2048 characters"),
        ("1+" * 200 + "1", "has more than 200 numbers, names and signs"),
        ("(" * 40 + "1" + ")" * 40, "is more than 32 levels deep"),
        ("math.abs(" * 40 + "1" + ")" * 40, "is more than 32 levels deep"),
        ("true ? 1 : " * 40 + "1", "is more than 32 levels deep"),
    ],
    ids=["long", "many", "parentheses", "calls", "conditions"],
)
def test_what_a_formula_may_cost_is_bounded(formula: str, said: str) -> None:
    (flaw,) = check_formula(formula, NAMES)
    assert flaw.message == said


@pytest.mark.parametrize(
    "formula", ["-" * 150 + "1", "!" * 150 + "true ? 1 : 2", "1" + " + 1" * 99, "0" + " * -1" * 60]
)
def test_what_is_allowed_can_be_computed(formula: str) -> None:
    assert check_formula(formula, NAMES) == ()
    assert isinstance(value(formula), int)


def test_a_name_without_data_has_no_value_where_it_is_needed() -> None:
    formula = parse_formula("running > 3 ? running : int(other)")
    assert not isinstance(formula, Flaw)
    assert value_of(formula, {"running": 4}) == 4
    assert value_of(formula, {"running": 3}) == Undefined(reason="other has no recent data")
    assert names_in(formula) == {"running", "other"}


def test_the_functions_are_those_of_cel() -> None:
    of_math = ("abs", "ceil", "floor", "greatest", "least", "round", "sign", "trunc")
    assert tuple(f"math.{name}" for name in of_math) == FUNCTIONS[2:]
    assert FUNCTIONS[:2] == ("double", "int")
