"""Every way to lose tasks and instances that is not a call of ECS's API: what EC2, Fargate and AWS Health do."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs.announcing import Announcer
from headcount_sandbox.world.ecs.fleet import Fleet
from headcount_sandbox.world.ecs.instances import ContainerInstance
from headcount_sandbox.world.ecs.life_cycle import TaskLives
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.task import Task
from headcount_sandbox.world.timers import Timers

Afterwards = Literal["STOPPED", "MISSING"]
_RETIREMENT = "AWS_ECS_TASK_PATCHING_RETIREMENT"
_RETIREMENT_WINDOW_SECONDS = 172_800.0
_RETIREMENT_REASON = "ECS is performing maintenance on the underlying infrastructure hosting the task."
_WORD_OF_RETIREMENT = "Tasks on a retired platform version revision will be stopped on or after the start time."


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where it happens, and whom it happens to."""

    region: str
    store: TaskStore
    fleet: Fleet
    lives: TaskLives
    timers: Timers
    announcer: Announcer


class Losses:
    """Takes capacity away; methods may be called from any thread and raise KeyError for what never was."""

    def __init__(self, scene: Scene) -> None:
        self._region = scene.region
        self._store = scene.store
        self._fleet = scene.fleet
        self._lives = scene.lives
        self._timers = scene.timers
        self._announcer = scene.announcer

    # --- instances --------------------------------------------------------------------------------------------------

    def terminate(self, name: str) -> None:
        """EC2 terminates an instance: its tasks are dead at once, and ECS knows and tells."""
        with self._store.lock:
            instance = self._fleet.named(name)
            if instance.status != "INACTIVE":
                self._drop(instance, f"Host EC2 (instance {instance.ec2_instance_id}) terminated.")

    def vanish(self, name: str, *, noticed_after: float, afterwards: Afterwards) -> None:
        """An instance dies and ECS does not tell: its tasks are dead at once and described as RUNNING for a while.

        After `noticed_after` seconds the instance is INACTIVE and its tasks are STOPPED, or all are MISSING. No event
        of it is ever sent (blox/blox#573).
        """
        with self._store.lock:
            instance = self._fleet.named(name)
            instance.is_silenced = True
            self._fleet.change(instance, agent_connected=False)
            for task in self._tasks_on(instance):
                task.is_silenced = True
                self._lives.kill(task)
            self._timers.after(noticed_after, partial(self._notice, instance, afterwards))

    def disconnect(self, name: str, seconds: float | None) -> None:
        """An agent is silent for so many seconds (None: until `reconnect`); its containers run on unseen."""
        with self._store.lock:
            instance = self._fleet.named(name)
            if instance.agent_connected:
                self._fleet.change(instance, agent_connected=False)
            if seconds is not None:
                self._timers.after(seconds, partial(self.reconnect, instance.instance_id))

    def reconnect(self, name: str) -> None:
        """The agent is back and reports what it saw; nothing for an instance that is gone."""
        with self._store.lock:
            instance = self._fleet.named(name)
            if instance.agent_connected or instance.is_silenced or instance.status == "INACTIVE":
                return
            self._fleet.change(instance, agent_connected=True)
            for task in self._tasks_on(instance):
                self._lives.resume(task)
            self._fleet.on_room(instance.cluster)

    def interrupt_spot_instance(self, name: str, *, warning_seconds: float, drain: bool) -> None:
        """EC2 warns that it takes a Spot instance back, and does so; with `drain` its agent sets it DRAINING first."""
        with self._store.lock:
            instance = self._fleet.named(name)
            self._announcer.tell(
                "aws.ec2",
                "EC2 Spot Instance Interruption Warning",
                resources=[f"arn:aws:ec2:{instance.zone}:instance/{instance.ec2_instance_id}"],
                detail={"instance-id": instance.ec2_instance_id, "instance-action": "terminate"},
                at=world_time(),
            )
            if drain and instance.status == "ACTIVE":
                self._fleet.set_status(instance, "DRAINING")
            self._timers.after(warning_seconds, partial(self.terminate, instance.instance_id))

    def deregister(self, instance: ContainerInstance) -> None:
        """ECS forgets about the tasks of an instance, whose containers run on."""
        self._drop(instance, f"Host EC2 (instance {instance.ec2_instance_id}) deregistered.", containers_die=False)

    def _drop(self, instance: ContainerInstance, reason: str, *, containers_die: bool = True) -> None:
        if instance.agent_connected:
            self._fleet.change(instance, agent_connected=False)
        for task in self._tasks_on(instance):
            if containers_die:
                self._lives.kill(task)
            self._lives.lose(task, "TerminationNotice", reason)
        self._fleet.set_status(instance, "INACTIVE")

    def _notice(self, instance: ContainerInstance, afterwards: Afterwards) -> None:
        with self._store.lock:
            for task in self._tasks_on(instance):
                self._lives.lose(
                    task, "TerminationNotice", f"Host EC2 (instance {instance.ec2_instance_id}) terminated."
                )
                if afterwards == "MISSING":
                    self._store.forget(task)
            if afterwards == "MISSING":
                self._fleet.forget(instance)
            else:
                self._fleet.set_status(instance, "INACTIVE")

    def _tasks_on(self, instance: ContainerInstance) -> list[Task]:
        return [self._store.by_id(task_id) for task_id in tuple(instance.occupants)]

    # --- Fargate ----------------------------------------------------------------------------------------------------

    def interrupt_task(self, task_id: str, warning_seconds: float) -> None:
        """Fargate Spot takes a task back: SIGTERM and the event now, SIGKILL at the end of the warning."""
        self._lives.interrupt(self._store.by_id(task_id), warning_seconds)

    def interrupt_spot_tasks(self, zone: str | None, warning_seconds: float) -> list[str]:
        """Fargate Spot takes back all of its tasks, in a zone or everywhere; returns their ids."""

        def is_meant(task: Task) -> bool:
            return task.capacity_provider == "FARGATE_SPOT" and zone in (None, task.zone)

        with self._store.lock:
            chosen = [task for task in self._live() if is_meant(task)]
            for task in chosen:
                self._lives.interrupt(task, warning_seconds)
        return [task.task_id for task in chosen]

    def retire(self, task_ids: Sequence[str], start_in: float) -> str:
        """AWS Health announces that Fargate tasks retire in so many seconds, when ECS stops them; the event's ARN."""
        now = world_time()
        with self._store.lock:
            tasks = [self._store.by_id(task_id) for task_id in task_ids]
            event_arn = f"arn:aws:health:{self._region}::event/ECS/{_RETIREMENT}/{_RETIREMENT}_{uuid.uuid4().hex[:12]}"
            arns = [task.arn for task in tasks]
            self._announcer.tell(
                "aws.health",
                "AWS Health Event",
                resources=arns,
                detail={
                    "eventArn": event_arn,
                    "service": "ECS",
                    "eventScopeCode": "ACCOUNT_SPECIFIC",
                    "communicationId": uuid.uuid4().hex + uuid.uuid4().hex[:8],
                    "lastUpdatedTime": _http_date(now),
                    "eventRegion": self._region,
                    "eventTypeCode": _RETIREMENT,
                    "eventTypeCategory": "scheduledChange",
                    "startTime": _http_date(now + start_in),
                    "endTime": _http_date(now + start_in + _RETIREMENT_WINDOW_SECONDS),
                    "eventDescription": [{"language": "en_US", "latestDescription": _WORD_OF_RETIREMENT}],
                    "affectedEntities": [{"entityValue": arn} for arn in arns],
                },
                at=now,
            )
            for task in tasks:
                end: Callable[[], None] = partial(self._lives.end, task, "TerminationNotice", _RETIREMENT_REASON)
                self._timers.after(start_in, end)
        return event_arn

    def _live(self) -> list[Task]:
        return [task for task in self._store.all() if task.desired_status == "RUNNING"]


def _http_date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
