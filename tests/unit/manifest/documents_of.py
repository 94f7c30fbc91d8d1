"""Builders: valid manifests with one thing changed, and the problems that come of it."""

from copy import deepcopy
from typing import Any

from headcount.model.manifest import Manifest
from headcount.model.manifest_parser import parse_manifest
from headcount.model.problem import Problem

LEFT_OUT = object()

_DOCUMENT: dict[str, Any] = {
    "cluster": "prod",
    "serviceName": "web",
    "taskDefinition": "web:12",
    "desiredCount": 3,
    "launchType": "FARGATE",
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}},
}


def a_document(**changes: Any) -> dict[str, Any]:
    document = deepcopy(_DOCUMENT) | changes
    return {key: value for key, value in document.items() if value is not LEFT_OUT}


def awsvpc(**changes: Any) -> dict[str, Any]:
    return {"awsvpcConfiguration": {"subnets": ["subnet-a"]} | changes}


def manifest_of(document: object) -> Manifest:
    parsed = parse_manifest(document)
    assert isinstance(parsed, Manifest), [str(problem) for problem in parsed]
    return parsed


def problems_of(document: object) -> tuple[Problem, ...]:
    parsed = parse_manifest(document)
    assert not isinstance(parsed, Manifest), f"accepted: {parsed}"
    return parsed


def the_problem_of(document: object) -> Problem:
    problems = problems_of(document)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]
