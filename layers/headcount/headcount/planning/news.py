"""Which news of a task makes a difference. Apart from what decides on it: whoever hears the news asks this first."""

from headcount.model.task import STARTING_STATES, ObservedTask


def matters(observed: ObservedTask, before: ObservedTask | None = None) -> bool:
    """Whether a pass would decide anything new, compared with what was known (None: nothing is known of that).

    A task changes something when it runs, when it begins to die, and when it is gone: not on its ways up and down.
    """
    if observed.desired_status != "STOPPED" and observed.last_status in STARTING_STATES:
        return False
    if before is None:
        return True
    reached = observed.last_status in ("RUNNING", "STOPPED") and observed.last_status != before.last_status
    return reached or observed.desired_status != before.desired_status
