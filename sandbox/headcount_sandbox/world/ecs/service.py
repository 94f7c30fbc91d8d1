"""The task APIs of ECS: RunTask, StartTask, StopTask, DescribeTasks, ListTasks."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headcount_sandbox.world.api import Answer
from headcount_sandbox.world.ecs import validation
from headcount_sandbox.world.ecs.addresses import Addresses
from headcount_sandbox.world.ecs.announcing import Announcer
from headcount_sandbox.world.ecs.capacity import check_launch, is_fargate
from headcount_sandbox.world.ecs.checked import checked
from headcount_sandbox.world.ecs.fleet import Fleet
from headcount_sandbox.world.ecs.launch_rules import check_launch_rules
from headcount_sandbox.world.ecs.launcher import Launched, Launcher, Means
from headcount_sandbox.world.ecs.launching import Order, TaskBuilder
from headcount_sandbox.world.ecs.life_cycle import LifeCycle, Surroundings, TaskLives
from headcount_sandbox.world.ecs.pages import page_of
from headcount_sandbox.world.ecs.services import ServiceScheduler
from headcount_sandbox.world.ecs.services_api import ServicesApi
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.task import Task, api_shape, event_detail
from headcount_sandbox.world.ecs.tokens import ClientTokens
from headcount_sandbox.world.ecs.workload import workload
from headcount_sandbox.world.faults import Faults
from headcount_sandbox.world.moto_apis import Cluster, MotoApis
from headcount_sandbox.world.runtimes.runtime import Runtime
from headcount_sandbox.world.timers import Timers

_STATUSES = ("RUNNING", "PENDING", "STOPPED")


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsSettings:
    """Where this ECS stands, how fast its tasks move, how long it remembers the stopped ones (seconds)."""

    region: str
    account: str
    life_cycle: LifeCycle
    stopped_task_retention: float
    seed: int | None


class EcsTasks:
    """ECS's tasks behind its API; every change is told to the announcer, in order."""

    def __init__(
        self,
        settings: EcsSettings,
        *,
        moto: MotoApis,
        runtime: Runtime,
        timers: Timers,
        faults: Faults,
        announcer: Announcer,
    ) -> None:
        rng = random.Random(settings.seed)
        self._moto = moto
        self._announcer = announcer
        self._tokens = ClientTokens()
        self.store = TaskStore(settings.stopped_task_retention)
        self.addresses = Addresses()
        self.fleet = Fleet(
            region=settings.region, account=settings.account, runtime=runtime, announcer=announcer, rng=rng
        )
        self._builder = TaskBuilder(region=settings.region, account=settings.account, runtime=runtime, rng=rng)
        surroundings = Surroundings(
            store=self.store,
            timers=timers,
            runtime=runtime,
            faults=faults,
            workload=workload,
            announce=self._announce,
        )
        self.lives = TaskLives(settings.life_cycle, surroundings)
        means = Means(
            store=self.store,
            builder=self._builder,
            lives=self.lives,
            fleet=self.fleet,
            faults=faults,
            moto=moto,
            timers=timers,
            rng=rng,
        )
        self._launcher = Launcher(means)
        self.services = ServiceScheduler(store=self.store, launcher=self._launcher, lives=self.lives, timers=timers)
        prefix = f"arn:aws:ecs:{settings.region}:{settings.account}"
        self._services_api = ServicesApi(self.services, store=self.store, moto=moto, prefix=prefix)

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "RunTask": checked(self.run_task),
            "StartTask": checked(self.start_task),
            "StopTask": checked(self.stop_task),
            "DescribeTasks": checked(self.describe_tasks),
            "ListTasks": checked(self.list_tasks),
            **self._services_api.operations(),
        }

    def run_task(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Starts up to 10 tasks; partial success is `tasks` and `failures` in one answer."""
        cluster = validation.check_cluster(self._moto, parameters.get("cluster"))
        with self.store.lock:
            earlier = self._tokens.earlier(cluster.name, parameters)
            if earlier is not None:
                return _launch_answer(earlier.tasks, earlier.failures)
            launched = self._run(cluster, parameters)
            self._tokens.remember(cluster.name, parameters, launched.tasks, launched.failures)
            return _launch_answer(launched.tasks, launched.failures)

    def start_task(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Starts a task on each instance that is named; AWS gives this call no token."""
        cluster = validation.check_cluster(self._moto, parameters.get("cluster"))
        definition = validation.check_task_definition(self._moto, parameters["taskDefinition"])
        validation.check_start_task(parameters, definition)
        check_launch_rules(parameters, definition, fargate=False)
        subnets = validation.check_network(self._moto, parameters, definition)
        order = Order(parameters=parameters, cluster=cluster, definition=definition, subnets=subnets)
        with self.store.lock:
            launched = self._launcher.start(order)
            return _launch_answer(launched.tasks, launched.failures)

    def stop_task(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Asks a task to stop; a task that is stopping or stopped is answered as it is."""
        cluster = validation.check_cluster(self._moto, parameters.get("cluster"))
        with self.store.lock:
            task = self.store.get(cluster.name, parameters["task"])
            if task is None:
                raise validation.refuse("The referenced task was not found.")
            self.lives.stop(task, parameters.get("reason"))
            return {"task": api_shape(task)}

    def describe_tasks(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Up to 100 tasks; those that ECS no longer knows are `failures` with reason MISSING."""
        cluster = validation.check_cluster(self._moto, parameters.get("cluster"))
        names: list[str] = parameters["tasks"]
        if not 1 <= len(names) <= validation.MAX_DESCRIBED:
            raise validation.refuse(f"tasks should have between 1 and {validation.MAX_DESCRIBED} items.")
        with_tags = "TAGS" in parameters.get("include", ())
        with self.store.lock:
            found = {name: self.store.get(cluster.name, name) for name in dict.fromkeys(names)}
            tasks = [api_shape(task, with_tags=with_tags) for task in found.values() if task is not None]
        arns = [self._builder.arn_of(cluster.name, name.rpartition("/")[2]) for name in found if found[name] is None]
        return {"tasks": tasks, "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns]}

    def list_tasks(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """ARNs by one filter set, in pages; only tasks that are meant to run unless `desiredStatus` says otherwise."""
        cluster = validation.check_cluster(self._moto, parameters.get("cluster"))
        _check_filters(parameters)
        with self.store.lock:
            chosen = [task for task in self.store.all(cluster.name) if self._fits(task, parameters)]
        return page_of("task", chosen, parameters, member="taskArns")

    def _run(self, cluster: Cluster, parameters: Mapping[str, Any]) -> Launched:
        definition = validation.check_task_definition(self._moto, parameters["taskDefinition"])
        validation.check_run_task(parameters, definition)
        check_launch(parameters, cluster, definition, self._moto)
        check_launch_rules(parameters, definition, fargate=is_fargate(parameters, cluster))
        subnets = validation.check_network(self._moto, parameters, definition)
        return self._launcher.run(Order(parameters=parameters, cluster=cluster, definition=definition, subnets=subnets))

    def _announce(self, task: Task) -> None:
        if not task.is_silenced:
            self._announcer.tell(
                "aws.ecs",
                "ECS Task State Change",
                resources=[task.arn],
                detail=event_detail(task),
                at=task.times["updatedAt"],
            )
        self.fleet.follow(task)
        self.addresses.follow(task)
        self.services.follow(task)

    def _fits(self, task: Task, parameters: Mapping[str, Any]) -> bool:
        service = parameters.get("serviceName")
        if service is not None and task.group != f"service:{service.rpartition('/')[2]}":
            return False
        if "containerInstance" in parameters:
            instance = self.fleet.get(task.cluster, parameters["containerInstance"])
            if instance is None or task.instance is not instance:
                return False
        return (
            task.desired_status == parameters.get("desiredStatus", "RUNNING")
            and parameters.get("startedBy") in (None, task.started_by)
            and parameters.get("family") in (None, task.definition.family)
            and parameters.get("launchType") in (None, task.launch_type)
        )


def _launch_answer(tasks: Sequence[Task], failures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"tasks": [api_shape(task) for task in tasks], "failures": list(failures)}


def _check_filters(parameters: Mapping[str, Any]) -> None:
    filters = {"family", "desiredStatus", "containerInstance", "serviceName", "launchType"} & set(parameters)
    if "startedBy" in parameters and filters:
        raise validation.refuse("When you specify startedBy as the filter, it must be the only filter that you use.")
    if parameters.get("desiredStatus", "RUNNING") not in _STATUSES:
        raise validation.refuse(f"desiredStatus must be one of {', '.join(_STATUSES)}.")
