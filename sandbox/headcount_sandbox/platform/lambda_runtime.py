"""One generation of a Lambda execution environment: a process under AWS's own runtime client.

Its life: started, initialized (it asks for its first invocation), then one invocation at a time until it is killed,
exits or times out. What is decided about it (which invocation, what follows an exit) stands in `function_pool`.
"""

import contextlib
import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headcount_sandbox.platform.deployment import Function, Place
from headcount_sandbox.platform.runtime_api import Delivery, RuntimeApi
from headcount_sandbox.world.clock import world_clock

# The system closes the connections of a process before its end can be seen, unless a child of it keeps them open.
_HANG_UP_SECONDS = 1.0
_LAUNCHER = Path(__file__).with_name("function_process.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a process of a function is started with."""

    function: Function
    place: Place
    log: Path
    access_key: str

    def environment(self, runtime_api: str) -> dict[str, str]:
        """As on Lambda ("Defined runtime environment variables"), and the sandbox's endpoint.

        Nothing of the user's own AWS configuration reaches the function: it must not act on a real account.
        """
        function, region, clock = self.function, self.place.region, world_clock()
        return {
            **{name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ},
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": os.pathsep.join(str(layer) for layer in function.layers),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **function.environment,
            "AWS_ENDPOINT_URL": self.place.endpoint_url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": "sandbox",  # moto checks no signature; never a credential of anybody
            "AWS_SESSION_TOKEN": "sandbox",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"sandbox/[$LATEST]{self.access_key.lower()}",
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "LAMBDA_TASK_ROOT": str(function.code),
            "_HANDLER": function.handler,
            **({} if clock.is_the_machines else {"HEADCOUNT_SANDBOX_CLOCK": clock.as_text()}),
        }


def new_access_key() -> str:
    """An access key id in the form of temporary credentials; it tells whose process makes a call."""
    return "ASIA" + secrets.token_hex(8).upper()


class ProcessOwner(Protocol):
    """Who is told what becomes of a process; called from any thread."""

    def initialized(self, process: "FunctionProcess") -> None:
        """It is ready for an invocation: for its first one, or for another."""

    def responded(self, process: "FunctionProcess", request_id: str, payload: bytes, *, failed: bool) -> None: ...

    def exited(self, process: "FunctionProcess") -> None: ...


class FunctionProcess:
    """A process, its Runtime API, and the invocation that it has been given."""

    def __init__(self, launch: Launch, owner: ProcessOwner) -> None:
        self.launch = launch
        self.init_error: bytes | None = None
        self.exit_reason = ""
        self.has_work = False  # whether it has read the invocation that it was given last
        self.started_at = time.monotonic()
        self._owner = owner
        self._inbox: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._popen: subprocess.Popen[bytes] | None = None
        self._killed = threading.Event()
        self._api = RuntimeApi(self)

    def start(self) -> None:
        """Must run in a thread that lives as long as the sandbox: Linux ties the process to the thread that made it."""
        function = self.launch.function
        try:
            popen = None if self._killed.is_set() else self._spawn(function)
        except OSError as error:
            self.init_error = error_payload("Runtime.InvalidEntrypoint", f"The function cannot be started: {error}")
            popen = None
        if popen is None:
            self._end("Runtime exited with error: signal: killed")
            return
        self._popen = popen
        if self._killed.is_set():
            popen.kill()
        threading.Thread(target=self._watch, args=(popen,), name=f"exit-of-{function.name}", daemon=True).start()

    def _spawn(self, function: Function) -> subprocess.Popen[bytes]:
        with self.launch.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, str(_LAUNCHER), str(os.getpid()), function.handler],
                cwd=function.code,
                env=self.launch.environment(self._api.address),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is the sandbox's to handle
            )

    def give(self, delivery: Delivery) -> None:
        self.has_work = False
        self._inbox.put(delivery)

    def kill(self) -> None:
        """SIGKILL, as when the machine under it dies. Harmless when it is gone."""
        self._killed.set()
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError):
                self._popen.kill()

    @property
    def pid(self) -> int | None:
        return None if self._popen is None else self._popen.pid

    # ------------------------------------------------------------------------- what the process does (RuntimeCalls)

    def next_invocation(self) -> Delivery | None:
        self._owner.initialized(self)
        return self._inbox.get()

    def delivered(self) -> None:
        self.has_work = True

    def not_delivered(self) -> None:
        self.has_work = False
        self.kill()

    def responded(self, request_id: str, payload: bytes) -> None:
        self._owner.responded(self, request_id, payload, failed=False)

    def failed(self, request_id: str, payload: bytes) -> None:
        self._owner.responded(self, request_id, payload, failed=True)

    def init_failed(self, payload: bytes) -> None:
        self.init_error = payload

    def _watch(self, popen: subprocess.Popen[bytes]) -> None:
        self._end(_exit_reason(popen.wait()))

    def _end(self, reason: str) -> None:
        self.exit_reason = reason
        self._inbox.put(None)
        self._api.wait_for_hang_up(_HANG_UP_SECONDS)
        self._owner.exited(self)
        self._api.close()


def _exit_reason(code: int) -> str:
    """In the words of Lambda's own messages."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    name = "killed" if -code == signal.SIGKILL else (signal.strsignal(-code) or str(-code)).lower()
    return f"Runtime exited with error: signal: {name}"


class Spawner:
    """The one long-lived thread that starts all processes (see `FunctionProcess.start`)."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spawner", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def spawn(self, start: Callable[[], None]) -> None:
        self._jobs.put(start)

    def stop(self) -> None:
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        for start in iter(self._jobs.get, None):
            start()


def error_payload(error_type: str, message: str) -> bytes:
    """The body of a failed invocation that the function itself did not answer."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()
