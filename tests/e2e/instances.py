"""Container instances of one story: a capacity provider of its own, so that stories do not share them."""

from collections.abc import Iterable, Mapping
from typing import Any

from e2e.install import CLUSTER, Install, id_of, runs_for_ever
from headcount_sandbox.world import Registration

_GROUPS = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:0a1b2c3d-0000-4000-8000-000000000000"


class Instances:
    """A story's container instances, and the capacity provider they belong to."""

    def __init__(self, install: Install, provider: str) -> None:
        self._install = install
        self.provider = provider
        install.ecs.create_capacity_provider(
            name=provider,
            autoScalingGroupProvider={
                "autoScalingGroupArn": f"{_GROUPS}:autoScalingGroupName/{provider}",
                "managedScaling": {"status": "DISABLED"},
            },
        )
        known = install.ecs.describe_clusters(clusters=[CLUSTER])["clusters"][0]["capacityProviders"]
        install.ecs.put_cluster_capacity_providers(
            cluster=CLUSTER, capacityProviders=[*known, provider], defaultCapacityProviderStrategy=[]
        )

    @property
    def strategy(self) -> list[dict[str, Any]]:
        """The manifest's `capacityProviderStrategy` that means these instances."""
        return [{"capacityProvider": self.provider, "weight": 1}]

    def add(self, zone: str, **brought: Any) -> str:
        """A new instance with room for dozens of tasks; its ARN."""
        room: Mapping[str, Any] = {"cpu": 16384, "memory": 65536, **brought}
        registration = Registration(availability_zone=zone, capacity_provider=self.provider, **room)
        instance = self._install.sandbox.world.register_container_instance(CLUSTER, registration)
        return str(instance["containerInstanceArn"])

    def one_a_zone(self, **brought: Any) -> list[str]:
        """A new instance in each of the three zones."""
        return [self.add(zone, **brought) for zone in sorted(self._install.sandbox.subnets)]

    def define(self, service: str, mode: str, *, host_port: int | None = None) -> str:
        """A new revision for container instances, with `awsvpc` for Fargate too; `family:revision`."""
        ports = [] if host_port is None else [{"containerPort": 8080, "hostPort": host_port, "protocol": "tcp"}]
        container = {
            "name": "app",
            "image": "sandbox",
            "essential": True,
            "cpu": 128,
            "memory": 256,
            "command": runs_for_ever(service),
            "portMappings": ports,
        }
        both = {"requiresCompatibilities": ["EC2", "FARGATE"], "cpu": "256", "memory": "512"}
        registered = self._install.ecs.register_task_definition(
            family=service,
            networkMode=mode,
            containerDefinitions=[container],
            **(both if mode == "awsvpc" else {}),
        )
        return str(registered["taskDefinition"]["taskDefinitionArn"]).rpartition("/")[2]

    def manifest(
        self, service: str, count: int, *, mode: str = "bridge", host_port: int | None = None, **changes: Any
    ) -> dict[str, Any]:
        """A service on these instances, with a task definition of its own."""
        definition = self.define(service, mode, host_port=host_port)
        manifest = self._install.manifest(service, definition, count, capacityProviderStrategy=self.strategy)
        del manifest["launchType"]
        if mode != "awsvpc":
            del manifest["networkConfiguration"]
        return {**manifest, **changes}

    def run(self, service: str, count: int, **changes: Any) -> dict[str, Any]:
        """Declares a service on these instances; what apply answered."""
        return self._install.ask("apply", manifest=self.manifest(service, count, **changes))

    def set_state(self, arn: str, status: str) -> None:
        """What an operator or the Auto Scaling group's hook does: ACTIVE or DRAINING."""
        self._install.ecs.update_container_instances_state(cluster=CLUSTER, containerInstances=[arn], status=status)

    def running_on(self, arn: str) -> int:
        """How many tasks ECS says run on an instance."""
        [found] = self._install.ecs.describe_container_instances(cluster=CLUSTER, containerInstances=[arn])[
            "containerInstances"
        ]
        return int(found["runningTasksCount"])


def on_instance(tasks: Iterable[Mapping[str, Any]], arn: str) -> list[str]:
    """The ids of those of the tasks that are on an instance."""
    return [id_of(task) for task in tasks if task.get("containerInstanceArn") == arn]


def crowds(tasks: Iterable[Mapping[str, Any]], arns: Iterable[str]) -> list[int]:
    """How many of the tasks are on each of the instances."""
    listed = list(tasks)
    return [len(on_instance(listed, arn)) for arn in arns]
