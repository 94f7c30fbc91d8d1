"""A deadline for every transient state: past it a task is stuck."""

from headcount.model.manifest import Deadlines
from headcount.model.task import STARTING_STATES, Task


def start_deadline(task: Task, deadlines: Deadlines) -> float | None:
    """When a starting task must have left its present state (epoch seconds); None for a task that is not starting.

    ECS does not tell when a state began, so the states' allowances add up from the task's creation.
    """
    observed = task.observed
    if observed.last_status not in STARTING_STATES:
        return None  # most tasks, at every look
    began = observed.created_at or (task.managed.launched_at if task.managed else None)
    allowance = {
        "PROVISIONING": deadlines.provisioning_seconds,
        "PENDING": deadlines.provisioning_seconds + deadlines.pending_seconds,
        "ACTIVATING": deadlines.provisioning_seconds + deadlines.pending_seconds + deadlines.activating_seconds,
    }[observed.last_status]
    return None if began is None else began + allowance


def stop_deadline(task: Task, deadlines: Deadlines) -> float | None:
    """When a task that was told to stop should be gone (epoch seconds); None if nobody told it."""
    told = task.observed.stopping_at or (task.managed.stop.at if task.managed and task.managed.stop else None)
    return None if told is None else told + deadlines.stopping_seconds
