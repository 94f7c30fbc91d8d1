"""What ECS refuses in how tasks are to be launched: placement, platform, network, volumes, execute command."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.ecs.expressions import ExpressionError, compile_expression
from headcount_sandbox.world.ecs.validation import refuse
from headcount_sandbox.world.moto_apis import TaskDefinition

MAX_CONSTRAINTS, MAX_STRATEGIES, MAX_EXPRESSION = 10, 5, 2000
_PLATFORM_VERSIONS = frozenset({"LATEST", "1.4.0", "1.3.0"})
_SPREAD_FIELD = re.compile(r"^(?:attribute:.+|instanceId|host)$")
_PROPAGATE_TAGS = ("TASK_DEFINITION", "SERVICE", "NONE")


def check_launch_rules(parameters: Mapping[str, Any], definition: TaskDefinition, *, fargate: bool) -> None:
    """Refuses what does not go together with Fargate, with EC2 or with the task definition."""
    constraints = parameters.get("placementConstraints") or ()
    strategies = parameters.get("placementStrategy") or ()
    if fargate:
        if constraints or definition.placement_constraints:
            raise refuse("Placement constraints are not supported with FARGATE launch type.")
        if strategies:
            raise refuse("Placement strategies are not supported with FARGATE launch type.")
        if parameters.get("platformVersion", "LATEST") not in _PLATFORM_VERSIONS:
            raise ApiError("PlatformUnknownException", "The specified platform does not exist.")
    else:
        _check_ec2(parameters)
    _check_constraints([*definition.placement_constraints, *constraints])
    _check_strategies(strategies)
    _check_rest(parameters, definition)


def _check_ec2(parameters: Mapping[str, Any]) -> None:
    if parameters.get("platformVersion"):
        raise refuse("The platform version must be null when specifying an EC2 launch type.")
    network = parameters.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    if network.get("assignPublicIp") == "ENABLED":
        raise refuse("Assign public IP is not supported for this launch type.")


def _check_constraints(constraints: Sequence[Mapping[str, Any]]) -> None:
    if len(constraints) > MAX_CONSTRAINTS:
        raise refuse(f"There can be at most {MAX_CONSTRAINTS} placement constraints, the task definition's included.")
    for constraint in constraints:
        kind, expression = constraint.get("type"), constraint.get("expression")
        if kind not in ("distinctInstance", "memberOf"):
            raise refuse(f"Unknown type of placement constraint: {kind}")
        if (kind == "memberOf") is not bool(expression):
            raise refuse("An expression is required for memberOf and not allowed for distinctInstance.")
        if expression:
            check_expression(expression)


def check_expression(expression: str) -> None:
    """Refuses what is no expression of the cluster query language."""
    if len(expression) > MAX_EXPRESSION:
        raise refuse(f"An expression can have up to {MAX_EXPRESSION} characters.")
    try:
        compile_expression(expression)
    except ExpressionError as error:
        raise refuse(f"Invalid expression '{expression}': {error}.") from error


def _check_strategies(strategies: Sequence[Mapping[str, Any]]) -> None:
    if len(strategies) > MAX_STRATEGIES:
        raise refuse(f"There can be at most {MAX_STRATEGIES} placement strategies.")
    for strategy in strategies:
        kind, field = strategy.get("type"), strategy.get("field") or ""
        valid = {
            "random": not field,
            "spread": bool(_SPREAD_FIELD.match(field)),
            "binpack": field.lower() in ("cpu", "memory"),
        }
        if kind not in valid:
            raise refuse(f"Unknown type of placement strategy: {kind}")
        if not valid[kind]:
            raise refuse(f"Invalid field for placement strategy {kind}: {field!r}")


def _check_rest(parameters: Mapping[str, Any], definition: TaskDefinition) -> None:
    role = parameters.get("overrides", {}).get("taskRoleArn") or definition.task_role_arn
    if parameters.get("enableExecuteCommand") and not role:
        raise refuse(
            "The task couldn't be run because a valid taskRoleArn is not being used. Specify a valid task role in your "
            "task definition and try again."
        )
    if parameters.get("propagateTags", "NONE") not in _PROPAGATE_TAGS:
        raise refuse(f"propagateTags must be one of {', '.join(_PROPAGATE_TAGS)}.")
    configurable = {volume["name"] for volume in definition.volumes if volume.get("configuredAtLaunch")}
    configured = [volume["name"] for volume in parameters.get("volumeConfigurations") or ()]
    if len(configured) > 1:
        raise refuse("volumeConfigurations can have at most 1 item.")
    if set(configured) != configurable:
        raise refuse(
            "volumeConfigurations must name the volumes that are configuredAtLaunch in the task definition: "
            f"{sorted(configurable)}, not {configured}."
        )
