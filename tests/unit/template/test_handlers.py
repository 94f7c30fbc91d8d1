"""Functions parse, call and return; whatever decides stands in the library."""

import ast

import pytest

FOLDERS = ("observe_tasks", "reconcile_service", "audit_clusters", "wake_services", "keep_load_balancers", "control")


@pytest.fixture(params=FOLDERS)
def module(request, root):
    return ast.parse((root / "functions" / request.param / "app.py").read_text(encoding="utf-8"))


def test_a_handler_is_one_function_without_branches(module):
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions] == ["lambda_handler"]
    assert [argument.arg for argument in functions[0].args.args] == ["event", "context"]
    assert not [node for node in ast.walk(module) if isinstance(node, ast.If | ast.Try | ast.For | ast.While)]
    assert ast.get_docstring(module)


def test_a_handler_knows_the_library_only(module):
    imported = {node.module for node in ast.walk(module) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.split(".")[0] for name in imported} <= {"headcount", "typing", "dataclasses"}
