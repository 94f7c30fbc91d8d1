"""Which AWS operations the code names, found without running it: a check on the story that calls all of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

from botocore import xform_name
from botocore.session import get_session

SERVICES = (
    "application-autoscaling", "cloudwatch", "dynamodb", "ec2", "ecs", "elbv2", "events", "lambda", "scheduler", "sqs",
)  # fmt: skip
# methods that are told a client's method by its name
_NAMING = ("call", "get_paginator", "_each_or_all", "_pages", "_attributes")


def operations_in(folder: Path) -> set[str]:
    """Every operation that some code in the folder calls on a client, by AWS's name (`RunTask`)."""
    methods = _methods()
    called = {methods[name] for node in _nodes(folder) for name in _called(node) if name in methods}
    return called | {name for node in _nodes(folder) for name in _listed(node) if name in methods.values()}


def transaction_parts_in(folder: Path) -> set[str]:
    """What transactions are made of: `Put`, `Update`, `Delete`, `ConditionCheck`."""
    parts = {"Put", "Update", "Delete", "ConditionCheck"}
    keys = (key for node in _nodes(folder) if isinstance(node, ast.Dict) for key in node.keys)
    return {str(key.value) for key in keys if isinstance(key, ast.Constant)} & parts


def operations_simulated_in(folder: Path) -> set[str]:
    """What the simulation calls its calls: `make(TABLE, "UpdateItem task", ...)`."""
    return {
        str(node.args[1].value).partition(" ")[0]
        for node in _nodes(folder)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "make"
        if len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
    }


def _nodes(folder: Path) -> Iterator[ast.AST]:
    for path in sorted(folder.rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def _called(node: ast.AST) -> Iterator[str]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return
    yield node.func.attr
    if node.func.attr in _NAMING and node.args and isinstance(node.args[0], ast.Constant):
        yield str(node.args[0].value)


def _listed(node: ast.AST) -> Iterator[str]:
    """The steps of load balancing name their operations: `Operation = Literal["CreateRule", ...]`."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
        yield from (str(one.value) for one in ast.walk(node.slice) if isinstance(one, ast.Constant))


def _methods() -> dict[str, str]:
    """A client's method by the operation that it calls."""
    session = get_session()
    names = (name for service in SERVICES for name in session.get_service_model(service).operation_names)
    return {xform_name(name): name for name in names}
