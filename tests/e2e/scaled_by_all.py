"""A service that scales by everything that there is, and a native one: every call that scaling ever makes."""

import json
from typing import Any

from e2e.install import CLUSTER, Install

SERVICE, NATIVE = "scaled", "native"
FUNCTION = "headcount-scaling-permitted"


class ScaledByAll:
    """Policies of each kind, a scheduled action, and what they look at in the account."""

    def __init__(self, install: Install) -> None:
        self._install = install
        self._sqs = install.sandbox.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="permitted-work")["QueueUrl"]
        answer = "def lambda_handler(event, context):\n    return {'desiredCount': 1}\n"
        self._function = install.sandbox.create_function(FUNCTION, answer)
        for alarm in ("permitted-slow", "permitted-full"):
            install.sandbox.client("cloudwatch").put_metric_alarm(
                AlarmName=alarm, Namespace="Permitted", MetricName="Latency", Statistic="Average", Period=60,
                EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
            )  # fmt: skip

    def tell(self) -> None:
        """Everything from the declaration to the end of scaling; the services are still there."""
        definition = self._install.define(SERVICE)
        self._declare(definition, "permitted-slow", "cron(0 8 * * ? *)")
        self._wait("alarms, a schedule and a watch are there", lambda record: record["schedules"] and record["watched"])
        self._declare(definition, "permitted-full", "cron(0 9 * * ? *)")
        self._wait("another alarm is followed", lambda record: record["watched"] == ["permitted-full"])
        self._timer()
        for number in range(2):
            self._sqs.send_message(QueueUrl=self._queue, MessageBody=f"work {number}")
        self._look()
        self._install.steady(SERVICE, 2)
        self._native_service()
        self._install.ask("apply", manifest=self._install.manifest(SERVICE, definition, 1))
        self._wait("nothing is left of scaling", lambda record: record["removed"])

    def _declare(self, definition: str, alarm: str, schedule: str) -> None:
        steps = {"adjustmentType": "ChangeInCapacity", "stepAdjustments": [_step(1)]}
        busy = {"namespace": "Permitted", "metricName": "Busy", "statistic": "Average"}
        scaling = {
            "minCapacity": 1,
            "maxCapacity": 4,
            "policies": [
                {
                    "policyName": "busy",
                    "targetTrackingScalingPolicyConfiguration": {
                        "targetValue": 50, "customizedMetricSpecification": busy,
                    },
                },
                {"policyName": "slow", "alarms": [alarm], "stepScalingPolicyConfiguration": steps},
                {
                    "policyName": "work",
                    "backlogPolicyConfiguration": {"queueName": "permitted-work", "perTask": 1},
                },
                {"policyName": "mine", "functionPolicyConfiguration": {"functionName": self._function}},
                {"policyName": "mine too", "functionPolicyConfiguration": {"functionName": f"{self._function}:live"}},
            ],
            "scheduledActions": [
                {
                    "scheduledActionName": "morning",
                    "schedule": schedule,
                    "scalableTargetAction": {"maxCapacity": 3},
                }
            ],
        }  # fmt: skip
        self._install.ask("apply", manifest=self._install.manifest(SERVICE, definition, 1, scaling=scaling))

    def _native_service(self) -> None:
        network = {"awsvpcConfiguration": {"subnets": list(self._install.sandbox.subnets.values())}}
        self._install.ecs.create_service(
            cluster=CLUSTER, serviceName=NATIVE, taskDefinition=self._install.define(NATIVE), desiredCount=1,
            launchType="FARGATE", networkConfiguration=network,
        )  # fmt: skip
        two = {"policyName": "two", "expressionPolicyConfiguration": {"expression": "2"}}
        scaling = {"minCapacity": 1, "maxCapacity": 4, "policies": [two]}
        manifest = {"kind": "NativeService", "cluster": CLUSTER, "serviceName": NATIVE, "scaling": scaling}
        self._install.ask("apply", manifest=manifest)
        self._install.wait(lambda: self._native_count() == 2, "the native service is set to two", NATIVE)
        self._install.ask("scale", service=f"{CLUSTER}/{NATIVE}", desiredCount=3)

    def _native_count(self) -> int:
        found = self._install.ecs.describe_services(cluster=CLUSTER, services=[NATIVE])["services"]
        return int(found[0]["desiredCount"])

    def _timer(self) -> None:
        """The timer that is set, now: nobody waits for it."""
        (record,) = [one for one in self._install.records(SERVICE) if one["sk"] == "scaling"]
        message = {"schema": 1, "service": f"{CLUSTER}/{SERVICE}", "at": float(record["nextLook"]), "for": "scaling"}
        queue = self._install.sandbox.platform.deployment.outputs["TimerQueueUrl"]
        before = self._looked_at()
        self._sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(message))
        self._install.wait(lambda: self._looked_at() != before, "the timer has scaling looked at", SERVICE)

    def _look(self) -> None:
        """As a pass asks for one."""
        name = self._install.sandbox.platform.deployment.outputs["DecideScalingFunction"]
        asked = json.dumps({"schema": 1, "service": f"{CLUSTER}/{SERVICE}", "cause": "by hand"})
        self._install.sandbox.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=asked.encode())

    def _looked_at(self) -> Any:
        return self._record().get("looked_at")

    def _record(self) -> dict[str, Any]:
        records = (one for one in self._install.records(SERVICE) if one["sk"] == "scaling")
        return next((dict(one["scaling"]) for one in records), {})

    def _wait(self, what: str, holds: Any) -> None:
        self._install.wait(lambda: bool((record := self._record()) and holds(record)), what, SERVICE)


def _step(count: int) -> dict[str, Any]:
    return {"metricIntervalLowerBound": 0, "scalingAdjustment": count}
