"""The life of a task from PROVISIONING to STOPPED: each change raises the version and is announced."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from headcount_sandbox.world.clock import world_time
from headcount_sandbox.world.ecs.demands import bind_ports
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
    waiting_for_instances: float = 600.0  # at most, in PROVISIONING, where a capacity provider scales by itself


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
        """Takes in a task that was accepted and has its place."""
        with self._store.lock:
            self._store.add(task)
            if task.eni is None and task.instance is not None and task.doom is None:
                # there is nothing to provision: AWS begins with PENDING
                task.last_status = "PENDING"
                task.times["connectivityAt"] = world_time()
            self._announce(task)
            self._go_on(task)

    def wait(self, task: Task, on_timeout: Callable[[Task], None]) -> None:
        """Takes in a task that was accepted and has no instance yet."""
        with self._store.lock:
            self._store.add(task)
            self._announce(task)
            self._later(task, self._delays.waiting_for_instances, on_timeout)

    def seated(self, task: Task) -> None:
        """A task that waited has its instance now."""
        with self._store.lock:
            if task.timer is not None:
                task.timer.cancel()
            self._go_on(task)

    def _go_on(self, task: Task) -> None:
        if task.last_status == "PENDING":
            self._later(task, self._delays.pending, self._activate)
        else:
            self._later(task, self._delays.provisioning, self._pend)

    def stop(self, task: Task, reason: str | None) -> None:
        """StopTask: idempotent on a task that is stopping or stopped."""
        with self._store.lock:
            if self._condemn(task, "UserInitiated", reason or "Task stopped by user"):
                self._later(task, 0, self._step_down)

    def interrupt(self, task: Task, warning_seconds: float) -> None:
        """A Spot notice: the task is dying from now on and runs until it obeys SIGTERM or the time is up."""
        with self._store.lock:
            if not self._condemn(task, "SpotInterruption", _SPOT_REASON):
                return
            if _is_started(task):
                self._runtime.warn(task.task_id, warning_seconds)
            else:
                self._later(task, 0, self._step_down)

    def end(self, task: Task, code: str, reason: str) -> None:
        """ECS itself stops a task, as gently as StopTask does."""
        with self._store.lock:
            if self._condemn(task, code, reason):
                self._later(task, 0, self._step_down)

    def fail_to_start(self, task: Task, reason: str) -> None:
        """Ends a task that never got to its containers."""
        with self._store.lock:
            if self._condemn(task, "TaskFailedToStart", reason):
                self._later(task, self._delays.stopping, self._step_down)

    def lose(self, task: Task, code: str, reason: str) -> None:
        """ECS gives a task up with its instance: STOPPED at once, with no more steps and no exit code."""
        with self._store.lock:
            if task.last_status == "STOPPED":
                return
            if task.desired_status == "RUNNING":
                self._mark_dying(task, code, reason)
            task.held.clear()
            self._end(task)

    def kill(self, task: Task) -> None:
        """SIGKILL to what runs of a task, if anything does."""
        self._runtime.kill(task.task_id)

    def resume(self, task: Task) -> None:
        """The agent is connected again: ECS learns what happened in the meantime."""
        with self._store.lock:
            held, task.held = task.held, []
            for report in held:
                report()

    def _pend(self, task: Task) -> None:
        if task.doom is not None:
            self.fail_to_start(task, task.doom)
            return
        now = world_time()
        if task.eni is not None:
            task.eni.status = "ATTACHED"
        task.times["connectivityAt"] = now
        self._change(task, "PENDING")
        self._later(task, self._delays.pending, self._activate)

    def _activate(self, task: Task) -> None:
        task.times["pullStartedAt"] = world_time()
        self._change(task, "ACTIVATING")
        self._later(task, self._delays.activating, self._run)

    def _run(self, task: Task) -> None:
        failure = self._faults.start_failure(task.definition.family)
        if failure is not None:
            self._fail_container(task, failure)
            return
        task.times["pullStoppedAt"] = world_time()
        if task.instance is not None:
            task.bindings, task.dynamic_ports = bind_ports(task.definition, task.instance.taken_tcp)
        try:
            self._runtime.start(self._workload(task), partial(self._exited, task))
        except CannotStartContainerError as error:
            self._fail_container(task, str(error))
            return
        task.times["startedAt"] = world_time()
        _set_containers(task, "RUNNING")
        self._change(task, "RUNNING")

    def _fail_container(self, task: Task, reason: str) -> None:
        _main(task).reason = reason
        self.fail_to_start(task, reason)

    def _exited(self, task: Task, exit_code: int) -> None:
        with self._store.lock:
            if not task.is_reachable:  # told once the agent is back: never, where the instance is gone
                task.held.append(partial(self._exited, task, exit_code))
                return
            task.exited = True
            task.times["executionStoppedAt"] = world_time()
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
        now = world_time()
        task.times.setdefault("executionStoppedAt", now)
        task.times["stoppedAt"] = now
        if task.eni is not None:
            task.eni.status = "DELETED"
        _set_containers(task, "STOPPED")
        self._change(task, "STOPPED")

    def _condemn(self, task: Task, code: str, reason: str) -> bool:
        """From now on the task is dying, and everybody hears of it; False where it was dying already."""
        if task.desired_status == "STOPPED":
            return False
        self._mark_dying(task, code, reason)
        if code == "UserInitiated":
            task.tags.clear()  # AWS deletes the tags of a task that it is asked to stop
        self._change(task, task.last_status)
        return True

    def _mark_dying(self, task: Task, code: str, reason: str) -> None:
        task.desired_status = "STOPPED"
        task.stop_code = code
        task.stopped_reason = reason
        task.times["stoppingAt"] = world_time()
        if task.timer is not None:
            task.timer.cancel()

    def _change(self, task: Task, status: str) -> None:
        task.last_status = status
        task.version += 1
        task.times["updatedAt"] = world_time()
        self._announce(task)

    def _later(self, task: Task, seconds: float, step: Callable[[Task], None]) -> None:
        if task.desired_status == "RUNNING" and self._faults.is_stuck(task.last_status, task.definition.family):
            task.timer = None
            return
        task.timer = self._timers.after(seconds, partial(self._step, task, step, task.version))

    def _step(self, task: Task, step: Callable[[Task], None], version: int) -> None:
        with self._store.lock:
            if task.version != version:  # something else happened to the task in the meantime
                return
            if task.is_reachable:
                step(task)
            else:
                task.held.append(partial(self._step, task, step, version))


def _main(task: Task) -> Container:
    return task.containers[task.essential]


def _is_started(task: Task) -> bool:
    return "startedAt" in task.times


def _set_containers(task: Task, status: str, exit_code: int | None = None) -> None:
    for container in task.containers:
        container.last_status = status
        if exit_code is not None:
            container.exit_code = exit_code
