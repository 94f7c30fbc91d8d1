"""Slowing down what fails: tasks that do not start, and tasks that crash soon after RUNNING.

ECS throttles only the former (ECS: service throttle logic), so that a crash loop there runs at full speed.

A *round* is one generation of failing tasks. The first round is replaced at once; each further one waits twice as long
as the one before. Only the slots of failed tasks wait: a task that died for another reason is replaced meanwhile.
"""

from collections.abc import Iterable

from headcount.model.manifest import Restarts
from headcount.model.service import Backoff
from headcount.model.task import CAPACITY_WORDS, Task, how_it_ended
from headcount.model.values import dataclass, replace
from headcount.planning.words import clock_time, some

_FAILING_CODES = ("TaskFailedToStart", "EssentialContainerExited")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """The backoff now in force, and the failed tasks whose slots it keeps empty."""

    backoff: Backoff | None
    held: tuple[Task, ...]


def lacks_capacity(task: Task) -> bool:
    """Whether AWS had no room for the task: nobody's fault, so no failure, but its zone is skipped for a while."""
    reason = task.observed.stopped_reason or ""
    return task.observed.started_at is None and any(words in reason for words in CAPACITY_WORDS)


def has_failed(task: Task, restarts: Restarts) -> bool:
    """Whether a dead or dying task failed by its own doing: never started, crashed soon after RUNNING, or got stuck."""
    observed, stop = task.observed, task.managed.stop if task.managed else None
    if stop is not None:
        return stop.failed
    if lacks_capacity(task):
        return False
    if observed.started_at is None:
        return observed.stop_code in (*_FAILING_CODES, None)
    ended = observed.stopping_at or observed.stopped_at
    ran = None if ended is None else ended - observed.started_at
    return observed.stop_code in _FAILING_CODES and (ran is None or ran < restarts.reset_after_seconds)


def was_unhealthy(task: Task) -> bool:
    """Whether a lost task was stopped because it was unhealthy, soon after it began to run. (A stuck one never ran.)"""
    stop = task.managed.stop if task.managed else None
    return stop is not None and stop.failed and task.observed.started_at is not None


def is_young(task: Task, restarts: Restarts, now: float) -> bool:
    """Whether a task that runs would have failed, if it ended now by its own doing."""
    return now - (task.observed.started_at or now) < restarts.reset_after_seconds


def slow_down(
    before: Backoff | None, deployment: str, failed: Iterable[Task], restarts: Restarts, now: float, jitter: float
) -> Slowdown:
    """The backoff after looking at the failed tasks of ``deployment`` that are still on record.

    Looking twice at the same tasks changes nothing: a round begins only with a task launched since the last one began.
    """
    backoff = before if before is not None and before.deployment == deployment else None
    if backoff is not None and now - backoff.until >= restarts.reset_after_seconds:
        backoff = None  # a stable run: what fails now fails for the first time
    failed = tuple(failed)
    fresh = [task for task in failed if backoff is None or launched_at(task) >= backoff.began_at]
    if fresh:
        backoff = _next_round(backoff, deployment, fresh, restarts, now, jitter)
    held = failed if backoff is not None and now < backoff.until else ()
    return Slowdown(backoff=backoff, held=held)


def refuse(before: Backoff | None, deployment: str, why: str, restarts: Restarts, now: float, jitter: float) -> Backoff:
    """The backoff after AWS refused ``RunTask`` itself: no slot of this deployment is tried again before ``until``."""
    backoff = before if before is not None and before.deployment == deployment else None
    number = 1 if backoff is None else backoff.round + 1
    wait = max(delay(number + 1, restarts, jitter), min(restarts.initial_seconds, restarts.maximum_seconds), 1.0)
    until = now + wait
    reason = f"RunTask refused: {why}; attempt {number}, next at {clock_time(until)}"
    return Backoff(deployment=deployment, round=number, began_at=now, until=until, reason=reason, refused=True)


def delay(number: int, restarts: Restarts, jitter: float) -> float:
    """Seconds that round ``number`` (from 1) waits: nothing, then initial, 2, 4, 8 ... times initial, at most maximum.

    ``jitter`` (0 to 1) takes off up to half, so that services that fail together do not return together.
    """
    if number <= 1 or restarts.initial_seconds == 0:
        return 0.0
    # 2.0 ** 60 is beyond any maximum; the bound keeps the float finite for a service that fails for months
    whole = min(restarts.maximum_seconds, restarts.initial_seconds * 2.0 ** min(number - 2, 60))
    return whole * (1.0 - jitter / 2.0)


def launched_at(task: Task) -> float:
    """When Headcount launched the task, on its own clock."""
    return task.managed.launched_at if task.managed else 0.0


def _next_round(
    before: Backoff | None, deployment: str, fresh: list[Task], restarts: Restarts, now: float, jitter: float
) -> Backoff:
    number = 1 if before is None else before.round + 1
    until = now + delay(number, restarts, jitter)
    failed = f"{some(len(fresh), 'task')} failed: {how_it_ended(fresh[0])}"
    reason = f"{failed}; round {number}, next start at {clock_time(until)}"
    backoff = Backoff(deployment=deployment, round=number, began_at=now, until=until, reason=reason)
    refused = before is not None and before.refused and now < before.until
    return replace(backoff, until=max(until, before.until), refused=True) if before and refused else backoff
