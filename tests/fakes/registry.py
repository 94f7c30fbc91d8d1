"""Task definitions and subnets, in memory."""

from headcount.errors import Refused
from headcount.model.manifest import Manifest
from headcount.model.problem import Problem
from headcount.ports import Resolved


class InMemoryRegistry:
    """The ``Registry`` of an account with some task definitions (name to ARN) and subnets (id to zone)."""

    def __init__(self, definitions: dict[str, str], zone_of_subnet: dict[str, str]) -> None:
        self.definitions = definitions
        self.zone_of_subnet = zone_of_subnet

    def resolve(self, manifest: Manifest) -> Resolved:
        problems = []
        if manifest.task_definition not in self.definitions:
            problems.append(Problem(path="taskDefinition", value=manifest.task_definition, message="no such one"))
        problems += [
            Problem(path=f"subnets[{index}]", value=subnet, message="no such subnet")
            for index, subnet in enumerate(manifest.subnets)
            if subnet not in self.zone_of_subnet
        ]
        if problems:
            raise Refused("InvalidManifest", f"{len(problems)} problems", tuple(problems))
        zones: dict[str, tuple[str, ...]] = {}
        for subnet in manifest.subnets:
            zone = self.zone_of_subnet[subnet]
            zones[zone] = (*zones.get(zone, ()), subnet)
        return Resolved(
            task_definition_arn=self.definitions[manifest.task_definition],
            zones=tuple(sorted(zones.items())),
            container_health_check=False,
        )
