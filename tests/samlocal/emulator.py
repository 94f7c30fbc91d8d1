"""A function under Lambda's own runtime: the Runtime Interface Emulator, ``awslambdaric``, and SAM's build."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from headcount_sandbox.platform.deployment import Function
from samlocal.place import Place
from samlocal.story import FUNCTIONS, Invoke
from samlocal.tools import Tools, ends_with_us, last_words

REMEMBERING = frozenset({"audit_clusters"})  # keeps what it read of the table: each story gets a process of its own
_PATH = "/2015-03-31/functions/function/invocations"
_START_SECONDS = 20.0
_END_SECONDS = 5.0


class Emulator:
    """One function, listening on ports of its own on 127.0.0.1 until it is left."""

    def __init__(self, tools: Tools, function: Function, environment: dict[str, str], log: Path) -> None:
        self.port, api = _free_port(), _free_port()
        self._function, self._log = function, log
        layer = tools.build / "HeadcountLayer" / "python"
        with log.open("ab") as words:
            self._process = subprocess.Popen(
                [
                    tools.emulator, "--log-level", "error",
                    "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
                    "--runtime-api-address", f"127.0.0.1:{api}",
                    tools.python, "-m", "awslambdaric", function.handler,
                ],
                cwd=tools.build / function.logical_id,
                env={
                    "PATH": f"{tools.python.parent}:/usr/bin:/bin",
                    "LANG": "en_US.UTF-8",
                    "TZ": ":UTC",
                    "PYTHONPATH": f"{layer}:{tools.brought}",
                    "AWS_LAMBDA_FUNCTION_NAME": function.name,
                    "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
                preexec_fn=ends_with_us(signal.SIGKILL),  # noqa: PLW1509 - no more than a call into libc
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ends the emulator and the function: its process group, whatever state it is in."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_END_SECONDS)

    def invoke(self, payload: bytes) -> Any:
        """What the function answered, or its error document: the emulator says 200 to both."""
        connection = self._connected()
        try:
            connection.request("POST", _PATH, payload)
            said = connection.getresponse().read()
        finally:
            connection.close()
        try:
            return json.loads(said)
        except ValueError:
            raise AssertionError(f"{self._function.logical_id} answered {said!r}: {last_words(self._log)}") from None

    def _connected(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self._function.timeout + _START_SECONDS)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                connection.connect()
            except ConnectionRefusedError:
                assert self._process.poll() is None, f"the emulator ended: {last_words(self._log)}"
                assert time.monotonic() < deadline, f"the emulator does not listen: {last_words(self._log)}"
                time.sleep(0.01)
            else:
                return connection


@contextmanager
def functions_under_emulators(tools: Tools, place: Place, logs: Path) -> Iterator[Invoke]:
    """All functions at once, warm after their first call; those that remember start anew for each."""

    def start(folder: str) -> Emulator:
        return Emulator(tools, place.function(folder), place.environment(folder), logs / f"{folder}.log")

    with contextlib.ExitStack() as running:
        warm = {folder: running.enter_context(start(folder)) for folder in FUNCTIONS if folder not in REMEMBERING}

        def invoke(folder: str, payload: bytes) -> Any:
            if folder in warm:
                return warm[folder].invoke(payload)
            with start(folder) as fresh:
                return fresh.invoke(payload)

        yield invoke


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
