"""Names of services and target groups for the shell: asked of control with little patience, silent where that fails."""

import os
from collections.abc import Iterator
from typing import Any

import typer

from headcount_cli.connection import STACK, Connection
from headcount_cli.control_client import ControlClient

VARIABLE = "HEADCOUNT_COMPLETE_SERVICES"
SWITCHED_OFF = "0"


def complete_services(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Full names, and bare ones where they are unique. ``HEADCOUNT_COMPLETE_SERVICES=0`` asks nobody."""
    if os.environ.get(VARIABLE) == SWITCHED_OFF:
        return
    try:
        services = _names(ctx)
    except Exception:  # noqa: BLE001  # whatever it is, a key press is no place to tell it
        return
    bare = [name.partition("/")[2] for name in services]
    unique = [name for name in bare if bare.count(name) == 1]
    yield from (name for name in [*unique, *services] if name.startswith(incomplete))


def complete_target_groups(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Names of the target groups of the service that stands on the line so far."""
    service = ctx.params.get("service") or next(iter(ctx.args), None)  # unread, as its option has no value yet
    if not service or os.environ.get(VARIABLE) == SWITCHED_OFF:
        return
    try:
        groups = _control(ctx).describe(service).get("targetGroups") or []
        names = [str(group["name"]) for group in groups]
    except Exception:  # noqa: BLE001  # as above
        return
    yield from (name for name in names if name.startswith(incomplete))


def _names(ctx: typer.Context) -> list[str]:
    return sorted(str(service["service"]) for service in _control(ctx).list_services().get("services") or [])


def _control(ctx: typer.Context) -> ControlClient:
    world = ctx.find_root().obj["world"]
    control: ControlClient = world.connect(_connection(ctx, world.stack))
    return control


def _connection(ctx: typer.Context, stack: str) -> Connection:
    """From the options that stand on the line so far, the nearer ones first."""
    written: dict[str, Any] = {}
    for context in (ctx.find_root(), ctx):
        written |= {name: value for name, value in context.params.items() if value}
    return Connection(
        region=written.get("region"),
        profile=written.get("profile"),
        endpoint_url=written.get("endpoint_url"),
        stack=written.get("stack") or stack or STACK,
        patient=False,
    )
