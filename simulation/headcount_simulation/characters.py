"""What simulated services are like: their manifests for a whole day, beside what people change."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from random import Random
from typing import Any, Final

from headcount.model.values import dataclass, replace
from headcount_simulation.addresses import CONTAINER
from headcount_simulation.instances import MACHINES, SPOT_MACHINES
from headcount_simulation.scaled import Scaled
from headcount_simulation.traffic import FIRST_PORT, MOST_GROUPS, Terms, Traffic, draw_terms, draw_traffic

CLUSTER: Final = "prod"
ZONES: Final = {"subnet-a": "eu-west-1a", "subnet-b": "eu-west-1b", "subnet-c": "eu-west-1c"}
WITNESS: Final = f"{CLUSTER}/witness"
LARGE: Final = 0.02  # how likely a service is large
PERCENTAGES: Final = ((100, 200), (0, 100), (50, 200), (0, 200), (0, 150), (50, 100))
FARGATE: Final[Mapping[str, Any]] = {"launchType": "FARGATE"}
_INLINE: Final = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """What a service is like for the whole day, beside what people change.

    ``capacity`` and ``extras`` are parts of the manifest as they stand. ``inline``: so is its task definition.
    ``traffic``: its target groups, None for a service without; ``terms``: what becomes of unhealthy tasks. ``scaled``:
    how it scales; then the manifest says no count.
    """

    service: str
    desired: int
    percentages: tuple[int, int]
    subnets: tuple[str, ...]
    restarts: Mapping[str, float]
    deadlines: Mapping[str, float]
    checks_health: bool
    capacity: Mapping[str, Any] = field(default_factory=lambda: FARGATE)
    extras: Mapping[str, Any] = field(default_factory=dict)
    network: str = "awsvpc"
    inline: bool = False
    traffic: Traffic | None = None
    terms: Terms = field(default_factory=Terms)
    scaled: Scaled | None = None

    @property
    def uses_machines(self) -> bool:
        """Whether tasks may stand on container instances."""
        return "machines" in str(self.capacity) or "EC2" in str(self.capacity)

    @property
    def is_plain(self) -> bool:
        """Whether the version before could have had it."""
        plain = self.capacity == FARGATE and not self.extras and not self.inline
        return plain and self.traffic is None and self.scaled is None and not self.terms.unhealthy

    def manifest(
        self,
        revision: int,
        desired: int,
        percentages: tuple[int, int],
        load_balancers: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:
        """The manifest that is applied."""
        awsvpc = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": list(self.subnets)}}}
        ports = [{"containerPort": FIRST_PORT + number} for number in range(MOST_GROUPS)] if self.traffic else []
        container = {"name": CONTAINER, "image": f"app:{revision}", "essential": True, "portMappings": ports}
        inline = {**_INLINE, "family": self.service.replace("/", "-"), "containerDefinitions": [container]}
        return {
            "kind": "Service",
            "cluster": CLUSTER,
            "serviceName": self.service.partition("/")[2],
            "taskDefinition": inline if self.inline else f"web:{revision}",
            **({"desiredCount": desired} if self.scaled is None else self.scaled.settings),
            **self.capacity,
            **(awsvpc if self.network == "awsvpc" else {}),
            "deploymentConfiguration": {"minimumHealthyPercent": percentages[0], "maximumPercent": percentages[1]},
            "restarts": dict(self.restarts),
            "deadlines": dict(self.deadlines),
            **self.extras,
            **({"loadBalancers": list(load_balancers)} if load_balancers else {}),
            **self.terms.settings,
        }


def draw_character(random: Random, service: str) -> Character:
    """Half of the services are plain ones on Fargate."""
    subnets = tuple(sorted(random.sample(sorted(ZONES), random.randint(1, 3))))
    deadlines = random.choice(({}, {"provisioningSeconds": 120, "pendingSeconds": 240, "activatingSeconds": 60}))
    capacity = random.choice(_CAPACITIES)(random) if random.random() < 0.5 else FARGATE
    on_machines = "FARGATE" not in str(capacity)
    return Character(
        service=service,
        desired=random.randint(20, 60) if random.random() < LARGE else random.randint(0, 5),
        percentages=random.choice(PERCENTAGES),
        subnets=subnets,
        restarts={"initialSeconds": random.choice((5, 10)), "maximumSeconds": random.choice((200, 300))},
        deadlines={**deadlines, **({"disconnectedSeconds": random.choice((120, 600))} if on_machines else {})},
        checks_health=random.random() < 0.3,
        capacity=capacity,
        extras=_extras(random),
        network="bridge" if on_machines and random.random() < 0.5 else "awsvpc",
        inline="FARGATE" in str(capacity) and "machines" not in str(capacity) and random.random() < 0.2,
    )


def with_traffic(random: Random, character: Character) -> Character:
    """The service with the target groups that it may have, and its terms where anybody can be unhealthy."""
    traffic, terms = draw_traffic(random), draw_terms(random)
    unchecked = traffic is None and not character.checks_health
    return replace(character, traffic=traffic, terms=Terms() if unchecked else terms)


def _extras(random: Random) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if random.random() < 0.1:
        extras["availabilityZoneSpread"] = "STRICT"
    if random.random() < 0.1:
        extras["maximumAge"] = {"seconds": random.choice((4 * 3600, 8 * 3600)), "jitterPercent": 50}
    return extras


def _return(random: Random) -> dict[str, Any]:
    return {"afterSeconds": random.choice((60, 300)), "atOncePercent": random.choice((20, 50))}


def _strategy(random: Random, first: str, second: str) -> list[dict[str, Any]]:
    weights = random.choice(((1, 1), (1, 4), (3, 1)))
    base = random.randint(0, 2)
    return [
        {"capacityProvider": first, "base": base, "weight": weights[0]},
        {"capacityProvider": second, "weight": weights[1]},
    ]


def _shared(random: Random) -> dict[str, Any]:
    """Base and weights over on demand and Spot."""
    return {
        "capacityProviderStrategy": _strategy(random, "FARGATE", "FARGATE_SPOT"),
        "capacityReturn": _return(random),
    }


def _spot_first(random: Random) -> dict[str, Any]:
    """Spot, and on demand while Spot refuses."""
    return {
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
        "capacityFallback": [{"capacityProvider": "FARGATE"}],
        "capacityReturn": _return(random),
    }


def _instances(random: Random) -> dict[str, Any]:
    del random
    return {"launchType": "EC2"}


def _machines(random: Random) -> dict[str, Any]:
    """Two kinds of machines, shared."""
    return {
        "capacityProviderStrategy": _strategy(random, MACHINES, SPOT_MACHINES),
        "capacityReturn": _return(random),
    }


def _spot_machines_first(random: Random) -> dict[str, Any]:
    """Machines on Spot, then on demand, and Fargate while both refuse."""
    fallback = [{"capacityProvider": MACHINES}, *([{"launchType": "FARGATE"}] if random.random() < 0.5 else [])]
    return {
        "capacityProviderStrategy": [{"capacityProvider": SPOT_MACHINES}],
        "capacityFallback": fallback,
        "capacityReturn": _return(random),
    }


_CAPACITIES: Final = (_shared, _spot_first, _instances, _machines, _spot_machines_first)
