"""What a manifest may say, and what becomes of it."""

import pytest

from headcount.model.manifest import (
    DEFAULT_SCALE_IN_ORDER,
    CapacityReturn,
    CapacitySource,
    Deadlines,
    Manifest,
    MaximumAge,
    Restarts,
)
from headcount.model.manifest_parser import canonical_document, parse_manifest
from unit.manifest.documents_of import LEFT_OUT, a_document, awsvpc, manifest_of

ROLE = "arn:aws:iam::123456789012:role/ecsInfrastructure"


def test_the_smallest_manifest_gets_the_defaults_of_ecs():
    assert manifest_of(a_document()) == Manifest(
        cluster="prod",
        service_name="web",
        task_definition="web:12",
        desired_count=3,
        subnets=("subnet-a", "subnet-b"),
        security_groups=(),
        assign_public_ip="DISABLED",
        sources=(CapacitySource(launch_type="FARGATE"),),
        minimum_healthy_percent=100,
        maximum_percent=200,
        restarts=Restarts(),
        deadlines=Deadlines(),
        scale_in_prefer=DEFAULT_SCALE_IN_ORDER,
        run_task={},
        tags=(),
    )


def test_reads_every_field():
    document = a_document(
        kind="Service",
        cluster="arn:aws-cn:ecs:cn-north-1:123456789012:cluster/prod",
        taskDefinition="arn:aws:ecs:eu-central-1:123456789012:task-definition/web:12",
        launchType=LEFT_OUT,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 5, "base": 0}],
        platformVersion="1.4.0",
        networkConfiguration=awsvpc(securityGroups=["sg-1"], assignPublicIp="ENABLED"),
        deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150, "strategy": "ROLLING"},
        restarts={"initialSeconds": 0.5, "maximumSeconds": 60, "resetAfterSeconds": 120},
        deadlines={
            "provisioningSeconds": 5,
            "pendingSeconds": 6,
            "activatingSeconds": 7,
            "stoppingSeconds": 86400,
            "disconnectedSeconds": 8,
        },
        maximumAge={"seconds": "86400", "jitterPercent": 20},
        capacityFallback=[
            {"capacityProvider": "FARGATE", "availabilityZones": ["eu-central-1a"]},
            {"launchType": "FARGATE"},
        ],
        capacityReturn={"afterSeconds": 60, "atOncePercent": 50},
        availabilityZoneSpread="STRICT",
        volumeConfigurations=[{"name": "data", "managedEBSVolume": {"roleArn": ROLE, "sizeInGiB": 10}}],
        scaleIn={"prefer": ["unhealthy", "oldest"]},
        enableExecuteCommand=True,
        enableECSManagedTags=True,
        propagateTags="TASK_DEFINITION",
        tags=[{"key": "team", "value": "shop"}, {"key": "empty"}],
        overrides={"containerOverrides": [{"name": "app", "environment": [{"name": "PORT", "value": "80"}]}]},
        schedulingStrategy="REPLICA",
        deploymentController={"type": "ECS"},
        availabilityZoneRebalancing="DISABLED",
    )
    assert manifest_of(document) == Manifest(
        cluster="prod",
        service_name="web",
        task_definition="arn:aws:ecs:eu-central-1:123456789012:task-definition/web:12",
        desired_count=3,
        subnets=("subnet-a",),
        security_groups=("sg-1",),
        assign_public_ip="ENABLED",
        sources=(CapacitySource(capacity_provider="FARGATE_SPOT", weight=5),),
        fallback=(
            CapacitySource(capacity_provider="FARGATE", zones=("eu-central-1a",)),
            CapacitySource(launch_type="FARGATE"),
        ),
        capacity_return=CapacityReturn(after_seconds=60, at_once_percent=50),
        minimum_healthy_percent=50,
        maximum_percent=150,
        restarts=Restarts(initial_seconds=0.5, maximum_seconds=60, reset_after_seconds=120),
        deadlines=Deadlines(
            provisioning_seconds=5,
            pending_seconds=6,
            activating_seconds=7,
            stopping_seconds=86400,
            disconnected_seconds=8,
        ),
        maximum_age=MaximumAge(seconds=86400, jitter_percent=20),
        zone_rebalancing=False,
        strict_zone_spread=True,
        scale_in_prefer=("unhealthy", "oldest"),
        run_task={
            "platformVersion": "1.4.0",
            "enableExecuteCommand": True,
            "enableECSManagedTags": True,
            "propagateTags": "TASK_DEFINITION",
            "overrides": {"containerOverrides": [{"name": "app", "environment": [{"name": "PORT", "value": "80"}]}]},
            "volumeConfigurations": [{"name": "data", "managedEBSVolume": {"roleArn": ROLE, "sizeInGiB": 10}}],
        },
        tags=(("team", "shop"), ("empty", "")),
    )


def test_takes_what_cloudformation_sends():
    document = {
        "Cluster": "prod",
        "ServiceName": "web",
        "TaskDefinition": "web:12",
        "DesiredCount": "3",
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-a", "subnet-b"]}},
        "DeploymentConfiguration": {"MinimumHealthyPercent": "50", "MaximumPercent": "150"},
        "EnableECSManagedTags": "true",
        "EnableExecuteCommand": "False",
        "Tags": [{"Key": "team", "Value": "shop"}],
        "Overrides": {"ContainerOverrides": [{"Name": "app", "Cpu": "256"}]},
    }
    assert manifest_of(document) == manifest_of(
        a_document(
            deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150},
            enableECSManagedTags=True,
            tags=[{"key": "team", "value": "shop"}],
            overrides={"containerOverrides": [{"name": "app", "cpu": 256}]},
        )
    )


def test_writing_a_default_down_changes_nothing():
    written = a_document(
        platformVersion="LATEST",
        enableExecuteCommand=False,
        enableECSManagedTags="false",
        propagateTags="NONE",
        overrides={},
        deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 200},
    )
    assert manifest_of(written) == manifest_of(a_document())


def test_an_empty_list_of_an_unsupported_field_asks_for_nothing():
    pasted = a_document(loadBalancers=[], serviceRegistries=[], placementConstraints=[], placementStrategy=[])
    assert manifest_of(pasted) == manifest_of(a_document())


@pytest.mark.parametrize("desired", [0, 1, 5000, "5000"])
def test_desired_counts_up_to_the_quota(desired: object):
    assert manifest_of(a_document(desiredCount=desired)).desired_count == int(str(desired))


def test_nothing_can_be_stuck_without_tasks():
    percents = {"minimumHealthyPercent": 100, "maximumPercent": 100}
    assert manifest_of(a_document(desiredCount=0, deploymentConfiguration=percents)).maximum_percent == 100


@pytest.mark.parametrize(
    "name",
    ["a", "A_b-9", "x" * 245],
)
def test_names_as_long_as_the_task_group_allows(name: str):
    assert manifest_of(a_document(serviceName=name)).service == f"prod/{name}"


def test_a_backoff_of_zero_turns_it_off():
    restarts = manifest_of(a_document(restarts={"initialSeconds": 0, "maximumSeconds": 0})).restarts
    assert (restarts.initial_seconds, restarts.maximum_seconds) == (0, 0)


def test_the_canonical_document_shows_every_default():
    assert canonical_document(manifest_of(a_document(desiredCount="3"))) == {
        "kind": "Service",
        "cluster": "prod",
        "serviceName": "web",
        "taskDefinition": "web:12",
        "desiredCount": 3,
        "launchType": "FARGATE",
        "capacityFallback": [],
        "capacityReturn": {"afterSeconds": 600, "atOncePercent": 10},
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-a", "subnet-b"],
                "securityGroups": [],
                "assignPublicIp": "DISABLED",
            }
        },
        "loadBalancers": [],
        "functionTargets": [],
        "elasticLoadBalancers": [],
        "healthCheckGracePeriodSeconds": 0,
        "unhealthyTasks": {"action": "replace", "afterSeconds": 0, "atOncePercent": 25, "freezeAbovePercent": 50},
        "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200},
        "availabilityZoneRebalancing": "ENABLED",
        "availabilityZoneSpread": "BEST_EFFORT",
        "restarts": {"initialSeconds": 5, "maximumSeconds": 300, "resetAfterSeconds": 600},
        "deadlines": {
            "provisioningSeconds": 300,
            "pendingSeconds": 900,
            "activatingSeconds": 600,
            "stoppingSeconds": 600,
            "disconnectedSeconds": 900,
        },
        "scaleIn": {"prefer": list(DEFAULT_SCALE_IN_ORDER)},
        "platformVersion": "LATEST",
        "enableExecuteCommand": False,
        "enableECSManagedTags": False,
        "propagateTags": "NONE",
        "overrides": {},
        "placementStrategy": [],
        "placementConstraints": [],
        "volumeConfigurations": [],
        "tags": [],
    }


def test_the_canonical_document_of_a_capacity_provider():
    strategy = [{"capacityProvider": "FARGATE_SPOT"}]
    canonical = canonical_document(manifest_of(a_document(launchType=LEFT_OUT, capacityProviderStrategy=strategy)))
    assert "launchType" not in canonical
    assert canonical["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    assert parse_manifest(canonical) == manifest_of(a_document(launchType=LEFT_OUT, capacityProviderStrategy=strategy))
