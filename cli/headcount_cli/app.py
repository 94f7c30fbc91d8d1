"""The ``headcount`` command: which subcommands there are, their help and their examples."""

from collections.abc import Callable

import typer

from headcount_cli.commands.apply import apply
from headcount_cli.commands.arguments import examples
from headcount_cli.commands.delete import delete
from headcount_cli.commands.describe import describe
from headcount_cli.commands.events import events
from headcount_cli.commands.list_services import list_services
from headcount_cli.commands.protect import protect
from headcount_cli.commands.sandbox import sandbox
from headcount_cli.commands.scale import scale
from headcount_cli.commands.validate import validate
from headcount_cli.commands.why import why
from headcount_cli.session import remember_shared_options, with_shared_options

Examples = tuple[tuple[str, str], ...]

COMMANDS: tuple[tuple[str, Callable[..., None], Examples], ...] = (
    (
        "validate",
        validate,
        (
            ("headcount validate web.yaml worker.yaml", "check two manifests"),
            ("headcount validate --output json *.yaml", "problems for a program"),
        ),
    ),
    (
        "apply",
        apply,
        (
            ("headcount apply -f web.yaml", "show the difference, ask, apply"),
            ("headcount apply -f web.yaml --dry-run", "only show the difference"),
            ("headcount apply -f web.yaml --yes --wait --timeout 5m", "in a pipeline"),
        ),
    ),
    (
        "list",
        list_services,
        (
            ("headcount list", "every service"),
            ("headcount list --cluster prod -o json", "one cluster's, for a program"),
        ),
    ),
    ("describe", describe, (("headcount describe prod/web", "state, tasks and the last decisions"),)),
    (
        "events",
        events,
        (("headcount events web --limit 20", "the newest 20"), ("headcount events web --follow", "watch them come in")),
    ),
    (
        "why",
        why,
        (
            ("headcount why web", "why the service is as it is"),
            ("headcount why 0f3a9c1d2b4e4f6a8b7c0d1e2f3a4b5c", "why this task was started, stopped or lost"),
        ),
    ),
    (
        "scale",
        scale,
        (
            ("headcount scale web 5", "set the desired count"),
            ("headcount scale web 0 --wait", "stop all, and wait for it"),
        ),
    ),
    (
        "protect",
        protect,
        (
            ("headcount protect web 0f3a9c1d2b4e4f6a8b7c0d1e2f3a4b5c --for 2h", "keep one task for two hours"),
            ("headcount protect web 0f3a9c1d2b4e4f6a8b7c0d1e2f3a4b5c --off", "let it go"),
        ),
    ),
    (
        "delete",
        delete,
        (("headcount delete web", "asks first"), ("headcount delete web --yes --wait", "in a script")),
    ),
    (
        "sandbox",
        sandbox,
        (
            ("headcount sandbox", "on any free port"),
            ("headcount sandbox --port 5000 --clusters prod,staging", "a port and clusters of your own"),
            ("headcount sandbox --runtime simulated", "tasks without processes"),
        ),
    ),
)
# A count may be written as -1, and is then refused for what it is rather than as an unknown option.
CONTEXT_SETTINGS = {"scale": {"ignore_unknown_options": True}}


def build_app() -> typer.Typer:
    """The Typer application. Its ``obj`` must be ``{"world": World}``."""
    app = typer.Typer(
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback(
        invoke_without_command=True,
        epilog=examples(("headcount list", "what runs"), ("headcount why prod/web", "and why")),
    )(remember_shared_options(headcount))
    for name, command, lines in COMMANDS:
        settings = {"help_option_names": ["--help", "-h"], **CONTEXT_SETTINGS.get(name, {})}
        app.command(name, epilog=examples(*lines), context_settings=settings)(with_shared_options(command))
    return app


def headcount(context: typer.Context) -> None:
    """Keep ECS services at their headcount: an ECS service scheduler that you own."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)
