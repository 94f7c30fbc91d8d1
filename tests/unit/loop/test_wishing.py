"""What operators wish of a service: recorded with who and why, and harmless when it is asked twice."""

import pytest

from headcount.model.service import OperatorWishes
from headcount.model.task import StopIntent
from headcount.model.values import replace

from .asking import MANIFEST

DAY = 86_400


def _wishes(asking):
    return asking.loop.state().operator


def _last(asking):
    """The newest entry of the history that somebody asked for."""
    events = asking.result("events", service="web", limit=1000)["events"]
    return next(event for event in events if event["kind"] == "control")


def _generation(asking):
    return asking.loop.state().declared.generation


@pytest.fixture
def tasks(steady):
    return sorted(steady.loop.ids())


# -- pause and resume -------------------------------------------------------------------------------------------------


def test_a_pause_keeps_the_count_and_says_who_and_why(steady):
    result = steady.result("pause", service="web", reason="night shift")
    assert (result["paused"]["mode"], result["paused"]["until"]) == ("stop", None)
    assert (result["paused"]["by"], result["paused"]["reason"]) == ("alice", "night shift")
    assert (result["desiredCount"], steady.loop.state().capacity.desired_count) == (3, 3)
    assert (_last(steady)["reason"], _last(steady)["by"]) == ("pause (stop): night shift", "alice")
    told = steady.result("describe", service="web")
    assert told["paused"] == result["paused"]


def test_a_pause_has_an_end_where_one_is_given(steady):
    steady.result("pause", service="web", mode="freeze", untilSeconds=DAY)
    pause = _wishes(steady).pause
    assert (pause.mode, pause.until) == ("freeze", pause.at + DAY)
    steady.loop.clock.advance(DAY)
    assert steady.result("describe", service="web")["paused"] is None
    assert steady.result("resume", service="web")["wasPaused"] is False


def test_a_pause_twice_is_one_pause(steady):
    first = steady.result("pause", service="web")["paused"]
    generation = _generation(steady)
    assert steady.result("pause", service="web")["paused"] == first
    assert _generation(steady) == generation
    assert steady.result("pause", service="web", mode="freeze")["paused"]["since"] > first["since"]


def test_a_wish_is_a_generation_of_its_own_and_kicks(steady):
    """Should the kick be lost, the audit sees that no pass has looked at it."""
    generation, sent = _generation(steady), len(steady.loop.kicks.sent)
    steady.result("pause", service="web")
    assert _generation(steady) == generation + 1
    assert [message.cause for message in steady.loop.kicks.sent[sent:]] == ["pause"]


def test_resume_says_what_count_returns(steady):
    steady.result("pause", service="web")
    steady.result("scale", service="web", desiredCount=5)
    result = steady.result("resume", service="web", reason="morning")
    assert (result["wasPaused"], result["desiredCount"], result["warnings"]) == (True, 5, [])
    assert _wishes(steady).pause is None
    assert _last(steady)["reason"] == "resume at 5: morning"
    assert steady.result("resume", service="web")["wasPaused"] is False


def test_resume_warns_of_the_count_that_returns_as_scale_did(steady):
    bounds = {"minCapacity": 1, "maxCapacity": 10, "policies": []}
    steady.result("apply", manifest=MANIFEST | {"scaling": bounds})
    steady.result("pause", service="web")
    assert steady.result("resume", service="web")["warnings"] == []
    steady.result("pause", service="web")
    (above, paused) = steady.result("scale", service="web", desiredCount=99)["warnings"]
    assert above.startswith("99 is above the maximum 10 of scaling")
    assert paused.startswith("the service is paused")
    steady.result("override", service="web", count=40, forSeconds=DAY)
    (overridden,) = steady.result("resume", service="web")["warnings"]
    assert overridden.startswith("an override keeps the count at 40")
    steady.result("override", service="web", forSeconds=0)
    assert steady.result("resume", service="web")["warnings"] == [above]


def test_resume_during_an_override_returns_to_that(steady):
    steady.result("override", service="web", count=9, forSeconds=DAY)
    assert "an override keeps the count at 9" in steady.result("pause", service="web")["warnings"][0]
    result = steady.result("resume", service="web")
    assert result["desiredCount"] == 9
    assert "an override keeps the count at 9 by alice until" in result["warnings"][0]


def test_scale_and_apply_say_that_a_service_is_paused(steady):
    steady.result("pause", service="web", reason="migration")
    said = "the service is paused by alice (migration): no task runs meanwhile"
    assert said in steady.result("scale", service="web", desiredCount=4)["warnings"]
    assert said in steady.apply()["warnings"]


# -- override ---------------------------------------------------------------------------------------------------------


def test_an_override_holds_beside_the_count_and_ends_by_itself(steady):
    result = steady.result("override", service="web", count=9, forSeconds=600, reason="campaign")
    assert (result["override"]["count"], result["desiredCount"]) == (9, 3)
    assert (result["override"]["by"], result["override"]["reason"]) == ("alice", "campaign")
    assert _last(steady)["reason"].startswith("override the count of 3 by 9 until 2")
    assert steady.loop.state().capacity.desired_count == 3
    steady.loop.clock.advance(600)
    assert steady.result("describe", service="web")["override"] is None


def test_an_override_is_ended_with_zero_seconds(steady):
    steady.result("override", service="web", count=9, forSeconds=600)
    assert steady.result("override", service="web", forSeconds=0)["override"] is None
    assert _wishes(steady).override is None
    generation = _generation(steady)
    steady.result("override", service="web", forSeconds=0)
    assert _generation(steady) == generation, "there was nothing to end"


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({}, ["forSeconds", "count"]),
        ({"count": 5001, "forSeconds": 59}, ["forSeconds", "count"]),
        ({"count": -1, "forSeconds": 60}, ["count"]),
        ({"count": True, "forSeconds": 31_536_001}, ["forSeconds", "count"]),
        ({"count": 3, "forSeconds": 60, "reason": "x" * 257, "service": "a b"}, ["reason", "service"]),
    ],
)
def test_every_problem_of_an_override_is_named_at_once(steady, fields, paths):
    error = steady.error("override", **{"service": "web"} | fields)
    assert error["type"] == "InvalidRequest"
    assert [problem["path"] for problem in error["problems"]] == paths
    assert all("allowed" in problem["message"] for problem in error["problems"])


# -- standby ----------------------------------------------------------------------------------------------------------


def test_a_task_is_set_aside_and_counted_again(steady, tasks):
    result = steady.result("standby", service="web", tasks=tasks[:2], reason="heap dump")
    assert [(one["taskId"], one["by"], one["reason"]) for one in result["standby"]] == [
        (task, "alice", "heap dump") for task in tasks[:2]
    ]
    told = steady.result("describe", service="web")
    assert {task["taskId"] for task in told["tasks"] if task["standby"]} == set(tasks[:2])
    assert told["standby"] == result["standby"]
    after = steady.result("standby", service="web", tasks=tasks[:1], end=True)
    assert [one["taskId"] for one in after["standby"]] == tasks[1:2]


def test_standby_twice_is_one_standby_since_the_first_time(steady, tasks):
    first = steady.result("standby", service="web", tasks=tasks[:1])
    generation = _generation(steady)
    assert steady.result("standby", service="web", tasks=tasks[:1]) == first
    assert _generation(steady) == generation
    steady.result("standby", service="web", tasks=tasks[:1], end=True)
    again = steady.result("standby", service="web", tasks=tasks[:1], end=True)
    assert (again["standby"], again["warnings"]) == ([], [f"{tasks[0]}: not on standby"])


@pytest.mark.parametrize("operation", ["standby", "stopTask", "protect"])
def test_what_is_stopping_gone_or_nobodys_is_refused(steady, tasks, operation):
    records = steady.loop.store.partition("prod/web").tasks
    dying, dead = records[tasks[0]], records[tasks[1]]
    dying.managed = replace(dying.managed, stop=StopIntent(at=1.0, reason="scale in"))
    dead.observed = replace(dead.observed, last_status="STOPPED", desired_status="STOPPED", stopped_reason="Spot")
    error = steady.error(operation, service="web", tasks=[*tasks, "nobody", {"a": 1}])
    assert [(problem["path"], problem["message"]) for problem in error["problems"]] == [
        ("tasks[0]", "it is stopping already: scale in"),
        ("tasks[1]", "it has stopped: Spot"),
        ("tasks[3]", "it is no task of this service"),
        ("tasks[4]", "it is no task of this service"),
    ]
    assert _wishes(steady) == OperatorWishes()


def test_who_is_to_be_stopped_is_not_set_aside(steady, tasks):
    steady.result("stopTask", service="web", tasks=tasks[:1])
    error = steady.error("standby", service="web", tasks=tasks[:1])
    assert error["problems"][0]["message"] == "somebody asked to stop it"


# -- stopTask ---------------------------------------------------------------------------------------------------------


def test_a_task_is_stopped_and_its_place_kept(steady, tasks):
    result = steady.result("stopTask", service="web", tasks=tasks[:1], reason="hangs")
    assert (result["stopping"], result["desiredCount"]) == (tasks[:1], 3)
    (wish,) = _wishes(steady).stops
    assert (wish.task, wish.by, wish.reason) == (tasks[0], "alice", "hangs")
    assert _last(steady)["reason"] == f"stop {tasks[0]}: hangs"
    assert _last(steady)["task"] == tasks[0]
    assert "eventName" not in _last(steady)


def test_the_count_falls_with_the_tasks_in_the_same_write(steady, tasks):
    generation = _generation(steady)
    result = steady.result("stopTask", service="web", tasks=tasks[:2], lowerCount=True)
    assert (result["stopping"], result["desiredCount"]) == (tasks[:2], 1)
    state = steady.loop.state()
    assert (state.capacity.desired_count, state.capacity.declared_count) == (1, 3)
    assert state.capacity.reason == "lowered from 3 to 1 with the tasks stopped by alice"
    assert [one.task for one in state.operator.stops] == tasks[:2]
    assert state.declared.generation == generation + 1
    assert _last(steady)["eventName"] == "SERVICE_DESIRED_COUNT_UPDATED"
    assert "the count falls from 3 to 1" in _last(steady)["reason"]


def test_the_count_does_not_fall_twice_for_a_task(steady, tasks):
    """The answer was lost, and the request is sent again."""
    steady.result("stopTask", service="web", tasks=tasks[:1], lowerCount=True)
    generation = _generation(steady)
    again = steady.result("stopTask", service="web", tasks=tasks[:1], lowerCount=True)
    assert (again["stopping"], again["desiredCount"], _generation(steady)) == (tasks[:1], 2, generation)
    assert "asked to stop before" in again["warnings"][0]
    both = steady.result("stopTask", service="web", tasks=[*tasks[:2], tasks[1]], lowerCount=True)
    assert both["desiredCount"] == 1


def test_a_repeat_after_the_task_is_gone_lowers_nothing(steady, tasks):
    steady.result("stopTask", service="web", tasks=tasks[:1], lowerCount=True)
    task = steady.loop.store.partition("prod/web").tasks[tasks[0]]
    task.observed = replace(task.observed, last_status="STOPPED", desired_status="STOPPED")
    assert steady.result("stopTask", service="web", tasks=tasks[:1], lowerCount=True)["desiredCount"] == 2
    steady.result("pause", service="web")  # the next write drops the wish that is over
    assert _wishes(steady).stops == ()
    error = steady.error("stopTask", service="web", tasks=tasks[:1], lowerCount=True)
    assert (error["type"], error["problems"][0]["path"]) == ("InvalidRequest", "tasks[0]")
    assert steady.loop.state().capacity.desired_count == 2


def test_the_count_never_falls_below_zero(steady, tasks):
    steady.result("scale", service="web", desiredCount=1)
    assert steady.result("stopTask", service="web", tasks=tasks, lowerCount=True)["desiredCount"] == 0


def test_a_task_on_standby_counts_for_nothing_when_it_is_stopped(steady, tasks):
    steady.result("standby", service="web", tasks=tasks[:1])
    result = steady.result("stopTask", service="web", tasks=tasks[:2], lowerCount=True)
    assert result["desiredCount"] == 2
    assert f"{tasks[0]} was on standby: the count does not fall for it" in result["warnings"]
    assert _wishes(steady).standbys == ()


def test_stopping_a_protected_task_says_so(steady, tasks):
    steady.result("protect", service="web", tasks=tasks[:1])
    said = steady.result("stopTask", service="web", tasks=tasks[:1])["warnings"]
    assert said[0].startswith(f"{tasks[0]} was protected until ")


def test_stopping_a_task_of_a_frozen_service_says_that_nothing_takes_its_place(steady, tasks):
    steady.result("pause", service="web", mode="freeze")
    said = steady.result("stopTask", service="web", tasks=tasks[:1])["warnings"]
    assert said == ["the service is frozen: nothing takes the place of what is stopped until it is resumed"]


# -- wishes that are over ---------------------------------------------------------------------------------------------


def test_what_is_over_leaves_the_record_at_the_next_write_of_anything(steady, tasks):
    steady.result("protect", service="web", tasks=tasks[:1], expiresInMinutes=1)
    steady.result("standby", service="web", tasks=tasks[1:2])
    steady.result("stopTask", service="web", tasks=tasks[2:])
    steady.result("pause", service="web", untilSeconds=30)
    steady.result("override", service="web", count=4, forSeconds=60)
    steady.loop.clock.advance(DAY)
    for task_id in tasks[1:]:
        steady.loop.store.partition("prod/web").tasks.pop(task_id)
    steady.result("scale", service="web", desiredCount=2)
    assert _wishes(steady) == OperatorWishes()


def test_what_holds_stays_on_the_record(steady, tasks):
    steady.result("protect", service="web", tasks=tasks[:1])
    steady.result("standby", service="web", tasks=tasks[1:2])
    steady.result("pause", service="web")
    before = _wishes(steady)
    steady.apply(desiredCount=7)
    assert _wishes(steady) == before


def test_wishes_that_no_record_holds_are_refused(steady, tasks):
    steady.result("scale", service="web", desiredCount=400)
    steady.loop.settle(60)
    error = steady.error("standby", service="web", tasks=sorted(steady.loop.ids()), reason="\U0001f9ea" * 256)
    assert (error["type"], error["problems"][0]["path"]) == ("InvalidRequest", "reason")


# -- races, and services that are none --------------------------------------------------------------------------------

EVERY_WISH = [
    ("pause", {}),
    ("resume", {}),
    ("override", {"count": 4, "forSeconds": 60}),
    ("standby", {"tasks": ["x"]}),
    ("stopTask", {"tasks": ["x"]}),
    ("redeploy", {}),
    ("rollback", {}),
]


@pytest.mark.parametrize(("operation", "fields"), EVERY_WISH, ids=[name for name, _ in EVERY_WISH])
def test_a_service_that_is_deleted_or_nobodys_takes_no_wishes(steady, operation, fields):
    assert steady.error(operation, service="nobody", **fields)["type"] == "ServiceNotFound"
    assert steady.error(operation, service="other/web", **fields)["problems"][0]["path"] == "service"
    assert steady.error(operation, service=["web"], **fields)["problems"][0]["path"] == "service"
    steady.result("delete", service="web")
    assert steady.error(operation, service="web", **fields)["type"] == "ServiceDeleting"


@pytest.mark.parametrize(
    ("operation", "fields"),
    [("pause", {}), ("override", {"count": 4, "forSeconds": 60}), ("redeploy", {}), ("stopTask", {"lowerCount": True})],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_of_two_writers_the_second_is_told_to_try_again(steady, tasks, operation, fields):
    if operation == "stopTask":
        fields = fields | {"tasks": tasks[:1]}
    steady.race(lambda: steady.apply(desiredCount=9))
    assert steady.error(operation, service="web", **fields)["type"] == "Conflict"
    state = steady.loop.state()
    assert (state.capacity.desired_count, state.operator) == (9, OperatorWishes())
    assert steady.ask(operation, service="web", **fields)["ok"], "trying again is all it takes"


@pytest.mark.parametrize(
    ("field", "value"),
    [("reason", 7), ("reason", "x" * 257), ("by", ["alice"]), ("mode", "sleep"), ("untilSeconds", 0), ("mode", {})],
    ids=str,
)
def test_a_wrong_field_is_named_with_what_is_allowed(steady, field, value):
    error = steady.error("pause", service="web", **{field: value})
    assert (error["type"], error["problems"][0]["path"]) == ("InvalidRequest", field)
    assert "allowed" in error["problems"][0]["message"]
    assert _wishes(steady) == OperatorWishes()


def test_a_reason_is_one_line(steady):
    steady.result("pause", service="web", reason="  night\nshift\t\ud800 ")
    assert _wishes(steady).pause.reason == "night shift ?"


def test_null_counts_as_not_given(steady):
    assert steady.result("pause", service="web", mode=None, untilSeconds=None, reason=None)["paused"]["mode"] == "stop"
    assert steady.result("apply", manifest=MANIFEST, dryRun=None)["created"] is False
