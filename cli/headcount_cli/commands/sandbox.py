"""``headcount sandbox``."""

import shlex
from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from headcount_cli.session import Session


class Runtime(StrEnum):
    """What a task of the sandbox is."""

    PROCESS = "process"
    SIMULATED = "simulated"


Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="Where to listen on 127.0.0.1; 0 is any free port.")
]
RuntimeOption = Annotated[
    Runtime,
    typer.Option(
        "--runtime", metavar="process|simulated", help="Tasks as processes of this machine, or only pretended."
    ),
]


def sandbox(session: Session, port: Port = 0, runtime: RuntimeOption = Runtime.PROCESS) -> None:
    """Run an AWS on this machine with Headcount in it.

    Runs until Ctrl-C. Prints the environment for other terminals: with it, this command, the aws CLI and any SDK
    talk to the sandbox.
    """
    session.output.note("Starting the sandbox ...")
    try:
        with session.world.start_sandbox(port, runtime.value) as running:
            environment = running.environment()
            exports = [Text(f"export {name}={shlex.quote(value)}") for name, value in environment.items()]
            session.output.note(f"The sandbox answers at {running.endpoint_url}. In another terminal:")
            session.output.result(environment, *exports)
            session.output.note("Ctrl-C stops it, with everything in it.")
            session.world.wait_for_interrupt()
    except KeyboardInterrupt:
        session.output.note("The sandbox is stopped.")
