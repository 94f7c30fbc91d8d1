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
    return Workload(
        task_id=task.task_id,
        command=(*(definition.get("entryPoint") or ()), *command),
        environment={variable["name"]: variable.get("value", "") for variable in variables},
        address=task.address or "127.0.0.1",
        port=_port(task),
        image=definition.get("image", ""),
    )


def _port(task: Task) -> int:
    """Where it listens: on an instance without an interface of its own, the host port it was given; 0 is any."""
    definition = task.essential_definition
    bindings = task.bindings.get(definition["name"])
    if bindings:
        return int(bindings[0]["hostPort"])
    mappings = definition.get("portMappings") or ()
    return int(mappings[0].get("containerPort") or 0) if mappings else 0
