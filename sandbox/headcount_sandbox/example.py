"""The example service of a sandbox: a task definition and a manifest that can be applied as they are."""

from pathlib import Path

from headcount_sandbox.sandbox import Sandbox

CONTAINER_PORT = 8080
_MANIFEST = """\
# Made by the sandbox for the subnets it has. Try: headcount apply -f {path}
kind: Service
cluster: {cluster}
serviceName: web
taskDefinition: web
desiredCount: {count}
launchType: FARGATE
networkConfiguration:
  awsvpcConfiguration:
    subnets: [{subnets}]
"""


def prepare_example(sandbox: Sandbox, folder: Path, *, count: int = 3) -> Path:
    """Register the task definition ``web`` and write ``web.yaml`` for it; the manifest's path."""
    command = ["python", "-m", "headcount_sandbox.example_web"]
    sandbox.register_task_definition("web", command, container_port=CONTAINER_PORT)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "web.yaml"
    subnets = ", ".join(sandbox.subnets.values())
    path.write_text(_MANIFEST.format(path=path, cluster=sandbox.clusters[0], count=count, subnets=subnets))
    return path
