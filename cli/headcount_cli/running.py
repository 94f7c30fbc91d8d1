"""Runs one command: wires the real world, and lets no traceback out.

Exit codes: 0 done; 1 failed, refused or not reached; 2 bad input or usage.
"""

import io
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

import typer

from headcount_cli.app import build_app
from headcount_cli.connection import STACK, connect
from headcount_cli.failures import FAILED, Failure, Interrupted
from headcount_cli.local_sandbox import start_sandbox
from headcount_cli.output import Output, OutputClosed, OutputFormat
from headcount_cli.session import World
from headcount_cli.usage import usage_failure

DEBUG_VARIABLE = "HEADCOUNT_DEBUG"
INTERRUPTED_BY_TYPER = 130
Answer = TypeVar("Answer", str, bool)


def tolerant_streams() -> None:
    """A terminal without UTF-8 still gets every answer."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(arguments: Sequence[str], world: World) -> int:
    """Runs one command and returns its exit code. Everything that goes wrong ends as a message."""
    output = Output(
        output_format=OutputFormat.JSON if wants_json(arguments) else OutputFormat.TABLE,
        color="--no-color" not in arguments,
    )
    try:
        code = _invoke(arguments, world)
        sys.stdout.flush()
    except Failure as failure:
        return _report(output, failure)
    except (BrokenPipeError, OutputClosed):
        return _closed()
    return code


def _invoke(arguments: Sequence[str], world: World) -> int:
    """The command's exit code, or a ``Failure`` for whatever else came of it."""
    try:
        code = build_app()(args=list(arguments), prog_name="headcount", standalone_mode=False, obj={"world": world})
    except (Failure, BrokenPipeError, OutputClosed):
        raise
    except typer.TyperException as error:
        raise usage_failure(error) from None
    except typer.Abort:
        raise Interrupted("Nothing was changed.") from None
    except KeyboardInterrupt:
        raise Interrupted("Interrupted.") from None
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        raise _unexpected(error) from error
    if code == INTERRUPTED_BY_TYPER:
        raise Interrupted("Interrupted.")
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception) -> Failure:
    return Failure(
        f"Something unexpected happened ({type(error).__name__}). This is a mistake in headcount: please report it.",
        hint=f"Run it again with {DEBUG_VARIABLE}=1 to see where.",
    )


def _report(output: Output, failure: Failure) -> int:
    try:
        output.failure(failure)
    except (BrokenPipeError, OutputClosed):
        return _closed()
    return failure.exit_code


def _closed() -> int:
    """The reader of standard output is gone, as `| head` does; Python would complain once more when it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    Output().note("The output was closed before everything was written.")
    return FAILED


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether even a usage error should be JSON: decided before the arguments are understood."""
    pairs = {f"{option}={value}" for option, value in pairwise(arguments)} | set(arguments)
    return not pairs.isdisjoint({"--output=json", "-o=json", "-ojson"})


def real_world() -> World:
    return World(
        connect=connect,
        now=lambda: datetime.now(UTC),
        sleep=time.sleep,
        is_interactive=lambda: sys.stdin.isatty() and sys.stdout.isatty(),
        confirm=lambda question: _asked(lambda: typer.confirm(question, err=True)),
        ask=lambda question, default: _asked(lambda: str(typer.prompt(question, default=default, err=True))),
        start_sandbox=start_sandbox,
        wait_for_interrupt=_wait_for_interrupt,
        stack=os.environ.get("HEADCOUNT_STACK") or STACK,
    )


def _asked(ask: Callable[[], Answer]) -> Answer:
    """What is said after Ctrl-C begins on a line of its own, not behind the question."""
    try:
        return ask()
    except typer.Abort:
        sys.stderr.write("\n")
        raise


def _wait_for_interrupt() -> None:
    threading.Event().wait()
