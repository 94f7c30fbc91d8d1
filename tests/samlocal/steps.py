"""What functions do, done for prod/web by the library's own code over the place's APIs."""

import json
import time
from typing import Any

from aws_lambda_powertools import Logger

from headcount.aws.awslambda import LambdaUserFunctions
from headcount.aws.backlog import SqsQueues
from headcount.aws.cloudwatch import CloudWatchMetrics
from headcount.aws.cloudwatch_alarms import CloudWatchAlarms
from headcount.aws.dynamodb_audit import AuditTable
from headcount.aws.dynamodb_balancing import BalancingTable
from headcount.aws.dynamodb_control import ControlTable
from headcount.aws.dynamodb_reconcile import ReconcileTable
from headcount.aws.dynamodb_scaling import ScalingTable
from headcount.aws.ecs import EcsTaskRuntime
from headcount.aws.elbv2 import Elbv2TargetGroups
from headcount.aws.elbv2_resources import ElbLoadBalancerResources
from headcount.aws.eventbridge import EventBridgeAnnouncer
from headcount.aws.invoking import InvokedLoadBalancerRequests, InvokedScalingRequests
from headcount.aws.look_log import PowertoolsLookLog
from headcount.aws.native_services import EcsNativeServices
from headcount.aws.registry import AwsRegistry
from headcount.aws.scaling_log import PowertoolsScalingLog
from headcount.aws.scaling_surroundings import AwsSurroundings
from headcount.aws.scheduler import EventBridgeSchedules, ScheduleTarget
from headcount.aws.sqs import SqsKicks, SqsScalingTimers, SqsTimers
from headcount.aws.telling import PowertoolsTelling
from headcount.control_loop import Reconciler
from headcount.controlling import Controller
from headcount.deciding_scaling import ScalingDecider
from headcount.keeping_load_balancers import LoadBalancerKeeper
from headcount.messages import LookRequest, Request, ScalingRequest
from samlocal.place import CLUSTERS, SUBNETS, Place
from samlocal.story import EVENTS, Json

INSTALL = "main"


class Table(ReconcileTable, AuditTable, ControlTable):
    """The table with the rights of every function at once."""


class Steps:
    """Functions of one install, carried out in a place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.world = place.world
        table = place.deployment.tables[0].name
        self.store = Table(place.dynamodb, table, INSTALL, time.time)
        self.runtime = EcsTaskRuntime(self.world.client("ecs"), INSTALL)
        settings = place.function("reconcile_service").environment
        self.kicks = SqsKicks(self.world.client("sqs"), settings["HEADCOUNT_RECONCILE_QUEUE_URL"], time.time)
        self.timers = SqsTimers(self.world.client("sqs"), settings["HEADCOUNT_TIMER_QUEUE_URL"])
        self.load_balancers = InvokedLoadBalancerRequests(
            self.world.client("lambda"), settings["HEADCOUNT_BALANCER_FUNCTION"]
        )
        self.scaling = InvokedScalingRequests(self.world.client("lambda"), settings["HEADCOUNT_SCALING_FUNCTION"])

    def ask(self, request: str, **changed: Any) -> Json:
        """A request of ``events/control``, answered."""
        controller = Controller(
            store=self.store,
            kicks=self.kicks,
            registry=AwsRegistry(*(self.world.client(name) for name in ("ecs", "ec2", "elbv2"))),
            native=EcsNativeServices(*(self.world.client(name) for name in ("ecs", "application-autoscaling"))),
            surroundings=AwsSurroundings(self.world.client("ecs"), self.world.client("cloudwatch"), ()),
            clock=time.time,
            new_id=lambda: "0" * 32,
            clusters=CLUSTERS,
        )
        answer = controller.answer(self.request(request) | changed)
        assert answer["ok"], answer
        result: Json = answer["result"]
        return result

    def a_pass(self) -> None:
        """What ``reconcile_service`` does with a kick of prod/web."""
        log = Logger(service="scene", level="CRITICAL")
        announcer = EventBridgeAnnouncer(
            self.world.client("events"), "default", f"arn:aws:ecs:{self.world.region}:{self.world.account}", log
        )
        Reconciler(
            runtime=self.runtime,
            target_groups=Elbv2TargetGroups(self.world.client("elbv2")),
            load_balancers=self.load_balancers,
            scaling=self.scaling,
            store=self.store,
            kicks=self.kicks,
            timers=self.timers,
            telling=PowertoolsTelling(log, announcer, INSTALL, metrics_per_service=False),
            clock=time.time,
            jitter=lambda: 0.5,
            spread=map,
        ).reconcile(Request(service="prod/web"), lambda: 20.0)

    def a_look(self) -> None:
        """What ``keep_load_balancers`` does with a request for prod/web."""
        LoadBalancerKeeper(
            resources=ElbLoadBalancerResources(self.world.client),
            store=BalancingTable(self.place.dynamodb, self.store.table, INSTALL, time.time),
            kicks=self.kicks,
            log=PowertoolsLookLog(Logger(service="scene", level="CRITICAL")),
            clock=time.time,
            install=INSTALL,
            may_manage=False,
        ).keep(LookRequest(service="prod/web"), lambda: 60.0)
        # a kick of the same pass would be a duplicate of the one that is cleared away
        self.store.begin_pass("prod/web")

    def a_scaling_look(self, now: float) -> None:
        """What ``decide_scaling`` does with a request for prod/web at such a time."""
        client, settings = self.world.client, self.place.function("decide_scaling").environment
        target = ScheduleTarget(
            group=settings["HEADCOUNT_SCHEDULE_GROUP"],
            function=self.place.function("decide_scaling").arn,
            role=settings["HEADCOUNT_SCHEDULE_ROLE_ARN"],
            dead_letters=settings["HEADCOUNT_EVENT_DEAD_LETTERS_ARN"],
        )
        ScalingDecider(
            store=ScalingTable(self.place.dynamodb, self.store.table, INSTALL, lambda: now),
            metrics=CloudWatchMetrics(client("cloudwatch")),
            alarms=CloudWatchAlarms(client("cloudwatch")),
            schedules=EventBridgeSchedules(client("scheduler"), target, time.time),
            functions=LambdaUserFunctions(lambda _: client("lambda")),
            queues=SqsQueues(client("sqs")),
            native=EcsNativeServices(client("ecs"), client("application-autoscaling")),
            kicks=self.kicks,
            timers=SqsScalingTimers(client("sqs"), settings["HEADCOUNT_TIMER_QUEUE_URL"]),
            log=PowertoolsScalingLog(Logger(service="scene", level="CRITICAL")),
            clock=lambda: now,
            spread=map,
            install=INSTALL,
        ).decide(ScalingRequest(service="prod/web", cause="the scene"), lambda: 60.0)

    def manifest(self, launch_type: str = "FARGATE", subnets: tuple[str, ...] = tuple(SUBNETS)) -> Json:
        manifest: Json = self.request("apply")["manifest"]
        manifest["networkConfiguration"]["awsvpcConfiguration"]["subnets"] = list(subnets)
        return manifest | {"launchType": launch_type}

    def request(self, name: str) -> Json:
        request: Json = json.loads((EVENTS / "control" / f"{name}.json").read_text(encoding="utf-8"))
        return request
