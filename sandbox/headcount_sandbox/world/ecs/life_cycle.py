"""The life of a task from PROVISIONING to STOPPED: each change raises the version and is announced."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from headcount_sandbox.world.ecs.store import TaskStore
from headcount_sandbox.world.ecs.task import Container, Task
from headcount_sandbox.world.faults import Faults
from headcount_sandbox.world.runtimes.runtime import CannotStartContainerError, Runtime, Workload
from headcount_sandbox.world.timers import Timers

_EXIT_REASON = "Essential container in task exited"
_SPOT_REASON = "Your Spot Task was interrupted."


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCycle:
    """How long a task stays in each state, in seconds (on Fargate: tens of seconds until RUNNING)."""

    provisioning: float = 0.05
    pending: float = 0.05
    activating: float = 0.05
    deactivating: float = 0.05
    stopping: float = 0.05
    deprovisioning: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a life cycle works with."""

    store: TaskStore
    timers: Timers
    runtime: Runtime
    faults: Faults
    workload: Callable[[Task], Workload]
    announce: Callable[[Task], None]


class TaskLives:
    """Moves tasks through their states; public methods may be called from any thread."""

    def __init__(self, delays: LifeCycle, surroundings: Surroundings) -> None:
        self._delays = delays
        self._store = surroundings.store
        self._timers = surroundings.timers
        self._runtime = surroundings.runtime
        self._faults = surroundings.faults
        self._workload = surroundings.workload
        self._announce = surroundings.announce

    def begin(self, task: Task) -> None:
        """Takes in a task that RunTask accepted."""
        with self._store.lock:
            self._store.add(task)
            self._announce(task)
            self._later(task, self._delays.provisioning, self._pend)

    def stop(self, task: Task, reason: str | None) -> None:
        """StopTask: idempotent on a task that is stopping or stopped."""
        with self._store.lock:
            if task.desired_status == "STOPPED":
                return
            self._mark_dying(task, "UserInitiated", reason or "Task stopped by user")
            task.tags.clear()  # AWS deletes the tags of a task that it is asked to stop
            self._change(task, task.last_status)
            self._later(task, 0, self._step_down)

    def interrupt(self, task: Task, warning_seconds: float) -> None:
        """A Spot notice: the task is dying from now on and runs until it obeys SIGTERM or the time is up."""
        with self._store.lock:
            if task.desired_status == "STOPPED":
                return
            self._mark_dying(task, "SpotInterruption", _SPOT_REASON)
            self._change(task, task.last_status)
            if _is_started(task):
                self._runtime.warn(task.task_id, warning_seconds)
            else:
                self._later(task, 0, self._step_down)

    def fail(self, task: Task, code: str, reason: str) -> None:
        """Ends a task for a reason of AWS's, such as a host that died."""
        with self._store.lock:
            if task.desired_status == "STOPPED":
                return
            self._mark_dying(task, code, reason)
            self._change(task, task.last_status)
            if _is_started(task):
                self._runtime.kill(task.task_id)
            else:
                self._later(task, 0, self._step_down)

    def _pend(self, task: Task) -> None:
        now = time.time()
        if task.eni is not None:
            task.eni.status = "ATTACHED"
        task.times["connectivityAt"] = now
        self._change(task, "PENDING")
        self._later(task, self._delays.pending, self._activate)

    def _activate(self, task: Task) -> None:
        task.times["pullStartedAt"] = time.time()
        self._change(task, "ACTIVATING")
        self._later(task, self._delays.activating, self._run)

    def _run(self, task: Task) -> None:
        failure = self._faults.start_failure(task.definition.family)
        if failure is not None:
            self._fail_to_start(task, failure)
            return
        task.times["pullStoppedAt"] = time.time()
        try:
            self._runtime.start(self._workload(task), partial(self._exited, task))
        except CannotStartContainerError as error:
            self._fail_to_start(task, str(error))
            return
        task.times["startedAt"] = time.time()
        _set_containers(task, "RUNNING")
        self._change(task, "RUNNING")

    def _fail_to_start(self, task: Task, reason: str) -> None:
        self._mark_dying(task, "TaskFailedToStart", reason)
        _main(task).reason = reason
        self._change(task, task.last_status)
        self._later(task, self._delays.stopping, self._step_down)

    def _exited(self, task: Task, exit_code: int) -> None:
        with self._store.lock:
            task.exited = True
            task.times["executionStoppedAt"] = time.time()
            _set_containers(task, "STOPPED", 0)
            _main(task).exit_code = exit_code
            if task.desired_status == "RUNNING":
                self._mark_dying(task, "EssentialContainerExited", _EXIT_REASON)
            if task.last_status in ("RUNNING", "STOPPING"):
                self._step_down(task)

    def _step_down(self, task: Task) -> None:
        """The next state on the way to STOPPED."""
        match task.last_status:
            case "RUNNING":
                self._change(task, "DEACTIVATING")
                self._later(task, self._delays.deactivating, self._step_down)
            case "DEACTIVATING":
                self._change(task, "STOPPING")
                if task.exited:
                    self._later(task, self._delays.stopping, self._step_down)
                else:  # its exit leads on
                    self._runtime.terminate(task.task_id, task.stop_timeout)
            case "DEPROVISIONING":
                self._end(task)
            case "STOPPED":
                return
            case _:
                self._change(task, "DEPROVISIONING")
                self._later(task, self._delays.deprovisioning, self._step_down)

    def _end(self, task: Task) -> None:
        now = time.time()
        task.times.setdefault("executionStoppedAt", now)
        task.times["stoppedAt"] = now
        if task.eni is not None:
            task.eni.status = "DELETED"
        _set_containers(task, "STOPPED")
        self._change(task, "STOPPED")

    def _mark_dying(self, task: Task, code: str, reason: str) -> None:
        task.desired_status = "STOPPED"
        task.stop_code = code
        task.stopped_reason = reason
        task.times["stoppingAt"] = time.time()
        if task.timer is not None:
            task.timer.cancel()

    def _change(self, task: Task, status: str) -> None:
        task.last_status = status
        task.version += 1
        task.times["updatedAt"] = time.time()
        self._announce(task)

    def _later(self, task: Task, seconds: float, step: Callable[[Task], None]) -> None:
        if task.desired_status == "RUNNING" and self._faults.is_stuck(task.last_status, task.definition.family):
            task.timer = None
            return
        task.timer = self._timers.after(seconds, partial(self._step, task, step, task.version))

    def _step(self, task: Task, step: Callable[[Task], None], version: int) -> None:
        with self._store.lock:
            if task.version == version:  # else something else happened to the task in the meantime
                step(task)


def _main(task: Task) -> Container:
    return task.containers[task.essential]


def _is_started(task: Task) -> bool:
    return "startedAt" in task.times


def _set_containers(task: Task, status: str, exit_code: int | None = None) -> None:
    for container in task.containers:
        container.last_status = status
        if exit_code is not None:
            container.exit_code = exit_code
