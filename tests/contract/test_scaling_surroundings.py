"""What policies look at, and whether it is there: found out for warnings, which never stop an apply."""

import boto3
import pytest
from botocore.stub import Stubber

from headcount.aws.scaling_surroundings import AwsSurroundings
from headcount.model.scaling import (
    Function,
    PredefinedMetric,
    ScalableTarget,
    Scaling,
    Step,
    StepScaling,
    TargetTracking,
)
from headcount.ports.controlling import Surroundings

CPU = TargetTracking(
    name="cpu", target_value=50.0, metric=PredefinedMetric(metric_type="ECSServiceAverageCPUUtilization")
)
ARN = "arn:aws:lambda:eu-west-1:123456789012:function"


class Aws:
    """ECS and CloudWatch, which answer what they are told to."""

    def __init__(self, functions=()):
        where = {"region_name": "eu-west-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}
        ecs, cloudwatch = boto3.client("ecs", **where), boto3.client("cloudwatch", **where)
        self.ecs, self.cloudwatch = Stubber(ecs), Stubber(cloudwatch)
        self.surroundings = AwsSurroundings(ecs, cloudwatch, functions)

    def look(self, *policies):
        scaling = Scaling(target=ScalableTarget(minimum=1, maximum=9), policies=policies)
        with self.ecs, self.cloudwatch:
            found = self.surroundings.look("prod", scaling)
            self.ecs.assert_no_pending_responses()
            self.cloudwatch.assert_no_pending_responses()
            return found


@pytest.fixture
def aws():
    return Aws()


def steps(*alarms):
    return StepScaling(
        name="steps", adjustment_type="ExactCapacity", steps=(Step(lower=0, adjustment=1),), alarms=alarms
    )


@pytest.mark.parametrize(("value", "is_on"), [("enabled", True), ("enhanced", True), ("disabled", False)])
def test_whether_the_cluster_has_container_insights(aws, value, is_on):
    aws.ecs.add_response(
        "describe_clusters",
        {"clusters": [{"clusterName": "prod", "settings": [{"name": "containerInsights", "value": value}]}]},
        {"clusters": ["prod"], "include": ["SETTINGS"]},
    )
    assert aws.look(CPU) == Surroundings(container_insights=is_on)


@pytest.mark.parametrize("clusters", [[], [{"clusterName": "prod"}]])
def test_a_cluster_that_does_not_say(aws, clusters):
    aws.ecs.add_response("describe_clusters", {"clusters": clusters})
    assert aws.look(CPU).container_insights is None


def test_which_alarms_there_are(aws):
    found = {"MetricAlarms": [{"AlarmName": "high"}], "CompositeAlarms": [{"AlarmName": "both", "AlarmRule": "x"}]}
    asked = {"AlarmNames": ["both", "high", "low"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}
    aws.cloudwatch.add_response("describe_alarms", found, asked)
    assert aws.look(steps("high", "low"), steps("both")) == Surroundings(missing_alarms=("low",))


def test_nothing_is_asked_that_no_policy_depends_on(aws):
    assert aws.look() == Surroundings()


def test_what_aws_refuses_is_not_known(aws):
    aws.ecs.add_client_error("describe_clusters", "AccessDeniedException")
    aws.cloudwatch.add_client_error("describe_alarms", "Throttling")
    assert aws.look(CPU, steps("high")) == Surroundings()


@pytest.mark.parametrize(
    ("function", "may"),
    [
        ("decide", True),
        ("decide:live", True),
        (f"{ARN}:decide", True),
        (f"{ARN}:decide:live", True),
        ("headcount-scaling-night", True),
        (f"{ARN}:headcount-scaling-night", True),
        ("decider", False),
        (f"{ARN}:other", False),
    ],
)
def test_which_functions_the_stack_may_invoke(function, may):
    aws = Aws(functions=(f"{ARN}:decide", f"{ARN}:headcount-scaling-*"))
    forbidden = aws.look(Function(name="own", function=function)).forbidden_functions
    assert forbidden == (() if may else (function,))
