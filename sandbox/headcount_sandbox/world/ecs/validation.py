"""What ECS refuses in a request, in ECS's words: the limits of the API and of Fargate."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from botocore.model import ServiceModel
from botocore.session import get_session
from botocore.validate import ParamValidator

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.moto_apis import Cluster, MotoApis, Subnet, TaskDefinition

MAX_TASKS_A_CALL = 10
MAX_DESCRIBED = 100
MAX_PAGE = 100
MAX_OVERRIDES = 8192
MAX_SUBNETS, MAX_SECURITY_GROUPS = 16, 5
MAX_TAGS, MAX_TAG_KEY, MAX_TAG_VALUE = 50, 128, 256
MAX_GROUP = 255
MAX_STARTED_BY, MAX_STARTED_BY_IN_START_TASK = 128, 36
MAX_INSTANCES_A_CALL = 10
_STARTED_BY = re.compile(r"^[A-Za-z0-9\-/_]+$")
_CLIENT_TOKEN = re.compile(r"^[\x21-\x7e]{1,64}$")


def refuse(message: str) -> ApiError:
    """ECS's general refusal."""
    return ApiError("InvalidParameterException", message)


def check_types(operation: str, parameters: Mapping[str, Any]) -> None:
    """Refuses what botocore's own model of the operation does not allow."""
    shape = _model().operation_model(operation).input_shape
    assert shape is not None, f"{operation} has no input"
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise refuse(report.generate_report())


def check_cluster(moto: MotoApis, name_or_arn: str | None) -> Cluster:
    """The active cluster that a request names (`default` if none)."""
    cluster = moto.cluster(name_or_arn or "default")
    if cluster is None:
        raise ApiError("ClusterNotFoundException", "Cluster not found.")
    if cluster.status != "ACTIVE":
        raise ApiError("ClusterNotFoundException", "The referenced cluster was inactive.")
    return cluster


def check_task_definition(moto: MotoApis, reference: str) -> TaskDefinition:
    """The active revision that a request names."""
    definition = moto.task_definition(reference)
    if definition is None:
        raise ApiError("ClientException", "TaskDefinition not found.")
    if definition.status != "ACTIVE":
        raise ApiError("ClientException", "TaskDefinition is inactive")
    return definition


def check_run_task(parameters: Mapping[str, Any], definition: TaskDefinition) -> None:
    """Refuses what is wrong with a RunTask request by itself."""
    count = parameters.get("count", 1)
    if not 1 <= count <= MAX_TASKS_A_CALL:
        raise refuse(f"count should be between 1 and {MAX_TASKS_A_CALL}.")
    token = parameters.get("clientToken")
    if token is not None and not _CLIENT_TOKEN.match(token):
        raise refuse("clientToken can have up to 64 ASCII characters in the range of 33-126 (inclusive).")
    _check_common(parameters, definition, MAX_STARTED_BY)


def check_start_task(parameters: Mapping[str, Any], definition: TaskDefinition) -> None:
    """Refuses what is wrong with a StartTask request by itself."""
    if not 1 <= len(parameters["containerInstances"]) <= MAX_INSTANCES_A_CALL:
        raise refuse(f"containerInstances should have between 1 and {MAX_INSTANCES_A_CALL} items.")
    _check_common(parameters, definition, MAX_STARTED_BY_IN_START_TASK)


def _check_common(parameters: Mapping[str, Any], definition: TaskDefinition, longest_started_by: int) -> None:
    started_by = parameters.get("startedBy")
    if started_by is not None and not (_STARTED_BY.match(started_by) and len(started_by) <= longest_started_by):
        raise refuse(
            f"startedBy can have up to {longest_started_by} letters, numbers, hyphens, forward slashes and underscores."
        )
    if len(parameters.get("group", "")) > MAX_GROUP:
        raise refuse(f"group can have up to {MAX_GROUP} characters.")
    if parameters.get("propagateTags") == "SERVICE":
        raise refuse("propagateTags SERVICE is not supported when running a task.")
    check_tags(parameters.get("tags", []))
    _check_overrides(parameters.get("overrides", {}), definition)


def check_network(moto: MotoApis, parameters: Mapping[str, Any], definition: TaskDefinition) -> list[Subnet]:
    """The subnets of the request; none where the network mode has none."""
    configuration = parameters.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if definition.network_mode != "awsvpc":
        if configuration:
            raise refuse("Network Configuration is not valid for the given networkMode of this task definition.")
        return []
    if not configuration:
        raise refuse("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    subnet_ids = configuration.get("subnets", [])
    if not 1 <= len(subnet_ids) <= MAX_SUBNETS:
        raise refuse(f"subnets should have between 1 and {MAX_SUBNETS} items.")
    if len(configuration.get("securityGroups", [])) > MAX_SECURITY_GROUPS:
        raise refuse(f"securityGroups can have at most {MAX_SECURITY_GROUPS} items.")
    subnets = [_subnet(moto, subnet_id) for subnet_id in subnet_ids]
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise refuse("The subnets must belong to the same VPC.")
    return subnets


def _subnet(moto: MotoApis, subnet_id: str) -> Subnet:
    subnet = moto.subnet(subnet_id)
    if subnet is None:
        raise refuse(
            f"Error retrieving subnet information for [{subnet_id}]: The subnet ID '{subnet_id}' does not exist "
            "(ErrorCode: InvalidSubnetID.NotFound)"
        )
    return subnet


def check_tags(tags: Sequence[Mapping[str, str]]) -> None:
    """Refuses tags beyond the limits of every taggable resource."""
    keys = [tag.get("key", "") for tag in tags]
    if len(keys) > MAX_TAGS:
        raise refuse(f"tags can have at most {MAX_TAGS} items.")
    if len(set(keys)) != len(keys):
        raise refuse("Duplicate tag keys.")
    for tag in tags:
        key, value = tag.get("key", ""), tag.get("value", "")
        if not 1 <= len(key) <= MAX_TAG_KEY or len(value) > MAX_TAG_VALUE:
            raise refuse(f"Tag keys have 1 to {MAX_TAG_KEY} characters, values up to {MAX_TAG_VALUE}: {key}")
        if key.lower().startswith("aws:"):
            raise refuse(f"Tag keys cannot start with aws: {key}")


def _check_overrides(overrides: Mapping[str, Any], definition: TaskDefinition) -> None:
    if len(json.dumps(overrides)) > MAX_OVERRIDES:
        raise refuse(f"overrides can have up to {MAX_OVERRIDES} characters including the formatting of JSON.")
    names = {container["name"] for container in definition.containers}
    for override in overrides.get("containerOverrides", ()):
        if override.get("name") not in names:
            raise refuse(
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
            )


@cache
def _model() -> ServiceModel:
    return get_session().get_service_model("ecs")
