"""What a manifest names must exist in AWS and fit together; everything wrong is said at once."""

import pytest

from builders import a_manifest
from headcount.aws.registry import AwsRegistry
from headcount.errors import Refused, TransientError


@pytest.fixture(scope="module")
def network(world):
    return world.default_network()


@pytest.fixture
def registry(world):
    yield AwsRegistry(world.client("ecs"), world.client("ec2"))
    world.faults.clear()


def _register(world, family, **changes):
    fields = {
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "app:1"}],
    }
    return world.client("ecs").register_task_definition(**fields | changes)["taskDefinition"]["taskDefinitionArn"]


def test_names_are_resolved_to_a_revision_and_zones(world, registry, network):
    arn = _register(world, "resolved")
    zone_a, zone_b, _ = sorted(network)
    manifest = a_manifest(task_definition="resolved", subnets=(network[zone_b], network[zone_a]))
    resolved = registry.resolve(manifest)
    assert resolved.task_definition_arn == arn
    assert resolved.zones == ((zone_a, (network[zone_a],)), (zone_b, (network[zone_b],)))
    assert resolved.container_health_check is False


def test_a_health_check_of_an_essential_container_is_noticed(world, registry, network):
    check = {"command": ["CMD", "true"]}
    _register(
        world,
        "checked",
        containerDefinitions=[{"name": "app", "image": "app:1", "essential": True, "healthCheck": check}],
    )
    manifest = a_manifest(task_definition="checked", subnets=tuple(network.values()))
    assert registry.resolve(manifest).container_health_check is True


def test_everything_that_is_wrong_is_said_at_once(registry, network):
    subnets = (min(network.values()), "subnet-0123456789abcdef0", "subnet-0123456789abcdef1")
    with pytest.raises(Refused) as refused:
        registry.resolve(a_manifest(task_definition="nobody:7", subnets=subnets))
    assert refused.value.error_type == "InvalidManifest"
    path = "networkConfiguration.awsvpcConfiguration.subnets"
    assert [problem.path for problem in refused.value.problems] == ["taskDefinition", f"{path}[1]", f"{path}[2]"]


def test_a_task_definition_that_is_not_for_fargate_is_refused_with_both_reasons(world, registry, network):
    _register(world, "bridged", networkMode="bridge", requiresCompatibilities=["EC2"])
    with pytest.raises(Refused) as refused:
        registry.resolve(a_manifest(task_definition="bridged", subnets=tuple(network.values())))
    assert "Fargate needs awsvpc" in refused.value.problems[0].message
    assert len(refused.value.problems) == 2


def test_an_inactive_task_definition_is_refused(world, registry, network):
    arn = _register(world, "retired")
    world.client("ecs").deregister_task_definition(taskDefinition=arn)
    with pytest.raises(Refused, match="1 problems"):
        registry.resolve(a_manifest(task_definition=arn, subnets=tuple(network.values())))


@pytest.mark.parametrize(("service", "operation"), [("ecs", "DescribeTaskDefinition"), ("ec2", "DescribeSubnets")])
def test_aws_out_of_patience_is_transient(world, registry, network, service, operation):
    _register(world, "patient")
    world.faults.throttle(service, operation, times=1)
    with pytest.raises(TransientError):
        registry.resolve(a_manifest(task_definition="patient", subnets=tuple(network.values())))
