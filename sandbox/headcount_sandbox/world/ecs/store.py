"""The tasks of the sandbox, by cluster, with the lock under which they change."""

import threading
from collections.abc import Iterator

from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs.task import Task


class TaskStore:
    """Tasks until `retention` seconds after they stopped; every access under `lock`."""

    def __init__(self, retention: float) -> None:
        self.lock = threading.RLock()
        self._retention = retention
        self._tasks: dict[str, Task] = {}

    def add(self, task: Task) -> None:
        self._tasks[task.task_id] = task

    def get(self, cluster: str, task_or_arn: str) -> Task | None:
        """A task of a cluster by id or ARN; None where ECS would say MISSING."""
        task = self._tasks.get(task_or_arn.rpartition("/")[2])
        known = task is not None and task.cluster == cluster and task_or_arn in (task.task_id, task.arn)
        return task if known and not self._is_forgotten(task) else None  # type: ignore[arg-type] # known: not None

    def forget(self, task: Task) -> None:
        """From now on ECS says MISSING."""
        self._tasks.pop(task.task_id, None)

    def by_id(self, task_id: str) -> Task:
        """A task by its id (or ARN), whatever its cluster; raises KeyError."""
        return self._tasks[task_id.rpartition("/")[2]]

    def all(self, cluster: str | None = None) -> Iterator[Task]:
        """Tasks in the order of their creation; forgets those that stopped long ago."""
        for task in tuple(self._tasks.values()):
            if self._is_forgotten(task):
                del self._tasks[task.task_id]
            elif cluster in (None, task.cluster):
                yield task

    def _is_forgotten(self, task: Task) -> bool:
        stopped = task.times.get("stoppedAt")
        return stopped is not None and world_time() - stopped > self._retention
