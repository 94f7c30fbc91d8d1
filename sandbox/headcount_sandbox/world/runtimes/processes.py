"""Tasks that are real processes of the operating system, each in a session, a directory and (on Linux) an address of
its own.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

import psutil

from headcount_sandbox.folders import temporary_folder
from headcount_sandbox.world.runtimes.exits import Exits
from headcount_sandbox.world.runtimes.runtime import CannotStartContainerError, OnExit, TaskUsage, Workload
from headcount_sandbox.world.timers import Timer, Timers

_FIRST_ADDRESS = (64 << 16) + 1  # 127.64.0.1: leaves 127.0.0.0/10 to others
_ADDRESSES = (1 << 22) - 2
_WATCHDOG = Path(__file__).with_name("watchdog.py")
_PYTHONS = frozenset({"python", "python3"})


@dataclass(slots=True, kw_only=True)
class _Running:
    process: "subprocess.Popen[bytes]"
    measured: psutil.Process
    on_exit: OnExit
    started_at: float = field(default_factory=time.monotonic)
    killer: Timer | None = None


class ProcessRuntime:
    """Runs the command line of a container; `python` means the sandbox's own interpreter.

    The process gets HOST and PORT: an address that it alone has where the system has a whole loopback network, else
    127.0.0.1; the container's port where it has an address, else a free one.
    """

    def __init__(self, timers: Timers, environment: Mapping[str, str]) -> None:
        self._timers = timers
        self._environment = environment
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._exits = Exits()
        self._reused: deque[str] = deque()
        self._directory = temporary_folder("tasks")
        self._next_address = _FIRST_ADDRESS + (os.getpid() * 1024) % _ADDRESSES  # two sandboxes seldom meet
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WATCHDOG)], stdin=subprocess.PIPE, start_new_session=True, text=True
        )
        self._exits.start()

    def address(self, subnet_cidr: str) -> str:  # noqa: ARG002 - a process can only have an address of this machine
        if sys.platform != "linux":
            return "127.0.0.1"
        with self._lock:
            if self._reused:
                return self._reused.popleft()
            number = self._next_address = self._next_address + 1
        number = _FIRST_ADDRESS + (number - _FIRST_ADDRESS) % _ADDRESSES
        return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    def start(self, workload: Workload, on_exit: OnExit) -> None:
        directory = Path(self._directory.name) / workload.task_id
        directory.mkdir()
        process = self._spawn(workload, directory)
        self._tell_watchdog("+", process.pid)
        with self._lock:
            self._running[workload.task_id] = _Running(
                process=process, measured=psutil.Process(process.pid), on_exit=on_exit
            )
        self._exits.watch(process, partial(self._exited, workload.task_id))

    def log_path(self, task_id: str) -> Path:
        """Where the output of a task goes."""
        return Path(self._directory.name) / task_id / "output.log"

    def terminate(self, task_id: str, kill_after: float) -> None:
        self._signal(task_id, signal.SIGTERM)
        with self._lock:
            running = self._running.get(task_id)
            if running is not None:
                running.killer = self._timers.after(kill_after, lambda: self.kill(task_id))

    warn = terminate

    def kill(self, task_id: str) -> None:
        self._signal(task_id, signal.SIGKILL)

    def usage(self, task_id: str) -> TaskUsage | None:
        with self._lock:
            running = self._running.get(task_id)
        if running is None:
            return None
        try:
            members = [running.measured, *running.measured.children(recursive=True)]
            times = [member.cpu_times() for member in members]
            memory = sum(member.memory_info().rss for member in members)
        except psutil.NoSuchProcess:
            return None
        cpu = sum(time.user + time.system for time in times)
        age = time.monotonic() - running.started_at
        return TaskUsage(cpu_seconds=cpu, memory_bytes=memory, processes=len(members), age_seconds=age)

    def pid(self, task_id: str) -> int | None:
        with self._lock:
            running = self._running.get(task_id)
        return None if running is None else running.process.pid

    def is_running(self, task_id: str) -> bool:
        return self.pid(task_id) is not None

    def reuse(self, address: str) -> None:
        with self._lock:
            self._reused.append(address)

    def stop(self) -> None:
        """Kills every process group at once, then what watches them."""
        with self._lock:
            left = list(self._running.values())
        for running in left:
            _signal_group(running.process.pid, signal.SIGKILL)
        for running in left:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(5)
        self._exits.stop()
        self._watchdog_input().close()
        self._watchdog.wait(5)
        self._directory.cleanup()

    def _spawn(self, workload: Workload, directory: Path) -> "subprocess.Popen[bytes]":
        if not workload.command:
            raise CannotStartContainerError(
                "CannotStartContainerError: the process runtime needs a command or an entryPoint; "
                f"the container of image {workload.image!r} has none"
            )
        program, *arguments = workload.command
        if program in _PYTHONS:
            program = sys.executable
        with (directory / "output.log").open("wb") as log:
            try:
                return subprocess.Popen(
                    [program, *arguments],
                    cwd=directory,
                    env=self._variables(workload),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise CannotStartContainerError(
                    f"CannotStartContainerError: exec {program!r}: {error.strerror or error}"
                ) from error

    def _variables(self, workload: Workload) -> dict[str, str]:
        has_own_address = workload.address != "127.0.0.1"
        port = workload.port if workload.port and has_own_address else _free_port(workload.address)
        own = {"HOST": workload.address, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
        return {**self._environment, **own, **workload.environment}

    def _exited(self, task_id: str, returncode: int) -> None:
        with self._lock:
            running = self._running.pop(task_id)
        if running.killer is not None:
            running.killer.cancel()
        pid = running.process.pid
        self._tell_watchdog("-", pid)
        running.on_exit(128 - returncode if returncode < 0 else returncode)

    def _signal(self, task_id: str, number: signal.Signals) -> None:
        with self._lock:  # while it is known here it has not been waited for by others: its id is its own
            running = self._running.get(task_id)
            if running is not None:
                _signal_group(running.process.pid, number)

    def _tell_watchdog(self, change: str, pid: int) -> None:
        with contextlib.suppress(BrokenPipeError, ValueError):  # the sandbox is ending
            stream = self._watchdog_input()
            stream.write(f"{change}{pid}\n")
            stream.flush()

    def _watchdog_input(self) -> IO[str]:
        assert self._watchdog.stdin is not None
        return self._watchdog.stdin


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        os.killpg(pid, number)


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
