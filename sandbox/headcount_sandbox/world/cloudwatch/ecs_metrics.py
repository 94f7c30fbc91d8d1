"""What ECS and Container Insights tell CloudWatch of tasks: CPU and memory, measured from their processes.

AWS: "Amazon ECS Container Insights metrics", "Amazon ECS service utilization metrics". Container Insights publishes a
datum for each task and minute, a minute late, in clusters that have it enabled. ECS itself publishes what tasks of
services use, every twenty seconds, in every cluster.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headcount_sandbox.world.cloudwatch.loads import Loads
from headcount_sandbox.world.cloudwatch.metrics import Metric, Metrics, sample
from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.task import Task
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.runtimes.runtime import Runtime

INSIGHTS = "ECS/ContainerInsights"
UNITS_A_CPU = 1024
_MIB = 1024 * 1024
_SERVICE = "service:"
_LOOKS_A_SERVICE_DATUM = 2  # of ten seconds each
_Dimensions = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What a task's processes had used at a (monotonic) moment, in CPU seconds."""

    at: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """What a task used of what it has: CPU units and MiB."""

    task: Task
    cpu: float
    memory: float
    cpu_reserved: float
    memory_reserved: float


class EcsMetrics:
    """Looks at tasks every ten seconds and every minute."""

    def __init__(self, metrics: Metrics, *, store: TaskStore, runtime: Runtime, moto: MotoApis, loads: Loads) -> None:
        self._metrics = metrics
        self._store = store
        self._runtime = runtime
        self._moto = moto
        self._loads = loads
        self._looks = 0
        self._minute: dict[str, _Mark] = {}
        self._third: dict[str, _Mark] = {}
        self._late: list[tuple[float, list[_Use]]] = []

    def look(self, now: float) -> None:
        """Ten seconds are over."""
        self._looks += 1
        if self._looks % _LOOKS_A_SERVICE_DATUM:
            return
        tasks = [task for task in self._running() if task.group.startswith(_SERVICE)]
        for use in self._uses(tasks, self._third):
            dimensions = _of(use.task.cluster, ServiceName=use.task.group.removeprefix(_SERVICE))
            for name, percent in (
                ("CPUUtilization", 100 * use.cpu / use.cpu_reserved),
                ("MemoryUtilization", 100 * use.memory / use.memory_reserved),
            ):
                self._add("AWS/ECS", name, dimensions, now, percent, "Percent")

    def publish(self, at: float) -> None:
        """The minute that began `at` is over: it is measured, and the one before it is published."""
        running = self._running()
        seen = {name for name in {task.cluster for task in running} if self._has_insights(name)}
        late, self._late = self._late, [(at, self._uses([one for one in running if one.cluster in seen], self._minute))]
        for began, uses in late:
            for use in uses:
                for dimensions in _dimensions(use.task):
                    for name, value, unit in (
                        ("CpuUtilized", use.cpu, "None"),
                        ("CpuReserved", use.cpu_reserved, "None"),
                        ("MemoryUtilized", use.memory, "Megabytes"),
                        ("MemoryReserved", use.memory_reserved, "Megabytes"),
                    ):
                        self._add(INSIGHTS, name, dimensions, began, value, unit)

    def _running(self) -> list[Task]:
        with self._store.lock:
            return [task for task in self._store.all() if task.last_status == "RUNNING"]

    def _has_insights(self, cluster: str) -> bool:
        found = self._moto.cluster(cluster)
        return found is not None and found.container_insights in ("enabled", "enhanced")

    def _uses(self, tasks: list[Task], marks: dict[str, _Mark]) -> list[_Use]:
        """What each used since its mark; `marks` are set anew."""
        families: dict[str, int] = {}
        for task in tasks:
            families[task.definition.family] = families.get(task.definition.family, 0) + 1
        before = dict(marks)
        marks.clear()
        uses = []
        for task in tasks:
            load, reserved = self._loads.of(task.definition.family), _reserved(task)
            if load.silent or not all(reserved):
                continue
            cpu = load.cpu(reserved[0], families[task.definition.family])
            memory = load.memory(reserved[1])
            if cpu is None or memory is None:
                measured = self._measured(task, before, marks)
                cpu = min(reserved[0], measured[0]) if cpu is None else cpu
                memory = measured[1] if memory is None else memory
            uses.append(_Use(task=task, cpu=cpu, memory=memory, cpu_reserved=reserved[0], memory_reserved=reserved[1]))
        return uses

    def _measured(self, task: Task, before: Mapping[str, _Mark], marks: dict[str, _Mark]) -> tuple[float, float]:
        """CPU units on average since the mark (or the start of its process) and MiB now."""
        usage, now = self._runtime.usage(task.task_id), time.monotonic()
        if usage is None:
            return 0.0, 0.0
        mark = before.get(task.task_id, _Mark(at=now - usage.age_seconds, cpu_seconds=0.0))
        marks[task.task_id] = _Mark(at=now, cpu_seconds=usage.cpu_seconds)
        passed = max(now - mark.at, 0.001)
        used = max(0.0, usage.cpu_seconds - mark.cpu_seconds)  # children that ended took theirs along
        return used / passed * UNITS_A_CPU, usage.memory_bytes / _MIB

    def _add(self, namespace: str, name: str, dimensions: _Dimensions, at: float, value: float, unit: str) -> None:
        self._metrics.add(Metric(namespace=namespace, name=name, dimensions=dimensions), sample(at, {value: 1}, unit))


def _reserved(task: Task) -> tuple[float, float]:
    """CPU units and MiB: of the task, or of its containers together."""
    overrides, definition = task.overrides, task.definition
    cpu = overrides.get("cpu") or definition.cpu or sum(int(one.get("cpu") or 0) for one in definition.containers)
    memory = overrides.get("memory") or definition.memory
    if memory is None:
        memory = sum(int(one.get("memory") or one.get("memoryReservation") or 0) for one in definition.containers)
    return float(cpu), float(memory)


def _dimensions(task: Task) -> Iterator[_Dimensions]:
    yield _of(task.cluster)
    yield _of(task.cluster, TaskDefinitionFamily=task.definition.family)
    if task.group.startswith(_SERVICE):
        yield _of(task.cluster, ServiceName=task.group.removeprefix(_SERVICE))


def _of(cluster: str, **others: str) -> _Dimensions:
    return frozenset({("ClusterName", cluster), *others.items()})
