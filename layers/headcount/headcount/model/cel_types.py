"""Checking formulas when they are declared: every name is known, and every operation is for the types that it gets.

CEL mixes no ints with doubles: ``backlog / 100`` is refused where the metric ``backlog`` is a double; ``100.0`` is not.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Literal

from headcount.model.cel import Call, Constant, Flaw, Formula, Name, parse_formula

Type = Literal["int", "double", "bool"]

RESERVED = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("namespace", "null", "package", "return", "true", "var", "void", "while"),
        *("int", "uint", "double", "bool", "string", "bytes", "list", "map", "type", "null_type", "math"),
    )
)
"""Words that no metric may be called: those of CEL, and its names of types."""

COUNTS: Mapping[str, Type] = {"desired": "int", "running": "int", "minimum": "int", "maximum": "int"}
"""The counts that every formula may speak of: those of the service now, and the bounds in force."""

_Overload = tuple[tuple[Type, ...], Type]
_OF_INT: tuple[_Overload, ...] = ((("int", "int"), "int"),)
_OF_NUMBERS: tuple[_Overload, ...] = (*_OF_INT, (("double", "double"), "double"))
_ORDER: tuple[_Overload, ...] = ((("int", "int"), "bool"), (("double", "double"), "bool"))
_LOGIC: tuple[_Overload, ...] = ((("bool", "bool"), "bool"),)
_SAME: tuple[_Overload, ...] = (*_ORDER, *_LOGIC)
_ONE: tuple[_Overload, ...] = ((("int",), "int"), (("double",), "double"))
_OF_DOUBLE: tuple[_Overload, ...] = ((("double",), "double"),)

_OPERATIONS: Mapping[str, tuple[_Overload, ...]] = {
    **dict.fromkeys(("_+_", "_-_", "_*_", "_/_"), _OF_NUMBERS),
    "_%_": _OF_INT,
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _ORDER),
    **dict.fromkeys(("_==_", "_!=_"), _SAME),
    **dict.fromkeys(("_&&_", "_||_"), _LOGIC),
    "!_": ((("bool",), "bool"),),
    "-_": _ONE,
    "_?_:_": (
        (("bool", "int", "int"), "int"),
        (("bool", "double", "double"), "double"),
        (("bool", "bool", "bool"), "bool"),
    ),
    "int": ((("int",), "int"), (("double",), "int")),
    "double": ((("int",), "double"), (("double",), "double")),
    **dict.fromkeys(("math.ceil", "math.floor", "math.round", "math.trunc"), _OF_DOUBLE),
    **dict.fromkeys(("math.abs", "math.sign"), _ONE),
}
_OF_ANY_NUMBER = ("math.greatest", "math.least")  # of one argument or more, all of one type
FUNCTIONS = tuple(sorted({*(name for name in _OPERATIONS if name[0].isalpha()), *_OF_ANY_NUMBER}))


def check_formula(text: str, names: Mapping[str, Type]) -> tuple[Flaw, ...]:
    """Everything that is wrong with a formula that is to give a number; nothing if it may be declared."""
    formula = parse_formula(text)
    if isinstance(formula, Flaw):
        return (formula,)
    flaws: list[Flaw] = []
    found = _type_of(formula, names, flaws)
    if found == "bool":
        flaws.append(Flaw(message="is true or false: a count is a number (use condition ? a : b)"))
    return tuple(flaws)


def _type_of(formula: Formula, names: Mapping[str, Type], flaws: list[Flaw]) -> Type | None:
    """None: something in it is wrong, which has been said."""
    match formula:
        case Constant(value=value):
            return "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "double"
        case Name(name=name, at=at):
            if name not in names:
                flaws.append(Flaw(message=f"{name} is neither a metric nor a count{_known(name, names)}", at=at))
            return names.get(name)
        case Call():
            return _type_of_call(formula, names, flaws)


def _type_of_call(call: Call, names: Mapping[str, Type], flaws: list[Flaw]) -> Type | None:
    types = tuple(_type_of(one, names, flaws) for one in call.arguments)
    if call.function not in _OPERATIONS and call.function not in _OF_ANY_NUMBER:
        message = f"{call.function}() is no function here{_known(f'math.{call.function}', FUNCTIONS)}"
        flaws.append(Flaw(message=message, at=call.at))
        return None
    if None in types:
        return None
    result = _result(call.function, types)
    if result is None:
        flaws.append(Flaw(message=_misfit(call, types), at=call.at))
    return result


def _result(function: str, types: tuple[Type | None, ...]) -> Type | None:
    if function in _OF_ANY_NUMBER:
        return types[0] if types and len(set(types)) == 1 and types[0] != "bool" else None
    return next((result for wanted, result in _OPERATIONS[function] if wanted == types), None)


def _misfit(call: Call, types: tuple[Type | None, ...]) -> str:
    sign = call.function.strip("_").replace("_", " ")
    message = f"{sign} is not for {' and '.join(map(str, types)) or 'nothing'}"
    if {"int", "double"} <= set(types):
        message += ": CEL does not mix them; write whole numbers as 2.0 and counts as double(running)"
    return message


def _known(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, names := sorted(names), n=1)
    return f": did you mean {near[0]}?" if near else f"; known here: {', '.join(names) or 'none'}"
