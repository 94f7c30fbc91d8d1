"""``headcount list``: every service on a line, and below them why some are not steady."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from headcount_cli.times import ago
from headcount_cli.views.words import columns, heading, plain, state


def services_view(services: Sequence[Mapping[str, Any]], now: datetime) -> RenderableType:
    if not services:
        return Text("No services. Declare one in a file and run 'headcount apply -f FILE'.")
    table = columns("SERVICE", "STATE", "RUNNING", "PENDING", "STOPPING", "DEPLOYMENT", "STEADY")
    for service in services:
        table.add_row(
            plain(service.get("service", "-")),
            state(service.get("state")),
            f"{service.get('runningCount', '-')}/{service.get('desiredCount', '-')}",
            str(service.get("pendingCount", "-")),
            str(service.get("stoppingCount", "-")),
            plain(service.get("deployment") or "-"),
            ago(service.get("steadySince"), now),
        )
    return Group(table, *_reasons(services))


def _reasons(services: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    unsteady = [service for service in services if service.get("state") != "STEADY" and service.get("stateReason")]
    if not unsteady:
        return []
    lines: list[RenderableType] = [
        Padding(Text(f"{plain(service.get('service', '-'))}: {plain(service['stateReason'])}"), (0, 0, 0, 2))
        for service in unsteady
    ]
    return [heading("Not steady"), *lines]
