"""Telling people: structured logs and EMF metrics by Powertools, events by EventBridge."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from headcount.aws.eventbridge import EventBridgeAnnouncer
from headcount.model.service import Decision, ServiceState
from headcount.ports import Measured

_LEVELS = {"INFO": "info", "WARN": "warning", "ERROR": "error"}


class PowertoolsTelling:
    """The ``Telling`` of a function. Metrics are per install; per service (a dimension) only on request."""

    def __init__(
        self, logger: Logger, announcer: EventBridgeAnnouncer, install: str, metrics_per_service: bool
    ) -> None:
        self.logger = logger
        self.announcer = announcer
        self.install = install
        self.metrics_per_service = metrics_per_service

    def decided(self, state: ServiceState, decisions: Sequence[Decision]) -> None:
        """One log line a decision: what, why, for whom, in which pass."""
        for decision in decisions:
            parts = {"task": decision.task, "launch": decision.launch, "deployment": decision.deployment}
            getattr(self.logger, _LEVELS[decision.level])(
                decision.reason,
                decision=decision.kind,
                service_key=state.service,
                pass_number=state.pass_number,
                **{name: value for name, value in parts.items() if value is not None},
            )

    def publish(self, service: str, decisions: Sequence[Decision], now: float) -> None:
        """Decisions with an event name become events."""
        self.announcer.publish(service, decisions, now)

    def measured(self, measured: Measured) -> None:
        """The pass as one log line with its stages, and as metrics."""
        stages = _stages(measured)
        self.logger.info(
            "pass",
            service_key=measured.service,
            pass_number=measured.pass_number,
            stages_ms=stages,
            tasks=measured.tasks,
            launches=measured.launches,
            tasks_started=measured.tasks_started,
            tasks_stopped=measured.tasks_stopped,
            **measured.extra,
        )
        metrics = AmazonCloudWatchEMFProvider(namespace="Headcount")
        metrics.add_dimension(name="install", value=self.install)
        if self.metrics_per_service:
            metrics.add_dimension(name="serviceKey", value=measured.service)
        if measured.ended_at is not None:
            metrics.add_metric("PassDuration", MetricUnit.Milliseconds, (measured.ended_at - measured.began_at) * 1000)
        if "event_to_run_task" in stages:
            metrics.add_metric("EventToRunTask", MetricUnit.Milliseconds, stages["event_to_run_task"])
        metrics.add_metric("Launches", MetricUnit.Count, measured.launches)
        metrics.add_metric("TasksStarted", MetricUnit.Count, measured.tasks_started)
        metrics.add_metric("TasksStopped", MetricUnit.Count, measured.tasks_stopped)
        metrics.add_metric("Failures", MetricUnit.Count, measured.failures)
        metrics.flush_metrics()


def count_metrics(install: str, counts: Mapping[str, float]) -> None:
    """Plain counts of a function as metrics of the install."""
    metrics = AmazonCloudWatchEMFProvider(namespace="Headcount")
    metrics.add_dimension(name="install", value=install)
    for name, value in counts.items():
        metrics.add_metric(name, MetricUnit.Count, value)
    metrics.flush_metrics()


def _stages(measured: Measured) -> dict[str, float]:
    """Milliseconds between the points of a pass, and the whole way from the event to ``RunTask``."""
    points: list[tuple[str, float | None]] = [
        ("event", measured.event_at),
        ("kick", measured.received_at),
        ("begin", measured.began_at),
        ("gather", measured.gathered_at),
        ("plan", measured.planned_at),
        ("commit", measured.committed_at),
        ("run_task", measured.launched_at),
        ("end", measured.ended_at),
    ]
    known = [(name, at) for name, at in points if at is not None]
    stages: dict[str, Any] = {name: round((at - before) * 1000, 3) for (_, before), (name, at) in pairwise(known)}
    if measured.event_at is not None and measured.launched_at is not None:
        stages["event_to_run_task"] = round((measured.launched_at - measured.event_at) * 1000, 3)
    return stages
