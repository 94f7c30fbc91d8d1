"""Notices at once that a process exited, and ends what it left behind in its group: one thread for all of them."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable

_POLL_SECONDS = 0.01  # only where the system has no pidfd

OnProcessExit = Callable[[int], None]


class Exits:
    """Watches processes; each callback gets the return code as `subprocess` writes it (negative: a signal)."""

    def __init__(self) -> None:
        self._watched: dict[int, tuple[subprocess.Popen[bytes], OnProcessExit]] = {}
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._has_pidfd = hasattr(os, "pidfd_open")
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="exits", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._wake()
        self._thread.join(5)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def watch(self, process: "subprocess.Popen[bytes]", on_exit: OnProcessExit) -> None:
        """Calls `on_exit` once, from the watching thread."""
        with self._lock:
            if self._has_pidfd:
                descriptor = os.pidfd_open(process.pid)
                self._watched[descriptor] = (process, on_exit)
                self._selector.register(descriptor, selectors.EVENT_READ)  # epoll takes it in while it waits
            else:
                self._watched[process.pid] = (process, on_exit)
        self._wake()

    def _run(self) -> None:
        while not self._stopped:
            timeout = _POLL_SECONDS if self._watched and not self._has_pidfd else None
            ready = {key.fd for key, _ in self._selector.select(timeout)}
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            self._collect(ready if self._has_pidfd else self._watched.keys())

    def _collect(self, candidates: Iterable[int]) -> None:
        with self._lock:
            ended = [(key, *self._watched[key]) for key in tuple(candidates) if self._has_ended(key)]
            for key, _, _ in ended:
                del self._watched[key]
                if self._has_pidfd:
                    self._selector.unregister(key)
                    os.close(key)
        for _, process, on_exit in ended:
            on_exit(process.returncode)

    def _has_ended(self, key: int) -> bool:
        if key not in self._watched:
            return False
        process = self._watched[key][0]
        if self._has_pidfd:  # it has ended, and until it is waited for the id of its group is not given to another
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return process.poll() is not None

    def _wake(self) -> None:
        os.write(self._wake_write, b"!")
