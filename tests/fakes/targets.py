"""Elastic Load Balancing in memory: targets are checked when a test says so, and drain on its clock."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headcount.errors import Throttled, TransientError
from headcount.model.target import Endpoint, TargetHealth
from headcount.ports.targets import TargetsAnswer

TARGETS_PER_CALL = 100
NOT_RUNNING = "The following targets are not in a running state and cannot be registered: "
_WORDS = {
    "initial": ("Elb.InitialHealthChecking", "Initial health checks in progress"),
    "healthy": ("", ""),
    "unhealthy": ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    "unused": ("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"),
}


@dataclass(slots=True)
class ElbTarget:
    """A target as ELB keeps it. ``gone_at``: when its deregistration delay is over."""

    state: str
    reason: str = ""
    description: str = ""
    gone_at: float | None = None


@dataclass(slots=True)
class ElbGroup:
    """A target group. ``in_use``: whether a listener forwards to it; ``bad``: ids that ELB does not take as targets."""

    delay: float = 300.0
    in_use: bool = True
    targets: dict[Endpoint, ElbTarget] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)


class InMemoryTargetGroups:
    """The ``TargetGroups`` of one account.

    New targets are ``initial`` until ``pass_checks`` or ``step_all``, except those that are ``stuck``.
    ``requests`` keeps every change that was asked for, one a call of ELB: (operation, group, targets).
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.groups: dict[str, ElbGroup] = {}
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, str, tuple[Endpoint, ...]]] = []
        self.refusal: str | None = None
        self.stuck: set[Endpoint] = set()
        self._throttled: Counter[str] = Counter()
        self._answers_to_lose: Counter[str] = Counter()

    # -- the port -----------------------------------------------------------------------------------------------------

    def register(self, group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
        return self._change("register", group, targets, self._put_in)

    def deregister(self, group: str, targets: Sequence[Endpoint]) -> TargetsAnswer:
        return self._change("deregister", group, targets, self._take_out)

    def health(self, group: str) -> tuple[TargetHealth, ...] | None:
        self._called("health")
        known = self._current(group)
        if known is None:
            return None
        return tuple(
            TargetHealth(target=target, port=port, state=one.state, reason=one.reason, description=one.description)
            for (target, port), one in known.targets.items()
        )

    # -- what a test turns --------------------------------------------------------------------------------------------

    def add_group(self, group: str, *, delay: float = 300.0, in_use: bool = True) -> str:
        """A target group comes to be; its ARN."""
        self.groups[group] = ElbGroup(delay=delay, in_use=in_use)
        return group

    def delete_group(self, group: str) -> None:
        """A target group is deleted under its targets."""
        del self.groups[group]

    def add_foreign(self, group: str, *targets: Endpoint, state: str = "healthy") -> None:
        """Targets that somebody else registered."""
        for target in targets:
            self.groups[group].targets[target] = _target(state)

    def pass_checks(self, group: str, *targets: Endpoint) -> None:
        """Targets (all, if none is named) answer their health checks."""
        self._turn(group, targets, "healthy")

    def fail_checks(self, group: str, *targets: Endpoint) -> None:
        """Targets (all, if none is named) do not."""
        self._turn(group, targets, "unhealthy")

    def drop(self, group: str, *targets: Endpoint) -> None:
        """Targets are gone at once: somebody else took them out, and the delay is over."""
        for target in targets:
            del self.groups[group].targets[target]

    def throttle(self, operation: str, times: int) -> None:
        """The next calls of an operation are refused without effect."""
        self._throttled[operation] += times

    def lose_answer(self, operation: str, times: int = 1) -> None:
        """The next calls of an operation take effect, and the caller hears nothing."""
        self._answers_to_lose[operation] += times

    def step_all(self) -> bool:
        """Every target that is checked for the first time passes; whether there was one."""
        moved = False
        for group in self.groups.values():
            for endpoint, target in group.targets.items():
                if target.state == "initial" and endpoint not in self.stuck:
                    group.targets[endpoint] = _target("healthy")
                    moved = True
        return moved

    def in_rotation(self, group: str) -> set[Endpoint]:
        """The targets that get new requests."""
        known = self._current(group)
        return {one for one, target in known.targets.items() if target.state == "healthy"} if known else set()

    def registered(self, group: str) -> set[Endpoint]:
        """The targets that are registered and do not drain."""
        known = self._current(group)
        return {one for one, target in known.targets.items() if target.state != "draining"} if known else set()

    def next_gone(self) -> float | None:
        """When the next draining target is gone."""
        targets = (target for group in self.groups.values() for target in group.targets.values())
        return min(
            (one.gone_at for one in targets if one.gone_at is not None and one.gone_at > self.clock()), default=None
        )

    # -- inside -------------------------------------------------------------------------------------------------------

    def _change(
        self, operation: str, group: str, targets: Sequence[Endpoint], change: Callable[[ElbGroup, Endpoint], None]
    ) -> TargetsAnswer:
        bad: set[Endpoint] = set()
        for first in range(0, len(targets), TARGETS_PER_CALL):
            asked = tuple(targets[first : first + TARGETS_PER_CALL])
            if not self._is_known(operation, group, asked):
                return TargetsAnswer(gone=True)
            if self.refusal is not None:
                return TargetsAnswer(refused=self.refusal)
            known = self.groups[group]
            named = {one for one in asked if operation == "register" and one[0] in known.bad}
            bad |= named
            taken = tuple(one for one in asked if one not in named)
            if named and taken and not self._is_known(operation, group, taken):
                return TargetsAnswer(gone=True)
            for target in taken:
                change(known, target)
            self._answering(operation)
        only = tuple(one for one in targets if one in bad)
        return TargetsAnswer(refused=_refusal(bad), refused_targets=only if len(only) < len(targets) else ())

    def _is_known(self, operation: str, group: str, targets: tuple[Endpoint, ...]) -> bool:
        """One call of ELB."""
        self._called(operation)
        self.requests.append((operation, group, targets))
        return self._current(group) is not None

    def _put_in(self, group: ElbGroup, endpoint: Endpoint) -> None:
        standing = group.targets.get(endpoint)
        if standing is None or standing.state == "draining":
            group.targets[endpoint] = _target("initial" if group.in_use else "unused")

    def _take_out(self, group: ElbGroup, endpoint: Endpoint) -> None:
        standing = group.targets.get(endpoint)
        if standing is None or standing.state == "draining":
            return
        if standing.state == "unused":
            del group.targets[endpoint]
        else:
            group.targets[endpoint] = _target("draining", gone_at=self.clock() + group.delay)

    def _current(self, group: str) -> ElbGroup | None:
        """The group without what has drained by now."""
        known = self.groups.get(group)
        if known is not None:
            now = self.clock()
            known.targets = {
                one: target for one, target in known.targets.items() if target.gone_at is None or target.gone_at > now
            }
        return known

    def _turn(self, group: str, targets: Sequence[Endpoint], state: str) -> None:
        known = self._current(group)
        assert known is not None, f"there is no group {group}"
        for endpoint in targets or [one for one, target in known.targets.items() if target.state != "draining"]:
            assert known.targets[endpoint].state != "draining", f"{endpoint} drains: it is not checked"
            known.targets[endpoint] = _target(state)

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        if self._throttled[operation] > 0:
            self._throttled[operation] -= 1
            raise Throttled(f"{operation}: Throttling: Rate exceeded")

    def _answering(self, operation: str) -> None:
        if self._answers_to_lose[operation] > 0:
            self._answers_to_lose[operation] -= 1
            raise TransientError(f"{operation}: no answer from AWS")


def _target(state: str, gone_at: float | None = None) -> ElbTarget:
    reason, description = _WORDS[state]
    return ElbTarget(state=state, reason=reason, description=description, gone_at=gone_at)


def _refusal(bad: set[Endpoint]) -> str | None:
    named = ", ".join(sorted({f"'{target}'" for target, _ in bad}))
    return f"InvalidTarget: {NOT_RUNNING}{named}" if bad else None
