"""Writes the reference of the command line as Markdown: ``python -m headcount_cli.reference > docs/guides/cli.md``.

Everything comes from the commands themselves, so that the page cannot say anything that ``--help`` does not.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import typer

from headcount_cli.app import COMMANDS, Examples, build_app
from headcount_cli.session import OPTION_TYPES

INTRODUCTION = """# The `headcount` command

It talks to one function of an installed Headcount, `control`, by Lambda invocation: whoever may invoke that function
and read its CloudFormation stack may use this command. The function's name is the stack's output `ControlFunction`, or
the environment variable `HEADCOUNT_CONTROL_FUNCTION`. Credentials, region and endpoint are found as in every AWS SDK.

| exit code | means |
|---|---|
| 0 | done |
| 1 | failed, refused, not reached, or not steady in time |
| 2 | bad input: a manifest with problems, a wrong option or argument |

Results go to standard output, everything else (progress, questions, errors) to standard error. With `--output json`
standard output is the control function's `result`, or `{"error": {"type", "message", "problems"}}`; `apply` with
several manifests prints one document a manifest. Colours appear on terminals only; `NO_COLOR` and `--no-color` turn
them off. Durations are written `90s`, `10m`, `2h` or `1h30m`. Times are UTC.

Completion for your shell: `headcount --install-completion`.
"""

HEADER = "<!-- Written by `python -m headcount_cli.reference > docs/guides/cli.md`; a test keeps it so. -->\n"


def reference() -> str:
    """The whole page."""
    group: Any = typer.main.get_command(build_app())
    parts = [HEADER, INTRODUCTION]
    for name, function, examples in COMMANDS:
        parts += _command(name, inspect.getdoc(function) or "", group.commands[name].params, examples)
    parts += ["## Options of every command\n", _table(p for p in group.params if p.name in OPTION_TYPES)]
    return "\n".join(parts)


def _command(name: str, purpose: str, parameters: Iterable[Any], examples: Examples) -> Iterator[str]:
    yield f"## `headcount {name}`\n"
    yield f"{purpose}\n"
    yield _table(parameter for parameter in parameters if parameter.name not in {*OPTION_TYPES, "help"})
    width = max(len(command) for command, _ in examples)
    yield "\n".join(["```sh", *(f"{command:{width}}  # {remark}" for command, remark in examples), "```", ""])


def _table(parameters: Iterable[Any]) -> str:
    rows = [f"| {_written(parameter)} | {parameter.help}{_default(parameter)} |" for parameter in parameters]
    return "\n".join(["| | |", "|---|---|", *rows, ""]) if rows else ""


def _written(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar}`".replace("|", "\\|")
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    return ", ".join(f"`{option}{value}`" for option in parameter.opts).replace("|", "\\|")


def _default(parameter: Any) -> str:
    if parameter.required:
        return " Required."
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return f" Default: {shown}."
    default = parameter.default
    return f" Default: {default}." if default not in (None, False) else ""


if __name__ == "__main__":
    sys.stdout.write(reference())
