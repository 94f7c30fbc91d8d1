"""The stages of a replacement are put together from three records that know nothing of each other."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bench.stages import STAGES, Replacement, timelines

from headcount_sandbox.world.calls import Call

EVENT_AT = 1_790_000_000.0


def a_call(function: str, operation: str, at: float, duration: float) -> Call:
    return Call(
        at=EVENT_AT + at,
        access_key=None,
        function=f"headcount-{function}",
        service="dynamodb",
        operation=operation,
        outcome="ok",
        status=200,
        duration=duration,
    )


def a_replacement(run_task_at: float = 0.060) -> Replacement:
    return Replacement(
        killed_at=EVENT_AT - 0.001,
        event_at=EVENT_AT,
        run_task_at=EVENT_AT + run_task_at,
        calls=(
            a_call("ObserveTasks", "UpdateItem", 0.004, 0.003),
            a_call("ObserveTasks", "GetItem", 0.008, 0.001),
            a_call("ReconcileService", "Query", 0.030, 0.005),
        ),
        whole_at=EVENT_AT + 0.3,
    )


def a_pass(logged_at: float = 0.070, event_to_run_task: float = 58.0) -> dict[str, Any]:
    stages = {"kick": 12.0, "begin": 8.0, "gather": 20.0, "plan": 1.0, "commit": 15.0, "run_task": 2.0}
    at = datetime.fromtimestamp(EVENT_AT + logged_at, UTC)
    return {
        "timestamp": at.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3] + "+0000",
        "stages_ms": {**stages, "event_to_run_task": event_to_run_task},
    }


def test_stages_add_up_to_the_whole_and_moto_has_its_share() -> None:
    (timeline,) = timelines([a_replacement()], [a_pass()])
    stages = dict(zip((name for name, _ in STAGES), timeline.stages, strict=True))
    moto = dict(zip((name for name, _ in STAGES), timeline.moto, strict=True))
    assert sum(timeline.stages) == pytest.approx(0.061, abs=1e-5)
    assert stages["-> observe_tasks invoked, first call"] == pytest.approx(0.004, abs=1e-5)
    assert stages["-> recorded, kick sent"] == pytest.approx(0.008, abs=1e-5)
    assert stages["-> gathered"] == pytest.approx(0.020, abs=1e-5)
    assert moto["-> recorded, kick sent"] == pytest.approx(0.004, abs=1e-5)
    assert moto["-> gathered"] == pytest.approx(0.005, abs=1e-5)


def test_a_pass_logged_before_run_task_is_another_ones() -> None:
    (timeline,) = timelines([a_replacement()], [a_pass(logged_at=0.010), a_pass()])
    assert sum(timeline.stages) == pytest.approx(0.061, abs=1e-5)
    assert timelines([a_replacement()], [a_pass(logged_at=0.010)]) == []


def test_a_pass_that_another_event_woke_has_no_stages() -> None:
    assert timelines([a_replacement()], [a_pass(event_to_run_task=900.0)]) == []
