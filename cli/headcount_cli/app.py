"""The ``headcount`` command as a Typer application."""

import json
from importlib.metadata import version
from typing import Annotated

import typer

from headcount_cli.catalogue import COMMANDS
from headcount_cli.commands.arguments import examples
from headcount_cli.output import OutputFormat
from headcount_cli.session import remember_shared_options, with_shared_options

HELP_OPTIONS = ["--help", "-h"]

Version = Annotated[bool, typer.Option("--version", help="Show the version and end.")]


def build_app() -> typer.Typer:
    """The Typer application. Its ``obj`` must be ``{"world": World}``."""
    app = typer.Typer(
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": HELP_OPTIONS},
    )
    app.callback(
        invoke_without_command=True,
        epilog=examples(("headcount list", "what runs"), ("headcount why prod/web", "and why")),
    )(remember_shared_options(headcount))
    for command in COMMANDS:
        app.command(
            command.name,
            epilog=examples(*command.examples),
            context_settings={"help_option_names": HELP_OPTIONS, **command.settings},
            rich_help_panel=command.panel,
        )(with_shared_options(command.run))
    return app


def headcount(context: typer.Context, show_version: Version = False) -> None:
    """Keep ECS services at their headcount: an ECS service scheduler that you own."""
    if show_version:
        installed = version("headcount")
        is_json = context.obj["options"].output is OutputFormat.JSON
        typer.echo(json.dumps({"version": installed}) if is_json else f"headcount {installed}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)
