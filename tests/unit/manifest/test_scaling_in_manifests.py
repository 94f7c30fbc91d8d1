"""Scaling in manifests: AWS's documents pasted in, the starting count, and services that only scale."""

import json
from typing import Any, Final

import botocore.session
import msgspec
import pytest

from headcount.model.manifest import Manifest
from headcount.model.manifest_fields import SERVICE
from headcount.model.manifest_parser import canonical_document
from headcount.model.manifest_scaling import METRICS, POLICY, SCALING, SCHEDULED_ACTION, STEP_SCALING, TARGET_TRACKING
from headcount.model.manifest_scaling_values import declared_scaling
from headcount.model.manifest_shapes import uncapitalized
from headcount.model.scaling import Cooldowns, PredefinedMetric, ScalableTarget, Scaling, TargetTracking
from unit.manifest.documents_of import a_document, manifest_of, problems_of, the_problem_of

PASTED: Final = {
    "TargetValue": 50.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 60,
}
DECLARED: Final = TargetTracking(
    name="ECSServiceAverageCPUUtilization",
    target_value=50.0,
    metric=PredefinedMetric(metric_type="ECSServiceAverageCPUUtilization"),
    cooldowns=Cooldowns(scale_out=60, scale_in=60),
)
BOUNDS: Final = {"minCapacity": 2, "maxCapacity": 40}
NATIVE: Final = {"kind": "NativeService", "cluster": "prod", "serviceName": "api", "scaling": BOUNDS}
HIGH_RESOLUTION: Final = {
    "targetValue": 50,
    "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilizationHighResolution"},
}


def without_count(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in a_document(**changes).items() if key != "desiredCount"}


@pytest.mark.parametrize(
    "block", [{**BOUNDS, "policies": [PASTED]}, {"MinCapacity": "2", "MaxCapacity": 40, "Policies": [PASTED]}]
)
def test_the_document_that_people_have_is_pasted_into_a_manifest(block: dict[str, Any]):
    manifest = manifest_of(a_document(scaling=block))
    assert declared_scaling(manifest) == Scaling(target=ScalableTarget(minimum=2, maximum=40), policies=(DECLARED,))


@pytest.mark.parametrize("document", [a_document(scaling={**BOUNDS, "policies": [PASTED]}), NATIVE])
def test_scaling_can_be_written_recorded_and_read_again(document: dict[str, Any]):
    manifest = manifest_of(document)
    assert manifest_of(canonical_document(manifest)) == manifest
    assert manifest_of(json.loads(json.dumps(canonical_document(manifest)))) == manifest
    recorded = msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest)
    assert recorded == manifest
    assert declared_scaling(recorded) == declared_scaling(manifest)


def test_without_a_count_a_service_starts_at_the_minimum():
    manifest = manifest_of(without_count(scaling=BOUNDS))
    assert (manifest.desired_count, manifest.starting_count) == (None, 2)
    assert "desiredCount" not in canonical_document(manifest)
    said = manifest_of(a_document(scaling=BOUNDS))
    assert (said.desired_count, said.starting_count) == (3, 3)


def test_without_scaling_a_count_is_required():
    problem = the_problem_of(without_count())
    assert problem.path == "desiredCount"
    assert "only with scaling may it be left out" in problem.message


def test_the_minimum_must_let_deployments_move():
    block = {"minimumHealthyPercent": 100, "maximumPercent": 100}
    problem = the_problem_of(
        without_count(scaling=BOUNDS, deploymentConfiguration=block, availabilityZoneRebalancing="DISABLED")
    )
    assert "no deployment could ever finish: with a desired count of 2" in problem.message


def test_everything_wrong_is_said_at_once_with_its_path():
    policies = [{**PASTED, "TargetValue": "fifty"}, {"policyName": "x"}]
    problems = problems_of(a_document(launchType="FARGAT", scaling={"maxCapacity": 1, "policies": policies}))
    assert [problem.path for problem in problems] == [
        "launchType",
        "scaling.policies[0].TargetValue",
        "scaling.minCapacity",
        "scaling.policies[1]",
    ]


# -- native services --------------------------------------------------------------------------------------------------


def test_a_native_service_is_scaled_and_nothing_else():
    manifest = manifest_of(NATIVE)
    assert (manifest.service, manifest.native, manifest.desired_count) == ("prod/api", True, None)
    assert sorted(canonical_document(manifest)) == ["cluster", "kind", "scaling", "serviceName"]
    assert (
        manifest_of({"Kind": "NativeService", **{key: value for key, value in NATIVE.items() if key != "kind"}})
        == manifest
    )


@pytest.mark.parametrize("key", sorted(SERVICE.fields.keys() - NATIVE.keys()))
def test_a_native_service_has_no_other_keys(key: str):
    problem = the_problem_of({**NATIVE, key: "x"})
    assert problem.path == key
    assert "must be left out of kind NativeService: " in problem.message


def test_a_native_service_needs_scaling():
    problem = the_problem_of({key: value for key, value in NATIVE.items() if key != "scaling"})
    assert (problem.path, problem.message.partition(":")[0]) == ("scaling", "is required")


def test_metrics_of_twenty_seconds_are_for_native_services():
    scaling = {**BOUNDS, "policies": [HIGH_RESOLUTION]}
    declared = declared_scaling(manifest_of({**NATIVE, "scaling": scaling}))
    assert declared is not None
    (policy,) = declared.policies
    assert isinstance(policy, TargetTracking)
    assert (policy.evaluation.period, policy.evaluation.out_periods) == (20, 3)
    problem = the_problem_of(a_document(scaling=scaling))
    assert problem.path.endswith("predefinedMetricSpecification.predefinedMetricType")
    assert "native ECS services only" in problem.message


# -- AWS's documents --------------------------------------------------------------------------------------------------

OF_REQUEST: Final = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/prod/web",
    "ScalableDimension": "ecs:service:DesiredCount",
}
TARGET: Final = {**OF_REQUEST, "MinCapacity": 2, "MaxCapacity": 40, "RoleARN": "arn:aws:iam::123456789012:role/aas"}
STEPS: Final = {
    **OF_REQUEST,
    "PolicyName": "steps",
    "PolicyType": "StepScaling",
    "StepScalingPolicyConfiguration": {
        "AdjustmentType": "PercentChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 10}],
        "MinAdjustmentMagnitude": 1,
        "Cooldown": 60,
    },
}
ACTION: Final = {
    **OF_REQUEST,
    "ScheduledActionName": "morning",
    "Schedule": "cron(0 8 ? * MON-FRI *)",
    "Timezone": "Asia/Seoul",
    "StartTime": "2026-02-01T00:00:00Z",
    "ScalableTargetAction": {"MinCapacity": 10, "MaxCapacity": 40},
}


def test_requests_are_pasted_in_as_they_are():
    policy = {
        **OF_REQUEST,
        "PolicyName": "cpu50",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": PASTED,
    }
    block = {**TARGET, "Policies": [policy, {**STEPS, "Alarms": ["high"]}], "ScheduledActions": [ACTION]}
    declared = declared_scaling(manifest_of(a_document(scaling=block)))
    assert declared is not None
    assert [one.name for one in declared.policies] == ["cpu50", "steps"]
    assert [one.name for one in declared.scheduled_actions] == ["morning"]
    small = json.loads(json.dumps(block), object_pairs_hook=lambda pairs: {k[:1].lower() + k[1:]: v for k, v in pairs})
    assert declared_scaling(manifest_of(a_document(scaling=small))) == declared


def test_answers_are_pasted_in_as_they_are():
    made = {"CreationTime": "2026-01-01T00:00:00+00:00"}
    alarms = [{"AlarmName": "TargetTracking-service/prod/web-AlarmHigh-1", "AlarmARN": "arn:aws:cloudwatch:x"}]
    tracking = {
        **OF_REQUEST,
        **made,
        "PolicyARN": "arn:aws:autoscaling:x",
        "PolicyName": "cpu50",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": PASTED,
        "Alarms": alarms,
    }
    steps = {**STEPS, **made, "PolicyARN": "arn", "Alarms": [{"AlarmName": "high", "AlarmARN": "arn"}]}
    action = {**ACTION, **made, "ScheduledActionARN": "arn"}
    target = {**TARGET, **made, "ScalableTargetARN": "arn", "PredictedCapacity": 3}
    block = {**target, "policies": [tracking, steps], "scheduledActions": [action]}
    declared = declared_scaling(manifest_of(a_document(scaling=block)))
    assert declared is not None
    assert [getattr(one, "alarms", ()) for one in declared.policies] == [(), ("high",)]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"Tags": {"team": "a"}}, "scaling.Tags"),
        ({"ResourceId": "service/prod/api"}, "scaling.resourceId"),
        ({"policies": [STEPS]}, "scaling.policies[0].alarms"),
        ({"policies": [{**STEPS, "Alarms": []}]}, "scaling.policies[0].alarms"),
        ({"policies": [{**STEPS, "Alarms": [{"AlarmARN": "arn"}]}]}, "scaling.policies[0].Alarms[0].alarmName"),
    ],
)
def test_what_of_a_request_does_not_hold_here_is_said(change: dict[str, Any], path: str):
    assert the_problem_of(a_document(scaling={**TARGET, **change})).path == path


@pytest.mark.parametrize(
    ("shape", "block"),
    [
        ("RegisterScalableTargetRequest", SCALING),
        ("ScalableTarget", SCALING),
        ("PutScalingPolicyRequest", POLICY),
        ("ScalingPolicy", POLICY),
        ("PutScheduledActionRequest", SCHEDULED_ACTION),
        ("ScheduledAction", SCHEDULED_ACTION),
        ("TargetTrackingScalingPolicyConfiguration", TARGET_TRACKING),
        ("StepScalingPolicyConfiguration", STEP_SCALING),
        ("TargetTrackingMetricDataQuery", METRICS.item),
    ],
)
def test_every_field_of_application_auto_scaling_is_known(shape: str, block: Any):
    model = botocore.session.get_session().get_service_model("application-autoscaling").shape_for(shape)
    assert sorted(set(map(uncapitalized, model.members)) - set(block.fields)) == []
