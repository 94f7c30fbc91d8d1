"""Scaling, shown: ``make demo-scaling``. Real requests make real processes work; AWS's own policy follows their CPU.

A minute of AWS lasts two seconds here: metrics, alarms, cooldowns and the functions' clock run thirty times as fast,
health checks ten times; requests, processes and time-outs do not. What was not seen (scaled out under load, back in
without it) makes it fail.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from headcount_sandbox.demo_scaling_picture import Course, Decision, Moment, draw, in_text
from headcount_sandbox.errors import HeadcountSandboxError
from headcount_sandbox.sandbox import Sandbox
from headcount_sandbox.traffic import load_on
from headcount_sandbox.world.clock import Clock

CLUSTER, NAME = "demo", "busy"
SERVICE = f"{CLUSTER}/{NAME}"
TEMPLATE = Path(__file__).parents[2] / "template.yaml"
PICTURE = Path(".headcount/scaling.png")
SCALE = 30.0
CHECK_SCALE = 10.0  # of load balancers
MINUTE = 60.0 / SCALE  # how long one of AWS takes, in seconds
FAMILY_CPU = 256
CONTAINER_PORT, LISTENER_PORT = 8080, 8000
POLICY = {
    "TargetValue": 50.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 60,
}
CALM, BUSY = 1, 9  # users; each asks three times a second, which is 6 % of a CPU
PAUSE_SECONDS = 0.3
OUT_MINUTES, IN_MINUTES = 30, 45  # at most, until it has scaled out and in
LEAST = 3  # tasks that the load must bring


class Unseen(Exception):
    """The demo did not see what it should show."""


@dataclass
class Demo:
    """The steps, and what was seen meanwhile."""

    sandbox: Sandbox
    console: Console
    moments: list[Moment] = field(default_factory=list)
    began: float = 0.0
    _requests: Callable[[], int] = int  # so far, of those who ask now

    def run(self) -> Course:
        """Quiet, load, quiet; raises ``Unseen`` with what was missing."""
        self._declare()
        self.began = self.sandbox.world.clock.now()
        with self._load(CALM, "A few requests: one task is enough"):
            self._watch(lambda: self._minutes() >= 4, 10, "four quiet minutes passed")
        with self._load(BUSY, f"{BUSY} times as many: the CPU alarm goes off after three minutes above 50 %"):
            self._watch(lambda: self._desired() >= LEAST, OUT_MINUTES, f"{LEAST} tasks were desired under load")
            until = self._minutes() + 8
            self._watch(lambda: self._minutes() >= until, 20, "eight busy minutes passed")
        most = max(moment.desired for moment in self.moments)
        with self._load(CALM, "As few as before: fifteen minutes below 45 %, and it scales in"):
            self._watch(lambda: self._desired() == self._running() == 1, IN_MINUTES, "one task was left")
            until = self._minutes() + 2
            self._watch(lambda: self._minutes() >= until, 10, "two more minutes passed")
        self.console.print(f"Scaled from 1 to {most} tasks and back to 1.")
        return self._course()

    def _declare(self) -> None:
        sandbox = self.sandbox
        insights = [{"name": "containerInsights", "value": "enabled"}]
        sandbox.client("ecs").update_cluster_settings(cluster=CLUSTER, settings=insights)
        command = ["python", str(Path(__file__).with_name("example_busy.py"))]  # by path: nothing else is imported
        sandbox.register_task_definition(NAME, command, container_port=CONTAINER_PORT, cpu=str(FAMILY_CPU))
        manifest = self._manifest()
        self.console.print(yaml.safe_dump({"scaling": manifest["scaling"]}, sort_keys=False), highlight=False)
        self._ask("apply", manifest=manifest)
        sandbox.wait_until(lambda: self._running() == 1, 60, what="the first task runs")
        sandbox.wait_until(lambda: self._describe()["state"] == "STEADY", 60, what="the service is steady")

    def _manifest(self) -> dict[str, Any]:
        subnets = list(self.sandbox.subnets.values())
        group = {
            "name": NAME,
            "protocol": "HTTP",
            "port": CONTAINER_PORT,
            "vpcId": self.sandbox.vpc_id,
            "targetType": "ip",
            "healthCheckPath": "/health",
            "healthCheckIntervalSeconds": 5,
            "healthCheckTimeoutSeconds": 2,
            "healthyThresholdCount": 2,
            "targetGroupAttributes": [{"key": "deregistration_delay.timeout_seconds", "value": "2"}],
        }
        forward = [{"type": "forward", "targetGroup": NAME}]
        listener = {"port": LISTENER_PORT, "protocol": "HTTP", "defaultActions": forward}
        return {
            "kind": "Service",
            "cluster": CLUSTER,
            "serviceName": NAME,
            "taskDefinition": NAME,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": subnets}},
            "loadBalancers": [{"containerName": "app", "containerPort": CONTAINER_PORT, "targetGroup": group}],
            "elasticLoadBalancers": [
                {
                    "name": NAME,
                    "type": "application",
                    "scheme": "internal",
                    "subnets": subnets,
                    "listeners": [listener],
                }
            ],
            "healthCheckGracePeriodSeconds": 600,
            "scaling": {"minCapacity": 1, "maxCapacity": 8, "policies": [POLICY]},
        }

    # -- looking ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _load(self, users: int, what: str) -> Iterator[None]:
        self.console.rule(f"[bold]{what}", align="left")
        (listener,) = self.sandbox.world.describe_listeners()
        with load_on(str(listener["url"]), users=users, pause=PAUSE_SECONDS) as traffic:
            self._requests = lambda: traffic.requests
            yield

    def _watch(self, condition: Callable[[], bool], minutes: float, what: str) -> None:
        """Notes a moment twice a minute until the condition holds."""
        deadline = time.monotonic() + minutes * MINUTE
        while not condition():
            if time.monotonic() > deadline:
                raise Unseen(f"{minutes:g} minutes of AWS passed, and it was not seen that {what}")
            before, at = self._requests(), time.monotonic()
            time.sleep(MINUTE / 2)
            rate = (self._requests() - before) / (time.monotonic() - at)
            moment = Moment(minute=self._minutes(), requests=rate, desired=self._desired(), running=self._running())
            self.moments.append(moment)

    def _course(self) -> Course:
        """What was seen, the CPU as CloudWatch has it, and the decisions with their reasons."""
        answer = self._ask("events", service=SERVICE, limit=1000)
        decisions = [
            Decision(minute=(_epoch(entry["at"]) - self.began) / 60, reason=entry["reason"])
            for entry in reversed(answer["events"])
            if entry["kind"] == "scaling"
        ]
        return Course(
            moments=tuple(self.moments),
            cpu=tuple(self._cpu()),
            decisions=tuple(one for one in decisions if one.minute >= 0),
            target=50.0,
            scale=SCALE,
        )

    def _cpu(self) -> Iterator[tuple[float, float]]:
        """Minutes and percent: used of reserved, as the policy measures it."""
        dimensions = [{"Name": "ClusterName", "Value": CLUSTER}, {"Name": "TaskDefinitionFamily", "Value": NAME}]
        queries = [
            {
                "Id": query,
                "ReturnData": False,
                "MetricStat": {
                    "Metric": {
                        "Namespace": "ECS/ContainerInsights",
                        "MetricName": metric,
                        "Dimensions": dimensions,
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for query, metric in (("used", "CpuUtilized"), ("reserved", "CpuReserved"))
        ]
        found = self.sandbox.client("cloudwatch").get_metric_data(
            MetricDataQueries=[*queries, {"Id": "cpu", "Expression": "100 * used / reserved"}],
            StartTime=self.began,
            EndTime=self.sandbox.world.clock.now(),
            ScanBy="TimestampAscending",
        )["MetricDataResults"][0]
        for at, value in zip(found["Timestamps"], found["Values"], strict=True):
            yield (at.timestamp() - self.began) / 60 + 1, value  # at the end of the minute that it is of

    def _minutes(self) -> float:
        return (self.sandbox.world.clock.now() - self.began) / 60

    def _desired(self) -> int:
        return int(self._describe()["desiredCount"])

    def _running(self) -> int:
        tasks = self.sandbox.world.describe_tasks()
        return sum(task["lastStatus"] == "RUNNING" == task["desiredStatus"] for task in tasks)

    def _describe(self) -> dict[str, Any]:
        return self._ask("describe", service=SERVICE)

    def _ask(self, operation: str, **fields: Any) -> dict[str, Any]:
        answer = self.sandbox.invoke_control({"version": 1, "operation": operation, "by": "demo", **fields})
        if not answer["ok"]:
            raise Unseen(f"{operation} was refused: {json.dumps(answer['error'])}")
        result: dict[str, Any] = answer["result"]
        return result


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def main() -> int:
    """0 if it scaled out and in, 1 if not."""
    console = Console()
    began = time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="headcount-demo-scaling-") as folder,
            Sandbox(
                template=TEMPLATE,
                parameters={"Clusters": CLUSTER, "ManageLoadBalancers": "true"},
                clock=Clock(scale=SCALE),
                health_check_scale=CHECK_SCALE,
                state_dir=Path(folder),
                retry_delays=(60 / SCALE, 120 / SCALE),
            ) as sandbox,
        ):
            course = Demo(sandbox, console).run()
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left running.")
        return 130
    except (Unseen, TimeoutError, HeadcountSandboxError) as error:
        console.print(f"[bold red]Not as promised:[/] {error}")
        return 1
    console.print(in_text(course))
    for decision in course.decisions:
        console.print(f"minute {decision.minute:.0f}: {decision.reason}", highlight=False)
    draw(course, PICTURE)
    console.print(f"The picture is {PICTURE}. It took {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
