"""A deadline for every transient state: past it a task is stuck."""

from headcount.model.manifest import Deadlines
from headcount.model.task import Task


def start_deadline(task: Task, deadlines: Deadlines) -> float | None:
    """When a starting task must have left its present state (epoch seconds); None for a task that is not starting.

    ECS does not tell when a state began, so the states' allowances add up from the task's creation.
    """
    observed = task.observed
    allowance = {
        "PROVISIONING": deadlines.provisioning_seconds,
        "PENDING": deadlines.provisioning_seconds + deadlines.pending_seconds,
        "ACTIVATING": deadlines.provisioning_seconds + deadlines.pending_seconds + deadlines.activating_seconds,
    }.get(observed.last_status)
    began = observed.created_at or (task.managed.launched_at if task.managed else None)
    if allowance is None or began is None:
        return None
    return began + allowance


def stop_deadline(task: Task, deadlines: Deadlines) -> float | None:
    """When a task that was told to stop should be gone (epoch seconds); None if nobody told it."""
    told = task.observed.stopping_at or (task.managed.stop.at if task.managed and task.managed.stop else None)
    return None if told is None else told + deadlines.stopping_seconds
