"""The scenes in which stories begin, each made by the library's own code over the place's APIs.

``empty``                  an install in which nothing was declared
``declared``               prod/web was declared with 3 tasks; no pass has run
``launching``              a pass has recorded a launch of prod/web and ECS has 3 tasks that are PROVISIONING
``steady``                 prod/web has its 3 tasks, RUNNING with version 4; a pass has found it steady
``on instances``           the same, on a container instance
``in rotation``            ``steady``, with the three tasks registered and healthy in the target group of the events
``two services``           ``steady``, and prod/api declared as well
``deleting``               ``steady``, then asked to be deleted
``scaled in``              ``steady``, then asked for 2 tasks
``paused``                 ``steady``, then paused
``redeployed``             ``steady``, then asked for a new deployment
``cordoned``               ``steady``, then eu-west-1a was cordoned
``one task gone``          ``steady``, then one task ended, which is on record
``one task gone unseen``   ``steady``, then one task ended, of which no event came
``a stray task``           ``steady``, and a fourth task of the install that nobody wrote down
``instance gone unseen``   ``on instances``, then its instance was set to DRAINING, of which no event came
``instance draining``      the same, noticed, and another instance has room
``timer``                  ``steady``, with a timer set for the time that the timers of ``events/wake_services`` name
``timers``                 ``timer``, for prod/api as well
``throttled``              ``declared``, while ECS throttles RunTask
``no capacity``            ``declared``, while Fargate has no capacity
``balanced``               prod/web was declared behind a target group of its own and a rule of somebody's listener
``kept``                   ``balanced``, and all of it was created
``kept and changed``       ``kept``, then somebody changed the health check by hand
``kept and withdrawn``     ``kept``, then prod/web was declared without load balancing, which a pass has seen
``kept and deleted``       ``kept``, then prod/web was asked to be deleted; it has no tasks
``taken``                  ``balanced``, and a target group of its name is somebody else's
``elb throttles``          ``balanced``, while Elastic Load Balancing throttles
``scaling``                prod/web, steady, was declared with scaling; nobody has looked at it
``scaled``                 the same, just looked at
``scheduled``              the same, looked at more than a day ago: its daily scheduled action is due
``scaled and busy``        and its metric was far above the target in the last minutes
``scaled and paused``      and it was paused
``scaled and withdrawn``   and it was declared again without scaling
``scaled and deleted``     and it was deleted
``scaling timer``          and it wants to be looked at at the time of the timer
``cloudwatch throttles``   as ``scaling``, and CloudWatch answers nothing
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from headcount.model.target import GroupTargets, Registration, TargetHealth, TargetsSeen
from headcount.model.task import Notice
from headcount_sandbox.world.ecs.fleet import Registration as Arrival
from samlocal.place import SUBNETS, Place
from samlocal.steps import INSTALL, Steps

TASKS = ("8f2b6c1d4e9a4b7f9c0d1e2f3a4b5c6d", "c04d7be19a524f2e8d6b3a91f5e7c820", "1d3f5a7c9e2b4d6f8a0c1e3b5d7f9a2c")
STRAY = "5e6f7a8b9c0d4e1f2a3b4c5d6e7f8a9b"
INSTANCE = "5a9e02c7d4184f0f8b36e1720c9dfa64"
TARGET_GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/6d0ecf831eec9f09"
EC2_INSTANCE = "i-0b64c1f2de9a83751"
TIMER_AT = {"prod/web": 1772445690.0, "prod/api": 1772445691.5}
HOUR = 3600.0
SCALING = {
    "minCapacity": 2,
    "maxCapacity": 10,
    "policies": [
        {
            "policyName": "busy",
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 50,
                "customizedMetricSpecification": {"namespace": "Web", "metricName": "Busy", "statistic": "Average"},
            },
        },
        {
            "policyName": "slow",
            "alarms": ["web-is-slow"],
            "stepScalingPolicyConfiguration": {
                "adjustmentType": "ChangeInCapacity",
                "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}],
            },
        },
    ],
    "scheduledActions": [
        {
            "scheduledActionName": "morning",
            "schedule": "cron(0 8 * * ? *)",
            "timezone": "Europe/Berlin",
            "scalableTargetAction": {"minCapacity": 5},
        }
    ],
}


class Scenes:
    """Makes scenes in one place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.world = place.world
        self.steps = Steps(place)
        self.store = self.steps.store
        self.runtime = self.steps.runtime
        self.makers: Mapping[str, Callable[[], None]] = {
            "empty": lambda: None,
            "declared": self.declared,
            "launching": self.launching,
            "steady": self.steady,
            "on instances": self.on_instances,
            "in rotation": self.in_rotation,
            "two services": self.two_services,
            "deleting": lambda: self.then("delete"),
            "scaled in": lambda: self.then("scale", desiredCount=2),
            "paused": lambda: self.then("pause"),
            "redeployed": lambda: self.then("redeploy"),
            "cordoned": lambda: self.then("cordon"),
            "one task gone": self.one_task_gone,
            "one task gone unseen": self.one_task_gone_unseen,
            "a stray task": self.a_stray_task,
            "instance gone unseen": self.instance_gone_unseen,
            "instance draining": self.instance_draining,
            "timer": lambda: self.timer("prod/web"),
            "timers": lambda: self.timer("prod/web", "prod/api"),
            "throttled": self.throttled,
            "no capacity": self.no_capacity,
            "balanced": self.balanced,
            "kept": self.kept,
            "kept and changed": self.kept_and_changed,
            "kept and withdrawn": self.kept_and_withdrawn,
            "kept and deleted": self.kept_and_deleted,
            "taken": self.taken,
            "elb throttles": self.elb_throttles,
            "scaling": self.with_scaling,
            "scaled": self.scaled,
            "scheduled": lambda: self.scaled(25 * HOUR),
            "scaled and busy": self.scaled_and_busy,
            "scaled and paused": lambda: self.scaled_then("pause"),
            "scaled and withdrawn": lambda: self.scaled_then("apply", manifest=self.steps.manifest()),
            "scaled and deleted": lambda: self.scaled_then("delete"),
            "scaling timer": self.scaling_timer,
            "cloudwatch throttles": self.cloudwatch_throttles,
        }

    def set(self, name: str) -> None:
        """Clears the place and makes a scene; what it took to make it (messages, events) is gone."""
        self.place.clear()
        self.makers[name]()
        self.place.forget_messages()

    # --- scenes -----------------------------------------------------------------------------------------------------

    def declared(self) -> None:
        self.steps.ask("apply")

    def launching(self) -> None:
        self.steps.ask("apply")
        self.steps.a_pass()

    def steady(self, launch_type: str = "FARGATE", subnets: tuple[str, ...] = tuple(SUBNETS)) -> None:
        """The tasks of the events: found by an audit, adopted by a pass, and found steady by the next."""
        self.steps.ask("apply", manifest=self.steps.manifest(launch_type, subnets))
        for number, task_id in enumerate(TASKS):
            self.run_task(task_id, launch_type, subnets[number % len(subnets)])
        for sighting in self.runtime.describe("prod", TASKS):
            self.store.confirm("prod/web", sighting, time.time())
        self.steps.a_pass()
        (service,) = self.steps.ask("list")["services"]
        assert service["state"] == "STEADY", f"the scene is not steady: {service['stateReason']}"

    def on_instances(self) -> None:
        arn = self.world.register_container_instance(
            "prod", Arrival(availability_zone="eu-west-1a", ec2_instance_id=EC2_INSTANCE)
        )["containerInstanceArn"]
        self._rename_instance(arn.rpartition("/")[2])
        self.steady("EC2", tuple(SUBNETS)[:1])

    def in_rotation(self) -> None:
        self.steady()
        state = self.store.gather("prod/web", self.store.begin_pass("prod/web"))
        now = time.time()
        registrations = tuple(
            Registration(task=task_id, target=f"10.0.1.{number}", port=8080, at=now - HOUR, registered_at=now - HOUR)
            for number, task_id in enumerate(TASKS, 1)
        )
        healthy = tuple(
            TargetHealth(target=one.target, port=one.port, state="healthy", since=now - HOUR) for one in registrations
        )
        ledger = GroupTargets(group=TARGET_GROUP, registrations=registrations)
        self.store.finish(state, state.status, (), now, (ledger,))
        self.store.record_targets_seen("prod/web", TARGET_GROUP, TargetsSeen(seen_at=now - 60.0, targets=healthy))

    def two_services(self) -> None:
        self.steady()
        self.steps.ask("apply", manifest=self.steps.manifest() | {"serviceName": "api"})

    def then(self, request: str, **changed: Any) -> None:
        self.steady()
        self.steps.ask(request, **changed)
        self.store.begin_pass(
            "prod/web"
        )  # a kick of the same pass would be a duplicate of the one that is cleared away

    def one_task_gone(self) -> None:
        self.one_task_gone_unseen()
        for sighting in self.runtime.describe("prod", TASKS[:1]):
            self.store.record_sighting("prod/web", sighting)

    def one_task_gone_unseen(self) -> None:
        self.steady()
        with self.world._ecs.store.lock:
            task = self.world._ecs.store.by_id(TASKS[0])
            task.last_status = task.desired_status = "STOPPED"
            task.version += 2
            task.stop_code, task.stopped_reason = "EssentialContainerExited", "Essential container in task exited"
            task.times |= {"stoppingAt": time.time(), "stoppedAt": time.time()}
            task.containers[0].last_status, task.containers[0].exit_code = "STOPPED", 1

    def a_stray_task(self) -> None:
        self.steady()
        self.run_task(STRAY, "FARGATE", next(iter(SUBNETS)))

    def instance_gone_unseen(self) -> None:
        self.on_instances()
        with self.world._ecs.store.lock:
            self.world._ecs.fleet.named(INSTANCE).status = "DRAINING"

    def instance_draining(self) -> None:
        self.instance_gone_unseen()
        self.world.register_container_instance("prod", Arrival(availability_zone="eu-west-1a"))
        notice = Notice(kind="DRAINING", at=time.time(), reason="the container instance is draining")
        for task_id in TASKS:
            self.store.record_notice("prod/web", task_id, notice)

    def timer(self, *services: str) -> None:
        if "prod/api" in services:
            self.two_services()
        else:
            self.steady()
        for service in services:
            self.place.dynamodb.update_item(
                TableName=self.store.table,
                Key={"pk": {"S": service}, "sk": {"S": "status"}},
                UpdateExpression="SET nextWake = :at",
                ExpressionAttributeValues={":at": {"N": str(TIMER_AT[service])}},
            )

    def throttled(self) -> None:
        self.declared()
        self.world.faults.throttle("ecs", "RunTask")

    def no_capacity(self) -> None:
        self.declared()
        self.world.faults.refuse_capacity()

    def balanced(self) -> None:
        elb = self.world.client("elbv2")
        balancer = elb.create_load_balancer(Name="shared", Subnets=list(SUBNETS))["LoadBalancers"][0]["LoadBalancerArn"]
        listener = elb.create_listener(
            LoadBalancerArn=balancer,
            Port=80,
            Protocol="HTTP",
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )["Listeners"][0]["ListenerArn"]
        group = {"name": "web", "protocol": "HTTP", "port": 8080, "vpcId": self._vpc, "targetType": "ip"}
        rule = {"listenerArn": listener, "priority": 10, "conditions": [{"field": "path-pattern", "values": ["/*"]}]}
        entry = {"containerName": "web", "containerPort": 8080, "targetGroup": group, "rules": [rule]}
        self.steps.ask("apply", manifest=self.steps.manifest() | {"loadBalancers": [entry], "desiredCount": 0})

    def kept(self) -> None:
        self.balanced()
        self.steps.a_look()

    def kept_and_changed(self) -> None:
        self.kept()
        balancing = self.store.gather("prod/web", self.store.begin_pass("prod/web")).balancing
        assert balancing is not None
        group = balancing.groups[0].arn
        self.world.client("elbv2").modify_target_group(TargetGroupArn=group, HealthCheckPath="/by-hand")

    def kept_and_withdrawn(self) -> None:
        self.kept()
        self.steps.ask("apply", manifest=self.steps.manifest() | {"desiredCount": 0})
        self.steps.a_pass()

    def kept_and_deleted(self) -> None:
        self.kept()
        self.steps.ask("delete")
        self.steps.a_pass()

    def taken(self) -> None:
        self.balanced()
        group = {"Protocol": "HTTP", "Port": 80, "VpcId": self._vpc}
        self.world.client("elbv2").create_target_group(Name="web", **group)

    def elb_throttles(self) -> None:
        self.balanced()
        self.world.faults.throttle("elbv2", "DescribeTargetGroups")

    def with_scaling(self) -> None:
        self.steady()
        self.world.client("cloudwatch").put_metric_alarm(
            AlarmName="web-is-slow",
            Namespace="Web",
            MetricName="Latency",
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
        )
        self.steps.ask("apply", manifest=self.steps.manifest() | {"scaling": SCALING})

    def scaled(self, ago: float = 0.0) -> None:
        self.with_scaling()
        self.steps.a_scaling_look(time.time() - ago)
        self.steps.a_pass()

    def scaled_and_busy(self) -> None:
        self.scaled()
        self._measure("Busy", 90.0)
        self._measure("Latency", 3.0)
        self.world.client("cloudwatch").set_alarm_state(
            AlarmName="web-is-slow", StateValue="ALARM", StateReason="as the story says"
        )

    def scaled_then(self, request: str, **changed: Any) -> None:
        self.scaled_and_busy()
        self.steps.ask(request, **changed)
        self.steps.a_pass()

    def scaling_timer(self) -> None:
        self.scaled()
        self.place.dynamodb.update_item(
            TableName=self.store.table,
            Key={"pk": {"S": "prod/web"}, "sk": {"S": "scaling"}},
            UpdateExpression="SET nextLook = :at",
            ExpressionAttributeValues={":at": {"N": str(TIMER_AT["prod/web"])}},
        )

    def cloudwatch_throttles(self) -> None:
        self.with_scaling()
        self.world.faults.throttle("monitoring", "PutMetricAlarm")
        self.world.faults.throttle("monitoring", "GetMetricData")

    # --- what scenes are made of ------------------------------------------------------------------------------------

    def _measure(self, metric: str, value: float) -> None:
        """The same value in each of the last minutes."""
        now = datetime.now(UTC)
        data = [
            {"MetricName": metric, "Timestamp": now - timedelta(minutes=ago), "Value": value} for ago in range(1, 16)
        ]
        self.world.client("cloudwatch").put_metric_data(Namespace="Web", MetricData=data)

    @property
    def _vpc(self) -> str:
        subnets = self.world.client("ec2").describe_subnets(SubnetIds=list(SUBNETS))["Subnets"]
        return str(subnets[0]["VpcId"])

    def run_task(self, task_id: str, launch_type: str, subnet: str) -> None:
        """A task as Headcount launches them, an hour ago and RUNNING by now, under the id that the events name."""
        launched = self.world.client("ecs").run_task(
            cluster="prod",
            taskDefinition="web:12",
            launchType=launch_type,
            group="headcount:web",
            startedBy=f"hc/{INSTALL}/mfrggzdfmztwq2lknnwg",
            networkConfiguration=self.steps.manifest(launch_type, (subnet,))["networkConfiguration"],
            tags=[
                {"key": "headcount:service", "value": "prod/web"},
                {"key": "headcount:deployment", "value": "dep-1"},
                {"key": "headcount:install", "value": INSTALL},
            ],
        )
        assert launched["tasks"], launched["failures"]
        store, arn = self.world._ecs.store, launched["tasks"][0]["taskArn"]
        with store.lock:
            task = store._tasks.pop(arn.rpartition("/")[2])
            task.task_id, task.arn = task_id, f"{arn.rpartition('/')[0]}/{task_id}"
            task.last_status, task.version = "RUNNING", 4
            task.times |= {"createdAt": time.time() - HOUR, "startedAt": time.time() - HOUR + 30}
            store.add(task)

    def _rename_instance(self, instance_id: str) -> None:
        with self.world._ecs.store.lock:
            instance = self.world._ecs.fleet._instances.pop(instance_id)
            instance.instance_id, instance.arn = INSTANCE, self.world._ecs.fleet.arn_of("prod", INSTANCE)
            self.world._ecs.fleet._instances[INSTANCE] = instance
