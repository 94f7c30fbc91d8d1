"""Task definitions, capacity providers and subnets, in memory."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from headcount.errors import Refused
from headcount.model.manifest import Manifest
from headcount.model.manifest_fit import misfits, network_mode
from headcount.model.problem import Problem
from headcount.model.service import ANY_ZONE
from headcount.ports.controlling import Resolved

DOCUMENT: Mapping[str, Any] = {
    "networkMode": "awsvpc",
    "compatibilities": ["EC2", "FARGATE"],
    "containerDefinitions": [{"name": "app", "image": "app:1"}],
}
ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition"


class InMemoryRegistry:
    """The ``Registry`` of an account with some task definitions (name to ARN) and subnets (id to zone).

    ``documents`` are by ARN; a definition without one fits everything. Every cluster has all ``providers``.
    ``groups``: target type and VPC of each target group (ARN); None: every group exists and fits.
    """

    def __init__(self, definitions: dict[str, str], zone_of_subnet: dict[str, str]) -> None:
        self.definitions = definitions
        self.zone_of_subnet = zone_of_subnet
        self.documents: dict[str, Mapping[str, Any]] = {}
        self.providers = ["FARGATE", "FARGATE_SPOT"]
        self.registered: dict[str, str] = {}
        self.groups: dict[str, tuple[str, str]] | None = None
        self.may_manage = True

    def resolve(self, manifest: Manifest, *, dry_run: bool = False, retiring: Collection[str] = ()) -> Resolved:
        problems: list[Problem] = []
        inline = manifest.inline_task_definition
        arn = self._known(manifest, retiring)
        document = self.documents.get(arn, DOCUMENT) if inline is None else inline
        if not arn and inline is None:
            problems.append(Problem(path="taskDefinition", value=manifest.task_definition, message="no such one"))
        elif document.get("status", "ACTIVE") != "ACTIVE":
            problems.append(Problem(path="taskDefinition", value=arn, message=f"it is {document['status']}"))
        elif inline is None:
            problems += misfits(manifest, document)
        zones = self._zones(manifest, problems)
        problems += self._foreign(manifest, zones)
        problems += self._balancing(manifest, network_mode(document))
        if problems:
            raise Refused("InvalidManifest", f"{len(problems)} problems", tuple(problems))
        return Resolved(
            task_definition_arn=arn or self._register(manifest, dry_run=dry_run),
            zones=zones,
            container_health_check=any("healthCheck" in one for one in document["containerDefinitions"]),
            network_mode=network_mode(document),
            registered=inline is not None,
            container_health_interval=min(
                (
                    float(one["healthCheck"].get("interval", 30))
                    for one in document["containerDefinitions"]
                    if "healthCheck" in one and one.get("essential", True)
                ),
                default=30.0,
            ),
        )

    def add(self, family: str, document: Mapping[str, Any]) -> str:
        """A revision that somebody registered."""
        count = sum(1 for arn in self.documents if arn.startswith(f"{ARN}/{family}:"))
        arn = f"{ARN}/{family}:{count + 1}"
        self.documents[arn] = document
        self.definitions[family] = self.definitions[arn] = arn
        return arn

    def _known(self, manifest: Manifest, retiring: Collection[str]) -> str:
        if manifest.inline_task_definition is None:
            return self.definitions.get(manifest.task_definition, "")
        arn = self.registered.get(_content(manifest), "")
        usable = self.documents.get(arn, {}).get("status", "ACTIVE") == "ACTIVE" and arn not in retiring
        return arn if usable else ""

    def _register(self, manifest: Manifest, *, dry_run: bool) -> str:
        if dry_run:
            return f"{manifest.task_definition}:new"
        arn = self.add(manifest.task_definition, dict(manifest.inline_task_definition or {}))
        self.registered[_content(manifest)] = arn
        return arn

    def _zones(self, manifest: Manifest, problems: list[Problem]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        if not manifest.subnets:
            return ((ANY_ZONE, ()),)
        zones: dict[str, tuple[str, ...]] = {}
        for index, subnet in enumerate(manifest.subnets):
            zone = self.zone_of_subnet.get(subnet)
            if zone is None:
                path = f"networkConfiguration.awsvpcConfiguration.subnets[{index}]"
                problems.append(Problem(path=path, value=subnet, message="no such subnet"))
            else:
                zones[zone] = (*zones.get(zone, ()), subnet)
        return tuple(sorted(zones.items()))

    def _foreign(self, manifest: Manifest, zones: tuple[tuple[str, tuple[str, ...]], ...]) -> list[Problem]:
        own = [("capacityProviderStrategy", index, one) for index, one in enumerate(manifest.sources)]
        fallback = [("capacityFallback", index, one) for index, one in enumerate(manifest.fallback)]
        problems = [
            Problem(path=f"{key}[{index}].availabilityZones[{place}]", value=zone, message="no subnet is there")
            for key, index, one in fallback
            for place, zone in enumerate(one.zones)
            if zone not in dict(zones) and ANY_ZONE not in dict(zones)
        ]
        return problems + [
            Problem(path=f"{key}[{index}].capacityProvider", value=one.name, message="the cluster has no such one")
            for key, index, one in own + fallback
            if one.capacity_provider and one.capacity_provider not in self.providers
        ]

    def _balancing(self, manifest: Manifest, mode: str) -> list[Problem]:
        problems = []
        if manifest.elastic_load_balancers and not self.may_manage:
            names = [one.name for one in manifest.elastic_load_balancers]
            message = "must be left out: this stack may not manage load balancers"
            problems.append(Problem(path="elasticLoadBalancers", value=names, message=message))
        fitting = ("ip" if mode == "awsvpc" else "instance", "vpc-1")
        for number, one in enumerate(manifest.load_balancers):
            if one.declared is None and self.groups is not None and self.groups.get(one.target_group) != fitting:
                path = f"loadBalancers[{number}].targetGroupArn"
                problems.append(Problem(path=path, value=one.target_group, message="no such fitting group"))
        return problems


def _content(manifest: Manifest) -> str:
    return json.dumps([manifest.service, manifest.inline_task_definition], sort_keys=True)
