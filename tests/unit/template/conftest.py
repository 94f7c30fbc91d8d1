"""The template as CloudFormation gets it: transformed by SAM's own translator, offline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

Json = dict[str, Any]
ROOT = Path(__file__).parents[3]


class Statement(NamedTuple):
    """One statement of the policy of one role."""

    role: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[Any, ...]
    conditions: Json


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def source() -> Json:
    return yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def resources() -> Json:
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        for code in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][code] = "s3://bucket/code.zip"  # the translator wants what `sam package` leaves
    session = boto3.Session(region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    return Translator({}, Parser(), boto_session=session).translate(template, {})["Resources"]


@pytest.fixture(scope="session")
def statements(resources: Json) -> list[Statement]:
    return [
        _statement(name, raw)
        for name, role in _of_type(resources, "AWS::IAM::Role")
        for policy in role.get("Policies", ())
        for raw in policy["PolicyDocument"]["Statement"]
    ]


@pytest.fixture(scope="session")
def of_type(resources: Json) -> Any:
    """Gives all resources of a type: logical id to properties."""
    return lambda kind: dict(_of_type(resources, kind))


def _of_type(resources: Json, kind: str) -> Iterator[tuple[str, Json]]:
    return ((name, resource["Properties"]) for name, resource in resources.items() if resource["Type"] == kind)


def _statement(role: str, raw: Json) -> Statement:
    if "Fn::If" in raw:  # a statement that stands only under a condition; the other branch has to be nothing
        _, raw, otherwise = raw["Fn::If"]
        assert otherwise == {"Ref": "AWS::NoValue"}
    return Statement(
        role=role,
        sid=raw.get("Sid", ""),
        effect=raw["Effect"],
        actions=_listed(raw["Action"]),
        resources=_listed(raw["Resource"]),
        conditions=raw.get("Condition", {}),
    )


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)
