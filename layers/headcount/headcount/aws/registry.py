"""Task definitions and subnets: what a manifest names must exist and fit together before anything is recorded."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.failures import error_code, error_message, translated
from headcount.errors import Refused
from headcount.model.manifest import Manifest
from headcount.model.problem import Problem
from headcount.ports import Resolved

SUBNETS = "networkConfiguration.awsvpcConfiguration.subnets"


class AwsRegistry:
    """The ``Registry`` on ECS and EC2. ``ecs`` and ``ec2`` are boto3's clients."""

    def __init__(self, ecs: Any, ec2: Any) -> None:
        self.ecs = ecs
        self.ec2 = ec2

    def resolve(self, manifest: Manifest) -> Resolved:
        """Look everything up, and refuse with every problem at once."""
        problems: list[Problem] = []
        definition = self._task_definition(manifest, problems)
        zones = self._zones(manifest, problems)
        if definition is None or zones is None or problems:
            raise Refused("InvalidManifest", f"{manifest.service}: {len(problems)} problems", tuple(problems))
        return Resolved(
            task_definition_arn=definition["taskDefinitionArn"],
            zones=zones,
            container_health_check=any(
                one.get("essential", True) and "healthCheck" in one for one in definition["containerDefinitions"]
            ),
        )

    def _task_definition(self, manifest: Manifest, problems: list[Problem]) -> Mapping[str, Any] | None:
        name = manifest.task_definition
        try:
            with translated():
                definition: Mapping[str, Any] = self.ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
        except ClientError as error:
            said = f"ECS cannot describe it: {error_code(error)}: {error_message(error)}"
            problems.append(Problem(path="taskDefinition", value=name, message=said))
            return None
        problems.extend(_misfits(name, definition))
        return definition

    def _zones(self, manifest: Manifest, problems: list[Problem]) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
        """The subnets by zone, in one call where all exist and one call each where some do not."""
        found = self._subnets(list(manifest.subnets))
        if found is None:
            found = {}
            for subnet in manifest.subnets:
                found.update(self._subnets([subnet]) or {})
        zones: dict[str, list[str]] = defaultdict(list)
        networks = {vpc for _, vpc in found.values()}
        for index, subnet in enumerate(manifest.subnets):
            if subnet not in found:
                message = "there is no such subnet in this account and Region"
                problems.append(Problem(path=f"{SUBNETS}[{index}]", value=subnet, message=message))
            else:
                zones[found[subnet][0]].append(subnet)
        if len(networks) > 1:
            message = f"the subnets of a service must be in one VPC; these are in {', '.join(sorted(networks))}"
            problems.append(Problem(path=SUBNETS, value=list(manifest.subnets), message=message))
        return tuple((zone, tuple(subnets)) for zone, subnets in sorted(zones.items())) or None

    def _subnets(self, subnets: list[str]) -> dict[str, tuple[str, str]] | None:
        """Zone and VPC of each subnet; None if EC2 does not know them all."""
        try:
            with translated():
                answer = self.ec2.describe_subnets(SubnetIds=subnets)
        except ClientError as error:
            if error_code(error).startswith("InvalidSubnetID") or error_code(error) == "InvalidParameterValue":
                return None
            said = f"EC2 cannot describe the subnets: {error_code(error)}: {error_message(error)}"
            problem = Problem(path=SUBNETS, value=subnets, message=said)
            raise Refused("InvalidManifest", str(problem), (problem,)) from error
        return {one["SubnetId"]: (one["AvailabilityZone"], one["VpcId"]) for one in answer["Subnets"]}


def _misfits(name: str, definition: Mapping[str, Any]) -> list[Problem]:
    """What keeps a task definition from running on Fargate."""
    problems: list[Problem] = []

    def problem(message: str) -> None:
        problems.append(Problem(path="taskDefinition", value=name, message=message))

    if definition.get("status") not in (None, "ACTIVE"):
        problem(f"it is {definition['status']}: only ACTIVE task definitions can be started")
    mode = definition.get("networkMode")
    if mode != "awsvpc":
        problem(f"its networkMode is {mode or 'not set'}: Fargate needs awsvpc")
    compatible = definition.get("compatibilities") or definition.get("requiresCompatibilities") or ["FARGATE"]
    if "FARGATE" not in compatible:
        problem(f"it is made for {', '.join(compatible)}: launchType FARGATE needs FARGATE in requiresCompatibilities")
    return problems
