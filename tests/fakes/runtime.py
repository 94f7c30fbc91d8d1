"""ECS in memory: tasks with versions, tokens that are remembered, zones that run full, calls that fail."""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headcount.errors import Throttled, TransientError
from headcount.model.names import GROUP_PREFIX, launch_of, started_by
from headcount.model.task import ContainerEnd, Health, ObservedTask
from headcount.model.values import replace
from headcount.ports.tasks import InstanceSighting, LaunchAnswer, Sighting, TaskPage

CAPACITY_REASON = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
TASKS_PER_CALL = 10
_WAY_UP = {"PROVISIONING": "PENDING", "PENDING": "ACTIVATING", "ACTIVATING": "RUNNING"}
_WAY_DOWN = {"RUNNING": "DEACTIVATING", "DEACTIVATING": "STOPPING", "STOPPING": "DEPROVISIONING"}


@dataclass(slots=True)
class EcsTask:
    """A task as ECS keeps it."""

    task_id: str
    cluster: str
    group: str
    started_by: str
    observed: ObservedTask
    health: Health | None = None
    stuck: bool = False


def _address(number: int) -> str:
    return f"10.0.{number // 250}.{number % 250 + 1}"


@dataclass(frozen=True, slots=True)
class _Token:
    request: Mapping[str, Any]
    task_ids: tuple[str, ...]
    shortfall: str


class InMemoryTaskRuntime:
    """The ``TaskRuntime`` of one account.

    What a test may turn: ``capacity`` (tasks a zone still takes), ``refusal``, ``throttle``, ``lose_answer``.
    Tasks move when ``step`` is called; every change of a task is announced in ``events``, oldest first.
    """

    def __init__(self, clock: Callable[[], float], install: str, zone_of_subnet: Mapping[str, str]) -> None:
        self.clock = clock
        self.install = install
        self.zone_of_subnet = zone_of_subnet
        self.tasks: dict[str, EcsTask] = {}
        self.events: deque[Sighting] = deque()
        self.requests: list[Mapping[str, Any]] = []
        self.calls: Counter[str] = Counter()
        self.capacity: dict[str, int] = {}
        self.refusal: str | None = None
        self.container_instances: dict[str, InstanceSighting] = {}
        self.zone_of_instance: dict[str, str] = {}
        self.deregistered: list[str] = []
        self.on_stop: Callable[[str], None] = lambda _: None
        self._reused: deque[str] = deque()
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._throttled: Counter[str] = Counter()
        self._answers_to_lose: Counter[str] = Counter()

    # -- the port -----------------------------------------------------------------------------------------------------

    def launch(self, request: Mapping[str, Any]) -> LaunchAnswer:
        self._called("launch")
        self.requests.append(request)
        cluster, token = str(request["cluster"]), str(request["clientToken"])
        known = self._tokens.get((cluster, token))
        if known is not None:  # another request with this token is a conflict, whose tasks the adapter takes over
            shortfall = known.shortfall if known.request == request else ""
            answer = LaunchAnswer(tasks=self._sightings(known.task_ids), shortfall=shortfall)
        elif self.refusal is not None:
            return LaunchAnswer(refused=self.refusal)
        elif not 1 <= int(request["count"]) <= TASKS_PER_CALL:
            return LaunchAnswer(refused="InvalidParameterException: count must be between 1 and 10")
        else:
            answer = self._start(cluster, request)
        self._answering("launch")
        return answer

    def stop(self, cluster: str, task_id: str, reason: str) -> Sighting | None:
        self._called("stop")
        task = self.tasks.get(task_id)
        if task is None or task.cluster != cluster:
            return None
        if task.observed.desired_status == "RUNNING":
            self.on_stop(task_id)
        self._die(task, "UserInitiated", reason)
        self._answering("stop")
        return self._sighting(task)

    def describe(self, cluster: str, task_ids: Sequence[str]) -> tuple[Sighting, ...]:
        for _ in range(0, len(task_ids), 100):
            self._called("describe")
        return self._sightings([one for one in task_ids if one in self.tasks and self.tasks[one].cluster == cluster])

    def started_by(self, cluster: str, launch_id: str) -> tuple[Sighting, ...]:
        self._called("started_by")
        mark = started_by(self.install, launch_id)
        return self._sightings([one.task_id for one in self._meant_to_run(cluster) if one.started_by == mark])

    def sweep(self, cluster: str, after: str | None = None) -> TaskPage:
        self._called("sweep")
        ids = tuple(one.task_id for one in self._meant_to_run(cluster))
        first, rest = int(after or 0), int(after or 0) + 100
        return TaskPage(task_ids=ids[first:rest], goes_on=str(rest) if rest < len(ids) else None)

    def instances(self, cluster: str, instances: Sequence[str]) -> tuple[InstanceSighting, ...]:
        for _ in range(0, len(instances), 100):
            self._called("instances")
        known = self.container_instances
        return tuple(known[one] for one in instances if one in known and f"/{cluster}/" in one)

    def on_instance(self, cluster: str, instance: str) -> tuple[Sighting, ...]:
        self._called("on_instance")
        there = [one for one in self._meant_to_run(cluster) if one.observed.container_instance == instance]
        return self._sightings([one.task_id for one in there])

    def instances_of(self, cluster: str, ec2_instance: str) -> tuple[str, ...]:
        self._called("instances_of")
        known = self.container_instances.values()
        return tuple(
            one.instance for one in known if one.ec2_instance == ec2_instance and f"/{cluster}/" in one.instance
        )

    def deregister(self, task_definition_arn: str) -> None:
        self._called("deregister")
        self.deregistered.append(task_definition_arn)

    # -- what a test turns --------------------------------------------------------------------------------------------

    def reuse_address(self, address: str) -> None:
        """The next task gets an address that another one had."""
        self._reused.append(address)

    def throttle(self, operation: str, times: int) -> None:
        """The next calls of an operation are refused without effect."""
        self._throttled[operation] += times

    def lose_answer(self, operation: str, times: int = 1) -> None:
        """The next calls of an operation take effect, and the caller hears nothing."""
        self._answers_to_lose[operation] += times

    def end(self, task_id: str, code: str, reason: str, *, exit_code: int | None = None) -> None:
        """A task ends by itself or by AWS: it is STOPPED at once."""
        task = self.tasks[task_id]
        now = self.clock()
        ends = (ContainerEnd(name="app", exit_code=exit_code),) if exit_code is not None else ()
        self._change(
            task,
            last_status="STOPPED",
            desired_status="STOPPED",
            stop_code=code,
            stopped_reason=reason,
            stopping_at=now,
            stopped_at=now,
            containers=ends,
        )

    def crash(self, task_id: str) -> None:
        """The container exits."""
        self.end(task_id, "EssentialContainerExited", "Essential container in task exited", exit_code=1)

    def add_instance(self, cluster: str, number: int, zone: str = "zone-a") -> str:
        """A container instance joins a cluster; its ARN."""
        arn = f"arn:aws:ecs:eu-west-1:123456789012:container-instance/{cluster}/{number:032x}"
        self.zone_of_instance[arn] = zone
        self.set_instance(arn, status="ACTIVE", agent_connected=True, ec2_instance=f"i-{number:017x}")
        return arn

    def set_instance(self, arn: str, **changes: Any) -> InstanceSighting:
        """What ECS says of a container instance from now on; it does not do anything to standalone tasks there."""
        known = self.container_instances.get(arn)
        unknown = InstanceSighting(instance=arn, status="ACTIVE", agent_connected=True)
        self.container_instances[arn] = replace(known or unknown, **changes)
        return self.container_instances[arn]

    def put_on(self, instance: str, *task_ids: str) -> None:
        """As if ECS had placed running tasks on a container instance."""
        for task_id in task_ids:
            self._change(self.tasks[task_id], container_instance=instance)

    def interrupt(self, task_id: str) -> None:
        """A Spot notice: still RUNNING, but dying."""
        self._die(self.tasks[task_id], "SpotInterruption", "Your Spot Task was interrupted.")

    def forget(self, task_id: str) -> None:
        """ECS no longer knows the task."""
        del self.tasks[task_id]

    def run_foreign(self, cluster: str, task_id: str, *, group: str, mark: str, definition: str = "") -> EcsTask:
        """A task that no launch of this runtime started: somebody else's, or one whose records were lost."""
        now = self.clock()
        observed = ObservedTask(
            version=4,
            last_status="RUNNING",
            desired_status="RUNNING",
            launch=launch_of(mark, self.install) or "",
            task_definition_arn=definition,
            created_at=now,
            started_at=now,
        )
        task = EcsTask(task_id=task_id, cluster=cluster, group=group, started_by=mark, observed=observed)
        self.tasks[task_id] = task
        return task

    def step(self, task_id: str) -> bool:
        """Move a task to its next state; whether there was one."""
        task = self.tasks[task_id]
        now = self.clock()
        status = task.observed.last_status
        if status == "STOPPED":
            return False
        if task.observed.desired_status == "STOPPED":
            following = _WAY_DOWN.get(status, "STOPPED")
            self._change(task, last_status=following, stopped_at=now if following == "STOPPED" else None)
        elif status in _WAY_UP and not task.stuck:
            following = _WAY_UP[status]
            self._change(task, last_status=following, started_at=now if following == "RUNNING" else None)
        else:
            return False
        return True

    def step_all(self) -> bool:
        """Move every task to its next state; whether any had one."""
        return sum(self.step(task_id) for task_id in list(self.tasks)) > 0

    def alive(self, service: str) -> list[EcsTask]:
        """The tasks of a service that should run."""
        cluster, _, name = service.partition("/")
        return [one for one in self._meant_to_run(cluster) if one.group == GROUP_PREFIX + name]

    # -- inside -------------------------------------------------------------------------------------------------------

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        if self._throttled[operation] > 0:
            self._throttled[operation] -= 1
            raise Throttled(f"{operation}: ThrottlingException: Rate exceeded")

    def _answering(self, operation: str) -> None:
        if self._answers_to_lose[operation] > 0:
            self._answers_to_lose[operation] -= 1
            raise TransientError(f"{operation}: no answer from AWS")

    def _start(self, cluster: str, request: Mapping[str, Any]) -> LaunchAnswer:
        wanted = int(request["count"])
        started = []
        for _ in range(wanted):
            place = self._place(request)
            if place is None:
                break
            started.append(self._create(cluster, request, *place))
        shortfall = CAPACITY_REASON if len(started) < wanted else ""
        if started:  # a call that started nothing keeps no token
            ids = tuple(task.task_id for task in started)
            self._tokens[cluster, str(request["clientToken"])] = _Token(request, ids, shortfall)
        return LaunchAnswer(tasks=tuple(self._sighting(task) for task in started), shortfall=shortfall)

    def _place(self, request: Mapping[str, Any]) -> tuple[str, str | None] | None:
        """The zone of the next task, and its container instance if it runs on one; None where nothing is left."""
        network = request.get("networkConfiguration", {}).get("awsvpcConfiguration", {"subnets": ()})
        zones = {self.zone_of_subnet[subnet] for subnet in network["subnets"]}
        if not _runs_on_instances(request):
            (zone, *_) = (self.zone_of_subnet[subnet] for subnet in network["subnets"])
            return (zone, None) if self._takes_one(zone) else None
        fit = [
            (len(self._on(one.instance)), one.instance, self.zone_of_instance[one.instance])
            for one in self.container_instances.values()
            if one.status == "ACTIVE" and one.agent_connected
        ]
        for _, instance, zone in sorted(fit):
            if (not zones or zone in zones) and self._takes_one(zone):
                return zone, instance
        return None

    def _takes_one(self, zone: str) -> bool:
        left = self.capacity.get(zone)
        if left is not None and left > 0:
            self.capacity[zone] = left - 1
        return left is None or left > 0

    def _on(self, instance: str) -> list[EcsTask]:
        """The tasks on a container instance that are not stopped."""
        there = (task for task in self.tasks.values() if task.observed.container_instance == instance)
        return [task for task in there if task.observed.last_status != "STOPPED"]

    def _create(self, cluster: str, request: Mapping[str, Any], zone: str, instance: str | None) -> EcsTask:
        number = len(self.tasks)
        observed = ObservedTask(
            version=1,
            last_status="PROVISIONING",
            desired_status="RUNNING",
            launch=launch_of(str(request["startedBy"]), self.install) or "",
            task_definition_arn=str(request["taskDefinition"]),
            availability_zone=zone,
            address=None if instance else self._reused.popleft() if self._reused else _address(number),
            created_at=self.clock(),
            container_instance=instance,
        )
        task = EcsTask(
            task_id=f"{number + 1:032x}",
            cluster=cluster,
            group=str(request["group"]),
            started_by=str(request["startedBy"]),
            observed=observed,
        )
        self.tasks[task.task_id] = task
        self.events.append(self._sighting(task))
        return task

    def _die(self, task: EcsTask, code: str, reason: str) -> None:
        if task.observed.desired_status == "RUNNING":
            self._change(
                task, desired_status="STOPPED", stop_code=code, stopped_reason=reason, stopping_at=self.clock()
            )

    def _change(self, task: EcsTask, **changes: Any) -> None:
        kept = {name: value for name, value in changes.items() if value is not None}
        task.observed = replace(task.observed, version=task.observed.version + 1, **kept)
        self.events.append(self._sighting(task))

    def _meant_to_run(self, cluster: str) -> list[EcsTask]:
        tasks = self.tasks.values()
        return [one for one in tasks if one.cluster == cluster and one.observed.desired_status == "RUNNING"]

    def _sightings(self, task_ids: Sequence[str]) -> tuple[Sighting, ...]:
        return tuple(self._sighting(self.tasks[task_id]) for task_id in task_ids if task_id in self.tasks)

    def _sighting(self, task: EcsTask) -> Sighting:
        ours = launch_of(task.started_by, self.install) is not None and task.group.startswith(GROUP_PREFIX)
        service = f"{task.cluster}/{task.group.removeprefix(GROUP_PREFIX)}" if ours else None
        return Sighting(
            task_id=task.task_id, observed=task.observed, service=service, health=task.health, at=self.clock()
        )


def _runs_on_instances(request: Mapping[str, Any]) -> bool:
    """Fargate's own capacity providers and launch type do not."""
    providers = [one["capacityProvider"] for one in request.get("capacityProviderStrategy", ())]
    return request.get("launchType") == "EC2" or any(not name.startswith("FARGATE") for name in providers)
