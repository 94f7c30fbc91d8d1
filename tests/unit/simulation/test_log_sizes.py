"""The log lines that the simulation counts are as long as those that are really written."""

import io
import uuid
from types import SimpleNamespace

import pytest
from aws_lambda_powertools import Logger

from headcount.aws.telling import PowertoolsTelling
from headcount.model.service import Decision
from headcount.ports.reconciling import Measured
from headcount_simulation.accounting import DECISION_LOG_BYTES, INVOCATION_LOG_BYTES

EVENT_BYTES = 26  # CloudWatch's own, for each event
NAME = "headcount-ReconcileService-AbCdEfGhIjKl"
CONTEXT = SimpleNamespace(
    function_name=NAME,
    memory_limit_in_mb=512,
    invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}",
    aws_request_id="8f5c2b1e-1111-2222-3333-444455556666",
)
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1"


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    for name, value in {
        "POWERTOOLS_SERVICE_NAME": "reconcile_service",
        "POWERTOOLS_METRICS_NAMESPACE": "Headcount",
        "_X_AMZN_TRACE_ID": TRACE,
        "AWS_LAMBDA_FUNCTION_NAME": NAME,
    }.items():
        monkeypatch.setenv(name, value)
    return io.StringIO()


def _written(stream: io.StringIO, capsys: pytest.CaptureFixture[str], tell: object) -> int:
    """Bytes of what is told inside an invocation, on the log and on standard output, where the metrics go."""
    logger = Logger(service=f"sizes-{uuid.uuid4().hex[:11]}", stream=stream)  # a name has one logger in a process

    @logger.inject_lambda_context
    def handle(event: object, context: object) -> None:
        tell(logger)

    handle({}, CONTEXT)
    lines = [line for line in (stream.getvalue() + capsys.readouterr().out).splitlines() if line]
    return sum(len(line) + 1 + EVENT_BYTES for line in lines)


def _close(measured: int, counted: int) -> bool:
    return abs(measured - counted) <= 0.25 * measured


def test_a_pass(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    measured = Measured(
        service="prod/web",
        pass_number=1_790_000_000_123,
        event_at=1.0,
        received_at=1.1,
        began_at=1.2,
        gathered_at=1.3,
        planned_at=1.4,
        ended_at=1.9,
        tasks=20,
        extra={"state": "STEADY", "reason": "20 of 20 tasks run"},
    )
    told = _written(
        stream, capsys, lambda logger: PowertoolsTelling(logger, SimpleNamespace(), "main", False).measured(measured)
    )
    assert _close(told, INVOCATION_LOG_BYTES["reconcile"])


def test_a_decision(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    state = SimpleNamespace(service="prod/web", pass_number=1_790_000_000_123)
    decision = Decision(
        kind="launch", reason="start 3 tasks in zone-a: 17 of 20 there", launch="a" * 20, deployment="dep-1"
    )
    told = _written(
        stream,
        capsys,
        lambda logger: PowertoolsTelling(logger, SimpleNamespace(), "main", False).decided(state, [decision]),
    )
    assert _close(told, DECISION_LOG_BYTES)


@pytest.mark.parametrize(
    ("function", "message", "keys"),
    [
        ("observe", "observed", {"task": "0" * 32, "service_key": "prod/web", "outcome": "kicked"}),
        (
            "audit",
            "audited",
            {
                "services": 1000,
                "tasks": 20_000,
                "missed": 0,
                "vanished": 0,
                "orphans": 0,
                "kicked": 0,
                "out_of_time": False,
                "troubles": [],
            },
        ),
    ],
)
def test_an_event_and_an_audit(
    function: str,
    message: str,
    keys: dict[str, object],
    stream: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = _written(stream, capsys, lambda logger: logger.info(message, **keys))
    assert _close(told, INVOCATION_LOG_BYTES[function])
