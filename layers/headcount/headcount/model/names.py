"""The names that Headcount gives: of services, of their tasks' groups, and of launches."""

import re

GROUP_PREFIX = "headcount:"
MAXIMUM_NAME = 255 - len(GROUP_PREFIX)  # the task group carries the name and has at most 255 characters
SERVICE_KEY = re.compile(rf"[A-Za-z0-9_-]{{1,255}}/[A-Za-z0-9_-]{{1,{MAXIMUM_NAME}}}")
"""``<cluster>/<serviceName>``: what a service is called everywhere."""

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
