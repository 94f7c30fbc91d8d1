"""What an engine tells about the tasks of Swarm, read: its events of containers, and the objects of tasks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.measurement import NotMeasured
from bench.peers.points import Replaced, ScaledUp

_TASK = "com.docker.swarm.task.id"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEvent:
    """Something that happened to the container of a task. ``at``: epoch seconds, by the engine's clock."""

    at: float
    action: str
    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmTask:
    """``created_at``: when the manager asked for it; ``state_at``: since when it is in its state. Epoch seconds."""

    task_id: str
    created_at: float
    state: str
    state_at: float

    @property
    def runs(self) -> bool:
        return self.state == "running"


def read_event(document: Mapping[str, Any]) -> ContainerEvent | None:
    """One event; None for what is not about the container of a task."""
    attributes = document.get("Actor", {}).get("Attributes", {})
    if document.get("Type") != "container" or _TASK not in attributes:
        return None
    return ContainerEvent(at=document["timeNano"] / 1e9, action=document["Action"], task_id=attributes[_TASK])


def read_task(document: Mapping[str, Any]) -> SwarmTask:
    """One object of the tasks API."""
    status = document["Status"]
    return SwarmTask(
        task_id=document["ID"],
        created_at=_epoch(document["CreatedAt"]),
        state=status["State"],
        state_at=_epoch(status["Timestamp"]),
    )


def replacement(killed_at: float, events: Iterable[ContainerEvent], tasks: Iterable[SwarmTask]) -> Replaced:
    """Put together what followed a kill. Raises ``NotMeasured`` unless one task died and one took its place."""
    deaths = [event for event in events if event.action == "die" and event.at >= killed_at]
    started = [task for task in tasks if task.created_at >= killed_at]
    if len(deaths) != 1 or len(started) != 1:
        raise NotMeasured(f"one task was killed; Swarm saw {len(deaths)} die, and asked for {len(started)} others")
    (death,), (new,) = deaths, started
    return Replaced(
        killed_at=killed_at,
        seen_at=death.at,
        requested_at=new.created_at,
        handed_over_at=_when("create", new, events),
        running_at=_when("start", new, events),
    )


def growth(asked_at: float, further: int, events: Iterable[ContainerEvent], tasks: Iterable[SwarmTask]) -> ScaledUp:
    """Put together what followed a higher count. Raises ``NotMeasured`` unless ``further`` tasks were started."""
    started = [task for task in tasks if task.created_at >= asked_at]
    if len(started) != further:
        raise NotMeasured(f"{further} further tasks were asked for; Swarm has {len(started)} of them")
    return ScaledUp(
        asked_at=asked_at,
        requested_at=min(task.created_at for task in started),
        all_requested_at=max(task.created_at for task in started),
        handed_over_at=min(_when("create", task, events) for task in started),
        running_at=max(_when("start", task, events) for task in started),
    )


def _when(action: str, task: SwarmTask, events: Iterable[ContainerEvent]) -> float:
    """When the engine had done something with a task's container: the first that anybody could see of it."""
    found = [event.at for event in events if event.action == action and event.task_id == task.task_id]
    if not found:
        raise NotMeasured(f"task {task.task_id} is {task.state}, but the engine told no {action} of its container")
    return found[0]


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
