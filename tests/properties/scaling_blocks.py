"""Blocks ``scaling`` of manifests, as people may write them."""

from typing import Any

from hypothesis import strategies as st

NAMES = st.text("abcXYZ 019_-.", min_size=1, max_size=12).filter(lambda name: name == name.strip())
IDS = st.sampled_from(["m1", "backlog", "each", "total_1"])
SECONDS = st.integers(0, 604800)
TASKS = st.integers(0, 5000)
STATISTICS = st.sampled_from(["Average", "Minimum", "Maximum", "SampleCount", "Sum"])
CPU = {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}
REQUESTS = {
    "predefinedMetricType": "ALBRequestCountPerTarget",
    "resourceLabel": "app/web/0123456789abcdef/targetgroup/web/fedcba9876543210",
}


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def bounds(smallest: int = 0) -> st.SearchStrategy[dict[str, int]]:
    pairs = st.tuples(st.integers(smallest, 5000), st.integers(smallest, 5000)).map(sorted)
    return pairs.map(lambda pair: {"minCapacity": pair[0], "maxCapacity": pair[1]})


METRIC = st.fixed_dictionaries(
    {"namespace": NAMES, "metricName": NAMES},
    optional={"dimensions": st.lists(NAMES, unique=True, max_size=3).map(lambda names: [_dimension(n) for n in names])},
)
STAT = st.fixed_dictionaries(
    {"metric": METRIC, "stat": STATISTICS},
    optional={"unit": st.just("Count"), "period": st.sampled_from([10, 20, 30, 60, 300])},
)
QUERIES = st.lists(IDS, min_size=1, max_size=3, unique=True).flatmap(
    lambda ids: st.tuples(*(STAT.map(lambda stat, one=one: {"id": one, "metricStat": stat}) for one in ids)).map(list)
)
COOLDOWNS = optional(scaleOutCooldown=SECONDS, scaleInCooldown=SECONDS, disableScaleIn=st.booleans())
LIMITS = st.builds(
    lambda own, rest: {**own, **rest},
    st.just({}) | bounds(),
    optional(
        maxStepOut=st.integers(1, 5000),
        maxStepIn=st.integers(1, 5000),
        stabilizationWindowSeconds=st.integers(0, 86400),
        panic=optional(percent=st.integers(110, 10000), periods=st.integers(1, 60), holdSeconds=st.integers(0, 86400)),
    ),
)


def _dimension(name: str) -> dict[str, str]:
    return {"name": name, "value": "x"}


def _one_returned(queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**query, "returnData": number == 0} for number, query in enumerate(queries)]


TRACKED = (
    st.sampled_from([CPU, REQUESTS]).map(lambda metric: {"predefinedMetricSpecification": metric})
    | QUERIES.map(lambda queries: {"customizedMetricSpecification": {"metrics": _one_returned(queries)}})
    | st.tuples(METRIC, STATISTICS).map(
        lambda pair: {"customizedMetricSpecification": {**pair[0], "statistic": pair[1]}}
    )
)
TRACKING = st.builds(
    lambda target, tracked, cooldowns, more: {"targetValue": target, **tracked, **cooldowns, **more},
    st.floats(0.001, 1e9) | st.integers(1, 10**9) | st.integers(1, 100).map(str),
    TRACKED,
    COOLDOWNS,
    optional(evaluation=optional(period=st.sampled_from([10, 60, 120]), outPeriods=st.integers(1, 9))),
)
STEPS = st.lists(st.integers(1, 1000), min_size=0, max_size=5, unique=True).map(
    lambda edges: [
        {"metricIntervalLowerBound": lower, **({} if upper is None else {"metricIntervalUpperBound": upper})}
        for lower, upper in zip([0, *sorted(edges)], [*sorted(edges), None], strict=True)
    ]
)
STEPPING = st.builds(
    lambda kind, steps, adjustment, more: {
        "adjustmentType": kind,
        "stepAdjustments": [{**step, "scalingAdjustment": adjustment} for step in steps],
        **more,
        **({"minAdjustmentMagnitude": 2} if kind == "PercentChangeInCapacity" else {}),
    },
    st.sampled_from(["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"]),
    STEPS,
    st.integers(0, 1000),
    optional(cooldown=SECONDS, metricAggregationType=st.sampled_from(["Average", "Minimum", "Maximum"])),
)
FORMULAS = st.sampled_from(
    ["running", "desired + 1", "minimum > 3 ? maximum : desired * 2", "math.ceil(double(running) / 3.0)"]
)
EXPRESSION = st.builds(lambda formula, rest: {"expression": formula, **rest}, FORMULAS, COOLDOWNS)
BACKLOG = st.builds(
    lambda per_task, rest, more: {"queueName": "jobs", "perTask": per_task, **rest, **more},
    st.floats(0.001, 1e9),
    COOLDOWNS,
    optional(activation=st.floats(0, 1e9), atOnce=st.integers(1, 100_000)),
)
FUNCTION = st.builds(
    lambda rest, more: {"functionName": "decide", **rest, **more},
    COOLDOWNS,
    optional(timeoutSeconds=st.floats(0.1, 20), metrics=QUERIES),
)


@st.composite
def policies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Policies of all kinds, each with a name of its own."""
    found = []
    for name in draw(st.lists(NAMES, unique=True, max_size=4)):
        kind, configuration = draw(
            TRACKING.map(lambda one: ("targetTrackingScalingPolicyConfiguration", one))
            | STEPPING.map(lambda one: ("stepScalingPolicyConfiguration", one))
            | EXPRESSION.map(lambda one: ("expressionPolicyConfiguration", one))
            | BACKLOG.map(lambda one: ("backlogPolicyConfiguration", one))
            | FUNCTION.map(lambda one: ("functionPolicyConfiguration", one))
        )
        alarms = {"alarms": ["high"]} if kind.startswith("step") else {}
        found.append({"policyName": name, kind: configuration, **alarms, **draw(optional(limits=LIMITS))})
    return found


ACTIONS = st.lists(NAMES, unique=True, max_size=3).flatmap(
    lambda names: st.tuples(
        *(
            st.fixed_dictionaries(
                {
                    "scheduledActionName": st.just(name),
                    "schedule": st.sampled_from(["rate(1 day)", "cron(0 8 ? * MON-FRI *)", "at(2027-01-01T00:00:00)"]),
                    "scalableTargetAction": bounds() | st.just({"minCapacity": 3}) | st.just({"maxCapacity": 3}),
                },
                optional={
                    "timezone": st.sampled_from(["UTC", "Asia/Seoul", "America/St_Johns"]),
                    "startTime": st.just("2026-09-21T14:14:00Z") | st.floats(1e9, 1.7e9),
                    "endTime": st.just(1.9e9),
                },
            )
            for name in names
        )
    ).map(list)
)


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, Any]:
    """A whole block."""
    return {
        **draw(bounds()),
        **draw(optional(policies=policies(), scheduledActions=ACTIONS)),
        **draw(optional(suspendedState=optional(dynamicScalingInSuspended=st.booleans()))),
    }
