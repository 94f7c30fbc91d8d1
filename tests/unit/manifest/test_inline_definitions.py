"""Inline task definitions: read by AWS's own model, and checked against the service that they are for."""

import json
from copy import deepcopy
from typing import Any

import pytest

from headcount.model.manifest_parser import canonical_document, parse_manifest
from unit.manifest.documents_of import LEFT_OUT, a_document, manifest_of, problems_of, the_problem_of

INLINE: dict[str, Any] = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [{"name": "app", "image": "app:1"}],
}
ON_EC2 = {"launchType": "EC2", "networkConfiguration": LEFT_OUT}
BRIDGED = {"containerDefinitions": [{"name": "app", "image": "app:1", "memory": 64}]}


def inline(**changes: Any) -> dict[str, Any]:
    definition = deepcopy(INLINE) | changes
    return {key: value for key, value in definition.items() if value is not LEFT_OUT}


def test_it_is_called_after_cluster_and_service_unless_it_says_otherwise():
    manifest = manifest_of(a_document(taskDefinition=inline()))
    assert manifest.task_definition == "prod-web"
    assert manifest.inline_task_definition == {"family": "prod-web", **INLINE}
    assert manifest_of(a_document(taskDefinition=inline(family="shop"))).task_definition == "shop"


def test_a_family_is_not_longer_than_aws_allows():
    manifest = manifest_of(a_document(cluster="c" * 255, taskDefinition=inline()))
    assert manifest.task_definition == "c" * 255


def test_what_cloudformation_writes_becomes_what_aws_takes():
    definition = {
        "NetworkMode": "awsvpc",
        "Cpu": "256",
        "Memory": "512",
        "ContainerDefinitions": [
            {
                "Name": "app",
                "Image": "app:1",
                "Essential": "true",
                "PortMappings": [{"ContainerPort": "80"}],
                "DockerLabels": {"Team": "shop"},
                "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "/web"}},
            }
        ],
    }
    assert manifest_of(a_document(taskDefinition=definition)).inline_task_definition == {
        "family": "prod-web",
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": "app",
                "image": "app:1",
                "essential": True,
                "portMappings": [{"containerPort": 80}],
                "dockerLabels": {"Team": "shop"},
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/web"}},
            }
        ],
    }


def test_the_canonical_document_carries_it_whole():
    manifest = manifest_of(a_document(taskDefinition=inline()))
    assert canonical_document(manifest)["taskDefinition"] == {"family": "prod-web", **INLINE}
    assert parse_manifest(json.loads(json.dumps(canonical_document(manifest)))) == manifest


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"containerDefinitions": LEFT_OUT}, "containerDefinitions"),
        ({"containerDefinitions": []}, "containerDefinitions"),
        ({"containerDefinitions": [{"name": "app"}]}, "containerDefinitions[0].image"),
        ({"containerDefinitions": [{"name": "a", "image": "i"}] * 2}, "containerDefinitions[1]"),
        ({"containerDefinitions": [{"name": "a", "image": "i", "imge": "j"}]}, "containerDefinitions[0].imge"),
        (
            {"containerDefinitions": [{"name": "a", "image": "i", "portMappings": [{"containerPort": 65536}]}]},
            "containerDefinitions[0].portMappings[0].containerPort",
        ),
        (
            {"containerDefinitions": [{"name": "a", "image": "i", "healthCheck": {"command": ["x"], "interval": 4}}]},
            "containerDefinitions[0].healthCheck.interval",
        ),
        (
            {"containerDefinitions": [{"name": "a", "image": "i", "dockerLabels": {"team": 1}}]},
            "containerDefinitions[0].dockerLabels.team",
        ),
        (
            {"containerDefinitions": [{"name": "a", "image": "i", "logConfiguration": {"logDriver": "paper"}}]},
            "containerDefinitions[0].logConfiguration.logDriver",
        ),
        ({"networkMode": "nat"}, "networkMode"),
        ({"family": "a b"}, "family"),
        ({"cpu": 256}, "cpu"),
        ({"volumes": [{"name": "a"}, {"name": "a"}]}, "volumes[1]"),
        ({"tags": [{"key": "headcount:content", "value": "x"}]}, "tags[0].key"),
        ({"tags": [{"key": str(number)} for number in range(49)]}, "tags"),
        ({"inferenceAccelerators": [{"deviceName": "d", "deviceType": "t"}]}, "inferenceAccelerators"),
        ({"runtimePlatform": {"cpuArchitecture": "VAX"}}, "runtimePlatform.cpuArchitecture"),
        ({"cpu": LEFT_OUT}, "cpu"),
        ({"memory": LEFT_OUT}, "memory"),
    ],
)
def test_what_is_wrong_with_it(changes: dict[str, Any], path: str):
    assert the_problem_of(a_document(taskDefinition=inline(**changes))).path == f"taskDefinition.{path}"


def test_a_union_has_exactly_one_member():
    sharing = {"sharingStrategy": {}}
    container = {"name": "a", "image": "i", "memory": 64, "resourceRequirements": [{"type": "GPU", **sharing}]}
    problem = the_problem_of(a_document(**ON_EC2, taskDefinition={"containerDefinitions": [container]}))
    assert problem.path == "taskDefinition.containerDefinitions[0].resourceRequirements[0].sharingStrategy"
    assert "exactly one of them" in problem.message


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({"taskDefinition": inline(networkMode="bridge")}, "taskDefinition", "Fargate needs awsvpc"),
        ({"taskDefinition": inline(requiresCompatibilities=["EC2"])}, "taskDefinition", "needs FARGATE"),
        ({"launchType": "EC2", "taskDefinition": inline()}, "taskDefinition", "needs EC2"),
        ({"launchType": "EC2", "taskDefinition": BRIDGED}, "networkConfiguration", "must be left out"),
        (
            {**ON_EC2, "taskDefinition": BRIDGED | {"networkMode": "awsvpc"}},
            "networkConfiguration",
            "is required",
        ),
        (
            {**ON_EC2, "taskDefinition": BRIDGED, "availabilityZoneSpread": "STRICT"},
            "availabilityZoneSpread",
            "needs network mode awsvpc",
        ),
        (
            {
                **ON_EC2,
                "taskDefinition": BRIDGED,
                "capacityFallback": [{"capacityProvider": "spare", "availabilityZones": ["eu-west-1a"]}],
            },
            "capacityFallback[0].availabilityZones",
            "need network mode awsvpc",
        ),
        (
            {**ON_EC2, "taskDefinition": {"containerDefinitions": [{"name": "a", "image": "i"}]}},
            "taskDefinition.containerDefinitions[0].memory",
            "how much room",
        ),
        (
            {"taskDefinition": inline(), "overrides": {"containerOverrides": [{"name": "sidecar"}]}},
            "overrides.containerOverrides[0].name",
            "it has app",
        ),
        (
            {"taskDefinition": inline(containerDefinitions=[{"name": "a", "image": "i", "essential": False}])},
            "taskDefinition",
            "no container is essential",
        ),
        (
            {"taskDefinition": inline(volumes=[{"name": "data", "configuredAtLaunch": True}])},
            "volumeConfigurations",
            "must configure volume data",
        ),
        (
            {
                "taskDefinition": inline(),
                "volumeConfigurations": [
                    {
                        "name": "data",
                        "managedEBSVolume": {"roleArn": "arn:aws:iam::123456789012:role/ebs", "sizeInGiB": 1},
                    }
                ],
            },
            "volumeConfigurations[0].name",
            "configuredAtLaunch",
        ),
        (
            {
                **ON_EC2,
                "taskDefinition": BRIDGED
                | {"placementConstraints": [{"type": "memberOf", "expression": "attribute:a exists"}]},
                "placementConstraints": [{"type": "distinctInstance"}] * 9,
            },
            "placementConstraints",
            "more than 10",
        ),
    ],
)
def test_what_does_not_fit_its_service(document: dict[str, Any], path: str, words: str):
    problem = the_problem_of(a_document(**document))
    assert problem.path == path
    assert words in problem.message


def test_it_is_as_large_as_aws_allows():
    def definition(length: int) -> dict[str, Any]:
        return inline(containerDefinitions=[{"name": "app", "image": "app:1", "command": ["x" * length]}])

    room = 64 * 1024 - len(json.dumps(definition(0)))
    manifest_of(a_document(taskDefinition=definition(room)))
    assert "at most 65536 characters" in the_problem_of(a_document(taskDefinition=definition(room + 1))).message


def test_all_problems_of_it_are_told_at_once():
    problems = problems_of(a_document(taskDefinition={"networkMode": 1, "famly": "a"}))
    assert sorted(problem.path for problem in problems) == [
        "taskDefinition.containerDefinitions",
        "taskDefinition.famly",
        "taskDefinition.networkMode",
    ]
