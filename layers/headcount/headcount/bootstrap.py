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

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from headcount.settings import Settings, read_settings

CALLS_AT_ONCE = 8


def logger() -> Logger:
    """Structured logs on standard output; name and level come from Powertools' environment variables."""
    return Logger(log_uncaught_exceptions=False)


def observer() -> tuple[Any, Settings]:
    """``observe_tasks``: an ``Observer``."""
    from headcount.aws.dynamodb import ServiceTable
    from headcount.observing import Observer

    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL")
    store = ServiceTable(_client("dynamodb"), settings.table, settings.install, time.time)
    return Observer(store=store, kicks=_kicks(settings)), settings


def reconciler() -> tuple[Any, Settings]:
    """``reconcile_service``: a ``Reconciler``."""
    from headcount.aws.dynamodb_reconcile import ReconcileTable
    from headcount.aws.ecs import EcsTaskRuntime
    from headcount.aws.eventbridge import EventBridgeAnnouncer
    from headcount.aws.sqs import SqsTimers
    from headcount.aws.telling import PowertoolsTelling
    from headcount.control_loop import Reconciler

    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL", "HEADCOUNT_TIMER_QUEUE_URL")
    store = ReconcileTable(_client("dynamodb"), settings.table, settings.install, time.time, settings.history_days)
    log = logger()
    announcer = EventBridgeAnnouncer(_client("events"), settings.event_bus, _ecs_arn(settings), log)
    return (
        Reconciler(
            runtime=EcsTaskRuntime(_client("ecs"), settings.install),
            store=store,
            kicks=_kicks(settings),
            timers=SqsTimers(_client("sqs"), settings.timer_queue_url),
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

    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL", "HEADCOUNT_CLUSTERS")
    return (
        Auditor(
            runtime=EcsTaskRuntime(_client("ecs"), settings.install),
            store=AuditTable(_client("dynamodb"), settings.table, settings.install, time.time),
            kicks=_kicks(settings),
            clock=time.time,
        ),
        settings,
    )


def waker() -> tuple[Any, Settings]:
    """``wake_services``: a ``Waker``."""
    from headcount.aws.dynamodb import ServiceTable
    from headcount.waking import Waker

    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL")
    store = ServiceTable(_client("dynamodb"), settings.table, settings.install, time.time)
    return Waker(store=store, kicks=_kicks(settings)), settings


def controller() -> tuple[Any, Settings]:
    """``control``: a ``Controller``."""
    from headcount.aws.dynamodb_control import ControlTable
    from headcount.aws.registry import AwsRegistry
    from headcount.controlling import Controller

    settings = read_settings("HEADCOUNT_TABLE", "HEADCOUNT_RECONCILE_QUEUE_URL", "HEADCOUNT_CLUSTERS")
    return (
        Controller(
            store=ControlTable(_client("dynamodb"), settings.table, settings.install, time.time, settings.history_days),
            kicks=_kicks(settings),
            registry=AwsRegistry(_client("ecs"), _client("ec2")),
            clock=time.time,
            new_id=lambda: uuid.uuid4().hex,
            clusters=settings.clusters,
        ),
        settings,
    )


@cache
def _client(service: str) -> Any:
    """A client that gives up early: a pass has seconds, and a later pass tries again.

    ECS is asked once: Headcount's own tokens and recorded stops make a later pass the better retry.
    """
    patience = (
        Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1})
        if service == "ecs"
        else Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
    )
    return boto3.client(service, config=patience)  # type: ignore[call-overload]  # a name per call, checked by the tests


def _kicks(settings: Settings) -> Any:
    from headcount.aws.sqs import SqsKicks

    return SqsKicks(_client("sqs"), settings.reconcile_queue_url, time.time)


def _ecs_arn(settings: Settings) -> str:
    """``arn:aws:ecs:<region>:<account>``, read off the queue's address instead of asking STS at every cold start."""
    meta = _client("ecs").meta
    account = settings.reconcile_queue_url.rstrip("/").split("/")[-2]
    return f"arn:{meta.partition}:ecs:{meta.region_name}:{account}"


def _in_threads(most: int) -> Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]:
    """``map`` with several calls at once. A single call stays on this thread, and threads start only when needed."""
    pool = ThreadPoolExecutor(max_workers=most)

    def spread(function: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[Any]:
        several = list(arguments)
        return map(function, several) if len(several) < 2 else pool.map(function, several)

    return spread
