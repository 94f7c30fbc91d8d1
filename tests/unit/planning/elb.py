"""A small pure model of Elastic Load Balancing: targets are checked all the time, and drain for their group's delay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from headcount.model.target import Endpoint, TargetHealth

PASSES_AFTER, FAILS_AFTER = 2.0, 4.0  # seconds of checking

ElbAnswer = Literal["ok", "throttled", "lost"]


@dataclass(slots=True)
class Target:
    """``since``: registered; ``gone_at``: when a draining one is gone."""

    since: float
    gone_at: float | None = None


class Elb:
    """``answers``: whether a target's health check is answered well, since when."""

    def __init__(self, now: Callable[[], float], answers: Callable[[Endpoint], tuple[bool, float]]) -> None:
        self.now, self.answers = now, answers
        self.delay = 30.0
        self.answer: ElbAnswer = "ok"
        self.groups: dict[str, dict[Endpoint, Target]] = {}

    def add_group(self, group: str) -> None:
        self.groups.setdefault(group, {})

    def register(self, group: str, endpoint: Endpoint) -> None:
        standing = self.target(group, endpoint)
        if standing is None or standing.gone_at is not None:
            self.groups[group][endpoint] = Target(since=self.now())

    def deregister(self, group: str, endpoint: Endpoint) -> None:
        standing = self.target(group, endpoint)
        if standing is not None and standing.gone_at is None:
            standing.gone_at = self.now() + self.delay

    def target(self, group: str, endpoint: Endpoint) -> Target | None:
        one = self.groups.get(group, {}).get(endpoint)
        return None if one is None or (one.gone_at is not None and one.gone_at <= self.now()) else one

    def state(self, group: str, endpoint: Endpoint) -> str | None:
        """None: it is not registered."""
        target = self.target(group, endpoint)
        if target is None:
            return None
        if target.gone_at is not None:
            return "draining"
        answers, since = self.answers(endpoint)
        checked = self.now() - max(since, target.since)
        if answers:
            return "healthy" if checked >= PASSES_AFTER else "initial"
        return "unhealthy" if checked >= FAILS_AFTER else "initial"

    def health(self, group: str) -> tuple[TargetHealth, ...] | None:
        if group not in self.groups:
            return None
        shown = ((endpoint, self.state(group, endpoint)) for endpoint in self.groups[group])
        return tuple(
            TargetHealth(target=endpoint[0], port=endpoint[1], state=state) for endpoint, state in shown if state
        )

    def registered(self, group: str) -> set[Endpoint]:
        """Those that take traffic, or will once they are healthy."""
        return {one for one in self.groups.get(group, {}) if self.state(group, one) not in (None, "draining")}

    def serves(self, endpoints: Sequence[Endpoint]) -> set[Endpoint]:
        """Those of ``endpoints`` that are in rotation somewhere, or drain."""
        return {one for one in endpoints for group in self.groups if self.state(group, one) is not None}
