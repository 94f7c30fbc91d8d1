"""The program that the sandbox's example service runs: a web server that says which process it is.

It listens where its task tells it (``HOST`` and ``PORT``), as a container listens on its task's address.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # load balancers keep connections alive
    wbufsize = -1  # head and body leave together: two small segments would wait for each other

    def do_GET(self) -> None:
        body = json.dumps({"pid": os.getpid(), "address": self.headers.get("Host"), "path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Requests are not logged: a task's log is for what goes wrong."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


def main() -> None:
    """Serve until somebody stops the task."""
    address = (os.environ["HOST"], int(os.environ["PORT"]))
    with _Server(address, _Answer) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
