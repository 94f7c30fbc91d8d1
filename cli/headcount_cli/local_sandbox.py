"""Starting the sandbox from the command line: which template, and what its errors become."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from headcount_cli.failures import BadInput, Failure

TEMPLATE = "template.yaml"
SCALING_FUNCTIONS = "arn:aws:lambda:eu-west-1:123456789012:function:headcount-scaling-*"  # of the sandbox's account


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """What a user may choose. ``template`` ``None`` is the one of this checkout; ``clusters`` ``None`` its default."""

    port: int
    runtime: Literal["process", "simulated"]
    template: Path | None
    clusters: str | None
    stack: str


class RunningSandbox(Protocol):
    """What the command line uses of ``headcount_sandbox.Sandbox``."""

    @property
    def endpoint_url(self) -> str: ...

    @property
    def clusters(self) -> tuple[str, ...]: ...

    subnets: dict[str, str]

    def environment(self) -> dict[str, str]: ...

    def on_listener(self, listener: Callable[[dict[str, Any]], None]) -> None: ...


def example_folder(endpoint_url: str) -> Path:
    """Where a running sandbox has its example manifest: a folder of its own below the one it was started in."""
    return Path.cwd() / ".headcount" / str(urlsplit(endpoint_url).port)


@contextmanager
def for_a_while(example: Path) -> Iterator[None]:
    """The example goes with the sandbox, and the folders made for it; what somebody changed or added stays."""
    written = example.read_bytes()
    try:
        yield
    finally:
        if example.is_file() and example.read_bytes() == written:
            example.unlink()
        with suppress(OSError):  # they hold something else
            example.parent.rmdir()
            example.parent.parent.rmdir()


@contextmanager
def start_sandbox(options: SandboxOptions) -> Iterator[RunningSandbox]:
    """A sandbox for as long as the context lasts."""
    # moto and Flask: seconds that no other command should pay
    from headcount_sandbox import HeadcountSandboxError, Sandbox  # noqa: PLC0415  see above
    from headcount_sandbox.example import prepare_example  # noqa: PLC0415  see above

    template = find_template(options.template, (Path.cwd(), Path(__file__).parents[2]))
    chosen = {"Clusters": options.clusters} if options.clusters else {}
    parameters: Mapping[str, str] = {"ManageLoadBalancers": "true", "ScalingFunctions": SCALING_FUNCTIONS, **chosen}
    try:
        with (
            Sandbox(
                template=template,
                port=options.port,
                task_runtime=options.runtime,
                parameters=parameters,
                stack_name=options.stack,
            ) as running,
            for_a_while(prepare_example(running, example_folder(running.endpoint_url))),
        ):
            yield running
    except HeadcountSandboxError as error:
        raise Failure(str(error)) from None


def find_template(chosen: Path | None, folders: tuple[Path, ...]) -> Path:
    """The template that was chosen, or the first ``template.yaml`` in ``folders``."""
    candidates = (chosen,) if chosen else tuple(folder / TEMPLATE for folder in folders)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    if chosen:
        raise BadInput(f"There is no file {chosen}.", hint="Name Headcount's SAM template with --template.")
    raise BadInput(
        f"No {TEMPLATE} here: the sandbox runs Headcount's own SAM template.",
        hint="Run it in a checkout of Headcount, or name the template with --template.",
    )
