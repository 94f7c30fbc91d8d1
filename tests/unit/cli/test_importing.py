"""init --from-ecs-service and --from-file: nothing of an ECS service is lost without a word."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from headcount.model.manifest import Manifest
from headcount.model.manifest_parser import parse_manifest
from headcount_cli.connection import Connection
from headcount_cli.ecs_import import OF_DEPLOYMENT, STATE, UNKNOWN, import_service
from headcount_cli.ecs_services import from_ecs
from headcount_cli.failures import Failure
from headcount_cli.manifests import read_manifests
from unit.cli.fake_aws import FakeAws, fake_aws
from unit.cli.terminal import Terminal

ARN = "arn:aws:ecs:eu-central-1:123456789012"
RENAMED = {"clusterArn": "cluster"}


def described(**changes: Any) -> dict[str, Any]:
    """As ``describe-services`` tells a service on Fargate that uses what most use."""
    return {
        "serviceArn": f"{ARN}:service/prod/web",
        "serviceName": "web",
        "clusterArn": f"{ARN}:cluster/prod",
        "loadBalancers": [],
        "serviceRegistries": [],
        "status": "ACTIVE",
        "desiredCount": 3,
        "runningCount": 3,
        "pendingCount": 0,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "platformFamily": "Linux",
        "taskDefinition": f"{ARN}:task-definition/web:12",
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": False, "rollback": False},
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
        },
        "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY"}],
        "events": [],
        "createdAt": "2026-01-01T00:00:00Z",
        "placementConstraints": [],
        "placementStrategy": [],
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-0a1b2c3d"],
                "securityGroups": ["sg-0a1b2c3d"],
                "assignPublicIp": "DISABLED",
            }
        },
        "healthCheckGracePeriodSeconds": 0,
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "enableECSManagedTags": True,
        "propagateTags": "NONE",
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "ENABLED",
        "tags": [{"key": "team", "value": "1e5"}],
    } | changes


@cache
def ecs() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("ecs", "service-2"))


def values(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Any value that AWS's model allows, and more."""
    match shape.type_name:
        case "structure":
            members = {name: values(member, depth + 1) for name, member in shape.members.items()} if depth < 5 else {}
            return st.fixed_dictionaries({}, optional=members)
        case "list":
            return st.lists(values(shape.member, depth + 1), max_size=2)
        case "map":
            return st.dictionaries(st.text(max_size=3), values(shape.value, depth + 1), max_size=2)
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            return st.sampled_from([0, 1, 3, 100, 200, 6000])
        case "double" | "float":
            return st.sampled_from([0.0, 0.5])
        case "timestamp":
            return st.just("2026-01-01T00:00:00Z")
        case _:
            named = ["web", "prod", "web:12", "subnet-0a1b2c3d", "sg-0a1b2c3d", f"{ARN}:cluster/prod", "", "\x1b[2J"]
            return st.sampled_from([*getattr(shape, "enum", ()), *named])


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    """A common service with some fields replaced by whatever AWS's model allows, or left out."""
    changed = draw(values(ecs().shape_for("Service")))
    missing = draw(st.sets(st.sampled_from(sorted(described())), max_size=3))
    return {name: value for name, value in described(**changed).items() if name not in missing}


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Of everything in a document that is no mapping or list itself."""
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from paths(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from paths(part, f"{path}[{index}]")
    else:
        yield path


def is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


@settings(max_examples=60)
@given(services())
def test_every_field_is_carried_over_or_named(service: dict[str, Any]) -> None:
    imported = import_service(service)
    accounted = [*imported.carried, *(one.path for one in imported.left_out)]
    for path in paths(service):
        name = RENAMED.get(path, path)
        assert any(is_within(name, one) for one in accounted), f"{path} is neither carried over nor named"
    assert all(one.reason for one in imported.left_out)
    assert imported.problems or isinstance(parse_manifest(imported.manifest), Manifest)


@settings(max_examples=60)
@given(services())
def test_what_is_said_to_be_carried_over_stands_in_the_manifest(service: dict[str, Any]) -> None:
    imported = import_service(service)
    written = set(paths(imported.manifest))
    for path in written - {"kind", "cluster", "taskDefinition"}:
        if path.partition("[")[0] not in {"tags", "loadBalancers", *OF_DEPLOYMENT}:
            assert path in set(paths(service)), f"{path} was made up"
    for one in imported.left_out:
        if not one.path.startswith("tags["):
            assert not any(is_within(path, one.path) for path in written), f"{one.path} is named, and written too"


def test_every_field_that_aws_has_today_has_a_reason_of_its_own() -> None:
    known: dict[str, Any] = {name: {"x": 1} for name in ecs().shape_for("Service").members}
    known |= {"deployments": [{"status": "PRIMARY", **{name: {"x": 1} for name in OF_DEPLOYMENT}}], "tags": []}
    known |= {"clusterArn": "prod", "taskDefinition": "web:12"}
    imported = import_service(known)
    unknown = [one.path for one in imported.left_out if one.reason == UNKNOWN and "." not in one.path]
    assert unknown == []
    assert set(STATE) <= set(ecs().shape_for("Service").members)


def test_a_field_that_aws_adds_is_named_too() -> None:
    (lost,) = [one for one in import_service(described(novelty=1)).left_out if not one.is_state]
    assert (lost.path, lost.reason) == ("novelty", UNKNOWN)


def test_a_common_service_is_carried_over_whole() -> None:
    imported = import_service(described())
    assert [one.path for one in imported.left_out if not one.is_state] == []
    assert imported.problems == ()
    assert imported.manifest["cluster"] == "prod"
    assert imported.manifest["taskDefinition"] == "web:12"
    assert imported.manifest["deploymentConfiguration"] == {
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "ROLLING",
    }


GROUP_ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123456789abcdef"
BALANCED = {"targetGroupArn": GROUP_ARN, "containerName": "web", "containerPort": 8080}


def test_load_balancers_and_grace_are_carried_over() -> None:
    imported = import_service(described(loadBalancers=[BALANCED], healthCheckGracePeriodSeconds=60))
    assert [one.path for one in imported.left_out if not one.is_state] == []
    assert imported.manifest["loadBalancers"] == [BALANCED]
    assert imported.manifest["healthCheckGracePeriodSeconds"] == 60
    assert any("take tasks of both while you move" in note for note in imported.notes)


def test_what_load_balancers_cannot_carry_over_is_named_one_by_one() -> None:
    classic = {"loadBalancerName": "old", "containerName": "web", "containerPort": 80}
    advanced = {"alternateTargetGroupArn": GROUP_ARN, "roleArn": "arn"}
    imported = import_service(described(loadBalancers=[classic, {**BALANCED, "advancedConfiguration": advanced}]))
    assert imported.manifest["loadBalancers"] == [BALANCED]
    lost = {one.path: one.reason for one in imported.left_out if not one.is_state}
    assert list(lost) == ["loadBalancers[0]", "loadBalancers[1].advancedConfiguration"]
    assert "Classic Load Balancers" in lost["loadBalancers[0]"]
    assert "blue/green" in lost["loadBalancers[1].advancedConfiguration"]


def test_what_a_deployment_declares_is_looked_at() -> None:
    deployments = [
        {"status": "PRIMARY", "serviceConnectConfiguration": {"enabled": True}, "fargateEphemeralStorage": {"k": "v"}},
        {"status": "ACTIVE", "vpcLatticeConfigurations": [{"roleArn": "old"}]},
    ]
    imported = import_service(described(deployments=deployments))
    lost = [one.path for one in imported.left_out if not one.is_state]
    assert sorted(lost) == ["fargateEphemeralStorage", "serviceConnectConfiguration"]
    assert any("A deployment was under way" in note for note in imported.notes)


def test_reserved_tags_are_named_one_by_one() -> None:
    imported = import_service(described(tags=[{"key": "aws:x", "value": "1"}, {"key": "team", "value": "a"}]))
    assert imported.manifest["tags"] == [{"key": "team", "value": "a"}]
    assert "tags[0]" in [one.path for one in imported.left_out]


def test_a_contradiction_costs_one_field_and_is_named() -> None:
    both = described(capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1, "base": 0}])
    imported = import_service(both)
    lost = [one for one in imported.left_out if not one.is_state]
    assert len(lost) == 1
    assert lost[0].path in {"capacityProviderStrategy", "launchType"}
    assert imported.problems == ()


def test_the_task_definition_tells_which_roles_must_be_passed() -> None:
    definition = {"taskRoleArn": "arn:aws:iam::1:role/app", "containerDefinitions": [{"healthCheck": {"command": []}}]}
    notes = " ".join(import_service(described(), definition).notes)
    assert "arn:aws:iam::1:role/app" in notes
    assert "PassableRoles" in notes
    assert "HEALTHY" in notes


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "described.json"
    path.write_text(json.dumps({"services": [described(platformVersion="2.0")], "failures": []}))
    return str(path)


def test_init_writes_a_manifest_that_says_what_it_could_not_carry_over(
    terminal: Terminal, tmp_path: Path, file: str
) -> None:
    written = tmp_path / "web.yaml"
    done = terminal.run("init", "--from-file", file, "--to", str(written))
    assert done.code == 0
    assert "platformVersion = 2.0" in done.err
    assert "# platformVersion: " in written.read_text()
    (manifest,) = read_manifests([written])
    assert manifest.service == "prod/web"
    assert manifest.document["tags"] == [{"key": "team", "value": "1e5"}]  # text, whatever it looks like
    assert terminal.connections == []


def test_init_is_one_document_for_programs(terminal: Terminal, tmp_path: Path, file: str) -> None:
    done = terminal.run("init", "--from-file", file, "--to", str(tmp_path / "x.yaml"), "-o", "json")
    lost = {one["path"] for one in done.document["notCarriedOver"]}
    assert {"platformVersion", "events", "serviceArn"} <= lost
    assert done.document["manifest"]["desiredCount"] == 3


def test_an_import_that_is_not_complete_is_written_and_fails(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps(described(launchType="EXTERNAL")))
    written = tmp_path / "web.yaml"
    done = terminal.run("init", "--from-file", str(tmp_path / "d.json"), "--to", str(written))
    assert done.code == 1
    assert "see to this first" in done.err
    assert written.exists()
    again = terminal.run("init", "--from-file", str(tmp_path / "d.json"), "--to", "-", "-o", "json")
    assert again.code == 1
    assert again.document["error"]["type"] == "InvalidManifest"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", "7", '{"services": []}', '{"services": [7]}', '{"services": 7}', "{", "\x00"]
)
def test_a_file_that_describes_no_service(terminal: Terminal, tmp_path: Path, content: str) -> None:
    (tmp_path / "d.json").write_text(content)
    done = terminal.run("init", "--from-file", str(tmp_path / "d.json"), "--to", "-")
    assert (done.code, done.out) == (2, "")
    assert "describe-services" in done.err


def test_of_several_services_one_must_be_named(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps({"services": [described(), described(serviceName="api")]}))
    assert "web, api" in terminal.run("init", "--from-file", str(path), "--to", "-").err
    done = terminal.run("init", "--from-file", str(path), "--from-ecs-service", "api", "--to", "-")
    assert done.code == 0
    assert "serviceName: api" in done.out
    assert terminal.run("init", "--from-file", str(path), "--from-ecs-service", "db", "--to", "-").code == 2


@pytest.mark.parametrize("arguments", [("--from-ecs-service", "web"), ("--from-file", "x", "--name", "web")])
def test_an_import_takes_a_cluster_and_nothing_else(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    assert terminal.run("init", *arguments).code == 2


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with fake_aws() as aws:
        yield aws


def test_from_ecs_itself(aws: FakeAws) -> None:
    definition = {"family": "web", "networkMode": "awsvpc"}
    service = described() | {"createdAt": 1767225600}
    aws.answers["DescribeServices"] = (200, json.dumps({"services": [service], "failures": []}), {})
    aws.answers["DescribeTaskDefinition"] = (200, json.dumps({"taskDefinition": definition}), {})
    read, its_definition = from_ecs(Connection(region="eu-central-1", endpoint_url=aws.url), "prod", "web")
    assert aws.operations == ["DescribeServices", "DescribeTaskDefinition"]
    assert its_definition == definition
    assert import_service(read).manifest == import_service(described()).manifest


def test_a_service_that_ecs_does_not_have(aws: FakeAws) -> None:
    aws.answers["DescribeServices"] = (200, json.dumps({"services": [], "failures": [{"reason": "MISSING"}]}), {})
    with pytest.raises(Failure) as refused:
        from_ecs(Connection(region="eu-central-1", endpoint_url=aws.url), "prod", "nope")
    assert refused.value.message == "ECS has no service nope in cluster prod (MISSING)."
