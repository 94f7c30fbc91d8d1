"""Tasks whose containers are unhealthy, and services of them."""

from typing import Any, Final

from builders import NOW, a_backoff, a_declared_service, a_manifest, a_service, a_status
from headcount.model.service import ServiceState
from headcount.model.task import ContainerHealth, Task
from headcount.model.values import replace
from unit.planning.balanced import a_served_task, drained
from unit.planning.plans import planned, stopped

NO_ROOM: Final = {"minimum_healthy_percent": 100, "maximum_percent": 100}
"""Nothing may stop first and nothing may start first."""

SLOW: Final = {"status": a_status(backoff=a_backoff(began_at=NOW - 10.0, until=NOW + 60.0))}
"""Replacements of what fails wait."""


def unwell(task_id: str = "task-1", since: float = NOW - 30.0, **changes: Any) -> Task:
    """Its containers fail their health checks."""
    return replace(a_served_task(task_id, **changes), health=ContainerHealth(status="UNHEALTHY", seen_at=since))


def well(task_id: str, **changes: Any) -> Task:
    return a_served_task(task_id, health="HEALTHY", **changes)


def checked(*present: Task, desired: int | None = None, **changes: Any) -> ServiceState:
    """A service whose containers have health checks, and no target groups."""
    count = len(present) if desired is None else desired
    fields = {"desired_count": count} | changes.pop("manifest", {})
    service = a_declared_service(a_manifest(**fields), container_health_check=True, **changes.pop("declared", {}))
    return a_service(*present, desired=count, declared=service, **changes)


def ill(sick: int, of: int, **changes: Any) -> ServiceState:
    """``of`` tasks with health checks, the first of which are unhealthy."""
    tasks = [unwell(f"task-{number}") for number in range(1, sick + 1)]
    return checked(*tasks, *(well(f"task-{number}") for number in range(sick + 1, of + 1)), **changes)


def going(state: ServiceState) -> list[str]:
    """Who is stopped, at once or once drained."""
    decided = planned(state)
    return sorted([*stopped(decided), *drained(decided)])
