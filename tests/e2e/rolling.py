"""A deployment that waits for its new tasks to settle: 40 seconds, in which other tests run."""

from typing import Any, Self

from e2e.install import Install

SERVICE = "rolling"
TASKS = 3
SETTLING_SECONDS = 40.0  # without a health check a task counts as healthy this long after RUNNING, as with ECS


class Watch:
    """How many tasks of a service ran after each event that ECS sent, from now on."""

    def __init__(self, install: Install, service: str) -> None:
        self.running: list[int] = []
        self._group = f"headcount:{service}"
        self._ids = {task["taskArn"] for task in install.alive(service)}
        install.sandbox.world.on_event(self._see)

    def _see(self, event: dict[str, Any]) -> None:
        task = event["detail"]
        if task.get("group") != self._group:
            return
        runs = task["lastStatus"] == "RUNNING" and task["desiredStatus"] == "RUNNING"
        (self._ids.add if runs else self._ids.discard)(task["taskArn"])
        self.running.append(len(self._ids))


class RollingDeployment:
    """Three tasks of one revision, to be replaced by three of the next."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    @classmethod
    def begin(cls, install: Install) -> Self:
        """Declares the service, then its second revision."""
        two_zones = [install.sandbox.subnets[zone] for zone in ("eu-west-1a", "eu-west-1b")]  # stories cordon the third
        network = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": two_zones}}}
        install.run(SERVICE, TASKS, **network)
        install.steady(SERVICE, TASKS)
        watch = Watch(install, SERVICE)
        install.ask("apply", manifest=install.manifest(SERVICE, install.define(SERVICE), TASKS, **network))
        return cls(watch)
