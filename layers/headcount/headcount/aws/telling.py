"""Telling people what passes decide: structured logs and EMF metrics by Powertools, events by EventBridge."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from headcount.aws.decision_log import log_decisions
from headcount.aws.eventbridge import EventBridgeAnnouncer
from headcount.aws.metrics import metrics_of, send_counts
from headcount.model.service import Decision, ServiceState
from headcount.ports.reconciling import Measured


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
        log_decisions(self.logger, state.service, decisions, pass_number=state.pass_number)

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
        metrics = metrics_of(self.install)
        if self.metrics_per_service:
            metrics.add_dimension(name="serviceKey", value=measured.service)
        if measured.ended_at is not None:
            metrics.add_metric("PassDuration", MetricUnit.Milliseconds, (measured.ended_at - measured.began_at) * 1000)
        if "event_to_run_task" in stages:
            metrics.add_metric("EventToRunTask", MetricUnit.Milliseconds, stages["event_to_run_task"])
        counts = {
            "Launches": measured.launches,
            "TasksStarted": measured.tasks_started,
            "TasksStopped": measured.tasks_stopped,
            "Failures": measured.failures,
        }
        send_counts(metrics, counts)


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
