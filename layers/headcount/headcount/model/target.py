"""Targets: addresses of tasks in target groups, as Headcount registered them and as Elastic Load Balancing sees them.

One record ``targets#...`` a service and target group has two parts with a writer each: the *ledger* of what Headcount
registered and takes out again (``reconcile_service``), and what ELB said of it last (whoever looked, newest wins).
"""

from collections.abc import Iterable
from typing import Literal

from headcount.model.values import dataclass

TargetState = Literal["initial", "healthy", "unhealthy", "unhealthy.draining", "unused", "draining", "unavailable"]
Endpoint = tuple[str, int]
"""What a target is to its group: (IP address or EC2 instance id, port)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """One target as ``DescribeTargetHealth`` tells it. ``since``: when it was first seen in this state."""

    target: str
    port: int
    state: str
    reason: str = ""
    description: str = ""
    since: float = 0.0

    @property
    def endpoint(self) -> Endpoint:
        """Its address and port."""
        return self.target, self.port


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsSeen:
    """What ELB said of a target group. ``targets``: all of it; ``foreign`` counts those that are not on the ledger.

    ``gone``: ELB does not know the group (any more).
    """

    seen_at: float
    targets: tuple[TargetHealth, ...] = ()
    foreign: int = 0
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One entry of a ledger: a target that Headcount registered for a task. Times are Headcount's own clock.

    ``at``: decided and recorded; ``registered_at``: ELB answered. ``leaving_at``: decided to take it out of rotation,
    ``because``; ``left_at``: ELB answered ``DeregisterTargets``: the deregistration delay runs from here.
    ``refused``: ELB's words, where it refused the last call about this target; ``refused_at``: when.
    """

    task: str
    target: str
    port: int
    at: float
    registered_at: float | None = None
    leaving_at: float | None = None
    because: str = ""
    left_at: float | None = None
    refused: str = ""
    refused_at: float | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Its address and port."""
        return self.target, self.port


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTargets:
    """One service's targets in one target group. ``suspect_at``: when an alarm said last that targets are unhealthy."""

    group: str
    registrations: tuple[Registration, ...] = ()
    seen: TargetsSeen | None = None
    suspect_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGroup:
    """A target group as ELB has it. ``key``: what the manifest calls it, its ARN or the declared name.

    ``load_balancers``: ARNs of the load balancers whose listeners forward to it; without any, targets stay ``unused``.
    """

    key: str
    arn: str
    target_type: str = "ip"
    protocol: str = "HTTP"
    delay_seconds: float = 300.0
    interval_seconds: float = 30.0
    unhealthy_threshold: int = 2
    load_balancers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedResource:
    """Something that Headcount created for a service: it keeps it as declared, and deletes it in the end.

    ``kind``: ``loadBalancer``, ``listener``, ``targetGroup``, ``rule``, ``lambdaPermission`` or ``alarm``; ``key``:
    what the manifest calls it; ``arn``: AWS's name of it; ``mark``: of the declaration that it was last found to be as
    declared by, empty while it never was.
    """

    kind: str
    key: str
    arn: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancing:
    """The record ``balancing``: the target groups of a service as they are, and what Headcount created for it.

    ``keep_load_balancers`` alone writes it. ``generation``: of the manifest that was looked at; ``fingerprint``: of
    what it declares of load balancing (empty in a record of an older version); ``problems``: what stands against it, a
    sentence each. A service that is deleted is ready to end when nothing is ``owned``.
    """

    generation: int = 0
    fingerprint: str = ""
    checked_at: float = 0.0
    groups: tuple[KnownGroup, ...] = ()
    owned: tuple[OwnedResource, ...] = ()
    problems: tuple[str, ...] = ()
    removed: bool = False

    def group(self, key: str) -> KnownGroup | None:
        """The target group that the manifest calls ``key``."""
        return next((one for one in self.groups if one.key == key), None)


def keep_since(before: TargetsSeen | None, seen: Iterable[TargetHealth], at: float) -> tuple[TargetHealth, ...]:
    """What was seen at ``at``, each target with the time since when it has been in its state."""
    known = {(one.target, one.port, one.state): one.since for one in (before.targets if before else ())}
    return tuple(
        TargetHealth(
            target=one.target,
            port=one.port,
            state=one.state,
            reason=one.reason,
            description=one.description,
            since=known.get((one.target, one.port, one.state), at),
        )
        for one in seen
    )


def seen_of(ledger: GroupTargets, answer: Iterable[TargetHealth] | None, at: float) -> TargetsSeen:
    """What ELB answered when it was asked at ``at``; None: it does not know the group.

    All of the group is kept: whoever looked may have read an older ledger, and must not make a new target look lost.
    """
    told = tuple(answer or ())
    known = {(entry.target, entry.port) for entry in ledger.registrations}
    return TargetsSeen(
        seen_at=at,
        targets=keep_since(ledger.seen, told, at),
        foreign=sum((one.target, one.port) not in known for one in told),
        gone=answer is None,
    )
