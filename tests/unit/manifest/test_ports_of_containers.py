"""Traffic goes to a container of the task definition, to a port that it maps, by the target group's protocol."""

from typing import Any

import pytest

from headcount.model.manifest_fit import misfits
from unit.manifest.balancing_of import GROUP_ARN, a_group, balanced, behind
from unit.manifest.documents_of import LEFT_OUT, manifest_of, the_problem_of

NAMED = balanced(targetGroupArn=GROUP_ARN)


def definition(*mappings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A task definition for Fargate whose container web maps these ports."""
    containers = [
        {"name": "web", "image": "web:1", "portMappings": list(mappings)},
        {"name": "log", "image": "log:1", "portMappings": [{"containerPort": 24224}]},
    ]
    made = {"networkMode": "awsvpc", "cpu": "256", "memory": "512", "containerDefinitions": containers}
    return made | changes


def port(number: int, *protocols: str) -> list[dict[str, Any]]:
    return [{"containerPort": number, "protocol": protocol} for protocol in protocols]


@pytest.mark.parametrize(
    ("entry", "mappings"),
    [
        (NAMED, [{"containerPort": 8080}]),
        (NAMED, port(8080, "udp")),
        (balanced(), [{"containerPort": 8080, "hostPort": 8080}]),
        (balanced(), port(8080, "tcp")),
        (balanced(targetGroup=a_group(protocol="UDP")), port(8080, "udp")),
        (balanced(targetGroup=a_group(protocol="TCP_UDP")), port(8080, "tcp", "udp")),
        (balanced(containerName="log", containerPort=24224), []),
    ],
)
def test_ports_that_take_traffic(entry: dict[str, Any], mappings: list[dict[str, Any]]):
    manifest_of(behind(entry, taskDefinition=definition(*mappings)))


@pytest.mark.parametrize(
    ("entry", "mappings", "field", "words"),
    [
        (
            balanced(containerName="app"),
            port(8080, "tcp"),
            "containerName",
            "no container of the task definition; it has web, log",
        ),
        (NAMED, [], "containerPort", "is no port in the portMappings of container web; it has none"),
        (NAMED, port(80, "tcp"), "containerPort", "it has 80/tcp"),
        (balanced(containerPort=24224), port(8080, "tcp"), "containerPort", "container web; it has 8080/tcp"),
        (balanced(), port(8080, "udp"), "containerPort", "is no tcp port"),
        (balanced(targetGroup=a_group(protocol="UDP")), port(8080, "tcp"), "containerPort", "is no udp port"),
        (
            balanced(targetGroup=a_group(protocol="TCP_UDP")),
            port(8080, "tcp"),
            "containerPort",
            "is no tcp and udp port in the portMappings of container web; it has 8080/tcp",
        ),
    ],
)
def test_ports_that_take_none(entry: dict[str, Any], mappings: list[dict[str, Any]], field: str, words: str):
    problem = the_problem_of(behind(entry, taskDefinition=definition(*mappings)))
    assert (problem.path, problem.value) == (f"loadBalancers[0].{field}", entry[field])
    assert words in problem.message


def test_without_a_network_nothing_takes_traffic():
    document = behind(
        NAMED,
        launchType="EC2",
        networkConfiguration=LEFT_OUT,
        taskDefinition=definition(*port(8080, "tcp"), networkMode="none"),
    )
    problem = the_problem_of(document)
    assert problem.path == "loadBalancers"
    assert "network mode none" in problem.message


def test_a_definition_that_ecs_describes_is_looked_at_as_well():
    described = definition(*port(80, "tcp"), compatibilities=["EC2", "FARGATE"])
    (problem,) = misfits(manifest_of(behind(NAMED)), described)
    assert problem.path == "loadBalancers[0].containerPort"
