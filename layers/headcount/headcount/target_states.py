"""Targets as people are told of them: the ledgers of what Headcount registered, with what ELB said of it last.

What passes decide on stands in ``planning.rotation``; here everything has a state and a sentence.
"""

from collections.abc import Iterable, Mapping

from headcount.model.manifest import LoadBalancer
from headcount.model.service import ServiceState
from headcount.model.target import Endpoint, GroupTargets, KnownGroup, Registration, TargetHealth
from headcount.model.task import Task
from headcount.model.values import dataclass
from headcount.planning.rotation import MISSING_AFTER_SECONDS, name_of

CHECKED = ("initial", "healthy", "unhealthy")  # states of targets that ELB checks
CHECKS_ARE_OFF, NOT_IN_USE = "Target.HealthCheckDisabled", "Target.NotInUse"
NOT_REGISTERED, NO_GROUP = "Target.NotRegistered", "TargetGroupNotFound"
WORDS = {NOT_IN_USE: "no listener forwards here"}  # where ELB's own code says too little


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """A target group of a service. ``key``: what the manifest calls it, None where it no longer does.

    ``known``: as ``keep_load_balancers`` found it; ``recorded``: its ledger and what ELB said.
    """

    key: str | None
    arn: str | None
    entries: tuple[LoadBalancer, ...] = ()
    known: KnownGroup | None = None
    recorded: GroupTargets | None = None

    @property
    def name(self) -> str:
        """``web`` of ``arn:aws:elasticloadbalancing:...:targetgroup/web/0123456789abcdef``, or the declared name."""
        return name_of(self.arn or self.key or "")

    @property
    def delay_seconds(self) -> float:
        """How long a target that leaves finishes what it has begun; no connections are there without a listener."""
        if self.known is None:
            return KnownGroup(key="", arn="").delay_seconds  # as ELB has groups by default
        return self.known.delay_seconds if self.known.load_balancers else 0.0

    @property
    def is_in_use(self) -> bool:
        """Whether ELB checks its targets: only where a listener forwards to it, which ``known`` may not show yet."""
        seen = self.recorded.seen.targets if self.recorded and self.recorded.seen else ()
        return any(one.state.partition(".")[0] in CHECKED and one.reason != NOT_IN_USE for one in seen)

    @property
    def problem(self) -> str | None:
        """Why it cannot bring traffic to any task, as far as that shows in the group itself."""
        seen = self.recorded.seen if self.recorded else None
        if seen is not None and seen.gone:
            return "Elastic Load Balancing does not know it any more"
        if self.arn is None:
            return "it does not exist yet"
        if self.known is not None and not self.known.load_balancers and not self.is_in_use:
            return f"{WORDS[NOT_IN_USE]}, so its targets stay unused"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A task's address in a target group. ``health`` is in ELB's words. ``drained_at``: when ELB lets go of it."""

    group: TargetGroup
    registration: Registration
    health: TargetHealth
    container: str | None = None
    drained_at: float | None = None

    @property
    def is_leaving(self) -> bool:
        """Whether Headcount takes it out of rotation, or has."""
        return self.registration.leaving_at is not None or self.registration.left_at is not None

    @property
    def is_well(self) -> bool:
        """Whether ELB sends it traffic; it knows nothing of health where health checks are switched off."""
        return self.health.state == "healthy" or self.health.reason == CHECKS_ARE_OFF

    @property
    def has_left(self) -> bool:
        """Whether ELB has let go of it: its entry stays in the ledger for a while."""
        return self.registration.left_at is not None and self.health.reason in (NOT_REGISTERED, NO_GROUP)

    @property
    def why(self) -> str:
        """``Target.ResponseCodeMismatch (Health checks failed with these codes: [500])``; may be empty."""
        reason, said = self.health.reason, self.health.description
        said = WORDS.get(reason, said)
        return f"{reason} ({said})" if reason and said else reason or said


def groups_of(state: ServiceState) -> tuple[TargetGroup, ...]:
    """The service's target groups: those of the manifest, in its order, then what else is known or registered in."""
    entries: dict[str, list[LoadBalancer]] = {}
    if state.declared is not None:
        for entry in state.declared.manifest.load_balancers:
            entries.setdefault(entry.target_group, []).append(entry)
    known = {one.key: one for one in state.balancing.groups} if state.balancing else {}
    recorded = {one.group: one for one in state.targets}
    groups: list[TargetGroup] = []
    for key in dict.fromkeys((*entries, *known)):
        found = known.get(key)
        arn = found.arn if found else key if key.startswith("arn:") else None
        ledger = recorded.pop(arn, None) if arn else None
        used = tuple(entries.get(key, ()))
        groups.append(TargetGroup(key=key, arn=arn, entries=used, known=found, recorded=ledger))
    rest = (TargetGroup(key=None, arn=one.group, recorded=one) for one in recorded.values() if one.registrations)
    return (*groups, *rest)


def targets_in(group: TargetGroup, tasks: Mapping[str, Task]) -> tuple[Target, ...]:
    """The targets of a group's ledger as they are. ``tasks`` of the service, by id."""
    if group.recorded is None:
        return ()
    seen = group.recorded.seen
    by_endpoint = {one.endpoint: one for one in seen.targets} if seen else {}
    return tuple(
        Target(
            group=group,
            registration=one,
            health=_health(one, group.recorded, by_endpoint),
            container=_container(one, group.entries, tasks.get(one.task)),
            drained_at=None if one.left_at is None else one.left_at + group.delay_seconds,
        )
        for one in group.recorded.registrations
    )


def targets_of(state: ServiceState) -> dict[str, list[Target]]:
    """The targets of every task that has any, in the order of the groups. Of tasks whose record is gone, too."""
    tasks = {task.task_id: task for task in state.tasks}
    found: dict[str, list[Target]] = {}
    for group in groups_of(state):
        for target in targets_in(group, tasks):
            found.setdefault(target.registration.task, []).append(target)
    return found


def _health(one: Registration, recorded: GroupTargets, seen: Mapping[Endpoint, TargetHealth]) -> TargetHealth:
    """What ELB said of a target, unless that was before Headcount's last call that it answered: then what follows it.

    An address that was another task's before must not lend it its health.
    """
    since = next(at for at in (one.left_at, one.registered_at, one.at) if at is not None)
    if recorded.seen is not None and recorded.seen.seen_at >= since:
        if recorded.seen.gone:
            return _as("unused", NO_GROUP, one, recorded.seen.seen_at)
        if one.endpoint in seen:
            return seen[one.endpoint]
        if one.left_at is not None or _is_missing(one, recorded.seen.seen_at):
            return _as("unused", NOT_REGISTERED, one, recorded.seen.seen_at)
    if one.left_at is not None:
        return _as("draining", "Target.DeregistrationInProgress", one, since)
    return _as("initial", "Elb.RegistrationInProgress", one, since)


def _is_missing(one: Registration, seen_at: float) -> bool:
    return one.registered_at is not None and seen_at >= one.registered_at + MISSING_AFTER_SECONDS


def _as(state: str, reason: str, one: Registration, since: float) -> TargetHealth:
    return TargetHealth(target=one.target, port=one.port, state=state, reason=reason, since=since)


def _container(one: Registration, entries: Iterable[LoadBalancer], task: Task | None) -> str | None:
    """Whose port it is: the only container of the group, or the one that is reached at this port."""
    candidates = list(entries)
    if len(candidates) == 1:
        return candidates[0].container_name
    ports = {port.host_port: (port.container, port.container_port) for port in (task.observed.ports if task else ())}
    reached = ports.get(one.port)
    for entry in candidates:
        is_reached = reached == (entry.container_name, entry.container_port)
        if is_reached or (reached is None and one.port == entry.container_port):
            return entry.container_name
    return None
