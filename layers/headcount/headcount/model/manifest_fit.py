"""Whether a service and a task definition fit together: ECS would refuse every task otherwise.

The definition is an inline one, or what ECS describes of one that the manifest names.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headcount.model.manifest import Manifest, is_fargate
from headcount.model.manifest_bounds import MAXIMUM_CONSTRAINTS
from headcount.model.manifest_kinds import problem
from headcount.model.problem import Problem

DEFAULT_NETWORK_MODE = "bridge"
_TRANSPORTS = {"UDP": ("udp",), "TCP_UDP": ("tcp", "udp")}  # of target groups' protocols; the others are tcp


def network_mode(definition: Mapping[str, Any]) -> str:
    """ECS's network mode of a task definition."""
    return str(definition.get("networkMode") or DEFAULT_NETWORK_MODE)


def misfits(manifest: Manifest, definition: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Everything that keeps tasks of this definition from being started as the manifest says."""
    checks = (
        _check_fargate,
        _check_instances,
        _check_network,
        _check_zones,
        _check_constraints,
        _check_containers,
        _check_volumes,
        _check_load_balancers,
    )
    return tuple(found for check in checks for found in check(manifest, definition))


def _capacity(manifest: Manifest, *, fargate: bool) -> str | None:
    """The first capacity of the manifest that is (not) Fargate's."""
    names = (source.name for source in (*manifest.sources, *manifest.fallback))
    return next((name for name in names if is_fargate(name) == fargate), None)


def _compatible(definition: Mapping[str, Any], launch_type: str) -> bool:
    made_for = definition.get("compatibilities") or definition.get("requiresCompatibilities")
    return not made_for or launch_type in made_for


def _check_fargate(manifest: Manifest, definition: Mapping[str, Any]) -> Iterator[Problem]:
    name = _capacity(manifest, fargate=True)
    if name is None:
        return
    mode = network_mode(definition)
    if mode != "awsvpc":
        yield problem("taskDefinition", manifest.task_definition, f"its networkMode is {mode}: Fargate needs awsvpc")
    if not _compatible(definition, "FARGATE"):
        yield _not_made_for(manifest, definition, name, "FARGATE")
    if manifest.inline_task_definition is not None:
        for key in ("cpu", "memory"):
            if key not in definition:
                yield problem(f"taskDefinition.{key}", None, "is required: Fargate needs it for the task as a whole")


def _check_instances(manifest: Manifest, definition: Mapping[str, Any]) -> Iterator[Problem]:
    name = _capacity(manifest, fargate=False)
    if name is None:
        return
    if not _compatible(definition, "EC2"):
        yield _not_made_for(manifest, definition, name, "EC2")
    if manifest.inline_task_definition is not None and "memory" not in definition:
        for index, container in enumerate(definition["containerDefinitions"]):
            if "memory" not in container and "memoryReservation" not in container:
                path = f"taskDefinition.containerDefinitions[{index}].memory"
                yield problem(path, None, "is required: ECS has to know how much room to find (or memoryReservation)")


def _not_made_for(manifest: Manifest, definition: Mapping[str, Any], capacity: str, launch_type: str) -> Problem:
    made_for = definition.get("compatibilities") or definition.get("requiresCompatibilities") or []
    message = f"it is made for {', '.join(made_for)}: {capacity} needs {launch_type} in requiresCompatibilities"
    return problem("taskDefinition", manifest.task_definition, message)


def _check_network(manifest: Manifest, definition: Mapping[str, Any]) -> Iterator[Problem]:
    mode = network_mode(definition)
    if mode == "awsvpc" and not manifest.subnets:
        message = "is required: the task definition has network mode awsvpc, which needs subnets"
        yield problem("networkConfiguration", None, message)
    on_fargate = _capacity(manifest, fargate=True) is not None  # said already: Fargate needs awsvpc
    if mode != "awsvpc" and manifest.subnets and not on_fargate:
        message = f"must be left out: the task definition has network mode {mode}, and only awsvpc has subnets"
        yield problem("networkConfiguration", list(manifest.subnets), message)


def _check_zones(manifest: Manifest, definition: Mapping[str, Any]) -> Iterator[Problem]:
    """Without awsvpc there are no subnets to choose a zone by; ECS places by ``placementStrategy``."""
    mode = network_mode(definition)
    if mode == "awsvpc":
        return
    if manifest.strict_zone_spread:
        message = f"needs network mode awsvpc, where subnets decide the zone; the task definition's is {mode}"
        yield problem("availabilityZoneSpread", "STRICT", message)
    for index, source in enumerate(manifest.fallback):
        if source.zones:
            message = f"need network mode awsvpc, where subnets decide the zone; the task definition's is {mode}"
            yield problem(f"capacityFallback[{index}].availabilityZones", list(source.zones), message)


def _check_constraints(manifest: Manifest, definition: Mapping[str, Any]) -> Iterator[Problem]:
    own, its = manifest.run_task.get("placementConstraints", ()), definition.get("placementConstraints", ())
    for_cordons = 0 if network_mode(definition) == "awsvpc" else 1
    if len(own) + len(its) + for_cordons > MAXIMUM_CONSTRAINTS:
        others = f"{len(its)} of the task definition" + (" and one that a cordoned zone needs" if for_cordons else "")
        message = f"with the {others} there are more than {MAXIMUM_CONSTRAINTS} (AWS's limit)"
        yield problem("placementConstraints", own, message)


def _check_containers(manifest: Manifest, definition: Mapping[str, Any]) -> Iterator[Problem]:
    names = [container.get("name") for container in definition["containerDefinitions"]]
    if not any(container.get("essential", True) for container in definition["containerDefinitions"]):
        yield problem("taskDefinition", manifest.task_definition, "no container is essential: at least one has to be")
    for index, override in enumerate(manifest.run_task.get("overrides", {}).get("containerOverrides", ())):
        if override["name"] not in names:
            path = f"overrides.containerOverrides[{index}].name"
            message = f"is no container of the task definition; it has {', '.join(map(str, names))}"
            yield problem(path, override["name"], message)


def _check_load_balancers(manifest: Manifest, definition: Mapping[str, Any]) -> Iterator[Problem]:
    """Traffic goes to a port that the task definition maps, by the protocol of the target group."""
    containers = {container.get("name"): container for container in definition["containerDefinitions"]}
    for index, one in enumerate(manifest.load_balancers):
        path = f"loadBalancers[{index}]"
        container = containers.get(one.container_name)
        if container is None:
            message = f"is no container of the task definition; it has {', '.join(map(str, containers))}"
            yield problem(f"{path}.containerName", one.container_name, message)
            continue
        mapped = {
            (port.get("containerPort"), port.get("protocol", "tcp")) for port in container.get("portMappings", ())
        }
        transports = None if one.declared is None else _TRANSPORTS.get(one.declared["Protocol"], ("tcp",))
        by = {transport for port, transport in mapped if port == one.container_port}
        if not by or (transports and not by.issuperset(transports)):
            known = ", ".join(sorted(f"{port}/{transport}" for port, transport in mapped if port is not None)) or "none"
            wanted = "" if transports is None else f" {' and '.join(transports)}"
            message = f"is no{wanted} port in the portMappings of container {one.container_name}; it has {known}"
            yield problem(f"{path}.containerPort", one.container_port, message)
    if manifest.load_balancers and network_mode(definition) == "none":
        message = "must be left out: the task definition has network mode none, and nothing reaches its tasks"
        yield problem("loadBalancers", f"a list of {len(manifest.load_balancers)}", message)


def _check_volumes(manifest: Manifest, definition: Mapping[str, Any]) -> Iterator[Problem]:
    waiting = [volume.get("name") for volume in definition.get("volumes", ()) if volume.get("configuredAtLaunch")]
    configured = [one["name"] for one in manifest.run_task.get("volumeConfigurations", ())]
    for index, name in enumerate(configured):
        if name not in waiting:
            message = "is no volume of the task definition with configuredAtLaunch: true"
            yield problem(f"volumeConfigurations[{index}].name", name, message)
    for name in waiting:
        if name not in configured:
            message = f"must configure volume {name}, which the task definition leaves to the launch"
            yield problem("volumeConfigurations", configured, message)
