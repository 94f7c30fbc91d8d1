"""Task definitions and subnets, as ``control`` looks them up."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

from headcount.errors import Refused
from headcount.model.manifest import Manifest
from headcount.model.service import ANY_ZONE
from headcount.ports.controlling import Resolved
from headcount_simulation.ecs import Ecs

ARN: Final = "arn:aws:ecs:eu-west-1:123456789012:task-definition"


class Described(Protocol):
    """What the task definition of a service is like."""

    @property
    def checks_health(self) -> bool:
        """Whether its containers have a health check."""
        ...

    @property
    def network(self) -> str:
        """Its network mode."""
        ...


class SimulatedRegistry:
    """``Registry``: every named task definition exists; subnets stand in the zones that the world says."""

    def __init__(self, ecs: Ecs, described: Callable[[str], Described]) -> None:
        self.ecs = ecs
        self.described = described
        self.registered: dict[str, str] = {}
        self.arns: set[str] = set()

    def resolve(self, manifest: Manifest, *, dry_run: bool = False, retiring: Collection[str] = ()) -> Resolved:
        zone_of_subnet = self.ecs.zone_of_subnet
        unknown = [subnet for subnet in manifest.subnets if subnet not in zone_of_subnet]
        if unknown:
            raise Refused("InvalidManifest", f"no such subnets: {', '.join(unknown)}")
        zones: dict[str, list[str]] = {}
        for subnet in manifest.subnets:
            zones.setdefault(zone_of_subnet[subnet], []).append(subnet)
        described = self.described(manifest.service)
        inline = manifest.inline_task_definition
        arn = f"{ARN}/{manifest.task_definition}"
        if inline is not None:
            arn = self._register(manifest, inline, retiring, dry_run=dry_run)
        return Resolved(
            task_definition_arn=arn,
            zones=tuple((zone, tuple(subnets)) for zone, subnets in sorted(zones.items())) or ((ANY_ZONE, ()),),
            container_health_check=described.checks_health,
            network_mode=described.network,
            registered=inline is not None,
        )

    def _register(
        self, manifest: Manifest, inline: Mapping[str, object], retiring: Collection[str], *, dry_run: bool
    ) -> str:
        """Once for each content, unless that was deregistered since, or will be."""
        content = json.dumps([manifest.service, inline], sort_keys=True)
        known = self.registered.get(content)
        if known is not None and known not in self.ecs.inactive and known not in retiring:
            return known
        if dry_run:
            return f"{manifest.task_definition}:new"
        arn = f"{ARN}/{manifest.task_definition}:{len(self.arns) + 1}"
        self.arns.add(arn)
        self.registered[content] = arn
        return arn
