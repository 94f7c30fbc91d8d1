"""What every command gets: the options that stand on each of them, and the world they act on."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from typing import Annotated, Any

import typer

from headcount_cli.connection import STACK, Connection
from headcount_cli.control_client import ControlClient
from headcount_cli.failures import BadInput, Interrupted
from headcount_cli.local_sandbox import RunningSandbox, SandboxOptions
from headcount_cli.output import Output, OutputFormat

PANEL = "Options of every command"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything outside that commands touch. ``headcount_cli.main`` makes the real one, tests make theirs."""

    connect: Callable[[Connection], ControlClient]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    is_interactive: Callable[[], bool]
    confirm: Callable[[str], bool]
    ask: Callable[[str, str | None], str]
    start_sandbox: Callable[[SandboxOptions], AbstractContextManager[RunningSandbox]]
    wait_for_interrupt: Callable[[], None]
    stack: str = STACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run of one command."""

    world: World
    connection: Connection
    output: Output

    def control(self) -> ControlClient:
        return self.world.connect(self.connection)

    def now(self) -> datetime:
        return self.world.now()

    def asks(self, yes: bool) -> bool:
        """Whether to ask before acting: never with ``--yes``, and never where nobody can answer."""
        return not yes and self.world.is_interactive()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOptions:
    """The options of every command, as written; ``None`` is "not written"."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    stack: str | None = None
    output: OutputFormat | None = None
    no_color: bool = False

    def over(self, outer: "SharedOptions") -> "SharedOptions":
        """``headcount --region a list --region b``: what stands nearer to the command wins."""
        written = {name: getattr(self, name) for name in OPTION_TYPES if getattr(self, name)}
        return replace(outer, **written)

    def session(self, world: World) -> Session:
        connection = Connection(
            region=self.region, profile=self.profile, endpoint_url=self.endpoint_url, stack=self.stack or world.stack
        )
        output = Output(output_format=self.output or OutputFormat.TABLE, color=not self.no_color)
        return Session(world=world, connection=connection, output=output)


OPTION_TYPES: dict[str, Any] = {
    "region": Annotated[
        str | None, typer.Option("--region", help="AWS region.", show_default="the SDK's", rich_help_panel=PANEL)
    ],
    "profile": Annotated[
        str | None,
        typer.Option(
            "--profile", help="Profile of the AWS configuration.", show_default="the SDK's", rich_help_panel=PANEL
        ),
    ],
    "endpoint_url": Annotated[
        str | None,
        typer.Option(
            "--endpoint-url", metavar="URL", help="Where AWS answers, for the sandbox.", rich_help_panel=PANEL
        ),
    ],
    "stack": Annotated[
        str | None,
        typer.Option(
            "--stack",
            help="CloudFormation stack of Headcount, or set HEADCOUNT_STACK.",
            show_default=STACK,
            rich_help_panel=PANEL,
        ),
    ],
    "output": Annotated[
        OutputFormat | None,
        typer.Option(
            "--output",
            "-o",
            metavar="table|json",
            help="How to print results.",
            show_default="table",
            rich_help_panel=PANEL,
        ),
    ],
    "no_color": Annotated[
        bool, typer.Option("--no-color", help="Plain text, as with NO_COLOR.", rich_help_panel=PANEL)
    ],
}
DEFAULTS: dict[str, Any] = {**dict.fromkeys(OPTION_TYPES), "no_color": False}


def with_shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """Lets Typer see a command's own parameters and the shared options; the command gets a ``Session`` for those.

    Users write ``headcount --output json list`` as often as ``headcount list --output json``: both must work, and Typer
    knows options only where they are declared.
    """

    @wraps(command)
    def run(ctx: typer.Context, **values: Any) -> None:
        shared = SharedOptions(**{name: values.pop(name) for name in OPTION_TYPES})
        outer = ctx.obj["options"] if "options" in ctx.obj else SharedOptions()
        _refuse_idle_timeout(ctx, values)
        with interruptible():
            command(shared.over(outer).session(ctx.obj["world"]), **values)

    return _declared(run, list(inspect.signature(command).parameters.values())[1:])


def _refuse_idle_timeout(ctx: typer.Context, values: Mapping[str, Any]) -> None:
    """``--timeout`` says how long to wait: whoever writes it without ``--wait`` believes that the command waits."""
    written = ctx.get_parameter_source("timeout")
    if written is not None and written.name == "COMMANDLINE" and values.get("wait") is False:
        raise BadInput("--timeout says how long --wait waits, and --wait is not given.", hint="Add --wait.")


def remember_shared_options(callback: Callable[..., None]) -> Callable[..., None]:
    """For the ``headcount`` command itself: keeps the options written before the command's name."""

    @wraps(callback)
    def run(ctx: typer.Context, **values: Any) -> None:
        ctx.obj["options"] = SharedOptions(**{name: values.pop(name) for name in OPTION_TYPES})
        callback(ctx, **values)

    return _declared(run, list(inspect.signature(callback).parameters.values())[1:])


def _declared(run: Callable[..., None], own: list[inspect.Parameter]) -> Callable[..., None]:
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[name], annotation=annotation)
        for name, annotation in OPTION_TYPES.items()
    ]
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own), *shared]
    described: Any = run
    described.__signature__ = inspect.Signature(parameters)
    described.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


@contextmanager
def interruptible(message: str = "Interrupted.", hint: str = "") -> Iterator[None]:
    """Ctrl-C as a failure with words of its own."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(message, hint=hint) from None
