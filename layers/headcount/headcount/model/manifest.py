"""What a user declares for one service, in ECS's words.

``headcount.model.manifest_parser`` makes these values from a document; everybody else may trust them.
Defaults are those of ECS's ``CreateService`` where ECS has one (ECS API: CreateService).
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from headcount.model.values import dataclass

MAXIMUM_TASKS = 5000  # ECS quota: tasks per service
FARGATE_CAPACITY = ("FARGATE", "FARGATE_SPOT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """How failing tasks are slowed down (`+`). Seconds. ``initial_seconds`` 0 turns the backoff off."""

    initial_seconds: float = 5
    maximum_seconds: float = 300
    reset_after_seconds: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a task may stay in each transient state before it is stopped and counted as failed (`+`). Seconds."""

    provisioning_seconds: float = 300
    pending_seconds: float = 900
    activating_seconds: float = 600
    stopping_seconds: float = 600
    disconnected_seconds: float = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class MaximumAge:
    """How long a task may run before it is replaced (`+`). Each task draws its own age, up to so many percent less."""

    seconds: float
    jitter_percent: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacitySource:
    """One way to start tasks: a launch type or a capacity provider.

    ``base`` and ``weight`` divide the service's tasks as a ``capacityProviderStrategy`` does. ``zones``: those it is
    used in; all if empty.
    """

    launch_type: str | None = None
    capacity_provider: str | None = None
    base: int = 0
    weight: int = 1
    zones: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What tasks started so are called after: the capacity provider, or the launch type."""
        return self.capacity_provider or self.launch_type or "unknown"


def is_fargate(capacity: str) -> bool:
    """Whether a launch type or capacity provider of this name is Fargate's; all others stand on EC2 instances."""
    return capacity in FARGATE_CAPACITY


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityReturn:
    """How tasks return from a fallback (`+`): once what they fell from refused nothing for so long, so many at once."""

    after_seconds: float = 600
    at_once_percent: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class UnhealthyTasks:
    """What happens to tasks that are unhealthy (`+`): by their containers' health checks, or in a target group.

    ``action``: ``replace`` (start a replacement, then drain and stop), ``stopRouting`` (out of rotation, not stopped)
    or ``ignore``. ``target_action``: the same for tasks whose containers are well and whose targets are not (None: as
    ``action``). Acted on after ``after_seconds`` of being unhealthy; at most ``at_once_percent`` of the desired count
    at once; nothing is killed while more than ``freeze_above_percent`` of the tasks are unhealthy.
    """

    action: str = "replace"
    target_action: str | None = None
    after_seconds: float = 0
    at_once_percent: int = 25
    freeze_above_percent: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """One entry of ``loadBalancers``: a container's port that takes traffic from a target group.

    ``target_group`` is an existing group's ARN or, where ``declared`` is given, the name of one that Headcount keeps.
    ``declared``: a ``CreateTargetGroup`` request and ``attributes`` its target group attributes, in AWS's own spelling.
    ``rules``: ``CreateRule`` requests without actions, that forward to the group; each with ``ListenerArn``, or with
    ``Listener`` (``<load balancer's name>:<port>``) for a listener declared in ``elasticLoadBalancers``.
    """

    container_name: str
    container_port: int
    target_group: str
    declared: Mapping[str, Any] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTarget:
    """A Lambda function behind rules of a listener (`+` ``functionTargets``), such as a maintenance page.

    ``declared`` is a ``CreateTargetGroup`` request with ``TargetType`` ``lambda``; ``rules`` as in ``LoadBalancer``.
    """

    function_arn: str
    target_group: str
    declared: Mapping[str, Any]
    attributes: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticLoadBalancer:
    """A load balancer that Headcount keeps (`+` ``elasticLoadBalancers``), if the stack may manage load balancers.

    ``declared``: a ``CreateLoadBalancer`` request; ``attributes`` its attributes; ``listeners``: ``CreateListener``
    requests without ``LoadBalancerArn``, whose forward actions may say ``TargetGroup`` (a declared group's name)
    instead of ``TargetGroupArn``. All in AWS's own spelling.
    """

    name: str
    declared: Mapping[str, Any]
    attributes: Mapping[str, str] = field(default_factory=dict)
    listeners: tuple[Mapping[str, Any], ...] = ()


DEFAULT_SCALE_IN_ORDER = (
    "notRunning",
    "unhealthy",
    "oldRevision",
    "crowdedCapacityProvider",
    "crowdedZone",
    "crowdedInstance",
    "newest",
)
SCALE_IN_RULES = (*DEFAULT_SCALE_IN_ORDER, "oldest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One service as declared: ``kind: Service``, or with ``native`` an ECS service that is only scaled.

    ``run_task`` holds what goes to every ``RunTask`` unchanged, in AWS's own spelling (``platformVersion``,
    ``overrides``, ``placementStrategy`` and the like); ``tags`` are the user's own.
    ``inline_task_definition`` is a ``RegisterTaskDefinition`` request in AWS's own spelling; ``task_definition`` is its
    family then.
    ``desired_count``: the starting value; None where it was not said, as ``scaling`` allows, and of native services.
    ``scaling``: the block in its canonical form; ``manifest_scaling_values.declared_scaling`` gives it as values.
    Of a ``native`` service (``kind: NativeService``) nothing but ``scaling`` is declared; ECS has the rest.
    """

    cluster: str
    service_name: str
    task_definition: str
    desired_count: int | None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    assign_public_ip: str = "DISABLED"
    sources: tuple[CapacitySource, ...] = (CapacitySource(launch_type="FARGATE"),)
    fallback: tuple[CapacitySource, ...] = ()
    capacity_return: CapacityReturn = CapacityReturn()
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    restarts: Restarts = Restarts()
    deadlines: Deadlines = Deadlines()
    maximum_age: MaximumAge | None = None
    zone_rebalancing: bool = True
    strict_zone_spread: bool = False
    scale_in_prefer: tuple[str, ...] = DEFAULT_SCALE_IN_ORDER
    run_task: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[tuple[str, str], ...] = ()
    inline_task_definition: Mapping[str, Any] | None = None
    load_balancers: tuple[LoadBalancer, ...] = ()
    function_targets: tuple[FunctionTarget, ...] = ()
    elastic_load_balancers: tuple[ElasticLoadBalancer, ...] = ()
    health_check_grace_seconds: int = 0
    unhealthy_tasks: UnhealthyTasks = UnhealthyTasks()
    scaling: Mapping[str, Any] | None = None
    native: bool = False

    @property
    def starting_count(self) -> int:
        """The desired count of a service that has none yet: the manifest's own, else the minimum of its scaling."""
        if self.desired_count is not None:
            return self.desired_count
        return 0 if self.scaling is None else int(self.scaling["minCapacity"])

    @property
    def service(self) -> str:
        """The service key, ``<cluster>/<serviceName>``."""
        return f"{self.cluster}/{self.service_name}"
