"""Whether an invocation was read by a process that ends: what decides whether another one may get it."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from headcount_sandbox.platform.runtime_api import Delivery, RuntimeApi

DELIVERY = Delivery(request_id="one", payload=b'{"a": 1}' * 100, function_arn="arn", deadline=1, trace_id="trace")


class Process:
    """The runtime's side of the connection, and what the sandbox believes of it."""

    def __init__(self) -> None:
        self.before_it_is_sent: Callable[[], None] = lambda: None
        self.was_read = False
        self.is_sent = threading.Event()
        self.api = RuntimeApi(self)
        host, _, port = self.api.address.partition(":")
        self.connection = socket.create_connection((host, int(port)), timeout=5)

    def asks(self) -> None:
        self.connection.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: here\r\n\r\n")

    def reads(self) -> None:
        while not self.connection.recv(65536).endswith(DELIVERY.payload[-8:]):
            pass

    def ends(self) -> None:
        self.connection.close()

    def is_known_to_have_ended(self) -> None:
        assert self.is_sent.wait(5.0)
        self.api.wait_for_hang_up(5.0)

    # -- what the Runtime API tells -----------------------------------------------------------------------------------

    def next_invocation(self) -> Delivery | None:
        return DELIVERY

    def delivered(self) -> None:
        self.was_read = True
        self.before_it_is_sent()
        self.is_sent.set()

    def not_delivered(self) -> None:
        self.was_read = False

    def responded(self, request_id: str, payload: bytes) -> None: ...

    def failed(self, request_id: str, payload: bytes) -> None: ...

    def init_failed(self, payload: bytes) -> None: ...


@pytest.fixture
def process() -> Iterator[Process]:
    process = Process()
    yield process
    process.ends()
    process.api.close()


def test_a_process_that_reads_and_ends_has_read_it(process: Process) -> None:
    process.asks()
    process.reads()
    process.ends()
    process.is_known_to_have_ended()
    assert process.was_read


def test_a_process_that_ends_as_it_is_sent_has_not_read_it(process: Process) -> None:
    process.before_it_is_sent = process.ends
    process.asks()
    process.is_known_to_have_ended()
    assert not process.was_read


def test_a_process_that_ends_with_it_unread_has_not_read_it(process: Process) -> None:
    process.asks()
    process.connection.recv(1)
    process.ends()
    process.is_known_to_have_ended()
    assert not process.was_read
