"""What a manifest names must exist in AWS and fit together before anything is recorded."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.capacity_providers import check_providers
from headcount.aws.failures import error_code, error_message, translated
from headcount.aws.named_groups import check_groups, check_may_manage
from headcount.aws.task_definitions import FoundDefinition, TaskDefinitions
from headcount.errors import Refused
from headcount.model.manifest import Manifest
from headcount.model.manifest_fit import misfits, network_mode
from headcount.model.problem import Problem
from headcount.model.service import ANY_ZONE
from headcount.ports.controlling import Resolved

SUBNETS = "networkConfiguration.awsvpcConfiguration.subnets"

DEFAULT_INTERVAL = 30.0  # ECS API: HealthCheck

Zones = tuple[tuple[str, tuple[str, ...]], ...]


class AwsRegistry:
    """The ``Registry`` on ECS, EC2 and ELB, by boto3's clients. ``may_manage``: load balancers may be declared."""

    def __init__(self, ecs: Any, ec2: Any, elb: Any, *, may_manage: bool = False) -> None:
        self.ecs = ecs
        self.ec2 = ec2
        self.elb = elb
        self.may_manage = may_manage
        self.definitions = TaskDefinitions(ecs)

    def resolve(self, manifest: Manifest, *, dry_run: bool = False, retiring: Collection[str] = ()) -> Resolved:
        """Look everything up, and refuse with every problem at once. An inline task definition is registered last."""
        problems: list[Problem] = []
        definition = self.definitions.find(manifest, problems, retiring)
        if definition is not None and manifest.inline_task_definition is None:
            problems += misfits(manifest, definition.document)  # the parser did it for an inline one
        zones, vpc = self._zones(manifest, problems) if manifest.subnets else (((ANY_ZONE, ()),), None)
        problems += _foreign_zones(manifest, zones)
        problems += check_providers(self.ecs, manifest)
        problems += check_may_manage(manifest, may_manage=self.may_manage)
        problems += check_groups(self.elb, manifest, network_mode(definition.document) if definition else None, vpc)
        arn = None
        if definition is not None and not problems:
            arn = definition.arn or self._registered(manifest, problems, dry_run=dry_run)
        if definition is None or arn is None:
            raise Refused("InvalidManifest", _headline(manifest, problems), tuple(problems))
        return Resolved(
            task_definition_arn=arn,
            zones=zones,
            container_health_check=_is_checked(definition),
            network_mode=network_mode(definition.document),
            registered=definition.registered,
            container_health_interval=_checked_every(definition),
        )

    def _registered(self, manifest: Manifest, problems: list[Problem], *, dry_run: bool) -> str | None:
        return f"{manifest.task_definition}:new" if dry_run else self.definitions.register(manifest, problems)

    def _zones(self, manifest: Manifest, problems: list[Problem]) -> tuple[Zones, str | None]:
        """The subnets by zone, and their VPC; in one call where all exist and one call each where some do not."""
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
        by_zone = tuple((zone, tuple(subnets)) for zone, subnets in sorted(zones.items()))
        return by_zone, networks.pop() if len(networks) == 1 else None

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


def _foreign_zones(manifest: Manifest, zones: Zones) -> list[Problem]:
    """Zones of fallbacks in which the service has no subnet. Without subnets they are refused for that."""
    names = [zone for zone, _ in zones if zone != ANY_ZONE]
    return [
        Problem(
            path=f"capacityFallback[{index}].availabilityZones[{place}]",
            value=zone,
            message=f"no subnet of the service is in this zone; they are in {', '.join(names)}",
        )
        for index, source in enumerate(manifest.fallback)
        for place, zone in enumerate(source.zones)
        if names and zone not in names
    ]


def _is_checked(definition: FoundDefinition) -> bool:
    containers = definition.document["containerDefinitions"]
    return any(one.get("essential", True) and "healthCheck" in one for one in containers)


def _checked_every(definition: FoundDefinition) -> float:
    """Seconds between the health checks of the container that is checked most often."""
    checks = (
        one.get("healthCheck") for one in definition.document["containerDefinitions"] if one.get("essential", True)
    )
    intervals = [float(check.get("interval") or DEFAULT_INTERVAL) for check in checks if check]
    return min(intervals, default=DEFAULT_INTERVAL)


def _headline(manifest: Manifest, problems: list[Problem]) -> str:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return f"{manifest.service}: {count}"
