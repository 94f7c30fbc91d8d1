"""All processes of one function: who gets which invocation, when another process starts, and what follows a death.

As on Lambda: one invocation at a time a process; no idle process means a cold start, up to a cap (there the account's
concurrency, here what a laptop bears); beyond it invocations wait in order.
"""

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from headcount_sandbox.platform.deployment import Function, Place
from headcount_sandbox.platform.function_logs import new_stream, write_platform_line
from headcount_sandbox.platform.lambda_runtime import FunctionProcess, Launch, Spawner, error_payload, new_access_key
from headcount_sandbox.platform.lineage import Lineage
from headcount_sandbox.platform.runtime_api import Delivery
from headcount_sandbox.world.clock import world_clock, world_time
from headcount_sandbox.world.timers import Timers

# AWS allows 10 s for imports; a laptop that starts everything at once on two cores needs more.
INIT_SECONDS = 30.0
RECURSION = "Recursive invocations were detected: the function has been invoked by the same event too often."


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an invocation ended; a failed one carries Lambda's error document as its payload."""

    request_id: str
    payload: bytes
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One run of a function. `done` is called exactly once, from any thread, and must be quick.

    `lineage` is the chain of events that it belongs to.
    """

    payload: bytes
    done: Callable[[Outcome], None]
    lineage: Lineage = field(default_factory=Lineage)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What happened to a function so far. `init_seconds`: from a process's start to its first call."""

    invocations: int = 0
    errors: int = 0
    timeouts: int = 0
    cold_starts: int = 0
    init_seconds: tuple[float, ...] = ()


class Callers(Protocol):
    """Where a process is made known under its access key, so that its calls can be told from others' and made fatal."""

    def add(self, access_key: str, function_name: str, kill: Callable[[], None]) -> None: ...

    def remove(self, access_key: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What all functions share."""

    place: Place
    logs: Path
    spawner: Spawner
    timers: Timers
    callers: Callers
    processes_per_function: int = 3


class FunctionPool:
    """Runs invocations of one function."""

    def __init__(self, function: Function, host: Host) -> None:
        self.function = function
        self.log = host.logs / function.name
        self.log.mkdir(exist_ok=True)
        self._host = host
        self._lock = threading.Condition()  # notified when a process has ended
        self._waiting: deque[Invocation] = deque()
        self._alive: set[FunctionProcess] = set()  # until they have really ended
        self._processes: set[FunctionProcess] = set()  # those that may get work
        self._starting: set[FunctionProcess] = set()
        self._idle: list[FunctionProcess] = []
        self._returning: set[FunctionProcess] = set()  # answered, and about to ask for the next invocation
        self._busy: dict[FunctionProcess, Invocation] = {}
        self._statistics = Statistics()
        self._closed = False

    @property
    def capacity(self) -> int:
        """How many processes it may have at a time."""
        reserved = self.function.reserved_concurrency
        cap = self._host.processes_per_function
        return cap if reserved is None else min(reserved, cap)

    @property
    def statistics(self) -> Statistics:
        with self._lock:
            return self._statistics

    def submit(self, invocation: Invocation) -> None:
        """Runs it as soon as a process is free; where it would go on with a recursive loop it fails."""
        if is_stopped(self.function, invocation.lineage):
            invocation.done(stopped(invocation))
            return
        with self._lock:
            closed = self._closed
            if not closed:
                self._waiting.append(invocation)
                self._dispatch()
        if closed:
            invocation.done(_crash(invocation, "Runtime exited with error: the sandbox stopped"))

    def kill(self) -> int:
        """SIGKILL to every process; the number of them."""
        with self._lock:
            doomed = list(self._alive)
        for process in doomed:
            process.kill()
        return len(doomed)

    def close(self) -> None:
        """Kills everything and fails what is waiting."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
            self._waiting.clear()
        self.kill()
        for invocation in waiting:
            invocation.done(_crash(invocation, "Runtime exited with error: the sandbox stopped"))

    def wait_for_exits(self, seconds: float) -> bool:
        """Whether all processes have ended within the time."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._alive, seconds)

    def pids(self) -> tuple[int, ...]:
        with self._lock:
            return tuple(process.pid for process in self._alive if process.pid is not None)

    # --------------------------------------------------------------------- what processes tell (ProcessOwner)

    def initialized(self, process: FunctionProcess) -> None:
        with self._lock:
            if process in self._starting:
                self._count_cold_start(process)
            self._returning.discard(process)
            if process in self._processes:
                self._idle.append(process)
                self._dispatch()

    def responded(self, process: FunctionProcess, request_id: str, payload: bytes, *, failed: bool) -> None:
        with self._lock:
            invocation = self._busy.get(process)
            if invocation is None or invocation.request_id != request_id:
                return  # too late: it has timed out
            del self._busy[process]
            self._returning.add(process)
        self._finish(invocation, Outcome(request_id=request_id, payload=payload, failed=failed))

    def exited(self, process: FunctionProcess) -> None:
        with self._lock:
            was_starting = process in self._starting
            self._forget(process)
            self._alive.discard(process)
            self._lock.notify_all()
            invocation = self._busy.pop(process, None)
            if invocation is not None and not process.has_work:
                self._waiting.appendleft(invocation)  # it died while idle: the invocation is as good as new
                invocation = None
            # On Lambda too, the invocation that caused a cold start gets the error of a failed initialization.
            if invocation is None and was_starting and self._waiting:
                invocation = self._waiting.popleft()
            self._dispatch()
        self._host.callers.remove(process.launch.access_key)
        if invocation is not None:
            self._finish(invocation, _outcome_of_death(invocation, process))

    # ------------------------------------------------------------------------------------------------ inside

    def _dispatch(self) -> None:
        """Gives work to idle processes, the most recent first, and starts as many as are missing."""
        while self._waiting and self._idle:
            self._begin(self._idle.pop(), self._waiting.popleft())
        soon = len(self._starting) + len(self._returning)
        room = 0 if self._closed else self.capacity - len(self._processes)
        for _ in range(min(len(self._waiting) - soon, room)):
            self._start_process()

    def _begin(self, process: FunctionProcess, invocation: Invocation) -> None:
        self._busy[process] = invocation
        timeout = self.function.timeout
        self._host.timers.after(timeout, lambda: self._time_out(process, invocation))
        process.give(
            Delivery(
                request_id=invocation.request_id,
                payload=invocation.payload,
                function_arn=self.function.arn,
                deadline=int((world_time() + timeout * world_clock().scale) * 1000),
                trace_id=invocation.lineage.through(self.function.arn).trace_header(),
            )
        )

    def _start_process(self) -> None:
        key = new_access_key()
        log = new_stream(self.log, key)
        launch = Launch(function=self.function, place=self._host.place, log=log, access_key=key)
        process = FunctionProcess(launch, self)
        self._alive.add(process)
        self._processes.add(process)
        self._starting.add(process)
        self._host.callers.add(launch.access_key, self.function.name, process.kill)
        self._host.spawner.spawn(process.start)
        self._host.timers.after(INIT_SECONDS, lambda: self._time_out_init(process))

    def _forget(self, process: FunctionProcess) -> None:
        self._processes.discard(process)
        self._starting.discard(process)
        self._returning.discard(process)
        if process in self._idle:
            self._idle.remove(process)

    def _time_out(self, process: FunctionProcess, invocation: Invocation) -> None:
        with self._lock:
            if self._busy.get(process) is not invocation:
                return
            del self._busy[process]
            self._forget(process)
            self._statistics = replace(self._statistics, timeouts=self._statistics.timeouts + 1)
        process.kill()
        message = f"Task timed out after {self.function.timeout:.2f} seconds"
        self._finish(invocation, _failure(invocation, "Sandbox.Timedout", message))
        with self._lock:
            self._dispatch()

    def _time_out_init(self, process: FunctionProcess) -> None:
        with self._lock:
            overdue = process in self._starting
        if overdue:
            process.init_error = error_payload("Sandbox.Timedout", f"Init timed out after {INIT_SECONDS:.2f} seconds")
            process.kill()

    def _count_cold_start(self, process: FunctionProcess) -> None:
        self._starting.discard(process)
        seconds = time.monotonic() - process.started_at
        before = self._statistics
        self._statistics = replace(
            before, cold_starts=before.cold_starts + 1, init_seconds=(*before.init_seconds, seconds)
        )
        self._write_log("platform.initReport", {"initializationType": "on-demand", "durationMs": round(seconds * 1000)})

    def _finish(self, invocation: Invocation, outcome: Outcome) -> None:
        with self._lock:
            before = self._statistics
            self._statistics = replace(
                before, invocations=before.invocations + 1, errors=before.errors + int(outcome.failed)
            )
        if outcome.failed:
            error = outcome.payload.decode(errors="replace")
            self._write_log(
                "platform.runtimeDone", {"requestId": outcome.request_id, "status": "error", "error": error}
            )
        invocation.done(outcome)

    def _write_log(self, kind: str, record: dict[str, Any]) -> None:
        with self._lock:
            write_platform_line(self.log, kind, record)


def is_stopped(function: Function, lineage: Lineage) -> bool:
    """Whether Lambda ends a recursive loop here, instead of invoking the function."""
    return not function.allows_loops and lineage.is_loop(function.arn)


def stopped(invocation: Invocation) -> Outcome:
    """What becomes of an invocation that would go on with a recursive loop."""
    return _failure(invocation, "RecursiveInvocationException", RECURSION)


def _outcome_of_death(invocation: Invocation, process: FunctionProcess) -> Outcome:
    if process.init_error is not None:
        return Outcome(request_id=invocation.request_id, payload=process.init_error, failed=True)
    return _crash(invocation, process.exit_reason)


def _crash(invocation: Invocation, reason: str) -> Outcome:
    return _failure(invocation, "Runtime.ExitError", reason)


def _failure(invocation: Invocation, error_type: str, reason: str) -> Outcome:
    payload = error_payload(error_type, f"RequestId: {invocation.request_id} Error: {reason}")
    return Outcome(request_id=invocation.request_id, payload=payload, failed=True)
