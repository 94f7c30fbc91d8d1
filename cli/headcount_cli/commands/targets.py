"""``headcount targets``."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from headcount_cli.commands.arguments import Service, named
from headcount_cli.completion import complete_target_groups
from headcount_cli.failures import Failure
from headcount_cli.session import Session
from headcount_cli.views.targets import TargetsView, targets_in
from headcount_cli.views.words import plain

TargetGroup = Annotated[
    str | None,
    typer.Option(
        "--target-group",
        metavar="NAME",
        help="Only this one: its name or its ARN.",
        show_default=False,
        autocompletion=complete_target_groups,
    ),
]


def targets(session: Session, service: Service, target_group: TargetGroup = None) -> None:
    """List a service's targets by target group: what takes traffic, and why the rest does not.

    Reasons are Elastic Load Balancing's own. Targets that others registered in a group are counted, and left alone.
    """
    answer = session.control().describe(named(service))
    name = answer.get("service", service)
    groups = _asked_for(answer.get("targetGroups") or [], target_group, plain(name))
    found = {index: targets_in(answer, group) for index, group in enumerate(groups)}
    views: list[RenderableType] = []
    for index, group in enumerate(groups):
        views += [Text("")] * bool(index) + [TargetsView(group=group, targets=found[index], now=session.now())]
    document = {"service": name, "targetGroups": groups, "targets": [one for of in found.values() for one in of]}
    session.output.result(document, *(views or [Text(f"{plain(name)}: no target groups")]))


def _asked_for(groups: Sequence[dict[str, Any]], wanted: str | None, service: str) -> list[dict[str, Any]]:
    chosen = [group for group in groups if wanted in (None, group.get("name"), group.get("arn"))]
    if wanted is None or chosen:
        return chosen
    names = ", ".join(plain(group.get("name")) for group in groups)
    hint = f"It has {names}." if names else "It has no target groups."
    raise Failure(f"{service} has no target group '{plain(wanted)}'.", hint=hint)
