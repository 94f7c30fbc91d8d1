"""Tasks without a process: they run until they are stopped, or as their command says."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from headcount_sandbox.world.runtimes.runtime import CannotStartContainerError, OnExit, TaskUsage, Workload
from headcount_sandbox.world.timers import Timer, Timers

_RESERVED_ADDRESSES = 4  # AWS keeps the first four of a subnet
_SIGTERM_EXIT, _SIGKILL_EXIT = 143, 137


@dataclass(slots=True)
class _Running:
    on_exit: OnExit
    timer: Timer | None = None


class SimulatedRuntime:
    """Runs `["simulate", "exit", "<code>", "after", "<seconds>"]`, or nothing at all for ever."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._addresses: dict[str, int] = {}
        self._reused: deque[str] = deque()

    def address(self, subnet_cidr: str) -> str:
        network = IPv4Network(subnet_cidr)
        with self._lock:
            if self._reused:
                return self._reused.popleft()
            used = self._addresses[subnet_cidr] = self._addresses.get(subnet_cidr, -1) + 1
        usable = max(1, network.num_addresses - _RESERVED_ADDRESSES - 1)
        return str(network[min(_RESERVED_ADDRESSES + used % usable, network.num_addresses - 1)])

    def start(self, workload: Workload, on_exit: OnExit) -> None:
        script = _script(workload.command)
        with self._lock:
            running = self._running[workload.task_id] = _Running(on_exit)
        if script is not None:
            code, seconds = script
            running.timer = self._timers.after(seconds, lambda: self.exit(workload.task_id, code))

    def terminate(self, task_id: str, kill_after: float) -> None:  # noqa: ARG002 - it stops when told
        self._timers.after(0, lambda: self.exit(task_id, _SIGTERM_EXIT))

    def warn(self, task_id: str, kill_after: float) -> None:
        self._timers.after(kill_after, lambda: self.exit(task_id, _SIGTERM_EXIT))

    def kill(self, task_id: str) -> None:
        self._timers.after(0, lambda: self.exit(task_id, _SIGKILL_EXIT))

    def exit(self, task_id: str, code: int) -> None:
        """Ends the task as if its process had exited."""
        with self._lock:
            running = self._running.pop(task_id, None)
        if running is not None:
            if running.timer is not None:
                running.timer.cancel()
            running.on_exit(code)

    def usage(self, task_id: str) -> TaskUsage | None:  # noqa: ARG002 - there is nothing to measure
        return None

    def pid(self, task_id: str) -> int | None:  # noqa: ARG002 - there is no process
        return None

    def is_running(self, task_id: str) -> bool:
        with self._lock:
            return task_id in self._running

    def reuse(self, address: str) -> None:
        with self._lock:
            self._reused.append(address)

    def stop(self) -> None:
        with self._lock:
            self._running.clear()


def _script(command: Sequence[str]) -> tuple[int, float] | None:
    match command:
        case ["simulate", "exit", code, "after", seconds]:
            return int(code), float(seconds)
        case ["simulate", *_]:
            raise CannotStartContainerError(
                'CannotStartContainerError: a simulated task understands ["simulate", "exit", "<code>", "after", '
                '"<seconds>"] only'
            )
        case _:
            return None
