"""An AWS endpoint on 127.0.0.1 with canned answers: real HTTP and the real SDK, no AWS."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

STACK = """<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>
<Stacks><member><StackName>headcount</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>
<StackStatus>CREATE_COMPLETE</StackStatus><Outputs><member><OutputKey>{key}</OutputKey>
<OutputValue>headcount-Control-1</OutputValue></member></Outputs></member></Stacks>
</DescribeStacksResult></DescribeStacksResponse>"""
CALLER = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:sts::123456789012:assumed-role/Operators/alice</Arn><UserId>A</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@dataclass
class FakeAws:
    """``answers`` by operation: status, body and headers. ``requests`` is what Lambda was invoked with."""

    url: str = ""
    answers: dict[str, tuple[int, str, dict[str, str]]] = field(default_factory=dict)
    operations: list[str] = field(default_factory=list)
    invocations: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def services(self, services: list[dict[str, Any]]) -> None:
        """What ``list`` answers."""
        self.result({"services": services})

    def result(self, document: dict[str, Any]) -> None:
        """What every operation answers."""
        self.answers["Invoke"] = (200, json.dumps({"version": 1, "ok": True, "result": document}), {})

    def refuse(self, operation: str, code: str, message: str = "no", status: int = 403) -> None:
        """The error in both spellings: of the query protocol (XML) and of Lambda (JSON)."""
        if operation == "Invoke":
            body, headers = json.dumps({"message": message}), {"x-amzn-ErrorType": code}
        else:
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            body = f"<ErrorResponse>{error}</ErrorResponse>"
            headers = {}
        self.answers[operation] = (status, body, headers)


@contextmanager
def fake_aws() -> Iterator[FakeAws]:
    aws = FakeAws()
    aws.answers["DescribeStacks"] = (200, STACK.format(key="ControlFunction"), {})
    aws.answers["GetCallerIdentity"] = (200, CALLER, {})
    aws.answers["Invoke"] = (200, json.dumps({"version": 1, "ok": True, "result": {"services": []}}), {})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if "/functions/" in self.path:
                operation = "Invoke"
                aws.invocations.append((self.path.split("/")[3], json.loads(body)))
            elif "X-Amz-Target" in self.headers:  # the JSON protocol
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            else:
                operation = parse_qs(body)["Action"][0]
            aws.operations.append(operation)
            status, answer, headers = aws.answers[operation]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Silence: the test says what it saw."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        aws.url = f"http://127.0.0.1:{server.server_port}"
        yield aws
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
