"""``headcount list``: every service on a line, and below them why some are not steady."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from headcount_cli.times import ago
from headcount_cli.views.scaling import bounds_in_short
from headcount_cli.views.words import columns, heading, is_native, plain, short, state

TABLE_WIDTH = 100  # columns below which there is no room for everything beside the names

NOT_COUNTED = "-/: ECS itself keeps these tasks; how many of them run, 'headcount describe SERVICE' asks it."


@dataclass(frozen=True, slots=True)
class ServicesTable:
    """A line a service; where there is little room, without deployments and under short titles. Bounds stand there if
    any service is scaled.
    """

    services: Sequence[Mapping[str, Any]]
    now: datetime

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        is_wide = options.max_width >= TABLE_WIDTH
        is_scaled = any(service.get("scaling") for service in self.services)
        titles = ("PENDING", "STOPPING", "DEPLOYMENT") if is_wide else ("PEND", "STOP")
        table = columns("SERVICE", "STATE", "RUNNING", *(["SCALED"] if is_scaled else []), *titles, "STEADY")
        for column in table.columns[1:]:
            column.no_wrap = True
        for service in self.services:
            deployment = [plain(service.get("deployment") or "-")] if is_wide else []
            table.add_row(
                plain(service.get("service", "-")),
                state(service.get("state")),
                running(service),
                *([bounds_in_short(service.get("scaling"))] if is_scaled else []),
                short(service.get("pendingCount")),
                short(service.get("stoppingCount")),
                *deployment,
                ago(service.get("steadySince"), self.now),
            )
        yield table


def running(service: Mapping[str, Any]) -> str:
    """``2/3``; where another count is kept than the desired one, ``12/12 (3)``."""
    desired, kept = service.get("desiredCount", "-"), service.get("keptCount")
    of = desired if kept in (None, desired) else f"{kept} ({desired})"
    return f"{short(service.get('runningCount'))}/{of}"


def services_view(services: Sequence[Mapping[str, Any]], now: datetime) -> RenderableType:
    if not services:
        return Text("No services. Declare one in a file and run 'headcount apply -f FILE'.")
    return Group(ServicesTable(services, now), *_reasons(services))


def _reasons(services: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    unsteady = [service for service in services if service.get("state") != "STEADY" and service.get("stateReason")]
    lines: list[RenderableType] = [
        Padding(Text(f"{plain(service.get('service', '-'))}: {plain(service['stateReason'])}"), (0, 0, 0, 2))
        for service in unsteady
    ]
    failing = [plain(one.get("service", "-")) for one in services if (one.get("scaling") or {}).get("problems")]
    scaling = Text(f"\nScaling has problems: {', '.join(failing)}. See 'headcount scaling SERVICE'.", style="yellow")
    parts = [*([heading("Not steady"), *lines] if lines else []), *([scaling] if failing else [])]
    return [*parts, *([Text(f"\n{NOT_COUNTED}", style="dim")] if any(map(is_native, services)) else [])]
