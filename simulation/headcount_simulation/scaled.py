"""How simulated services scale: what they declare, and what loads them."""

from random import Random
from typing import Any, Final

from headcount.model.values import dataclass
from headcount_simulation.instants import HOUR, STARTS_AT

SCALED: Final = 0.3  # how likely a service is
POLICY: Final = "cpu"
METRIC: Final = "ECSServiceAverageCPUUtilization"
FULL: Final = 100.0  # a task cannot be busier
NOON: Final = "noon"
EVENING: Final = "evening"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """One target tracking policy, and two scheduled actions where ``more_from`` (seconds of the day) is said.

    ``demand``: so many tasks would be wholly busy with the load, at first.
    """

    minimum: int
    maximum: int
    target: int
    cooldown_out: int
    cooldown_in: int
    demand: float
    more_from: float | None = None
    less_from: float | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The key of the manifest."""
        tracking = {
            "targetValue": float(self.target),
            "predefinedMetricSpecification": {"predefinedMetricType": METRIC},
            "scaleOutCooldown": self.cooldown_out,
            "scaleInCooldown": self.cooldown_in,
        }
        policy = {
            "policyName": POLICY,
            "policyType": "TargetTrackingScaling",
            "targetTrackingScalingPolicyConfiguration": tracking,
        }
        scaling: dict[str, Any] = {"minCapacity": self.minimum, "maxCapacity": self.maximum, "policies": [policy]}
        if self.more_from is not None and self.less_from is not None:
            more = min(self.minimum + 2, self.maximum)
            scaling["scheduledActions"] = [
                _action(NOON, STARTS_AT + self.more_from, more),
                _action(EVENING, STARTS_AT + self.less_from, self.minimum),
            ]
        return {"scaling": scaling}


def _action(name: str, at: float, minimum: int) -> dict[str, Any]:
    """Every day at that time, in UTC."""
    hour, minute = divmod(int(at % (24 * HOUR) // 60), 60)
    return {
        "scheduledActionName": name,
        "schedule": f"cron({minute} {hour} * * ? *)",
        "scalableTargetAction": {"minCapacity": minimum},
    }


def draw_scaled(random: Random) -> Scaled | None:
    """Three in ten services scale; one in three of those has scheduled actions."""
    if random.random() >= SCALED:
        return None
    minimum = random.randint(1, 3)
    scheduled = random.random() < 0.35
    return Scaled(
        minimum=minimum,
        maximum=minimum + random.randint(3, 9),
        target=random.choice((40, 50, 70)),
        cooldown_out=random.choice((0, 60, 120)),
        cooldown_in=random.choice((60, 120, 300)),
        demand=random.uniform(0.2, 5.0),
        more_from=random.uniform(3 * HOUR, 8 * HOUR) if scheduled else None,
        less_from=random.uniform(10 * HOUR, 16 * HOUR) if scheduled else None,
    )
