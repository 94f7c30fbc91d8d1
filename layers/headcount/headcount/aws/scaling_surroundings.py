"""What policies look at, and whether it is there: asked when a manifest is applied, for warnings alone."""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from headcount.model.scaling import Function, PredefinedMetric, Scaling, StepScaling, TargetTracking
from headcount.ports.controlling import Surroundings
from headcount.scaling.queries import MEASURED_BY_FAMILY

SETTING, ON = "containerInsights", ("enabled", "enhanced")
ALARMS_AT_ONCE = 100  # CloudWatch API: DescribeAlarms
Found = TypeVar("Found")

_NAME = 6  # of a function, among the parts of its ARN


class AwsSurroundings:
    """The ``ScalingSurroundings`` on ECS and CloudWatch, by boto3's clients.

    ``functions``: ARNs of the users' functions that the stack may invoke; the name may end in ``*``.
    """

    def __init__(self, ecs: Any, cloudwatch: Any, functions: Sequence[str]) -> None:
        self.ecs = ecs
        self.cloudwatch = cloudwatch
        self.functions = functions

    def look(self, cluster: str, scaling: Scaling) -> Surroundings:
        """Up to three calls, each of them only if a policy depends on what it tells."""
        alarms = sorted({name for one in scaling.policies if isinstance(one, StepScaling) for name in one.alarms})
        asked = [one.function for one in scaling.policies if isinstance(one, Function)]
        by_family = any(map(_is_by_family, scaling.policies))
        return Surroundings(
            container_insights=_unless_refused(lambda: self._insights(cluster)) if by_family else None,
            missing_alarms=_unless_refused(lambda: self._missing(alarms)) if alarms else None,
            forbidden_functions=tuple(one for one in asked if not self._may_invoke(one)),
        )

    def _insights(self, cluster: str) -> bool | None:
        answer = self.ecs.describe_clusters(clusters=[cluster], include=["SETTINGS"])
        settings = [one for found in answer["clusters"] for one in found.get("settings", ())]
        values = [one["value"] for one in settings if one["name"] == SETTING]
        return values[0] in ON if values else None

    def _missing(self, names: Sequence[str]) -> tuple[str, ...]:
        kinds = ["MetricAlarm", "CompositeAlarm"]
        found = set[str]()
        for first in range(0, len(names), ALARMS_AT_ONCE):
            some = list(names[first : first + ALARMS_AT_ONCE])
            answer = self.cloudwatch.describe_alarms(AlarmNames=some, AlarmTypes=kinds, MaxRecords=ALARMS_AT_ONCE)
            found |= {one["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for one in answer.get(kind, ())}
        return tuple(name for name in names if name not in found)

    def _may_invoke(self, function: str) -> bool:
        """By the function's name: versions and aliases are its own."""
        return any(fnmatchcase(_name_of(function), pattern) for pattern in _names(self.functions))


def _is_by_family(policy: object) -> bool:
    metric = policy.metric if isinstance(policy, TargetTracking) else None
    return isinstance(metric, PredefinedMetric) and metric.metric_type in MEASURED_BY_FAMILY


def _names(functions: Iterable[str]) -> Iterable[str]:
    return (_name_of(one) for one in functions)


def _name_of(function: str) -> str:
    """``decide`` of ``decide``, ``decide:live`` and the ARNs of both."""
    parts = function.split(":")
    return parts[_NAME] if parts[0] == "arn" and len(parts) > _NAME else parts[0]


def _unless_refused(look: Callable[[], Found]) -> Found | None:
    """What was found; None if AWS does not say: a warning is not worth a refused apply."""
    try:
        return look()
    except (BotoCoreError, ClientError, KeyError):
        return None
