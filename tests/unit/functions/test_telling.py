"""What a function tells: one structured line a decision, the pass with its stages, metrics as CloudWatch reads them."""

import json
import uuid
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from builders import SERVICE, a_service
from headcount.aws.eventbridge import EventBridgeAnnouncer
from headcount.aws.metrics import count_metrics
from headcount.aws.scaling_log import PowertoolsScalingLog
from headcount.aws.telling import PowertoolsTelling
from headcount.model.scaling_state import Ask, ScalingDecision, ScalingState
from headcount.model.service import Decision
from headcount.ports.reconciling import Measured
from headcount.ports.scaling import ScalingLooked

PASS = Measured(
    service=SERVICE,
    pass_number=7,
    event_at=100.0,
    received_at=100.01,
    began_at=100.02,
    gathered_at=100.03,
    planned_at=100.031,
    committed_at=100.04,
    launched_at=100.05,
    ended_at=100.1,
    launches=1,
    tasks_started=2,
)


class _NoBus:
    def put_events(self, **_: Any) -> dict[str, Any]:
        return {"FailedEntryCount": 0}


def _telling(metrics_per_service: bool = False) -> PowertoolsTelling:
    announcer = EventBridgeAnnouncer(
        _NoBus(), "default", "arn:aws:ecs:eu-west-1:123456789012", Logger(service="test-announcing")
    )
    return PowertoolsTelling(Logger(service=f"telling-{uuid.uuid4().hex}"), announcer, "main", metrics_per_service)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_decision_is_one_line_with_service_pass_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    decisions = [
        Decision(kind="launch", reason="start 1 task", launch="abc", deployment="dep-1"),
        Decision(kind="hold", reason="round 2", level="WARN"),
    ]
    _telling().decided(a_service(), decisions)
    first, second = _lines(capsys)
    assert (first["level"], first["message"], first["decision"]) == ("INFO", "start 1 task", "launch")
    assert (first["service_key"], first["launch"], first["deployment"]) == (SERVICE, "abc", "dep-1")
    assert second["level"] == "WARNING"
    assert "task" not in second


def test_a_pass_is_told_with_its_stages_and_as_metrics_of_the_install(capsys: pytest.CaptureFixture[str]) -> None:
    _telling().measured(PASS)
    line, metrics = _lines(capsys)
    assert line["stages_ms"]["event_to_run_task"] == pytest.approx(50.0)
    assert line["stages_ms"]["gather"] == pytest.approx(10.0)
    assert metrics["EventToRunTask"] == [pytest.approx(50.0)]
    assert metrics["TasksStarted"] == [2.0]
    assert metrics["install"] == "main"
    assert "serviceKey" not in metrics


def test_metrics_have_the_service_only_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    _telling(metrics_per_service=True).measured(PASS)
    metrics = _lines(capsys)[1]
    assert metrics["serviceKey"] == SERVICE
    (dimensions,) = metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert {"install", "serviceKey"} <= set(dimensions)


def test_a_pass_that_launched_nothing_has_no_way_to_run_task(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Measured(service=SERVICE, pass_number=7, event_at=None, received_at=1.0, began_at=1.0, ended_at=1.5)
    _telling().measured(quiet)
    line, metrics = _lines(capsys)
    assert "event_to_run_task" not in line["stages_ms"]
    assert "EventToRunTask" not in metrics


def test_a_count_of_zero_is_not_sent_because_every_metric_costs_by_the_hour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    quiet = Measured(service=SERVICE, pass_number=7, event_at=None, received_at=1.0, began_at=1.0, ended_at=1.5)
    _telling().measured(quiet)
    count_metrics("main", {"AuditTroubles": 3, "MissedEvents": 0})
    count_metrics("main", {"OrphanTasks": 0})
    _, of_the_pass, of_the_audit = _lines(capsys)
    sent = {
        metric["Name"]
        for one in (of_the_pass, of_the_audit)
        for metric in one["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }
    assert sent == {"PassDuration", "AuditTroubles"}


def test_counts_are_metrics_of_the_install(capsys: pytest.CaptureFixture[str]) -> None:
    count_metrics("main", {"MissedEvents": 3})
    (metrics,) = _lines(capsys)
    assert (metrics["MissedEvents"], metrics["install"]) == ([3.0], "main")


def _looked(capsys: pytest.CaptureFixture[str], **changes: Any) -> dict[str, Any]:
    log = PowertoolsScalingLog(Logger(service=f"scaling-{uuid.uuid4().hex}"))
    log.looked(ScalingLooked(service=SERVICE, cause="alarm high is ALARM", **changes))
    (line,) = _lines(capsys)
    return line


def test_a_look_at_scaling_is_one_line_by_which_its_decision_can_be_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    busy = Ask(policy="cpu", outcome="out", reason="90 of 50", count=4, value=90.0, measured_at=60.0)
    calm = Ask(policy="memory", outcome="keep", reason="40 of 50", limited=("its maximum is 3",))
    decision = ScalingDecision(
        before=2, count=3, reason="cpu: 90 of 50", policy="cpu", asked=(busy, calm), limited=("maximum 3",),
        state=ScalingState(), next_look_at=120.0,
    )  # fmt: skip
    line = _looked(capsys, decisions=(decision,), kept=("created alarm high",), next_look_at=90.0, kicked=True)
    assert (line["level"], line["service_key"], line["cause"]) == ("INFO", SERVICE, "alarm high is ALARM")
    (told,) = line["decisions"]
    assert (told["before"], told["count"], told["reason"], told["limited"]) == (2, 3, "cpu: 90 of 50", ["maximum 3"])
    assert told["asked"] == [
        {"policy": "cpu", "outcome": "out", "count": 4, "reason": "90 of 50", "value": 90.0,
         "measured_at": "1970-01-01T00:01:00.000Z"},
        {"policy": "memory", "outcome": "keep", "reason": "40 of 50", "limited": ["its maximum is 3"]},
    ]  # fmt: skip
    assert (line["kept"], line["kicked"]) == (["created alarm high"], True)


def test_a_look_that_something_stands_against_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    line = _looked(capsys, held="it is paused", problems=("alarm high: AWS refuses",))
    assert (line["level"], line["held"], line["problems"]) == ("WARNING", "it is paused", ["alarm high: AWS refuses"])
