"""A load balancer, a target group and a service behind it, as a user has them before Headcount comes."""

import itertools
from dataclasses import dataclass
from typing import Any

from e2e.install import Install, id_of

CONTAINER = "app"
PORT = 8080
SERVE = ["python", "-m", "headcount_sandbox.example_web"]
_ports = itertools.count(18080)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balanced:
    """``group`` is the target group's ARN, ``url`` where the listener takes traffic."""

    install: Install
    group: str
    listener: str
    url: str

    def health(self) -> dict[tuple[str, int], str]:
        """Each target's state, as ELB tells it."""
        told = self.install.sandbox.client("elbv2").describe_target_health(TargetGroupArn=self.group)
        return {
            (one["Target"]["Id"], one["Target"]["Port"]): one["TargetHealth"]["State"]
            for one in told["TargetHealthDescriptions"]
        }

    def in_rotation(self) -> set[str]:
        """The addresses of the targets that get new requests."""
        return {target for (target, _), state in self.health().items() if state == "healthy"}

    def entry(self) -> dict[str, Any]:
        """The manifest's line about this target group."""
        return {"targetGroupArn": self.group, "containerName": CONTAINER, "containerPort": PORT}

    def run(self, service: str, count: int, *, command: list[str] | None = None, **changes: Any) -> None:
        """A service behind the group, in service."""
        arn = self.install.sandbox.register_task_definition(service, command or SERVE, container_port=PORT)
        manifest = self.install.manifest(
            service, arn.rpartition("/")[2], count, loadBalancers=[self.entry()], **changes
        )
        self.install.ask("apply", manifest=manifest)
        self.in_service(service, count)

    def in_service(self, service: str, count: int, within: float = 60.0) -> None:
        """Waits until exactly ``count`` tasks run, all of them in rotation."""
        install = self.install

        def served() -> bool:
            alive = install.alive(service)
            running = [task for task in alive if task["lastStatus"] == "RUNNING"]
            return len(running) == len(alive) == count and self.in_rotation() >= {address_of(one) for one in running}

        install.wait(served, f"{count} tasks of {service} are in rotation", service, within=within)
        install.wait(
            lambda: install.describe(service)["state"] == "STEADY", f"{service} is STEADY", service, within=within
        )


def balance(
    install: Install, name: str, *, delay: int = 1, interval: int = 5, target_type: str = "ip", **group: Any
) -> Balanced:
    """A new application load balancer with one listener and one target group."""
    elbv2 = install.sandbox.client("elbv2")
    subnets = list(install.sandbox.subnets.values())
    found = install.sandbox.client("ec2").describe_subnets(SubnetIds=subnets[:1])["Subnets"]
    made = elbv2.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=PORT,
        VpcId=found[0]["VpcId"],
        TargetType=target_type,
        HealthCheckIntervalSeconds=interval,
        HealthCheckTimeoutSeconds=2,
        UnhealthyThresholdCount=2,
        **group,
    )["TargetGroups"][0]["TargetGroupArn"]
    elbv2.modify_target_group_attributes(
        TargetGroupArn=made,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": str(delay)}],
    )
    balancer = elbv2.create_load_balancer(Name=name, Subnets=subnets, Scheme="internal", Type="application")
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=next(_ports),
        DefaultActions=[{"Type": "forward", "TargetGroupArn": made}],
    )["Listeners"][0]["ListenerArn"]
    return Balanced(install=install, group=made, listener=listener, url=install.sandbox.listener_url(listener))


def address_of(task: dict[str, Any]) -> str:
    """The private address of a task of ECS's."""
    details = task["attachments"][0]["details"]
    return next(str(one["value"]) for one in details if one["name"] == "privateIPv4Address")


def task_at(install: Install, service: str, address: str) -> str:
    """The id of the live task that has an address."""
    return next(id_of(task) for task in install.alive(service) if address_of(task) == address)
