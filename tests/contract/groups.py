"""Target groups under test: in memory, and Elastic Load Balancing over HTTP."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fakes.clock import SettableClock
from fakes.targets import NOT_RUNNING, InMemoryTargetGroups
from headcount.aws.elbv2 import Elbv2TargetGroups
from headcount.model.target import Endpoint
from headcount_sandbox.world import World

DELAY = 2  # seconds: the shortest that leaves time to look in between
_API = {"register": "RegisterTargets", "deregister": "DeregisterTargets", "health": "DescribeTargetHealth"}
_numbers = itertools.count(1)


@dataclass(slots=True, kw_only=True)
class FakeGroups:
    """The fake. Nothing happens while nobody waits."""

    groups: InMemoryTargetGroups = field(default_factory=lambda: InMemoryTargetGroups(SettableClock()))
    group: str = "in-use"
    unused: str = "unused"

    def __post_init__(self) -> None:
        self.groups.add_group(self.group, delay=DELAY)
        self.groups.add_group(self.unused, delay=DELAY, in_use=False)

    def a_target_that_answers(self) -> Endpoint:
        return "127.0.0.1", 8080

    def wait_for(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        end = self.groups.clock() + seconds
        while not condition():
            assert self.groups.clock() < end, "it does not come to be"
            self.groups.clock.advance(0.25)
            self.groups.step_all()

    def add_foreign(self, target: Endpoint) -> None:
        self.groups.add_foreign(self.group, target)

    def delete(self, group: str) -> None:
        self.groups.delete_group(group)

    def refuse(self, code: str, message: str) -> None:
        self.groups.refusal = f"{code}: {message}"

    def refuse_only(self, target: Endpoint) -> None:
        self.groups.groups[self.group].bad.add(target[0])

    def throttle(self, operation: str) -> None:
        self.groups.throttle(operation, 1)

    def lose_answer(self, operation: str) -> None:
        self.groups.lose_answer(operation)

    def calls(self, operation: str) -> int:
        return self.groups.calls[operation]


@dataclass(slots=True, kw_only=True)
class ElbGroups:
    """The adapter and a load balancer of its own in a local AWS."""

    world: World
    groups: Elbv2TargetGroups
    group: str
    unused: str
    answering: Endpoint

    def a_target_that_answers(self) -> Endpoint:
        return self.answering

    def wait_for(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it does not come to be"
            time.sleep(0.02)

    def add_foreign(self, target: Endpoint) -> None:
        address, port = target
        self._client.register_targets(TargetGroupArn=self.group, Targets=[{"Id": address, "Port": port}])

    def delete(self, group: str) -> None:
        self._client.delete_target_group(TargetGroupArn=group)

    def refuse(self, code: str, message: str) -> None:
        self.world.faults.fail("elbv2", "RegisterTargets", error_code=code, message=message)

    def refuse_only(self, target: Endpoint) -> None:
        said = f"{NOT_RUNNING}'{target[0]}'"
        self.world.faults.fail("elbv2", "RegisterTargets", error_code="InvalidTarget", message=said, times=1)

    def throttle(self, operation: str) -> None:
        self.world.faults.throttle("elbv2", _API[operation], times=1)

    def lose_answer(self, operation: str) -> None:
        self.world.faults.timeout_after_success("elbv2", _API[operation], times=1)

    def calls(self, operation: str) -> int:
        return len(self.world.calls.select("elbv2", _API[operation]))

    @property
    def _client(self) -> Any:
        return self.world.client("elbv2")


class _Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def groups_in(world: World, subnets: list[str]) -> Iterator[ElbGroups]:
    """A load balancer with a listener, a group that it forwards to, one that nothing forwards to, and a server."""
    elb, number = world.client("elbv2"), next(_numbers)
    (subnet, *_) = world.client("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]
    balancer = elb.create_load_balancer(Name=f"alb-{number}", Subnets=subnets, Scheme="internal")["LoadBalancers"][0]
    group, unused = (_a_group(elb, f"{name}-{number}", subnet["VpcId"]) for name in ("used", "unused"))
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]
    with _a_server() as answering:
        yield ElbGroups(
            world=world,
            groups=Elbv2TargetGroups(elb),
            group=group,
            unused=unused,
            answering=answering,
        )
    world.faults.clear()
    elb.delete_listener(ListenerArn=listener["ListenerArn"])
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])


def _a_group(elb: Any, name: str, vpc: str) -> str:
    made = elb.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=80,
        VpcId=vpc,
        TargetType="ip",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
    )
    arn = str(made["TargetGroups"][0]["TargetGroupArn"])
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": str(DELAY)}
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
    return arn


@contextmanager
def _a_server() -> Iterator[Endpoint]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Well)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield str(server.server_address[0]), server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
