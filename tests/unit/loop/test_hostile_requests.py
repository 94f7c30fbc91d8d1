"""Requests that fuzzing found: whatever is asked, the answer can be sent, and a record stays small enough to write."""

import json
import math

import pytest

from headcount.desk import MOST_OF_A_KIND
from headcount.handlers import asked

LARGEST_ANSWER = 6 * 1024 * 1024  # AWS Lambda quotas: synchronous invocation payload


def _sent(answer):
    """As Lambda's own runtime client sends it: text must be encodable, numbers must be JSON's."""
    text = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    assert len(text) < LARGEST_ANSWER
    return answer


@pytest.mark.parametrize(
    "request_",
    [
        {"version": "v" * 5_000_000},
        {"version": "\ud800"},
        {"version": 1, "operation": "x" * 5_000_000},
        {"version": 1, "operation": "scale", "service": "web", "desiredCount": math.nan},
        {"version": 1, "operation": "list", "\ud800": "\udfff"},
        {"version": 1, "operation": "list", **{f"field{number}": 1 for number in range(100_000)}},
        {"version": 1, "operation": "list", "cluster": ["\ud800"]},
        {"version": 1, "operation": "protect", "service": "web", "tasks": ["nonsense"] * 100_000},
        {"version": 1, "operation": "stopTask", "service": "web", "tasks": [["\ud800"]] * 100_000, "lowerCount": True},
        {"version": 1, "operation": "standby", "service": "web", "tasks": [{}], "end": True},
        {"version": 1, "operation": "pause", "service": "web", "untilSeconds": math.inf, "reason": "r" * 5_000_000},
        {"version": 1, "operation": "override", "service": "web", "count": math.nan, "forSeconds": 10**400},
        {"version": 1, "operation": "cordon", "cluster": "prod", "zone": "aa-b-1" + "-c" * 1_000_000},
        {"version": 1, "operation": "redeploy", "service": "web", "by": {"\ud800": 1}},
        {"version": 1, "operation": "apply", "manifest": {}, "dryRun": [math.inf]},
    ],
    ids=lambda request: str(request)[:60].encode("ascii", "replace").decode(),
)
def test_a_refusal_can_be_sent_whatever_was_asked(steady, request_):
    assert not _sent(steady.controller.answer(request_))["ok"]


def test_a_refusal_tells_how_a_long_value_begins(steady):
    error = steady.error("scale", service="web", desiredCount="9" * 1000)
    assert error["problems"][0]["value"].startswith("999")
    assert len(error["problems"][0]["value"]) < 200


def test_a_name_that_nothing_can_encode_is_written_down_legibly(steady):
    steady.loop.clock.advance(1)
    request = {"version": 1, "operation": "scale", "service": "web", "desiredCount": 5, "by": "ali\ud800ce"}
    assert _sent(steady.controller.answer(request))["ok"]
    assert "ali?ce" in steady.loop.state().capacity.reason


def test_protecting_a_task_again_and_again_protects_it_once(steady):
    task = min(steady.loop.ids())
    result = steady.result("protect", service="web", tasks=[task] * 1000)
    assert [one["taskId"] for one in result["protected"]] == [task]


def test_no_more_tasks_are_protected_than_one_record_holds(steady):
    steady.result("scale", service="web", desiredCount=MOST_OF_A_KIND + 1)
    steady.loop.settle(60)
    tasks = sorted(steady.loop.ids())
    assert steady.error("protect", service="web", tasks=tasks)["problems"][0]["path"] == "tasks"
    assert len(steady.result("protect", service="web", tasks=tasks[:-1])["protected"]) == MOST_OF_A_KIND
    assert steady.error("protect", service="web", tasks=tasks[-1:])["type"] == "InvalidRequest"


@pytest.mark.parametrize("request_", [None, [], "list", 7, {"operation": "x" * 1000, "by": {"a": 1}}], ids=str)
def test_who_asked_fits_a_log_line_whatever_was_sent(request_):
    said = asked(request_)
    assert said.keys() == {"operation", "by"}
    assert all(len(value) <= 128 for value in said.values())
