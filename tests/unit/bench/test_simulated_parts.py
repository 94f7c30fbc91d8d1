"""The parts that are measured in simulation: what they promise is stated, and the pictures are written."""

from pathlib import Path

import pytest
from bench import bill, pictures, recovery, rotation
from bench.__main__ import PARTS


@pytest.mark.parametrize("name", ["recovery", "rotation", "bill", "growth", "pictures"])
def test_the_part_is_run_by_make_bench(name: str) -> None:
    assert name in PARTS


def test_recovery_is_held_against_the_bound_and_the_least() -> None:
    findings = recovery.measure(quick=True)
    goals = [one for one in findings.measurements if one.goal is not None]
    assert [one.goal for one in goals] == [1.1, 1.1]
    assert all(one.value >= 1.0 for one in goals), "nobody beats the bound"


def test_calls_of_elb_are_held_against_the_least_that_its_limits_allow() -> None:
    findings = rotation.measure(quick=True)
    goals = [one.goal for one in findings.measurements if "least" in one.what]
    assert goals == [1.2, 1.2]
    assert all(one.value >= 1.0 for one in findings.measurements), "nobody beats the bound or the least"


def test_the_bill_of_a_thousand_quiet_services_is_held_against_ten_dollars() -> None:
    assert (bill._GOAL_SERVICES, bill._TASKS, bill._GOAL_DOLLARS) == (1000, 20, 10.0)
    quiet, items = bill._bill(10)
    assert quiet.ledger.invocations["audit"] > 0
    assert sum(item.dollars for item in items) > 0.0


def test_two_pictures_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "OUT", tmp_path)
    findings = pictures.measure(quick=True)
    assert {path.name for path in tmp_path.glob("*.png")} == {"recovery-zone-loss.png", "recovery-api-errors.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.glob("*.png"))
    assert all(0.0 < one.value < 600.0 for one in findings.measurements)
