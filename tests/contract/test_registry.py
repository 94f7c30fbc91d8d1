"""What a manifest names must exist in AWS and fit together; everything wrong is said at once."""

import itertools
from typing import Any

import pytest

from builders import a_manifest
from fakes.registry import InMemoryRegistry
from headcount.aws.capacity_providers import check_providers
from headcount.aws.registry import AwsRegistry
from headcount.errors import Refused, TransientError
from headcount.model.manifest import CapacitySource, ElasticLoadBalancer, LoadBalancer, Manifest
from headcount.model.manifest_parser import parse_manifest
from headcount.model.service import ANY_ZONE

SUBNETS = "networkConfiguration.awsvpcConfiguration.subnets"
ON_EC2 = (CapacitySource(launch_type="EC2"),)
FIELDS: dict[str, Any] = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [{"name": "app", "image": "app:1"}],
}
BRIDGED = {
    "networkMode": "bridge",
    "requiresCompatibilities": ["EC2"],
    "containerDefinitions": [{"name": "app", "image": "app:1", "memory": 64}],
}
_numbers = itertools.count(1)


class FakeAccount:
    """An account in memory."""

    def __init__(self) -> None:
        self.network = {f"eu-west-1{letter}": f"subnet-{letter}" for letter in "abc"}
        self.registry = InMemoryRegistry({}, {subnet: zone for zone, subnet in self.network.items()})
        self.cluster = "prod"

    def register(self, family: str, **changes: Any) -> str:
        return self.registry.add(family, FIELDS | changes)

    def retire(self, arn: str) -> None:
        self.registry.documents[arn] = {**self.registry.documents[arn], "status": "INACTIVE"}

    def provide(self, name: str) -> None:
        self.registry.providers.append(name)

    def revisions(self, family: str) -> list[str]:
        return [arn for arn in self.registry.documents if f"/{family}:" in arn]

    def add_group(self, kind: str = "ip", *, elsewhere: bool = False) -> str:
        """A target group of the service's VPC, or of another one; its ARN."""
        arn = _group_arn(next(_numbers))
        self.registry.groups = {**(self.registry.groups or {}), arn: (kind, "vpc-2" if elsewhere else "vpc-1")}
        return arn

    def may_manage_load_balancers(self, may: bool) -> None:
        self.registry.may_manage = may


class AwsAccount:
    """An account of a local AWS."""

    def __init__(self, world: Any, network: dict[str, str]) -> None:
        self.network = network
        self.ecs = world.client("ecs")
        self.ec2, self.elb = world.client("ec2"), world.client("elbv2")
        self.registry = AwsRegistry(self.ecs, self.ec2, self.elb)
        self.cluster = f"registry-{next(_numbers)}"
        world.create_cluster(self.cluster)

    def register(self, family: str, **changes: Any) -> str:
        answer = self.ecs.register_task_definition(family=family, **FIELDS | changes)
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def retire(self, arn: str) -> None:
        self.ecs.deregister_task_definition(taskDefinition=arn)

    def provide(self, name: str) -> None:
        group = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1:autoScalingGroupName/instances"
        self.ecs.create_capacity_provider(name=name, autoScalingGroupProvider={"autoScalingGroupArn": group})
        self.ecs.put_cluster_capacity_providers(
            cluster=self.cluster,
            capacityProviders=["FARGATE", "FARGATE_SPOT", name],
            defaultCapacityProviderStrategy=[],
        )

    def revisions(self, family: str) -> list[str]:
        listed: list[str] = self.ecs.list_task_definitions(familyPrefix=family)["taskDefinitionArns"]
        return listed

    def add_group(self, kind: str = "ip", *, elsewhere: bool = False) -> str:
        """A target group of the service's VPC, or of another one; its ARN."""
        subnet = min(self.network.values())
        vpc = self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
        if elsewhere:
            vpc = self.ec2.create_vpc(CidrBlock="10.98.0.0/16")["Vpc"]["VpcId"]
        network = {} if kind == "lambda" else {"Protocol": "HTTP", "Port": 80, "VpcId": vpc}
        made = self.elb.create_target_group(Name=f"group-{next(_numbers)}", TargetType=kind, **network)
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def may_manage_load_balancers(self, may: bool) -> None:
        self.registry.may_manage = may


def _group_arn(number: int) -> str:
    return f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/group/{number:016x}"


@pytest.fixture(scope="module")
def network(world):
    return world.default_network()


@pytest.fixture(params=["fake", "adapter"])
def account(request):
    if request.param == "fake":
        return FakeAccount()
    return AwsAccount(request.getfixturevalue("world"), request.getfixturevalue("network"))


@pytest.fixture
def family():
    return f"family-{next(_numbers)}"


def _in(account, **changes) -> Manifest:
    return a_manifest(**{"cluster": account.cluster, "subnets": tuple(account.network.values())} | changes)


def _inline(account, family=None, image="app:1", service="web", **changes) -> Manifest:
    containers = [{"name": "app", "image": image}]
    manifest = parse_manifest(
        {
            "cluster": account.cluster,
            "serviceName": service,
            "desiredCount": 1,
            "taskDefinition": FIELDS
            | {"containerDefinitions": containers}
            | ({"family": family} if family else {})
            | changes,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": list(account.network.values())}},
        }
    )
    assert isinstance(manifest, Manifest), manifest
    return manifest


def _problems(account, manifest):
    with pytest.raises(Refused) as refused:
        account.registry.resolve(manifest)
    assert refused.value.error_type == "InvalidManifest"
    return refused.value.problems


def _paths(account, manifest):
    return [problem.path for problem in _problems(account, manifest)]


def test_names_are_resolved_to_a_revision_and_zones(account, family):
    arn = account.register(family)
    zone_a, zone_b, _ = sorted(account.network)
    manifest = _in(account, task_definition=family, subnets=(account.network[zone_b], account.network[zone_a]))
    resolved = account.registry.resolve(manifest)
    assert resolved.task_definition_arn == arn
    assert resolved.zones == ((zone_a, (account.network[zone_a],)), (zone_b, (account.network[zone_b],)))
    assert resolved.container_health_check is False
    assert (resolved.network_mode, resolved.registered) == ("awsvpc", False)


def test_a_health_check_of_an_essential_container_is_noticed(account, family):
    check = {"command": ["CMD", "true"]}
    container = {"name": "app", "image": "app:1", "essential": True, "healthCheck": check}
    account.register(family, containerDefinitions=[container])
    assert account.registry.resolve(_in(account, task_definition=family)).container_health_check is True


def test_the_shortest_interval_of_health_checks_is_told(account, family):
    check = {"command": ["CMD", "true"]}
    containers = [
        {"name": "app", "image": "app:1", "healthCheck": {**check, "interval": 45}},
        {"name": "proxy", "image": "proxy:1", "healthCheck": {**check, "interval": 10}},
        {"name": "aside", "image": "aside:1", "healthCheck": {**check, "interval": 5}, "essential": False},
    ]
    account.register(family, containerDefinitions=containers)
    assert account.registry.resolve(_in(account, task_definition=family)).container_health_interval == 10.0
    account.register(
        f"{family}-default", containerDefinitions=[{"name": "app", "image": "app:1", "healthCheck": check}]
    )
    resolved = account.registry.resolve(_in(account, task_definition=f"{family}-default"))
    assert resolved.container_health_interval == 30.0


def _behind(*groups: str) -> tuple[LoadBalancer, ...]:
    return tuple(LoadBalancer(container_name="app", container_port=8080, target_group=group) for group in groups)


PORTS = [{"name": "app", "image": "app:1", "portMappings": [{"containerPort": 8080}]}]


def test_target_groups_that_are_named_exist_and_take_the_tasks(account, family):
    account.register(family, containerDefinitions=PORTS)
    fitting, other = account.add_group(), account.add_group()
    account.registry.resolve(_in(account, task_definition=family, load_balancers=_behind(fitting, other)))
    wrong = (account.add_group("instance"), account.add_group(elsewhere=True), _group_arn(0), fitting)
    assert _paths(account, _in(account, task_definition=family, load_balancers=_behind(*wrong))) == [
        f"loadBalancers[{number}].targetGroupArn" for number in range(3)
    ]


def test_outside_awsvpc_targets_are_instances(account, family):
    container = {**BRIDGED["containerDefinitions"][0], "portMappings": [{"containerPort": 8080}]}
    account.register(family, **BRIDGED | {"containerDefinitions": [container]})
    manifest = {"task_definition": family, "sources": ON_EC2, "subnets": ()}
    fitting, wrong = account.add_group("instance"), account.add_group("ip")
    account.registry.resolve(_in(account, load_balancers=_behind(fitting), **manifest))
    assert _paths(account, _in(account, load_balancers=_behind(wrong), **manifest)) == [
        "loadBalancers[0].targetGroupArn"
    ]


def test_load_balancers_are_declared_only_where_the_stack_may_manage_them(account, family):
    account.register(family)
    balancer = ElasticLoadBalancer(name="web-alb", declared={"Name": "web-alb"})
    manifest = _in(account, task_definition=family, elastic_load_balancers=(balancer,))
    account.may_manage_load_balancers(False)
    (problem,) = _problems(account, manifest)
    assert (problem.path, problem.value) == ("elasticLoadBalancers", ["web-alb"])
    assert "this stack may not manage load balancers" in problem.message
    account.may_manage_load_balancers(True)
    account.registry.resolve(manifest)


def test_what_does_not_fit_about_a_target_group_is_told(world, network, family):
    account = AwsAccount(world, network)
    account.register(family, containerDefinitions=PORTS)
    groups = (
        account.add_group("instance"),
        account.add_group(elsewhere=True),
        _group_arn(0),
        account.add_group("lambda"),
    )
    said = [
        one.message for one in _problems(account, _in(account, task_definition=family, load_balancers=_behind(*groups)))
    ]
    assert said[0] == "its target type is instance: tasks with network mode awsvpc need ip"
    assert "and the subnets of the service are in vpc-" in said[1]
    assert said[2:] == [
        "there is no such target group in this account and Region",
        "its target type is lambda: tasks with network mode awsvpc need ip",
    ]


def test_what_elb_does_not_describe_is_told_in_its_own_words(world, network, family):
    account = AwsAccount(world, network)
    account.register(family, containerDefinitions=PORTS)
    group = account.add_group()
    world.faults.fail("elbv2", "DescribeTargetGroups", error_code="AccessDenied", message="not authorized", times=1)
    (problem,) = _problems(account, _in(account, task_definition=family, load_balancers=_behind(group)))
    assert problem.message == "ELB cannot describe it: AccessDenied: not authorized"
    world.faults.clear()


def test_everything_that_is_wrong_is_said_at_once(account):
    subnets = (min(account.network.values()), "subnet-0123456789abcdef0", "subnet-0123456789abcdef1")
    own = (CapacitySource(capacity_provider="nobody"),)
    manifest = _in(account, task_definition="nobody:7", subnets=subnets, sources=own)
    assert sorted(_paths(account, manifest)) == [
        "capacityProviderStrategy[0].capacityProvider",
        f"{SUBNETS}[1]",
        f"{SUBNETS}[2]",
        "taskDefinition",
    ]


def test_a_task_definition_that_is_not_for_fargate_is_refused_with_both_reasons(account, family):
    account.register(family, **BRIDGED)
    problems = _problems(account, _in(account, task_definition=family))
    assert "Fargate needs awsvpc" in problems[0].message
    assert len(problems) == 2


def test_an_inactive_task_definition_is_refused(account, family):
    arn = account.register(family)
    account.retire(arn)
    (problem,) = _problems(account, _in(account, task_definition=arn))
    assert "INACTIVE" in problem.message


def test_outside_awsvpc_the_zone_is_not_ours(account, family):
    account.register(family, **BRIDGED)
    resolved = account.registry.resolve(_in(account, task_definition=family, subnets=(), sources=ON_EC2))
    assert (resolved.network_mode, resolved.zones) == ("bridge", ((ANY_ZONE, ()),))


def test_awsvpc_needs_subnets_and_nothing_else_takes_them(account, family):
    account.register(family, **BRIDGED)
    assert _paths(account, _in(account, task_definition=family, sources=ON_EC2)) == ["networkConfiguration"]
    account.register(f"{family}-awsvpc", requiresCompatibilities=["EC2", "FARGATE"])
    without = _in(account, task_definition=f"{family}-awsvpc", sources=ON_EC2, subnets=())
    assert _paths(account, without) == ["networkConfiguration"]


def test_a_cluster_has_capacity_providers_of_its_own(account, family):
    account.register(family, requiresCompatibilities=["EC2", "FARGATE"])
    name = f"instances-{next(_numbers)}"
    manifest = _in(
        account,
        task_definition=family,
        sources=(CapacitySource(capacity_provider="FARGATE_SPOT"),),
        fallback=(CapacitySource(capacity_provider="FARGATE"), CapacitySource(capacity_provider=name)),
    )
    assert _paths(account, manifest) == ["capacityFallback[1].capacityProvider"]
    account.provide(name)
    account.registry.resolve(manifest)


def test_a_fallback_is_for_zones_that_the_service_has(account, family):
    account.register(family)
    here, elsewhere = min(account.network), "mars-north-1a"
    fallback = (CapacitySource(capacity_provider="FARGATE_SPOT", zones=(here, elsewhere)),)
    (problem,) = _problems(account, _in(account, task_definition=family, fallback=fallback))
    assert (problem.path, problem.value) == ("capacityFallback[0].availabilityZones[1]", elsewhere)


def test_an_inline_task_definition_is_registered_once_for_each_content(account, family):
    first = account.registry.resolve(_inline(account, family))
    assert first.registered
    assert account.registry.resolve(_inline(account, family)) == first
    other = account.registry.resolve(_inline(account, family, image="app:2"))
    assert other.task_definition_arn != first.task_definition_arn
    assert account.registry.resolve(_inline(account, family)) == first
    assert sorted(account.revisions(family)) == sorted([first.task_definition_arn, other.task_definition_arn])


def test_a_dry_run_registers_nothing(account, family):
    resolved = account.registry.resolve(_inline(account, family), dry_run=True)
    assert resolved.task_definition_arn == f"{family}:new"
    assert account.revisions(family) == []
    real = account.registry.resolve(_inline(account, family))
    assert account.registry.resolve(_inline(account, family), dry_run=True) == real


def test_revisions_that_people_registered_are_never_taken_for_ours(account, family):
    theirs = account.register(family)
    assert account.registry.resolve(_inline(account, family)).task_definition_arn != theirs


def test_two_services_never_share_a_revision(account, family):
    """Each service deregisters what it no longer uses."""
    arns = {
        account.registry.resolve(_inline(account, family, service=service)).task_definition_arn
        for service in ("web", "api")
    }
    assert len(arns) == 2


def test_a_revision_that_a_pass_may_deregister_is_not_used_again(account, family):
    first = account.registry.resolve(_inline(account, family)).task_definition_arn
    for dry_run in (True, False):
        other = account.registry.resolve(_inline(account, family), dry_run=dry_run, retiring={first})
        assert other.registered
        assert other.task_definition_arn != first
    assert account.registry.resolve(_inline(account, family), retiring={first}) == other


def test_a_content_whose_revision_was_deregistered_is_registered_again(account, family):
    first = account.registry.resolve(_inline(account, family)).task_definition_arn
    account.retire(first)
    assert account.registry.resolve(_inline(account, family)).task_definition_arn != first


def test_nothing_is_registered_for_a_manifest_that_is_refused(account, family):
    manifest = _inline(account, family)
    account.network = {"nowhere": "subnet-0123456789abcdef0"}
    assert _paths(account, _inline(account, family)) == [f"{SUBNETS}[0]"]
    assert manifest.inline_task_definition is not None
    assert account.revisions(family) == []


def test_what_ecs_does_not_register_is_told_in_its_own_words(world, network, family):
    (problem,) = _problems(AwsAccount(world, network), _inline(AwsAccount(world, network), family, memory="777"))
    assert problem.path == "taskDefinition"
    assert "ECS does not register it: ClientException: No Fargate configuration exists" in problem.message


def test_a_registered_definition_carries_the_tags_of_the_user_and_ours(world, network, family):
    account = AwsAccount(world, network)
    manifest = _inline(account, family, tags=[{"key": "team", "value": "shop"}])
    arn = account.registry.resolve(manifest).task_definition_arn
    tags = account.ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])["tags"]
    assert {tag["key"] for tag in tags} == {"team", "headcount:content", "headcount:service"}
    assert account.registry.resolve(manifest).task_definition_arn == arn


def test_a_cluster_that_does_not_exist_has_no_capacity(world, network, family):
    account = AwsAccount(world, network)
    account.register(family)
    own = (CapacitySource(capacity_provider="FARGATE"),)
    (problem,) = _problems(account, _in(account, task_definition=family, sources=own, cluster="nobodys"))
    assert (problem.path, problem.value) == ("cluster", "nobodys")


def test_the_subnets_of_a_service_are_in_one_vpc(world, network, family):
    account = AwsAccount(world, network)
    account.register(family)
    ec2 = world.client("ec2")
    elsewhere = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=elsewhere, CidrBlock="10.99.1.0/24")["Subnet"]["SubnetId"]
    manifest = _in(account, task_definition=family, subnets=(*network.values(), subnet))
    (problem,) = _problems(account, manifest)
    assert problem.path == SUBNETS
    assert "one VPC" in problem.message


class OneProvider:
    """ECS's answers about a cluster with one capacity provider, of kinds that the sandbox has not."""

    def __init__(self, **provider: Any) -> None:
        self.provider = {"name": "own", "status": "ACTIVE", **provider}

    def describe_clusters(self, clusters: list[str]) -> dict[str, Any]:
        return {"clusters": [{"clusterName": clusters[0], "status": "ACTIVE", "capacityProviders": ["own"]}]}

    def describe_capacity_providers(self, capacityProviders: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return {"capacityProviders": [self.provider] if capacityProviders == ["own"] else []}


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ({"managedInstancesProvider": {}}, "ECS Managed Instances, which is not supported"),
        ({"status": "DEPROVISIONING"}, "it is DEPROVISIONING"),
        ({"name": "other"}, "there is no such capacity provider"),
    ],
)
def test_a_capacity_provider_that_takes_no_tasks_is_refused(provider, words):
    manifest = a_manifest(sources=(CapacitySource(capacity_provider="own"),))
    (problem,) = check_providers(OneProvider(**provider), manifest)
    assert problem.path == "capacityProviderStrategy[0].capacityProvider"
    assert words in problem.message
    assert check_providers(OneProvider(autoScalingGroupProvider={}), manifest) == []


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ecs", "DescribeTaskDefinition"),
        ("ec2", "DescribeSubnets"),
        ("ecs", "DescribeClusters"),
        ("elbv2", "DescribeTargetGroups"),
    ],
)
def test_aws_out_of_patience_is_transient(world, network, family, service, operation):
    account = AwsAccount(world, network)
    account.register(family, containerDefinitions=PORTS)
    group = account.add_group()
    world.faults.throttle(service, operation, times=1)
    own = (CapacitySource(capacity_provider="FARGATE"),)
    with pytest.raises(TransientError):
        account.registry.resolve(_in(account, task_definition=family, sources=own, load_balancers=_behind(group)))
    world.faults.clear()


@pytest.mark.parametrize("operation", ["ListTaskDefinitions", "RegisterTaskDefinition"])
def test_aws_out_of_patience_with_an_inline_definition_is_transient(world, network, family, operation):
    account = AwsAccount(world, network)
    world.faults.throttle("ecs", operation, times=1)
    with pytest.raises(TransientError):
        account.registry.resolve(_inline(account, family))
    account.registry.resolve(_inline(account, family))
    world.faults.clear()
