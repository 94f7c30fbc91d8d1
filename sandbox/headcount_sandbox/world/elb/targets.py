"""Registered targets with AWS's states and reason codes, and how checks move them from one to the next."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["initial", "healthy", "unhealthy", "unused", "draining", "unavailable"]
Key = tuple[str, int | None]  # the id, and the port where the target type has one

MAX_TARGETS = 1000
NOT_REGISTERED = ("Target.NotRegistered", "Target is not registered to the target group")
NOT_IN_USE = ("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
_REGISTERING = ("Elb.RegistrationInProgress", "Target registration is in progress")
_CHECKING = ("Elb.InitialHealthChecking", "Initial health checks in progress")
_DRAINING = ("Target.DeregistrationInProgress", "Target deregistration is in progress")
_UNCHECKED = ("Target.HealthCheckDisabled", "Health checks are disabled for this target group")
TIMED_OUT = ("Target.Timeout", "Request timed out")
FAILED = ("Target.FailedHealthChecks", "Health checks failed")


def mismatch(status: int) -> tuple[str, str]:
    """Why a target that answered with this status is not healthy."""
    return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Checks in a row that change a state."""

    healthy: int
    unhealthy: int


@dataclass(slots=True, kw_only=True, eq=False)
class Target:
    """One target; changed only under the lock of its registry. `draining_until` is a monotonic time."""

    key: Key
    zone: str | None
    state: State = "initial"
    reason: str | None = _REGISTERING[0]
    description: str | None = _REGISTERING[1]
    passes: int = 0
    failures: int = 0
    draining_until: float | None = None

    @property
    def is_draining(self) -> bool:
        return self.draining_until is not None

    def begin(self) -> None:
        """Puts it (back) into rotation: it has to pass a check first."""
        self.draining_until = None
        self.passes = self.failures = 0
        self._become("initial", _REGISTERING)

    def begin_checking(self) -> None:
        """Registration is over."""
        if self.state == "initial":
            self._become("initial", _CHECKING)

    def leave_unchecked(self) -> None:
        """Nobody checks it: it takes traffic."""
        self._become("unavailable", _UNCHECKED)

    def pass_check(self, thresholds: Thresholds) -> None:
        """One good check makes a new target healthy, a sick one needs as many as the group says."""
        self.failures = 0
        self.passes += 1
        if self.state != "unhealthy" or self.passes >= thresholds.healthy:
            self._become("healthy", None)

    def fail_check(self, thresholds: Thresholds, reason: tuple[str, str]) -> None:
        """Enough bad checks in a row make a target unhealthy."""
        self.passes = 0
        self.failures += 1
        if self.state == "unhealthy" or self.failures >= thresholds.unhealthy:
            self._become("unhealthy", reason)

    def drain(self, until: float) -> None:
        """No new requests; deregistering again does not begin the delay anew."""
        if self.draining_until is None:
            self.draining_until = until
            self._become("draining", _DRAINING)

    def _become(self, state: State, why: tuple[str, str] | None) -> None:
        self.state = state
        self.reason, self.description = why or (None, None)


class Registry:
    """The targets of every group, in the order of their registration. Safe to use from any thread.

    `version` rises with every change that matters to routing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.RLock()
        self.version = 0
        self._clock = clock
        self._groups: dict[str, dict[Key, Target]] = {}

    def register(self, group: str, wanted: Sequence[tuple[Key, str | None]]) -> None:
        """Adds targets; those that are there stay as they are, those that drain come back."""
        with self.lock:
            members = self._members(group)
            for key, zone in wanted:
                known = members.get(key)
                if known is None:
                    members[key] = Target(key=key, zone=zone)
                elif known.is_draining:
                    known.begin()
            self.version += 1

    def deregister(self, group: str, keys: Sequence[Key], delay: float) -> list[Target]:
        """Drains targets for `delay` seconds (0: they are gone at once); unknown ones are none of our business."""
        with self.lock:
            members = self._members(group)
            leaving = [target for key in keys if (target := members.get(key)) is not None]
            for target in leaving:
                if delay > 0:
                    target.drain(self._clock() + delay)
                else:
                    del members[target.key]
            self.version += 1
            return leaving

    def get(self, group: str, key: Key) -> Target | None:
        with self.lock:
            return self._members(group).get(key)

    def of(self, group: str) -> list[Target]:
        """All targets of a group that are there, the draining ones too."""
        with self.lock:
            return list(self._members(group).values())

    def count(self, group: str) -> int:
        """How many targets count for the limit."""
        return sum(1 for target in self.of(group) if not target.is_draining)

    def everyone(self) -> Iterator[tuple[str, Target]]:
        """Every target with the ARN of its group."""
        with self.lock:
            for group in tuple(self._groups):
                yield from ((group, target) for target in self.of(group))

    def forget(self, group: str) -> None:
        """The group is gone."""
        with self.lock:
            self._groups.pop(group, None)
            self.version += 1

    def restart(self, group: str) -> None:
        """The group came into use: its targets have to pass a check first."""
        with self.lock:
            for target in self.of(group):
                if not target.is_draining:
                    target.begin()
            self.version += 1

    def change(self, target: Target, change: Callable[[], None]) -> None:
        """Makes a change of a target."""
        with self.lock:
            before = target.state
            change()
            self.version += before != target.state

    def _members(self, group: str) -> dict[Key, Target]:
        """The members of a group, without those whose delay is over."""
        members = self._groups.setdefault(group, {})
        now = self._clock()
        over = [key for key, target in members.items() if target.draining_until and target.draining_until <= now]
        for key in over:
            del members[key]
        self.version += len(over)
        return members
