"""What is wrong with a command line, in words that name the value and what is allowed."""

from collections.abc import Mapping
from typing import Any

import typer

from headcount_cli.failures import BadInput


def usage_failure(error: typer.TyperException) -> BadInput:
    """Typer's complaint as a failure of the command line: exit code 2."""
    context: Any = getattr(error, "ctx", None)
    command = context.command_path if context else "headcount"
    refused: Any = error.__cause__  # pydantic's ValidationError, where a value was not of its type or out of range
    if isinstance(error, typer.BadParameter) and hasattr(refused, "errors"):
        error.message = _refused(refused.errors()[0], error.param)
    return BadInput(error.format_message(), hint=f"See '{command} --help'.")


def _refused(problem: Mapping[str, Any], parameter: Any) -> str:
    """Pydantic's words fit programs: the value is its "Input", and of a range it names the one end that was missed."""
    raised = problem.get("ctx", {}).get("error")
    if raised is not None:
        return str(raised)
    least, most = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if least is not None and most is not None:
        return f"'{problem['input']}' is not a whole number from {least} to {most}."
    return f"'{problem['input']}': {problem['msg']}"
