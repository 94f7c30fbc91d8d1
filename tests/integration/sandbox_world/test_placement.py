"""RunTask and StartTask on instances: what fits where, by need, constraint and strategy, in ECS's words."""

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from integration.sandbox_world.sites import Site

SPREAD_ZONES = {"type": "spread", "field": "attribute:ecs.availability-zone"}
SPREAD_INSTANCES = {"type": "spread", "field": "instanceId"}


def reasons(answer: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(failure.get("arn"), failure["reason"]) for failure in answer["failures"]]


def where(answer: dict[str, Any]) -> Counter[str]:
    return Counter(task["containerInstanceArn"] for task in answer["tasks"])


@pytest.mark.parametrize(
    ("needs", "reason"),
    [({"cpu": 3000}, "RESOURCE:CPU"), ({"memory": 9000}, "RESOURCE:MEMORY")],
    ids=["cpu", "memory"],
)
def test_what_does_not_fit_is_a_failure_of_the_instance(site: Site, needs: dict[str, int], reason: str) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    answer = site.on_ec2(site.define_ec2(f"{site.family}-e", **needs))
    assert (answer["tasks"], reasons(answer)) == ([], [(arn, reason)])


def test_as_many_as_fit_are_started(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    answer = site.on_ec2(site.define_ec2(f"{site.family}-e", cpu=600), count=10)
    assert len(answer["tasks"]) == 3
    assert reasons(answer) == [(arn, "RESOURCE:CPU")]


def test_the_reservation_counts_where_there_is_one(site: Site) -> None:
    site.add_instance(memory=1000)
    definition = site.define_ec2(f"{site.family}-e", memory=2000, memoryReservation=400)
    assert len(site.on_ec2(definition, count=3)["tasks"]) == 2


def test_static_host_ports_conflict(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    definition = site.define_ec2(f"{site.family}-e", portMappings=[{"containerPort": 80, "hostPort": 8080}])
    answer = site.on_ec2(definition, count=2)
    assert len(answer["tasks"]) == 1
    assert reasons(answer) == [(arn, "RESOURCE:PORTS")]
    resources = {item["name"]: item for item in site.instance(arn)["remainingResources"]}
    assert "8080" in resources["PORTS"]["stringSetValue"]


def test_dynamic_host_ports_are_bound_when_it_runs(site: Site) -> None:
    site.add_instance()
    definition = site.define_ec2(f"{site.family}-e", portMappings=[{"containerPort": 8080}])
    tasks = site.on_ec2(definition, count=2)["tasks"]
    running = [site.until(task["taskArn"], "RUNNING") for task in tasks]
    bindings = [task["containers"][0]["networkBindings"] for task in running]
    assert all("networkBindings" not in task["containers"][0] for task in tasks)
    assert [binding["bindIP"] for binding in bindings[0]] == ["0.0.0.0", "::"]
    ports = {binding["hostPort"] for binding in [*bindings[0], *bindings[1]]}
    assert len(ports) == 2
    assert all(32768 <= port <= 61000 for port in ports)


def test_host_networking_takes_the_container_port(site: Site) -> None:
    site.add_instance()
    definition = site.define_ec2(f"{site.family}-e", "host", portMappings=[{"containerPort": 9000}])
    answer = site.on_ec2(definition, count=2)
    running = site.until(answer["tasks"][0]["taskArn"], "RUNNING")
    assert [failure["reason"] for failure in answer["failures"]] == ["RESOURCE:PORTS"]
    assert [binding["hostPort"] for binding in running["containers"][0]["networkBindings"]] == [9000]


def test_a_task_on_an_instance_has_the_shape_of_aws(site: Site) -> None:
    instance = site.add_instance("b")
    task = site.on_ec2(site.define_ec2(f"{site.family}-e"))["tasks"][0]
    assert task["lastStatus"] == "PENDING"
    running = site.until(task["taskArn"], "RUNNING")
    assert (running["launchType"], running["availabilityZone"]) == ("EC2", f"{site.world.region}b")
    assert running["containerInstanceArn"] == instance["containerInstanceArn"]
    assert running["attachments"] == []
    assert {"platformVersion", "ephemeralStorage", "capacityProviderName"} & set(running) == set()
    statuses = [event["detail"]["lastStatus"] for event in site.events_of(task["taskArn"])]
    assert statuses[:3] == ["PENDING", "ACTIVATING", "RUNNING"]


def test_awsvpc_needs_an_instance_in_the_zone_of_a_subnet(site: Site) -> None:
    arns = {zone: site.add_instance(zone)["containerInstanceArn"] for zone in "ab"}
    definition = site.define_ec2(f"{site.family}-e", "awsvpc")
    in_b = {"awsvpcConfiguration": {"subnets": [site.subnets[f"{site.world.region}b"]]}}
    in_c = {"awsvpcConfiguration": {"subnets": [site.subnets[f"{site.world.region}c"]]}}
    task = site.on_ec2(definition, networkConfiguration=in_b)["tasks"][0]
    assert (task["containerInstanceArn"], task["lastStatus"]) == (arns["b"], "PROVISIONING")
    details = {item["name"]: item["value"] for item in task["attachments"][0]["details"]}
    assert details["subnetId"] == site.subnets[f"{site.world.region}b"]
    assert reasons(site.on_ec2(definition, networkConfiguration=in_c)) == [
        (arns["a"], "LOCATION"),
        (arns["b"], "LOCATION"),
    ]


def test_interfaces_of_an_instance_are_limited(site: Site) -> None:
    arn = site.add_instance(interfaces=2)["containerInstanceArn"]
    network = {"awsvpcConfiguration": {"subnets": list(site.subnets.values())}}
    answer = site.on_ec2(site.define_ec2(f"{site.family}-e", "awsvpc"), networkConfiguration=network, count=3)
    assert len(answer["tasks"]) == 2
    assert reasons(answer) == [(arn, "RESOURCE:ENI")]


@pytest.mark.parametrize(
    "changes",
    [
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}},
        {"platformVersion": "1.4.0"},
        {"launchType": "EXTERNAL"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_does_not_go_with_instances_is_refused(site: Site, changes: dict[str, Any]) -> None:
    site.add_instance()
    definition = site.define_ec2(f"{site.family}-e")
    with pytest.raises(ClientError, match="InvalidParameterException"):
        site.on_ec2(definition, **changes)


def test_awsvpc_on_instances_has_no_public_address(site: Site) -> None:
    network = {"awsvpcConfiguration": {"subnets": list(site.subnets.values()), "assignPublicIp": "ENABLED"}}
    assert "Assign public IP is not supported" in site.refused(
        "InvalidParameterException",
        launchType="EC2",
        networkConfiguration=network,
        taskDefinition=site.define_ec2(f"{site.family}-e", "awsvpc"),
    )


def test_another_architecture_is_a_missing_attribute(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    arm = site.define_ec2(f"{site.family}-e", task={"runtimePlatform": {"cpuArchitecture": "ARM64"}})
    assert reasons(site.on_ec2(arm)) == [(arn, "ATTRIBUTE")]
    site.add_instance(attributes={"ecs.cpu-architecture": "arm64"})
    assert len(site.on_ec2(arm)["tasks"]) == 1


def test_no_instance_at_all_is_an_error(site: Site) -> None:
    assert site.refused(
        "InvalidParameterException",
        launchType="EC2",
        networkConfiguration=None,
        taskDefinition=site.define_ec2(f"{site.family}-e"),
    ) == ("No Container Instances were found in your cluster.")


def test_a_disconnected_agent_gets_no_task(site: Site) -> None:
    arn = site.add_instance()["containerInstanceArn"]
    site.world.losses.disconnect(arn, None)
    assert reasons(site.on_ec2(site.define_ec2(f"{site.family}-e"))) == [(arn, "AGENT")]


# --- constraints ----------------------------------------------------------------------------------------------------


def test_distinct_instance_is_about_the_group(site: Site) -> None:
    arns = [site.add_instance()["containerInstanceArn"] for _ in range(2)]
    definition, distinct = site.define_ec2(f"{site.family}-e"), [{"type": "distinctInstance"}]
    answer = site.on_ec2(definition, count=3, placementConstraints=distinct, group="web")
    assert where(answer) == dict.fromkeys(arns, 1)
    assert {reason for _, reason in reasons(answer)} == {"DistinctInstance placement constraint unsatisfied."}
    assert len(site.on_ec2(definition, count=2, placementConstraints=distinct, group="other")["tasks"]) == 2


def test_member_of_restricts_the_instances(site: Site) -> None:
    site.add_instance("a", attributes={"stack": "blue"})
    green = site.add_instance("b", attributes={"stack": "green"})["containerInstanceArn"]
    definition = site.define_ec2(f"{site.family}-e")
    chosen = [{"type": "memberOf", "expression": "attribute:stack in [green, red]"}]
    nowhere = [{"type": "memberOf", "expression": "attribute:stack == red"}]
    assert where(site.on_ec2(definition, count=4, placementConstraints=chosen)) == {green: 4}
    refused = site.on_ec2(definition, placementConstraints=nowhere)
    assert {reason for _, reason in reasons(refused)} == {"MemberOf placement constraint unsatisfied."}


def test_constraints_of_the_task_definition_count_too(site: Site) -> None:
    site.add_instance("a")
    in_b = site.add_instance("b")["containerInstanceArn"]
    expression = f"attribute:ecs.availability-zone != {site.world.region}a"
    definition = site.define_ec2(
        f"{site.family}-e", task={"placementConstraints": [{"type": "memberOf", "expression": expression}]}
    )
    assert where(site.on_ec2(definition, count=3)) == {in_b: 3}


def test_tasks_can_be_placed_beside_a_group(site: Site) -> None:
    arns = [site.add_instance()["containerInstanceArn"] for _ in range(3)]
    definition = site.define_ec2(f"{site.family}-e")
    site.ecs.start_task(
        cluster=site.cluster, taskDefinition=definition, containerInstances=[arns[1]], group="service:db"
    )
    beside = [{"type": "memberOf", "expression": "task:group == service:db"}]
    apart = [{"type": "memberOf", "expression": "not(task:group == service:db)"}]
    assert where(site.on_ec2(definition, count=2, placementConstraints=beside)) == {arns[1]: 2}
    assert arns[1] not in where(site.on_ec2(definition, count=5, placementConstraints=apart))


@pytest.mark.parametrize(
    "placement",
    [
        {"placementConstraints": [{"type": "memberOf", "expression": "stack is blue"}]},
        {"placementConstraints": [{"type": "memberOf"}]},
        {"placementConstraints": [{"type": "distinctInstance", "expression": "agentConnected == true"}]},
        {"placementConstraints": [{"type": "distinctInstance"}] * 11},
        {"placementStrategy": [{"type": "spread", "field": "zone"}]},
        {"placementStrategy": [{"type": "binpack", "field": "disk"}]},
        {"placementStrategy": [{"type": "random"}] * 6},
    ],
)
def test_placement_that_is_no_placement_is_refused(site: Site, placement: dict[str, Any]) -> None:
    site.add_instance()
    definition = site.define_ec2(f"{site.family}-e")
    with pytest.raises(ClientError) as caught:
        site.on_ec2(definition, **placement)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize(
    "placement",
    [{"placementConstraints": [{"type": "distinctInstance"}]}, {"placementStrategy": [{"type": "random"}]}],
    ids=["constraints", "strategies"],
)
def test_fargate_has_no_placement(site: Site, placement: dict[str, Any]) -> None:
    assert "not supported with FARGATE launch type" in site.refused("InvalidParameterException", **placement)


# --- strategies -----------------------------------------------------------------------------------------------------


def test_spread_over_zones_is_about_the_group(site: Site) -> None:
    arns = [site.add_instance(zone, cpu=8192)["containerInstanceArn"] for zone in "aabc"]
    definition = site.define_ec2(f"{site.family}-e")
    site.ecs.start_task(cluster=site.cluster, taskDefinition=definition, containerInstances=[arns[3]] * 3, group="x")
    answer = site.on_ec2(definition, count=9, placementStrategy=[SPREAD_ZONES], group="web")
    assert Counter(task["availabilityZone"][-1] for task in answer["tasks"]) == {"a": 3, "b": 3, "c": 3}


def test_spread_counts_tasks_on_draining_instances_too(site: Site) -> None:
    drained = site.add_instance("a")["containerInstanceArn"]
    definition = site.define_ec2(f"{site.family}-e")
    site.on_ec2(definition, count=4, group="web")
    site.ecs.update_container_instances_state(cluster=site.cluster, containerInstances=[drained], status="DRAINING")
    for zone in "ab":
        site.add_instance(zone)
    answer = site.on_ec2(definition, count=4, group="web", placementStrategy=[SPREAD_ZONES])
    assert Counter(task["availabilityZone"][-1] for task in answer["tasks"]) == {"b": 4}


def test_strategies_decide_in_their_order(site: Site) -> None:
    for zone in "aab":
        site.add_instance(zone)
    answer = site.on_ec2(
        site.define_ec2(f"{site.family}-e"), count=8, placementStrategy=[SPREAD_ZONES, SPREAD_INSTANCES]
    )
    assert sorted(where(answer).values()) == [2, 2, 4]


def test_binpack_fills_an_instance_first(site: Site) -> None:
    for _ in range(3):
        site.add_instance(memory=4000, cpu=8192)
    binpack = [{"type": "binpack", "field": "memory"}]
    answer = site.on_ec2(site.define_ec2(f"{site.family}-e", memory=1000), count=9, placementStrategy=binpack)
    assert sorted(where(answer).values()) == [1, 4, 4]


def test_stopped_tasks_of_the_group_do_not_count(site: Site) -> None:
    first = site.add_instance("a")["containerInstanceArn"]
    definition = site.define_ec2(f"{site.family}-e")
    for task in site.on_ec2(definition, count=4, group="web")["tasks"]:
        site.ecs.stop_task(cluster=site.cluster, task=task["taskArn"])
    second = site.add_instance("b")["containerInstanceArn"]
    answer = site.on_ec2(definition, count=4, group="web", placementStrategy=[SPREAD_INSTANCES])
    assert where(answer) == {first: 2, second: 2}


# --- StartTask ------------------------------------------------------------------------------------------------------


def test_start_task_starts_one_task_on_each_named_instance(site: Site) -> None:
    arns = [site.add_instance()["containerInstanceArn"] for _ in range(2)]
    gone, drained = (site.add_instance()["containerInstanceArn"] for _ in range(2))
    site.ecs.deregister_container_instance(cluster=site.cluster, containerInstance=gone)
    site.ecs.update_container_instances_state(cluster=site.cluster, containerInstances=[drained], status="DRAINING")
    answer = site.ecs.start_task(
        cluster=site.cluster,
        taskDefinition=site.define_ec2(f"{site.family}-e"),
        containerInstances=[*arns, gone, drained, "0" * 32],
        startedBy="hc/daemon",
    )
    assert where(answer) == dict.fromkeys(arns, 1)
    assert [failure["reason"] for failure in answer["failures"]] == ["INACTIVE", "INACTIVE", "MISSING"]
    assert site.until(answer["tasks"][0]["taskArn"], "RUNNING")["startedBy"] == "hc/daemon"


@pytest.mark.parametrize("bad", [{"startedBy": "a" * 37}, {"containerInstances": ["0" * 32] * 11}])
def test_start_task_keeps_its_limits(site: Site, bad: dict[str, Any]) -> None:
    site.define_ec2(f"{site.family}-e")
    request = {"cluster": site.cluster, "taskDefinition": f"{site.family}-e", "containerInstances": ["0" * 32]}
    with pytest.raises(ClientError) as caught:
        site.ecs.start_task(**request | bad)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
