"""Who takes traffic: the target groups of a service, what is registered in them, how the targets do, when to look.

The *ledger* of a target group holds what Headcount registered there (``ledgers.py`` changes it). A target's health
counts only if it was seen after its registration: an address may have belonged to another task before.

Sources: ELB API, DescribeTargetHealth; ECS API, DeploymentConfiguration.minimumHealthyPercent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from headcount.model.manifest import LoadBalancer
from headcount.model.service import DeclaredService, ServiceState
from headcount.model.target import Balancing, Endpoint, GroupTargets, KnownGroup, Registration, TargetHealth
from headcount.model.task import Task
from headcount.model.values import asked_again, dataclass, replace
from headcount.planning.words import clock_time

FIRST_LOOK_SECONDS = 1.0  # after ELB answered: even the quickest health check takes as long
QUICKEST_LOOK_SECONDS, SLOWEST_LOOK_SECONDS = 2.0, 10.0  # while a target is to become healthy
SICK_LOOK_SECONDS = 10.0  # while one is unhealthy
SICK_WATCH_SECONDS, SLOW_WATCH_SECONDS = 120.0, 600.0  # so long one that is not healthy is watched: then on the minute
STILL_DRAINING_SECONDS = 5.0  # when a target drains for longer than its group's delay, as that was known
LONGEST_DELAY_SECONDS = 3600.0  # ELB: deregistration_delay.timeout_seconds
BLIND_SECONDS = 60.0  # so long after the delay a target counts as drained, though ELB does not tell
MISSING_AFTER_SECONDS = 10.0  # ELB is eventually consistent: a target just registered may not show yet
LINGER_SECONDS = 30.0  # a pass ends within 20 s: a late call to register, of one that gave way, is over by then
GONE_SECONDS = 60.0  # so long a group that ELB does not know is left alone

WELL_AFTER_CHECKS = 6  # ELB: HealthyThresholdCount is 5 by default, and one check may be under way

_CHECKS_ARE_OFF = "Target.HealthCheckDisabled"
_NOT_IN_USE = "Target.NotInUse"  # registered, in a group that no listener forwards to
_UNHEALTHY = ("unhealthy", "unhealthy.draining")


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancedPort:
    """A container's port and the target group that gives it traffic."""

    group: KnownGroup
    container: str
    port: int

    def endpoint(self, task: Task, network_mode: str, ec2_instances: Mapping[str, str]) -> Endpoint | None:
        """What the task is to the group; None while that is not known."""
        observed = task.observed
        if self.group.target_type == "ip":
            return None if observed.address is None else (observed.address, self.port)
        instance = ec2_instances.get(observed.container_instance or "")
        if instance is None or self.group.target_type != "instance":
            return None
        for one in observed.ports:
            if (one.container, one.container_port) == (self.container, self.port):
                return instance, one.host_port
        return (instance, self.port) if network_mode == "host" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The targets of a service at one moment.

    ``wanted``: where tasks of the declared deployment are to be registered; ``previous``: those of the one before.
    ``unknown``: the declared target groups that nobody has found yet, in the manifest's words.
    ``entries``: what is on the ledgers of each task, with the group's ARN.
    """

    is_balanced: bool = False
    wanted: tuple[BalancedPort, ...] = ()
    previous: tuple[BalancedPort, ...] = ()
    unknown: tuple[str, ...] = ()
    groups: Mapping[str, KnownGroup]
    ledgers: Mapping[str, GroupTargets]
    entries: Mapping[str, Sequence[tuple[str, Registration]]]
    health: Mapping[tuple[str, Endpoint], TargetHealth]

    @property
    def has_a_say(self) -> bool:
        """Whether the health of any task depends on target groups."""
        return self.is_balanced or bool(self.entries)

    def health_of(self, group: str, entry: Registration) -> TargetHealth | None:
        """How a target does, if that was seen since it was registered.

        One that has been unhealthy since before may have been another task's: ELB needs as many checks to see that it
        is well again as for any target.
        """
        seen = self.ledgers[group].seen
        if seen is None or entry.registered_at is None or seen.seen_at < entry.registered_at:
            return None
        health = self.health.get((group, (entry.target, entry.port)))
        if health is None or health.state not in _UNHEALTHY or health.since >= entry.registered_at:
            return health
        judged_at = entry.registered_at + self.known(group).interval_seconds * WELL_AFTER_CHECKS
        return health if seen.seen_at >= judged_at else None

    def active(self, task: Task) -> list[tuple[str, Registration]]:
        """The registrations of a task that are meant to stay."""
        return [one for one in self.entries.get(task.task_id, ()) if one[1].leaving_at is None]

    def is_healthy(self, task: Task, *, is_current: bool) -> bool | None:
        """Whether the task is healthy in all its target groups; None if target groups have no say.

        A task of an older deployment is judged by the groups that it is in: the declared ones may be others.
        """
        if is_current and not self.is_balanced:
            return None
        if is_current and self.unknown:
            return False
        entries = dict(self.active(task))
        if not (entries or is_current):
            return None
        for group in [one.group.arn for one in self.wanted] if is_current else entries:
            if group not in entries or not _is_well(self.health_of(group, entries[group])):
                return False
        return True

    def unhealthy(self, task: Task, *, is_current: bool) -> tuple[KnownGroup, TargetHealth] | None:
        """The target of the task that has been unhealthy for longest, and its group.

        A group that the manifest no longer names says nothing of tasks of the declared deployment.
        """
        named = {port.group.arn for port in self.wanted} if is_current and not self.unknown else self.ledgers.keys()
        sick = [
            (self.known(group), replace(health, since=max(health.since, entry.registered_at or 0.0)))
            for group, entry in self.active(task)
            if (health := self.health_of(group, entry)) is not None and health.state in _UNHEALTHY and group in named
        ]
        return min(sick, key=lambda one: (one[1].since, one[0].arn), default=None)

    def known(self, arn: str) -> KnownGroup:
        """A group as ELB has it, or as ELB has groups by default where nobody has looked at it."""
        return self.groups.get(arn) or KnownGroup(key=arn, arn=arn)

    def delay(self, arn: str) -> float:
        """Seconds that a target drains. A group without a load balancer has no connections to wait for."""
        known = self.groups.get(arn)
        return 0.0 if known is not None and not known.load_balancers else self.known(arn).delay_seconds

    def is_drained(self, arn: str, entry: Registration, now: float) -> bool:
        """Whether a target is out of rotation: the delay is over, and ELB says so, or is silent for too long."""
        if self.is_gone(arn, now):
            return True
        if entry.left_at is None or self.is_back(arn, entry):
            return False
        due = entry.left_at + self.delay(arn)
        seen = self.ledgers[arn].seen
        if seen is not None and seen.seen_at >= due:
            health = self.health.get((arn, entry.endpoint))
            draining = health is not None and health.state == "draining"
            return not draining or now >= entry.left_at + LONGEST_DELAY_SECONDS + BLIND_SECONDS
        return now >= due + BLIND_SECONDS

    def is_back(self, arn: str, entry: Registration) -> bool:
        """Whether ELB shows a target in rotation after it left: a late call of an earlier pass put it there again."""
        seen = self.ledgers[arn].seen
        if seen is None or entry.left_at is None or seen.seen_at <= entry.left_at:
            return False
        health = self.health.get((arn, entry.endpoint))
        return health is not None and (health.state not in ("draining", "unused") or health.reason == _NOT_IN_USE)

    def draining(self, task_id: str, now: float) -> bool:
        """Whether something of a task is in rotation, or not yet out of it."""
        return any(not self.is_drained(group, entry, now) for group, entry in self.entries.get(task_id, ()))

    def is_gone(self, arn: str, now: float) -> bool:
        """Whether ELB said lately that it does not know the group."""
        ledger = self.ledgers.get(arn)
        seen = ledger.seen if ledger is not None else None
        return seen is not None and seen.gone and now < seen.seen_at + GONE_SECONDS

    def out_at(self, task_id: str) -> float | None:
        """When the last of a task's targets has drained, as far as ELB has answered."""
        ends = [
            entry.left_at + self.delay(group)
            for group, entry in self.entries.get(task_id, ())
            if entry.left_at is not None
        ]
        return max(ends, default=None)


def rotation_of(state: ServiceState, declared: DeclaredService) -> Rotation:
    """Look once at the ledgers and at what ELB said."""
    if not declared.manifest.load_balancers and not state.targets and state.balancing is None:
        return NOTHING
    return _rotation_of(declared, state.balancing, state.targets)


@asked_again
def _rotation_of(declared: DeclaredService, balancing: Balancing | None, targets: Sequence[GroupTargets]) -> Rotation:
    manifest = declared.manifest
    entries: dict[str, list[tuple[str, Registration]]] = {}
    health: dict[tuple[str, Endpoint], TargetHealth] = {}
    for ledger in targets:
        group = ledger.group
        for entry in ledger.registrations:
            entries.setdefault(entry.task, []).append((group, entry))
        for one in ledger.seen.targets if ledger.seen is not None else ():
            health[group, (one.target, one.port)] = one
    before = declared.previous.manifest.load_balancers if declared.previous else ()
    known = {one.key: one for one in balancing.groups} if balancing else {}
    return Rotation(
        is_balanced=bool(manifest.load_balancers),
        wanted=tuple(_ports(manifest.load_balancers, known)),
        previous=tuple(_ports(before, known)),
        unknown=tuple(one.target_group for one in manifest.load_balancers if one.target_group not in known),
        groups={one.arn: one for one in known.values()},
        ledgers={ledger.group: ledger for ledger in targets},
        entries=entries,
        health=health,
    )


NOTHING = Rotation(groups={}, ledgers={}, entries={}, health={})


def groups_to_look_at(state: ServiceState, now: float) -> tuple[str, ...]:
    """The target groups (ARNs) whose targets' health a pass needs to know now."""
    return tuple(group for group, at in _looks(state, now) if at <= now)


def next_look_at(state: ServiceState, now: float, rotation: Rotation | None = None) -> float | None:
    """When a pass will need to know a target's health; None: never, as far as is known. ``rotation``: the state's."""
    return min((max(at, now) for _, at in _looks(state, now, rotation)), default=None)


def _looks(state: ServiceState, now: float, rotation: Rotation | None = None) -> Iterator[tuple[str, float]]:
    if state.declared is None or not state.targets:
        return
    throttle = state.status.elb_throttle
    patience = throttle.until if throttle is not None and throttle.until > now else 0.0
    rotation = rotation or rotation_of(state, state.declared)
    awaited = {task.task_id for task in state.tasks if task.observed.desired_status == "RUNNING"}
    for ledger in state.targets:
        times = list(_look_times(rotation, ledger, awaited))
        if times:
            yield ledger.group, max(min(times), patience)


def _look_times(rotation: Rotation, ledger: GroupTargets, awaited: set[str]) -> Iterable[float]:
    """When each thing that ELB alone can tell wants to be known."""
    seen_at = ledger.seen.seen_at if ledger.seen is not None else 0.0
    known, delay = rotation.known(ledger.group), rotation.delay(ledger.group)
    pace = min(max(known.interval_seconds / 3.0, QUICKEST_LOOK_SECONDS), SLOWEST_LOOK_SECONDS)
    if ledger.suspect_at is not None and ledger.suspect_at > seen_at and ledger.registrations:
        yield ledger.suspect_at
    for entry in ledger.registrations:
        if entry.left_at is not None:
            waits = entry.task in awaited
            due = entry.left_at + delay if waits else entry.at + LINGER_SECONDS
            if seen_at < due:
                yield due
            elif waits and not rotation.is_drained(ledger.group, entry, seen_at):
                yield seen_at + STILL_DRAINING_SECONDS
        elif entry.leaving_at is None and entry.registered_at is not None:
            health = rotation.health_of(ledger.group, entry)
            if health is None:
                yield max(entry.registered_at + FIRST_LOOK_SECONDS, seen_at + pace)
            elif health.state in _UNHEALTHY:
                if seen_at < health.since + SICK_WATCH_SECONDS:
                    yield seen_at + SICK_LOOK_SECONDS
            elif not _is_well(health) and seen_at < health.since + SLOW_WATCH_SECONDS:
                yield seen_at + pace


def is_missing(rotation: Rotation, group: str, entry: Registration) -> bool:
    """Whether ELB has lost a target that Headcount registered: somebody took it out, or a late call did."""
    ledger = rotation.ledgers[group]
    if ledger.seen is None or entry.registered_at is None or ledger.seen.gone:
        return False
    if ledger.seen.seen_at < entry.registered_at + MISSING_AFTER_SECONDS:
        return False
    health = rotation.health.get((group, (entry.target, entry.port)))
    return health is None or health.state == "draining" or health.reason == "Target.NotRegistered"


def ill(health: TargetHealth, group: KnownGroup) -> str:
    """One phrase for people."""
    said = ": ".join(part for part in (health.reason, health.description) if part)
    return f"unhealthy in target group {name_of(group.arn)} since {clock_time(health.since)}" + (
        f" ({said})" if said else ""
    )


def name_of(arn: str) -> str:
    """``web`` of ``arn:aws:elasticloadbalancing:...:targetgroup/web/0123456789abcdef``."""
    parts = arn.split("/")
    return parts[1] if len(parts) > 1 else arn


def _ports(declared: Iterable[LoadBalancer], known: Mapping[str, KnownGroup]) -> Iterator[BalancedPort]:
    for one in declared:
        if one.target_group in known:
            yield BalancedPort(group=known[one.target_group], container=one.container_name, port=one.container_port)


def _is_well(health: TargetHealth | None) -> bool:
    if health is None:
        return False
    return health.state == "healthy" or (health.state == "unavailable" and health.reason == _CHECKS_ARE_OFF)
