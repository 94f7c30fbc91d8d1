"""The parameters of a template: defaults, overrides, and AWS's checks of their values."""

import re
from collections.abc import Mapping
from typing import Any

from headcount_sandbox.errors import HeadcountSandboxError


def parameter_values(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Every parameter's value as text; raises `HeadcountSandboxError` that names all problems at once."""
    problems = [f"{name} is not a parameter of the template" for name in given if name not in declared]
    values = {}
    for name, declaration in declared.items():
        value = given.get(name, declaration.get("Default"))
        if value is None:
            problems.append(f"{name} has no default and must be given")
            continue
        values[name] = str(value)
        problems += [f"{name}: {problem}" for problem in _problems(declaration, values[name])]
    if problems:
        raise HeadcountSandboxError("The template's parameters are wrong: " + "; ".join(problems) + ".")
    return values


def reference(declaration: Mapping[str, Any], value: str) -> Any:
    """What Ref of a parameter gives: a list for the list types, text for all others (numbers too)."""
    is_list = declaration["Type"] == "CommaDelimitedList" or declaration["Type"].startswith("List<")
    return [item.strip() for item in value.split(",")] if is_list else value


def _problems(declaration: Mapping[str, Any], value: str) -> list[str]:
    found = []
    items = reference(declaration, value)
    pattern, allowed = declaration.get("AllowedPattern"), declaration.get("AllowedValues")
    for item in items if isinstance(items, list) else [items]:
        if pattern is not None and not re.fullmatch(pattern, item):
            found.append(f"{item!r} is not of the form {declaration.get('ConstraintDescription', pattern)}")
        if allowed is not None and item not in {str(choice) for choice in allowed}:
            found.append(f"{item!r} is not one of {', '.join(str(choice) for choice in allowed)}")
    if declaration["Type"] == "Number":
        found += _number_problems(declaration, value)
    return found


def _number_problems(declaration: Mapping[str, Any], value: str) -> list[str]:
    try:
        number = float(value)
    except ValueError:
        return [f"{value!r} is not a number"]
    smallest, largest = declaration.get("MinValue", "-inf"), declaration.get("MaxValue", "inf")
    return [] if float(smallest) <= number <= float(largest) else [f"{value} is not between {smallest} and {largest}"]
