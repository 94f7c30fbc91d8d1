"""The block ``scaling`` of a manifest: what each key may be by itself, in Application Auto Scaling's own words.

What must hold between keys stands in ``manifest_scaling_checks``. Keys of requests that name the service are accepted,
so that requests can be pasted in; ``+`` marks what AWS has no field for.
"""

import re
from operator import itemgetter
from typing import Any, Final

from headcount.model.manifest_kinds import Block, Flag, Kind, ListOf, OneOf, Text, Unsupported, Whole
from headcount.model.manifest_scaling_kinds import (
    LARGEST,
    AlarmName,
    Fact,
    Instant,
    Number,
    OneItem,
    Period,
    ScheduleText,
    ZoneName,
)

MOST_POLICIES, MOST_ACTIONS, MOST_STEPS = 50, 200, 20  # AWS's quotas
MOST_METRICS = 10  # of one metric math
MOST_TASKS = 5000  # ECS's quota of a service
WEEK = 7 * 86400
PREDEFINED = ("ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization", "ALBRequestCountPerTarget")
OF_NATIVE_SERVICES = tuple(f"{name}HighResolution" for name in PREDEFINED[:2])


def _text(allowed: str, pattern: str) -> Text:
    return Text(allowed=allowed, pattern=re.compile(pattern, re.ASCII))


_NAME = Text(
    allowed="1 to 256 characters without : / |", pattern=re.compile(r"(?! )[^\x00-\x1f\x7f-\x9f:/|]{1,256}(?<! )")
)
_METRIC = Text(allowed="a name of 1 to 255 characters", pattern=re.compile(r"[^\x00-\x1f]{1,255}"))
_QUERY_ID = _text("a name of letters, digits and _ that begins with a small letter", r"[a-z][A-Za-z0-9_]{0,254}")
_COUNT = Whole(minimum=0, maximum=MOST_TASKS, why="tasks")
_SECONDS = Whole(minimum=0, maximum=WEEK, why="seconds")
_STATISTIC = OneOf(values=("Average", "Minimum", "Maximum", "SampleCount", "Sum"))


DIMENSIONS = ListOf(
    maximum=30,
    identity=itemgetter("name"),
    item=Block(required={"name": "", "value": ""}, fields={"name": _METRIC, "value": _METRIC}),
)
METRICS = ListOf(
    minimum=1,
    maximum=MOST_METRICS,
    identity=itemgetter("id"),
    item=Block(
        required={"id": ""},
        fields={
            "id": _QUERY_ID,
            "label": Text(allowed="a string"),
            "expression": Text(allowed="metric math, 1 to 2048 characters", pattern=re.compile(r"(?s:.{1,2048})")),
            "metricStat": Block(
                required={"metric": "", "stat": ""},
                fields={
                    "metric": Block(
                        required={"namespace": "", "metricName": ""},
                        fields={"namespace": _METRIC, "metricName": _METRIC, "dimensions": DIMENSIONS},
                    ),
                    "stat": _METRIC,
                    "unit": _METRIC,
                    "period": Period(),  # +
                },
            ),
            "returnData": Flag(),
        },
    ),
)
TARGET_TRACKING = Block(
    required={"targetValue": ""},
    fields={
        "targetValue": Number(least=2.0**-360, most=LARGEST, why="above 0"),
        "predefinedMetricSpecification": Block(
            required={"predefinedMetricType": ""},
            fields={
                "predefinedMetricType": OneOf(values=(*PREDEFINED, *OF_NATIVE_SERVICES)),
                "resourceLabel": _text(
                    "app/<load balancer>/<id>/targetgroup/<target group>/<id>",
                    r"app/[A-Za-z0-9-]{1,32}/[0-9a-f]{1,32}/targetgroup/[A-Za-z0-9-]{1,32}/[0-9a-f]{1,32}",
                ),
            },
        ),
        "customizedMetricSpecification": Block(
            fields={
                "metricName": _METRIC,
                "namespace": _METRIC,
                "dimensions": DIMENSIONS,
                "statistic": _STATISTIC,
                "unit": _METRIC,
                "metrics": METRICS,
            }
        ),
        "scaleOutCooldown": _SECONDS,
        "scaleInCooldown": _SECONDS,
        "disableScaleIn": Flag(),
        "evaluation": Block(  # +
            fields={
                "period": Period(),
                "outPeriods": Whole(minimum=1, maximum=1440),
                "inPeriods": Whole(minimum=1, maximum=1440),
            }
        ),
    },
)
STEP_SCALING = Block(
    required={"adjustmentType": "", "stepAdjustments": ""},
    fields={
        "adjustmentType": OneOf(values=("ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity")),
        "stepAdjustments": ListOf(
            minimum=1,
            maximum=MOST_STEPS,
            item=Block(
                required={"scalingAdjustment": ""},
                fields={
                    "metricIntervalLowerBound": Number(),
                    "metricIntervalUpperBound": Number(),
                    "scalingAdjustment": Whole(minimum=-(10**6), maximum=10**6),
                },
            ),
        ),
        "minAdjustmentMagnitude": _COUNT,
        "cooldown": _SECONDS,
        "metricAggregationType": OneOf(values=("Average", "Minimum", "Maximum")),
    },
)
_CUSTOM: dict[str, Kind] = {"scaleOutCooldown": _SECONDS, "scaleInCooldown": _SECONDS, "disableScaleIn": Flag()}
EXPRESSION = Block(  # +
    required={"expression": ""},
    fields={"expression": Text(allowed="a formula in CEL"), "metrics": METRICS, **_CUSTOM},
)
BACKLOG = Block(  # +
    required={"perTask": ""},
    fields={
        "queueName": _text("the name of an SQS queue", r"[A-Za-z0-9_-]{1,80}(\.fifo)?"),
        "metrics": METRICS,
        "perTask": Number(least=0.001, most=1e9, why="work that one task takes"),
        "activation": Number(least=0, most=1e9),
        "atOnce": Whole(minimum=1, maximum=100_000, why="work that one task has in hand at a time"),
        **_CUSTOM,
    },
)
FUNCTION = Block(  # +
    required={"functionName": ""},
    fields={
        "functionName": _text("the name or ARN of a Lambda function", r"[A-Za-z0-9:_$-]{1,170}"),
        "timeoutSeconds": Number(least=0.1, most=20),
        "metrics": METRICS,
        **_CUSTOM,
    },
)
LIMITS = Block(  # +
    fields={
        "minCapacity": _COUNT,
        "maxCapacity": _COUNT,
        "maxStepOut": Whole(minimum=1, maximum=MOST_TASKS, why="tasks"),
        "maxStepIn": Whole(minimum=1, maximum=MOST_TASKS, why="tasks"),
        "stabilizationWindowSeconds": Whole(minimum=0, maximum=86400, why="seconds"),
        "panic": Block(
            fields={
                "percent": Whole(minimum=110, maximum=10_000, why="of the target, or of the desired count"),
                "periods": Whole(minimum=1, maximum=60),
                "holdSeconds": Whole(minimum=0, maximum=86400, why="seconds"),
            }
        ),
    }
)
CONFIGURATIONS: Final = {
    "TargetTrackingScaling": "targetTrackingScalingPolicyConfiguration",
    "StepScaling": "stepScalingPolicyConfiguration",
    "Expression": "expressionPolicyConfiguration",
    "Backlog": "backlogPolicyConfiguration",
    "Function": "functionPolicyConfiguration",
}
"""The key that each type of policy has its configuration under."""

_OF_REQUESTS: dict[str, Kind] = {
    "serviceNamespace": OneOf(values=("ecs",)),
    "resourceId": _text("service/<cluster>/<service>", r"service/[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}"),
    "scalableDimension": OneOf(values=("ecs:service:DesiredCount",)),
    "creationTime": Fact(),
}
POLICY = Block(
    required={"policyName": ""},
    fields={
        "policyName": _NAME,
        "policyType": OneOf(
            values=tuple(CONFIGURATIONS),
            refused={"PredictiveScaling": "forecasts are not made; scheduledActions can do it by the clock"},
        ),
        "targetTrackingScalingPolicyConfiguration": TARGET_TRACKING,
        "stepScalingPolicyConfiguration": STEP_SCALING,
        "predictiveScalingPolicyConfiguration": Unsupported(reason="forecasts are not made"),
        "expressionPolicyConfiguration": EXPRESSION,
        "backlogPolicyConfiguration": BACKLOG,
        "functionPolicyConfiguration": FUNCTION,
        "alarms": ListOf(maximum=10, item=AlarmName(), identity=str),  # + in requests
        "limits": LIMITS,
        "policyARN": Fact(),
        **_OF_REQUESTS,
    },
)
SCHEDULED_ACTION = Block(
    required={"scheduledActionName": "", "schedule": "", "scalableTargetAction": ""},
    fields={
        "scheduledActionName": _NAME,
        "schedule": ScheduleText(),
        "timezone": ZoneName(),
        "startTime": Instant(),
        "endTime": Instant(),
        "scalableTargetAction": Block(fields={"minCapacity": _COUNT, "maxCapacity": _COUNT}),
        "scheduledActionARN": Fact(),
        **_OF_REQUESTS,
    },
)


def name_of(policy: dict[str, Any]) -> str:
    """A policy's name; of one that was written without: its metric's."""
    if "policyName" in policy:
        return str(policy["policyName"])
    tracked = policy[CONFIGURATIONS["TargetTrackingScaling"]]
    predefined, customized = (
        tracked.get("predefinedMetricSpecification", {}),
        tracked.get("customizedMetricSpecification", {}),
    )
    return str(predefined.get("predefinedMetricType") or customized.get("metricName") or "targetTracking")


SCALING = Block(
    required={"minCapacity": "", "maxCapacity": ""},
    fields={
        "minCapacity": _COUNT,
        "maxCapacity": _COUNT,
        "suspendedState": Block(
            fields={
                "dynamicScalingInSuspended": Flag(),
                "dynamicScalingOutSuspended": Flag(),
                "scheduledScalingSuspended": Flag(),
            }
        ),
        "policies": ListOf(
            maximum=MOST_POLICIES,
            identity=name_of,
            item=OneItem(
                whole=POLICY,
                short=TARGET_TRACKING,
                told_by="targetValue",
                wrapped_in=CONFIGURATIONS["TargetTrackingScaling"],
            ),
        ),
        "scheduledActions": ListOf(
            maximum=MOST_ACTIONS, identity=itemgetter("scheduledActionName"), item=SCHEDULED_ACTION
        ),
        "scalableTargetARN": Fact(),
        "predictedCapacity": Fact(),
        "roleARN": Fact(),  # Headcount's functions have roles of their own
        "tags": Unsupported(reason="there is no scalable target that could have tags"),
        **_OF_REQUESTS,
    },
)
