"""Policies of the user's own: expressions, backlogs, functions."""

from typing import Any

import pytest

from headcount.model.metrics import MetricSeries
from headcount.model.scaling import ScalableTarget
from headcount.model.scaling_state import VISIBLE, Present, Reading
from headcount.scaling.function import question
from unit.scaling.policies import (
    NOW,
    a_backlog,
    a_function,
    a_queue,
    a_scaling,
    a_series,
    an_expression,
    decided,
    named,
)

# -- expression -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "count"),
    [
        ("math.ceil(backlog / 100.0)", 3),
        ("backlog / 100.0", 3),  # a fraction is rounded up
        ("running * 2", 20),
        ("desired - 1", 9),
        ("running > 5 && backlog > 100.0 ? running + 5 : running", 15),
        ("minimum + maximum", 100),
        ("-5", 0),
        ("1000000 * 1000000", 100),
        ("0.1 * 3.0 / 0.1", 3),  # floats add no task
    ],
)
def test_an_expression_gives_the_count(formula: str, count: int) -> None:
    assert decided(a_scaling(an_expression(formula)), named(backlog=250.0), 10).count == count


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("desired / (running - 10)", "desired / (running - 10) has no value: division by zero"),
        ("backlog / 0.0", "backlog / 0.0 has no value: it is inf"),
        ("0.0 / 0.0", "0.0 / 0.0 has no value: it is nan"),
        ("running * 9223372036854775807", "running * 9223372036854775807 has no value: a whole number is out of range"),
        ("age + 1.0", "age + 1.0 has no value: age has no recent data"),
        ("1 +", "the formula a number, a name or '(' is expected, not the end (character 4)"),
    ],
)
def test_an_expression_without_a_value_holds(formula: str, reason: str) -> None:
    decision = decided(a_scaling(an_expression(formula)), named(backlog=250.0, age=None), 10)
    assert (decision.count, decision.asked[0].outcome, decision.asked[0].reason) == (10, "hold", reason)


def test_an_expression_tells_what_it_stood_on() -> None:
    decision = decided(a_scaling(an_expression("backlog / 10.0 + double(running)")), named(backlog=55.0, other=1.0), 10)
    assert decision.reason == "backlog / 10.0 + double(running) = 16 with backlog 55, running 10"


def test_a_metric_may_be_a_few_periods_late_and_no_more() -> None:
    policy = an_expression("backlog / 10.0")
    for gaps, count in ((0, 5), (4, 5), (5, 10)):
        reading = Reading(series={"backlog": a_series(50.0, *[None] * gaps)})
        assert decided(a_scaling(policy), reading, 10).count == count


# -- backlog ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "visible", "in_flight", "count"),
    [
        (1, 95, 5, 10),
        (1, 96, 5, 11),
        (10, 0, 0, 0),
        (10, 1, 0, 1),
        # from zero
        (0, 0, 0, 0),
        (0, 1, 0, 1),
        (0, 25, 0, 3),
        # what is in hand keeps its tasks: ten messages in flight are ten tasks' work
        (10, 0, 10, 10),
        (10, 0, 7, 7),
        (10, 30, 7, 7),
        (10, 90, 7, 10),
        (5, 0, 10, 5),
    ],
)
def test_as_many_tasks_as_there_is_work_for(desired: int, visible: float, in_flight: float, count: int) -> None:
    assert decided(a_scaling(a_backlog()), a_queue(visible, in_flight), desired).count == count


@pytest.mark.parametrize(("waiting", "desired", "count"), [(4, 0, 0), (5, 0, 1), (4, 1, 1), (0, 1, 0)])
def test_so_much_must_wait_before_the_first_task(waiting: float, desired: int, count: int) -> None:
    assert decided(a_scaling(a_backlog(activation=5)), a_queue(waiting), desired).count == count


def test_tasks_that_work_on_several_at_once() -> None:
    assert decided(a_scaling(a_backlog(at_once=4)), a_queue(0, 10), 10).count == 3


def test_any_metric_can_be_a_backlog() -> None:
    reading = Reading(series={VISIBLE: MetricSeries(points=((NOW - 60, 120.0),))})
    decision = decided(a_scaling(a_backlog(per_task=30.0)), reading, 1)
    assert (decision.count, decision.reason) == (4, "(120 visible + 0 in flight) / 30 a task: 4")


@pytest.mark.parametrize("reading", [a_queue(None, 5), a_queue(5, None), Reading(), Reading(failed="AccessDenied")])
def test_a_queue_that_cannot_be_read_holds(reading: Reading) -> None:
    decision = decided(a_scaling(a_backlog()), reading, 10)
    assert (decision.count, decision.asked[0].outcome) == (10, "hold")


def test_its_scale_in_can_be_disabled() -> None:
    decision = decided(a_scaling(a_backlog(disable_scale_in=True)), a_queue(0), 10)
    assert (decision.count, decision.asked[0].limited) == (10, ("its scale-in is disabled",))


# -- function ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "count", "reason"),
    [
        ({"desiredCount": 12, "reason": "lunch"}, 12, "lunch"),
        ({"desiredCount": 12.0}, 12, "it gave no reason"),
        ({"desiredCount": 0, "reason": "night", "more": [1]}, 0, "night"),
        ({"desiredCount": 1000000, "reason": "x" * 600}, 100, "x" * 500),
    ],
)
def test_an_answer_is_the_count(answer: Any, count: int, reason: str) -> None:
    decision = decided(a_scaling(a_function()), Reading(answer=answer), 10)
    assert (decision.count, decision.reason) == (count, reason)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "12",
        {},
        {"desiredCount": "12"},
        {"desiredCount": -1},
        {"desiredCount": 1.5},
        {"desiredCount": True},
        {"desiredCount": None},
        {"desiredCount": 1000001},
        {"desiredCount": float("nan")},
        {"desiredCount": float("inf")},
        {"desiredCount": 12, "reason": 7},
        {"errorMessage": "boom"},
    ],
)
def test_nonsense_holds(answer: Any) -> None:
    decision = decided(a_scaling(a_function()), Reading(answer=answer), 10)
    assert (decision.count, decision.asked[0].outcome) == (10, "hold")
    assert "must be" in decision.asked[0].reason


def test_a_function_that_failed_holds_with_the_reason() -> None:
    decision = decided(a_scaling(a_function()), Reading(failed="it did not answer within 5 s"), 10)
    assert (decision.count, decision.reason) == (10, "mine: it did not answer within 5 s")


def test_what_a_function_is_asked() -> None:
    target, present = ScalableTarget(minimum=2, maximum=40), Present(desired=4, running=3, deploying=True)
    assert question(a_function(), "prod/web", target, present, named(backlog=120.0), NOW) == {
        "version": 1,
        "service": "prod/web",
        "policy": "mine",
        "now": "2026-09-21T14:14:00.000Z",
        "counts": {"desired": 4, "running": 3},
        "bounds": {"minimum": 2, "maximum": 40},
        "deploying": True,
        "metrics": {"backlog": [["2026-09-21T14:13:00.000Z", 120.0]]},
    }
