"""Writes the reference of the command line as Markdown: ``python -m headcount_cli.reference > docs/guides/cli.md``.

Everything comes from the commands themselves, so that the page cannot say anything that ``--help`` does not.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import typer

from headcount_cli.app import build_app
from headcount_cli.catalogue import COMMANDS, Command
from headcount_cli.session import OPTION_TYPES

INTRODUCTION = """# The `headcount` command

It talks to one function of an installed Headcount, `control`, by Lambda invocation: whoever may invoke that function
and read its CloudFormation stack may use this command. The function's name is the stack's output `ControlFunction`, or
the environment variable `HEADCOUNT_CONTROL_FUNCTION`. Credentials, region and endpoint are found as in every AWS SDK.

| exit code | means |
|---|---|
| 0 | done; for `diff`: nothing differs |
| 1 | failed, refused, not reached, or not steady in time; for `diff`: something differs |
| 2 | bad input: a manifest with problems, a wrong option or argument; for `diff`: trouble of any kind |

Results go to standard output, everything else (progress, questions, errors) to standard error. With `--output json`
standard output is one document: the control function's `result`, or `{"error": {"type", "message", "problems"}}`.
`apply` of a folder, of several manifests or with `--prune` makes it `{"results": [...]}`; what goes on without end
(`watch`, `events --follow`) is a document a line. Colours appear on terminals only; `NO_COLOR` and `--no-color` turn
them off. Durations are written `90s`, `10m`, `2h` or `1h30m`. Times are UTC.

Whatever changes something says who asks (the last part of the caller's ARN) and takes `--reason`; both stand in the
history. Completion for your shell, of services and their target groups too: `headcount --install-completion`; with
`HEADCOUNT_COMPLETE_SERVICES=0` nobody is asked for names.
"""

HEADER = "<!-- Written by `python -m headcount_cli.reference > docs/guides/cli.md`; a test keeps it so. -->\n"


def reference() -> str:
    """The whole page."""
    group: Any = typer.main.get_command(build_app())
    parts = [HEADER, INTRODUCTION]
    panel = None
    for command in COMMANDS:
        if command.panel != panel:
            panel = command.panel
            parts.append(f"## {panel}\n")
        parts += _command(command, group.commands[command.name].params)
    parts += ["## Options of every command\n", _table(p for p in group.params if p.name in OPTION_TYPES)]
    return "\n".join(parts)


def _command(command: Command, parameters: Iterable[Any]) -> Iterator[str]:
    examples = command.examples
    yield f"### `headcount {command.name}`\n"
    yield f"{inspect.getdoc(command.run) or ''}\n"
    yield _table(parameter for parameter in parameters if parameter.name not in {*OPTION_TYPES, "help"})
    width = max(len(typed) for typed, _ in examples)
    yield "\n".join(["```sh", *(f"{typed:{width}}  # {remark}" for typed, remark in examples), "```", ""])


def _table(parameters: Iterable[Any]) -> str:
    rows = [f"| {_written(parameter)} | {parameter.help}{_default(parameter)} |" for parameter in parameters]
    return "\n".join(["| | |", "|---|---|", *rows, ""]) if rows else ""


def _written(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        several = "..." if parameter.nargs == -1 else ""
        return f"`{parameter.metavar}{several}`".replace("|", "\\|")
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
