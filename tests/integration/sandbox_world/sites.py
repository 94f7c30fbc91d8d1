"""A site: a cluster of its own in a running world, with what a test needs to run tasks in it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import LifeCycle, Registration, World

T = TypeVar("T")
FAST = LifeCycle(
    provisioning=0.01, pending=0.01, activating=0.01, deactivating=0.01, stopping=0.01, deprovisioning=0.01
)


def wait_for(look: Callable[[], T], *, seconds: float = 60.0) -> T:
    """The first truthy answer of `look`; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return found


@dataclass
class Site:
    """A cluster with a network and a task definition `web` in a running world, and the events of its tasks."""

    world: World
    ecs: Any
    cluster: str
    subnets: dict[str, str]
    family: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def request(self, **changes: Any) -> dict[str, Any]:
        """A valid RunTask request with some things changed; None takes a field out."""
        request = {
            "cluster": self.cluster,
            "taskDefinition": self.family,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": list(self.subnets.values())}},
            **changes,
        }
        return {name: value for name, value in request.items() if value is not None}

    def run(self, **changes: Any) -> dict[str, Any]:
        return self.ecs.run_task(**self.request(**changes))

    def run_one(self, **changes: Any) -> str:
        return str(self.run(**changes)["tasks"][0]["taskArn"])

    def task(self, arn: str, **options: Any) -> dict[str, Any]:
        return self.ecs.describe_tasks(cluster=self.cluster, tasks=[arn], **options)["tasks"][0]

    def until(self, arn: str, status: str, *, seconds: float = 60.0) -> dict[str, Any]:
        """The task once its last status is `status`."""

        def look() -> dict[str, Any] | None:
            task = self.task(arn)
            return task if task["lastStatus"] == status else None

        found = wait_for(look, seconds=seconds)
        assert found is not None
        return found

    def define(self, family: str, **container: Any) -> str:
        """Registers a revision of a Fargate family with one container; returns `family:revision`."""
        registered = self.ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "app", "image": "example/app:1", "essential": True, **container}],
        )["taskDefinition"]
        return f"{family}:{registered['revision']}"

    def define_ec2(self, family: str, mode: str = "bridge", *, cpu: int = 256, memory: int = 512, **more: Any) -> str:
        """Registers a revision of a family for EC2 with one container; `more` is for the container, but `task`."""
        registered = self.ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["EC2"],
            networkMode=mode,
            **more.pop("task", {}),
            containerDefinitions=[{"name": "app", "image": "example/app:1", "cpu": cpu, "memory": memory, **more}],
        )["taskDefinition"]
        return f"{family}:{registered['revision']}"

    def on_ec2(self, definition: str, **changes: Any) -> dict[str, Any]:
        """A RunTask call for instances."""
        return self.run(**{"networkConfiguration": None, "launchType": "EC2", "taskDefinition": definition} | changes)

    def add_instance(self, zone: str = "a", **brought: Any) -> dict[str, Any]:
        """A container instance in a zone (a, b or c)."""
        registration = Registration(availability_zone=f"{self.world.region}{zone}", **brought)
        return self.world.register_container_instance(self.cluster, registration)

    def instance(self, arn: str) -> dict[str, Any]:
        return self.ecs.describe_container_instances(cluster=self.cluster, containerInstances=[arn])[
            "containerInstances"
        ][0]

    def create_provider(self, name: str, *, scales: bool = False, associated: bool = True) -> str:
        """A capacity provider of an Auto Scaling group, with a name of this cluster's own."""
        own = f"{name}-{self.cluster}"
        groups = f"arn:aws:autoscaling:{self.world.region}:{self.world.account}:autoScalingGroup:1"
        managed = {"status": "ENABLED" if scales else "DISABLED"}
        self.ecs.create_capacity_provider(
            name=own,
            autoScalingGroupProvider={
                "autoScalingGroupArn": f"{groups}:autoScalingGroupName/{own}",
                "managedScaling": managed,
            },
        )
        if associated:
            known = self.ecs.describe_clusters(clusters=[self.cluster])["clusters"][0]["capacityProviders"]
            self.ecs.put_cluster_capacity_providers(
                cluster=self.cluster, capacityProviders=[*known, own], defaultCapacityProviderStrategy=[]
            )
        return own

    def events_of(self, arn: str) -> list[dict[str, Any]]:
        """The events of a task or a container instance, in order."""
        return [event for event in list(self.events) if arn in event["resources"]]

    def refused(self, code: str, **changes: Any) -> str:
        """The message of a RunTask request that ends with an error of this code."""
        with pytest.raises(ClientError) as caught:
            self.run(**changes)
        assert caught.value.response["Error"]["Code"] == code
        return str(caught.value.response["Error"]["Message"])


def a_site(world: World, subnets: dict[str, str], **container: Any) -> Site:
    name = f"c{uuid4().hex[:8]}"
    world.create_cluster(name)
    site = Site(world=world, ecs=world.client("ecs"), cluster=name, subnets=subnets, family=f"web-{name}")
    world.on_event(site.events.append)
    site.define(site.family, **container)
    return site
