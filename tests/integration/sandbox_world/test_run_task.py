"""RunTask keeps the limits of ECS that moto does not keep, in ECS's words."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import CAPACITY_REASON
from integration.sandbox_world.sites import Site


@pytest.mark.parametrize("count", [0, 11, -1])
def test_refuses_counts_outside_1_to_10(site: Site, count: int) -> None:
    assert "between 1 and 10" in site.refused("InvalidParameterException", count=count)


def test_starts_ten_tasks_in_one_call(site: Site) -> None:
    assert len(site.run(count=10)["tasks"]) == 10


def test_same_token_and_parameters_give_the_original_tasks(site: Site) -> None:
    first = site.run(count=3, clientToken="launch-1")
    again = site.run(count=3, clientToken="launch-1")
    assert [task["taskArn"] for task in again["tasks"]] == [task["taskArn"] for task in first["tasks"]]
    assert len(site.ecs.list_tasks(cluster=site.cluster)["taskArns"]) == 3


def test_same_token_with_other_parameters_names_the_existing_tasks(site: Site) -> None:
    first = site.run(count=2, clientToken="launch-2")
    with pytest.raises(ClientError) as caught:
        site.run(count=3, clientToken="launch-2")
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ConflictException"
    assert answer["resourceIds"] == [task["taskArn"] for task in first["tasks"]]


def test_a_token_belongs_to_its_cluster(site: Site) -> None:
    site.run(clientToken="launch-3")
    site.world.create_cluster(f"{site.cluster}-other")
    other = site.run(cluster=f"{site.cluster}-other", clientToken="launch-3")
    assert other["tasks"][0]["clusterArn"].endswith(f"{site.cluster}-other")


def test_the_same_call_from_many_threads_starts_its_tasks_once(site: Site) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(site.run(count=5, clientToken="together"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({tuple(task["taskArn"] for task in answer["tasks"]) for answer in answers}) == 1
    assert len(answers) == 8


@pytest.mark.parametrize("started_by", ["a" * 129, "hc main", "hc:main"])
def test_refuses_started_by_of_other_characters_or_length(site: Site, started_by: str) -> None:
    assert "startedBy" in site.refused("InvalidParameterException", startedBy=started_by)


def test_group_may_hold_a_colon_and_255_characters(site: Site) -> None:
    group = "headcount:" + "w" * 245
    assert site.run(group=group)["tasks"][0]["group"] == group
    assert "group" in site.refused("InvalidParameterException", group=group + "w")


def test_group_defaults_to_the_family(site: Site) -> None:
    assert site.run()["tasks"][0]["group"] == f"family:{site.family}"


def test_propagating_tags_of_a_service_is_an_error(site: Site) -> None:
    site.refused("InvalidParameterException", propagateTags="SERVICE")


def test_fargate_needs_a_network_configuration(site: Site) -> None:
    assert "Network Configuration must be provided" in site.refused(
        "InvalidParameterException", networkConfiguration=None
    )


def test_names_the_subnet_that_does_not_exist(site: Site) -> None:
    network = {"awsvpcConfiguration": {"subnets": ["subnet-404"]}}
    assert "subnet-404" in site.refused("InvalidParameterException", networkConfiguration=network)


def test_unknown_cluster(site: Site) -> None:
    assert site.refused("ClusterNotFoundException", cluster="nowhere") == "Cluster not found."


def test_unknown_task_definition(site: Site) -> None:
    assert site.refused("ClientException", taskDefinition="nothing:1") == "TaskDefinition not found."


def test_inactive_task_definition(site: Site) -> None:
    revision = site.define(f"{site.family}-old")
    site.ecs.deregister_task_definition(taskDefinition=revision)
    assert site.refused("ClientException", taskDefinition=revision) == "TaskDefinition is inactive"
    assert site.refused("ClientException", taskDefinition=f"{site.family}-old") == "TaskDefinition not found."


def test_a_family_means_its_latest_active_revision(site: Site) -> None:
    newest = site.define(site.family)
    assert site.run()["tasks"][0]["taskDefinitionArn"].endswith(newest)
    site.ecs.deregister_task_definition(taskDefinition=newest)
    assert site.run()["tasks"][0]["taskDefinitionArn"].endswith(f"{site.family}:1")


def test_launch_type_and_strategy_exclude_each_other(site: Site) -> None:
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    site.refused("InvalidParameterException", capacityProviderStrategy=strategy)
    spot = site.run(launchType=None, capacityProviderStrategy=strategy)["tasks"][0]
    assert spot["capacityProviderName"] == "FARGATE_SPOT"


def test_a_strategy_spreads_by_base_and_weight(site: Site) -> None:
    strategy = [
        {"capacityProvider": "FARGATE", "base": 2, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
    ]
    tasks = site.run(count=10, launchType=None, capacityProviderStrategy=strategy)["tasks"]
    assert sorted(task["capacityProviderName"] for task in tasks) == ["FARGATE"] * 4 + ["FARGATE_SPOT"] * 6


def test_refuses_a_provider_that_the_cluster_does_not_have(site: Site) -> None:
    strategy = [{"capacityProvider": "other", "weight": 1}]
    assert "'other' was not found" in site.refused(
        "InvalidParameterException", launchType=None, capacityProviderStrategy=strategy
    )
    site.create_provider("apart", associated=False)
    strategy = [{"capacityProvider": f"apart-{site.cluster}", "weight": 1}]
    assert "not associated" in site.refused(
        "InvalidParameterException", launchType=None, capacityProviderStrategy=strategy
    )


def test_refuses_an_override_for_a_container_that_is_not_there(site: Site) -> None:
    overrides = {"containerOverrides": [{"name": "sidecar"}]}
    assert "sidecar" in site.refused("InvalidParameterException", overrides=overrides)


def test_refuses_overrides_over_8192_characters(site: Site) -> None:
    overrides = {"containerOverrides": [{"name": "app", "command": ["x" * 8192]}]}
    assert "8192" in site.refused("InvalidParameterException", overrides=overrides)


@pytest.mark.parametrize(
    "tags",
    [
        [{"key": f"k{number}", "value": ""} for number in range(51)],
        [{"key": "k" * 129, "value": ""}],
        [{"key": "k", "value": "v" * 257}],
        [{"key": "aws:x", "value": ""}],
    ],
)
def test_refuses_tags_beyond_the_limits(site: Site, tags: list[dict[str, str]]) -> None:
    site.refused("InvalidParameterException", tags=tags)


def test_the_zone_comes_from_the_subnet(site: Site) -> None:
    for zone, subnet in site.subnets.items():
        network = {"awsvpcConfiguration": {"subnets": [subnet]}}
        assert site.run(networkConfiguration=network)["tasks"][0]["availabilityZone"] == zone


def test_with_several_subnets_ecs_chooses_the_zone(site: Site) -> None:
    tasks = [task for _ in range(3) for task in site.run(count=10)["tasks"]]
    assert {task["availabilityZone"] for task in tasks} == set(site.subnets)


def test_a_zone_without_capacity_gives_failures_beside_tasks(site: Site) -> None:
    site.world.faults.refuse_capacity(zone="eu-west-1a")
    network = {"awsvpcConfiguration": {"subnets": [site.subnets["eu-west-1a"]]}}
    refused = site.run(count=2, networkConfiguration=network)
    assert refused["tasks"] == []
    assert [failure["reason"] for failure in refused["failures"]] == [CAPACITY_REASON] * 2


def test_capacity_that_ends_after_some_tasks_gives_partial_success(site: Site) -> None:
    site.world.faults.refuse_capacity(after=7, reason="RESOURCE:ENI")
    answer = site.run(count=10)
    assert len(answer["tasks"]) == 7
    assert [failure["reason"] for failure in answer["failures"]] == ["RESOURCE:ENI"] * 3


def test_capacity_may_end_for_one_provider_only(site: Site) -> None:
    site.world.faults.refuse_capacity(capacity_provider="FARGATE_SPOT")
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    assert site.run(launchType=None, capacityProviderStrategy=spot)["tasks"] == []
    assert len(site.run()["tasks"]) == 1
