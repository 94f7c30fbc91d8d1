"""When a task counts as healthy: ECS's table, by container health checks and target groups.

Source: ECS API, DeploymentConfiguration.minimumHealthyPercent.
"""

from collections.abc import Iterable

from headcount.model.service import DeclaredService
from headcount.model.task import Task
from headcount.planning.rotation import Rotation
from headcount.planning.stock import deployment_of

SETTLING_SECONDS = 40.0  # without any health check, a task is healthy this long after it reached RUNNING


def healthy_at(task: Task, container_health_check: bool) -> float | None:
    """The time from which the task counts as healthy (epoch seconds); None if waiting alone will not do."""
    observed = task.observed
    if observed.last_status != "RUNNING" or observed.desired_status != "RUNNING":
        return None
    if container_health_check:
        return task.health.seen_at if task.health and task.health.status == "HEALTHY" else None
    return (observed.started_at or 0.0) + SETTLING_SECONDS


def find_healthy(tasks: Iterable[Task], declared: DeclaredService, rotation: Rotation, now: float) -> frozenset[str]:
    """The ids of the tasks that count as healthy now."""
    if rotation.has_a_say:
        return frozenset(task.task_id for task in tasks if is_healthy(task, declared, rotation, now))
    check = declared.container_health_check
    return frozenset(task.task_id for task in tasks if (at := healthy_at(task, check)) is not None and at <= now)


def is_healthy(task: Task, declared: DeclaredService, rotation: Rotation, now: float) -> bool:
    """Whether the task counts as healthy now. Where target groups have a say, waiting alone does nothing."""
    checked = declared.container_health_check
    is_current = deployment_of(task) == declared.deployment
    in_rotation = rotation.is_healthy(task, is_current=is_current)
    if in_rotation is None:
        at = healthy_at(task, checked)
        return at is not None and at <= now
    return in_rotation and _runs(task) and (not checked or _says_healthy(task))


def _runs(task: Task) -> bool:
    return task.observed.last_status == "RUNNING" and task.observed.desired_status == "RUNNING"


def _says_healthy(task: Task) -> bool:
    return task.health is not None and task.health.status == "HEALTHY"
