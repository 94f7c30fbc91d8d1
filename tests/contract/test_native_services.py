"""Services that ECS itself keeps: what scaling reads of them, and the one thing that it sets."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from fakes.scaling import InMemoryNativeServices
from headcount.aws.native_services import EcsNativeServices
from headcount.errors import Throttled, TransientError
from headcount.ports.scaling import NativeCounts

_numbers = itertools.count(1)
SERVICE = {
    "serviceName": "web", "status": "ACTIVE", "desiredCount": 4, "runningCount": 3, "schedulingStrategy": "REPLICA",
    "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web-app:7",
    "deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED"}],
}  # fmt: skip
RIVAL = {
    "ServiceNamespace": "ecs", "ResourceId": "service/prod/web", "ScalableDimension": "ecs:service:DesiredCount",
    "MinCapacity": 1, "MaxCapacity": 9, "RoleARN": "arn:aws:iam::123456789012:role/x", "CreationTime": 0,
}  # fmt: skip


class Aws:
    """ECS and Application Auto Scaling, which answer what they are told to."""

    def __init__(self):
        where = {"region_name": "eu-west-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}
        ecs, scaling = boto3.client("ecs", **where), boto3.client("application-autoscaling", **where)
        self.ecs, self.scaling = Stubber(ecs), Stubber(scaling)
        self.services = EcsNativeServices(ecs, scaling)

    def has(self, *services, rivals=None):
        self.ecs.add_response(
            "describe_services", {"services": list(services)}, {"cluster": "prod", "services": ["web"]}
        )
        if rivals is not None:
            self.scaling.add_response(
                "describe_scalable_targets",
                {"ScalableTargets": rivals},
                {
                    "ServiceNamespace": "ecs",
                    "ResourceIds": ["service/prod/web"],
                    "ScalableDimension": "ecs:service:DesiredCount",
                },
            )

    def counts(self):
        return self.services.counts("prod", "web")


@pytest.fixture
def aws():
    aws = Aws()
    with aws.ecs, aws.scaling:
        yield aws
        aws.ecs.assert_no_pending_responses()
        aws.scaling.assert_no_pending_responses()


def test_counts_and_family_are_ecs_s_own(aws):
    aws.has(SERVICE, rivals=[])
    counts = aws.counts()
    assert (counts.desired, counts.running, counts.deploying, counts.rival, counts.family) == (
        4,
        3,
        False,
        "",
        "web-app",
    )


@pytest.mark.parametrize(
    "deployments",
    [
        [{"status": "PRIMARY", "rolloutState": "IN_PROGRESS"}],
        [{"status": "PRIMARY", "rolloutState": "COMPLETED"}, {"status": "ACTIVE", "rolloutState": "COMPLETED"}],
    ],
)
def test_a_deployment_in_progress_is_seen(aws, deployments):
    aws.has({**SERVICE, "deployments": deployments}, rivals=[])
    assert aws.counts().deploying


def test_a_service_that_application_auto_scaling_has_is_left_to_it(aws):
    aws.has(SERVICE, rivals=[RIVAL])
    assert "Application Auto Scaling" in aws.counts().rival


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedulingStrategy": "DAEMON"}, "its scheduling strategy is DAEMON: REPLICA is allowed"),
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, "its deployment controller is CODE_DEPLOY: ECS is allowed"),
        ({"deploymentController": {"type": "EXTERNAL"}}, "its deployment controller is EXTERNAL: ECS is allowed"),
    ],
)
def test_a_service_that_is_not_kept_by_ecs_alone_is_left_alone(aws, changes, said):
    aws.has({**SERVICE, **changes})
    assert aws.counts().rival == said


def test_a_service_with_the_controller_ecs_is_scaled(aws):
    aws.has({**SERVICE, "deploymentController": {"type": "ECS"}}, rivals=[])
    assert aws.counts().rival == ""


@pytest.mark.parametrize("found", [[], [{**SERVICE, "status": "INACTIVE"}], [{**SERVICE, "status": "DRAINING"}]])
def test_a_service_that_is_not_active_is_none(aws, found):
    aws.has(*found)
    assert aws.counts() is None


def test_a_cluster_that_does_not_exist_has_no_services(aws):
    aws.ecs.add_client_error("describe_services", "ClusterNotFoundException", "Cluster not found.")
    assert aws.counts() is None


def test_ten_are_asked_for_at_once(aws):
    names = [f"web-{number}" for number in range(12)]
    for some in (names[:10], names[10:]):
        answer = {"services": [{**SERVICE, "serviceName": name} for name in some]}
        aws.ecs.add_response("describe_services", answer, {"cluster": "prod", "services": some})
    assert list(aws.services.seen("prod", names)) == names


def test_what_cannot_be_read_is_no_answer(aws):
    aws.ecs.add_client_error("describe_services", "AccessDeniedException", "not you")
    with pytest.raises(TransientError, match="not you"):
        aws.counts()


def test_nothing_but_the_count_is_set(aws):
    aws.ecs.add_response("update_service", {}, {"cluster": "prod", "service": "web", "desiredCount": 5})
    assert aws.services.set_count("prod", "web", 5) is None


def test_what_ecs_refuses_is_told_in_its_words(aws):
    aws.ecs.add_client_error("update_service", "ServiceNotActiveException", "Service was not ACTIVE.")
    assert aws.services.set_count("prod", "web", 5) == "ServiceNotActiveException: Service was not ACTIVE."


def test_being_throttled_is_no_refusal(aws):
    aws.ecs.add_client_error("update_service", "ThrottlingException", "Rate exceeded")
    with pytest.raises(Throttled):
        aws.services.set_count("prod", "web", 5)


# -- over HTTP, and the fake ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServicesUnderTest:
    """Services of a cluster; ``add`` makes one with a count and gives its name."""

    services: Any
    cluster: str
    add: Callable[[int], str]

    def counts(self, name):
        return self.services.counts(self.cluster, name)


@pytest.fixture(params=["fake", "adapter"])
def cluster(request):
    name = f"native-{next(_numbers)}"
    if request.param == "fake":
        fake = InMemoryNativeServices()

        def add_to_fake(count):
            fake.services[f"{name}/api"] = NativeCounts(desired=count, running=0, deploying=False, family="api")
            return "api"

        return ServicesUnderTest(fake, name, add_to_fake)
    world = request.getfixturevalue("world")
    services = EcsNativeServices(world.client("ecs"), world.client("application-autoscaling"))
    return ServicesUnderTest(services, name, lambda count: _a_service(world, name, count))


def _a_service(world, cluster, count):
    """A service of its own that ECS keeps; its name."""
    world.create_cluster(cluster)
    ecs = world.client("ecs")
    ecs.register_task_definition(
        family="api", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[{"name": "api", "image": "api", "essential": True}],
    )  # fmt: skip
    ecs.create_service(
        cluster=cluster, serviceName="api", taskDefinition="api", desiredCount=count, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": list(world.default_network().values())[:1]}},
    )  # fmt: skip
    return "api"


def test_a_count_that_is_set_is_the_one_that_is_read(cluster):
    name = cluster.add(2)
    before = cluster.counts(name)
    assert (before.desired, before.rival, before.family) == (2, "", "api")
    assert cluster.services.set_count(cluster.cluster, name, 5) is None
    assert cluster.counts(name).desired == 5


def test_those_that_are_there_are_seen(cluster):
    name = cluster.add(2)
    assert cluster.services.seen(cluster.cluster, [f"none-{number}" for number in range(10)]) == {}
    seen = cluster.services.seen(cluster.cluster, [*(f"none-{number}" for number in range(10)), name])
    assert {one: counts.desired for one, counts in seen.items()} == {name: 2}
    assert cluster.services.seen("no-such-cluster", [name]) == {}


def test_there_is_no_service_of_another_name(cluster):
    cluster.add(2)
    assert cluster.counts("gone") is None
    assert cluster.services.counts("no-such-cluster", "api") is None


def test_application_auto_scaling_is_a_rival_until_it_lets_go(world):
    name, scaling = f"rival-{next(_numbers)}", world.client("application-autoscaling")
    _a_service(world, name, 1)
    services = EcsNativeServices(world.client("ecs"), scaling)
    target = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    target["ResourceId"] = f"service/{name}/api"
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    assert (
        f"deregister-scalable-target --service-namespace ecs --scalable-dimension {target['ScalableDimension']} "
        in (services.counts(name, "api").rival)
    )
    scaling.deregister_scalable_target(**target)
    assert services.counts(name, "api").rival == ""
