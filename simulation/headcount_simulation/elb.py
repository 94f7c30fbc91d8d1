"""Elastic Load Balancing: target groups whose targets are checked, drain, and are told of a little late.

Nothing is polled: a target changes its state so long after the task behind it has changed as the checks of its group
take to notice (interval times threshold, less what was left of the interval).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from headcount.errors import Throttled
from headcount.model.target import Endpoint, TargetHealth
from headcount.ports.targets import TargetsAnswer
from headcount_simulation.addresses import ANY_PORT
from headcount_simulation.ecs_tasks import EcsTask
from headcount_simulation.rates import AccountLimits, TokenBucket
from headcount_simulation.scheduling import Scheduler
from headcount_simulation.streams import Streams

HEALTHY_THRESHOLD: Final = 5  # checks that a target which was unhealthy passes; a new one passes one
REGISTERING_SECONDS: Final = (0.5, 4.0)  # from the answer of RegisterTargets to the first check
CHANGES: Final = ("RegisterTargets", "DeregisterTargets")
CALLS: Final = (*CHANGES, "DescribeTargetHealth")

# what a check finds, by the task's sickness; "" is a task that answers
_REASONS: Final[Mapping[str, str]] = {
    "errors": "Target.ResponseCodeMismatch",
    "hangs": "Target.Timeout",
    "nobody": "Target.FailedHealthChecks",
}
_SHOWN: Final[Mapping[str, str]] = {
    "initial": "Elb.InitialHealthChecking",
    "draining": "Target.DeregistrationInProgress",
    "unused": "Target.NotInUse",
}


@dataclass(slots=True, eq=False)
class Target:
    """One target. ``task``: who had the address when it was registered; ``foreign``: somebody else registered it.

    ``gone_at``: when its deregistration delay is over. ``checks``: how often it was decided when the next state comes.
    ``healthy_at``: when it became healthy first.
    """

    endpoint: Endpoint
    task: EcsTask | None
    foreign: bool
    state: str
    reason: str
    registered_at: float
    gone_at: float | None = None
    healthy_at: float | None = None
    before: tuple[str, str] | None = None
    fresh_at: float = 0.0
    checks: int = 0

    @property
    def is_registered(self) -> bool:
        """Whether it is in the group and does not leave it."""
        return self.state != "draining"


@dataclass(slots=True, eq=False)
class TargetGroup:
    """A target group of one service. ``in_use``: whether a listener forwards to it. ``alarmed``: its alarm's state.

    ``tags`` and ``document``: what it was created with, where that was ``CreateTargetGroup``.
    """

    arn: str
    name: str
    service: str
    target_type: str = "ip"
    port: int = 80
    delay: float = 300.0
    interval: int = 30
    unhealthy_threshold: int = 2
    in_use: bool = True
    alarmed: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    targets: dict[Endpoint, Target] = field(default_factory=dict)

    @property
    def detection(self) -> float:
        """Seconds in which a check finds that a target is unhealthy, at most."""
        return self.interval * self.unhealthy_threshold


class Watcher(Protocol):
    """Who checks what ELB is told."""

    def registering(self, group: TargetGroup, endpoints: Sequence[Endpoint]) -> None:
        """Headcount registers targets."""
        ...

    def deregistering_targets(self, group: TargetGroup, endpoints: Sequence[Endpoint]) -> None:
        """Headcount takes targets out."""
        ...


class Elb:
    """All target groups of an account, by ARN.

    ``holders``: who has which endpoint now. ``stirs`` hears of every change of a state. ``runs`` says whether an EC2
    instance does.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        streams: Streams,
        limits: AccountLimits,
        holders: Mapping[Endpoint, EcsTask],
        watcher: Watcher,
        tell: Callable[[str], None],
        stirs: Callable[[TargetGroup], None],
        runs: Callable[[str], bool],
    ) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.limits = limits
        self.holders = holders
        self.watcher = watcher
        self.tell = tell
        self.stirs = stirs
        self.runs = runs
        self.groups: dict[str, TargetGroup] = {}
        self.lag_seconds = 0.0

    # -- the API ------------------------------------------------------------------------------------------------------

    def register(self, arn: str, endpoints: Sequence[Endpoint]) -> TargetsAnswer:
        """``RegisterTargets``: those that are registered stay so, draining ones are back; one bad one refuses all."""
        self._pay("RegisterTargets", self.limits.elb_changes)
        group = self.groups.get(arn)
        if group is None:
            return TargetsAnswer(gone=True)
        self.watcher.registering(group, endpoints)
        bad = [one for one in endpoints if group.target_type == "instance" and not self.runs(one[0])]
        if bad:
            named = ", ".join(sorted({target for target, _ in bad}))
            refused = f"InvalidTarget: not in a running state: {named}"
            return TargetsAnswer(refused=refused, refused_targets=tuple(bad))
        for endpoint in endpoints:
            self.put(group, endpoint)
        self.tell(f"{group.service}: {group.name} takes {_named(endpoints)}")
        return TargetsAnswer()

    def deregister(self, arn: str, endpoints: Sequence[Endpoint]) -> TargetsAnswer:
        """``DeregisterTargets``: silent about unknown ones."""
        self._pay("DeregisterTargets", self.limits.elb_changes)
        group = self.groups.get(arn)
        if group is None:
            return TargetsAnswer(gone=True)
        self.watcher.deregistering_targets(group, endpoints)
        for endpoint in endpoints:
            self.take_out(group, endpoint)
        self.tell(f"{group.service}: {group.name} lets {_named(endpoints)} go")
        return TargetsAnswer()

    def health(self, arn: str) -> tuple[TargetHealth, ...] | None:
        """``DescribeTargetHealth``: at times a state as it was a moment ago."""
        self._pay("DescribeTargetHealth", self.limits.elb_reads)
        group = self.groups.get(arn)
        if group is None:
            return None
        now = self.scheduler.now
        return tuple(_told(target, stale=target.fresh_at > now) for target in group.targets.values())

    # -- what happens to targets --------------------------------------------------------------------------------------

    def add(self, group: TargetGroup) -> TargetGroup:
        """A target group comes to be."""
        self.groups[group.arn] = group
        return group

    def delete(self, group: TargetGroup) -> None:
        """It is gone with its targets."""
        self.groups.pop(group.arn, None)
        for target in group.targets.values():
            target.checks += 1
        group.targets.clear()
        self.stirs(group)

    def put(self, group: TargetGroup, endpoint: Endpoint, *, foreign: bool = False) -> None:
        """A target is registered."""
        standing = group.targets.get(endpoint)
        holder = self.holder(group, endpoint)
        if standing is not None and standing.is_registered:
            standing.task = holder
            self._decide(group, standing)
            return
        state = "initial" if group.in_use else "unused"
        target = Target(
            endpoint=endpoint,
            task=holder,
            foreign=foreign,
            state=state,
            reason=_SHOWN[state],
            registered_at=self.scheduler.now,
        )
        group.targets[endpoint] = target
        self.stirs(group)
        if group.in_use:
            random = self.streams.of(group.service)
            first = random.uniform(*REGISTERING_SECONDS) + random.uniform(0.0, group.interval)
            self._check_after(group, target, first)

    def take_out(self, group: TargetGroup, endpoint: Endpoint) -> None:
        """A target drains, or is gone at once where nothing was ever sent to it."""
        target = group.targets.get(endpoint)
        if target is None or not target.is_registered:
            return
        if target.state == "unused" or not group.delay:
            target.checks += 1
            del group.targets[endpoint]
            self.stirs(group)
            return
        target.gone_at = gone_at = self.scheduler.now + group.delay
        self._turn(group, target, "draining", _SHOWN["draining"])

        def gone() -> None:
            if group.targets.get(endpoint) is target and target.gone_at == gone_at:
                del group.targets[endpoint]
                self.stirs(group)

        self.scheduler.at(gone_at, gone)

    def holder(self, group: TargetGroup, endpoint: Endpoint) -> EcsTask | None:
        """The task that has an endpoint now."""
        target, port = endpoint
        return self.holders.get((target, ANY_PORT) if group.target_type == "ip" else (target, port))

    def changed(self, task: EcsTask) -> None:
        """Something about a task changed that checks will notice."""
        for group in self.of(str(task.service)):
            for target in group.targets.values():
                if self.holder(group, target.endpoint) is task or target.task is task:
                    self._decide(group, target)

    def of(self, service: str) -> list[TargetGroup]:
        """The target groups of a service."""
        return [group for group in self.groups.values() if group.service == service]

    def endpoint(self, group: TargetGroup, task: EcsTask) -> Endpoint | None:
        """Where a group reaches a task; None while it has no address."""
        if group.target_type == "ip":
            return None if task.observed.address is None else (task.observed.address, group.port)
        machine = task.instance.ec2_instance if task.instance is not None else ""
        ports = (port.host_port for port in task.observed.ports if port.container_port == group.port)
        return next(((machine, port) for port in ports), None)

    def target(self, group: TargetGroup, task: EcsTask) -> Target | None:
        """The target that stands for a task."""
        endpoint = self.endpoint(group, task)
        target = group.targets.get(endpoint) if endpoint is not None else None
        return target if target is not None and target.task is task else None

    def targets(self, task: EcsTask) -> list[Target | None]:
        """The targets that stand for a task, one for each group of its service; None where it has none."""
        return [self.target(group, task) for group in self.of(str(task.service))]

    # -- inside -------------------------------------------------------------------------------------------------------

    def _pay(self, operation: str, bucket: TokenBucket) -> None:
        if not (self.limits.elb.has() and bucket.has()):
            raise Throttled(f"{operation}: Throttling: Rate exceeded")
        self.limits.elb.take()
        bucket.take()

    def _found(self, group: TargetGroup, target: Target) -> str:
        """What a check would find now; "" if the target answers."""
        if target.foreign:
            return ""
        holder = self.holder(group, target.endpoint)
        if holder is None or not holder.answers:
            return "nobody"
        return holder.sickness

    def _decide(self, group: TargetGroup, target: Target) -> None:
        """When the checks will have noticed what is so now."""
        found = self._found(group, target)
        random = self.streams.of(group.service)
        if target.state == "initial":
            self._check_after(group, target, random.uniform(0.0, group.interval))
        elif target.state == "healthy" and found:
            self._check_after(group, target, group.detection - random.uniform(0.0, group.interval))
        elif target.state == "unhealthy" and not found:
            seconds = group.interval * HEALTHY_THRESHOLD - random.uniform(0.0, group.interval)
            self._check_after(group, target, seconds)
        elif target.state in ("healthy", "unhealthy"):
            target.checks += 1  # what the checks were about to notice is over

    def _check_after(self, group: TargetGroup, target: Target, seconds: float) -> None:
        target.checks += 1
        checks = target.checks

        def check() -> None:
            if target.checks == checks and group.targets.get(target.endpoint) is target and target.is_registered:
                self._check(group, target)

        self.scheduler.after(seconds, check)

    def _check(self, group: TargetGroup, target: Target) -> None:
        found = self._found(group, target)
        if not found:
            target.healthy_at = target.healthy_at or self.scheduler.now
            self._turn(group, target, "healthy", "")
        elif target.state == "initial" and self.scheduler.now - target.registered_at < group.detection:
            left = target.registered_at + group.detection - self.scheduler.now
            self._check_after(group, target, max(0.1, left))
        else:
            self._turn(group, target, "unhealthy", _REASONS[found])

    def _turn(self, group: TargetGroup, target: Target, state: str, reason: str) -> None:
        if (target.state, target.reason) == (state, reason):
            return
        target.before = target.state, target.reason
        target.fresh_at = self.scheduler.now + self.streams.of(group.service).random() * self.lag_seconds
        target.state, target.reason = state, reason
        if not target.foreign:
            self.tell(f"{group.service}: {group.name} has {_named([target.endpoint])} as {state} {reason}".rstrip())
        self.stirs(group)


def _told(target: Target, *, stale: bool) -> TargetHealth:
    state, reason = target.before if stale and target.before is not None else (target.state, target.reason)
    address, port = target.endpoint
    return TargetHealth(target=address, port=port, state=state, reason=reason, description=reason)


def _named(endpoints: Sequence[Endpoint]) -> str:
    return ", ".join(f"{target}:{port}" for target, port in endpoints)
