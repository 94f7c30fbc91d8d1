"""Turning "start n tasks" into launches: at most ten tasks a call, one zone's subnets a call, a token each."""

import hashlib
from collections.abc import Iterator
from typing import Any

from headcount.model.manifest import GROUP_PREFIX
from headcount.model.service import DeclaredService, Launch, ServiceState

TASKS_PER_CALL = 10  # RunTask's own limit
LAUNCH_ID_LENGTH = 20
STARTED_BY_PREFIX = "hc/"


def started_by(install: str, launch_id: str) -> str:
    """``hc/<install>/<launch>``: every event of a task names its launch, even before ``RunTask`` has answered."""
    return f"{STARTED_BY_PREFIX}{install}/{launch_id}"


def launch_of(task_started_by: str, install: str) -> str | None:
    """The launch that ``startedBy`` names; None for a task that is not this install's."""
    prefix = started_by(install, "")
    launch_id = task_started_by.removeprefix(prefix)
    return launch_id if task_started_by.startswith(prefix) and launch_id else None


def task_group(service_name: str) -> str:
    """The ECS task group of a service's tasks. ``service:`` belongs to ECS's own services."""
    return f"{GROUP_PREFIX}{service_name}"


def new_launches(
    state: ServiceState, declared: DeclaredService, zones: dict[str, int], reason: str, now: float
) -> Iterator[Launch]:
    """The launches that start ``zones`` (tasks a zone) of the declared deployment, each with its verbatim request."""
    index = 0
    for zone, tasks in sorted(zones.items()):
        for first in range(0, tasks, TASKS_PER_CALL):
            count = min(TASKS_PER_CALL, tasks - first)
            launch_id = _launch_id(declared.incarnation, state.pass_number, index)
            index += 1
            yield Launch(
                launch_id=launch_id,
                count=count,
                zone=zone,
                deployment=declared.deployment,
                at=now,
                reason=reason,
                request=_request(state, declared, launch_id, count, zone),
            )


def _launch_id(incarnation: str, pass_number: int, index: int) -> str:
    """Derived, not drawn: a pass number is taken once, so the id is unique, and the plan stays a pure function."""
    return hashlib.sha256(f"{incarnation}/{pass_number}/{index}".encode()).hexdigest()[:LAUNCH_ID_LENGTH]


def _request(state: ServiceState, declared: DeclaredService, launch_id: str, count: int, zone: str) -> dict[str, Any]:
    """The whole ``RunTask`` request. Whatever may differ between two tries must be decided here."""
    manifest = declared.manifest
    provider = (
        {"capacityProviderStrategy": [{"capacityProvider": manifest.capacity_provider, "weight": 1}]}
        if manifest.capacity_provider
        else {"launchType": manifest.launch_type}
    )
    own_tags = {
        "headcount:service": state.service[:256],
        "headcount:deployment": declared.deployment,
        "headcount:install": state.install,
    }
    return {
        **manifest.run_task,
        **provider,
        "cluster": manifest.cluster,
        "taskDefinition": declared.task_definition_arn,
        "count": count,
        "clientToken": launch_id,
        "startedBy": started_by(state.install, launch_id),
        "group": task_group(manifest.service_name),
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": list(dict(declared.zones)[zone]),
                "securityGroups": list(manifest.security_groups),
                "assignPublicIp": manifest.assign_public_ip,
            }
        },
        "tags": [{"key": key, "value": value} for key, value in (*manifest.tags, *own_tags.items())],
    }
