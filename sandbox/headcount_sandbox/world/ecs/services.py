"""Services that ECS itself keeps: as many tasks as are desired, of the newest deployment's revision.

A simple scheduler: what is missing is started (a second later, where a task stopped or had no place), what is too much
is stopped, a new deployment starts its tasks first and then stops those of the old one. Load balancers, daemons and
circuit breakers are left out.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs.launcher import Launched, Launcher
from headcount_sandbox.world.ecs.launching import Order
from headcount_sandbox.world.ecs.life_cycle import TaskLives
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.task import Task
from headcount_sandbox.world.moto_apis import Cluster, Subnet, TaskDefinition
from headcount_sandbox.world.timers import Timer, Timers

AGAIN_SECONDS = 1.0
_KEPT_EVENTS = 100
_MOST_AT_ONCE = 10


@dataclass(slots=True, kw_only=True)
class ServiceDeployment:
    """A revision on its way to being all there is. `number`: the last digits of `ecs-svc/...`."""

    number: str
    definition: TaskDefinition
    created_at: float
    is_primary: bool = True
    is_completed: bool = False
    failed_tasks: int = 0

    @property
    def id(self) -> str:
        return f"ecs-svc/{self.number}"


@dataclass(slots=True, kw_only=True)
class NativeService:
    """A service; changed only under the lock of the task store. `asked`: CreateService with its later updates."""

    name: str
    arn: str
    number: int
    cluster: Cluster
    asked: dict[str, Any]
    subnets: Sequence[Subnet]
    desired: int
    created_at: float
    status: str = "ACTIVE"
    deployments: list[ServiceDeployment] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    is_steady: bool = False
    timer: Timer | None = field(default=None, repr=False)

    @property
    def primary(self) -> ServiceDeployment:
        return self.deployments[0]

    @property
    def is_kept(self) -> bool:
        """Whether this scheduler starts and stops its tasks."""
        controller = self.asked.get("deploymentController", {}).get("type", "ECS")
        return (controller, self.asked.get("schedulingStrategy", "REPLICA")) == ("ECS", "REPLICA")


def new_deployment(definition: TaskDefinition) -> ServiceDeployment:
    """A deployment that begins now."""
    number = f"{uuid.uuid4().int % 10**19:019d}"
    return ServiceDeployment(number=number, definition=definition, created_at=world_time())


class ServiceScheduler:
    """Keeps services at their counts."""

    def __init__(self, *, store: TaskStore, launcher: Launcher, lives: TaskLives, timers: Timers) -> None:
        self._store = store
        self._launcher = launcher
        self._lives = lives
        self._timers = timers
        self.services: dict[str, NativeService] = {}  # by ARN

    def tasks_of(self, service: NativeService) -> list[Task]:
        """Its tasks that have not stopped, oldest first."""
        group = f"service:{service.name}"
        return [
            task
            for task in self._store.all(service.cluster.name)
            if task.group == group and task.last_status != "STOPPED"
        ]

    def follow(self, task: Task) -> None:
        """A task changed; one of a service may have to be replaced. Under the lock of the task store."""
        if not task.group.startswith("service:"):
            return
        for service in self.services.values():
            if service.name == task.group.removeprefix("service:") and service.cluster.name == task.cluster:
                if task.last_status == "STOPPED":
                    for deployment in service.deployments:
                        has_failed = task.stop_code in ("EssentialContainerExited", "TaskFailedToStart")
                        deployment.failed_tasks += int(deployment.id == task.started_by and has_failed)
                    self.look_later(service, AGAIN_SECONDS)
                else:
                    self.look_later(service, 0.0)

    def look_later(self, service: NativeService, seconds: float) -> None:
        """Looks at it then, unless it does so sooner anyway."""
        if service.timer is None:
            service.timer = self._timers.after(seconds, lambda: self._look(service))

    def _look(self, service: NativeService) -> None:
        with self._store.lock:
            service.timer = None
            if service.status != "INACTIVE" and service.is_kept:
                self._keep(service)

    def _keep(self, service: NativeService) -> None:
        """One step towards what is desired."""
        alive = [task for task in self.tasks_of(service) if task.desired_status == "RUNNING"]
        new = [task for task in alive if task.started_by == service.primary.id]
        old = [task for task in alive if task.started_by != service.primary.id]
        missing = service.desired - len(new)
        if missing > 0:
            self._start(service, missing)
        running = sum(task.last_status == "RUNNING" for task in new)
        surplus = [*old[: max(0, len(old) + running - service.desired)], *reversed(new[service.desired :])]
        for task in surplus:
            deployment = service.primary.id
            self._lives.end(
                task, "ServiceSchedulerInitiated", f"Scaling activity initiated by (deployment {deployment})"
            )
        is_steady = running == service.desired == len(new) and not old
        if is_steady:
            del service.deployments[1:]
            service.primary.is_completed = True
            if not service.is_steady:
                _tell(service, "has reached a steady state.")
        service.is_steady = is_steady
        if service.status == "DRAINING" and not self.tasks_of(service):
            service.status = "INACTIVE"

    def _start(self, service: NativeService, count: int) -> None:
        deployment = service.primary
        parameters = {
            **{name: service.asked[name] for name in _PASSED_ON if name in service.asked},
            "group": f"service:{service.name}",
            "startedBy": deployment.id,
        }
        while count > 0:
            some = min(count, _MOST_AT_ONCE)
            order = Order(
                parameters={**parameters, "count": some},
                cluster=service.cluster,
                definition=deployment.definition,
                subnets=service.subnets,
            )
            launched = self._launched(order)
            count -= some
            if launched.failures:
                reason = launched.failures[0]["reason"]
                _tell(service, f"was unable to place a task. Reason: {reason}.")
                self.look_later(service, AGAIN_SECONDS)
                return

    def _launched(self, order: Order) -> Launched:
        try:
            return self._launcher.run(order)
        except ApiError as error:  # there is no instance at all
            return Launched(tasks=(), failures=[{"reason": error.message}])


_PASSED_ON = (
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
    "placementConstraints",
    "placementStrategy",
    "enableExecuteCommand",
    "enableECSManagedTags",
)


def _tell(service: NativeService, what: str) -> None:
    event = {"id": str(uuid.uuid4()), "createdAt": world_time(), "message": f"(service {service.name}) {what}"}
    service.events.insert(0, event)
    del service.events[_KEPT_EVENTS:]


def counts(tasks: Sequence[Task]) -> Mapping[str, int]:
    """How ECS counts the tasks of a service or a deployment."""
    running = sum(task.last_status == "RUNNING" for task in tasks)
    pending = sum(task.last_status in ("PROVISIONING", "PENDING", "ACTIVATING") for task in tasks)
    return {"runningCount": running, "pendingCount": pending}
