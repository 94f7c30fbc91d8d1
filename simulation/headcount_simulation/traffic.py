"""What traffic simulated services take: their target groups, and what they want done with unhealthy tasks."""

from collections.abc import Mapping
from dataclasses import field
from random import Random
from typing import Any, Final

from headcount.model.values import dataclass
from headcount_simulation.addresses import CONTAINER

BALANCED: Final = 0.4  # how likely a service has target groups
MOST_GROUPS: Final = 3
FIRST_PORT: Final = 80
CHECK_TIMEOUT_SECONDS: Final = 2
_ACTIONS: Final = ("replace", "replace", "replace", "replace", "stopRouting", "ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Target groups of a service, as many as ``groups`` at first. ``declared``: Headcount keeps them, else they exist.

    ``delay``: of deregistration, in seconds; ``interval`` and ``threshold`` of the health checks.
    ``few_addresses``: a task gets the address that was given back last. ``one_port``: all groups give traffic to the
    same port, so that another number of groups is no other deployment.
    """

    groups: int = 1
    declared: bool = False
    delay: int = 30
    interval: int = 10
    threshold: int = 2
    few_addresses: bool = False
    one_port: bool = False

    def port(self, number: int) -> int:
        """The container port of a group, by its number."""
        return FIRST_PORT if self.one_port else FIRST_PORT + number

    def declaration(self, name: str, port: int, target_type: str) -> Mapping[str, Any]:
        """A target group in a manifest."""
        delay = {"key": "deregistration_delay.timeout_seconds", "value": str(self.delay)}
        return {
            "name": name,
            "protocol": "HTTP",
            "port": port,
            "vpcId": "vpc-1",
            "targetType": target_type,
            "healthCheckIntervalSeconds": self.interval,
            "healthCheckTimeoutSeconds": CHECK_TIMEOUT_SECONDS,
            "unhealthyThresholdCount": self.threshold,
            "targetGroupAttributes": [delay],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a manifest says of unhealthy tasks. ``unhealthy``: the block ``unhealthyTasks``, {} for AWS's ways."""

    grace: int = 0
    unhealthy: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of the manifest."""
        grace = {"healthCheckGracePeriodSeconds": self.grace} if self.grace else {}
        return {**grace, **({"unhealthyTasks": dict(self.unhealthy)} if self.unhealthy else {})}

    @property
    def replaces(self) -> bool:
        """Whether every unhealthy task is replaced, whoever says that it is unhealthy."""
        action = self.unhealthy.get("action", "replace")
        return {action, self.unhealthy.get("targetAction", action)} == {"replace"}


def entry(port: int) -> dict[str, Any]:
    """One entry of ``loadBalancers``, without its target group."""
    return {"containerName": CONTAINER, "containerPort": port}


def draw_traffic(random: Random) -> Traffic | None:
    """Two in five services have target groups, a third of those ones that Headcount keeps."""
    if random.random() >= BALANCED:
        return None
    return Traffic(
        groups=random.choice((1, 1, 1, 2, 3)),
        declared=random.random() < 0.35,
        delay=random.choice((0, 5, 30, 60, 300)),
        interval=random.choice((10, 30)),
        threshold=random.choice((2, 3)),
        few_addresses=random.random() < 0.7,
        one_port=random.random() < 0.5,
    )


def draw_terms(random: Random) -> Terms:
    """Half of the services leave it at the defaults."""
    if random.random() < 0.5:
        return Terms(grace=random.choice((0, 60)))
    unhealthy: dict[str, Any] = {
        "action": random.choice(_ACTIONS),
        "afterSeconds": random.choice((0, 0, 30)),
        "atOncePercent": random.choice((25, 50, 100)),
        "freezeAbovePercent": random.choice((40, 50, 75)),
    }
    if random.random() < 0.3:
        unhealthy["targetAction"] = random.choice(_ACTIONS)
    return Terms(grace=random.choice((0, 60, 180)), unhealthy=unhealthy)
