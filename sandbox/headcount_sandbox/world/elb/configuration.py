"""What was configured, as values: a picture of load balancers, listeners, rules and target groups at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

APPLICATION_PROTOCOLS = frozenset({"HTTP", "HTTPS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How targets are checked; times in seconds, `port` None is the port that takes the traffic."""

    enabled: bool
    protocol: str
    port: int | None
    path: str
    interval: float
    timeout: float
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """A target group; `protocol` and `port` are None where the targets are functions."""

    arn: str
    name: str
    protocol: str | None
    protocol_version: str | None
    port: int | None
    vpc_id: str | None
    target_type: str
    check: HealthCheck
    attributes: Mapping[str, str]

    @property
    def is_application(self) -> bool:
        """Whether it is for application load balancers."""
        return self.protocol in APPLICATION_PROTOCOLS or self.target_type == "lambda"

    @property
    def metric_name(self) -> str:
        """Its dimension in metrics."""
        return self.arn.rpartition(":")[2]

    def seconds(self, attribute: str, otherwise: float) -> float:
        return float(self.attributes.get(attribute, otherwise))

    def is_on(self, attribute: str, *, otherwise: bool) -> bool:
        return self.attributes.get(attribute, str(otherwise)).lower() == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """To target groups (their ARNs) by weight."""

    weights: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Parts are AWS's, with `#{host}` and the like."""

    status: int
    protocol: str
    host: str
    port: str
    path: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedResponse:
    status: int
    content_type: str
    body: str


Action = Forward | Redirect | FixedResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a rule: any of the values will do. `name` is that of a header; a query value has a key."""

    field: str
    values: tuple[str, ...] = ()
    name: str = ""
    pairs: tuple[tuple[str | None, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """All conditions must hold; the default rule has none and comes last. Without an action it answers nothing."""

    arn: str
    priority: int | None
    conditions: tuple[Condition, ...]
    action: Action | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener with its rules in the order of their priority."""

    arn: str
    balancer: str
    port: int
    protocol: str
    certificate: str | None
    rules: tuple[Rule, ...]

    @property
    def is_application(self) -> bool:
        return self.protocol in APPLICATION_PROTOCOLS

    @property
    def groups(self) -> frozenset[str]:
        """The ARNs of the groups that it forwards to."""
        return frozenset(arn for rule in self.rules if isinstance(rule.action, Forward) for arn in rule.action.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """`kind` is application, network or gateway."""

    arn: str
    name: str
    kind: str
    vpc_id: str
    attributes: Mapping[str, str]

    @property
    def metric_name(self) -> str:
        return self.arn.partition(":loadbalancer/")[2]


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Everything, by ARN."""

    balancers: Mapping[str, LoadBalancer] = field(default_factory=dict)
    listeners: Mapping[str, Listener] = field(default_factory=dict)
    groups: Mapping[str, TargetGroup] = field(default_factory=dict)

    @cached_property
    def users(self) -> Mapping[str, Sequence[str]]:
        """The load balancers that forward to a group; a group that none forwards to is not in use."""
        found: dict[str, list[str]] = {}
        for listener in self.listeners.values():
            for group in listener.groups:
                if listener.balancer not in found.setdefault(group, []):
                    found[group].append(listener.balancer)
        return found
