"""init --from-ecs-service: what Application Auto Scaling has of the service comes with it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headcount.model.manifest_parser import parse_manifest
from headcount_cli.connection import Connection
from headcount_cli.ecs_scaling import ScalingOfEcs, import_scaling, scaling_from_aws
from headcount_cli.manifests import read_manifests
from unit.cli.fake_aws import FakeAws, fake_aws
from unit.cli.terminal import Terminal
from unit.cli.test_importing import described

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = {"kind": "Service", "cluster": "prod", "serviceName": "web"}
OF_SERVICE = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/prod/web",
    "ScalableDimension": "ecs:service:DesiredCount",
    "CreationTime": CREATED,
}
TARGET = {
    **OF_SERVICE,
    "MinCapacity": 2,
    "MaxCapacity": 40,
    "RoleARN": "arn:aws:iam::123456789012:role/aws-service-role",
    "SuspendedState": {
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    },
    "ScalableTargetARN": "arn:aws:application-autoscaling:eu-central-1:123456789012:scalable-target/0",
}


def a_policy(name: str, kind: str, **configuration: Any) -> dict[str, Any]:
    arn = f"arn:aws:autoscaling:eu-central-1:123456789012:scalingPolicy:{name}"
    return {**OF_SERVICE, "PolicyARN": arn, "PolicyName": name, "PolicyType": kind, "Alarms": [], **configuration}


def tracking(metric: str = "ECSServiceAverageCPUUtilization") -> dict[str, Any]:
    configuration = {
        "TargetValue": 50.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        "ScaleOutCooldown": 60,
        "ScaleInCooldown": 60,
        "DisableScaleIn": False,
    }
    alarms = [{"AlarmName": "TargetTracking-service/prod/web-AlarmHigh-1", "AlarmARN": "arn"}]
    policy = a_policy("cpu50", "TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=configuration)
    return policy | {"Alarms": alarms}


def steps(*alarms: str) -> dict[str, Any]:
    configuration = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 2}],
        "Cooldown": 60,
        "MetricAggregationType": "Average",
    }
    policy = a_policy("steps", "StepScaling", StepScalingPolicyConfiguration=configuration)
    return policy | {"Alarms": [{"AlarmName": name, "AlarmARN": "arn"} for name in alarms]}


ACTION = {
    **OF_SERVICE,
    "ScheduledActionName": "morning",
    "ScheduledActionARN": "arn",
    "Schedule": "cron(0 8 ? * MON-FRI *)",
    "Timezone": "Asia/Seoul",
    "StartTime": datetime(2026, 2, 1, tzinfo=UTC),
    "ScalableTargetAction": {"MinCapacity": 10},
}


def found(*policies: dict[str, Any], actions: tuple[dict[str, Any], ...] = ()) -> ScalingOfEcs:
    return ScalingOfEcs(target=TARGET, policies=policies, actions=actions)


def test_target_policies_and_actions_are_carried_over() -> None:
    imported = import_scaling(found(tracking(), steps("high", "low"), actions=(ACTION,)), IDENTITY)
    assert imported.left_out == ()
    assert imported.block == {
        "minCapacity": 2,
        "maxCapacity": 40,
        "suspendedState": {"dynamicScalingInSuspended": True},
        "policies": [
            {
                "policyName": "cpu50",
                "policyType": "TargetTrackingScaling",
                "targetTrackingScalingPolicyConfiguration": {
                    "targetValue": 50.0,
                    "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
                    "scaleOutCooldown": 60,
                    "scaleInCooldown": 60,
                    "disableScaleIn": False,
                },
            },
            {
                "policyName": "steps",
                "policyType": "StepScaling",
                "stepScalingPolicyConfiguration": {
                    "adjustmentType": "ChangeInCapacity",
                    "stepAdjustments": [{"metricIntervalLowerBound": 0.0, "scalingAdjustment": 2}],
                    "cooldown": 60,
                    "metricAggregationType": "Average",
                },
                "alarms": ["high", "low"],
            },
        ],
        "scheduledActions": [
            {
                "scheduledActionName": "morning",
                "schedule": "cron(0 8 ? * MON-FRI *)",
                "timezone": "Asia/Seoul",
                "startTime": "2026-02-01T00:00:00+00:00",
                "scalableTargetAction": {"minCapacity": 10},
            }
        ],
    }
    native = {**IDENTITY, "kind": "NativeService", "scaling": imported.block}
    assert not isinstance(parse_manifest(native), tuple)


def test_what_cannot_be_carried_over_is_named_with_the_reason() -> None:
    predictive = a_policy("forecast", "PredictiveScaling", PredictiveScalingPolicyConfiguration={"Mode": "x"})
    high = tracking("ECSServiceAverageCPUUtilizationHighResolution") | {"PolicyName": "high"}
    imported = import_scaling(found(predictive, tracking(), steps(), high), IDENTITY)
    assert [one["policyName"] for one in imported.block["policies"]] == ["cpu50"]
    reasons = {one.path: one.reason for one in imported.left_out}
    assert list(reasons) == ["ScalingPolicies[0]", "ScalingPolicies[2]", "ScalingPolicies[3]"]
    assert "forecasts are not made" in reasons["ScalingPolicies[0]"]
    assert "no alarm calls it" in reasons["ScalingPolicies[2]"]
    assert "native ECS services only" in reasons["ScalingPolicies[3]"]


def test_a_native_service_keeps_its_metrics_of_twenty_seconds() -> None:
    high = tracking("ECSServiceAverageCPUUtilizationHighResolution")
    imported = import_scaling(found(high), {**IDENTITY, "kind": "NativeService"})
    assert imported.left_out == ()
    (note,) = imported.notes
    assert "before you apply this, aws application-autoscaling deregister-scalable-target" in note
    assert "--resource-id service/prod/web" in note


def test_what_is_to_be_thought_of_is_said() -> None:
    notes = " ".join(import_scaling(found(tracking(), steps("high")), IDENTITY).notes)
    assert "when its tasks are Headcount's, aws application-autoscaling deregister-scalable-target" in notes
    assert "Container Insights" in notes
    assert "high: Headcount sees the alarm change by itself" in notes


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with fake_aws() as aws:
        service = described() | {"createdAt": 1767225600}
        aws.answers["DescribeServices"] = (200, json.dumps({"services": [service], "failures": []}), {})
        aws.answers["DescribeTaskDefinition"] = (200, json.dumps({"taskDefinition": {"family": "web"}}), {})
        for operation, items, one in (
            ("DescribeScalableTargets", "ScalableTargets", TARGET),
            ("DescribeScalingPolicies", "ScalingPolicies", tracking()),
            ("DescribeScheduledActions", "ScheduledActions", ACTION),
        ):
            answer = json.dumps({items: [one]}, default=lambda at: at.timestamp())
            aws.answers[operation] = (200, answer, {})
        yield aws


def test_from_aws_itself(aws: FakeAws) -> None:
    read = scaling_from_aws(Connection(region="eu-central-1", endpoint_url=aws.url), "prod", "web")
    assert read is not None
    assert import_scaling(read, IDENTITY).block == import_scaling(found(tracking(), actions=(ACTION,)), IDENTITY).block
    assert aws.operations == ["DescribeScalableTargets", "DescribeScalingPolicies", "DescribeScheduledActions"]


def test_a_service_that_is_no_scalable_target(aws: FakeAws) -> None:
    aws.answers["DescribeScalableTargets"] = (200, json.dumps({"ScalableTargets": []}), {})
    assert scaling_from_aws(Connection(region="eu-central-1", endpoint_url=aws.url), "prod", "web") is None


def test_who_may_not_ask_application_auto_scaling_imports_the_rest(
    terminal: Terminal, aws: FakeAws, tmp_path: Path
) -> None:
    denied = json.dumps({"__type": "AccessDeniedException", "message": "no"})
    aws.answers["DescribeScalableTargets"] = (400, denied, {})
    written = tmp_path / "web.yaml"
    named = ("--from-ecs-service", "web", "--cluster", "prod", "--to", str(written))
    done = terminal.run("--endpoint-url", aws.url, "init", *named)
    assert done.code == 0
    assert "Its scaling could not be read: " in done.err
    (manifest,) = read_manifests([written])
    assert "scaling" not in manifest.document


@pytest.mark.parametrize(("options", "kind"), [((), "Service"), (("--native",), "NativeService")])
def test_init_writes_a_manifest_with_scaling(
    terminal: Terminal, aws: FakeAws, tmp_path: Path, options: tuple[str, ...], kind: str
) -> None:
    written = tmp_path / "web.yaml"
    named = ("--from-ecs-service", "web", "--cluster", "prod", "--to", str(written))
    done = terminal.run("--endpoint-url", aws.url, "init", *named, *options)
    assert done.code == 0, done.err
    (manifest,) = read_manifests([written])
    assert manifest.document["kind"] == kind
    assert manifest.document["scaling"]["policies"][0]["policyName"] == "cpu50"
    assert "deregister-scalable-target" in done.err
    assert ("taskDefinition" in manifest.document) is (kind == "Service")


def test_a_native_service_that_nobody_scaled_gets_bounds_that_change_nothing(
    terminal: Terminal, aws: FakeAws, tmp_path: Path
) -> None:
    aws.answers["DescribeScalableTargets"] = (200, json.dumps({"ScalableTargets": []}), {})
    written = tmp_path / "web.yaml"
    named = ("--from-ecs-service", "web", "--cluster", "prod", "--native", "--to", str(written))
    assert terminal.run("--endpoint-url", aws.url, "init", *named).code == 0
    (manifest,) = read_manifests([written])
    assert manifest.document["scaling"] == {"minCapacity": 3, "maxCapacity": 3}


def test_native_is_for_a_service_that_ecs_has(terminal: Terminal) -> None:
    done = terminal.run("init", "--native", "--name", "web")
    assert done.code == 2
    assert "--native is for a service that ECS has" in done.err
