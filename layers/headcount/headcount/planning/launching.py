"""Turning "start n tasks" into launches: at most ten tasks a call, one place a call, a token each."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headcount.model.manifest import CapacitySource
from headcount.model.names import started_by, task_group
from headcount.model.service import ANY_ZONE, DeclaredService, Launch, ServiceState
from headcount.model.task import ManagedTask
from headcount.planning.placement import Place

TASKS_PER_CALL = 10  # RunTask's own limit
LAUNCH_ID_LENGTH = 20

# RunTask spreads stand-alone tasks by no strategy of its own; this is what ECS does for a service without one.
_SPREAD = (
    {"type": "spread", "field": "attribute:ecs.availability-zone"},
    {"type": "spread", "field": "instanceId"},
)
_ONLY_INSTANCES = ("placementStrategy", "placementConstraints")
_ONLY_FARGATE = ("platformVersion",)


def managed_by(launch: Launch) -> ManagedTask:
    """What Headcount knows of the tasks of a launch."""
    zone = None if launch.zone == ANY_ZONE else launch.zone
    return ManagedTask(deployment=launch.deployment, launched_at=launch.at, zone=zone, capacity=launch.capacity)


def new_launches(
    state: ServiceState,
    declared: DeclaredService,
    tasks: Mapping[Place, int],
    reason: str,
    now: float,
    first_index: int = 0,
) -> Iterator[Launch]:
    """The launches that start ``tasks`` (so many a place) of a deployment, each with its verbatim request.

    ``first_index``: how many launches the same pass has named already.
    """
    index = first_index
    for place, wanted in sorted(tasks.items()):
        for first in range(0, wanted, TASKS_PER_CALL):
            count = min(TASKS_PER_CALL, wanted - first)
            launch_id = _launch_id(declared.incarnation, state.pass_number, index)
            index += 1
            yield Launch(
                launch_id=launch_id,
                count=count,
                zone=place.zone,
                capacity=place.capacity,
                deployment=declared.deployment,
                at=now,
                reason=reason,
                request=_request(state, declared, launch_id, count, place, now),
            )


def _launch_id(incarnation: str, pass_number: int, index: int) -> str:
    """Derived, not drawn: a pass number is taken once, so the id is unique, and the plan stays a pure function."""
    return hashlib.sha256(f"{incarnation}/{pass_number}/{index}".encode()).hexdigest()[:LAUNCH_ID_LENGTH]


def _request(
    state: ServiceState, declared: DeclaredService, launch_id: str, count: int, place: Place, now: float
) -> dict[str, Any]:
    """The whole ``RunTask`` request. Whatever may differ between two tries must be decided here."""
    manifest = declared.manifest
    own_tags = {
        "headcount:service": state.service[:256],
        "headcount:deployment": declared.deployment,
        "headcount:install": state.install,
    }
    source = next(
        (one for one in (*manifest.sources, *manifest.fallback) if one.name == place.capacity), manifest.sources[0]
    )
    return {
        **_machine_dependent(state, declared, source, place, now),
        **_provider(source),
        "cluster": manifest.cluster,
        "taskDefinition": declared.task_definition_arn,
        "count": count,
        "clientToken": launch_id,
        "startedBy": started_by(state.install, launch_id),
        "group": task_group(manifest.service_name),
        **_network(declared, place),
        "tags": [{"key": key, "value": value} for key, value in (*manifest.tags, *own_tags.items())],
    }


def _provider(source: CapacitySource) -> dict[str, Any]:
    if source.capacity_provider is not None:
        return {"capacityProviderStrategy": [{"capacityProvider": source.capacity_provider, "weight": 1}]}
    return {"launchType": source.launch_type}


def _network(declared: DeclaredService, place: Place) -> dict[str, Any]:
    """One zone's subnets; nothing for network modes that take the instance's own network."""
    if declared.network_mode != "awsvpc":
        return {}
    manifest = declared.manifest
    return {
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": list(dict(declared.zones)[place.zone]),
                "securityGroups": list(manifest.security_groups),
                "assignPublicIp": manifest.assign_public_ip,
            }
        }
    }


def _machine_dependent(
    state: ServiceState, declared: DeclaredService, source: CapacitySource, place: Place, now: float
) -> dict[str, Any]:
    """What goes to ``RunTask`` as it was declared, without what AWS refuses on this kind of capacity."""
    passed = declared.manifest.run_task
    if source.name.startswith("FARGATE"):
        return {name: value for name, value in passed.items() if name not in _ONLY_INSTANCES}
    kept = {name: value for name, value in passed.items() if name not in _ONLY_FARGATE}
    constraints: Sequence[Any] = kept.get("placementConstraints", ())
    cordoned = sorted(one.zone for one in state.cordons if one.until is None or one.until > now)
    if place.zone == ANY_ZONE and cordoned:
        away = f"attribute:ecs.availability-zone not_in [{', '.join(cordoned)}]"
        constraints = [*constraints, {"type": "memberOf", "expression": away}]
    return {
        **kept,
        "placementStrategy": kept.get("placementStrategy", list(_SPREAD)),
        **({"placementConstraints": list(constraints)} if constraints else {}),
    }
