"""A process behind a load balancer gets SIGKILL: how long until Elastic Load Balancing is told to take its target out.

Real processes behind the sandbox's load balancer; from the signal until ``DeregisterTargets`` is received. What the
sandbox takes to notice the death, ECS's event and the functions are all in it.
"""

import statistics
import time
from dataclasses import dataclass

from bench.figures import percentile
from bench.kills import kill_process
from bench.measurement import Detail, Findings, Measurement, milliseconds
from bench.service import Bench, a_bench

GOAL = 1000.0  # ms
SERVICE, TASKS, PORT = "served", 5, 8080
_WARM_UP = 2
_SERVE = ["python", "-m", "headcount_sandbox.example_web"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Out:
    """Seconds from the kill: until its target was to leave, and until another task was asked for."""

    deregistered: float
    asked_for: float


def measure(*, quick: bool) -> Findings:
    """One of five tasks after the other, warm."""
    times = 3 if quick else 30
    with a_bench("process", health_check_scale=5.0) as bench:
        group = _target_group(bench)
        ports = [{"targetGroupArn": group, "containerName": "app", "containerPort": PORT}]
        bench.apply(SERVICE, TASKS, command=_SERVE, container_port=PORT, loadBalancers=ports)
        _wait_until_served(bench, group)
        found = [_kill(bench, group) for _ in range(_WARM_UP + times)][_WARM_UP:]
    took = [one.deregistered * 1000.0 for one in found]
    ratios = [one.deregistered / one.asked_for for one in found]
    return Findings(
        measurements=(
            Measurement(what="kill -9 -> DeregisterTargets: median", value=statistics.median(took), unit="ms"),
            Measurement(what="kill -9 -> DeregisterTargets: p99", value=percentile(took, 99), unit="ms", goal=GOAL),
            Measurement(
                what="... over kill -9 -> RunTask of the same kill, median", value=statistics.median(ratios), unit="x"
            ),
        ),
        details=(
            Detail(
                title="Milliseconds from the kill",
                columns=("", "kills", "least", "median", "p99", "most"),
                rows=(
                    _row("DeregisterTargets", [one.deregistered for one in found]),
                    _row("RunTask", [one.asked_for for one in found]),
                ),
            ),
        ),
    )


def _kill(bench: Bench, group: str) -> Out:
    bench.forget()
    victim = bench.watch.running()[0]
    killed_at = kill_process(bench, victim)
    bench.wait(
        lambda: bool(
            bench.calls_of("ReconcileService", "DeregisterTargets") and bench.calls_of("ReconcileService", "RunTask")
        ),
        "the target is taken out, and another task asked for",
    )
    out = Out(
        deregistered=bench.calls_of("ReconcileService", "DeregisterTargets")[0].at - killed_at,
        asked_for=bench.calls_of("ReconcileService", "RunTask")[0].at - killed_at,
    )
    bench.wait_until_replaced(victim, TASKS)
    _wait_until_served(bench, group)
    return out


def _wait_until_served(bench: Bench, group: str) -> None:
    client = bench.sandbox.client("elbv2")

    def served() -> bool:
        targets = client.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        states = [one["TargetHealth"]["State"] for one in targets]
        time.sleep(0.05)
        return states.count("healthy") == TASKS

    bench.wait_until_whole(TASKS)
    bench.wait(served, f"{TASKS} targets are healthy")
    bench.wait_until_whole(TASKS)


def _target_group(bench: Bench) -> str:
    """A target group behind a listener, as a user has it before Headcount comes."""
    elbv2, ec2 = bench.sandbox.client("elbv2"), bench.sandbox.client("ec2")
    subnets = list(bench.sandbox.subnets.values())
    vpc = ec2.describe_subnets(SubnetIds=subnets[:1])["Subnets"][0]["VpcId"]
    group = elbv2.create_target_group(
        Name=SERVICE,
        Protocol="HTTP",
        Port=PORT,
        VpcId=vpc,
        TargetType="ip",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "1"}
    elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
    balancer = elbv2.create_load_balancer(Name=SERVICE, Subnets=subnets, Scheme="internal", Type="application")
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=18080,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    return str(group)


def _row(name: str, seconds: list[float]) -> tuple[str, ...]:
    shown = (min(seconds), statistics.median(seconds), percentile(seconds, 99), max(seconds))
    return (name, str(len(seconds)), *(milliseconds(one) for one in shown))
