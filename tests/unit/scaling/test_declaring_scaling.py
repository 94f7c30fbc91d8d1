"""The block ``scaling``: AWS's documents as they are, what is refused and how it is said, and back to a document."""

from typing import Any, Final

import pytest

from headcount.model.manifest_kinds import INVALID
from headcount.model.manifest_scaling import SCALING
from headcount.model.manifest_scaling_checks import check_scaling
from headcount.model.manifest_scaling_values import scaling_of, written_scaling
from headcount.model.metrics import MetricQuery, MetricStat
from headcount.model.problem import Problem
from headcount.model.scaling import (
    Backlog,
    Cooldowns,
    Evaluation,
    Expression,
    Function,
    Limits,
    Panic,
    PredefinedMetric,
    ScalableTarget,
    Scaling,
    ScheduledAction,
    Step,
    StepScaling,
    Suspended,
    TargetTracking,
)
from headcount.scaling.queries import Measured, tracked_queries

BOUNDS: Final = {"minCapacity": 2, "maxCapacity": 40}
PASTED: Final = {
    "TargetValue": 50.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 60,
}
LABEL: Final = "app/web/0123456789abcdef/targetgroup/web/fedcba9876543210"
CPU: Final = PredefinedMetric(metric_type="ECSServiceAverageCPUUtilization")
BACKLOG_PER_TASK: Final = {
    "TargetValue": 100,
    "CustomizedMetricSpecification": {
        "Metrics": [
            {
                "Id": "m1",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/SQS",
                        "MetricName": "ApproximateNumberOfMessagesVisible",
                        "Dimensions": [{"Name": "QueueName", "Value": "jobs"}],
                    },
                    "Stat": "Sum",
                },
                "ReturnData": False,
            },
            {"Id": "e1", "Label": "backlog per task", "Expression": "m1 / 4", "ReturnData": True},
        ]
    },
}


def declared(*policies: dict[str, Any], **more: Any) -> Scaling | list[str]:
    """What a block declares, or what is wrong with it."""
    reading = SCALING.read("scaling", {**BOUNDS, "policies": list(policies), **more})
    problems: tuple[Problem, ...] = reading.problems
    if reading.value is not INVALID:
        problems += check_scaling({"cluster": "prod", "serviceName": "web", "scaling": reading.value})
    return [str(one) for one in problems] if problems else scaling_of(reading.value)


def a_policy(key: str, configuration: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"policyName": "mine", key: configuration, **more}


def tracking(**changed: Any) -> dict[str, Any]:
    return a_policy("targetTrackingScalingPolicyConfiguration", {"targetValue": 50, **changed})


def steps(*adjustments: dict[str, Any], kind: str = "ChangeInCapacity", **more: Any) -> dict[str, Any]:
    configuration = {"adjustmentType": kind, "stepAdjustments": list(adjustments), **more}
    return a_policy("stepScalingPolicyConfiguration", configuration, alarms=["high"])


def step(adjustment: int, lower: float | None = None, upper: float | None = None) -> dict[str, Any]:
    bounds = {"metricIntervalLowerBound": lower, "metricIntervalUpperBound": upper}
    return {"scalingAdjustment": adjustment, **{key: one for key, one in bounds.items() if one is not None}}


def metric(query_id: str, **more: Any) -> dict[str, Any]:
    stat = {"metric": {"namespace": "app", "metricName": query_id}, "stat": "Maximum"}
    return {"id": query_id, "metricStat": stat, **more}


def only(policy: dict[str, Any]) -> Any:
    scaling = declared(policy)
    assert isinstance(scaling, Scaling), scaling
    return scaling.policies[0]


# -- what AWS's documents declare -------------------------------------------------------------------------------------


def test_the_document_that_people_have_is_pasted_in() -> None:
    assert declared(PASTED) == Scaling(
        target=ScalableTarget(minimum=2, maximum=40),
        policies=(
            TargetTracking(
                name="ECSServiceAverageCPUUtilization",
                target_value=50.0,
                metric=CPU,
                cooldowns=Cooldowns(scale_out=60, scale_in=60),
            ),
        ),
    )


def test_a_whole_request_is_pasted_in() -> None:
    request = {
        "PolicyName": "cpu50",
        "ServiceNamespace": "ecs",
        "ResourceId": "service/prod/web",
        "ScalableDimension": "ecs:service:DesiredCount",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": PASTED,
    }
    assert only(request) == TargetTracking(
        name="cpu50", target_value=50.0, metric=CPU, cooldowns=Cooldowns(scale_out=60, scale_in=60)
    )


def test_defaults_are_awss() -> None:
    policy = only(tracking(predefinedMetricSpecification={"predefinedMetricType": "ECSServiceAverageCPUUtilization"}))
    assert (policy.cooldowns, policy.disable_scale_in) == (Cooldowns(scale_out=300, scale_in=300), False)
    assert policy.evaluation == Evaluation(period=60, out_periods=3, in_periods=15)
    stepping = only(steps(step(1, lower=0)))
    assert stepping == StepScaling(
        name="mine",
        adjustment_type="ChangeInCapacity",
        steps=(Step(lower=0.0, adjustment=1),),
        cooldown=300,
        aggregation="Average",
        alarms=("high",),
    )


def test_customized_metrics_and_metric_math() -> None:
    one = only(
        tracking(
            customizedMetricSpecification={
                "metricName": "Sessions",
                "namespace": "app",
                "dimensions": [{"name": "z", "value": "1"}, {"name": "a", "value": "2"}],
                "statistic": "Average",
                "unit": "Count",
            }
        )
    )
    stat = MetricStat(
        namespace="app", name="Sessions", dimensions=(("a", "2"), ("z", "1")), statistic="Average", unit="Count"
    )
    assert one.metric == (MetricQuery(query_id="m1", stat=stat),)
    queries = only(BACKLOG_PER_TASK).metric
    assert [(query.query_id, query.returned, query.expression) for query in queries] == [
        ("m1", False, ""),
        ("e1", True, "m1 / 4"),
    ]


def test_everything_of_a_target_and_its_schedule() -> None:
    scaling = declared(
        suspendedState={"dynamicScalingInSuspended": "true"},
        scheduledActions=[
            {
                "scheduledActionName": "morning",
                "schedule": "cron(0 8 ? * MON-FRI *)",
                "timezone": "Asia/Seoul",
                "startTime": "2026-09-21T14:14:00Z",
                "endTime": 1_800_000_000,
                "scalableTargetAction": {"minCapacity": "10"},
            }
        ],
    )
    assert scaling == Scaling(
        target=ScalableTarget(minimum=2, maximum=40, suspended=Suspended(scale_in=True)),
        scheduled_actions=(
            ScheduledAction(
                name="morning",
                schedule="cron(0 8 ? * MON-FRI *)",
                timezone="Asia/Seoul",
                start_at=1_790_000_040.0,
                end_at=1_800_000_000.0,
                minimum=10,
            ),
        ),
    )


def test_policies_of_the_users_own() -> None:
    formula = "math.ceil(backlog / 100.0)"
    assert only(a_policy("expressionPolicyConfiguration", {"expression": formula, "metrics": [metric("backlog")]})) == (
        Expression(
            name="mine",
            formula=formula,
            metrics=(
                MetricQuery(query_id="backlog", stat=MetricStat(namespace="app", name="backlog", statistic="Maximum")),
            ),
            cooldowns=Cooldowns(scale_out=0, scale_in=300),
        )
    )
    assert only(a_policy("backlogPolicyConfiguration", {"queueName": "jobs", "perTask": 10, "atOnce": 2})) == Backlog(
        name="mine", queue="jobs", per_task=10.0, at_once=2
    )
    assert only(a_policy("functionPolicyConfiguration", {"functionName": "decide", "timeoutSeconds": 2})) == Function(
        name="mine", function="decide", timeout_seconds=2.0
    )


def test_limits_of_a_policy() -> None:
    limits = {"maxStepOut": 5, "stabilizationWindowSeconds": 300, "panic": {"percent": 300}}
    policy = only(a_policy("backlogPolicyConfiguration", {"queueName": "jobs", "perTask": 10}, limits=limits))
    assert policy.limits == Limits(maximum_step_out=5, stabilization_seconds=300, panic=Panic(percent=300))


@pytest.mark.parametrize(
    "policy",
    [
        PASTED,
        BACKLOG_PER_TASK,
        tracking(
            predefinedMetricSpecification={"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": LABEL},
            evaluation={"period": 10, "outPeriods": 1},
        ),
        steps(step(10, lower=0), kind="PercentChangeInCapacity", minAdjustmentMagnitude=2),
        steps(step(2)),
        steps(step(1, lower=0, upper=10), step(2, lower=10), step(-1, upper=0), cooldown=0),
        a_policy("expressionPolicyConfiguration", {"expression": "running"}, limits={"minCapacity": 1}),
        a_policy("backlogPolicyConfiguration", {"metrics": [metric("visible")], "perTask": 1, "disableScaleIn": True}),
        a_policy("functionPolicyConfiguration", {"functionName": "f"}, limits={"panic": {}}),
    ],
)
def test_a_block_can_be_written_and_read_again(policy: dict[str, Any]) -> None:
    action = {
        "scheduledActionName": "a",
        "schedule": "rate(1 day)",
        "startTime": 1_790_000_040.5,
        "scalableTargetAction": {"maxCapacity": 3},
    }
    scaling = declared(policy, scheduledActions=[action])
    assert isinstance(scaling, Scaling), scaling
    written = written_scaling(scaling)
    again = declared(**written)
    assert again == scaling
    assert isinstance(again, Scaling)
    assert written_scaling(again) == written


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (tracking(), "needs exactly one of predefinedMetricSpecification and customizedMetricSpecification"),
        ({"policyName": "x"}, "needs exactly one of targetTrackingScalingPolicyConfiguration"),
        ({**PASTED, "TargetValue": 0}, "policies[0].TargetValue: must be a number from"),
        ({**PASTED, "TargetValue": "fifty"}, "not 'fifty'"),
        ({**PASTED, "TargetValu": 1}, "did you mean targetValue?"),
        (
            {**PASTED, "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"}},
            "resourceLabel: is required with ALBRequestCountPerTarget",
        ),
        (
            tracking(
                predefinedMetricSpecification={
                    "predefinedMetricType": "ECSServiceAverageCPUUtilization",
                    "resourceLabel": LABEL,
                }
            ),
            "resourceLabel: must be left out: only ALBRequestCountPerTarget has one",
        ),
        (
            tracking(
                predefinedMetricSpecification={"predefinedMetricType": "ECSServiceAverageCPUUtilizationHighResolution"}
            ),
            "metrics of 20 seconds exist of native ECS services only",
        ),
        (tracking(customizedMetricSpecification={"metricName": "x"}), "missing: namespace, statistic"),
        (
            tracking(customizedMetricSpecification={"metrics": [metric("a"), metric("b")]}),
            "exactly 1 with returnData true",
        ),
        (tracking(customizedMetricSpecification={"metrics": [metric("a")], "unit": "Count"}), "must be left out"),
        (
            tracking(customizedMetricSpecification={"metrics": [{"id": "a"}]}),
            "exactly one of expression and metricStat",
        ),
        (tracking(customizedMetricSpecification={"metrics": [metric("a"), metric("a")]}), "must not be repeated"),
        (tracking(customizedMetricSpecification={"metrics": [metric("A")]}), "begins with a small letter"),
        ({**tracking(), "policyType": "PredictiveScaling"}, "forecasts are not made"),
        ({**steps(step(1, lower=0)), "policyType": "Backlog"}, "policyType: must be StepScaling"),
        ({key: one for key, one in steps(step(1, lower=0)).items() if key != "alarms"}, "alarms: is required"),
        ({**PASTED, "alarms": ["high"]}, "alarms: is not a key"),
        ({**steps(step(1, lower=0)), "resourceId": "service/prod/api"}, "is another service; this is service/prod/web"),
    ],
)
def test_what_is_wrong_with_a_policy_is_said(policy: dict[str, Any], said: str) -> None:
    problems = declared(policy)
    assert isinstance(problems, list)
    assert any(said in one for one in problems), problems


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (steps(step(1), step(2, lower=0)), "needs metricIntervalLowerBound, metricIntervalUpperBound or both"),
        (steps(step(1, lower=10, upper=10)), "must be above metricIntervalLowerBound, 10"),
        (steps(step(1, lower=0, upper=10), step(2, lower=5)), "overlaps the step before it, which ends at 10"),
        (steps(step(1, lower=0, upper=10), step(2, lower=15)), "leaves a gap to the step before it, which ends at 10"),
        (steps(step(1, lower=0), step(2, lower=10)), "overlaps the step before it, which ends at inf"),
        (steps(step(-1, lower=-10, upper=0)), "needs a step without metricIntervalLowerBound"),
        (steps(step(1, lower=0, upper=10)), "needs a step without metricIntervalUpperBound"),
        (steps(step(1, lower=0), minAdjustmentMagnitude=1), "it is for PercentChangeInCapacity, not ChangeInCapacity"),
        (steps(step(-1, lower=0), kind="ExactCapacity"), "an exact capacity must not be negative"),
        (steps(), "must be a list of 1 to 20"),
    ],
)
def test_what_is_wrong_with_steps_is_said(policy: dict[str, Any], said: str) -> None:
    problems = declared(policy)
    assert isinstance(problems, list)
    assert len(problems) == 1
    assert said in problems[0]


@pytest.mark.parametrize(
    ("evaluation", "limits", "path"),
    [
        ({"period": 300, "inPeriods": 289}, {}, "targetTrackingScalingPolicyConfiguration.evaluation.inPeriods"),
        ({"outPeriods": 1440, "inPeriods": 1440}, {}, None),
        ({"period": 3600, "inPeriods": 168}, {}, None),
        ({"period": 3600, "outPeriods": 169}, {}, "targetTrackingScalingPolicyConfiguration.evaluation.outPeriods"),
        ({"period": 1800}, {"panic": {"periods": 49}}, "limits.panic.periods"),
    ],
)
def test_alarms_look_back_no_longer_than_cloudwatch_lets_them(
    evaluation: dict[str, Any], limits: dict[str, Any], path: str | None
) -> None:
    metric = {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}
    policy = tracking(predefinedMetricSpecification=metric, evaluation=evaluation) | {"limits": limits}
    found = declared(policy)
    if path is None:
        assert isinstance(found, Scaling), found
    else:
        assert isinstance(found, list)
        (problem,) = found
        assert problem.startswith(f"scaling.policies[0].{path}: ")
        assert "CloudWatch's alarms look back" in problem


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"expression": "backlog / 10"}, "backlog is neither a metric nor a count"),
        ({"expression": "a / 10", "metrics": [metric("a")]}, "CEL does not mix them"),
        ({"expression": "a", "metrics": [metric("a", returnData=False)]}, "a is neither a metric nor a count"),
        ({"expression": "1", "metrics": [metric("running")]}, "a metric must be called something else"),
        ({"expression": "1", "metrics": [metric("in")]}, "a metric must be called something else"),
        ({"expression": "running > 1"}, "is true or false"),
    ],
)
def test_formulas_are_checked_when_they_are_declared(configuration: dict[str, Any], said: str) -> None:
    problems = declared(a_policy("expressionPolicyConfiguration", configuration))
    assert isinstance(problems, list)
    assert len(problems) == 1
    assert said in problems[0]


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"perTask": 10}, "exactly one of queueName and metrics"),
        ({"perTask": 10, "queueName": "q", "metrics": [metric("visible")]}, "exactly one of queueName and metrics"),
        ({"perTask": 10, "metrics": [metric("a")]}, "must return visible and may return inFlight, not a"),
        ({"perTask": 0, "queueName": "q"}, "perTask: must be a number from 0.001"),
    ],
)
def test_backlogs_say_where_their_work_is(configuration: dict[str, Any], said: str) -> None:
    problems = declared(a_policy("backlogPolicyConfiguration", configuration))
    assert isinstance(problems, list)
    assert said in problems[0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schedule": "cron(0 8 * * *)"}, "schedule: 'cron(0 8 * * *)' must have six fields"),
        ({"timezone": "Mars/Phobos"}, "timezone: must be the IANA name of a time zone"),
        ({"startTime": "tomorrow"}, "startTime: must be a time such as"),
        ({"startTime": "2026-01-02", "endTime": "2026-01-01"}, "endTime: must be after startTime"),
        ({"scalableTargetAction": {}}, "needs minCapacity, maxCapacity or both"),
        ({"scalableTargetAction": {"minCapacity": 5, "maxCapacity": 4}}, "minCapacity: must be at most maxCapacity, 4"),
    ],
)
def test_what_is_wrong_with_a_scheduled_action_is_said(changed: dict[str, Any], said: str) -> None:
    action = {
        "scheduledActionName": "a",
        "schedule": "rate(1 day)",
        "scalableTargetAction": {"minCapacity": 3},
        **changed,
    }
    problems = declared(scheduledActions=[action])
    assert isinstance(problems, list)
    assert len(problems) == 1
    assert said in problems[0]


def test_bounds_that_contradict_each_other() -> None:
    assert declared(minCapacity=5, maxCapacity=4) == ["scaling.minCapacity: must be at most maxCapacity, 4"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    problems = declared({"policyName": "x"}, steps(step(1, lower=5, upper=4)), minCapacity=50)
    assert isinstance(problems, list)
    assert len(problems) == 3


# -- where the metrics are --------------------------------------------------------------------------------------------


def test_utilisation_of_tasks_is_metric_math_over_container_insights_by_family() -> None:
    policy = only(
        {**PASTED, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}}
    )
    used, reserved, utilisation = tracked_queries(policy, Measured(cluster="prod", family="web"))
    assert used.stat == MetricStat(
        namespace="ECS/ContainerInsights",
        name="MemoryUtilized",
        dimensions=(("ClusterName", "prod"), ("TaskDefinitionFamily", "web")),
        statistic="Sum",
    )
    assert (reserved.stat and reserved.stat.name, used.returned, reserved.returned) == ("MemoryReserved", False, False)
    assert (utilisation.expression, utilisation.returned) == ("100 * used / reserved", True)


def test_native_services_and_load_balancers_have_metrics_of_their_own() -> None:
    native = tracked_queries(only(PASTED), Measured(cluster="prod", service="web"))
    dimensions = (("ClusterName", "prod"), ("ServiceName", "web"))
    assert native == (
        MetricQuery(query_id="m1", stat=MetricStat(namespace="AWS/ECS", name="CPUUtilization", dimensions=dimensions)),
    )
    requests = {"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": LABEL}
    (query,) = tracked_queries(only(tracking(predefinedMetricSpecification=requests)), Measured(cluster="prod"))
    assert query.stat == MetricStat(
        namespace="AWS/ApplicationELB",
        name="RequestCountPerTarget",
        dimensions=(("LoadBalancer", "app/web/0123456789abcdef"), ("TargetGroup", "targetgroup/web/fedcba9876543210")),
        statistic="Sum",
    )
    assert tracked_queries(only(BACKLOG_PER_TASK), Measured(cluster="prod")) == only(BACKLOG_PER_TASK).metric
