"""Capacity: strategies as ECS deals them out, providers of Auto Scaling groups, refusals at once and late, limits."""

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import CAPACITY_REASON
from integration.sandbox_world.sites import Site, wait_for


def strategy(**weights: int) -> dict[str, Any]:
    """A RunTask request's fields for a strategy of these weights."""
    items = [{"capacityProvider": name, "weight": weight} for name, weight in weights.items()]
    return {"launchType": None, "capacityProviderStrategy": items}


def only(site: Site, zone: str) -> dict[str, Any]:
    subnet = site.subnets[f"{site.world.region}{zone}"]
    return {"networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet]}}}


def providers(answer: dict[str, Any]) -> Counter[str]:
    return Counter(task["capacityProviderName"] for task in answer["tasks"])


def test_base_and_weight_are_for_each_call_alone(site: Site) -> None:
    items = [
        {"capacityProvider": "FARGATE", "base": 2, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 4},
    ]
    for _ in range(3):
        one = site.run(launchType=None, capacityProviderStrategy=items, count=2)
        assert providers(one) == {"FARGATE": 2}
    seven = site.run(launchType=None, capacityProviderStrategy=items, count=7)
    assert providers(seven) == {"FARGATE": 3, "FARGATE_SPOT": 4}


def test_the_default_strategy_of_the_cluster_holds_without_one(site: Site) -> None:
    site.ecs.put_cluster_capacity_providers(
        cluster=site.cluster,
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
    )
    assert providers(site.run(launchType=None)) == {"FARGATE_SPOT": 1}
    assert providers(site.run()) == {"FARGATE": 1}


def test_fargate_and_instances_are_not_mixed(site: Site) -> None:
    group = site.create_provider("group")
    assert "cannot contain a mix" in site.refused("InvalidParameterException", **strategy(FARGATE=1, **{group: 1}))


@pytest.mark.parametrize(
    "items",
    [
        [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "base": 1}],
        [{"capacityProvider": "FARGATE", "weight": 0}],
        [{"capacityProvider": "FARGATE", "weight": 1001}],
        [{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE", "weight": 2}],
    ],
    ids=["two bases", "no weight", "weight over 1000", "twice"],
)
def test_strategies_that_are_none_are_refused(site: Site, items: list[dict[str, Any]]) -> None:
    site.refused("InvalidParameterException", launchType=None, capacityProviderStrategy=items)


def test_a_definition_without_fargate_is_refused_by_its_providers_too(site: Site) -> None:
    definition = site.define_ec2(f"{site.family}-e", "awsvpc")
    assert "does not support launch_type FARGATE" in site.refused(
        "InvalidParameterException", taskDefinition=definition, **strategy(FARGATE=1)
    )


# --- providers of Auto Scaling groups -------------------------------------------------------------------------------


def test_a_provider_has_the_instances_that_were_registered_for_it(site: Site) -> None:
    group = site.create_provider("group")
    own = site.add_instance(capacity_provider=group)
    site.add_instance()
    answer = site.on_ec2(site.define_ec2(f"{site.family}-e"), count=4, **strategy(**{group: 1}))
    assert {task["containerInstanceArn"] for task in answer["tasks"]} == {own["containerInstanceArn"]}
    task = answer["tasks"][0]
    assert (task["launchType"], task["capacityProviderName"]) == ("EC2", group)
    assert site.instance(own["containerInstanceArn"])["capacityProviderName"] == group


def test_a_provider_without_instances(site: Site) -> None:
    empty, full = site.create_provider("empty"), site.create_provider("full")
    site.add_instance(capacity_provider=full)
    definition = site.define_ec2(f"{site.family}-e")
    with pytest.raises(ClientError, match="No Container Instances were found in your capacity provider"):
        site.on_ec2(definition, **strategy(**{empty: 1}))
    answer = site.on_ec2(definition, count=4, **strategy(**{empty: 1, full: 1}))
    assert providers(answer) == {full: 2}
    assert {failure["reason"] for failure in answer["failures"]} == {"EMPTY CAPACITY PROVIDER"}


def test_with_managed_scaling_tasks_wait_in_provisioning_for_instances(site: Site) -> None:
    group = site.create_provider("group", scales=True)
    answer = site.on_ec2(site.define_ec2(f"{site.family}-e", cpu=1024), count=3, **strategy(**{group: 1}))
    arns = [task["taskArn"] for task in answer["tasks"]]
    assert [task["lastStatus"] for task in answer["tasks"]] == ["PROVISIONING"] * 3
    assert "containerInstanceArn" not in answer["tasks"][0]
    instance = site.add_instance(capacity_provider=group)["containerInstanceArn"]
    first = [site.until(arn, "RUNNING") for arn in arns[:2]]
    assert {task["containerInstanceArn"] for task in first} == {instance}
    assert site.task(arns[2])["lastStatus"] == "PROVISIONING"
    site.ecs.stop_task(cluster=site.cluster, task=arns[0])
    site.until(arns[2], "RUNNING")


def test_a_waiting_task_can_be_stopped(site: Site) -> None:
    group = site.create_provider("group", scales=True)
    arn = site.on_ec2(site.define_ec2(f"{site.family}-e"), **strategy(**{group: 1}))["tasks"][0]["taskArn"]
    site.ecs.stop_task(cluster=site.cluster, task=arn)
    site.until(arn, "STOPPED")
    instance = site.add_instance(capacity_provider=group)["containerInstanceArn"]
    assert len(site.on_ec2(site.define_ec2(f"{site.family}-e"), **strategy(**{group: 1}))["tasks"]) == 1
    shown = site.instance(instance)
    assert shown["runningTasksCount"] + shown["pendingTasksCount"] == 1


def test_at_most_500_tasks_wait_in_a_cluster(site: Site) -> None:
    group = site.create_provider("group", scales=True)
    definition = site.define_ec2(f"{site.family}-e")
    for _ in range(50):
        last = site.on_ec2(definition, count=10, **strategy(**{group: 1}))["tasks"][0]
    with pytest.raises(ClientError, match="at most 500") as caught:
        site.on_ec2(definition, **strategy(**{group: 1}))
    assert caught.value.response["Error"]["Code"] == "ClientException"
    site.ecs.stop_task(cluster=site.cluster, task=last["taskArn"])
    assert len(site.on_ec2(definition, **strategy(**{group: 1}))["tasks"]) == 1


def test_capacity_providers_are_described_with_those_of_fargate(site: Site) -> None:
    group = site.create_provider("group")
    named = site.ecs.describe_capacity_providers(capacityProviders=[group, "FARGATE_SPOT", "nobody"])
    assert {provider["name"] for provider in named["capacityProviders"]} == {group, "FARGATE_SPOT"}
    assert [failure["reason"] for failure in named["failures"]] == ["MISSING"]
    every = {provider["name"] for provider in site.ecs.describe_capacity_providers()["capacityProviders"]}
    assert {"FARGATE", "FARGATE_SPOT", group} <= every


def test_names_of_fargate_and_unknown_providers_are_refused(site: Site) -> None:
    details = {"autoScalingGroupArn": "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1:name/x"}
    with pytest.raises(ClientError, match="cannot be prefixed"):
        site.ecs.create_capacity_provider(name="fargate-2", autoScalingGroupProvider=details)
    with pytest.raises(ClientError, match="'nobody' was not found"):
        site.ecs.put_cluster_capacity_providers(
            cluster=site.cluster, capacityProviders=["nobody"], defaultCapacityProviderStrategy=[]
        )


# --- refusals -------------------------------------------------------------------------------------------------------


def test_capacity_may_end_in_a_zone_of_a_provider(site: Site) -> None:
    site.world.faults.refuse_capacity(zone=f"{site.world.region}a", capacity_provider="FARGATE_SPOT")
    assert site.run(**strategy(FARGATE_SPOT=1), **only(site, "a"))["tasks"] == []
    assert len(site.run(**strategy(FARGATE_SPOT=1), **only(site, "b"))["tasks"]) == 1
    assert len(site.run(**only(site, "a"))["tasks"]) == 1


def test_capacity_may_end_everywhere(site: Site) -> None:
    site.add_instance()
    site.world.faults.refuse_capacity()
    definition = site.define_ec2(f"{site.family}-e")
    for answer in (site.run(), site.run(**strategy(FARGATE_SPOT=1)), site.on_ec2(definition)):
        assert (answer["tasks"], [failure["reason"] for failure in answer["failures"]]) == ([], [CAPACITY_REASON])


def test_capacity_may_turn_out_to_be_missing_after_the_call(site: Site) -> None:
    site.world.faults.refuse_capacity(capacity_provider="FARGATE", late=True, times=1)
    answer = site.run(count=2)
    assert len(answer["tasks"]) == 2
    last = site.until(answer["tasks"][0]["taskArn"], "STOPPED")
    assert (last["stopCode"], last["stoppedReason"]) == ("TaskFailedToStart", CAPACITY_REASON)
    assert "startedAt" not in last
    seen = wait_for(lambda: _ended(site, last["taskArn"]))
    assert [detail["lastStatus"] for detail in seen] == ["PROVISIONING", "PROVISIONING", "DEPROVISIONING", "STOPPED"]
    site.until(answer["tasks"][1]["taskArn"], "RUNNING")


def test_capacity_of_instances_may_turn_out_to_be_missing_too(site: Site) -> None:
    instance = site.add_instance()["containerInstanceArn"]
    site.world.faults.refuse_capacity(zone=f"{site.world.region}a", late=True, reason="RESOURCE:MEMORY")
    last = site.until(site.on_ec2(site.define_ec2(f"{site.family}-e"))["tasks"][0]["taskArn"], "STOPPED")
    assert (last["stopCode"], last["stoppedReason"]) == ("TaskFailedToStart", "RESOURCE:MEMORY")
    wait_for(lambda: not site.instance(instance)["pendingTasksCount"])


def test_capacity_may_be_limited_to_a_number_of_tasks_at_a_time(site: Site) -> None:
    zone = f"{site.world.region}b"
    live = [t for t in site.world.describe_tasks() if _is_live(t) and t["availabilityZone"] == zone]
    site.world.faults.limit_capacity(len(live) + 2, zone=zone)
    tasks = site.run(count=5, **only(site, "b"))["tasks"]
    assert len(tasks) == 2
    assert site.run(**only(site, "b"))["failures"][0]["reason"] == CAPACITY_REASON
    site.ecs.stop_task(cluster=site.cluster, task=tasks[0]["taskArn"])
    assert len(site.run(**only(site, "b"))["tasks"]) == 1
    assert len(site.run(**only(site, "a"))["tasks"]) == 1


def _is_live(task: dict[str, Any]) -> bool:
    return bool(task["desiredStatus"] == "RUNNING" and "availabilityZone" in task)


def _ended(site: Site, arn: str) -> list[dict[str, Any]] | None:
    details = [event["detail"] for event in site.events_of(arn)]
    return details if details and details[-1]["lastStatus"] == "STOPPED" else None
