"""AWS's documented rate limits as token buckets.

Amazon ECS API reference, "Request throttling"; ECS developer guide, "AWS Fargate throttling quotas"; Elastic Load
Balancing API reference, "Request throttling": 40 and 10 a second for all calls, 20 and 4 for changes of targets, 40 and
10 for descriptions.
"""

from collections.abc import Callable
from typing import Final

FARGATE_TASKS_AT_ONCE: Final = 100.0
FARGATE_TASKS_A_SECOND: Final = 20.0


class TokenBucket:
    """``burst`` tokens at most, refilled at ``rate`` a second."""

    def __init__(self, clock: Callable[[], float], *, rate: float, burst: float) -> None:
        self.clock = clock
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = clock()

    def has(self, count: float = 1.0) -> bool:
        """Whether that many tokens are there."""
        now = self.clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        return self._tokens >= count

    def take(self, count: float = 1.0) -> bool:
        """Take that many tokens, all or none."""
        if not self.has(count):
            return False
        self._tokens -= count
        return True


class AccountLimits:
    """The buckets that all of an account's calls share."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.modify = TokenBucket(clock, rate=40.0, burst=100.0)
        self.read = TokenBucket(clock, rate=20.0, burst=100.0)
        self.elb = TokenBucket(clock, rate=10.0, burst=40.0)
        self.elb_changes = TokenBucket(clock, rate=4.0, burst=20.0)
        self.elb_reads = TokenBucket(clock, rate=10.0, burst=40.0)
        self.fargate_calls = TokenBucket(clock, rate=20.0, burst=20.0)
        self.fargate_tasks = TokenBucket(clock, rate=FARGATE_TASKS_A_SECOND, burst=FARGATE_TASKS_AT_ONCE)

    def allows_run_task(self, count: int) -> bool:
        """``RunTask`` on Fargate: three limits at once."""
        if not (self.modify.has() and self.fargate_calls.has() and self.fargate_tasks.has(count)):
            return False
        return self.modify.take() and self.fargate_calls.take() and self.fargate_tasks.take(count)
