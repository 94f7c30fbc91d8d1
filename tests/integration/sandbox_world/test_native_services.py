"""Services that ECS keeps itself: counts that are kept, deployments that roll, Application Auto Scaling's records."""

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from integration.sandbox_world.sites import Site, wait_for


class Native:
    """A native service in a site."""

    def __init__(self, site: Site, count: int, **changes: Any) -> None:
        self.site = site
        self.name = f"api-{uuid4().hex[:6]}"
        network = {"awsvpcConfiguration": {"subnets": list(site.subnets.values())}}
        request = {
            "cluster": site.cluster,
            "serviceName": self.name,
            "taskDefinition": site.family,
            "desiredCount": count,
            "launchType": "FARGATE",
            "networkConfiguration": network,
            **changes,
        }
        self.created = site.ecs.create_service(**request)["service"]

    def described(self) -> dict[str, Any]:
        found = self.site.ecs.describe_services(cluster=self.site.cluster, services=[self.name])
        return dict(found["services"][0])

    def update(self, **changes: Any) -> dict[str, Any]:
        return dict(self.site.ecs.update_service(cluster=self.site.cluster, service=self.name, **changes)["service"])

    def tasks(self) -> list[str]:
        return list(self.site.ecs.list_tasks(cluster=self.site.cluster, serviceName=self.name)["taskArns"])

    def wait_for(self, count: int) -> None:
        wait_for(lambda: self.described()["runningCount"] == count == len(self.tasks()))


def test_a_service_starts_its_tasks_and_replaces_those_that_stop(site: Site) -> None:
    native = Native(site, 3)
    assert (native.created["status"], native.created["desiredCount"]) == ("ACTIVE", 3)
    native.wait_for(3)
    task = site.task(native.tasks()[0])
    assert task["group"] == f"service:{native.name}"
    assert task["startedBy"] == native.described()["deployments"][0]["id"]
    site.world.fail_task(task["taskArn"])
    wait_for(lambda: task["taskArn"] not in native.tasks() and native.described()["runningCount"] == 3)
    assert native.described()["deployments"][0]["failedTasks"] == 1


def test_an_update_of_the_count_starts_and_stops_tasks_and_is_no_deployment(site: Site) -> None:
    native = Native(site, 1)
    native.wait_for(1)
    native.update(desiredCount=12)
    native.wait_for(12)
    native.update(desiredCount=2)
    native.wait_for(2)
    deployments = native.described()["deployments"]
    assert [(one["status"], one["desiredCount"]) for one in deployments] == [("PRIMARY", 2)]
    native.update(desiredCount=0)
    native.wait_for(0)


def test_a_new_revision_takes_over_before_the_old_one_stops(site: Site) -> None:
    native = Native(site, 2)
    native.wait_for(2)
    wait_for(lambda: native.described()["deployments"][0]["rolloutState"] == "COMPLETED")
    before = set(native.tasks())
    revision = site.define(site.family)
    updated = native.update(taskDefinition=revision)
    assert [one["status"] for one in updated["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert updated["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    wait_for(lambda: [one["rolloutState"] for one in native.described()["deployments"]] == ["COMPLETED"])
    assert native.described()["taskDefinition"].endswith(revision)
    assert not before & set(native.tasks())


def test_a_deleted_service_stops_its_tasks_and_is_inactive(site: Site) -> None:
    native = Native(site, 1)
    native.wait_for(1)
    with pytest.raises(ClientError, match="scaled above 0"):
        site.ecs.delete_service(cluster=site.cluster, service=native.name)
    site.ecs.delete_service(cluster=site.cluster, service=native.name, force=True)
    wait_for(lambda: native.described()["status"] == "INACTIVE")
    with pytest.raises(ClientError, match="ServiceNotActiveException"):
        native.update(desiredCount=1)
    assert site.ecs.list_services(cluster=site.cluster)["serviceArns"] == []


def test_services_that_are_not_there(site: Site) -> None:
    answer = site.ecs.describe_services(cluster=site.cluster, services=["nobody"])
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]
    with pytest.raises(ClientError, match="ServiceNotFoundException"):
        site.ecs.update_service(cluster=site.cluster, service="nobody", desiredCount=1)


def test_a_name_is_taken_once(site: Site) -> None:
    native = Native(site, 0)
    with pytest.raises(ClientError, match="idempotent"):
        site.ecs.create_service(
            cluster=site.cluster,
            serviceName=native.name,
            taskDefinition=site.family,
            networkConfiguration={"awsvpcConfiguration": {"subnets": list(site.subnets.values())}},
        )


def test_services_of_other_controllers_are_described_and_left_alone(site: Site) -> None:
    external = Native(site, 2, deploymentController={"type": "EXTERNAL"})
    kept = Native(site, 2)
    kept.wait_for(2)
    assert external.described()["deploymentController"] == {"type": "EXTERNAL"}
    assert external.tasks() == []


def test_application_auto_scaling_keeps_its_targets(site: Site) -> None:
    native = Native(site, 1)
    scaling = site.world.client("application-autoscaling")
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{site.cluster}/{native.name}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    found = scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[target["ResourceId"]], ScalableDimension="ecs:service:DesiredCount"
    )["ScalableTargets"]
    assert [(one["MinCapacity"], one["MaxCapacity"]) for one in found] == [(1, 4)]
    scaling.deregister_scalable_target(**target)
    other = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[target["ResourceId"]])
    assert other["ScalableTargets"] == []
