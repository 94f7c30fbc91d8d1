"""ECS: tasks with drawn delays, tokens with lifetimes, places that run full, container instances, stale answers."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from headcount.errors import Throttled, TransientError
from headcount.model.names import GROUP_PREFIX, launch_of
from headcount.model.task import ContainerEnd, Health, ObservedTask
from headcount.model.values import replace
from headcount.noticing import InstanceChange
from headcount.ports.tasks import LaunchAnswer, Sighting, TaskPage
from headcount_simulation.addresses import Addresses
from headcount_simulation.capacity import Capacity
from headcount_simulation.ecs_tasks import (
    CAPACITY_REASON,
    STAYS,
    STOPPED_KNOWN_SECONDS,
    WAY_DOWN,
    WAY_UP,
    EcsTask,
    Fate,
    Sickness,
)
from headcount_simulation.instances import Fleet, Instance, capacity_named, on_fargate
from headcount_simulation.rates import AccountLimits
from headcount_simulation.scheduling import Scheduler
from headcount_simulation.streams import Streams

TOKEN_SECONDS: Final = 24 * 3600.0
TASKS_A_PAGE: Final = 100
LISTS_KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class _Token:
    request: Mapping[str, Any]
    task_ids: tuple[str, ...]
    shortfall: str
    at: float


class Watcher(Protocol):
    """Who checks what ECS is told."""

    def ran(self, request: Mapping[str, Any], tasks: Sequence[EcsTask]) -> None:
        """``RunTask`` started tasks."""
        ...

    def stopping(self, task: EcsTask, reason: str) -> None:
        """Headcount told ECS to stop a task."""
        ...


class Ecs:
    """All clusters of an account. ``emit`` gets every change of a task, as EventBridge does."""

    def __init__(
        self,
        scheduler: Scheduler,
        streams: Streams,
        install: str,
        zone_of_subnet: Mapping[str, str],
        watcher: Watcher,
        emit: Callable[[Sighting | InstanceChange], None],
    ) -> None:
        self.scheduler = scheduler
        self.streams = streams
        self.install = install
        self.zone_of_subnet = zone_of_subnet
        self.watcher = watcher
        self.emit = emit
        self.limits = AccountLimits(lambda: scheduler.now)
        self.tasks: dict[str, EcsTask] = {}
        self._of: defaultdict[str, dict[str, EcsTask]] = defaultdict(dict)
        self.moods: dict[str, Fate] = {}
        self.bad_revisions: dict[tuple[str, str], Fate] = {}
        self.inactive: set[str] = set()
        self.capacity = Capacity()
        self.addresses = Addresses()
        self.answering: Callable[[EcsTask], None] = lambda _: None
        self.felt: Callable[[EcsTask], None] = lambda _: None
        self.fleet = Fleet(lambda: scheduler.now, self._tell)
        self.refusals: set[str] = set()
        self.with_health_check: set[str] = set()
        self.slow_starts: dict[str, float] = {}
        self.lag_seconds = 1.0
        self.created = 0
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._lists: dict[int, list[str]] = {}
        self._listed = 0

    # -- the API ------------------------------------------------------------------------------------------------------

    def run_task(self, request: Mapping[str, Any], token: str | None = None) -> LaunchAnswer:
        """``RunTask``: at most ten tasks; the same token gives the same tasks as long as it lives."""
        cluster, token = str(request["cluster"]), token or str(request["clientToken"])
        if not self._allows(request):
            raise Throttled("RunTask: ThrottlingException: Rate exceeded")
        known = self._tokens.get((cluster, token))
        if known is not None and self._lives(known):
            return self._answer_again(known, request)
        service = f"{cluster}/{str(request['group']).removeprefix(GROUP_PREFIX)}"
        if service in self.refusals:
            return LaunchAnswer(refused="InvalidParameterException: no such security group")
        if request["taskDefinition"] in self.inactive:
            return LaunchAnswer(refused="ClientException: TaskDefinition is inactive")
        wanted = int(request["count"])
        tasks = self._start(request, service, wanted)
        shortfall = "" if len(tasks) == wanted else CAPACITY_REASON if on_fargate(request) else "RESOURCE:MEMORY"
        if tasks:  # a call that started nothing keeps no token
            ids = tuple(task.task_id for task in tasks)
            self._tokens[cluster, token] = _Token(request, ids, shortfall, self.scheduler.now)
        self.watcher.ran(request, tasks)
        return LaunchAnswer(tasks=tuple(self.sighting(task) for task in tasks), shortfall=shortfall)

    def stop_task(self, cluster: str, task_id: str, reason: str) -> Sighting | None:
        """``StopTask``: telling twice changes nothing; None for a task that ECS does not know."""
        if not self.limits.modify.take():
            raise Throttled("StopTask: ThrottlingException: Rate exceeded")
        task = self.tasks.get(task_id)
        if task is None or task.cluster != cluster:
            return None
        self.watcher.stopping(task, reason)
        self.tell_to_stop(task, "UserInitiated", reason)
        return self.sighting(task)

    def describe(self, cluster: str, task_ids: Sequence[str]) -> tuple[Sighting, ...]:
        """``DescribeTasks``: those that ECS shows already, some as they were a moment ago."""
        if not self.limits.read.take():
            raise Throttled("DescribeTasks: ThrottlingException: Rate exceeded")
        now = self.scheduler.now
        found = [self.tasks[one] for one in task_ids if one in self.tasks]
        return tuple(
            self.sighting(task, stale=task.fresh_at > now)
            for task in found
            if task.cluster == cluster and task.visible_at <= now
        )

    def list_tasks(self, cluster: str, started_by: str | None = None, instance: str | None = None) -> list[str]:
        """``ListTasks``: the tasks that should run, as far as ECS shows them already."""
        if not self.limits.read.take():
            raise Throttled("ListTasks: ThrottlingException: Rate exceeded")
        now = self.scheduler.now
        return [
            task.task_id
            for task in self.tasks.values()
            if task.cluster == cluster
            and task.observed.desired_status == "RUNNING"
            and task.visible_at <= now
            and started_by in (None, task.started_by)
            and instance in (None, task.observed.container_instance)
        ]

    def list_page(self, cluster: str, after: str | None) -> TaskPage:
        """``ListTasks``, a page at a time; ``after``: the token of the page before. The latest lists are kept."""
        if after is None:
            ids = self.list_tasks(cluster)
            self._listed += 1
            self._lists[self._listed] = ids
            self._lists.pop(self._listed - LISTS_KEPT, None)
            number, first = self._listed, 0
        else:
            if not self.limits.read.take():
                raise Throttled("ListTasks: ThrottlingException: Rate exceeded")
            number, first = (int(part) for part in after.split(":"))
            if number not in self._lists:
                raise TransientError("ListTasks: InvalidParameterException: Invalid token")
            ids = self._lists[number]
        rest = first + TASKS_A_PAGE
        goes_on = f"{number}:{rest}" if rest < len(ids) else None
        return TaskPage(task_ids=tuple(ids[first:rest]), goes_on=goes_on)

    # -- what happens to tasks ----------------------------------------------------------------------------------------

    def tell_to_stop(self, task: EcsTask, code: str, reason: str, notice: float = 0.0) -> None:
        """Somebody wants the task stopped. ``notice``: how long it still runs."""
        if task.observed.desired_status == "STOPPED":
            return
        now = self.scheduler.now
        self._change(task, desired_status="STOPPED", stop_code=code, stopped_reason=reason, stopping_at=now)
        self.schedule(task, notice or self.streams.of(task.group).uniform(0.1, 1.0))

    def end(self, task: EcsTask, code: str, reason: str, exit_code: int | None = None) -> None:
        """The task ends by itself: ECS says so when it is on its way down."""
        if task.observed.desired_status == "STOPPED":
            return
        ends = (ContainerEnd(name="app", exit_code=exit_code),) if exit_code is not None else ()
        self._change(
            task,
            desired_status="STOPPED",
            last_status=WAY_DOWN.get(task.observed.last_status, "DEPROVISIONING"),
            stop_code=code,
            stopped_reason=reason,
            stopping_at=self.scheduler.now,
            containers=ends,
        )
        self.schedule(task)

    def crash(self, task: EcsTask) -> None:
        """The container exits."""
        self.end(task, "EssentialContainerExited", "Essential container in task exited", exit_code=1)

    def vanish(self, task: EcsTask) -> None:
        """ECS no longer knows the task and never says so."""
        self.tasks.pop(task.task_id, None)
        self._of[task.service or ""].pop(task.task_id, None)
        if task.instance is not None:
            task.instance.tasks.pop(task.task_id, None)
        self.addresses.take_back(task)
        self.answering(task)

    def sicken(self, task: EcsTask, sickness: Sickness) -> None:
        """The task does not answer as it should from now on, or does again."""
        if task.sickness != sickness:
            task.sickness = sickness
            self.answering(task)

    def feel(self, task: EcsTask, health: Health) -> None:
        """Its containers' health checks say so from now on. No event tells."""
        if task.health != health:
            task.health = health
            self.felt(task)

    def run_foreign(self, cluster: str, group: str, started_by: str) -> EcsTask:
        """A task that is none of this install's."""
        self.created += 1
        observed = ObservedTask(
            version=4,
            last_status="RUNNING",
            desired_status="RUNNING",
            launch="",
            created_at=self.scheduler.now,
            started_at=self.scheduler.now,
        )
        task = EcsTask(
            task_id=f"{self.created:032x}",
            cluster=cluster,
            group=group,
            started_by=started_by,
            service=None,
            observed=observed,
            fate="runs",
            visible_at=self.scheduler.now,
        )
        self.add(task)
        return task

    def add(self, task: EcsTask) -> None:
        """ECS has the task from now on."""
        self.tasks[task.task_id] = self._of[task.service or ""][task.task_id] = task

    def of(self, service: str) -> list[EcsTask]:
        """The tasks of a service that are not STOPPED."""
        return [task for task in self._of[service].values() if task.observed.last_status != "STOPPED"]

    def ended(self, service: str, since: float) -> int:
        """How many of the service's tasks have come to be STOPPED since then."""
        return sum((task.observed.stopped_at or 0.0) > since for task in self._of[service].values())

    def sighting(self, task: EcsTask, *, stale: bool = False) -> Sighting:
        """The task as ECS tells it."""
        observed = task.before if stale and task.before is not None else task.observed
        return Sighting(
            task_id=task.task_id,
            observed=observed,
            service=task.service,
            health=task.health,
            at=self.scheduler.now,
        )

    # -- inside -------------------------------------------------------------------------------------------------------

    def _start(self, request: Mapping[str, Any], service: str, wanted: int) -> list[EcsTask]:
        """As many of the wanted tasks as there is room for."""
        network = request.get("networkConfiguration", {}).get("awsvpcConfiguration")
        zones = None if network is None else {self.zone_of_subnet[subnet] for subnet in network["subnets"]}
        capacity = capacity_named(request)
        if on_fargate(request):
            (zone, *_) = sorted(zones or ())
            room = self._room(service, capacity, zone, wanted)
            return [self._create(request, service, zone, None) for _ in range(room)]
        tasks: list[EcsTask] = []
        while len(tasks) < wanted:
            instance = self.fleet.place(request, zones, lambda zone: self.capacity.is_closed(capacity, zone))
            if instance is None:
                break
            tasks.append(self._create(request, service, instance.zone, instance))
        return tasks

    def _tell(self, change: InstanceChange) -> None:
        self.emit(change)

    def _allows(self, request: Mapping[str, Any]) -> bool:
        """Whether AWS's limits do."""
        return self.limits.allows_run_task(int(request["count"])) if on_fargate(request) else self.limits.modify.take()

    def _room(self, service: str, capacity: str, zone: str, wanted: int) -> int:
        """How many of the wanted tasks a zone takes."""
        if zone in self.capacity.lost_zones:
            return 0
        return self.streams.of(service).randint(0, wanted // 2) if self.capacity.is_short(capacity, zone) else wanted

    def _lives(self, token: _Token) -> bool:
        now = self.scheduler.now
        ends = [self.tasks[one].observed.stopped_at if one in self.tasks else token.at for one in token.task_ids]
        gone_at = max((end for end in ends if end is not None), default=now) if None not in ends else now
        return now < min(token.at + TOKEN_SECONDS, gone_at + STOPPED_KNOWN_SECONDS)

    def _answer_again(self, known: _Token, request: Mapping[str, Any]) -> LaunchAnswer:
        """The tasks of the first request. A different one is a conflict, whose tasks the adapter takes over."""
        found = [self.tasks[one] for one in known.task_ids if one in self.tasks]
        if known.request != request and len(found) < len(known.task_ids):
            raise Throttled("RunTask: ConflictException names tasks that ECS does not show")
        return LaunchAnswer(tasks=tuple(self.sighting(task) for task in found), shortfall=known.shortfall)

    def _create(self, request: Mapping[str, Any], service: str, zone: str, instance: Instance | None) -> EcsTask:
        self.created += 1
        now = self.scheduler.now
        launch = launch_of(str(request["startedBy"]), self.install)
        definition = str(request["taskDefinition"])
        fate = self.bad_revisions.get((service, definition.rpartition("/")[2])) or self.moods.get(service, "runs")
        if (
            fate == "runs"
            and instance is None
            and self.capacity.is_short(capacity_named(request), zone)
            and self.streams.of(service).random() < 0.3
        ):
            fate = "no room"
        observed = ObservedTask(
            version=1,
            last_status="PROVISIONING",
            desired_status="RUNNING",
            launch=launch or "",
            task_definition_arn=definition,
            availability_zone=zone,
            capacity_provider=capacity_named(request) if "capacityProviderStrategy" in request else None,
            created_at=now,
            container_instance=instance.arn if instance else None,
        )
        task = EcsTask(
            task_id=f"{self.created:032x}",
            cluster=str(request["cluster"]),
            group=str(request["group"]),
            started_by=str(request["startedBy"]),
            service=service if launch else None,
            observed=observed,
            fate=fate,
            visible_at=now + self.streams.of(service).random() * self.lag_seconds,
            instance=instance,
            on_host="networkConfiguration" not in request,
        )
        if instance is not None:
            instance.tasks[task.task_id] = task.group
        self.add(task)
        self.emit(self.sighting(task))
        self.schedule(task)
        return task

    def schedule(self, task: EcsTask, delay: float | None = None) -> None:
        """The next step of a task, unless something changes it first."""
        status, version = task.observed.last_status, task.observed.version
        if delay is None:
            least, most = STAYS.get(status, (0.0, 0.0))
            delay = self.streams.of(task.group).uniform(least, most) * (8.0 if task.fate == "slow" else 1.0)
        self.scheduler.after(delay, lambda: self._step(task, version))

    def _step(self, task: EcsTask, version: int) -> None:
        observed = task.observed
        if observed.version != version or task.task_id not in self.tasks:
            return
        if task.instance is not None and not task.instance.connected and task.instance.status != "INACTIVE":
            return  # its agent says nothing until it is connected again
        status = observed.last_status
        if observed.desired_status == "STOPPED":
            self._step_down(task, WAY_DOWN.get(status, "STOPPED" if status == "DEPROVISIONING" else "DEPROVISIONING"))
        elif status in WAY_UP:
            self._step_up(task, WAY_UP[status])
        elif task.fate == "crashes":
            self.crash(task)

    def _step_down(self, task: EcsTask, status: str) -> None:
        if status == "STOPPED":
            if task.instance is not None:
                task.instance.tasks.pop(task.task_id, None)
            self._change(task, last_status=status, stopped_at=self.scheduler.now)
            self.addresses.take_back(task)
            self.scheduler.after(STOPPED_KNOWN_SECONDS, lambda: self.vanish(task))
        else:
            self._change(task, last_status=status)
            self.schedule(task)

    def _step_up(self, task: EcsTask, status: str) -> None:
        if task.fate == "gets stuck":
            return
        if task.fate == "never starts" and status == "ACTIVATING":
            self.end(task, "TaskFailedToStart", "CannotPullContainerError: no such image")
        elif task.fate == "no room":
            self.end(task, "TaskFailedToStart", CAPACITY_REASON)
        elif status != "RUNNING":
            if status == "ACTIVATING":
                task.observed = self.addresses.give(task)
            self._change(task, last_status=status)
            self.schedule(task)
        else:
            self._change(task, last_status=status, started_at=self.scheduler.now)
            self._runs(task)

    def _runs(self, task: EcsTask) -> None:
        if (slow := self.slow_starts.get(str(task.service))) is not None:
            self.sicken(task, "errors")
            self.scheduler.after(slow, lambda: self._is_ready(task))
        if task.fate == "crashes":
            self.schedule(task, self.streams.of(task.group).uniform(0.5, 50.0))
        if task.service in self.with_health_check:
            self.scheduler.after(self.streams.of(task.group).uniform(1.0, 40.0), lambda: self._feels_first(task))

    def _is_ready(self, task: EcsTask) -> None:
        self.sicken(task, "")
        if task.health == "UNHEALTHY":
            self.feel(task, "HEALTHY")

    def _feels_first(self, task: EcsTask) -> None:
        if task.health is None:
            self.feel(task, "UNHEALTHY" if task.sickness else "HEALTHY")

    def _change(self, task: EcsTask, **changes: Any) -> None:
        answered = task.answers
        task.before = task.observed
        task.fresh_at = self.scheduler.now + self.streams.of(task.group).random() * self.lag_seconds
        task.observed = replace(task.observed, version=task.observed.version + 1, **changes)
        self.emit(self.sighting(task))
        if task.answers != answered:
            self.answering(task)
