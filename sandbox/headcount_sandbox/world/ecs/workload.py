"""What the first essential container of a task is to run, after the overrides."""

from collections.abc import Mapping
from typing import Any

from headcount_sandbox.world.ecs.task import Task
from headcount_sandbox.world.runtimes.runtime import Workload


def workload(task: Task) -> Workload:
    """Entry point and command, environment, address and port of a task."""
    definition = task.essential_definition
    override: Mapping[str, Any] = next(
        (item for item in task.overrides.get("containerOverrides", ()) if item["name"] == definition["name"]), {}
    )
    command = override.get("command") or definition.get("command") or ()
    variables = [*(definition.get("environment") or ()), *override.get("environment", ())]
    ports = [mapping.get("containerPort") for mapping in definition.get("portMappings") or ()]
    return Workload(
        task_id=task.task_id,
        command=(*(definition.get("entryPoint") or ()), *command),
        environment={variable["name"]: variable.get("value", "") for variable in variables},
        address=task.address or "127.0.0.1",
        port=int(ports[0] or 0) if ports else 0,
        image=definition.get("image", ""),
    )
