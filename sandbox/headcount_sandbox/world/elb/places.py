"""Where a target is, and how it will behave there: a real process on the loopback interface, or a simulated task."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs.addresses import Addresses
from headcount_sandbox.world.ecs.fleet import Fleet
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.task import Task
from headcount_sandbox.world.elb.configuration import TargetGroup
from headcount_sandbox.world.faults import Faults
from headcount_sandbox.world.runtimes.runtime import Runtime
from headcount_sandbox.world.sickness import Conduct

LOOPBACK = "127."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to connect to; what is not `real` is answered as its conduct says, without a connection."""

    host: str
    port: int
    conduct: Conduct | Literal["real"]
    status: int = 200
    task_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhabitants:
    """Who may be at an address."""

    store: TaskStore
    fleet: Fleet
    addresses: Addresses
    runtime: Runtime
    faults: Faults


class Places:
    """Finds targets; `balancer_port` says where the listener of a load balancer (ARN, port) really is."""

    def __init__(self, inhabitants: Inhabitants, balancer_port: Callable[[str, int], int | None]) -> None:
        self._store = inhabitants.store
        self._fleet = inhabitants.fleet
        self._addresses = inhabitants.addresses
        self._runtime = inhabitants.runtime
        self._faults = inhabitants.faults
        self._balancer_port = balancer_port

    def find(self, group: TargetGroup, target_id: str, port: int) -> Place:
        """The place of a target at this moment."""
        if group.target_type == "alb":
            bound = self._balancer_port(target_id, port)
            return Place(host="127.0.0.1", port=bound or 0, conduct="real" if bound else "refuse")
        if group.target_type == "ip" and target_id.startswith(LOOPBACK) and not self._faults.is_anybody_sick:
            return Place(host=target_id, port=port, conduct="real")
        with self._store.lock:
            return self._look(group, target_id, port)

    def _look(self, group: TargetGroup, target_id: str, port: int) -> Place:
        address = target_id if group.target_type == "ip" else self._instance_address(target_id)
        if address is None:
            return Place(host=target_id, port=port, conduct="refuse")
        task = self._addresses.task_at(address, port)
        sickness = None if task is None else self._faults.sickness(task.task_id, task.definition.family)
        conduct = "well" if task is None or sickness is None else sickness.now(_age(task))
        task_id = None if task is None else task.task_id
        if sickness is not None and conduct != "well":
            return Place(host=address, port=port, conduct=conduct, status=sickness.status, task_id=task_id)
        if address.startswith(LOOPBACK):
            return Place(host=address, port=port, conduct="real", task_id=task_id)
        is_there = task is not None and self._runtime.is_running(task.task_id) and _listens(task, port)
        return Place(host=address, port=port, conduct="well" if is_there else "refuse", task_id=task_id)

    def _instance_address(self, instance_id: str) -> str | None:
        try:
            return self._fleet.named(instance_id).address
        except KeyError:
            return None


def _age(task: Task) -> float:
    return world_time() - task.times.get("startedAt", world_time())


def _listens(task: Task, port: int) -> bool:
    """A simulated task listens at the ports that its definition names, or at any if it names none."""
    if task.eni is None:
        return True
    named = [one.get("containerPort") for item in task.definition.containers for one in item.get("portMappings") or ()]
    return port in named or not named
