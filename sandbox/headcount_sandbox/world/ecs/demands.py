"""What a task takes of a container instance, and the host ports that its containers get there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.ecs.instances import Demand
from headcount_sandbox.world.moto_apis import TaskDefinition

DYNAMIC_PORTS = range(32768, 61001)
_ARCHITECTURES = {"X86_64": "x86_64", "ARM64": "arm64"}
_UNITS = {"vcpu": 1024, "gb": 1024}
Binding = dict[str, Any]


def demand_of(definition: TaskDefinition, parameters: Mapping[str, Any]) -> Demand:
    """The needs of one task of a RunTask or StartTask request, after its overrides."""
    overrides = parameters.get("overrides", {})
    cpu = overrides.get("cpu") or definition.cpu
    memory = overrides.get("memory") or definition.memory
    containers = [*_overridden(definition.containers, overrides)]
    ports = [*_static_ports(definition)]
    return Demand(
        cpu=_units(cpu) if cpu else sum(int(item.get("cpu") or 0) for item in containers),
        memory=_units(memory) if memory else sum(_memory(item) for item in containers),
        tcp=frozenset(port for port, protocol in ports if protocol == "tcp"),
        udp=frozenset(port for port, protocol in ports if protocol == "udp"),
        interfaces=1 if definition.network_mode == "awsvpc" else 0,
        attributes=tuple(_required_attributes(definition, parameters)),
    )


def bind_ports(definition: TaskDefinition, taken: frozenset[int]) -> tuple[dict[str, list[Binding]], frozenset[int]]:
    """`networkBindings` by container name, and the dynamic ports among them; `taken` are the instance's ports."""
    free = (port for port in DYNAMIC_PORTS if port not in taken)
    bindings: dict[str, list[Binding]] = {}
    dynamic = set()
    for container, mapping in _mappings(definition):
        port = _static_port(definition, mapping)
        if port is None:
            port = next(free)
            dynamic.add(port)
        bindings.setdefault(container, []).extend(_bindings(definition, mapping, port))
    return bindings, frozenset(dynamic)


def _bindings(definition: TaskDefinition, mapping: Mapping[str, Any], port: int) -> Iterator[Binding]:
    addresses = ("0.0.0.0", "::") if definition.network_mode == "bridge" else ("0.0.0.0",)  # noqa: S104 - what ECS shows
    for address in addresses:
        yield {
            "bindIP": address,
            "containerPort": mapping["containerPort"],
            "hostPort": port,
            "protocol": mapping.get("protocol") or "tcp",
        }


def _static_ports(definition: TaskDefinition) -> Iterator[tuple[int, str]]:
    for _, mapping in _mappings(definition):
        port = _static_port(definition, mapping)
        if port is not None:
            yield port, mapping.get("protocol") or "tcp"


def _mappings(definition: TaskDefinition) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The port mappings that take ports of the host, each with the name of its container."""
    if definition.network_mode in ("bridge", "host"):
        for container in definition.containers:
            for mapping in container.get("portMappings") or ():
                if "containerPort" in mapping:
                    yield container["name"], mapping


def _static_port(definition: TaskDefinition, mapping: Mapping[str, Any]) -> int | None:
    """The host port that a mapping names; None where the host chooses."""
    if definition.network_mode == "host":
        return int(mapping["containerPort"])
    return int(mapping.get("hostPort") or 0) or None


def _overridden(containers: Sequence[Mapping[str, Any]], overrides: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    by_name = {item.get("name"): item for item in overrides.get("containerOverrides", ())}
    for container in containers:
        yield {**container, **by_name.get(container["name"], {})}


def _memory(container: Mapping[str, Any]) -> int:
    return int(container.get("memoryReservation") or container.get("memory") or 0)


def _units(text: str) -> int:
    """CPU units or MiB, also where they are written `1 vCPU` or `0.5 GB`."""
    number, _, unit = str(text).strip().partition(" ")
    try:
        return int(float(number) * _UNITS[unit.strip().lower()]) if unit else int(number)
    except (KeyError, ValueError) as error:
        raise ApiError("InvalidParameterException", f"Invalid setting for cpu or memory: {text}") from error


def _required_attributes(definition: TaskDefinition, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    if definition.network_mode == "awsvpc":
        yield "ecs.capability.task-eni", None
    if definition.task_role_arn:
        yield "com.amazonaws.ecs.capability.task-iam-role", None
    if parameters.get("enableExecuteCommand"):
        yield "ecs.capability.execute-command", None
    platform = definition.runtime_platform
    if "cpuArchitecture" in platform:
        yield "ecs.cpu-architecture", _ARCHITECTURES.get(platform["cpuArchitecture"], platform["cpuArchitecture"])
    if "operatingSystemFamily" in platform:
        family = platform["operatingSystemFamily"]
        yield "ecs.os-type", "windows" if family.startswith("WINDOWS") else "linux"
