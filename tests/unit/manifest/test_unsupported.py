"""Everything that AWS has and this version does not honour is refused by name, with the reason."""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from headcount.model.manifest_fields import SERVICE
from headcount.model.manifest_kinds import Block, ListOf
from unit.manifest.documents_of import a_document, the_problem_of

NOT_SUPPORTED = "not supported by this version of Headcount: "


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("serviceRegistries", [{"registryArn": "arn"}]),
        ("serviceConnectConfiguration", {"enabled": True}),
        ("vpcLatticeConfigurations", [{"portName": "http"}]),
        ("schedulingStrategy", "DAEMON"),
        ("kind", "Job"),
        ("role", "ecsServiceRole"),
        ("clientToken", "abc"),
        ("forceNewDeployment", True),
        ("monitoring", {}),
        ("gatewayConnectors", [{}]),
        ("propagateTags", "SERVICE"),
        ("count", 2),
        ("group", "web"),
    ],
)
def test_refused_by_name(key: str, value: object):
    problem = the_problem_of(a_document(**{key: value}))
    assert problem.path == key
    assert NOT_SUPPORTED in problem.message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("deploymentCircuitBreaker", {"enable": True, "rollback": True}),
        ("alarms", {"alarmNames": ["a"], "enable": True, "rollback": True}),
        ("strategy", "BLUE_GREEN"),
        ("strategy", "LINEAR"),
        ("strategy", "CANARY"),
        ("bakeTimeInMinutes", 5),
        ("lifecycleHooks", [{}]),
        ("earlySuccessCriteria", {"enable": True}),
        ("linearConfiguration", {}),
        ("canaryConfiguration", {}),
    ],
)
def test_refused_in_the_deployment_configuration(key: str, value: object):
    problem = the_problem_of(a_document(deploymentConfiguration={key: value}))
    assert problem.path == f"deploymentConfiguration.{key}"
    assert NOT_SUPPORTED in problem.message


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_refused_deployment_controllers(controller: str):
    problem = the_problem_of(a_document(deploymentController={"type": controller}))
    assert problem.path == "deploymentController.type"
    assert NOT_SUPPORTED in problem.message


@pytest.mark.parametrize(
    ("shape", "block", "path"),
    [
        ("CreateServiceRequest", SERVICE, "CreateService"),
        ("RunTaskRequest", SERVICE, "RunTask"),
    ],
)
def test_every_field_of_aws_is_honoured_or_refused_by_name(shape: str, block: Block, path: str):
    model = botocore.session.get_session().get_service_model("ecs").shape_for(shape)
    assert sorted(_unknown_fields(model, block, path)) == []


def _unknown_fields(model: Any, kind: Any, path: str) -> Iterator[str]:
    """AWS's fields below this place of which our tables say nothing."""
    if isinstance(kind, ListOf) and model.type_name == "list":
        yield from _unknown_fields(model.member, kind.item, f"{path}[]")
    if isinstance(kind, Block) and model.type_name == "structure":
        yield from (f"{path}.{name}" for name in model.members if name not in kind.fields)
        for name in model.members.keys() & kind.fields.keys():
            yield from _unknown_fields(model.members[name], kind.fields[name], f"{path}.{name}")
