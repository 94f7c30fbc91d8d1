"""The task APIs of ECS: RunTask, StopTask, DescribeTasks, ListTasks. Clusters and task definitions are moto's."""

import base64
import binascii
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse, json_answer
from headcount_sandbox.world.ecs import validation
from headcount_sandbox.world.ecs.launching import Order, Place, TaskBuilder, places
from headcount_sandbox.world.ecs.life_cycle import LifeCycle, Surroundings, TaskLives
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.task import Task, api_shape, event_detail
from headcount_sandbox.world.ecs.tokens import ClientTokens
from headcount_sandbox.world.ecs.workload import workload
from headcount_sandbox.world.faults import Faults
from headcount_sandbox.world.moto_apis import MotoApis
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
    """ECS's tasks behind its API; `send` gets every event in EventBridge's envelope, in order."""

    def __init__(
        self,
        settings: EcsSettings,
        *,
        moto: MotoApis,
        runtime: Runtime,
        timers: Timers,
        faults: Faults,
        send: Callable[[dict[str, Any]], None],
    ) -> None:
        self._settings = settings
        self._moto = moto
        self._faults = faults
        self._send = send
        self._tokens = ClientTokens()
        self.store = TaskStore(settings.stopped_task_retention)
        self._builder = TaskBuilder(
            region=settings.region, account=settings.account, runtime=runtime, rng=random.Random(settings.seed)
        )
        surroundings = Surroundings(
            store=self.store,
            timers=timers,
            runtime=runtime,
            faults=faults,
            workload=workload,
            announce=self._announce,
        )
        self.lives = TaskLives(settings.life_cycle, surroundings)

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "RunTask": self._answer(self.run_task),
            "StartTask": self._answer(self.start_task),
            "StopTask": self._answer(self.stop_task),
            "DescribeTasks": self._answer(self.describe_tasks),
            "ListTasks": self._answer(self.list_tasks),
        }

    def run_task(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Starts up to 10 tasks; partial success is `tasks` and `failures` in one answer."""
        cluster = validation.check_cluster(self._moto, parameters.get("cluster"))
        with self.store.lock:
            earlier = self._tokens.earlier(cluster.name, parameters)
            if earlier is not None:
                return _run_answer(earlier.tasks, earlier.failures)
            order = self._order(parameters)
            tasks: list[Task] = []
            failures: list[dict[str, Any]] = []
            for place in places(order):
                self._run_one(order, place, tasks, failures)
            self._tokens.remember(cluster.name, parameters, tasks, failures)
            return _run_answer(tasks, failures)

    def start_task(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Refused: there are no container instances here."""
        validation.check_cluster(self._moto, parameters.get("cluster"))
        raise validation.refuse("The sandbox runs Fargate tasks only: StartTask needs container instances.")

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
        size = parameters.get("maxResults", validation.MAX_PAGE)
        if not 1 <= size <= validation.MAX_PAGE:
            raise validation.refuse(f"maxResults should be between 1 and {validation.MAX_PAGE}.")
        after = _position(parameters.get("nextToken"))
        with self.store.lock:
            chosen = [task for task in self.store.all(cluster.name) if task.number > after and _fits(task, parameters)]
        page = chosen[:size]
        answer: dict[str, Any] = {"taskArns": [task.arn for task in page]}
        if len(chosen) > size:
            answer["nextToken"] = base64.b64encode(f"task:{page[-1].number}".encode()).decode()
        return answer

    def _order(self, parameters: Mapping[str, Any]) -> Order:
        cluster = validation.check_cluster(self._moto, parameters.get("cluster"))
        definition = validation.check_task_definition(self._moto, parameters["taskDefinition"])
        validation.check_run_task(parameters, definition)
        validation.check_launch(parameters, cluster, definition)
        subnets = validation.check_network(self._moto, parameters, definition)
        return Order(parameters=parameters, cluster=cluster, definition=definition, subnets=subnets)

    def _run_one(self, order: Order, place: Place, tasks: list[Task], failures: list[dict[str, Any]]) -> None:
        if place.launch_type != "FARGATE":
            raise validation.refuse("No Container Instances were found in your cluster.")
        subnet = self._builder.choose_subnet(order.subnets)
        refusal = self._faults.capacity_refusal(subnet.availability_zone if subnet else None, place.provider)
        if refusal is not None:
            failures.append({"reason": refusal})
            return
        task = self._builder.build(order, place, subnet)
        tasks.append(task)
        self.lives.begin(task)

    def _announce(self, task: Task) -> None:
        now = task.times["updatedAt"]
        self._send(
            {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": "ECS Task State Change",
                "source": "aws.ecs",
                "account": self._settings.account,
                "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": self._settings.region,
                "resources": [task.arn],
                "detail": event_detail(task),
            }
        )

    def _answer(self, operation: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Answer:
        def answer(request: ApiRequest) -> ApiResponse:
            validation.check_types(request.operation, request.parameters)
            return json_answer(operation(request.parameters))

        return answer


def _run_answer(tasks: Sequence[Task], failures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"tasks": [api_shape(task) for task in tasks], "failures": list(failures)}


def _check_filters(parameters: Mapping[str, Any]) -> None:
    filters = {"family", "desiredStatus", "containerInstance", "serviceName", "launchType"} & set(parameters)
    if "startedBy" in parameters and filters:
        raise validation.refuse("When you specify startedBy as the filter, it must be the only filter that you use.")
    if parameters.get("desiredStatus", "RUNNING") not in _STATUSES:
        raise validation.refuse(f"desiredStatus must be one of {', '.join(_STATUSES)}.")


def _fits(task: Task, parameters: Mapping[str, Any]) -> bool:
    if "containerInstance" in parameters or "serviceName" in parameters:
        return False  # no task here belongs to an instance or to a native service
    return (
        task.desired_status == parameters.get("desiredStatus", "RUNNING")
        and parameters.get("startedBy") in (None, task.started_by)
        and parameters.get("family") in (None, task.definition.family)
        and parameters.get("launchType") in (None, task.launch_type)
    )


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        kind, _, number = base64.b64decode(token, validate=True).decode().partition(":")
        if kind == "task":
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise ApiError("InvalidParameterException", "Invalid token.")
