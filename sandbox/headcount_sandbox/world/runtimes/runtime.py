"""What runs a task: the need of the life cycle, whoever fulfils it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class CannotStartContainerError(Exception):
    """The container cannot be started; the message is what ECS would report as the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a container is to run: a whole command line, its environment, its address and its port (0: any)."""

    task_id: str
    command: Sequence[str]
    environment: Mapping[str, str]
    address: str
    port: int
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskUsage:
    """CPU seconds since the start and resident memory in bytes, children included; real seconds since the start."""

    cpu_seconds: float
    memory_bytes: int
    processes: int
    age_seconds: float


OnExit = Callable[[int], None]


class Runtime(Protocol):
    """Starts and ends workloads; `on_exit` gets the exit code, once, from a thread of the runtime's own."""

    def address(self, subnet_cidr: str) -> str:
        """An address for a new task."""
        ...

    def start(self, workload: Workload, on_exit: OnExit) -> None:
        """Starts a workload; raises `CannotStartContainerError`."""
        ...

    def terminate(self, task_id: str, kill_after: float) -> None:
        """SIGTERM now, SIGKILL after `kill_after` seconds; nothing for what is not running."""
        ...

    def warn(self, task_id: str, kill_after: float) -> None:
        """The signal of a Spot interruption: like `terminate`, for those that can hear it."""
        ...

    def kill(self, task_id: str) -> None:
        """SIGKILL; nothing for what is not running."""
        ...

    def usage(self, task_id: str) -> TaskUsage | None:
        """What a running workload uses; None where nothing runs or nothing can be measured."""
        ...

    def pid(self, task_id: str) -> int | None:
        """The operating system's process, where there is one."""
        ...

    def is_running(self, task_id: str) -> bool:
        """Whether the workload of a task runs at this moment."""
        ...

    def reuse(self, address: str) -> None:
        """Hands out an address again: the next task (or instance) gets it."""
        ...

    def stop(self) -> None:
        """Ends everything that runs."""
        ...
