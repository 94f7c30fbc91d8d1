"""Every way to start tasks: launch types, strategies, fallbacks, and what each takes and refuses."""

from typing import Any

import pytest

from headcount.model.manifest import CapacitySource
from unit.manifest.documents_of import LEFT_OUT, a_document, awsvpc, manifest_of, problems_of, the_problem_of

SPOT_FIRST = {
    "launchType": LEFT_OUT,
    "capacityProviderStrategy": [
        {"capacityProvider": "FARGATE", "base": 2, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": "4"},
    ],
}
ON_EC2 = {"launchType": "EC2", "networkConfiguration": LEFT_OUT}
ZONE_SPREAD = {"type": "spread", "field": "attribute:ecs.availability-zone"}


def test_a_strategy_divides_tasks_by_base_and_weight():
    assert manifest_of(a_document(**SPOT_FIRST)).sources == (
        CapacitySource(capacity_provider="FARGATE", base=2, weight=1),
        CapacitySource(capacity_provider="FARGATE_SPOT", base=0, weight=4),
    )


def test_a_provider_without_a_weight_has_none_as_in_ecs():
    strategy = [{"capacityProvider": "FARGATE", "base": 2}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    manifest = manifest_of(a_document(launchType=LEFT_OUT, capacityProviderStrategy=strategy))
    assert [source.weight for source in manifest.sources] == [0, 1]


def test_container_instances_with_any_network_mode_but_awsvpc_have_no_network_configuration():
    manifest = manifest_of(a_document(**ON_EC2))
    assert (manifest.sources, manifest.subnets) == ((CapacitySource(launch_type="EC2"),), ())


def test_container_instances_with_awsvpc():
    assert manifest_of(a_document(launchType="EC2")).subnets == ("subnet-a", "subnet-b")


@pytest.mark.parametrize(
    "capacity",
    [
        {"launchType": "FARGATE"},
        SPOT_FIRST,
        {"launchType": "EC2", "capacityFallback": [{"capacityProvider": "FARGATE"}]},
    ],
)
def test_fargate_needs_subnets(capacity: dict[str, Any]):
    problem = the_problem_of(a_document(**capacity | {"networkConfiguration": LEFT_OUT}))
    assert problem.path == "networkConfiguration"
    assert "network mode awsvpc" in problem.message


def test_without_any_capacity_the_clusters_default_is_not_guessed():
    problem = the_problem_of(a_document(launchType=LEFT_OUT))
    assert problem.path == "launchType"
    assert "the cluster's default strategy is not used" in problem.message


@pytest.mark.parametrize(
    ("fallback", "path"),
    [
        ([{}], "capacityFallback[0]"),
        ([{"capacityProvider": "FARGATE_SPOT", "launchType": "EC2"}], "capacityFallback[0]"),
        ([{"launchType": "EXTERNAL"}], "capacityFallback[0].launchType"),
        ([{"capacityProvider": "FARGATE_SPOT", "availabilityZones": []}], "capacityFallback[0].availabilityZones"),
        (
            [{"capacityProvider": "FARGATE_SPOT", "availabilityZones": ["a"]}],
            "capacityFallback[0].availabilityZones[0]",
        ),
        ([{"capacityProvider": "FARGATE_SPOT", "weight": 1}], "capacityFallback[0].weight"),
        (["FARGATE_SPOT"], "capacityFallback[0]"),
        ([{"capacityProvider": f"provider-{number}"} for number in range(11)], "capacityFallback"),
    ],
)
def test_fallbacks_that_mean_nothing(fallback: object, path: str):
    assert the_problem_of(a_document(capacityFallback=fallback)).path == path


@pytest.mark.parametrize(
    "fallback",
    [
        [{"launchType": "FARGATE"}],
        [{"capacityProvider": "FARGATE", "availabilityZones": ["eu-central-1a"]}],
        [
            {"capacityProvider": "FARGATE_SPOT"},
            {"capacityProvider": "FARGATE_SPOT", "availabilityZones": ["eu-west-1a"]},
        ],
        [
            {"capacityProvider": "FARGATE_SPOT", "availabilityZones": ["eu-west-1a", "eu-west-1b"]},
            {"capacityProvider": "FARGATE_SPOT", "availabilityZones": ["eu-west-1b"]},
        ],
        [{"capacityProvider": "FARGATE_SPOT", "availabilityZones": ["eu-west-1a"]}] * 2,
    ],
)
def test_a_fallback_that_is_never_reached(fallback: list[Any]):
    problem = the_problem_of(a_document(capacityFallback=fallback))
    assert problem.path == f"capacityFallback[{len(fallback) - 1}]"
    assert "is never reached" in problem.message


def test_one_of_several_providers_may_stand_in_for_the_others():
    manifest = manifest_of(a_document(**SPOT_FIRST, capacityFallback=[{"capacityProvider": "FARGATE"}]))
    assert manifest.fallback == (CapacitySource(capacity_provider="FARGATE"),)


def test_a_fallback_of_one_zone_after_another():
    fallback = [
        {"capacityProvider": "FARGATE_SPOT", "availabilityZones": [zone]} for zone in ("eu-west-1a", "eu-west-1b")
    ]
    zones = [source.zones for source in manifest_of(a_document(capacityFallback=fallback)).fallback]
    assert zones == [("eu-west-1a",), ("eu-west-1b",)]


@pytest.mark.parametrize("key", ["placementStrategy", "placementConstraints"])
def test_fargate_takes_no_placement(key: str):
    value = [ZONE_SPREAD] if key == "placementStrategy" else [{"type": "distinctInstance"}]
    problem = the_problem_of(a_document(**{key: value}))
    assert problem.path == key
    assert "Fargate takes none" in problem.message
    burst = a_document(launchType="EC2", capacityFallback=[{"launchType": "FARGATE"}], **{key: value})
    assert manifest_of(burst).run_task == {key: value}


def test_what_belongs_to_fargate_is_refused_on_container_instances():
    document = a_document(
        launchType="EC2", platformVersion="1.4.0", networkConfiguration=awsvpc(assignPublicIp="ENABLED")
    )
    assert [problem.path for problem in problems_of(document)] == [
        "networkConfiguration.awsvpcConfiguration.assignPublicIp",
        "platformVersion",
    ]


@pytest.mark.parametrize(
    ("strategy", "path"),
    [
        ([{"type": "random", "field": "cpu"}], "placementStrategy[0].field"),
        ([{"type": "binpack"}], "placementStrategy[0].field"),
        ([{"type": "binpack", "field": "disk"}], "placementStrategy[0].field"),
        ([{"type": "spread"}], "placementStrategy[0].field"),
        ([{"type": "spread", "field": "zone"}], "placementStrategy[0].field"),
        ([{"type": "pile"}], "placementStrategy[0].type"),
        ([{"field": "cpu"}], "placementStrategy[0].type"),
        ([ZONE_SPREAD] * 6, "placementStrategy"),
        ([{"type": "spread", "feild": "host"}], "placementStrategy[0].feild"),
    ],
)
def test_placement_strategies(strategy: object, path: str):
    assert problems_of(a_document(**ON_EC2, placementStrategy=strategy))[0].path == path


@pytest.mark.parametrize("field", ["instanceId", "host", "attribute:ecs.availability-zone", "attribute:rack"])
def test_what_tasks_can_be_spread_over(field: str):
    strategy = [{"type": "spread", "field": field}, {"type": "binpack", "field": "MEMORY"}, {"type": "random"}]
    assert manifest_of(a_document(**ON_EC2, PlacementStrategy=strategy)).run_task == {"placementStrategy": strategy}


@pytest.mark.parametrize(
    ("constraint", "path"),
    [
        ({"type": "memberOf"}, "expression"),
        ({"type": "memberOf", "expression": "x" * 2001}, "expression"),
        ({"type": "distinctInstance", "expression": "attribute:a == b"}, "expression"),
        ({"type": "distinctZone"}, "type"),
    ],
)
def test_placement_constraints(constraint: dict[str, Any], path: str):
    problem = the_problem_of(a_document(**ON_EC2, placementConstraints=[constraint]))
    assert problem.path == f"placementConstraints[0].{path}"


IN_ONE_ZONE = {"type": "memberOf", "expression": "attribute:ecs.availability-zone == eu-central-1a"}


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 0}}, "maximumPercent"),
        ({"placementStrategy": [{"type": "binpack", "field": "cpu"}, ZONE_SPREAD]}, "placementStrategy[0]"),
        ({"placementStrategy": [{"type": "spread", "field": "instanceId"}]}, "placementStrategy[0]"),
        ({"placementConstraints": [IN_ONE_ZONE]}, "placementConstraints[0]"),
    ],
)
def test_zones_are_not_rebalanced_where_ecs_would_not(change: dict[str, Any], because: str):
    assert manifest_of(a_document(**ON_EC2 | change)).zone_rebalancing is False
    problem = the_problem_of(a_document(**ON_EC2 | change, availabilityZoneRebalancing="ENABLED"))
    assert problem.path == "availabilityZoneRebalancing"
    assert because in problem.message


def test_zones_are_rebalanced_unless_somebody_says_no():
    assert manifest_of(a_document(**ON_EC2, placementStrategy=[ZONE_SPREAD])).zone_rebalancing
    assert manifest_of(a_document(availabilityZoneRebalancing="ENABLED")).zone_rebalancing
    assert not manifest_of(a_document(availabilityZoneRebalancing="DISABLED")).zone_rebalancing


def test_a_singleton_is_one_task_that_stops_before_it_starts():
    never_two = {"minimumHealthyPercent": 0, "maximumPercent": 100}
    manifest = manifest_of(a_document(desiredCount=1, deploymentConfiguration=never_two))
    assert (manifest.minimum_healthy_percent, manifest.maximum_percent) == (0, 100)
    problem = the_problem_of(a_document(desiredCount=1, deploymentConfiguration={"maximumPercent": 100}))
    assert "minimumHealthyPercent: 0 and maximumPercent: 100 for a task that never runs twice" in problem.message


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("maximumAge", {}, "maximumAge.seconds"),
        ("maximumAge", {"seconds": 59}, "maximumAge.seconds"),
        ("maximumAge", {"seconds": 366 * 86400}, "maximumAge.seconds"),
        ("maximumAge", {"seconds": 3600, "jitterPercent": 91}, "maximumAge.jitterPercent"),
        ("maximumAge", 3600, "maximumAge"),
        ("capacityReturn", {"afterSeconds": 1}, "capacityReturn.afterSeconds"),
        ("capacityReturn", {"atOncePercent": 0}, "capacityReturn.atOncePercent"),
        ("availabilityZoneSpread", "EVEN", "availabilityZoneSpread"),
        ("availabilityZoneRebalancing", True, "availabilityZoneRebalancing"),
        ("deadlines", {"disconnectedSeconds": 4}, "deadlines.disconnectedSeconds"),
    ],
)
def test_bounds(key: str, value: object, path: str):
    assert the_problem_of(a_document(**{key: value})).path == path


ROLE = "arn:aws:iam::123456789012:role/ecsInfrastructure"


@pytest.mark.parametrize(
    ("volumes", "path"),
    [
        ([{"name": "data"}], "[0].managedEBSVolume"),
        ([{"name": "data", "managedEBSVolume": {"roleArn": ROLE}}], "[0].managedEBSVolume"),
        ([{"name": "data", "managedEBSVolume": {"sizeInGiB": 8}}], "[0].managedEBSVolume.roleArn"),
        (
            [{"name": "data", "managedEBSVolume": {"roleArn": ROLE, "sizeInGiB": 16385}}],
            "[0].managedEBSVolume.sizeInGiB",
        ),
        (
            [{"name": "data", "managedEBSVolume": {"roleArn": ROLE, "sizeInGiB": 8, "filesystemType": "zfs"}}],
            "[0].managedEBSVolume.filesystemType",
        ),
        ([{"name": name, "managedEBSVolume": {"roleArn": ROLE, "sizeInGiB": 8}} for name in "ab"], ""),
    ],
)
def test_volumes(volumes: object, path: str):
    assert the_problem_of(a_document(volumeConfigurations=volumes)).path == f"volumeConfigurations{path}"


def test_fargate_has_no_accelerators():
    gpu = [{"type": "GPU", "value": "1"}]
    container = {"name": "app", "image": "app:1", "resourceRequirements": gpu}
    overrides = {"containerOverrides": [{"name": "app", "resourceRequirements": gpu}]}
    definition = {"networkMode": "awsvpc", "cpu": "256", "memory": "512", "containerDefinitions": [container]}
    assert [problem.path for problem in problems_of(a_document(taskDefinition=definition, overrides=overrides))] == [
        "overrides.containerOverrides[0].resourceRequirements",
        "taskDefinition.containerDefinitions[0].resourceRequirements",
    ]
    assert manifest_of(a_document(launchType="EC2", taskDefinition=definition, overrides=overrides)).run_task
