"""The whole world of one service, as one pass reads it, and the status it leaves for the next."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from headcount.model.manifest import Manifest
from headcount.model.scaling_record import ScalingRecord
from headcount.model.target import Balancing, GroupTargets
from headcount.model.task import Task
from headcount.model.values import dataclass

Level = Literal["INFO", "WARN", "ERROR"]

ANY_ZONE = "any"  # where ECS chooses the zone: network modes other than awsvpc


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Something decided, or decided against, with the reason that people read at three in the morning.

    ``kind`` is one of ``docs/contracts.md``'s history kinds; ``event_name`` is ECS's name of the event to publish.
    """

    kind: str
    reason: str
    level: Level = "INFO"
    event_name: str | None = None
    task: str | None = None
    launch: str | None = None
    deployment: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredService:
    """The record ``manifest``: what was declared, and what ``control`` resolved when it was (task definition, zones).

    ``incarnation`` tells a service from an earlier one of the same name. ``zones`` are (zone, subnets) pairs, by name;
    outside ``awsvpc`` the zone is ECS's choice and there is one pair, (``ANY_ZONE``, no subnets).
    A change of what tasks are made of makes a new ``deployment``; ``generation`` counts every change.
    ``previous`` is the declaration that ``rollback`` returns to, the last whose deployment was completed.
    ``registered``: the ARNs of task definitions that Headcount itself registered for this service, from inline ones.
    ``container_health_interval``: seconds, the shortest of its containers' health checks.
    """

    manifest: Manifest
    generation: int
    incarnation: str
    deployment: str
    revision: str
    deployed_at: float
    task_definition_arn: str
    zones: tuple[tuple[str, tuple[str, ...]], ...]
    container_health_check: bool = False
    container_health_interval: float = 30.0
    deleting_at: float | None = None
    network_mode: str = "awsvpc"
    registered: tuple[str, ...] = ()
    previous: "DeclaredService | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The record ``capacity``. ``declared_count`` is the manifest's own number at the last apply, if it had one."""

    desired_count: int
    declared_count: int | None
    reason: str = ""
    changed_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A task that scale-in and deployments leave alone until ``until``."""

    task: str
    until: float
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """A task that is set aside for inspection: it runs on, counts for nothing, and another one takes its place."""

    task: str
    at: float
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWish:
    """A task that somebody wants stopped."""

    task: str
    at: float
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A service that is switched off (``stop``: no task runs) or left as it is (``freeze``), its count kept.

    ``until``: epoch seconds; None: until somebody resumes it.
    """

    mode: Literal["stop", "freeze"]
    at: float
    until: float | None = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A count that holds until a time instead of the desired count, which is kept."""

    count: int
    at: float
    until: float
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorWishes:
    """The record ``operator``: what people asked for, apart from the count."""

    protections: tuple[Protection, ...] = ()
    standbys: tuple[Standby, ...] = ()
    stops: tuple[StopWish, ...] = ()
    pause: Pause | None = None
    override: Override | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cordon:
    """A zone in which no task of a cluster is started; with ``evacuate`` those that are there are replaced."""

    zone: str
    at: float
    evacuate: bool = False
    until: float | None = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterWishes:
    """The record ``operator`` of a cluster: what people asked for in all its services."""

    cordons: tuple[Cordon, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """An intent to start tasks: one ``RunTask`` call, recorded verbatim before it is sent."""

    launch_id: str
    count: int
    zone: str
    capacity: str = "FARGATE"
    deployment: str
    at: float
    reason: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How failing tasks of one deployment are slowed down.

    A round is one generation of failing tasks: it began when one launched after the last round's beginning failed.
    Until ``until`` the slots of failed tasks stay empty; ``refused``: ``RunTask`` itself was refused, so all slots do.
    """

    deployment: str
    round: int
    began_at: float
    until: float
    reason: str
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRefusal:
    """A place (a zone, for one ``capacity``) that takes no tasks, skipped until ``until``.

    ``since``: when it refused last; ``refusals`` in a row.
    ``deployment``: set where ECS refused the request itself, which another deployment may mend; None for capacity.
    """

    zone: str
    capacity: str = "FARGATE"
    refusals: int
    since: float
    until: float
    reason: str
    deployment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """ECS asked for patience: no calls before ``until``. ``times`` in a row."""

    times: int
    until: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One revision of a service, as far as it got. Newest first in ``ServiceStatus.deployments``."""

    deployment_id: str
    task_definition_arn: str
    created_at: float
    rollout_state: Literal["IN_PROGRESS", "COMPLETED"] = "IN_PROGRESS"
    completed_at: float | None = None
    failed_tasks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """ECS's counts of a service. ``stopping``: told to stop and not yet gone."""

    desired: int = 0
    running: int = 0
    pending: int = 0
    stopping: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """The record ``status``: what one pass leaves for the next, and for people.

    ``launches_paid_at``: when Fargate's bucket will be full again, as far as this service's launches empty it.
    ``moving``: tasks on their way to a better place; the tasks too many are their replacements.
    ``elb_throttle``: Elastic Load Balancing asked for patience. ``balancing_asked_at``: when ``keep_load_balancers``
    was last asked to look, ``scaling_asked_at``: when ``decide_scaling`` was; ``health_looked_at``: when a pass last
    asked for container health.
    """

    generation: int = 0
    state: str = "NEW"
    state_reason: str = "not looked at yet"
    counts: Counts = Counts()
    deployments: tuple[Deployment, ...] = ()
    backoff: Backoff | None = None
    zones: tuple[ZoneRefusal, ...] = ()
    throttle: Throttle | None = None
    launches_paid_at: float = 0.0
    steady_since: float | None = None
    announced_at: float | None = None
    next_wake: float | None = None
    decisions: tuple[Decision, ...] = ()
    deregistered: tuple[str, ...] = ()
    moving: int = 0
    elb_throttle: Throttle | None = None
    balancing_asked_at: float | None = None
    scaling_asked_at: float | None = None
    health_looked_at: float = 0.0

    def is_deploying(self, deployment: str) -> bool:
        """Whether the declared deployment is not known to be completed."""
        newest = next(iter(self.deployments), None)
        return newest is None or newest.deployment_id != deployment or newest.rollout_state == "IN_PROGRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """Everything one pass decides on. ``declared`` is None for a service that nobody declares (any more).

    ``ec2_instances``: the EC2 instance (``i-...``) of each container instance (ARN) that has been asked about.
    """

    service: str
    install: str
    pass_number: int
    declared: DeclaredService | None
    capacity: Capacity | None
    operator: OperatorWishes
    status: ServiceStatus
    tasks: tuple[Task, ...]
    launches: tuple[Launch, ...]
    cordons: tuple[Cordon, ...] = ()
    balancing: Balancing | None = None
    scaling: ScalingRecord | None = None
    targets: tuple[GroupTargets, ...] = ()
    ec2_instances: Mapping[str, str] = field(default_factory=dict)
