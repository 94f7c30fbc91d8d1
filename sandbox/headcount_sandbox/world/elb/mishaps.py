"""What may happen to targets, and what others may do to them: for tests and demos."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from headcount_sandbox.world.ecs.service import EcsTasks
from headcount_sandbox.world.ecs.task import Task
from headcount_sandbox.world.elb.balancing import LoadBalancing
from headcount_sandbox.world.runtimes.runtime import Runtime


class TargetMishaps:
    """Mishaps of targets; group and target are named as in the API."""

    def __init__(
        self, balancing: LoadBalancing, *, ecs: EcsTasks, runtime: Runtime, client: Callable[[str], Any]
    ) -> None:
        self._balancing = balancing
        self._ecs = ecs
        self._runtime = runtime
        self._client = client
        self._strangers: list[ThreadingHTTPServer] = []
        self._numbers = itertools.count(1)

    def kill(self, target_id: str, port: int) -> str:
        """SIGKILL to the process behind a target; the id of its task. Raises KeyError where there is no task."""
        task = self._task_at(target_id, port)
        self._runtime.kill(task.task_id)
        return task.task_id

    def task_of(self, target_id: str, port: int) -> str:
        """The id of the task that is, or was last, behind a target. Raises KeyError."""
        return self._task_at(target_id, port).task_id

    def delete_group(self, group_arn: str) -> None:
        """Somebody deletes a target group that is in use: first what forwards to it, then the group."""
        elb = self._client("elbv2")
        for listener in tuple(self._balancing.configuration.listeners.values()):
            if group_arn not in listener.groups:
                continue
            for rule in listener.rules:
                if rule.priority is not None and group_arn in getattr(rule.action, "weights", ()):
                    elb.delete_rule(RuleArn=rule.arn)
            if group_arn in getattr(listener.rules[-1].action, "weights", ()):
                gone = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
                elb.modify_listener(ListenerArn=listener.arn, DefaultActions=[gone])
        elb.delete_target_group(TargetGroupArn=group_arn)

    def add_stranger(self, group_arn: str) -> tuple[str, int]:
        """Registers a target (of type ip) that no task is behind: a server of its own that answers `stranger`."""
        server = ThreadingHTTPServer((f"127.63.0.{next(self._numbers)}", 0), _Stranger)
        self._strangers.append(server)
        Thread(target=server.serve_forever, name="stranger", daemon=True).start()
        address, port = str(server.server_address[0]), server.server_port
        self._client("elbv2").register_targets(TargetGroupArn=group_arn, Targets=[{"Id": address, "Port": port}])
        return address, port

    def reuse_address(self, address: str) -> None:
        """The next task (or container instance) gets this address, as AWS may give a freed one again."""
        self._runtime.reuse(address)

    def stop(self) -> None:
        """Ends the strangers."""
        for server in self._strangers:
            server.shutdown()
            server.server_close()

    def _task_at(self, target_id: str, port: int) -> Task:
        with self._ecs.store.lock:
            address = target_id
            with suppress(KeyError):
                address = self._ecs.fleet.named(target_id).address
            task = self._ecs.addresses.task_at(address, port)
        if task is None:
            raise KeyError(f"{target_id}:{port}")
        return task


class _Stranger(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"stranger\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""
