"""Launching as fast as the account's limit allows, and no faster: a call beyond it is only refused.

Fargate starts tasks from a bucket that all launches of an account share: it holds 100, and 20 come back each second
(ECS developer guide, "AWS Fargate throttling quotas"). A service counts what it took itself; that others took too it
learns from being throttled, which is taken for "empty".
"""

from collections.abc import Iterable, Sequence

from headcount.model.service import Launch, ServiceStatus

TASKS_HELD = 100
TASKS_A_SECOND = 20.0
WORTH_A_PASS = 50  # tasks that must be ready before a pass is made for them alone: half of what the bucket holds


def ready(status: ServiceStatus, now: float) -> int:
    """How many tasks may start now."""
    held = TASKS_HELD - max(0.0, status.launches_paid_at - now) * TASKS_A_SECOND
    return int(held + 0.001)  # epoch seconds are exact to a quarter of a microsecond


def worth_a_pass_at(status: ServiceStatus, waiting: int, spent: int, now: float) -> float:
    """When so many of the ``waiting`` tasks are ready that a pass is worth while, if this one starts ``spent``."""
    paid = max(status.launches_paid_at, now) + spent / TASKS_A_SECOND
    return paid - (TASKS_HELD - min(waiting, WORTH_A_PASS)) / TASKS_A_SECOND


def affordable(launches: Iterable[Launch], status: ServiceStatus, now: float, spent: int = 0) -> tuple[Launch, ...]:
    """The first of the launches that may be sent now; ``spent``: tasks that this pass starts besides.

    After a call that was throttled a single one asks whether ECS answers again: what is wasted then is one call.
    """
    left = ready(status, now) - spent
    chosen: list[Launch] = []
    for launch in launches:
        left -= counted(launch)
        if left < 0:
            break
        chosen.append(launch)
    return tuple(chosen[:1] if status.throttle is not None else chosen)


def counted(launch: Launch) -> int:
    """How many tasks a launch takes out of Fargate's bucket: none, if it goes to other machines."""
    strategy = launch.request.get("capacityProviderStrategy") or ()
    names = [launch.request.get("launchType"), *(one.get("capacityProvider") for one in strategy)]
    return launch.count if any(str(name).startswith("FARGATE") for name in names) else 0


def paid_at(status: ServiceStatus, sent: Sequence[Launch], throttled: bool, now: float) -> float:
    """``launches_paid_at`` after a pass that sent these launches, the last of them in vain if ``throttled``."""
    if throttled:
        return max(status.launches_paid_at, now + TASKS_HELD / TASKS_A_SECOND)
    taken = sum(map(counted, sent))
    return max(status.launches_paid_at, now) + taken / TASKS_A_SECOND if taken else status.launches_paid_at
