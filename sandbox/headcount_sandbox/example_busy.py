"""The program of ``make demo-scaling``: a web server that works for each request, so that load is CPU."""

import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORK_SECONDS = 0.02  # of CPU for each request


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path != "/health":
            end = time.thread_time() + WORK_SECONDS
            while time.thread_time() < end:
                pass
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Requests are not logged: a task's log is for what goes wrong."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


def main() -> None:
    """Serve until somebody stops the task."""
    with _Server((os.environ["HOST"], int(os.environ["PORT"])), _Answer) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
