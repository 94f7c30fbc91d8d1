"""Task definitions keep what they were registered with, and what AWS refuses is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from integration.sandbox_world.sites import Site

TAGS = [{"key": "headcount:content", "value": "abc"}]
CONTAINER = {"name": "app", "image": "example/app:1", "memory": 128}


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_tags_and_times_are_kept(site: Site) -> None:
    registered = site.ecs.register_task_definition(
        family=f"{site.family}-t", containerDefinitions=[CONTAINER], tags=TAGS
    )
    assert registered["tags"] == TAGS
    arn = registered["taskDefinition"]["taskDefinitionArn"]
    plain = site.ecs.describe_task_definition(taskDefinition=arn)
    full = site.ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    assert "tags" not in plain
    assert full["tags"] == TAGS
    assert full["taskDefinition"]["registeredAt"] == registered["taskDefinition"]["registeredAt"]
    assert full["taskDefinition"]["registeredBy"].startswith("arn:aws:iam::")
    site.ecs.tag_resource(resourceArn=arn, tags=[{"key": "more", "value": "1"}])
    assert {"key": "more", "value": "1"} in site.ecs.list_tags_for_resource(resourceArn=arn)["tags"]


def test_a_deregistered_revision_is_inactive_and_still_described(site: Site) -> None:
    revision = site.define_ec2(f"{site.family}-t")
    gone = site.ecs.deregister_task_definition(taskDefinition=revision)["taskDefinition"]
    assert gone["status"] == "INACTIVE"
    again = site.ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
    assert (again["status"], again["deregisteredAt"]) == ("INACTIVE", gone["deregisteredAt"])


def test_lists_have_order_status_and_pages(site: Site) -> None:
    family = f"{site.family}-l"
    revisions = [site.define_ec2(family) for _ in range(12)]
    site.ecs.deregister_task_definition(taskDefinition=revisions[0])

    def listed(**filters: Any) -> list[str]:
        arns = site.ecs.list_task_definitions(familyPrefix=family, **filters)["taskDefinitionArns"]
        return [arn.rpartition("/")[2] for arn in arns]

    assert listed() == revisions[1:]
    assert listed(sort="DESC") == revisions[:0:-1]
    assert listed(status="INACTIVE") == revisions[:1]
    page = site.ecs.list_task_definitions(familyPrefix=family, maxResults=5, sort="DESC")
    assert listed(sort="DESC", nextToken=page["nextToken"]) == revisions[6:0:-1]


@pytest.mark.parametrize(
    "changes",
    [
        {"networkMode": "bridge"},
        {"cpu": "256", "memory": "4096"},
        {"cpu": "300"},
        {"cpu": None},
        {"memory": None},
    ],
    ids=["network mode", "too much memory", "no such cpu", "without cpu", "without memory"],
)
def test_what_fargate_has_no_configuration_for_is_refused(site: Site, changes: dict[str, Any]) -> None:
    good = {
        "family": f"{site.family}-f",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "2 GB",
        "containerDefinitions": [CONTAINER],
    }
    site.ecs.register_task_definition(**good)
    bad = {name: value for name, value in (good | changes).items() if value is not None}
    with pytest.raises(ClientError) as caught:
        site.ecs.register_task_definition(**bad)
    assert code_of(caught) == "ClientException"


@pytest.mark.parametrize(
    "bad",
    [
        {"family": "a b"},
        {"containerDefinitions": [{**CONTAINER, "essential": False}]},
        {"placementConstraints": [{"type": "distinctInstance"}]},
        {"placementConstraints": [{"type": "memberOf", "expression": "nonsense"}]},
        {"tags": [{"key": "aws:x", "value": ""}]},
    ],
    ids=["family", "nothing essential", "distinctInstance", "expression", "tags"],
)
def test_what_is_no_task_definition_is_refused(site: Site, bad: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        site.ecs.register_task_definition(**{"family": "f", "containerDefinitions": [CONTAINER]} | bad)
    assert code_of(caught) in ("ClientException", "InvalidParameterException")


def test_an_unknown_task_definition(site: Site) -> None:
    with pytest.raises(ClientError, match="Unable to describe task definition") as caught:
        site.ecs.describe_task_definition(taskDefinition="nobody:1")
    assert code_of(caught) == "ClientException"


# --- what RunTask makes of them -------------------------------------------------------------------------------------


def test_execute_command_needs_a_task_role(site: Site) -> None:
    assert "taskRoleArn" in site.refused("InvalidParameterException", enableExecuteCommand=True)
    role = {"taskRoleArn": "arn:aws:iam::123456789012:role/app"}
    assert site.run(enableExecuteCommand=True, overrides=role)["tasks"][0]["enableExecuteCommand"] is True


def test_platform_versions(site: Site) -> None:
    assert site.run(platformVersion="1.3.0")["tasks"][0]["platformVersion"] == "1.3.0"
    assert site.run()["tasks"][0]["platformVersion"] == "1.4.0"
    site.refused("PlatformUnknownException", platformVersion="9.9.9")


def test_tags_of_the_task_definition_are_propagated_on_request(site: Site) -> None:
    fields = {"family": f"{site.family}-p", "containerDefinitions": [CONTAINER], "tags": TAGS}
    site.ecs.register_task_definition(**fields)
    site.add_instance()
    task = site.on_ec2(f"{site.family}-p", propagateTags="TASK_DEFINITION", enableECSManagedTags=True)["tasks"][0]
    assert task["tags"] == [*TAGS, {"key": "aws:ecs:clusterName", "value": site.cluster}]
    assert site.on_ec2(f"{site.family}-p")["tasks"][0]["tags"] == []


def test_a_volume_is_configured_at_launch(site: Site) -> None:
    volume = {"name": "data", "configuredAtLaunch": True}
    site.ecs.register_task_definition(
        family=f"{site.family}-v", containerDefinitions=[CONTAINER], volumes=[volume], networkMode="bridge"
    )
    site.add_instance()
    role = "arn:aws:iam::123456789012:role/ebs"
    configured = [{"name": "data", "managedEBSVolume": {"sizeInGiB": 10, "roleArn": role}}]
    task = site.on_ec2(f"{site.family}-v", volumeConfigurations=configured)["tasks"][0]
    attachment = site.until(task["taskArn"], "RUNNING")["attachments"][0]
    assert (attachment["type"], attachment["status"]) == ("AmazonElasticBlockStorage", "ATTACHED")
    with pytest.raises(ClientError, match="volumeConfigurations"):
        site.on_ec2(f"{site.family}-v")
