"""The console registers container instances and takes capacity away, for shells and demos."""

import urllib.error
from typing import Any

import pytest

from integration.sandbox_world.sites import Site, wait_for
from integration.sandbox_world.test_doors import console


def registered(site: Site, **more: Any) -> dict[str, Any]:
    body = {"cluster": site.cluster, "availabilityZone": f"{site.world.region}a", **more}
    instance = console(site.world, "POST", "container-instances", body)["containerInstance"]
    return dict(instance)


def running_on(site: Site, instance: dict[str, Any]) -> str:
    started = site.ecs.start_task(
        cluster=site.cluster,
        taskDefinition=site.define_ec2(f"{site.family}-e"),
        containerInstances=[instance["containerInstanceArn"]],
    )
    arn = str(started["tasks"][0]["taskArn"])
    site.until(arn, "RUNNING")
    return arn


def test_registers_and_lists_instances(site: Site) -> None:
    instance = registered(
        site, cpu=1024, memory=2048, instanceType="t3.small", ec2InstanceId="i-0abc", attributes={"stack": "blue"}
    )
    assert instance["ec2InstanceId"] == "i-0abc"
    listed = console(site.world, "GET", "container-instances")["containerInstances"]
    arn = instance["containerInstanceArn"]
    shown = next(item for item in listed if item["containerInstanceArn"] == arn)
    attributes = {item["name"]: item.get("value") for item in shown["attributes"]}
    assert (attributes["ecs.instance-type"], attributes["stack"]) == ("t3.small", "blue")
    assert site.instance(arn)["remainingResources"][0]["integerValue"] == 1024


@pytest.mark.parametrize(
    ("way", "settings"),
    [
        ("terminate", None),
        ("vanish", {"noticedAfterSeconds": 0.05, "afterwards": "STOPPED"}),
        ("spot-interruption", {"warningSeconds": 0.05, "drain": True}),
    ],
)
def test_loses_an_instance(site: Site, way: str, settings: dict[str, Any] | None) -> None:
    instance = registered(site)
    arn = running_on(site, instance)
    console(site.world, "POST", f"container-instances/{instance['ec2InstanceId']}/{way}", settings)
    site.until(arn, "STOPPED")
    wait_for(lambda: site.instance(instance["containerInstanceArn"])["status"] == "INACTIVE")


def test_silences_an_agent_and_brings_it_back(site: Site) -> None:
    instance = registered(site)
    arn = instance["containerInstanceArn"]
    console(site.world, "POST", f"container-instances/{arn.rpartition('/')[2]}/disconnect")
    assert site.instance(arn)["agentConnected"] is False
    console(site.world, "POST", f"container-instances/{instance['ec2InstanceId']}/reconnect")
    assert site.instance(arn)["agentConnected"] is True
    console(site.world, "POST", f"container-instances/{instance['ec2InstanceId']}/disconnect", {"seconds": 0.05})
    wait_for(lambda: site.instance(arn)["agentConnected"])


def test_gives_spot_notices_and_retires_tasks(site: Site) -> None:
    spot = {"launchType": None, "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
    taken, retired = site.run_one(**spot), site.run_one()
    for arn in (taken, retired):
        site.until(arn, "RUNNING")
    notified = console(site.world, "POST", "spot-notices", {"warningSeconds": 0.05})["tasks"]
    assert taken.rpartition("/")[2] in notified
    body = {"tasks": [retired.rpartition("/")[2]], "startInSeconds": 0.05}
    assert "RETIREMENT" in console(site.world, "POST", "retirements", body)["eventArn"]
    for arn in (taken, retired):
        site.until(arn, "STOPPED")


def test_limits_capacity(site: Site) -> None:
    console(site.world, "POST", "faults", {"kind": "limit_capacity", "tasks": 0, "zone": f"{site.world.region}a"})
    subnet = {"awsvpcConfiguration": {"subnets": [site.subnets[f"{site.world.region}a"]]}}
    assert site.run(networkConfiguration=subnet)["tasks"] == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("container-instances", {"cpu": 1}, 400),
        ("container-instances", {"availabilityZone": "eu-west-1a", "disk": 3}, 400),
        ("container-instances", {"availabilityZone": "eu-west-1a", "cpu": "1024"}, 400),
        ("container-instances", {"availabilityZone": "eu-west-1a", "cluster": "nowhere"}, 400),
        ("container-instances/i-404/terminate", {}, 404),
        ("container-instances/i-404/explode", {}, 404),
        ("container-instances/i-404/vanish", {"afterwards": "GONE"}, 400),
        ("retirements", {"tasks": ["0" * 32]}, 404),
        ("retirements", {}, 404),
        ("spot-notices", {"warningSeconds": "soon"}, 400),
    ],
)
def test_says_what_is_wrong(site: Site, path: str, body: dict[str, Any], status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        console(site.world, "POST", path, body)
    assert caught.value.code == status
    caught.value.close()
