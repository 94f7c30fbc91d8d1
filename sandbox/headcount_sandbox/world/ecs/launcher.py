"""RunTask and StartTask: every task of a request gets its place, or a failure in ECS's words.

An instance's failure is told once a call, however many tasks it could not take.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from headcount_sandbox.world.api import ApiError
from headcount_sandbox.world.ecs.capacity import Place, places
from headcount_sandbox.world.ecs.demands import demand_of
from headcount_sandbox.world.ecs.fleet import Fleet
from headcount_sandbox.world.ecs.instances import ContainerInstance
from headcount_sandbox.world.ecs.launching import Order, TaskBuilder, group_of
from headcount_sandbox.world.ecs.life_cycle import TaskLives
from headcount_sandbox.world.ecs.placement import Misfit, Wish, choose_instance, demand_misfit
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.task import Task
from headcount_sandbox.world.ecs.validation import refuse
from headcount_sandbox.world.faults import CapacityRefusal, Faults
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.timers import Timers

MAX_WAITING = 500
_EC2 = Place(launch_type="EC2", provider=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """The outcome of one request."""

    tasks: Sequence[Task]
    failures: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    task: Task
    order: Order
    wish: Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a launcher works with."""

    store: TaskStore
    builder: TaskBuilder
    lives: TaskLives
    fleet: Fleet
    faults: Faults
    moto: MotoApis
    timers: Timers
    rng: random.Random


class Launcher:
    """Finds places for tasks; to be used under the lock of the task store."""

    def __init__(self, means: Means) -> None:
        self._store = means.store
        self._builder = means.builder
        self._lives = means.lives
        self._fleet = means.fleet
        self._faults = means.faults
        self._moto = means.moto
        self._timers = means.timers
        self._rng = means.rng
        self._waiting: dict[str, _Waiting] = {}
        self._fleet.on_room = self._look_again

    def run(self, order: Order) -> Launched:
        """As many tasks as have a place; refuses a request for instances where there are none at all."""
        wanted = places(order.parameters, order.cluster)
        self._check_instances(order, wanted)
        tasks: list[Task] = []
        failures: dict[object, Mapping[str, Any]] = {}
        for place in wanted:
            found = self._run_fargate(order, place) if place.launch_type == "FARGATE" else self._run_ec2(order, place)
            if isinstance(found, Task):
                tasks.append(found)
            else:
                for failure in found:
                    failures[failure.get("arn", object())] = failure
        return Launched(tasks=tasks, failures=list(failures.values()))

    def start(self, order: Order) -> Launched:
        """One task on each instance that the request names."""
        tasks: list[Task] = []
        failures: list[Mapping[str, Any]] = []
        demand, zones = demand_of(order.definition, order.parameters), _zones(order)
        for name in order.parameters["containerInstances"]:
            instance = self._fleet.get(order.cluster.name, name)
            if instance is None:
                arn = self._fleet.arn_of(order.cluster.name, name.rpartition("/")[2])
                failures.append({"arn": arn, "reason": "MISSING"})
                continue
            reason = _unusable(instance) or demand_misfit(demand, zones, instance)
            if reason is not None:
                failures.append({"arn": instance.arn, "reason": reason})
                continue
            task = self._builder.build(order, _EC2)
            self._seat(task, order, Wish(demand=demand, group=task.group, zones=zones), instance)
            self._lives.begin(task)
            tasks.append(task)
        return Launched(tasks=tasks, failures=failures)

    def _check_instances(self, order: Order, wanted: Sequence[Place]) -> None:
        of_instances = [place for place in dict.fromkeys(wanted) if place.launch_type != "FARGATE"]
        if of_instances and not any(self._has_instances(order, place) for place in of_instances):
            where = "cluster" if of_instances[0].provider is None else "capacity provider"
            raise refuse(f"No Container Instances were found in your {where}.")
        may_wait = sum(1 for place in wanted if self._scales(place.provider))
        if may_wait and len(self._waiting_in(order.cluster.name)) + may_wait > MAX_WAITING:
            raise ApiError("ClientException", f"There can be at most {MAX_WAITING} tasks in PROVISIONING in a cluster.")

    def _has_instances(self, order: Order, place: Place) -> bool:
        """Whether a place has instances, now or once ECS scales."""
        return bool(self._fleet.active(order.cluster.name, place.provider)) or self._scales(place.provider)

    def _run_fargate(self, order: Order, place: Place) -> Task | list[Mapping[str, Any]]:
        subnet = self._builder.choose_subnet(order.subnets)
        refusal = self._refusal(place, subnet.availability_zone if subnet else None)
        if refusal is not None and not refusal.late:
            return [{"reason": refusal.reason}]
        task = self._builder.build(order, place)
        task.doom = None if refusal is None else refusal.reason
        if subnet is not None:
            self._builder.connect(task, subnet)
        self._lives.begin(task)
        return task

    def _run_ec2(self, order: Order, place: Place) -> Task | list[Mapping[str, Any]]:
        wish = _wish(order)
        found = self._choose(wish, order.cluster.name, place.provider)
        if isinstance(found, list):
            if self._scales(place.provider):
                return self._wait(order, place, wish)
            return _failures(found)
        refusal = self._refusal(place, found.zone)
        if refusal is not None and not refusal.late:
            return [{"reason": refusal.reason}]
        task = self._builder.build(order, place)
        task.doom = None if refusal is None else refusal.reason
        self._seat(task, order, wish, found)
        self._lives.begin(task)
        return task

    def _refusal(self, place: Place, zone: str | None) -> CapacityRefusal | None:
        def live_tasks(in_zone: str | None, of_provider: str | None) -> int:
            return sum(
                1
                for task in self._store.all()
                if task.desired_status == "RUNNING"
                and in_zone in (None, task.zone)
                and of_provider in (None, task.capacity_provider)
            )

        return self._faults.capacity_refusal(zone, place.provider, live_tasks)

    def _choose(self, wish: Wish, cluster: str, provider: str | None) -> ContainerInstance | list[Misfit]:
        everyone = list(self._fleet.all(cluster))
        return choose_instance(wish, self._fleet.active(cluster, provider), everyone, self._rng)

    def _seat(self, task: Task, order: Order, wish: Wish, instance: ContainerInstance) -> None:
        subnets = [subnet for subnet in order.subnets if subnet.availability_zone == instance.zone]
        subnet = self._builder.choose_subnet(subnets)
        if subnet is not None:
            self._builder.connect(task, subnet)
        self._fleet.seat(task, instance, wish.demand)

    # --- waiting for instances --------------------------------------------------------------------------------------

    def _scales(self, provider: str | None) -> bool:
        known = self._moto.capacity_providers().get(provider or "")
        return known is not None and known.has_managed_scaling

    def _wait(self, order: Order, place: Place, wish: Wish) -> Task:
        task = self._builder.build(order, place)
        self._waiting[task.task_id] = _Waiting(task=task, order=order, wish=wish)
        self._lives.wait(task, self._give_up)
        return task

    def _look_again(self, cluster: str) -> None:
        if self._waiting_in(cluster):
            self._timers.after(0, partial(self._seat_waiting, cluster))

    def _seat_waiting(self, cluster: str) -> None:
        with self._store.lock:
            for waiting in self._waiting_in(cluster):
                self._seat_if_it_fits(waiting)

    def _waiting_in(self, cluster: str) -> list[_Waiting]:
        """The tasks of a cluster that wait, without those that were stopped in the meantime."""
        self._waiting = {
            task_id: waiting for task_id, waiting in self._waiting.items() if waiting.task.desired_status == "RUNNING"
        }
        return [waiting for waiting in self._waiting.values() if waiting.task.cluster == cluster]

    def _seat_if_it_fits(self, waiting: _Waiting) -> None:
        task = waiting.task
        found = self._choose(waiting.wish, task.cluster, task.capacity_provider)
        if not isinstance(found, list):
            del self._waiting[task.task_id]
            self._seat(task, waiting.order, waiting.wish, found)
            self._lives.seated(task)

    def _give_up(self, task: Task) -> None:
        wish = self._waiting.pop(task.task_id).wish
        registered = [
            instance
            for instance in self._fleet.all(task.cluster)
            if instance.capacity_provider == task.capacity_provider and instance.status != "INACTIVE"
        ]
        found = self._choose(wish, task.cluster, task.capacity_provider)
        reasons = [misfit.reason for misfit in found] if isinstance(found, list) else []
        nobody = "NO ACTIVE INSTANCES" if registered else "EMPTY CAPACITY PROVIDER"
        self._lives.fail_to_start(task, reasons[0] if reasons else nobody)


def _wish(order: Order) -> Wish:
    parameters = order.parameters
    return Wish(
        demand=demand_of(order.definition, parameters),
        group=group_of(order),
        zones=_zones(order),
        constraints=[*order.definition.placement_constraints, *(parameters.get("placementConstraints") or ())],
        strategies=parameters.get("placementStrategy") or (),
    )


def _zones(order: Order) -> frozenset[str] | None:
    if order.definition.network_mode != "awsvpc":
        return None
    return frozenset(subnet.availability_zone for subnet in order.subnets)


def _unusable(instance: ContainerInstance) -> str | None:
    """Why StartTask cannot use an instance, needs apart."""
    if instance.status != "ACTIVE":
        return "INACTIVE"
    return None if instance.agent_connected else "AGENT"


def _failures(misfits: Sequence[Misfit]) -> list[Mapping[str, Any]]:
    if not misfits:
        return [{"reason": "EMPTY CAPACITY PROVIDER"}]
    return [{"arn": misfit.instance.arn, "reason": misfit.reason} for misfit in misfits]
