"""Where moto is kinder than Elastic Load Balancing, the sandbox is not."""

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from headcount_sandbox.world import World
from integration.sandbox_world.balancing import Bench, get
from integration.sandbox_world.sites import wait_for


def refused(call: Any, **parameters: Any) -> str:
    """The code of an error."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def described(bench: Bench, group: str) -> dict[str, Any]:
    return dict(bench.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0])


def plain(bench: Bench, name: str, **settings: Any) -> dict[str, Any]:
    """A CreateTargetGroup request without any settings of health checks."""
    return {"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": bench.vpc, "TargetType": "ip", **settings}


@pytest.mark.parametrize(
    ("asked", "default"),
    [
        ({}, {"HealthCheckProtocol": "HTTP", "HealthCheckPath": "/", "Matcher": {"HttpCode": "200"}}),
        ({}, {"HealthCheckIntervalSeconds": 30, "HealthyThresholdCount": 5, "UnhealthyThresholdCount": 2}),
        ({"Protocol": "TCP"}, {"HealthCheckProtocol": "TCP", "HealthCheckTimeoutSeconds": 10}),
        (
            {"Protocol": "TCP", "HealthCheckProtocol": "HTTP"},
            {"Matcher": {"HttpCode": "200-399"}, "HealthCheckPath": "/", "HealthCheckTimeoutSeconds": 6},
        ),
        (
            {"ProtocolVersion": "GRPC"},
            {"Matcher": {"GrpcCode": "12"}, "HealthCheckPath": "/AWS.ALB/healthcheck", "ProtocolVersion": "GRPC"},
        ),
        (
            {"TargetType": "lambda", "Protocol": None, "Port": None, "VpcId": None},
            {"HealthCheckEnabled": False, "HealthCheckIntervalSeconds": 35, "UnhealthyThresholdCount": 5},
        ),
    ],
)
def test_defaults_are_those_of_the_protocol(bench: Bench, asked: dict[str, Any], default: dict[str, Any]) -> None:
    name = f"t{uuid4().hex[:12]}"
    wanted = {key: value for key, value in plain(bench, name, **asked).items() if value is not None}
    made = bench.elb.create_target_group(**wanted)["TargetGroups"][0]
    assert {key: made.get(key) for key in default} == default
    seen = described(bench, made["TargetGroupArn"])
    assert {key: seen.get(key) for key in default} == default


@pytest.mark.parametrize(
    "settings",
    [
        {"HealthCheckIntervalSeconds": 301},
        {"HealthCheckTimeoutSeconds": 121},
        {"HealthyThresholdCount": 11},
        {"HealthCheckTimeoutSeconds": 30, "HealthCheckIntervalSeconds": 30},
        {"HealthCheckProtocol": "TCP"},
        {"HealthCheckProtocol": "UDP", "Protocol": "UDP"},
        {"HealthCheckEnabled": False},
        {"Matcher": {"HttpCode": "600"}},
        {"Matcher": {"HttpCode": "100-200"}},
        {"Matcher": {"GrpcCode": "1"}},
        {"Protocol": "TCP", "ProtocolVersion": "GRPC"},
        {"Protocol": "NONSENSE"},
        {"Name": "-begins"},
        {"Name": "x" * 33},
    ],
)
def test_what_does_not_fit_is_refused(bench: Bench, settings: dict[str, Any]) -> None:
    before = bench.elb.describe_target_groups()["TargetGroups"]
    assert refused(bench.elb.create_target_group, **plain(bench, "wrong", **settings))
    assert bench.elb.describe_target_groups()["TargetGroups"] == before


def test_creating_the_same_again_gives_what_is_there_and_something_else_is_a_duplicate(bench: Bench) -> None:
    wanted = plain(bench, f"again-{bench.arn[-8:]}", HealthCheckPath="/a")
    first, second = (bench.elb.create_target_group(**wanted)["TargetGroups"][0] for _ in range(2))
    assert first["TargetGroupArn"] == second["TargetGroupArn"]
    assert refused(bench.elb.create_target_group, **{**wanted, "Port": 81}) == "DuplicateTargetGroupName"
    balancer = bench.elb.describe_load_balancers(LoadBalancerArns=[bench.arn])["LoadBalancers"][0]
    again = {"Name": balancer["LoadBalancerName"], "Subnets": bench.subnets}
    assert bench.elb.create_load_balancer(**again)["LoadBalancers"][0]["LoadBalancerArn"] == bench.arn
    assert refused(bench.elb.create_load_balancer, **again, Scheme="internal") == "DuplicateLoadBalancerName"
    listener = {"LoadBalancerArn": bench.arn, "Protocol": "HTTP", "Port": 81}
    actions = [{"Type": "forward", "TargetGroupArn": first["TargetGroupArn"]}]
    bench.elb.create_listener(**listener, DefaultActions=actions)
    assert refused(bench.elb.create_listener, **listener, DefaultActions=actions) == "DuplicateListener"


def test_load_balancers_need_what_aws_wants_of_them(bench: Bench) -> None:
    one, two = bench.subnets[:2]
    assert refused(bench.elb.create_load_balancer, Name="narrow", Subnets=[one]) == "ValidationError"
    assert refused(bench.elb.create_load_balancer, Name="twice", Subnets=[one, one]) == "InvalidConfigurationRequest"
    assert refused(bench.elb.create_load_balancer, Name="gone", Subnets=[one, "subnet-0"]) == "SubnetNotFound"
    for name in ("-x", "x-", "internal-x", "x" * 33, "a_b"):
        assert refused(bench.elb.create_load_balancer, Name=name, Subnets=[one, two]) == "ValidationError"
    network = bench.elb.create_load_balancer(Name=f"net{bench.arn[-6:]}", Subnets=[one], Type="network")
    found = network["LoadBalancers"][0]
    assert ":loadbalancer/net/" in found["LoadBalancerArn"]
    seen = bench.elb.describe_load_balancers(LoadBalancerArns=[found["LoadBalancerArn"]])["LoadBalancers"][0]
    assert (seen["Type"], seen["Scheme"], seen["State"]["Code"]) == ("network", "internet-facing", "active")


def test_deletion_protection_protects(bench: Bench) -> None:
    protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    bench.elb.modify_load_balancer_attributes(LoadBalancerArn=bench.arn, Attributes=protect)
    assert refused(bench.elb.delete_load_balancer, LoadBalancerArn=bench.arn) == "OperationNotPermitted"


def test_groups_must_fit_the_load_balancer_that_forwards_to_them(bench: Bench, network: Bench) -> None:
    http, tcp = bench.group(), bench.group("TCP")
    for balancer, protocol, group in ((bench, "HTTP", tcp), (network, "TCP", http)):
        actions = [{"Type": "forward", "TargetGroupArn": group}]
        wanted = {"LoadBalancerArn": balancer.arn, "Protocol": protocol, "Port": 2000, "DefaultActions": actions}
        assert refused(balancer.elb.create_listener, **wanted) == "IncompatibleProtocols"
    elsewhere = bench.world.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    foreign = bench.group(VpcId=elsewhere)
    gone = bench.group()
    bench.elb.delete_target_group(TargetGroupArn=gone)
    listener = bench.listener(http)
    conditions = [{"Field": "path-pattern", "Values": ["/a"]}]
    for group, code in ((foreign, "InvalidConfigurationRequest"), (gone, "TargetGroupNotFound")):
        rule = {"ListenerArn": listener, "Priority": 1, "Conditions": conditions}
        assert refused(bench.elb.create_rule, **rule, Actions=[{"Type": "forward", "TargetGroupArn": group}]) == code


def test_a_group_belongs_to_one_load_balancer(bench: Bench, balanced_subnets: dict[str, str]) -> None:
    group = bench.group()
    bench.listener(group)
    other = bench.elb.create_load_balancer(Name=f"o{bench.arn[-8:]}", Subnets=bench.subnets)["LoadBalancers"][0]
    actions = [{"Type": "forward", "TargetGroupArn": group}]
    wanted = {"LoadBalancerArn": other["LoadBalancerArn"], "Protocol": "HTTP", "Port": 2000, "DefaultActions": actions}
    assert refused(bench.elb.create_listener, **wanted) == "TargetGroupAssociationLimit"


def test_a_group_knows_its_load_balancer_as_long_as_something_forwards_to_it(bench: Bench) -> None:
    base, group = bench.group(), bench.group()
    listener = bench.listener(base)
    assert described(bench, group)["LoadBalancerArns"] == []
    conditions = [{"Field": "path-pattern", "Values": ["/a"]}]
    actions = [{"Type": "forward", "TargetGroupArn": group}]
    rule = bench.elb.create_rule(ListenerArn=listener, Priority=1, Conditions=conditions, Actions=actions)["Rules"][0]
    assert described(bench, group)["LoadBalancerArns"] == [bench.arn]
    assert refused(bench.elb.delete_target_group, TargetGroupArn=group) == "ResourceInUse"
    bench.elb.delete_rule(RuleArn=rule["RuleArn"])
    assert described(bench, group)["LoadBalancerArns"] == []
    bench.elb.delete_target_group(TargetGroupArn=group)
    bench.elb.delete_target_group(TargetGroupArn=group)  # AWS has no error for what is not there
    bench.elb.delete_load_balancer(LoadBalancerArn=bench.arn)
    assert described(bench, base)["LoadBalancerArns"] == []


def test_rules_that_are_not_there_or_must_stay(bench: Bench, network: Bench) -> None:
    listener = bench.listener(bench.group())
    default = bench.elb.describe_rules(ListenerArn=listener)["Rules"][0]["RuleArn"]
    assert refused(bench.elb.delete_rule, RuleArn=default) == "OperationNotPermitted"
    assert refused(bench.elb.delete_rule, RuleArn=f"{default[:-4]}zzzz") == "RuleNotFound"
    group = network.group("TCP")
    conditions = [{"Field": "path-pattern", "Values": ["/a"]}]
    rule = {"ListenerArn": network.listener(group, protocol="TCP"), "Priority": 1, "Conditions": conditions}
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    assert refused(network.elb.create_rule, **rule, Actions=forward) == "UnsupportedProtocol"


@pytest.mark.parametrize(
    ("kind", "key", "value", "code"),
    [
        ("HTTP", "deregistration_delay.timeout_seconds", "3600", None),
        ("HTTP", "deregistration_delay.timeout_seconds", "3601", "ValidationError"),
        ("HTTP", "slow_start.duration_seconds", "30", None),
        ("HTTP", "slow_start.duration_seconds", "29", "ValidationError"),
        ("HTTP", "proxy_protocol_v2.enabled", "true", "InvalidConfigurationRequest"),
        ("TCP", "proxy_protocol_v2.enabled", "true", None),
        ("TCP", "slow_start.duration_seconds", "30", "InvalidConfigurationRequest"),
        ("HTTP", "no.such.attribute", "1", "ValidationError"),
    ],
)
def test_attributes_fit_the_kind_of_group(bench: Bench, kind: str, key: str, value: str, code: str | None) -> None:
    group = bench.group(kind)
    wanted = {"TargetGroupArn": group, "Attributes": [{"Key": key, "Value": value}]}
    if code is not None:
        assert refused(bench.elb.modify_target_group_attributes, **wanted) == code
        return
    bench.elb.modify_target_group_attributes(**wanted)
    seen = bench.elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    assert {"Key": key, "Value": value} in seen


def test_fifty_tags_are_possible_and_described_twenty_resources_at_a_time(bench: Bench) -> None:
    group = bench.group()
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    bench.elb.add_tags(ResourceArns=[group], Tags=tags)
    assert len(bench.elb.describe_tags(ResourceArns=[group])["TagDescriptions"][0]["Tags"]) == 50
    assert refused(bench.elb.add_tags, ResourceArns=[group], Tags=[{"Key": "one more"}]) == "TooManyTags"
    assert refused(bench.elb.describe_tags, ResourceArns=[group] * 21) == "ValidationError"
    assert refused(bench.elb.describe_tags, ResourceArns=[f"{group}x"]) == "TargetGroupNotFound"


def test_errors_are_recorded_by_their_codes(bench: Bench) -> None:
    bench.elb.delete_target_group(TargetGroupArn=(gone := bench.group()))
    code = refused(bench.elb.describe_target_groups, TargetGroupArns=[gone])
    assert (code, bench.world.calls.select("elbv2", "DescribeTargetGroups")[-1].outcome) == (code, code)


def test_a_listener_that_opens_is_told(bench: Bench) -> None:
    told: list[dict[str, Any]] = []
    bench.world.on_listener(told.append)
    listener = bench.listener(bench.group())
    mine = wait_for(lambda: next((one for one in told if one["listenerArn"] == listener), None))
    assert mine["url"] == bench.world.listener_url(listener)
    assert mine["loadBalancer"] in bench.arn


def test_a_listener_that_is_changed_is_followed_at_once(bench: Bench) -> None:
    group = bench.group()
    listener = bench.listener(group)
    url = bench.world.listener_url(listener)
    assert get(url).status == 503
    answer = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "sorry"}
    closed = [{"Type": "fixed-response", "FixedResponseConfig": answer}]
    bench.elb.modify_listener(ListenerArn=listener, DefaultActions=closed)
    assert get(url).body == "sorry"
    bench.elb.modify_listener(ListenerArn=listener, Port=2999)
    assert get(bench.world.listener_url(listener)).body == "sorry"


def test_permissions_of_functions_come_and_go(balanced_world: World) -> None:
    lambdas = balanced_world.client("lambda")
    balanced_world.functions.add("known")
    asked = {"FunctionName": "known", "StatementId": "a", "Action": "lambda:InvokeFunction"}
    permission = {**asked, "Principal": "elasticloadbalancing.amazonaws.com", "SourceArn": "arn:x"}
    assert refused(lambdas.get_policy, FunctionName="known") == "ResourceNotFoundException"
    lambdas.add_permission(**permission)
    assert refused(lambdas.add_permission, **permission) == "ResourceConflictException"
    assert '"Sid": "a"' in lambdas.get_policy(FunctionName="known")["Policy"]
    assert lambdas.get_function_configuration(FunctionName="known")["FunctionName"] == "known"
    lambdas.add_permission(**permission, Qualifier="live")
    assert "function:known:live" in lambdas.get_policy(FunctionName="known", Qualifier="live")["Policy"]
    lambdas.remove_permission(FunctionName="known", StatementId="a")
    assert refused(lambdas.remove_permission, FunctionName="known", StatementId="a") == "ResourceNotFoundException"
    assert refused(lambdas.add_permission, **{**permission, "FunctionName": "nobody"}) == "ResourceNotFoundException"
    assert refused(lambdas.get_function_configuration, FunctionName="nobody") == "ResourceNotFoundException"
