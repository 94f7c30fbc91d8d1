"""Container instances behind ECS's API: what they show, how they are found, drained and deregistered, their events."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import ApiError, Registration
from integration.sandbox_world.sites import Site, wait_for


def listed(site: Site, **filters: Any) -> list[str]:
    return list(site.ecs.list_container_instances(cluster=site.cluster, **filters)["containerInstanceArns"])


def resources(instance: dict[str, Any], which: str) -> dict[str, Any]:
    return {item["name"]: item.get("integerValue", item.get("stringSetValue")) for item in instance[which]}


def test_shows_what_the_agent_registered(site: Site) -> None:
    brought = site.add_instance(cpu=4096, memory=16000, tags={"team": "a"}, attributes={"stack": "blue", "ssd": None})
    instance = site.ecs.describe_container_instances(
        cluster=site.cluster, containerInstances=[brought["containerInstanceArn"]], include=["TAGS"]
    )["containerInstances"][0]
    assert instance["containerInstanceArn"].startswith(
        f"arn:aws:ecs:{site.world.region}:{site.world.account}:container-instance/{site.cluster}/"
    )
    assert instance["ec2InstanceId"].startswith("i-")
    attributes = {item["name"]: item.get("value") for item in instance["attributes"]}
    assert attributes["ecs.availability-zone"] == f"{site.world.region}a"
    assert attributes["ecs.instance-type"] == "m6i.large"
    assert (attributes["ecs.os-type"], attributes["stack"], attributes["ssd"]) == ("linux", "blue", None)
    assert resources(instance, "registeredResources")["CPU"] == 4096
    assert resources(instance, "remainingResources")["MEMORY"] == 16000
    assert (instance["status"], instance["agentConnected"], instance["version"]) == ("ACTIVE", True, 1)
    assert instance["tags"] == [{"key": "team", "value": "a"}]


def test_a_task_takes_its_part_and_gives_it_back(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    task = site.on_ec2(site.define_ec2(f"{site.family}-e", cpu=512, memory=1000))["tasks"][0]
    assert task["containerInstanceArn"] == arn
    site.until(task["taskArn"], "RUNNING")
    taken = wait_for(lambda: site.instance(arn)["runningTasksCount"] == 1 and site.instance(arn))
    assert resources(taken, "remainingResources")["CPU"] == 2048 - 512
    assert resources(taken, "remainingResources")["MEMORY"] == 7680 - 1000
    site.ecs.stop_task(cluster=site.cluster, task=task["taskArn"])
    site.until(task["taskArn"], "STOPPED")
    free = wait_for(lambda: not site.instance(arn)["runningTasksCount"] and site.instance(arn))
    assert resources(free, "remainingResources") == resources(free, "registeredResources")


def test_every_change_is_an_event_of_aws_shape(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    task = site.on_ec2(site.define_ec2(f"{site.family}-e"))["tasks"][0]["taskArn"]
    site.until(task, "RUNNING")
    site.ecs.update_container_instances_state(cluster=site.cluster, containerInstances=[arn], status="DRAINING")
    events = wait_for(lambda: len(site.events_of(arn)) >= 4 and site.events_of(arn))
    assert [event["detail"]["version"] for event in events] == [1, 2, 3, 4]
    assert [event["detail"]["runningTasksCount"] for event in events] == [0, 0, 1, 1]
    assert [event["detail"]["pendingTasksCount"] for event in events] == [0, 1, 0, 0]
    assert [event["detail"]["status"] for event in events] == ["ACTIVE"] * 3 + ["DRAINING"]
    last = events[-1]
    assert (last["source"], last["detail-type"]) == ("aws.ecs", "ECS Container Instance State Change")
    assert set(last["detail"]) == {
        *("agentConnected", "attributes", "clusterArn", "containerInstanceArn", "ec2InstanceId", "registeredAt"),
        *("registeredResources", "remainingResources", "runningTasksCount", "pendingTasksCount", "status", "version"),
        *("versionInfo", "updatedAt"),
    }
    assert last["detail"]["registeredAt"].endswith("Z")
    json.dumps(last)


def test_instances_are_found_by_status_and_by_expression(site: Site) -> None:
    first = site.add_instance("a", attributes={"stack": "blue"})
    second = site.add_instance("b")
    arns = [first["containerInstanceArn"], second["containerInstanceArn"]]
    site.ecs.update_container_instances_state(cluster=site.cluster, containerInstances=[arns[1]], status="DRAINING")
    assert listed(site) == arns
    assert listed(site, status="ACTIVE") == arns[:1]
    assert listed(site, status="DRAINING") == arns[1:]
    assert listed(site, filter=f"ec2InstanceId == {second['ec2InstanceId']}") == arns[1:]
    assert listed(site, filter="agentConnected == true and attribute:stack exists") == arns[:1]
    assert listed(site, filter=f"not (attribute:ecs.availability-zone == {site.world.region}a)") == arns[1:]


def test_lists_come_in_pages(site: Site) -> None:
    arns = [site.add_instance()["containerInstanceArn"] for _ in range(5)]
    page = site.ecs.list_container_instances(cluster=site.cluster, maxResults=3)
    assert page["containerInstanceArns"] == arns[:3]
    assert listed(site, nextToken=page["nextToken"]) == arns[3:]


@pytest.mark.parametrize(
    "bad", [{"filter": "stack == blue"}, {"filter": "attribute:a =="}, {"status": "GONE"}, {"maxResults": 101}]
)
def test_lists_refuse_what_they_do_not_know(site: Site, bad: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        listed(site, **bad)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def test_unknown_instances_are_failures_and_at_most_100_are_described(site: Site) -> None:
    answer = site.ecs.describe_container_instances(cluster=site.cluster, containerInstances=["0" * 32])
    assert answer["containerInstances"] == []
    assert answer["failures"][0]["reason"] == "MISSING"
    assert answer["failures"][0]["arn"].endswith(f"container-instance/{site.cluster}/{'0' * 32}")
    with pytest.raises(ClientError, match="between 1 and 100"):
        site.ecs.describe_container_instances(cluster=site.cluster, containerInstances=["0" * 32] * 101)


def test_draining_and_back_again(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    definition = site.define_ec2(f"{site.family}-e")
    running = site.on_ec2(definition)["tasks"][0]["taskArn"]
    site.until(running, "RUNNING")
    answer = site.ecs.update_container_instances_state(
        cluster=site.cluster, containerInstances=[arn, "0" * 32], status="DRAINING"
    )
    assert [instance["status"] for instance in answer["containerInstances"]] == ["DRAINING"]
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]
    assert "No Container Instances" in site.refused(
        "InvalidParameterException", taskDefinition=definition, launchType="EC2", networkConfiguration=None
    )
    assert site.task(running)["lastStatus"] == "RUNNING"
    site.ecs.update_container_instances_state(cluster=site.cluster, containerInstances=[arn], status="ACTIVE")
    assert len(site.on_ec2(definition)["tasks"]) == 1


@pytest.mark.parametrize(("status", "number"), [("INACTIVE", 1), ("DRAINING", 11)])
def test_states_are_refused_beyond_the_limits(site: Site, status: str, number: int) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    with pytest.raises(ClientError, match="InvalidParameterException"):
        site.ecs.update_container_instances_state(
            cluster=site.cluster, containerInstances=[arn] * number, status=status
        )


def test_deregistering_an_instance_with_tasks_needs_force(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    task = site.on_ec2(site.define_ec2(f"{site.family}-e"))["tasks"][0]["taskArn"]
    site.until(task, "RUNNING")
    with pytest.raises(ClientError, match="Found running tasks on the instance"):
        site.ecs.deregister_container_instance(cluster=site.cluster, containerInstance=arn)
    gone = site.ecs.deregister_container_instance(cluster=site.cluster, containerInstance=arn, force=True)
    assert gone["containerInstance"]["status"] == "INACTIVE"
    assert site.task(task)["lastStatus"] == "STOPPED"
    assert listed(site) == []
    assert site.instance(arn)["status"] == "INACTIVE"
    with pytest.raises(ClientError, match="was not found"):
        site.ecs.deregister_container_instance(cluster=site.cluster, containerInstance=arn)


def test_attributes_are_put_listed_and_deleted(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    attribute = {"name": "stack", "value": "green", "targetId": arn, "targetType": "container-instance"}
    site.ecs.put_attributes(cluster=site.cluster, attributes=[attribute])
    assert listed(site, filter="attribute:stack == green") == [arn]
    found = site.ecs.list_attributes(cluster=site.cluster, targetType="container-instance", attributeName="stack")
    assert found["attributes"] == [attribute]
    site.ecs.delete_attributes(cluster=site.cluster, attributes=[attribute])
    assert listed(site, filter="attribute:stack exists") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"targetId": "0" * 32}, "TargetNotFoundException"),
        ({"name": "ecs.availability-zone"}, "InvalidParameterException"),
    ],
)
def test_attributes_that_cannot_be_put(site: Site, changes: dict[str, str], code: str) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    attribute = {"name": "stack", "value": "green", "targetId": arn, **changes}
    with pytest.raises(ClientError) as caught:
        site.ecs.put_attributes(cluster=site.cluster, attributes=[attribute])
    assert caught.value.response["Error"]["Code"] == code


def test_an_attribute_may_be_what_a_task_waits_for(site: Site) -> None:
    group = site.create_provider("group", scales=True)
    arn = site.add_instance(capacity_provider=group)["containerInstanceArn"]
    constraint = [{"type": "memberOf", "expression": "attribute:stack exists"}]
    task = site.on_ec2(
        site.define_ec2(f"{site.family}-e"),
        launchType=None,
        capacityProviderStrategy=[{"capacityProvider": group, "weight": 1}],
        placementConstraints=constraint,
    )["tasks"][0]
    assert task["lastStatus"] == "PROVISIONING"
    site.ecs.put_attributes(cluster=site.cluster, attributes=[{"name": "stack", "targetId": arn}])
    site.until(task["taskArn"], "RUNNING")


def test_an_agent_registers_by_the_identity_of_its_instance(site: Site) -> None:
    identity = {"instanceId": "i-0123", "availabilityZone": f"{site.world.region}b", "instanceType": "c7g.large"}
    resources = [{"name": "CPU", "type": "INTEGER", "integerValue": 1024}]
    registered = site.ecs.register_container_instance(
        cluster=site.cluster, instanceIdentityDocument=json.dumps(identity), totalResources=resources
    )["containerInstance"]
    assert listed(site, filter="ec2InstanceId == i-0123") == [registered["containerInstanceArn"]]
    assert listed(site, filter="attribute:ecs.instance-type == c7g.large") == [registered["containerInstanceArn"]]
    assert registered["registeredResources"][0]["integerValue"] == 1024
    with pytest.raises(ClientError, match="instanceIdentityDocument"):
        site.ecs.register_container_instance(cluster=site.cluster, instanceIdentityDocument="i-0123")


def test_clusters_count_their_instances_and_cannot_be_deleted_with_them(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    cluster = site.ecs.describe_clusters(clusters=[site.cluster])["clusters"][0]
    assert cluster["registeredContainerInstancesCount"] == 1
    with pytest.raises(site.ecs.exceptions.ClusterContainsContainerInstancesException):
        site.ecs.delete_cluster(cluster=site.cluster)
    site.ecs.deregister_container_instance(cluster=site.cluster, containerInstance=arn)
    site.ecs.delete_cluster(cluster=site.cluster)


def test_tasks_are_listed_by_instance(site: Site) -> None:
    first, second = (site.add_instance()["containerInstanceArn"] for _ in range(2))
    definition = site.define_ec2(f"{site.family}-e")
    started = site.ecs.start_task(cluster=site.cluster, taskDefinition=definition, containerInstances=[first])
    tasks = site.ecs.list_tasks(cluster=site.cluster, containerInstance=first)["taskArns"]
    assert tasks == [started["tasks"][0]["taskArn"]]
    assert site.ecs.list_tasks(cluster=site.cluster, containerInstance=second)["taskArns"] == []


@pytest.mark.parametrize(
    ("brought", "cluster", "problem"),
    [
        ({}, "nowhere", "Cluster not found"),
        ({"availability_zone": "us-east-1a"}, None, "is no zone of"),
        ({"capacity_provider": "nobody"}, None, "'nobody' was not found"),
    ],
)
def test_an_instance_needs_its_surroundings(
    site: Site, brought: dict[str, str], cluster: str | None, problem: str
) -> None:
    registration = Registration(**{"availability_zone": "eu-west-1a"} | brought)
    with pytest.raises(ApiError, match=problem):
        site.world.register_container_instance(cluster or site.cluster, registration)
