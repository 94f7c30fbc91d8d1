"""The Lambda Runtime API for one function process.

AWS: "Using the Lambda runtime API for custom runtimes". Every process has a port of its own, so that a request of a
dead process can never take an event meant for its successor.
"""

import fcntl
import select
import socket
import sys
import termios
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

_RUNTIME = "/2018-06-01/runtime/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One invocation as the process receives it. `deadline` is in epoch milliseconds."""

    request_id: str
    payload: bytes
    function_arn: str
    deadline: int
    trace_id: str


class RuntimeCalls(Protocol):
    """What the process on the other side of the Runtime API does; called from the threads of its connections."""

    def next_invocation(self) -> Delivery | None:
        """Blocks until there is one; None when the process is to get no more."""

    def delivered(self) -> None:
        """The next invocation is about to be handed over."""

    def not_delivered(self) -> None:
        """It was not read: the process died while it was idle."""

    def responded(self, request_id: str, payload: bytes) -> None: ...

    def failed(self, request_id: str, payload: bytes) -> None: ...

    def init_failed(self, payload: bytes) -> None: ...


class RuntimeApi:
    """Serves one process on a free port of the loopback interface until closed."""

    def __init__(self, calls: RuntimeCalls) -> None:
        self._server = _RuntimeServer(calls)
        self._thread = threading.Thread(target=self._server.serve_forever, name="runtime-api", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """`host:port`, for AWS_LAMBDA_RUNTIME_API."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def wait_for_hang_up(self, seconds: float) -> None:
        """Waits until all connections of the process, which has ended, are known to be broken."""
        with self._server.hung_up:
            self._server.hung_up.wait_for(lambda: self._server.connections == 0, seconds)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _RuntimeServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, calls: RuntimeCalls) -> None:
        self.calls = calls
        self.connections = 0
        self.hung_up = threading.Condition()
        super().__init__(("127.0.0.1", 0), _RuntimeRequests)


class _RuntimeRequests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: _RuntimeServer
    awaits_reading = False

    def handle(self) -> None:
        """A process that ends with an answer unread resets the connection; one that has read it closes in order.

        One that ended an instant before the answer was sent closed in order too, and never got it.
        """
        with self.server.hung_up:
            self.server.connections += 1
        try:
            super().handle()
            if self.awaits_reading and self._is_in_vain():
                self.server.calls.not_delivered()
        except ConnectionError:
            if self.awaits_reading:
                self.server.calls.not_delivered()
        finally:
            with self.server.hung_up:
                self.server.connections -= 1
                self.server.hung_up.notify_all()

    def do_GET(self) -> None:
        if self.path != _RUNTIME + "invocation/next":
            self._answer(HTTPStatus.NOT_FOUND, b"{}")
            return
        delivery = self.server.calls.next_invocation()
        if delivery is None:
            self.close_connection = True
        elif self._hung_up():
            self.close_connection = True
            self.server.calls.not_delivered()
        else:
            self._deliver(delivery)

    def do_POST(self) -> None:
        self.awaits_reading = False
        body = self._body()
        calls = self.server.calls
        match self.path.removeprefix(_RUNTIME).split("/"):
            case ["init", "error"]:
                calls.init_failed(body)
            case ["invocation", request_id, "response"]:
                calls.responded(request_id, body)
            case ["invocation", request_id, "error"]:
                calls.failed(request_id, body)
            case _:
                self._answer(HTTPStatus.NOT_FOUND, b"{}")
                return
        self._answer(HTTPStatus.ACCEPTED, b'{"status":"OK"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        """Requests of the runtime client are not worth a line each."""

    def _hung_up(self) -> bool:
        """A client that waits for an answer sends nothing: its socket is readable only when it was closed."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _is_in_vain(self) -> bool:
        """Whether the other side, which has closed the connection, did not take all that was sent to it."""
        try:
            left = fcntl.ioctl(self.connection, termios.TIOCOUTQ, bytes(4))
        except OSError:  # not every system tells it of sockets
            return False
        return int.from_bytes(left, sys.byteorder) > 0

    def _deliver(self, delivery: Delivery) -> None:
        self.server.calls.delivered()
        self.awaits_reading = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Lambda-Runtime-Aws-Request-Id", delivery.request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(delivery.deadline))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", delivery.function_arn)
        self.send_header("Lambda-Runtime-Trace-Id", delivery.trace_id)
        self._finish(delivery.payload)

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self._finish(body)

    def _finish(self, body: bytes) -> None:
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk
