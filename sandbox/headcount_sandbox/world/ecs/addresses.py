"""Which task an address belongs to: what a load balancer's targets really are."""

from headcount_sandbox.world.ecs.task import Task


class Addresses:
    """The last task at each address (or address and host port of an instance); under the lock of the task store."""

    def __init__(self) -> None:
        self._interfaces: dict[str, Task] = {}
        self._ports: dict[tuple[str, int], Task] = {}

    def follow(self, task: Task) -> None:
        """Takes in what became of a task; one that has stopped keeps its address until another one has it."""
        if task.last_status == "STOPPED":
            return
        if task.eni is not None:
            self._interfaces[task.eni.address] = task
        elif task.instance is not None:
            for binding in (one for bindings in task.bindings.values() for one in bindings):
                self._ports[task.instance.address, int(binding["hostPort"])] = task

    def task_at(self, address: str, port: int) -> Task | None:
        """Whose address it is or was last."""
        return self._interfaces.get(address) or self._ports.get((address, port))
