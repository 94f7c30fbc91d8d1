"""When a task counts as healthy: ECS's table without load balancers.

Source: ECS API, DeploymentConfiguration.minimumHealthyPercent.
"""

from headcount.model.task import Task

SETTLING_SECONDS = 40.0  # without any health check, a task is healthy this long after it reached RUNNING


def healthy_at(task: Task, container_health_check: bool) -> float | None:
    """The time from which the task counts as healthy (epoch seconds); None if waiting alone will not do."""
    observed = task.observed
    if observed.last_status != "RUNNING" or observed.desired_status != "RUNNING":
        return None
    if container_health_check:
        return task.health.seen_at if task.health and task.health.status == "HEALTHY" else None
    return (observed.started_at or 0.0) + SETTLING_SECONDS


def is_healthy(task: Task, container_health_check: bool, now: float) -> bool:
    """Whether the task counts as healthy now."""
    at = healthy_at(task, container_health_check)
    return at is not None and at <= now
