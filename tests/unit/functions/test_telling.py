"""What a function tells: one structured line a decision, the pass with its stages, metrics as CloudWatch reads them."""

import json
import uuid
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from builders import SERVICE, a_service
from headcount.aws.eventbridge import EventBridgeAnnouncer
from headcount.aws.telling import PowertoolsTelling, count_metrics
from headcount.model.service import Decision
from headcount.ports import Measured

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
    _telling().measured(Measured(service=SERVICE, pass_number=7, event_at=None, received_at=1.0, began_at=1.0))
    line, metrics = _lines(capsys)
    assert "event_to_run_task" not in line["stages_ms"]
    assert "EventToRunTask" not in metrics


def test_counts_are_metrics_of_the_install(capsys: pytest.CaptureFixture[str]) -> None:
    count_metrics("main", {"MissedEvents": 3})
    (metrics,) = _lines(capsys)
    assert (metrics["MissedEvents"], metrics["install"]) == ([3.0], "main")
