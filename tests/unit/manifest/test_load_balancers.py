"""loadBalancers, functionTargets, grace and unhealthy tasks: what may be said, and what becomes of it."""

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from headcount.model.manifest import FunctionTarget, LoadBalancer, UnhealthyTasks
from headcount.model.manifest_parser import canonical_document
from unit.manifest.balancing_of import (
    FUNCTION_ARN,
    GROUP_ARN,
    LISTENER_ARN,
    a_function_group,
    a_group,
    a_rule,
    attributes,
    balanced,
    behind,
    with_function,
    with_group,
    with_rules,
)
from unit.manifest.documents_of import LEFT_OUT, a_document, manifest_of, problems_of, the_problem_of

ELB = botocore.session.get_session().get_service_model("elbv2")
GROUP = "loadBalancers[0].targetGroup"
ON_EC2: dict[str, Any] = {"launchType": "EC2", "networkConfiguration": LEFT_OUT}


def another_arn(number: int) -> str:
    return GROUP_ARN.replace("/web/", f"/web{number}/")


# -- accepted ---------------------------------------------------------------------------------------------------------


def test_a_target_group_that_exists():
    manifest = manifest_of(behind(balanced(targetGroupArn=GROUP_ARN)))
    assert manifest.load_balancers == (LoadBalancer(container_name="web", container_port=8080, target_group=GROUP_ARN),)


def test_a_target_group_that_is_declared_becomes_a_request_to_aws_with_its_defaults():
    (one,) = manifest_of(
        behind(
            balanced(
                targetGroup=a_group(
                    tags=[{"key": "team", "value": "shop"}],
                    targetGroupAttributes=attributes(deregistration_delay__timeout_seconds="5"),
                ),
                rules=[a_rule()],
            )
        )
    ).load_balancers
    assert one == LoadBalancer(
        container_name="web",
        container_port=8080,
        target_group="web",
        declared={
            "Name": "web",
            "Protocol": "HTTP",
            "ProtocolVersion": "HTTP1",
            "Port": 8080,
            "VpcId": "vpc-1",
            "TargetType": "ip",
            "IpAddressType": "ipv4",
            "HealthCheckEnabled": True,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "traffic-port",
            "HealthCheckPath": "/",
            "HealthCheckIntervalSeconds": 30,
            "HealthCheckTimeoutSeconds": 5,
            "HealthyThresholdCount": 5,
            "UnhealthyThresholdCount": 2,
            "Matcher": {"HttpCode": "200"},
            "Tags": [{"Key": "team", "Value": "shop"}],
        },
        attributes={"deregistration_delay.timeout_seconds": "5"},
        rules=(
            {
                "ListenerArn": LISTENER_ARN,
                "Priority": 10,
                "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}],
            },
        ),
    )
    report = ParamValidator().validate(one.declared, ELB.shape_for("CreateTargetGroupInput"))
    assert not report.has_errors(), report.generate_report()


def test_a_function_behind_the_rule_with_the_lowest_priority():
    everything = a_rule(priority=50000, conditions=[{"field": "path-pattern", "values": ["*"]}])
    document = with_function(everything, targetGroupAttributes=attributes(lambda__multi_value_headers__enabled="true"))
    assert manifest_of(document).function_targets == (
        FunctionTarget(
            function_arn=FUNCTION_ARN,
            target_group="sorry",
            declared={"Name": "sorry", "TargetType": "lambda", "HealthCheckEnabled": False},
            attributes={"lambda.multi_value_headers.enabled": "true"},
            rules=(
                {
                    "ListenerArn": LISTENER_ARN,
                    "Priority": 50000,
                    "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["*"]}}],
                },
            ),
        ),
    )


def test_cloudformations_spelling_means_the_same():
    written = a_document(
        LoadBalancers=[
            {
                "ContainerName": "web",
                "ContainerPort": "8080",
                "TargetGroup": {
                    "Name": "web",
                    "Protocol": "HTTP",
                    "Port": "8080",
                    "VpcId": "vpc-1",
                    "TargetType": "ip",
                    "Matcher": {"HttpCode": "204"},
                    "HealthCheckIntervalSeconds": "10",
                    "TargetGroupAttributes": [{"Key": "stickiness.enabled", "Value": "true"}],
                },
            }
        ],
        HealthCheckGracePeriodSeconds="60",
    )
    group = a_group(
        matcher={"httpCode": "204"},
        healthCheckIntervalSeconds=10,
        targetGroupAttributes=attributes(stickiness__enabled="true"),
    )
    assert manifest_of(written) == manifest_of(behind(balanced(targetGroup=group), healthCheckGracePeriodSeconds=60))


def test_several_containers_and_ports_each_in_groups_of_their_own():
    entries = [
        balanced(targetGroupArn=GROUP_ARN),
        balanced(targetGroupArn=GROUP_ARN, containerPort=9090),
        balanced(targetGroupArn=GROUP_ARN, containerName="admin"),
        balanced(targetGroupArn=another_arn(1)),
        balanced(),
    ]
    assert len(manifest_of(behind(*entries)).load_balancers) == 5


def test_tasks_that_share_their_instances_are_targets_by_instance():
    group = a_group(targetType=LEFT_OUT)
    (one,) = manifest_of(behind(balanced(targetGroup=group), **ON_EC2)).load_balancers
    assert one.declared is not None
    assert one.declared["TargetType"] == "instance"


def test_the_smallest_manifest_has_no_load_balancing():
    manifest = manifest_of(a_document())
    assert (manifest.load_balancers, manifest.function_targets, manifest.elastic_load_balancers) == ((), (), ())
    assert manifest.health_check_grace_seconds == 0
    assert manifest.unhealthy_tasks == UnhealthyTasks()


@pytest.mark.parametrize("seconds", [0, 60, "60", 2147483647])
def test_grace(seconds: object):
    manifest = manifest_of(a_document(healthCheckGracePeriodSeconds=seconds))
    assert manifest.health_check_grace_seconds == int(str(seconds))


def test_unhealthy_tasks():
    wanted = {
        "action": "replace",
        "targetAction": "stopRouting",
        "afterSeconds": 1.5,
        "atOncePercent": 10,
        "freezeAbovePercent": 30,
    }
    assert manifest_of(a_document(unhealthyTasks=wanted)).unhealthy_tasks == UnhealthyTasks(
        action="replace", target_action="stopRouting", after_seconds=1.5, at_once_percent=10, freeze_above_percent=30
    )


# -- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "path", "words"),
    [
        (balanced(targetGroup=LEFT_OUT), "", "exactly one of targetGroupArn"),
        (balanced(targetGroupArn=GROUP_ARN, targetGroup=a_group()), "", "this has both"),
        (balanced(targetGroupArn=GROUP_ARN, rules=[a_rule()]), ".rules", "must be left out"),
        (balanced(targetGroupArn=LISTENER_ARN), ".targetGroupArn", "the ARN of a target group"),
        (balanced(targetGroupArn="web"), ".targetGroupArn", "the ARN of a target group"),
        (balanced(containerName=LEFT_OUT), ".containerName", "is required"),
        (balanced(containerPort=LEFT_OUT), ".containerPort", "is required"),
        (balanced(containerPort=0), ".containerPort", "from 1 to 65535"),
        (balanced(containerPort=65536), ".containerPort", "from 1 to 65535"),
        (balanced(containerName="a b"), ".containerName", "a container's name"),
        (balanced(loadBalancerName="classic"), ".loadBalancerName", "Classic Load Balancers"),
        (balanced(advancedConfiguration={}), ".advancedConfiguration", "blue/green"),
        (balanced(weight=1), ".weight", "is not a key"),
    ],
)
def test_entries(entry: dict[str, Any], path: str, words: str):
    problem = the_problem_of(behind(entry))
    assert problem.path == f"loadBalancers[0]{path}"
    assert words in problem.message


def test_more_target_groups_than_ecs_allows():
    entries = [balanced(targetGroupArn=another_arn(number)) for number in range(6)]
    problem = the_problem_of(behind(*entries))
    assert (problem.path, problem.value) == ("loadBalancers", "a list of 6")
    assert "ECS allows 5 target groups a service" in problem.message


def test_a_port_of_a_container_stands_in_a_group_once():
    problem = the_problem_of(behind(balanced(targetGroupArn=GROUP_ARN), balanced(targetGroupArn=GROUP_ARN)))
    assert (problem.path, problem.value) == ("loadBalancers[1]", GROUP_ARN)
    assert "port 8080 of container 'web' must not be in the target group twice" in problem.message
    assert "loadBalancers[0]" in problem.message


def test_a_group_is_declared_once():
    function = {"functionArn": FUNCTION_ARN, "targetGroup": a_function_group(name="web")}
    twice = behind(balanced(), balanced(containerPort=1), functionTargets=[function])
    assert [(problem.path, problem.value) for problem in problems_of(twice)] == [
        ("loadBalancers[1].targetGroup.name", "web"),
        ("functionTargets[0].targetGroup.name", "web"),
    ]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        *[
            ({"name": name}, "name", "no hyphen first or last")
            for name in ("", "-web", "web-", "x" * 33, "we_b", "w.b")
        ],
        ({"name": LEFT_OUT}, "name", "is required"),
        ({"protocol": LEFT_OUT}, "protocol", "is required"),
        ({"protocol": "GENEVE"}, "protocol", "gateway load balancers"),
        ({"protocol": "QUIC"}, "protocol", "server id"),
        ({"protocol": "TCP_QUIC"}, "protocol", "server id"),
        ({"protocol": "http"}, "protocol", "must be one of HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP"),
        ({"protocolVersion": "HTTP3"}, "protocolVersion", "must be one of HTTP1, HTTP2, GRPC"),
        ({"protocol": "TLS", "protocolVersion": "HTTP2"}, "protocolVersion", "the group's protocol is TLS"),
        ({"protocol": "TCP", "targetControlPort": 3000}, "targetControlPort", "the group's protocol is TCP"),
        ({"port": LEFT_OUT}, "port", "is required"),
        ({"port": 0}, "port", "from 1 to 65535"),
        ({"vpcId": LEFT_OUT}, "vpcId", "is required"),
        ({"vpcId": "subnet-1"}, "vpcId", "the id of a VPC"),
        ({"targetType": "lambda"}, "targetType", "functionTargets"),
        ({"targetType": "alb"}, "targetType", "is no task"),
        ({"targetType": "instance"}, "targetType", "must be ip, not instance: with network mode awsvpc"),
        ({"targetType": LEFT_OUT}, "targetType", "must be ip, not instance (AWS's default)"),
        ({"ipAddressType": "ipv6"}, "ipAddressType", "IPv4 address"),
        ({"tags": [{"key": "headcount:service", "value": "x"}]}, "tags[0].key", "not beginning with"),
        ({"tags": [{"key": str(number), "value": ""} for number in range(49)]}, "tags", "Headcount adds two"),
        ({"healthCheckPat": "/"}, "healthCheckPat", "did you mean healthCheckPath?"),
        ({"targets": []}, "targets", "is not a key"),
    ],
)
def test_declared_groups(changes: dict[str, Any], path: str, words: str):
    problem = the_problem_of(with_group(**changes))
    assert problem.path == f"{GROUP}.{path}"
    assert words in problem.message


@pytest.mark.parametrize("name", ["a", "x" * 32, "A-1-b"])
def test_names_of_groups(name: str):
    (one,) = manifest_of(with_group(name=name)).load_balancers
    assert one.target_group == name


def test_tasks_without_an_address_of_their_own_are_no_targets_by_ip():
    problem = the_problem_of(behind(balanced(), **ON_EC2))
    assert (problem.path, problem.value) == (f"{GROUP}.targetType", "ip")
    assert "must be instance, not ip: without networkConfiguration" in problem.message


def test_on_fargate_a_network_that_is_missing_is_told_and_nothing_else():
    assert the_problem_of(behind(balanced(), networkConfiguration=LEFT_OUT)).path == "networkConfiguration"


@pytest.mark.parametrize(
    ("function", "path", "words"),
    [
        ({"functionArn": "sorry"}, "functionArn", "the ARN of a Lambda function"),
        ({"functionArn": LEFT_OUT}, "functionArn", "is required"),
        ({"targetGroup": LEFT_OUT}, "targetGroup", "is required"),
        ({"targetGroup": {}}, "targetGroup.name", "is required"),
        ({"containerName": "web"}, "containerName", "is not a key"),
    ],
)
def test_function_targets(function: dict[str, Any], path: str, words: str):
    target = {"functionArn": FUNCTION_ARN, "targetGroup": a_function_group()} | function
    target = {key: value for key, value in target.items() if value is not LEFT_OUT}
    problem = the_problem_of(a_document(functionTargets=[target]))
    assert problem.path == f"functionTargets[0].{path}"
    assert words in problem.message


@pytest.mark.parametrize("alias", ["", ":live", ":7", ":$LATEST"])
def test_versions_and_aliases_of_functions(alias: str):
    target = {"functionArn": FUNCTION_ARN + alias, "targetGroup": a_function_group()}
    (one,) = manifest_of(a_document(functionTargets=[target])).function_targets
    assert one.function_arn == FUNCTION_ARN + alias


@pytest.mark.parametrize("seconds", [-1, 2147483648, 1.5, "soon", True])
def test_what_is_no_grace(seconds: object):
    problem = the_problem_of(a_document(healthCheckGracePeriodSeconds=seconds))
    assert (problem.path, problem.value) == ("healthCheckGracePeriodSeconds", seconds)
    assert "from 0 to 2147483647" in problem.message


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("action", "restart", "must be one of replace, stopRouting, ignore"),
        ("targetAction", "REPLACE", "must be one of replace, stopRouting, ignore"),
        ("afterSeconds", -1, "from 0 to 86400"),
        ("atOncePercent", 0, "from 1 to 100"),
        ("atOncePercent", 101, "from 1 to 100"),
        ("freezeAbovePercent", 101, "from 0 to 100"),
        ("freezeAbovePercent", 50.5, "from 0 to 100"),
        ("gracePeriod", 1, "is not a key"),
    ],
)
def test_what_unhealthy_tasks_cannot_be(key: str, value: object, words: str):
    problem = the_problem_of(a_document(unhealthyTasks={key: value}))
    assert (problem.path, words in problem.message) == (f"unhealthyTasks.{key}", True)


def test_all_problems_are_told_at_once():
    document = behind(
        balanced(targetGroup=a_group(name="-", port=0), rules=[a_rule(priority=0)], containerPort="http"),
        balanced(targetGroup=LEFT_OUT),
        functionTargets=[{"functionArn": "x"}],
        healthCheckGracePeriodSeconds=-1,
        unhealthyTasks={"action": "kill"},
    )
    assert sorted(problem.path for problem in problems_of(document)) == [
        "functionTargets[0].functionArn",
        "functionTargets[0].targetGroup",
        "healthCheckGracePeriodSeconds",
        "loadBalancers[0].containerPort",
        "loadBalancers[0].rules[0].priority",
        f"{GROUP}.name",
        f"{GROUP}.port",
        "loadBalancers[1]",
        "unhealthyTasks.action",
    ]


# -- the canonical document -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        behind(balanced(targetGroupArn=GROUP_ARN), healthCheckGracePeriodSeconds=60),
        with_rules(a_rule(), a_rule(priority=11)),
        with_group(protocol="TCP_UDP", targetGroupAttributes=attributes(proxy_protocol_v2__enabled="true")),
        with_function(a_rule(), healthCheckEnabled=True),
        a_document(unhealthyTasks={"targetAction": "ignore", "afterSeconds": 0.5}),
    ],
)
def test_the_canonical_document_declares_the_same(document: dict[str, Any]):
    manifest = manifest_of(document)
    canonical = canonical_document(manifest)
    assert manifest_of(json.loads(json.dumps(canonical))) == manifest
    assert canonical_document(manifest_of(canonical)) == canonical


def test_the_canonical_document_writes_out_what_aws_assumes():
    canonical = canonical_document(manifest_of(with_group(name="web")))
    assert canonical["loadBalancers"] == [
        {
            "containerName": "web",
            "containerPort": 8080,
            "targetGroup": {
                "name": "web",
                "protocol": "HTTP",
                "protocolVersion": "HTTP1",
                "port": 8080,
                "vpcId": "vpc-1",
                "targetType": "ip",
                "ipAddressType": "ipv4",
                "healthCheckEnabled": True,
                "healthCheckProtocol": "HTTP",
                "healthCheckPort": "traffic-port",
                "healthCheckPath": "/",
                "healthCheckIntervalSeconds": 30,
                "healthCheckTimeoutSeconds": 5,
                "healthyThresholdCount": 5,
                "unhealthyThresholdCount": 2,
                "matcher": {"httpCode": "200"},
                "targetGroupAttributes": [],
            },
            "rules": [],
        }
    ]
    assert canonical["healthCheckGracePeriodSeconds"] == 0
    assert canonical["unhealthyTasks"] == {
        "action": "replace",
        "afterSeconds": 0,
        "atOncePercent": 25,
        "freezeAbovePercent": 50,
    }


def test_writing_a_default_down_changes_nothing():
    written = with_group(
        healthCheckPath="/", healthCheckTimeoutSeconds=5, protocolVersion="HTTP1", ipAddressType="ipv4"
    )
    assert manifest_of(written) == manifest_of(with_group())
