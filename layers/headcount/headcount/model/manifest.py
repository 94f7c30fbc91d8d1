"""What a user declares for one service, in ECS's words.

``headcount.model.manifest_parser`` makes these values from a document; everybody else may trust them.
Defaults are those of ECS's ``CreateService`` where ECS has one (ECS API: CreateService).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAXIMUM_TASKS = 5000  # ECS quota: tasks per service
GROUP_PREFIX = "headcount:"
MAXIMUM_NAME = 255 - len(GROUP_PREFIX)  # the task group carries the name and has at most 255 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """How failing tasks are slowed down (`+`). Seconds. ``initial_seconds`` 0 turns the backoff off."""

    initial_seconds: float = 5
    maximum_seconds: float = 300
    reset_after_seconds: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a task may stay in each transient state before it is stopped and counted as failed (`+`). Seconds."""

    provisioning_seconds: float = 300
    pending_seconds: float = 900
    activating_seconds: float = 600
    stopping_seconds: float = 600


DEFAULT_SCALE_IN_ORDER = ("notRunning", "unhealthy", "oldRevision", "crowdedZone", "newest")
SCALE_IN_RULES = (*DEFAULT_SCALE_IN_ORDER, "oldest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One service as declared: ``kind: Service``.

    ``run_task`` holds what goes to every ``RunTask`` unchanged, in AWS's own spelling (``platformVersion``,
    ``overrides``, ``enableExecuteCommand``, ``enableECSManagedTags``, ``propagateTags``); ``tags`` are the user's own.
    """

    cluster: str
    service_name: str
    task_definition: str
    desired_count: int
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    assign_public_ip: str = "DISABLED"
    launch_type: str | None = "FARGATE"
    capacity_provider: str | None = None
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    restarts: Restarts = Restarts()
    deadlines: Deadlines = Deadlines()
    scale_in_prefer: tuple[str, ...] = DEFAULT_SCALE_IN_ORDER
    run_task: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def service(self) -> str:
        """The service key, ``<cluster>/<serviceName>``."""
        return f"{self.cluster}/{self.service_name}"
