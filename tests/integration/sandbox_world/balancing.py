"""A load balancer for a test: groups, listeners, servers of the test's own, and requests."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from headcount_sandbox.world import World
from integration.sandbox_world.sites import wait_for

CHECK_SCALE = 20.0  # five seconds of an interval are a quarter of one


@dataclass
class Answer:
    """What a client saw."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class Server:
    """A server on an address of its own; `status` and `delay` may be changed while it runs."""

    host: str
    port: int
    status: int = 200
    delay: float = 0.0
    breaks: bool = False
    body: bytes | None = None
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)

    @property
    def target(self) -> dict[str, Any]:
        return {"Id": self.host, "Port": self.port}

    def requests(self, path: str = "/") -> list[tuple[str, str, dict[str, str], bytes]]:
        """Requests that were no health checks."""
        return [one for one in self.seen if one[1].startswith(path) and "ELB-HealthChecker" not in _agent(one[2])]


def _agent(headers: Mapping[str, str]) -> str:
    return headers.get("User-Agent", "")


@dataclass
class Bench:
    """A load balancer with what a test adds to it."""

    world: World
    elb: Any
    subnets: list[str]
    vpc: str
    arn: str

    def group(self, kind: str = "HTTP", *, delay: int = 0, **settings: Any) -> str:
        """A target group with quick checks; `delay` is its deregistration delay."""
        wanted = {
            "Name": f"g{uuid4().hex[:12]}",
            "Protocol": kind,
            "Port": 8080,
            "VpcId": self.vpc,
            "TargetType": "ip",
            "HealthCheckIntervalSeconds": 5,
            "HealthCheckTimeoutSeconds": 4,
            **settings,
        }
        made = self.elb.create_target_group(**{name: value for name, value in wanted.items() if value is not None})
        arn = str(made["TargetGroups"][0]["TargetGroupArn"])
        if wanted["TargetType"] != "lambda":
            self.set(arn, {"deregistration_delay.timeout_seconds": str(delay)})
        return arn

    def set(self, group: str, attributes: Mapping[str, str]) -> None:
        given = [{"Key": key, "Value": value} for key, value in attributes.items()]
        self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=given)

    def listener(self, *groups: str, protocol: str = "HTTP", port: int | None = None, **settings: Any) -> str:
        """A listener that forwards to groups; its ARN."""
        actions = settings.pop("DefaultActions", None) or [_forward(*groups)]
        made = self.elb.create_listener(
            LoadBalancerArn=self.arn, Protocol=protocol, Port=port or _any_port(), DefaultActions=actions, **settings
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def serve(self, *groups: str, **settings: Any) -> str:
        """The URL of a new listener that forwards to groups."""
        return self.world.listener_url(self.listener(*groups, **settings))

    def register(self, group: str, *targets: Mapping[str, Any]) -> None:
        self.elb.register_targets(TargetGroupArn=group, Targets=list(targets))

    def deregister(self, group: str, *targets: Mapping[str, Any]) -> None:
        self.elb.deregister_targets(TargetGroupArn=group, Targets=list(targets))

    def health(self, group: str, *targets: Mapping[str, Any]) -> list[dict[str, Any]]:
        asked = {"Targets": list(targets)} if targets else {}
        return list(self.elb.describe_target_health(TargetGroupArn=group, **asked)["TargetHealthDescriptions"])

    def states(self, group: str, *targets: Mapping[str, Any]) -> list[tuple[str, str | None]]:
        """State and reason of each target."""
        found = [one["TargetHealth"] for one in self.health(group, *targets)]
        return [(one["State"], one.get("Reason")) for one in found]

    def until(self, group: str, *states: str) -> None:
        """Waits for the states of all targets."""
        wait_for(lambda: [state for state, _ in self.states(group)] == list(states))

    def put(self, group: str, *servers: Server) -> None:
        """Registers servers and waits until they are healthy."""
        self.register(group, *(server.target for server in servers))
        wait_for(lambda: all(state == "healthy" for state, _ in self.states(group, *(one.target for one in servers))))


def _forward(*groups: str) -> dict[str, Any]:
    if len(groups) == 1:
        return {"Type": "forward", "TargetGroupArn": groups[0]}
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn} for arn in groups]}}


def a_bench(world: World, subnets: Mapping[str, str], kind: str = "application") -> Bench:
    elb, wanted = world.client("elbv2"), list(subnets.values())
    vpc = world.client("ec2").describe_subnets(SubnetIds=wanted)["Subnets"][0]["VpcId"]
    made = elb.create_load_balancer(Name=f"lb{uuid4().hex[:12]}", Subnets=wanted, Type=kind)["LoadBalancers"][0]
    return Bench(world=world, elb=elb, subnets=wanted, vpc=vpc, arn=made["LoadBalancerArn"])


def _any_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def get(
    url: str, path: str = "/", *, method: str = "GET", body: bytes | None = None, patience: float = 10.0, **headers: str
) -> Answer:
    """One request on a connection of its own."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=patience)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return Answer(status=answer.status, headers=dict(answer.getheaders()), body=answer.read().decode())
    finally:
        connection.close()


@contextmanager
def a_server(host: str = "127.0.0.1", **conduct: Any) -> Iterator[Server]:
    """A server that answers with its address, as its `status`, `delay` and `breaks` say."""
    listening = _Listening((host, 0), _Handler)
    server = listening.conduct = Server(host=host, port=listening.server_port, **conduct)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    conduct: Server

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections are broken on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Listening

    def _answer(self) -> None:
        conduct = self.server.conduct
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        conduct.seen.append((self.command, self.path, dict(self.headers.items()), body))
        conduct.connections.add(self.client_address)
        is_check = "ELB-HealthChecker" in self.headers.get("User-Agent", "")
        if not is_check:
            time.sleep(conduct.delay)
            if conduct.breaks:
                self.close_connection = True
                return
        text = conduct.body or f"{conduct.host}:{conduct.port}".encode()
        self.send_response(conduct.status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Path", self.path)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_POST = do_HEAD = do_PUT = _answer  # noqa: N815 - the names are the base class's

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """The results of so many calls on threads of their own."""
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        results[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
