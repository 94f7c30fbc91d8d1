"""Where tasks are reached: addresses of their own, or ports of their container instance. Some are soon used again."""

from collections.abc import Callable
from typing import Final

from headcount.model.target import Endpoint
from headcount.model.task import HostPort, ObservedTask
from headcount.model.values import replace
from headcount_simulation.ecs_tasks import EcsTask

ANY_PORT: Final = 0  # of an address that one task has to itself
FIRST_HOST_PORT: Final = 32768
HOSTS: Final = 250
CONTAINER: Final = "app"


class Addresses:
    """Who has which endpoint. ``ports``: the container ports of services that have any.

    ``few``: services whose next task gets the address that was given back last, as in a subnet that is nearly full.
    """

    def __init__(self) -> None:
        self.ports: dict[str, tuple[int, ...]] = {}
        self.few: set[str] = set()
        self.holders: dict[Endpoint, EcsTask] = {}
        self._networks: dict[str, int] = {}
        self._given: dict[str, int] = {}
        self._free: dict[str, list[Endpoint]] = {}
        self._held: dict[str, list[Endpoint]] = {}

    def give(self, task: EcsTask) -> ObservedTask:
        """The task as ECS tells it once it has where it is reached."""
        service = str(task.service)
        if task.instance is None or not task.on_host:
            address, _ = self._next(task, service, lambda number: (self._address(service, number), ANY_PORT))
            return replace(task.observed, address=address)
        machine = task.instance.ec2_instance
        ports = tuple(
            HostPort(container=CONTAINER, container_port=port, host_port=self._host_port(task, machine))
            for port in self.ports.get(service, ())
        )
        return replace(task.observed, ports=ports)

    def take_back(self, task: EcsTask) -> None:
        """The task is gone."""
        service = str(task.service)
        for endpoint in self._held.pop(task.task_id, ()):
            if self.holders.get(endpoint) is task:
                del self.holders[endpoint]
            owner = service if endpoint[1] == ANY_PORT else endpoint[0]
            self._free.setdefault(owner, []).append(endpoint)

    def _host_port(self, task: EcsTask, machine: str) -> int:
        return self._next(task, machine, lambda number: (machine, FIRST_HOST_PORT + number))[1]

    def _next(self, task: EcsTask, owner: str, numbered: Callable[[int], Endpoint]) -> Endpoint:
        free = self._free.get(owner)
        if free and str(task.service) in self.few:
            endpoint = free.pop()
        else:
            number = self._given[owner] = self._given.get(owner, -1) + 1
            endpoint = numbered(number)
        self.holders[endpoint] = task
        self._held.setdefault(task.task_id, []).append(endpoint)
        return endpoint

    def _address(self, service: str, number: int) -> str:
        network = self._networks.setdefault(service, len(self._networks))
        return f"10.{network % HOSTS}.{number // HOSTS % HOSTS}.{number % HOSTS + 1}"
