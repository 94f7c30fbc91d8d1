"""Each contract runs over the fake and over the adapter, which talks real HTTP to a local AWS."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from builders import INSTALL
from fakes.clock import SettableClock
from fakes.runtime import InMemoryTaskRuntime
from fakes.store import InMemoryStore
from headcount.aws.dynamodb_audit import AuditTable
from headcount.aws.dynamodb_control import ControlTable
from headcount.aws.dynamodb_reconcile import ReconcileTable
from headcount.aws.ecs import EcsTaskRuntime
from headcount_sandbox.world import LifeCycle, World
from headcount_sandbox.world.ecs.fleet import Registration

TABLE = "headcount-Table"
STILL = 3600.0  # seconds: no task moves during a test unless it is told


class DynamoStore(ReconcileTable, AuditTable, ControlTable):
    """The table with the rights of every function at once."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "sandbox")
    still = LifeCycle(provisioning=STILL)
    with World(task_runtime="simulated", life_cycle=still, seed=7) as world:
        yield world


@pytest.fixture(scope="module")
def dynamodb(world: World) -> Any:
    """A client, with the table of docs/contracts.md made."""
    client = world.client("dynamodb")
    names = ("pk", "sk", "cluster")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "services",
                "KeySchema": [
                    {"AttributeName": "cluster", "KeyType": "HASH"},
                    {"AttributeName": "pk", "KeyType": "RANGE"},
                ],
                "Projection": {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": ["pass", "nextWake", "generation", "deleting"],
                },
            }
        ],
    )
    return client


@dataclass(frozen=True, slots=True)
class StoreUnderTest:
    """A store, its clock, a service of its own, and a look at what only the table shows."""

    store: Any
    clock: SettableClock
    service: str
    client: Any = None

    @property
    def cluster(self) -> str:
        return self.service.partition("/")[0]

    def expires(self, task_id: str) -> int | None:
        """The time to live of a task's record."""
        if self.client is None:
            record = self.store.partition(self.service).tasks.get(task_id)
            return record.expires if record else None
        key = {"pk": {"S": self.service}, "sk": {"S": f"task#{task_id}"}}
        item = self.client.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item", {})
        return int(item["expires"]["N"]) if "expires" in item else None

    def make_newer(self, sort_key: str) -> None:
        """As if a newer version of Headcount had written the record."""
        if self.client is None:
            self.store.make_newer(self.service, sort_key)
            return
        self.client.update_item(
            TableName=TABLE,
            Key={"pk": {"S": self.service}, "sk": {"S": sort_key}},
            UpdateExpression="SET #s = :s",
            ExpressionAttributeNames={"#s": "schema"},
            ExpressionAttributeValues={":s": {"N": "2"}},
        )


_numbers = itertools.count(1)


@pytest.fixture(params=["fake", "adapter"])
def table(request: pytest.FixtureRequest) -> StoreUnderTest:
    """Every test has a cluster of its own, so that one table serves all."""
    clock = SettableClock()
    service = f"c{next(_numbers)}/web"
    if request.param == "fake":
        return StoreUnderTest(InMemoryStore(clock, INSTALL), clock, service)
    client = request.getfixturevalue("dynamodb")
    return StoreUnderTest(DynamoStore(client, TABLE, INSTALL, clock), clock, service, client)


@dataclass(frozen=True, slots=True)
class RuntimeUnderTest:
    """A task runtime and what the world does to it."""

    runtime: Any
    cluster: str
    subnet: str
    task_definition: str
    ec2_definition: str = "web-on-instances:1"
    fake: InMemoryTaskRuntime | None = None
    world: World | None = None

    def on_instances(self, token: str, count: int = 1) -> dict[str, Any]:
        """A ``RunTask`` request for tasks on container instances, evenly."""
        evenly = [{"type": "spread", "field": "instanceId"}]
        changes = {"taskDefinition": self.ec2_definition, "launchType": "EC2", "placementStrategy": evenly}
        request = self.request(token, count, **changes)
        del request["networkConfiguration"]
        return request

    def add_instance(self) -> str:
        """A container instance joins the cluster; its ARN."""
        if self.fake:
            return self.fake.add_instance(self.cluster, len(self.fake.container_instances) + 1)
        brought = Registration(availability_zone=f"{self.world.region}a")
        return str(self.world.register_container_instance(self.cluster, brought)["containerInstanceArn"])

    def drain(self, instance: str) -> None:
        if self.fake:
            self.fake.set_instance(instance, status="DRAINING")
        else:
            self.world.client("ecs").update_container_instances_state(
                cluster=self.cluster, containerInstances=[instance], status="DRAINING"
            )

    def disconnect(self, instance: str) -> None:
        if self.fake:
            self.fake.set_instance(instance, agent_connected=False)
        else:
            self.world.losses.disconnect(instance, None)

    def definition_status(self) -> str:
        """What became of the task definition for container instances."""
        if self.fake:
            return "INACTIVE" if self.ec2_definition in self.fake.deregistered else "ACTIVE"
        answer = self.world.client("ecs").describe_task_definition(taskDefinition=self.ec2_definition)
        return str(answer["taskDefinition"]["status"])

    def request(self, token: str, count: int = 2, **changes: Any) -> dict[str, Any]:
        """A ``RunTask`` request as the planner makes them."""
        return {
            "cluster": self.cluster,
            "taskDefinition": self.task_definition,
            "launchType": "FARGATE",
            "count": count,
            "clientToken": token,
            "startedBy": f"hc/{INSTALL}/{token}",
            "group": "headcount:web",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": [self.subnet], "assignPublicIp": "DISABLED"}},
            "tags": [{"key": "headcount:service", "value": f"{self.cluster}/web"}],
        } | changes

    def throttle(self, operation: str) -> None:
        if self.fake:
            self.fake.throttle(operation, 1)
        else:
            self.world.faults.throttle("ecs", _API[operation], times=1)

    def lose_answer(self, operation: str) -> None:
        if self.fake:
            self.fake.lose_answer(operation)
        else:
            self.world.faults.timeout_after_success("ecs", _API[operation], times=1)

    def refuse(self) -> None:
        if self.fake:
            self.fake.refusal = "ClientException: TaskDefinition is inactive"
        else:
            self.world.faults.fail("ecs", "RunTask", error_code="ClientException", message="TaskDefinition is inactive")

    def leave_room_for(self, tasks: int) -> None:
        if self.fake:
            self.fake.capacity[self.fake.zone_of_subnet[self.subnet]] = tasks
        else:
            self.world.faults.refuse_capacity(after=tasks)


_API = {
    "launch": "RunTask",
    "stop": "StopTask",
    "describe": "DescribeTasks",
    "sweep": "ListTasks",
    "instances": "DescribeContainerInstances",
    "on_instance": "ListTasks",
    "instances_of": "ListContainerInstances",
    "deregister": "DeregisterTaskDefinition",
}


@pytest.fixture(scope="module")
def ecs_names(world: World) -> tuple[str, str]:
    """A subnet and a task definition."""
    definition = _registered(
        world,
        family="web",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": "app:1", "command": []}],
    )
    subnets = world.default_network()
    return subnets[f"{world.region}a"], definition


def _registered(world: World, **definition: Any) -> str:
    answer = world.client("ecs").register_task_definition(**definition)
    return str(answer["taskDefinition"]["taskDefinitionArn"])


@pytest.fixture(params=["fake", "adapter"])
def ecs(request: pytest.FixtureRequest) -> Iterator[RuntimeUnderTest]:
    cluster = f"c{next(_numbers)}"
    if request.param == "fake":
        fake = InMemoryTaskRuntime(SettableClock(), INSTALL, {"subnet-a": "zone-a"})
        yield RuntimeUnderTest(fake, cluster, "subnet-a", "web:1", fake=fake)
        return
    world = request.getfixturevalue("world")
    subnet, definition = request.getfixturevalue("ecs_names")
    world.create_cluster(cluster)
    runtime = EcsTaskRuntime(world.client("ecs"), INSTALL)
    for_instances = _registered(
        world,
        family=f"{cluster}-on-instances",
        networkMode="bridge",
        requiresCompatibilities=["EC2"],
        containerDefinitions=[{"name": "app", "image": "app:1", "cpu": 64, "memory": 64}],
    )
    yield RuntimeUnderTest(runtime, cluster, subnet, definition, for_instances, world=world)
    world.faults.clear()
