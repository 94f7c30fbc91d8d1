"""``headcount sandbox``."""

import re
import shlex
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from headcount_cli.local_sandbox import RunningSandbox, SandboxOptions, example_folder
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
    typer.Option("--runtime", metavar="process|simulated", help="Tasks as processes of this machine, or pretended."),
]
Template = Annotated[
    Path | None,
    typer.Option("--template", metavar="FILE", help="Headcount's SAM template.", show_default="this checkout's"),
]
_CLUSTER = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)


def _parse_clusters(text: str) -> str:
    names = [name.strip() for name in text.split(",")]
    wrong = [name for name in names if not _CLUSTER.fullmatch(name)]
    if wrong:
        allowed = "1 to 255 of A-Z a-z 0-9 _ -, and commas between several, as in prod,staging"
        raise typer.BadParameter(f"'{wrong[0]}' is not the name of a cluster: {allowed}.")
    return ",".join(names)


Clusters = Annotated[
    str | None,
    typer.Option(
        "--clusters",
        metavar="NAMES",
        parser=_parse_clusters,
        help="Clusters to make, as in prod,staging.",
        show_default="default",
    ),
]


def sandbox(
    session: Session,
    port: Port = 0,
    runtime: RuntimeOption = Runtime.PROCESS,
    template: Template = None,
    clusters: Clusters = None,
) -> None:
    """Run an AWS on this machine with Headcount in it.

    Runs until Ctrl-C. Prints the environment for other terminals: with it, this command, the aws CLI and any SDK
    talk to the sandbox.
    """
    options = SandboxOptions(
        port=port, runtime=runtime.value, template=template, clusters=clusters, stack=session.connection.stack
    )
    session.output.note("Starting the sandbox ...")
    try:
        with session.world.start_sandbox(options) as running:
            _show(session, running)
            running.on_listener(lambda opened: session.output.note(f"A load balancer listens: {opened['url']}"))
            session.world.wait_for_interrupt()
    except KeyboardInterrupt:
        session.output.note("The sandbox is stopped.")


def _show(session: Session, running: RunningSandbox) -> None:
    environment = running.environment()
    session.output.note(f"The sandbox answers at {running.endpoint_url}. In another terminal:")
    exports = [Text(f"export {name}={shlex.quote(value)}") for name, value in environment.items()]
    session.output.result(environment, *exports, whole=True)
    subnets = ", ".join(f"{name} ({zone})" for zone, name in running.subnets.items())
    session.output.note(f"For manifests: cluster {', '.join(running.clusters)}; subnets {subnets}.", whole=True)
    programs = Path(sys.executable).parent
    if shutil.which("headcount") is None:
        session.output.note(f"The command itself: export PATH={shlex.quote(str(programs))}:$PATH", whole=True)
    manifest = example_folder(running.endpoint_url) / "web.yaml"
    session.output.note(f"To start with: headcount apply -f {shlex.quote(str(manifest))} --wait", whole=True)
    session.output.note("Ctrl-C stops it, with everything in it.")
