"""The composition root: the only place that makes clients and hands out the clock and chance.

Each function calls one of these once, at its cold start; what it does not need is not imported.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from headcount.aws.clients import Later, client, lambda_for, leave_times_as_numbers
from headcount.settings import Settings, read_settings

CALLS_AT_ONCE = 8


def logger() -> Logger:
    """Structured logs on standard output; name and level come from Powertools' environment variables."""
    return Logger(log_uncaught_exceptions=False)


def observer() -> tuple[Any, Settings]:
    """``observe_tasks``: an ``Intake``. What announcements need is made when the first one comes: they are rare."""
    from headcount.aws.dynamodb_observe import ObserveTable
    from headcount.observing import Intake, Observer

    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL", "HEADCOUNT_CLUSTERS")
    store = ObserveTable(client("dynamodb"), settings.table, settings.install, time.time)
    observer = Observer(store=store, kicks=_kicks(settings))
    return Intake(observer=observer, announcements=cache(lambda: _announcements(store, settings))), settings


def _announcements(store: Any, settings: Settings) -> Any:
    from headcount.aws.ecs import EcsTaskRuntime
    from headcount.noticing import Announcements

    return Announcements(
        store=store,
        runtime=EcsTaskRuntime(client("ecs"), settings.install),
        kicks=_kicks(settings),
        clock=time.time,
        clusters=settings.clusters,
    )


def reconciler() -> tuple[Any, Settings]:
    """``reconcile_service``: a ``Reconciler``."""
    from headcount.aws.dynamodb_reconcile import ReconcileTable
    from headcount.aws.ecs import EcsTaskRuntime
    from headcount.aws.elbv2 import Elbv2TargetGroups
    from headcount.aws.eventbridge import EventBridgeAnnouncer
    from headcount.aws.invoking import InvokedLoadBalancerRequests, InvokedScalingRequests
    from headcount.aws.sqs import SqsTimers
    from headcount.aws.telling import PowertoolsTelling
    from headcount.control_loop import Reconciler

    settings = read_settings(
        "HEADCOUNT_TABLE",
        "HEADCOUNT_RECONCILE_QUEUE_URL",
        "HEADCOUNT_TIMER_QUEUE_URL",
        "HEADCOUNT_BALANCER_FUNCTION",
        "HEADCOUNT_SCALING_FUNCTION",
    )
    store = ReconcileTable(client("dynamodb"), settings.table, settings.install, time.time, settings.history_days)
    log = logger()
    announcer = EventBridgeAnnouncer(client("events"), settings.event_bus, _arn(settings, "ecs"), log)
    return (
        Reconciler(
            runtime=EcsTaskRuntime(client("ecs"), settings.install),
            target_groups=Elbv2TargetGroups(Later("elbv2")),
            load_balancers=InvokedLoadBalancerRequests(Later("lambda"), settings.balancer_function),
            scaling=InvokedScalingRequests(Later("lambda"), settings.scaling_function),
            store=store,
            kicks=_kicks(settings),
            timers=SqsTimers(client("sqs"), settings.timer_queue_url),
            telling=PowertoolsTelling(log, announcer, settings.install, settings.metrics_per_service),
            clock=time.time,
            jitter=random.random,
            spread=_in_threads(CALLS_AT_ONCE),
        ),
        settings,
    )


def auditor() -> tuple[Any, Settings]:
    """``audit_clusters``: an ``Auditor``, which remembers what it read as long as the process lives."""
    from headcount.auditing import Auditor
    from headcount.aws.dynamodb_audit import AuditTable
    from headcount.aws.ecs import EcsTaskRuntime
    from headcount.aws.elbv2 import Elbv2TargetGroups

    leave_times_as_numbers()
    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL", "HEADCOUNT_CLUSTERS")
    return (
        Auditor(
            runtime=EcsTaskRuntime(client("ecs"), settings.install),
            target_groups=Elbv2TargetGroups(Later("elbv2")),
            store=AuditTable(client("dynamodb"), settings.table, settings.install, time.time),
            kicks=_kicks(settings),
            clock=time.time,
        ),
        settings,
    )


def keeper() -> tuple[Any, Settings]:
    """``keep_load_balancers``: a ``LoadBalancerKeeper``. Clients are made when they are first needed."""
    from headcount.aws.dynamodb_balancing import BalancingTable
    from headcount.aws.elbv2_resources import ElbLoadBalancerResources
    from headcount.aws.look_log import PowertoolsLookLog
    from headcount.keeping_load_balancers import LoadBalancerKeeper

    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL")
    table = BalancingTable(client("dynamodb"), settings.table, settings.install, time.time, settings.history_days)
    return (
        LoadBalancerKeeper(
            resources=ElbLoadBalancerResources(client),
            store=table,
            kicks=_kicks(settings),
            log=PowertoolsLookLog(logger()),
            clock=time.time,
            install=settings.install,
            may_manage=settings.manage_load_balancers,
        ),
        settings,
    )


def waker() -> tuple[Any, Settings]:
    """``wake_services``: a ``Waker``."""
    from headcount.aws.dynamodb import ServiceTable
    from headcount.aws.invoking import InvokedScalingRequests
    from headcount.waking import Waker

    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL", "HEADCOUNT_SCALING_FUNCTION")
    store = ServiceTable(client("dynamodb"), settings.table, settings.install, time.time)
    scaling = InvokedScalingRequests(Later("lambda"), settings.scaling_function)
    return Waker(store=store, kicks=_kicks(settings), scaling=scaling), settings


def decider() -> tuple[Any, Settings]:
    """``decide_scaling``: a ``ScalingDecider``. Clients are made when they are first needed."""
    from headcount.aws.awslambda import LambdaUserFunctions
    from headcount.aws.backlog import SqsQueues
    from headcount.aws.cloudwatch import CloudWatchMetrics
    from headcount.aws.cloudwatch_alarms import CloudWatchAlarms
    from headcount.aws.dynamodb_scaling import ScalingTable
    from headcount.aws.native_services import EcsNativeServices
    from headcount.aws.scaling_log import PowertoolsScalingLog
    from headcount.aws.scheduler import EventBridgeSchedules, ScheduleTarget
    from headcount.aws.sqs import SqsScalingTimers
    from headcount.deciding_scaling import ScalingDecider

    settings = read_settings(
        "HEADCOUNT_TABLE",
        "HEADCOUNT_RECONCILE_QUEUE_URL",
        "HEADCOUNT_TIMER_QUEUE_URL",
        "HEADCOUNT_SCHEDULE_GROUP",
        "HEADCOUNT_SCHEDULE_ROLE_ARN",
        "HEADCOUNT_EVENT_DEAD_LETTERS_ARN",
        "AWS_LAMBDA_FUNCTION_NAME",
    )
    target = ScheduleTarget(
        group=settings.schedule_group,
        function=f"{_arn(settings, 'lambda')}:function:{settings.own_function}",
        role=settings.schedule_role,
        dead_letters=settings.event_dead_letters,
    )
    return (
        ScalingDecider(
            store=ScalingTable(client("dynamodb"), settings.table, settings.install, time.time, settings.history_days),
            metrics=CloudWatchMetrics(Later("cloudwatch")),
            alarms=CloudWatchAlarms(Later("cloudwatch")),
            schedules=EventBridgeSchedules(Later("scheduler"), target, time.time),
            functions=LambdaUserFunctions(lambda_for),
            queues=SqsQueues(client("sqs")),
            native=EcsNativeServices(Later("ecs"), Later("application-autoscaling")),
            kicks=_kicks(settings),
            timers=SqsScalingTimers(client("sqs"), settings.timer_queue_url),
            log=PowertoolsScalingLog(logger()),
            clock=time.time,
            spread=_in_threads(CALLS_AT_ONCE),
            install=settings.install,
        ),
        settings,
    )


def controller() -> tuple[Any, Settings]:
    """``control``: a ``Controller``."""
    from headcount.aws.dynamodb_control import ControlTable
    from headcount.aws.native_services import EcsNativeServices
    from headcount.aws.registry import AwsRegistry
    from headcount.aws.scaling_surroundings import AwsSurroundings
    from headcount.controlling import Controller

    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL", "HEADCOUNT_CLUSTERS")
    return (
        Controller(
            store=ControlTable(client("dynamodb"), settings.table, settings.install, time.time, settings.history_days),
            kicks=_kicks(settings),
            registry=AwsRegistry(
                client("ecs"), client("ec2"), Later("elbv2"), may_manage=settings.manage_load_balancers
            ),
            native=EcsNativeServices(client("ecs"), Later("application-autoscaling")),
            surroundings=AwsSurroundings(client("ecs"), Later("cloudwatch"), settings.scaling_functions),
            clock=time.time,
            new_id=lambda: uuid.uuid4().hex,
            clusters=settings.clusters,
        ),
        settings,
    )


def _kicks(settings: Settings) -> Any:
    from headcount.aws.sqs import SqsKicks

    return SqsKicks(client("sqs"), settings.reconcile_queue_url, time.time)


def _arn(settings: Settings, service: str) -> str:
    """``arn:aws:<service>:<region>:<account>``: the account is that of the queue's address, so that no call is made."""
    meta = client("sqs").meta
    account = settings.reconcile_queue_url.rstrip("/").split("/")[-2]
    return f"arn:{meta.partition}:{service}:{meta.region_name}:{account}"


def _in_threads(most: int) -> Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]:
    """``map`` with several calls at once. A single call stays on this thread, and threads start only when needed."""
    pool = ThreadPoolExecutor(max_workers=most)

    def spread(function: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[Any]:
        several = list(arguments)
        return map(function, several) if len(several) < 2 else pool.map(function, several)

    return spread
